"""The wallboard's colours: readable on their grounds, and apart for everybody's sight.

Contrast is WCAG 2.2's; distance is CIEDE2000 (Sharma, Wu, Dalal 2005) after the full-severity simulation of
colour-blind sight of Machado, Oliveira, Fernandes 2009.
"""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "streams" / "outlets" / "gateway" / "static" / "tokens.css"

Triple = tuple[float, float, float]

SIGHTS: dict[str, tuple[Triple, Triple, Triple]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
STATUSES = ("good", "warn", "bad")


def palettes() -> dict[str, dict[str, str]]:
    """The tokens of both themes."""
    dark, light = re.findall(r"\{([^}]*)\}", TOKENS.read_text())
    found = {"dark": dict(re.findall(r"--(\w+):\s*(#\w{6})", dark))}
    return {**found, "light": found["dark"] | dict(re.findall(r"--(\w+):\s*(#\w{6})", light))}


def linear(colour: str) -> Triple:
    """#RRGGBB in linear light, 0..1."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """WCAG's ratio, 1 to 21."""
    lights = sorted(
        sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear(c), strict=True)) for c in (one, other)
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def times(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def lab(colour: Triple) -> Triple:
    """CIE L*a*b* (D65) of linear sRGB."""
    x, y, z = times(
        ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)),
        colour,
    )
    fx, fy, fz = (
        value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116
        for value in (x / 0.95047, y, z / 1.08883)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def ciede2000(one: Triple, other: Triple) -> float:
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c7 = ((math.hypot(a1, b1) + math.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - math.sqrt(mean_c7 / (mean_c7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    ml, mc = (l1 + l2) / 2, (c1 + c2) / 2
    mh = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * math.cos(math.radians(mh - 30))
        + 0.24 * math.cos(math.radians(2 * mh))
        + 0.32 * math.cos(math.radians(3 * mh + 6))
        - 0.20 * math.cos(math.radians(4 * mh - 63))
    )
    sl = 1 + 0.015 * (ml - 50) ** 2 / math.sqrt(20 + (ml - 50) ** 2)
    sc, sh = 1 + 0.045 * mc, 1 + 0.015 * mc * t
    rt = -2 * math.sqrt(mc**7 / (mc**7 + 25**7)) * math.sin(math.radians(60 * math.exp(-(((mh - 275) / 25) ** 2))))
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh)


def seen(colour: str, sight: str) -> Triple:
    """As somebody with this sight has it."""
    red, green, blue = (min(1.0, max(0.0, part)) for part in times(SIGHTS[sight], linear(colour)))
    return lab((red, green, blue))


def closest(colours: list[str]) -> float:
    """The smallest distance between any two, over every sight."""
    return min(
        ciede2000(seen(one, sight), seen(other, sight))
        for sight in SIGHTS
        for one, other in itertools.combinations(colours, 2)
    )


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ],
)
def test_the_distance_is_that_of_the_published_pairs(one: Triple, other: Triple, distance: float) -> None:
    assert ciede2000(one, other) == pytest.approx(distance, abs=0.0001)


def test_the_usual_green_and_red_would_not_pass() -> None:
    assert closest(["#73BF69", "#F2495C"]) == pytest.approx(6.8, abs=0.1)


FLOORS = [
    ("dark", "text", 17.6, 15.7),
    ("dark", "muted", 10.4, 9.3),
    ("dark", "stale", 10.4, 9.3),
    ("dark", "good", 5.4, 4.8),
    ("dark", "warn", 13.6, 12.1),
    ("dark", "bad", 5.5, 4.9),
    ("light", "text", 17.9, 16.5),
    ("light", "muted", 7.6, 7.0),
    ("light", "stale", 4.9, 4.5),
    ("light", "good", 11.8, 10.9),
    ("light", "warn", 5.3, 4.9),
    ("light", "bad", 11.0, 10.1),
]


@pytest.mark.parametrize(("theme", "token", "on_ground", "on_tile"), FLOORS)
def test_text_and_shapes_are_readable_on_both_grounds(theme: str, token: str, on_ground: float, on_tile: float) -> None:
    palette = palettes()[theme]
    # The floors are rounded to a tenth.
    assert contrast(palette[token], palette["bg"]) >= on_ground - 0.05
    assert contrast(palette[token], palette["tile"]) >= on_tile - 0.05
    assert contrast(palette[token], palette["tile"]) >= 4.45


@pytest.mark.parametrize(("theme", "floor"), [("dark", 5.5), ("light", 11.0)])
def test_what_stands_on_a_filled_tile_is_readable(theme: str, floor: float) -> None:
    palette = palettes()[theme]

    assert contrast(palette["ink"], palette["bad"]) >= floor - 0.05


@pytest.mark.parametrize(("theme", "floor"), [("dark", 22.0), ("light", 19.1)])
def test_statuses_are_told_apart_by_every_sight(theme: str, floor: float) -> None:
    palette = palettes()[theme]

    assert closest([palette[status] for status in STATUSES]) >= floor - 0.05
