"""`floorwalker failed`: what could not be understood or worked out, and putting it back."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from datetime import datetime
from heapq import heappush, heappushpop
from typing import Annotated, Any, get_args

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agents.cli.console import NOT_FOUND, REFUSED, NotFound, err, out, quieten_kafka
from agents.cli.options import Bootstrap, Config, Json, Namespace, settings_of
from agents.file_formats import hook_sources
from agents.intake.formats import understood
from agents.intake.parsing import Format
from agents.intake.providers import webhooks
from agents.pipeline import NoBroker
from schemas.failures import FailureReason
from schemas.failures import Stage as Stages
from schemas.instants import from_ms, to_ms
from streams.connectors.formats import Headers
from streams.connectors.hooks import Hook
from streams.connectors.http_records import SourceOf
from streams.connectors.line_records import LineRecord
from streams.connectors.put_back import Channels, Destination, PutBack, put_back
from streams.durations import parse_seconds
from streams.failed import Failed, NoFailures, failure, failures, ids_of
from streams.reader import committed_reader
from streams.settings import Settings

app = typer.Typer(
    help="What could not be understood or worked out. Payloads hold what customers sent: they are personal data.",
    no_args_is_help=True,
)

LISTED = 1_000
"""Rows of a table at most where no limit is said."""

SHOWN = 80
"""Characters of a message in a list."""

NAMED = 10
"""Ids that are named at most where something can't be put back."""

Reason = Annotated[str | None, typer.Option(help="syntax, schema, unknown_type, time, identity, rule or too_large.")]
Stage = Annotated[str | None, typer.Option(help="intake (could not be understood) or rule (could not be worked out).")]
Source = Annotated[str | None, typer.Option(help="Name of the source.")]
Since = Annotated[str | None, typer.Option(help="Failed since then: ISO 8601, or so long ago, such as 2h or 3d.")]


@app.command("list")
def list_failed(
    reason: Reason = None,
    stage: Stage = None,
    source: Source = None,
    since: Since = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The last so many only.")] = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List what failed, the oldest first, without payloads. Messages may quote a few characters of them."""
    fits = _filter(reason, stage, source, since)
    kafka = _kafka(settings_of(config, bootstrap=bootstrap, namespace=namespace))
    # However many there are, no more than these are kept. Those of one moment come in any order.
    kept: list[tuple[Any, Failed]] = []
    count = 0

    def take(failed: Failed) -> None:
        nonlocal count
        count += 1
        moved = heappushpop if len(kept) >= (limit or LISTED) else heappush
        before = moved(kept, (_order(failed), failed))
        if before is not None and as_json and limit is None:
            _say(json.dumps(_summary(before[1])))

    asyncio.run(_each(kafka, fits, take))
    last = [each for _, each in sorted(kept)]
    if as_json:
        for each in last:
            _say(json.dumps(_summary(each)))
        return
    _show_table(last)
    rest = f", the last {len(last):,} are shown: use --limit or --json" if limit is None and count > len(last) else ""
    err.print(f"{count:,} failed{rest}", highlight=False)


@app.command("show")
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `failed list` shows it: PARTITION-OFFSET.")],
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show one record: headers, why it failed, and its whole payload, which is personal data."""
    ((partition, offset),) = _ids([id_])
    kafka = _kafka(settings_of(config, bootstrap=bootstrap, namespace=namespace))
    found = asyncio.run(_one(kafka, partition, offset))
    if found is None:
        raise NotFound(f"there is no {id_} on contacts.failed, or no longer")
    if as_json:
        headers = {name: _text(value) for name, value in found.headers}
        _say(json.dumps({**_summary(found), "headers": headers, "payload": b64encode(found.value).decode()}))
        return
    _say(f"id: {found.id}\nwhen: {_iso(found.at)}")
    for name, text in found.why.items():
        _say(f"failed.{printable(name)}: {printable(text)}")
    _say("")
    for name, value in found.headers:
        _say(f"{printable(name)}: {printable(_text(value))}")
    _say(f"\n{readable(found.value)}")


@app.command("replay")
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `failed list` shows them.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    reason: Reason = None,
    stage: Stage = None,
    source: Source = None,
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Put records back on the channel topics that they came from, after what made them fail was put right.

    Their events have the same ids: what was counted before counts as a duplicate, however often this is done.
    """
    filtered = any(each is not None for each in (reason, stage, source, since))
    if sum((bool(ids), all_, filtered)) != 1:
        raise typer.BadParameter("say which: IDs, or --reason, --stage, --source, --since, or --all")
    named = set(_ids(ids or []))
    fits = _filter(reason, stage, source, since)
    found: set[tuple[int, int]] = set()

    def chosen(failed: Failed) -> bool:
        place = (failed.partition, failed.offset)
        if named and place not in named:
            return False
        found.add(place)
        return fits(failed)

    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    done = asyncio.run(_put_back(settings, chosen, named or None, dry_run=dry_run))
    missing = [f"{partition}-{offset}" for partition, offset in sorted(named - found)]
    _report(done, missing, dry_run=dry_run, as_json=as_json)
    if missing or done.gone:
        raise typer.Exit(NOT_FOUND)
    if named and (done.cut or done.foreign):
        raise typer.Exit(REFUSED)


def key_of(payload: bytes, headers: Headers, source_of: SourceOf | None = None) -> bytes:
    """Key of a source record as the connectors make it; the source where its format is unknown or fails at it.
    `source_of`: what knows the sources of webhooks, whose settings may say the key."""
    name = _text(headers.get("ce_type", b""))
    parser: Format | Hook | None = understood().get(name)
    hook = webhooks().get(name)
    if source_of is not None and hook is not None:
        parser = source_of(hook, _text(headers.get("ce_source", b""))).hook
    key = None
    if parser is not None:
        # It goes to where a format that can't read it put it in the first place, or to its source's.
        try:
            key = parser.key(payload, headers)
        except Exception:  # noqa: BLE001
            key = None
    return key or headers.get("ce_source") or b"unknown"


def readable(payload: bytes) -> str:
    """A payload as text, or in hexadecimal digits where it is none."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return payload.hex(" ")
    return text if all(each.isprintable() or each in "\r\n\t" for each in text) else payload.hex(" ")


def printable(text: str) -> str:
    """A text on one line, with nothing in it that a terminal obeys."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def moment(text: str, now: int) -> int:
    """An instant (ms) as people write one: ISO 8601, or a duration that has passed since. Raises BadParameter."""
    try:
        return now - round(parse_seconds(text) * 1000)
    except ValueError:
        pass
    try:
        said = datetime.fromisoformat(text)
        return to_ms(said if said.tzinfo is not None else said.astimezone())
    except (ValueError, OverflowError):
        # A local time at either end of the calendar is of no year in UTC.
        raise typer.BadParameter(
            f"{text!r}: expected is ISO 8601, or a duration such as 2h", param_hint="--since"
        ) from None


class _Counting:
    """Takes what would be put back, and says where to."""

    async def take(self, record: LineRecord) -> None:
        headers = dict(record.headers)
        words = [printable(_text(headers.get(name, b""))) for name in ("put-back", "ce_type", "ce_source")]
        err.print(
            f"{words[0]}: {len(record.value):,} bytes of {words[1]} from {words[2]} to {record.topic}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip


class _Shown:
    """Hands on what is put back, and shows how much it is."""

    def __init__(self, to: Destination, bar: Progress) -> None:
        self._to = to
        self._bar = bar
        self._line = bar.add_task("sending", total=None)

    async def take(self, record: LineRecord) -> None:
        await self._to.take(record)
        self._bar.advance(self._line)


def _kafka(settings: Settings) -> tuple[str, str]:
    """Address and namespace. Raises NoBroker."""
    service = settings.service
    if not service.bootstrap:
        raise NoBroker("this needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    quieten_kafka()
    return service.bootstrap, service.namespace


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _known(name: str, value: str | None, among: Collection[str]) -> None:
    """Raises BadParameter for a value that there is not: nothing would fit."""
    if value is not None and value not in among:
        raise typer.BadParameter(f"{value!r}: use one of {', '.join(among)}", param_hint=name)


def _filter(reason: str | None, stage: str | None, source: str | None, since: str | None) -> Callable[[Failed], bool]:
    _known("--reason", reason, get_args(FailureReason))
    _known("--stage", stage, get_args(Stages))
    begin = None if since is None else moment(since, int(time.time() * 1000))

    def fits(failed: Failed) -> bool:
        return (
            (reason is None or failed.reason == reason)
            and (stage is None or failed.stage == stage)
            and (source is None or failed.source == source)
            and (begin is None or failed.at >= begin)
        )

    return fits


def _order(failed: Failed) -> tuple[Any, ...]:
    return failed.at, failed.place or ("", failed.partition, failed.offset), failed.partition, failed.offset


def _named(failed: Failed) -> tuple[tuple[str, bytes], ...]:
    return (*failed.headers, ("ce_source", failed.source.encode("utf-8", "replace")))


async def _each(kafka: tuple[str, str], fits: Callable[[Failed], bool], take: Callable[[Failed], None]) -> None:
    """Hand on what fits, without its payload. Raises NotFound."""
    try:
        async with committed_reader(kafka[0]) as reader:
            async for each in failures(reader, kafka[1]):
                if fits(each):
                    # Payloads may be large, and none is listed: only whose they are is read of them.
                    headers = each.headers if "ce_source" in dict(each.headers) else _named(each)
                    take(each._replace(value=b"", headers=headers))
    except NoFailures as error:
        raise NotFound(str(error)) from None


def _show_table(found: Iterable[Failed]) -> None:
    table = Table("id", "when", "reason", "stage", "source", "where", "message")
    for each in found:
        message = each.why.get("message", "")
        cells = (
            each.id,
            f"{from_ms(each.at):%Y-%m-%d %H:%M:%S}Z",
            each.reason,
            each.stage,
            each.source,
            each.where,
            message if len(message) <= SHOWN else message[:SHOWN] + "…",
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table)


async def _one(kafka: tuple[str, str], partition: int, offset: int) -> Failed | None:
    try:
        async with committed_reader(kafka[0]) as reader:
            return await failure(reader, kafka[1], partition, offset)
    except NoFailures as error:
        raise NotFound(str(error)) from None


async def _put_back(
    settings: Settings, chosen: Callable[[Failed], bool], ids: Collection[tuple[int, int]] | None, *, dry_run: bool
) -> PutBack:
    kafka, source_of = _kafka(settings), hook_sources(settings)

    def key(payload: bytes, headers: Headers) -> bytes:
        return key_of(payload, headers, source_of)

    try:
        async with AsyncExitStack() as stack:
            if dry_run:
                return await put_back(*kafka, chosen, key, _Counting(), ids)
            channels = await stack.enter_async_context(Channels(*kafka))
            bar = stack.enter_context(
                Progress(
                    SpinnerColumn(), TextColumn("{task.completed:,.0f} put back"), TimeElapsedColumn(), console=err,
                    transient=True,
                )
            )  # fmt: skip
            return await put_back(*kafka, chosen, key, _Shown(channels, bar), ids)
    except NoFailures as error:
        raise NotFound(str(error)) from None


def _ids(texts: list[str]) -> list[tuple[int, int]]:
    try:
        return ids_of(texts)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="ID") from None


def _summary(failed: Failed) -> dict[str, Any]:
    return {
        "id": failed.id,
        "at": _iso(failed.at),
        "reason": failed.reason,
        "stage": failed.stage,
        "source": failed.source,
        "message": failed.why.get("message", ""),
        "origin": None if failed.place is None else str(failed.place),
        "file": failed.why.get("file"),
        "line": int(failed.why["line"]) if failed.why.get("line", "").isdecimal() else None,
    }


def _report(done: PutBack, missing: list[str], *, dry_run: bool, as_json: bool) -> None:
    lacking = {"gone": done.gone, "cut": done.cut, "foreign": done.foreign, "missing": missing}
    if as_json:
        _say(json.dumps({"sent": done.sent, "again": done.again, "dry_run": dry_run, **lacking}))
        return
    err.print(f"{done.sent:,} {'would be put back' if dry_run else 'put back'}", highlight=False)
    for name, words in (
        ("missing", "not on contacts.failed, or no longer"),
        ("gone", "not put back: their source records are no longer on the channel topics"),
        ("cut", "not put back: they were too large, and only their heads were kept"),
        ("foreign", "not put back: they came from no channel topic"),
    ):
        ids = lacking[name]
        if ids:
            shown = ", ".join(ids[:NAMED]) + (", …" if len(ids) > NAMED else "")
            err.print(f"{len(ids):,} {words}: {shown}", highlight=False, soft_wrap=True)
    if done.again:
        err.print(f"{done.again:,} left out: the same source record is put back already", highlight=False)


def _say(text: str) -> None:
    typer.echo(text)


def _iso(at: int) -> str:
    return from_ms(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
