"""What is installed is this repository, and the locks say exactly what stands around it."""

import importlib
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("run", "dev")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = {"run": PROJECT["dependencies"]}
WANTED["dev"] = WANTED["run"] + PROJECT["optional-dependencies"]["dev"]


def pins(lock: Path) -> dict[str, tuple[str, list[str]]]:
    """Name -> (version, hashes) of every requirement in a lock file; any other line is an error."""
    text = re.sub(r"\\\n", " ", lock.read_text())
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"([a-z0-9._-]+)==(\S+)((?: +--hash=sha256:[0-9a-f]{64})*) *", line)
        assert match, f"{lock.name}: not a pinned requirement: {line[:80]!r}"
        found[canonicalize_name(match[1])] = (match[2], match[3].split())
    return found


@pytest.mark.parametrize("package", ["schemas", "streams", "agents"])
def test_the_package_that_is_imported_is_the_repos_own(package: str) -> None:
    # Another distribution ships a top-level `agents` too; beside it, whoever comes first on the path wins.
    assert Path(importlib.import_module(package).__file__ or "").parent == ROOT / package


@pytest.mark.parametrize("package", ["schemas", "streams", "agents"])
def test_no_installed_distribution_ships_a_package_of_our_name(package: str) -> None:
    others = set(metadata.packages_distributions().get(package, [])) - {"floorwalker"}
    assert not others, f"{others} ship a top-level {package!r}: give floorwalker an environment of its own"


def test_the_command_is_installed_and_names_the_cli() -> None:
    (command,) = metadata.entry_points(group="console_scripts", name="floorwalker")
    assert command.value == "agents.cli:main"


def test_no_registry_takes_the_package() -> None:
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    lines = LOCKS[name].read_text().splitlines()
    assert [line for line in lines if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("name", LOCKS)
def test_everything_locked_carries_hashes(name: str) -> None:
    locked = pins(LOCKS[name])
    assert len(locked) > 40
    assert [package for package, (_, hashes) in locked.items() if not hashes] == []


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_pyproject_asks_for(name: str) -> None:
    locked = pins(LOCKS[name])
    stale = []
    for wanted in map(Requirement, WANTED[name]):
        version, _ = locked.get(canonicalize_name(wanted.name), ("", []))
        if not version or not wanted.specifier.contains(version):
            stale.append(f"{wanted} (locked: {version or 'not at all'})")
    assert not stale, "run make lock"


def test_development_runs_on_the_versions_that_production_gets() -> None:
    assert pins(LOCKS["run"]).items() <= pins(LOCKS["dev"]).items()


def test_make_lists_every_target_with_a_line() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (\S+)$", makefile, re.MULTILINE))
    assert {"help", "setup", "up", "demo", "test", "typecheck", "lint", "bench", "clean"} <= targets
    # No target named: help is the default.
    shown = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", shown, re.MULTILINE))
    assert set(listed) == targets
