"""Settings of the board: what is wrong with them is said where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.check import check


def said(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "floorwalker.toml"
    file.write_text(text)
    return [f"{problem.line}: {problem.key}: {problem.message}" for problem in check(file)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[board]\nopen = "Mon-Fri 8-18"\n', "2: board.open: 'Mon-Fri 8-18': 'Mon' is no day"),
        (
            '[queues.a]\nopen = "Mo 08:00-08:00"\n',
            "2: queues.a.open: 'Mo 08:00-08:00': 'Mo 08:00-08",
        ),
        ('[[tiles]]\nmetric = "oldest_wating"\n', "did you mean 'oldest_waiting'?"),
        ('[[tiles]]\nmetric = "service_level.connect"\n', "it needs @X behind it"),
        (
            '[[tiles]]\nmetric = "service_level.connect@30"\n',
            "nothing is measured at 30 s: add it",
        ),
        ('[[tiles]]\nmetric = "contacts_answered"\nwindow = "now"\n', "contacts_answered is of a window"),
        ('[[tiles]]\nmetric = "mean_patience"\nwindow = "day"\n', "mean_patience is not measured over a day"),
        ('[[tiles]]\nmetric = "agents_by_state.away"\nchannel = "phone"\n', "is not known by channel"),
        ('[[tiles]]\nmetric = "contacts_left_in_ivr"\nqueue = "a"\n', "is not of a queue"),
        ('[[tiles]]\nmetric = "oldest_waiting"\n' * 2, "oldest_waiting of the floor is there twice"),
        ('[[keys]]\nname = "a"\nrole = "admin"\nsha256 = "' + "0" * 64 + '"\n', "3: keys[0].role: 'admin'"),
    ],
)
def test_a_board_that_cannot_be_shown_is_refused_with_its_reason(tmp_path: Path, text: str, says: str) -> None:
    problems = said(tmp_path, text)
    assert len(problems) == 1
    assert says in problems[0]


def test_a_page_has_twelve_tiles_at_most(tmp_path: Path) -> None:
    tiles = [f'[[tiles]]\nmetric = "oldest_waiting"\nqueue = "q{number}"\n' for number in range(13)]
    assert said(tmp_path, "".join(tiles[:12])) == []
    assert "page 1 has more than 12 tiles" in said(tmp_path, "".join(tiles))[0]


def test_a_tile_at_a_threshold_that_is_measured_is_right(tmp_path: Path) -> None:
    text = '[metrics]\nthresholds = [7.5, 30]\n[[tiles]]\nmetric = "service_level.connect@7.5"\n'
    assert said(tmp_path, text) == []
