"""The sections of floorwalker.toml. Every field's description is the form that it allows, as said to people.

Durations are float seconds. Unknown keys are refused; nothing can be changed afterwards.
"""

import json
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from streams.durations import FORM, parse_promise, parse_seconds


def _no_flag(value: object) -> object:
    # Python takes true for 1.
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name != "UTC" and name not in _zones():
        close = get_close_matches(name, _zones(), n=1)
        raise ValueError(f"no such time zone, did you mean {close[0]!r}?" if close else "no such time zone")
    return name


def _one_or_many(value: object) -> object:
    # From the environment: '20', '20, 30' or '[20, 30]'.
    if isinstance(value, str):
        text = value.strip()
        return json.loads(text) if text.startswith("[") else [part.strip() for part in text.split(",")]
    return [value] if isinstance(value, int | float) else value


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted(set(values)))


Seconds = Annotated[float, BeforeValidator(parse_seconds)]
Promise = Annotated[float, BeforeValidator(parse_promise)]
Number = Annotated[float, BeforeValidator(_no_flag)]
Whole = Annotated[int, BeforeValidator(_no_flag)]
Zone = Annotated[str, AfterValidator(_zone)]

_PROMISE = f"{FORM}; 0 or 'none': no promise"
_AT_RISK = "a share of the promised time, over 0 and under 1"
_ZONE = "an IANA time zone, such as 'UTC' or 'Europe/Berlin'"
_VERSION = "a whole number, 1 or more"
_ID = "a name of letters, digits, . _ -"
_NAME = r"^[A-Za-z0-9._-]+$"


class Section(BaseModel):
    """What all sections have in common."""

    # Inputs are hidden because a secret is one as well.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Service(Section):
    """[service]: where and how it runs."""

    namespace: str = Field(
        default="", pattern=r"^[A-Za-z0-9._-]*$", max_length=100, description="letters, digits, . _ -"
    )
    bootstrap: str | None = Field(
        default=None, description="'host:port', several with commas between; left out: a Kafka of its own"
    )
    partitions: Whole = Field(default=4, ge=1, le=1_000, description="a whole number from 1 to 1000")
    clock: Literal["wall", "event"] = Field(default="wall", description="'wall' or 'event'")
    timezone: Zone = Field(default="UTC", description=_ZONE)
    region: str | None = Field(default=None, description="a country in two capital letters, such as 'DE'")
    data_folder: Path = Field(default=Path(".floorwalker"), description="the path of a folder")
    port: Whole = Field(default=6066, ge=0, le=65_535, description="a whole number from 0 (any free port) to 65535")
    customer_namespace: SecretStr | None = Field(
        default=None, description="a UUID, such as `uuidgen` prints; left out: one is made and kept"
    )
    grace: Seconds = Field(default=1.0, le=3_600, description=f"{FORM}, up to 1h")
    session_timeout: Seconds = Field(default=10.0, ge=1, le=1_800, description=f"{FORM}, from 1s to 30m")
    flush_interval: Seconds = Field(default=0.05, ge=0.01, le=5, description=f"{FORM}, from 10ms to 5s")

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        addresses = [address.strip() for address in value.split(",")]
        for address in addresses:
            host, _, port = address.rpartition(":")
            if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65_536:
                raise ValueError(f"{address!r} is no address" if len(addresses) > 1 else "no address")
        return ",".join(addresses)

    @field_validator("region")
    @classmethod
    def _country(cls, value: str | None) -> str | None:
        if not value:
            return None
        from phonenumbers import SUPPORTED_REGIONS  # its metadata takes a while to load, and few need it

        if value not in SUPPORTED_REGIONS:
            raise ValueError("no such country")
        return value

    @field_validator("data_folder")
    @classmethod
    def _home(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("customer_namespace")
    @classmethod
    def _uuid(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                UUID(value.get_secret_value())
            except ValueError:
                raise ValueError("not a UUID") from None  # without what was given: it is meant to be secret
        return value


class Metrics(Section):
    """[metrics]: what the definitions leave open."""

    thresholds: Annotated[tuple[Seconds, ...], NoDecode, BeforeValidator(_one_or_many), AfterValidator(_ascending)] = (
        Field(default=(20.0,), min_length=1, max_length=20, description=f"a list, such as [20, 30], each {FORM}")
    )
    short_abandon: Seconds = Field(default=5.0, description=FORM)
    timezone: Zone | None = Field(default=None, description=f"{_ZONE}; left out, that of [service]")


class Sla(Section):
    """[sla]: what every queue promises that says nothing else."""

    answer_within: Promise = Field(default=20.0, description=_PROMISE)
    at_risk: Number = Field(default=0.8, gt=0, lt=1, description=_AT_RISK)
    max_wait: Seconds = Field(default=86_400.0, gt=0, description=f"{FORM}, more than 0")
    version: Whole = Field(default=1, ge=1, description=_VERSION)
    id: str = Field(default="answer-within-default", pattern=_NAME, description=_ID)


class Queue(Section):
    """[queues.NAME]: what differs from [sla] for one queue."""

    answer_within: Promise | None = Field(default=None, description=_PROMISE)
    at_risk: Number | None = Field(default=None, gt=0, lt=1, description=_AT_RISK)
    max_wait: Seconds | None = Field(default=None, gt=0, description=f"{FORM}, more than 0")
    version: Whole | None = Field(default=None, ge=1, description=_VERSION)
    id: str | None = Field(default=None, min_length=1, description="a name")


class Source(Section):
    """[[sources]]: something that is read from the moment the service starts."""

    name: str = Field(pattern=_NAME, description=_ID)
    format: Literal["asterisk-queue-log"] = Field(description="'asterisk-queue-log'")
    path: Path = Field(description="the path of a file")

    @field_validator("path")
    @classmethod
    def _home(cls, value: Path) -> Path:
        if value == Path():
            raise ValueError("no path")
        return value.expanduser()


def _distinct(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two sources are named {name!r}: events are told apart by the source's name")
    return sources


class Sections(BaseModel):
    """All sections of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Service = Field(default=Service(), description="a table: [service]")
    metrics: Metrics = Field(default=Metrics(), description="a table: [metrics]")
    sla: Sla = Field(default=Sla(), description="a table: [sla]")
    queues: dict[str, Queue] = Field(default={}, description="a table for each queue: [queues.NAME]")
    sources: Annotated[tuple[Source, ...], AfterValidator(_distinct)] = Field(
        default=(), description="a table for each source: [[sources]]"
    )


def model_of(annotation: Any) -> type[Section] | None:
    """The section model in a field's type: itself, or of the elements of a dict or tuple."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = model_of(inner)
        if found is not None:
            return found
    return None
