"""`floorwalker policies`: what is promised now and next, and putting it on the topic."""

import asyncio
import json
import time
from collections.abc import Callable, Container, Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
import typer
from aiokafka.errors import ProducerFenced
from rich.markup import escape
from rich.table import Table

from agents.cli.console import FAILED, REFUSED, NotFound, err, out, quieten_kafka
from agents.cli.options import Bootstrap, Config, Json, Namespace, settings_of
from agents.pipeline import NoBroker
from schemas import policy_words
from schemas.instants import SECOND, from_ms
from schemas.policies import AnyPolicyRecord, CalendarRecord, CalendarTerms, Policies, PolicyRecord, SlaPolicy
from schemas.versions import Contradicted, Version, appended, instant, retired, versions, waits_for
from streams.connectors.publisher import TopicMissing
from streams.policy_topic import Published, key_of, only_writer, read_published
from streams.settings import Settings

app = typer.Typer(
    help="SLA policies and calendars: what is promised to whom, and when it counts.", no_args_is_help=True
)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]

T = TypeVar("T", SlaPolicy, CalendarTerms)


class Change(NamedTuple):
    """What becomes of one key: the record, and the versions in it that are new."""

    record: AnyPolicyRecord
    new: tuple[int, ...]


Plan = Callable[[Published, datetime], list[Change]]


@app.command("list")
def list_policies(
    config: Config = None, bootstrap: Bootstrap = None, namespace: Namespace = None, as_json: Json = False
) -> None:
    """List every version of what the settings and the topic promise, and which holds now."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    quieten_kafka()
    published = asyncio.run(_published(settings))
    told, at = settings.policy_settings(), _now()
    policies = _by_id(told.sla, published.policies, at)
    calendars = _by_id(told.calendars, published.calendars, at)
    policies.sort(key=lambda each: (each.terms.rank, each.terms.id, each.terms.version))
    defined = {each.terms.id for each in calendars}
    if as_json:
        rows = [_row(each) | {"waiting_for": list(waits_for(each, defined))} for each in policies]
        listed = {"policies": rows, "calendars": [_row(each) for each in calendars]}
        out.print_json(json.dumps(listed))
    else:
        _show(policies, calendars, defined)
    for name in sorted(published.unreadable):
        err.print(f"the record of {name} on the topic can't be read, and is left out", highlight=False, markup=False)


@app.command("publish")
def publish(
    dry_run: DryRun = False,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Put the versions of the settings on the topic that are not there yet; what is there is never changed."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    told = settings.policy_settings()

    def plan(published: Published, at: datetime) -> list[Change]:
        _tell_of_retired(told, published)
        return _additions(told, published, at)

    _carry_out(settings, plan, dry_run=dry_run, as_json=as_json)


@app.command("retire")
def retire(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The policy's id.")],
    dry_run: DryRun = False,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """End a published policy from now on; contacts are judged by the next one that fits."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)

    def plan(published: Published, at: datetime) -> list[Change]:
        return _retirement(id_, published, at)

    _carry_out(settings, plan, dry_run=dry_run, as_json=as_json)


def _carry_out(settings: Settings, plan: Plan, *, dry_run: bool, as_json: bool) -> None:
    quieten_kafka()
    try:
        changes = asyncio.run(_write(settings, plan, dry_run=dry_run))
    except Contradicted as error:
        err.print(f"[bold red]refused:[/] {escape(str(error))}; nothing was written", highlight=False, soft_wrap=True)
        raise typer.Exit(REFUSED) from None
    except ProducerFenced:
        err.print("nothing was written: somebody else writes policies at this moment; try again", highlight=False)
        raise typer.Exit(FAILED) from None
    if as_json:
        rows = [{"key": key_of(each.record).decode(), "versions": list(each.new)} for each in changes]
        out.print_json(json.dumps({"written": bool(rows) and not dry_run, "changes": rows}))
        return
    for change in changes:
        _say(change, _now(), dry_run=dry_run)
    if not changes:
        err.print("there is nothing new")


async def _write(settings: Settings, plan: Plan, *, dry_run: bool) -> list[Change]:
    kafka, namespace = _kafka(settings), settings.service.namespace
    published = await read_published(kafka, namespace)
    if dry_run:
        return plan(published, _now())
    async with only_writer(kafka, namespace) as press:
        # Read once more: from now on nobody else can have written.
        changes = plan(await read_published(kafka, namespace), _now())
        if changes:
            await press.write(change.record for change in changes)
    return changes


def _additions(told: Policies, published: Published, at: datetime) -> list[Change]:
    found = []
    for name, new_terms in _grouped(told.calendars).items():
        kept = published.calendars.get(name, ())
        after = _appended("calendar", name, kept, new_terms, published, at)
        if after != kept:
            found.append(Change(CalendarRecord(id=name, versions=after), _numbers(after[len(kept) :])))
    for name, policies in _grouped(told.sla).items():
        before = published.policies.get(name, ())
        now = _appended("policy", name, before, policies, published, at)
        if now != before:
            found.append(Change(PolicyRecord(id=name, versions=now), _numbers(now[len(before) :])))
    return found


def _appended(
    kind: str, name: str, kept: tuple[T, ...], told: Iterable[T], published: Published, at: datetime
) -> tuple[T, ...]:
    if f"{kind}:{name}" in published.unreadable:
        raise Contradicted(
            f"the record {kind}:{name} on the topic can't be read: its versions would be lost; put a readable record "
            "or none (a tombstone) in its place first"
        )
    return appended(f"{kind} {name!r}", kept, told, at)


def _retirement(name: str, published: Published, at: datetime) -> list[Change]:
    kept = published.policies.get(name)
    if not kept:
        there = ", ".join(sorted(published.policies)) or "none"
        raise NotFound(f"no policy {name!r} is published; there is: {there}. One of the settings alone ends with them")
    last = kept[-1]
    if last.retired:
        return []
    if last.effective_from is not None and last.effective_from > at:
        raise Contradicted(
            f"policy {name!r} has version {last.version}, which holds from {instant(last.effective_from)}, and what is "
            "announced stays: retire it then; until then a policy of a smaller rank can stand before it"
        )
    ended = appended(f"policy {name!r}", kept, [retired(last, at)], at)
    return [Change(PolicyRecord(id=name, versions=ended), (ended[-1].version,))]


def _tell_of_retired(told: Policies, published: Published) -> None:
    for name, policies in _grouped(told.sla).items():
        last = next(reversed(published.policies.get(name, ())), None)
        if last is not None and last.retired and last.version >= max(_numbers(policies)):
            err.print(
                f"policy {name!r} of the settings is retired by version {last.version} on the topic: to have it again, "
                f"give it the version {last.version + 1}",
                highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip


def _say(change: Change, at: datetime, *, dry_run: bool) -> None:
    for terms in change.record.versions:
        if terms.version in change.new:
            done = "would be written" if dry_run else "written"
            words = policy_words.what(terms) if isinstance(terms, SlaPolicy) else policy_words.when(terms)
            key = key_of(change.record).decode()
            out.print(
                f"{key} version {terms.version}: {done}, holds {_since(terms, at)}: {words}",
                highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip


def _since(terms: SlaPolicy | CalendarTerms, at: datetime) -> str:
    """From when a version holds that is written at an instant: from no earlier one."""
    if terms.effective_from is None:
        return "always"
    return "from now on" if terms.effective_from <= at else f"from {instant(terms.effective_from)}"


def _show(policies: list[Version[SlaPolicy]], calendars: list[Version[CalendarTerms]], defined: Container[str]) -> None:
    if not policies and not calendars:
        err.print("there is no policy and no calendar; what queues promise is said in \\[sla] and \\[queues]")
        return
    table = Table("policy", "version", "state", "holds from", "for", "promises", "said in")
    for policy in policies:
        whom, what = policy_words.whom(policy.terms.applies), policy_words.what(policy.terms)
        missing = waits_for(policy, defined)
        waiting = f"; waiting for calendar {' and '.join(missing)}" if missing else ""
        table.add_row(*_head(policy), whom, what + waiting, _in(policy))
    hours = Table("calendar", "version", "state", "holds from", "open", "said in")
    for calendar in calendars:
        hours.add_row(*_head(calendar), policy_words.when(calendar.terms), _in(calendar))
    for each in (table, hours):
        if each.row_count:
            out.print(each)


def _head(version: Version[T]) -> tuple[str, str, str, str]:
    terms = version.terms
    begins = "always" if terms.effective_from is None else instant(terms.effective_from)
    return terms.id, str(terms.version), version.state, begins


def _in(version: Version[T]) -> str:
    return ", ".join(version.told_by)


def _row(version: Version[T]) -> dict[str, Any]:
    terms = version.terms
    return {
        "id": terms.id,
        "version": terms.version,
        "state": version.state,
        "told_by": list(version.told_by),
        "terms": msgspec.to_builtins(terms),
    }


def _by_id(told: Iterable[T], published: dict[str, tuple[T, ...]], at: datetime) -> list[Version[T]]:
    here: dict[str, list[T]] = _grouped(told)
    names = sorted({*here, *published})
    return [each for name in names for each in versions(here.get(name, ()), published.get(name, ()), at)]


def _grouped(terms: Iterable[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for each in terms:
        found.setdefault(each.id, []).append(each)
    return found


def _numbers(terms: Iterable[SlaPolicy] | Iterable[CalendarTerms]) -> tuple[int, ...]:
    return tuple(each.version for each in terms)


def _now() -> datetime:
    return from_ms(int(time.time() * SECOND))


def _kafka(settings: Settings) -> str:
    bootstrap = settings.service.bootstrap
    if not bootstrap:
        raise NoBroker("writing policies needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    return bootstrap


async def _published(settings: Settings) -> Published:
    service = settings.service
    if not service.bootstrap:
        err.print("no Kafka is named (--bootstrap, service.bootstrap): this is what the settings say alone")
        return Published()
    try:
        return await read_published(service.bootstrap, service.namespace)
    except TopicMissing as missing:
        err.print(f"{missing}; this is what the settings say alone", highlight=False, markup=False, soft_wrap=True)
        return Published()
