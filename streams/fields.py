"""What sections of floorwalker.toml are made of: values as people write them, and the forms that they are told."""

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from schemas.opening_hours import weekly_hours
from schemas.zones import zone_of
from streams.durations import FORM, parse_promise, parse_seconds
from streams.toml_lines import Path


def _no_flag(value: object) -> object:
    # Python takes true for 1.
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


def _zone(name: str) -> str:
    zone_of(name)
    return name


def one_or_many(value: object) -> object:
    """A list of numbers; a single one is one of its own. From the environment: '20', '20, 30' or '[20, 30]'."""
    if isinstance(value, str):
        text = value.strip()
        return json.loads(text) if text.startswith("[") else [part.strip() for part in text.split(",")]
    return [value] if isinstance(value, int | float) else value


def ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    """Each number once, the smallest first."""
    return tuple(sorted(set(values)))


def words(value: object) -> object:
    """A list of texts. From the environment: 'critical', 'critical, info' or '["critical"]'."""
    if isinstance(value, str):
        text = value.strip()
        return json.loads(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]
    return value


def _hours(text: str) -> str:
    weekly_hours(text)
    return text


def _country(value: str | None) -> str | None:
    if not value:
        return None
    from phonenumbers import SUPPORTED_REGIONS  # its metadata takes a while to load, and few need it

    if value not in SUPPORTED_REGIONS:
        raise ValueError("no such country")
    return value


def _listed(value: object) -> object:
    # A list is handed on as one text.
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        if any("," in each for each in value):
            raise ValueError("a text of a list may not have a comma in it")
        return ",".join(value)
    return value


Seconds = Annotated[float, BeforeValidator(parse_seconds)]
Promise = Annotated[float, BeforeValidator(parse_promise)]
Number = Annotated[float, BeforeValidator(_no_flag)]
Whole = Annotated[int, BeforeValidator(_no_flag)]
Zone = Annotated[str, AfterValidator(_zone)]
Hours = Annotated[str, AfterValidator(_hours)]
Country = Annotated[str | None, AfterValidator(_country)]
Version = Annotated[Whole, Field(ge=1, le=1_000_000_000)]
TextOrTexts = Annotated[str, BeforeValidator(_listed)]

PROMISE = f"{FORM}, up to 3650d; 0 or 'none': no promise"
AT_RISK = "a share of the promised time, over 0 and under 1"
COUNTRY = "a country in two capital letters, such as 'DE'"
ZONE = "an IANA time zone, such as 'UTC' or 'Europe/Berlin'"
VERSION = "a whole number from 1 to 1000000000"
ID = "a name of letters, digits, . _ -"
NAME = r"^[A-Za-z0-9._-]+$"
MAIL = r"^[^@\s<>,]+@[^@\s<>,]+$"
SECRETS = "a table of names, each with a text, 'env:NAME' or 'file:/PATH'"
SHARE = "a share, over 0 and under 1"
OPEN = "opening hours, such as 'Mo-Fr 08:00-18:00, Sa 09:00-13:00'; left out: always open"


class Misplaced(ValueError):
    """What is wrong where one part of the file does not fit another; `place`: where it is mended."""

    def __init__(self, place: Path, message: str) -> None:
        super().__init__(message)
        self.place = place


class Section(BaseModel):
    """What all sections have in common."""

    # Inputs are hidden because a secret is one as well.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
