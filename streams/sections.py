"""The sections of floorwalker.toml. Every field's description is the form that it allows, as said to people.

Durations are float seconds. Unknown keys are refused; nothing can be changed afterwards.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from schemas.definitions import AS_OF_NOW, CATALOGUE, definition_of
from streams.durations import FORM
from streams.fields import (
    AT_RISK,
    COUNTRY,
    ID,
    MAIL,
    NAME,
    OPEN,
    PROMISE,
    SECRETS,
    SHARE,
    VERSION,
    ZONE,
    Country,
    Hours,
    Misplaced,
    Number,
    Promise,
    Seconds,
    Section,
    TextOrTexts,
    Version,
    Whole,
    Zone,
    ascending,
    one_or_many,
    words,
)
from streams.outlets.signature import key_of
from streams.sla_sections import Calendars, Policies, check_promises

_BEHIND = {"@X": "@20", ".STATE": ".away", ".CLOCK": ".first_reply"}


def _metric(name: str) -> str:
    try:
        definition_of(name)
    except KeyError:
        base = name.partition("@")[0]
        base = base.partition(".")[0] if base.partition(".")[0] in CATALOGUE else base
        close = get_close_matches(base, CATALOGUE, n=1)
        if close == [base]:
            suffix = CATALOGUE[base].suffix
            if not suffix:
                raise ValueError(f"it has nothing behind it: {base}") from None
            raise ValueError(f"it needs {suffix} behind it, such as {base}{_BEHIND[suffix]}") from None
        raise ValueError(f"no such metric, did you mean {close[0]!r}?" if close else "no such metric") from None
    return name


GroupLabel = Literal["queue", "channel", "policy", "source"]


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
    timezone: Zone = Field(default="UTC", description=ZONE)
    region: Country = Field(default=None, description=COUNTRY)
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

    thresholds: Annotated[tuple[Seconds, ...], NoDecode, BeforeValidator(one_or_many), AfterValidator(ascending)] = (
        Field(default=(20.0,), min_length=1, max_length=20, description=f"a list, such as [20, 30], each {FORM}")
    )
    short_abandon: Seconds = Field(default=5.0, description=FORM)
    timezone: Zone | None = Field(default=None, description=f"{ZONE}; left out, that of [service]")


class Sla(Section):
    """[sla]: what every queue promises that says nothing else."""

    answer_within: Promise = Field(default=20.0, description=PROMISE)
    at_risk: Number = Field(default=0.8, gt=0, lt=1, description=AT_RISK)
    max_wait: Seconds = Field(default=86_400.0, gt=0, description=f"{FORM}, more than 0")
    version: Version = Field(default=1, description=VERSION)
    id: str = Field(default="answer-within-default", pattern=NAME, description=ID)


class Queue(Section):
    """[queues.NAME]: what differs from [sla] for one queue."""

    answer_within: Promise | None = Field(default=None, description=PROMISE)
    at_risk: Number | None = Field(default=None, gt=0, lt=1, description=AT_RISK)
    max_wait: Seconds | None = Field(default=None, gt=0, description=f"{FORM}, more than 0")
    version: Version | None = Field(default=None, description=VERSION)
    id: str | None = Field(default=None, min_length=1, description="a name")
    display_name: str | None = Field(default=None, min_length=1, max_length=22, description="a text of 1 to 22 letters")
    hidden: bool = Field(default=False, description="true or false")
    service_level_target: Number | None = Field(default=None, gt=0, lt=1, description=SHARE)
    agents_minimum: Whole | None = Field(default=None, ge=0, description="a whole number")
    open: Hours | None = Field(default=None, description=OPEN)


class Board(Section):
    """[board]: the wallboard, for all queues that say nothing else."""

    title: str = Field(default="Floor", min_length=1, max_length=40, description="a text of 1 to 40 letters")
    service_level_target: Number = Field(default=0.8, gt=0, lt=1, description=SHARE)
    agents_minimum: Whole | None = Field(default=None, ge=0, description="a whole number; left out: none is needed")
    open: Hours | None = Field(default=None, description=OPEN)


class Tile(Section):
    """[[tiles]]: one tile of the wallboard; without any, the board is laid out by itself."""

    metric: Annotated[str, AfterValidator(_metric)] = Field(
        description="the id of a metric, such as 'oldest_waiting' (docs/reference/metrics.md)"
    )
    label: str | None = Field(default=None, min_length=1, max_length=22, description="a text of 1 to 22 letters")
    page: Whole = Field(default=1, ge=1, le=3, description="a whole number from 1 to 3")
    queue: str | None = Field(default=None, min_length=1, description="a queue; left out: the whole floor")
    channel: str | None = Field(default=None, min_length=1, description="a channel; left out: all of them")
    window: Literal["now", "15min", "30min", "60min", "day"] = Field(
        default="30min", description="'now', '15min', '30min', '60min' (rolling) or 'day'"
    )

    @model_validator(mode="after")
    def _published(self) -> "Tile":
        definition = definition_of(self.metric)
        if self.window == "now" and definition.id not in AS_OF_NOW:
            raise ValueError(f"{self.metric} is of a window: set window to '30min', say")
        if self.window == "day" and definition.shown in ("live", "promised_live") and definition.id not in AS_OF_NOW:
            raise ValueError(f"{self.metric} is not measured over a day: set window to '60min', say")
        if self.channel is not None and definition.shown in ("staffed", "floor"):
            raise ValueError(f"{self.metric} is not known by channel: leave channel out")
        if self.queue is not None and definition.shown in ("without_queue", "floor"):
            raise ValueError(f"{self.metric} is not of a queue: leave queue out")
        return self


MOST_TILES = 12
"""Tiles of one page: more is not seen at a glance."""


def _laid_out(tiles: tuple[Tile, ...]) -> tuple[Tile, ...]:
    for page in {tile.page for tile in tiles}:
        if sum(tile.page == page for tile in tiles) > MOST_TILES:
            raise ValueError(f"page {page} has more than {MOST_TILES} tiles: put some on another page")
    places = [(tile.metric, tile.queue, tile.channel, tile.window) for tile in tiles]
    for place, tile in zip(places, tiles, strict=True):
        if places.count(place) > 1:
            raise ValueError(f"{tile.metric} of {tile.queue or 'the floor'} is there twice")
    return tiles


class Gateway(Section):
    """[gateway]: the wallboard and the API."""

    host: str = Field(default="127.0.0.1", min_length=1, description="an address; other than loopback needs a key")
    port: Whole = Field(default=8080, ge=0, le=65_535, description="a whole number from 0 (any free port) to 65535")
    public_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/]+(/[^\s]*)?$", description="the address that people open, with https://"
    )


class History(Section):
    """[history]: where the gateway keeps what it reads of customers."""

    url: SecretStr | None = Field(
        default=None,
        description="'postgresql://USER:PASSWORD@HOST/DATABASE' or 'sqlite:///FILE'; left out: a file of its own",
    )

    @field_validator("url")
    @classmethod
    def _known(cls, value: SecretStr | None) -> SecretStr | None:
        # Without what was given: a password may be in it.
        if value is not None and not re.fullmatch(
            r"(sqlite:///[^:?]|postgresql(\+[a-z0-9]+)?://).+", value.get_secret_value()
        ):
            raise ValueError("not a URL of SQLite or PostgreSQL")
        return value


class Key(Section):
    """[[keys]]: who may use the API. Only a hash of the key is kept: `floorwalker keys new` makes both."""

    name: str = Field(pattern=NAME, description=ID)
    role: Literal["wall", "viewer", "lead"] = Field(description="'wall', 'viewer' or 'lead'")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits")


UNDER_WAY = 3.0
"""Seconds that a broken promise may need, beyond the grace, to become an alert: older marks stop the clocks."""


class Alerts(Section):
    """[alerts]: what becomes one alert, and when people hear of it."""

    group_by: Annotated[tuple[GroupLabel, ...], NoDecode, BeforeValidator(words)] = Field(
        default=("queue",), description="a list of 'queue', 'channel', 'policy' and 'source'"
    )
    group_wait: Seconds = Field(default=30.0, le=3_600, description=f"{FORM}, up to 1h")
    group_interval: Seconds = Field(default=300.0, description=FORM)
    repeat_interval: Seconds = Field(default=3_600.0, ge=1, description=f"{FORM}, at least 1s")
    keep_firing: Seconds = Field(default=300.0, le=86_400, description=f"{FORM}, up to 24h")
    stale_after: Seconds = Field(default=900.0, ge=1, description=f"{FORM}, at least 1s")
    blind_after: Seconds = Field(default=60.0, ge=5, description=f"{FORM}, at least 5s")


class Customers(Section):
    """[customers]: what is kept of a customer."""

    retention: Seconds = Field(
        default=7_776_000.0, ge=86_400, le=157_680_000, description=f"{FORM}, from 1d to 5 years (1825d)"
    )


MOST_DAYS = 56
"""Days of the past that trends are measured by: who waits for more waits for ever."""


class Trends(Section):
    """[trends]: when a number that leaves its own past is told."""

    learn_days: Whole = Field(default=7, ge=1, le=MOST_DAYS, description=f"a whole number from 1 to {MOST_DAYS}")
    false_alarms_per_day: Number = Field(default=1.0, gt=0, le=100, description="a number over 0, up to 100")
    high: Number = Field(default=2.0, gt=1, le=20, description="a factor over 1, up to 20")
    low: Number = Field(default=0.5, gt=0, lt=1, description="a factor over 0 and under 1")


class Notifier(Section):
    """[notifier]: the process that tells receivers of alerts."""

    port: Whole = Field(default=6067, ge=0, le=65_535, description="a whole number from 0 (any free port) to 65535")


class Receiver(Section):
    """[[receivers]]: who is told of alerts, and how."""

    name: str = Field(pattern=NAME, description=ID)
    kind: Literal["webhook", "email"] = Field(description="'webhook' or 'email'")
    severities: Annotated[tuple[Literal["critical", "warning", "info"], ...], NoDecode, BeforeValidator(words)] = Field(
        default=("critical", "warning", "info"), min_length=1, description="a list of 'critical', 'warning', 'info'"
    )
    url: str | None = Field(default=None, pattern=r"^https?://\S+$", description="an address that begins with https://")
    secret: SecretStr | None = Field(default=None, min_length=16, description="at least 16 letters")
    server: str | None = Field(default=None, pattern=r"^[^\s:/]+:\d{1,5}$", description="'host:port'")
    sender: str | None = Field(default=None, pattern=MAIL, description="an e-mail address")
    to: Annotated[tuple[Annotated[str, Field(pattern=MAIL)], ...], NoDecode, BeforeValidator(words)] = Field(
        default=(), description="a list of e-mail addresses"
    )
    security: Literal["none", "starttls", "tls"] = Field(default="starttls", description="'none', 'starttls' or 'tls'")
    username: str | None = Field(default=None, description="a name")
    password: SecretStr | None = Field(default=None, description="a text")

    @model_validator(mode="after")
    def _complete(self) -> "Receiver":
        needed = {"webhook": ("url", "secret"), "email": ("server", "sender", "to")}[self.kind]
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            raise ValueError(f"a receiver of kind {self.kind!r} also needs {' and '.join(missing)}")
        if self.secret is not None:
            key_of(self.secret.get_secret_value())
        return self


class Source(Section):
    """[[sources]]: something that is read from the moment the service starts."""

    name: str = Field(pattern=NAME, description=ID)
    format: Literal["asterisk-queue-log"] = Field(description="'asterisk-queue-log'")
    path: Path = Field(description="the path of a file")
    silent_after: Seconds | None = Field(default=None, ge=1, description=f"{FORM}, at least 1s; left out: learnt")

    @field_validator("path")
    @classmethod
    def _home(cls, value: Path) -> Path:
        if value == Path():
            raise ValueError("no path")
        return value.expanduser()


class HookSource(Section):
    """[[hooks]]: a provider that posts its events to /hooks/PROVIDER/SOURCE of the gateway."""

    provider: str = Field(pattern=NAME, description="a provider; with a wrong one, `floorwalker check` lists them")
    source: str = Field(pattern=NAME, description=ID)
    secrets: dict[str, SecretStr] = Field(default={}, description=SECRETS)
    old_secrets: dict[str, SecretStr] = Field(default={}, description=SECRETS)
    settings: dict[str, TextOrTexts] = Field(default={}, description="a table of names, each with a text or a list")
    region: Country = Field(default=None, description=f"{COUNTRY}; left out, that of [service]")
    rate: Number = Field(default=200.0, gt=0, le=100_000, description="a number over 0, up to 100000")


class FeedSource(Section):
    """[[feeds]]: a mailbox, a switchboard or a stream that we connect to, or mail that is sent to us."""

    kind: str = Field(pattern=NAME, description="a kind of feed; with a wrong one, `floorwalker check` lists them")
    source: str = Field(pattern=NAME, description=ID)
    address: str = Field(
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}$",
        description="'host:port', of the provider or to listen at",
    )
    security: Literal["none", "starttls", "tls"] | None = Field(
        default=None, description="'none', 'starttls' or 'tls'; left out: the kind's usual one"
    )
    secrets: dict[str, SecretStr] = Field(default={}, description=SECRETS)
    settings: dict[str, TextOrTexts] = Field(default={}, description="a table of names, each with a text or a list")
    region: Country = Field(default=None, description=f"{COUNTRY}; left out, that of [service]")

    @property
    def host(self) -> str:
        """The host of the address."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port of the address."""
        return int(self.address.rpartition(":")[2])


class Identities(Section):
    """[identities]: what links between identifiers may join."""

    max_identifiers: Whole = Field(default=10, ge=2, le=1_000, description="a whole number from 2 to 1000")
    single: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9.+-]*$")], ...], NoDecode, BeforeValidator(words)
    ] = Field(default=("crm",), description="a list of kinds of identifiers, such as ['crm']")


class Connect(Section):
    """[connect]: the process that reads sources and feeds."""

    port: Whole = Field(default=6068, ge=0, le=65_535, description="a whole number from 0 (any free port) to 65535")


Named = TypeVar("Named", Key, Receiver)


def _named_apart(entries: tuple[Named, ...]) -> tuple[Named, ...]:
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is there twice")
    return entries


class Sections(BaseModel):
    """All sections of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Service = Field(default=Service(), description="a table: [service]")
    metrics: Metrics = Field(default=Metrics(), description="a table: [metrics]")
    sla: Sla = Field(default=Sla(), description="a table: [sla]")
    queues: dict[str, Queue] = Field(default={}, description="a table for each queue: [queues.NAME]")
    calendars: Calendars = Field(default={}, description="a table for each calendar: [calendars.NAME]")
    policies: Policies = Field(default=(), description="a table for each policy: [[policies]]")
    sources: tuple[Source, ...] = Field(default=(), description="a table for each source: [[sources]]")
    hooks: tuple[HookSource, ...] = Field(default=(), description="a table for each source: [[hooks]]")
    feeds: tuple[FeedSource, ...] = Field(default=(), description="a table for each source: [[feeds]]")
    connect: Connect = Field(default=Connect(), description="a table: [connect]")
    board: Board = Field(default=Board(), description="a table: [board]")
    tiles: Annotated[tuple[Tile, ...], AfterValidator(_laid_out)] = Field(
        default=(), description="a table for each tile: [[tiles]]"
    )
    gateway: Gateway = Field(default=Gateway(), description="a table: [gateway]")
    history: History = Field(default=History(), description="a table: [history]")
    keys: Annotated[tuple[Key, ...], AfterValidator(_named_apart)] = Field(
        default=(), description="a table for each key: [[keys]]"
    )
    identities: Identities = Field(default=Identities(), description="a table: [identities]")
    customers: Customers = Field(default=Customers(), description="a table: [customers]")
    alerts: Alerts = Field(default=Alerts(), description="a table: [alerts]")
    trends: Trends = Field(default=Trends(), description="a table: [trends]")
    notifier: Notifier = Field(default=Notifier(), description="a table: [notifier]")
    receivers: Annotated[tuple[Receiver, ...], AfterValidator(_named_apart)] = Field(
        default=(), description="a table for each receiver: [[receivers]]"
    )

    def names_of_sources(self) -> Iterator[tuple[tuple[str, int, str], str]]:
        """Where a source is named, and its name: all of them are told apart by it."""
        for number, source in enumerate(self.sources):
            yield ("sources", number, "name"), source.name
        for number, hook in enumerate(self.hooks):
            yield ("hooks", number, "source"), hook.source
        for number, feed in enumerate(self.feeds):
            yield ("feeds", number, "source"), feed.source

    def regions(self) -> dict[str, str]:
        """Where numbers without a country code are dialled, of sources that say so."""
        hooks = {each.source: each.region for each in self.hooks if each.region is not None}
        return hooks | {each.source: each.region for each in self.feeds if each.region is not None}

    def source_settings(self) -> dict[str, dict[str, str]]:
        """The settings by which a source's payloads are read, by its name."""
        hooks = {each.source: each.settings for each in self.hooks}
        return hooks | {each.source: each.settings for each in self.feeds}

    @model_validator(mode="after")
    def _measured(self) -> "Sections":
        seen: set[str] = set()
        for place, name in self.names_of_sources():
            if name in seen:
                raise Misplaced(place, f"another source is named {name!r}: events are told apart by the source's name")
            seen.add(name)
        for number, tile in enumerate(self.tiles):
            _, at, threshold = tile.metric.partition("@")
            if at and threshold not in {f"{each:g}" for each in self.metrics.thresholds}:
                raise Misplaced(
                    ("tiles", number, "metric"), f"nothing is measured at {threshold} s: add it to metrics.thresholds"
                )
        told, grace = self.alerts, self.service.grace
        if grace + told.group_wait + UNDER_WAY > told.stale_after:
            raise Misplaced(
                ("alerts", "group_wait"),
                f"every broken promise would be stale before anybody is told of it: make it shorter, or "
                f"alerts.stale_after at least {grace + told.group_wait + UNDER_WAY:g}s",
            )
        check_promises(self.calendars, self.policies)
        return self


NAMED = ("queues", "calendars")
"""Sections with a table for each name."""

LISTED = ("sources", "hooks", "feeds", "tiles", "keys", "receivers", "policies")
"""Sections with any number of tables, one after the other."""


def model_of(annotation: Any) -> type[Section] | None:
    """The section model in a field's type: itself, or of the elements of a dict or tuple."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = model_of(inner)
        if found is not None:
            return found
    return None
