"""`floorwalker identities`: which identifiers are one customer's, as people and CRMs say it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from os import fstat
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agents.cli.console import FAILED, NotFound, err, out, quieten_kafka
from agents.cli.identity_files import BadFile, Row, lines_of, rows_of
from agents.cli.options import Bootstrap, Config, Json, Namespace, settings_of
from agents.pipeline import NoBroker
from schemas.envelopes import is_mark
from schemas.identifiers import nodes_of, statement, typed_identifier
from schemas.identities import (
    LINKS_KEY,
    AnyIdentity,
    LinkSet,
    Node,
    Review,
    Statement,
    StatementKind,
    decode_identity,
    encode,
)
from schemas.ids import customer_ids
from schemas.instants import Instant
from schemas.topics import CUSTOMERS_IDENTITIES, CUSTOMERS_LINKS, prefix_of
from schemas.unreadable import UNREADABLE
from streams.connectors.line_records import LineRecord
from streams.connectors.publisher import Publisher, TopicMissing
from streams.problems import Problem, SettingsError
from streams.processor import Record
from streams.reader import committed_reader, from_the_start, read_to_the_end
from streams.secret import NAME as SECRET
from streams.settings import Settings

app = typer.Typer(help="Which identifiers are one customer's.", no_args_is_help=True)

BY = "cli"
UNDER_WAY = 5_000
"""Records of an import that Kafka has not confirmed yet, at most."""
SHOWN_FAULTS = 100
"""Cells of an import that are named at most."""

Identifier = Annotated[
    str, typer.Argument(help="An e-mail address, a phone number (+49...), or KIND:ID such as crm:42.")
]
Other = Annotated[str | None, typer.Argument(help="Another one; left out: it is nobody else's.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it is kept beside the link.")]


def _country(text: str | None) -> str | None:
    if text is None:
        return None
    from phonenumbers import SUPPORTED_REGIONS  # its metadata takes a while to load, and few need it

    if text.upper() not in SUPPORTED_REGIONS:
        raise typer.BadParameter(f"{text!r} is no country: give two letters such as DE")
    return text.upper()


Region = Annotated[
    str | None,
    typer.Option("--region", callback=_country, help="Country of phone numbers without +, such as DE."),
]


@app.command("link")
def link(
    a: Identifier,
    b: Identifier,
    reason: Reason = None,
    region: Region = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
) -> None:
    """Say that two identifiers are one customer's."""
    _say("linked", (a, b), reason, region, settings_of(config, bootstrap=bootstrap, namespace=namespace))


@app.command("unlink")
def unlink(
    a: Identifier,
    b: Other = None,
    reason: Reason = None,
    region: Region = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
) -> None:
    """Say that two identifiers are not one customer's; or of one, that it is nobody else's."""
    named = (a,) if b is None else (a, b)
    _say("unlinked", named, reason, region, settings_of(config, bootstrap=bootstrap, namespace=namespace))


@app.command("block")
def block(
    a: Identifier,
    reason: Reason = None,
    region: Region = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
) -> None:
    """Have an identifier linked with nothing: the phone of a family, of a front desk."""
    _say("blocked", (a,), reason, region, settings_of(config, bootstrap=bootstrap, namespace=namespace))


@app.command("unblock")
def unblock(
    a: Identifier,
    reason: Reason = None,
    region: Region = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
) -> None:
    """Let an identifier be linked again."""
    _say("unblocked", (a,), reason, region, settings_of(config, bootstrap=bootstrap, namespace=namespace))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, UTF-8: columns crm_id, email, phone, KIND:PREFIX.")],
    region: Region = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
) -> None:
    """Say that the identifiers of each line of a CRM's file are one customer's."""
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    quieten_kafka()
    try:
        counts = asyncio.run(import_links(settings, file, region or settings.service.region))
    except BadFile as error:
        raise typer.BadParameter(f"{file}, line 1: {error}") from None
    err.print(
        f"{counts['lines']:,} lines: {counts['sent']:,} link identifiers, {counts['alone']:,} have one at most, "
        f"{counts['faults']:,} cells are wrong and left out",
        highlight=False,
    )
    if counts["faults"]:
        raise typer.Exit(FAILED)


@app.command("review")
def review(
    config: Config = None, bootstrap: Bootstrap = None, namespace: Namespace = None, as_json: Json = False
) -> None:
    """List the links that were said and do not hold, for somebody to look at."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    quieten_kafka()
    found = asyncio.run(_standing(settings, lambda each: isinstance(each, Review)))
    reviews = sorted(
        (each for each in found if isinstance(each, Review)), key=lambda each: (each.link.at, each.id), reverse=True
    )
    if as_json:
        out.print_json(json.dumps(msgspec.to_builtins(reviews)))
        return
    if reviews:
        out.print(table_of(reviews))
    err.print(f"{len(reviews):,} to look at: link, unlink or block what they name", highlight=False)


def table_of(reviews: Iterable[Review]) -> Table:
    """Links to look at, one a row. What sources call themselves is no markup."""
    table = Table("why", "one", "other", "said by", "when")
    for each in reviews:
        said_by = escape(each.link.by or each.link.authority)
        table.add_row(each.refusal, escape(each.a.hint), escape(each.b.hint), said_by, str(each.link.at))
    return table


@app.command("show")
def show(
    a: Identifier,
    region: Region = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show who an identifier is linked with, and who said so."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    quieten_kafka()
    (node,) = _nodes(settings, (a,), region)
    found = asyncio.run(_standing(settings, lambda each: isinstance(each, LinkSet) and each.customer == node.customer))
    if not found:
        raise NotFound(f"{node.hint} was never linked with anything; its customer id is {node.customer}")
    if as_json:
        out.print_json(json.dumps(msgspec.to_builtins(found[0])))
        return
    for each in found:
        if isinstance(each, LinkSet):
            _show(each)


def _show(found: LinkSet) -> None:
    hints = {node.customer: node.hint for node in found.nodes}
    out.print(f"customer {found.owner}{', blocked' if found.blocked else ''}", highlight=False)
    for node in found.nodes:
        out.print(f"  {node.customer}  {node.hint}", highlight=False, markup=False)
    for each in found.links:
        words = " ".join(word for word in (each.by or each.authority, str(each.at), each.reason) if word)
        out.print(f"  {hints[each.a]} = {hints[each.b]}: {words}", highlight=False, markup=False)


def _say(
    kind: StatementKind, typed: tuple[str, ...], reason: str | None, region: str | None, settings: Settings
) -> None:
    quieten_kafka()
    nodes = _nodes(settings, typed, region)
    if len(nodes) < len(typed):
        raise typer.BadParameter("that is one identifier and itself: give two different ones")
    said = statement(kind, nodes, "person", datetime.now(UTC), by=BY, reason=reason)
    asyncio.run(_send(settings, said))
    hints = " and ".join(node.hint for node in nodes)
    err.print(f"{hints}: {kind}; it counts from {said.at.isoformat()}", highlight=False, markup=False)


def _nodes(settings: Settings, typed: Iterable[str], region: str | None) -> list[Node]:
    ids = _ids(settings)
    try:
        return nodes_of(ids, [typed_identifier(each, region or settings.service.region) for each in typed])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _ids(settings: Settings) -> Callable[[str], str]:
    """The customer ids of the service. A secret made here would be another one: nobody would be found."""
    secret = settings.service.data_folder / SECRET
    if settings.service.customer_namespace is None and not secret.exists():
        message = (
            "is not there, and with another secret nobody would be found: run this where the service runs, set "
            "service.data_folder to its data folder, or service.customer_namespace to its secret"
        )
        raise SettingsError([Problem(None, str(secret), message)])
    return customer_ids(settings.customer_namespace())


def _kafka(settings: Settings) -> str:
    if not settings.service.bootstrap:
        raise NoBroker("identities are kept in Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    return settings.service.bootstrap


@asynccontextmanager
async def _publisher(settings: Settings) -> AsyncIterator[Publisher]:
    async with Publisher(_kafka(settings), settings.service.namespace) as publisher:
        await publisher.partitions(CUSTOMERS_LINKS.name)
        yield publisher


async def _send(settings: Settings, said: Statement) -> None:
    async with _publisher(settings) as publisher:
        await (await publisher.send(_record(said)))


def _record(said: Statement) -> LineRecord:
    return LineRecord(CUSTOMERS_LINKS.name, LINKS_KEY, encode(said), [], None)


async def import_links(settings: Settings, file: Path, region: str | None) -> Counter[str]:
    """Say that the identifiers of each line of a CRM's file are one customer's, and what is wrong with it.

    Returns how many `lines`, of them `sent` and `alone` (one identifier at most), and how many `faults`. Raises
    BadFile, NoBroker, TopicMissing, OSError.
    """
    counts: Counter[str] = Counter(lines=0)
    ids, at = _ids(settings), datetime.now(UTC)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(), console=err,
        transient=True,
    )  # fmt: skip
    async with _publisher(settings) as publisher:
        waiting: list[asyncio.Future[object]] = []
        with file.open("rb") as raw, bar:
            lines = lines_of(raw)
            line = bar.add_task(file.name, total=fstat(raw.fileno()).st_size)
            for row in rows_of(lines, region):
                said = _said(row, ids, at, counts)
                if said is not None:
                    waiting.append(await publisher.send(_record(said)))
                if len(waiting) >= UNDER_WAY:
                    await asyncio.gather(*waiting)
                    waiting.clear()
                    bar.update(line, completed=raw.tell())
            await asyncio.gather(*waiting)
    return counts


def _said(row: Row, ids: Callable[[str], str], at: Instant, counts: Counter[str]) -> Statement | None:
    counts["lines"] += 1
    for column, words in row.faults:
        counts["faults"] += 1
        if counts["faults"] <= SHOWN_FAULTS:
            where = f"line {row.line}, column {column}" if column else f"line {row.line}"
            err.print(f"{where}: {words}", highlight=False, markup=False, soft_wrap=True)
    nodes = nodes_of(ids, row.identifiers)
    if len(nodes) < 2:
        counts["alone"] += 1
        return None
    counts["sent"] += 1
    return statement("linked", nodes, "crm", at, by="import")


async def _standing(settings: Settings, wanted: Callable[[AnyIdentity], bool]) -> list[AnyIdentity]:
    """The records that stand on customers.identities and are wanted, the last of each key."""
    kafka, topic = _kafka(settings), prefix_of(settings.service.namespace) + CUSTOMERS_IDENTITIES.name
    found: dict[bytes, AnyIdentity] = {}

    def take(record: Record) -> None:
        if record.key is None or is_mark(record.key):
            return
        found.pop(record.key, None)
        try:
            identity = None if record.value is None else decode_identity(record.value)
        except UNREADABLE:
            return
        if identity is not None and wanted(identity):
            found[record.key] = identity

    async with committed_reader(kafka) as reader:
        if topic not in await reader.topics():
            raise TopicMissing(f"there is no topic {topic} at {kafka}: start the service, which makes it")
        await from_the_start(reader, [topic])
        await read_to_the_end(reader, take)
    return list(found.values())
