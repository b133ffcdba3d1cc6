"""The installation's secret namespace of customer ids: made once, kept beside the data, readable by its owner alone."""

import os
from pathlib import Path
from uuid import UUID, uuid4

from streams.problems import Problem, SettingsError

NAME = "customer-namespace"


def kept_namespace(folder: Path) -> UUID:
    """The namespace kept in `folder`, made (mode 0600) if there is none yet; processes that race get the same.

    Raises SettingsError where the file is not a UUID: another in its place would rename every customer.
    """
    file = folder / NAME
    if not file.exists():
        _make(file)
    try:
        return UUID(file.read_text(encoding="ascii").strip())
    except ValueError:
        message = "holds no UUID; put back the one that was there, or remove it to have every customer named anew"
        raise SettingsError([Problem(None, str(file), message)]) from None


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{NAME}.{uuid4().hex}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f"{uuid4()}\n")
            out.flush()
            os.fsync(out.fileno())
        # A link appears whole and never replaces: who comes second finds the first one's.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
