"""Public holidays by country and region, as the library `holidays` knows them."""

import warnings
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import lru_cache


class NoSuchPlace(ValueError):
    """A country or region that the library knows no holidays of: what is meant instead."""


def check_place(place: str) -> None:
    """Raises NoSuchPlace for what is neither a country ('DE') nor a country and a region of it ('DE-BE')."""
    from holidays import list_supported_countries  # loading it takes a while, and few calendars have holidays

    regions = list_supported_countries()
    country, dash, region = place.partition("-")
    if country not in regions:
        meant = _nearest(country, regions) or "such as 'DE' or 'DE-BE'"
        raise NoSuchPlace(f"no holidays are known of a country {country!r}, {meant}")
    if dash and region not in regions[country]:
        known = [f"{country}-{each}" for each in regions[country]]
        meant = (_nearest(place, known) or f"such as {known[0]!r}") if known else f"it has no regions: {country!r}"
        raise NoSuchPlace(f"no holidays are known of a region {place!r}, {meant}")


@lru_cache(maxsize=4_096)
def public_holidays(place: str, year: int) -> frozenset[date]:
    """The public holidays of a year, days off in lieu included, in a country or a region of it ('DE', 'DE-BE')."""
    from holidays import country_holidays

    country, _, region = place.partition("-")
    with warnings.catch_warnings():
        # Said of years of which the library knows some holidays only.
        warnings.simplefilter("ignore")
        return frozenset(country_holidays(country, subdiv=region or None, years=year, expand=False))


def _nearest(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word.upper(), sorted(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else ""
