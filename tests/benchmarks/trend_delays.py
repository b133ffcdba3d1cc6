"""How often the trend rules are wrong, and how late they are: `python -m tests.benchmarks.trend_delays [DAYS]`.

Seeded sites of ten queues go through the rules minute by minute. After a past of four weeks, DAYS site-days (200)
without any shift count false alarms. Then one steady queue more is shifted for four hours at random moments, each
time in a copy of the site that learnt for four weeks; the delay is the time from the shift to `detected_at`.
"""

import sys
from collections.abc import Iterable
from random import Random
from statistics import median, quantiles

from schemas.instants import MINUTE, to_ms
from schemas.trends import TrendTransition
from tests.unit.trend_floor import DAY_MINUTES, Profile, Site, flat, office, round_the_clock

PAST_DAYS = 28
LONGEST = 240
"""Minutes that a shift lasts; one not found by then counts as missed."""

TRIALS = 40
FACTORS = (1.5, 2, 3, 5, 0.5, 0)
VOLUMES = (0.2, 1.0, 5.0)
WORLDS = (("Poisson", 1.0, 0.0), ("dispersion 1.8", 1.8, 0.0), ("dispersion 1.8, days differ by 10 %", 1.8, 0.1))


def ten_queues() -> dict[str, Profile]:
    """Small and large, closing and not."""
    queues: dict[str, Profile] = {f"office-{peak}": office(peak) for peak in (0.1, 0.3, 0.7, 1.0, 2.0, 4.0)}
    queues["half past"] = office(1.5, opens=9, closes=17)
    queues["night"] = round_the_clock(0.8)
    queues["night, small"] = round_the_clock(0.1)
    queues["steady"] = flat(0.5)
    return queues


def false_alarms(dispersion: float, spread: float, days: int) -> tuple[int, int]:
    """Episodes opened without a cause: (too many arrivals, too few)."""
    site = Site(ten_queues(), seed=11, dispersion=dispersion, level_spread=spread)
    site.days(PAST_DAYS)
    opened = [each.rule for each in site.days(days) if each.transition == "opened"]
    return opened.count("arrivals.high"), opened.count("arrivals.low")


def learnt_site(peak: float, dispersion: float, spread: float) -> Site:
    """The ten queues and a steady one of `peak` arrivals a minute, after four weeks."""
    site = Site({**ten_queues(), "shifted": flat(peak)}, seed=5, dispersion=dispersion, level_spread=spread)
    site.days(PAST_DAYS)
    site.profiles = {"shifted": flat(peak)}
    return site


def delays(learnt: Site, factor: float) -> list[float | None]:
    """Minutes from the shift to its finding, None for a miss; false alarms before it leave a trial out."""
    random = Random(7)
    found: list[float | None] = []
    for trial in range(TRIALS):
        site = learnt.copy()
        site.random = Random(trial)
        site.run(random.randrange(60, DAY_MINUTES - LONGEST))
        if _opened(site.told.transitions):
            continue
        began = site.minute * MINUTE
        told = _opened(site.run(LONGEST, shifted=factor))
        found.append((to_ms(told[0].detected_at) - began) / MINUTE if told else None)
    return found


def _opened(said: list[TrendTransition]) -> list[TrendTransition]:
    return [each for each in said if each.transition == "opened" and each.queue == "shifted"]


def _shown(found: list[float | None]) -> str:
    hits = [each for each in found if each is not None]
    if len(hits) < len(found) / 2 or len(hits) < 2:
        return f"{len(hits)} of {len(found)}"
    return f"{median(hits):.0f} / {quantiles(hits, n=10)[8]:.0f} min, {len(hits)} of {len(found)}"


def main(arguments: Iterable[str]) -> None:
    """Print both tables."""
    days = int(next(iter(arguments), "200"))
    for name, dispersion, spread in WORLDS:
        high, low = false_alarms(dispersion, spread, days)
        print(f"{name}: {high} high, {low} low in {days} site-days: {(high + low) / days:.3f} a day", flush=True)
    for name, dispersion, spread in WORLDS[::2]:
        for peak in VOLUMES:
            learnt = learnt_site(peak, dispersion, spread)
            row = [f"x{factor:g}: {_shown(delays(learnt, factor))}" for factor in FACTORS]
            print(f"{name}, {peak:g} a minute | " + " | ".join(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
