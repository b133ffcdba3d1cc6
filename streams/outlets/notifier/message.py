"""The message of an alert: plain text whose first line stands alone; lines that have nothing to say are left out."""

from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from schemas.notifications import Alert, Notify, Subject
from schemas.policies import CLOCKS
from streams.outlets.notifier.numbers import Numbers
from streams.outlets.notifier.playbook import steps
from streams.outlets.notifier.words import duration, instant, number, one_line, share

SUBJECT = 120
"""Characters of a subject, at most."""

_LINE = 300
_LABEL = 10
_OF_WORK = frozenset(f"sla.{clock}" for clock in CLOCKS if clock != "answer_within")
"""Rules of which the numbers of queues say nothing: nobody may be in one, and many wait for a reply."""

_HEADS: dict[Notify, str] = {"resolve": "RESOLVED", "retract": "RETRACTED", "brief": "FIRED AND CLEARED"}


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """What messages of one installation have in common. `base`: where its board is, with a slash at its end.

    `names`: what people call a queue, `targets`: the share that is to be answered in time, by queue.
    """

    base: str
    zone: ZoneInfo
    names: dict[str, str] = {}
    targets: dict[str, float] = {}
    target: float | None = None


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """What one receiver is told."""

    subject: str
    text: str
    links: dict[str, str]


def compose(alert: Alert, notify: Notify, now: datetime, numbers: Numbers | None, place: Place) -> Message:
    """The message. `numbers`: of the alert's scope as they are now; all else is as the alert's record froze it."""
    links = links_of(alert, place)
    first = headline(alert, notify, _LINE)
    over = notify in ("resolve", "retract", "brief")
    lines = [
        first,
        *_line("Ended", _ended(alert, notify, place, now) if over else ""),
        *_line("Now", _now(alert, numbers, place, now) if numbers is not None and alert.rule not in _OF_WORK else ""),
        *_line("Since", "" if over else _since(alert, notify, place, now)),
        *_line("Scope", _scope(alert, place)),
        *_lines("Evidence", _evidence(alert, place, now)),
        *_lines("Do", [] if over else [f"{at} {step}" for at, step in enumerate(steps(alert.rule), 1)]),
        *_lines("Links", _links({name: link for name, link in links.items() if not (over and name == "acknowledge")})),
        *_line("Id", _id(alert, numbers, place, now)),
    ]
    return Message(subject=headline(alert, notify, SUBJECT), text="\n".join(lines) + "\n", links=links)


def headline(alert: Alert, notify: Notify, most: int) -> str:
    """Severity (or that it is over) and the summary, in so many characters."""
    head = f"[{_HEADS.get(notify, alert.severity.upper())}] "
    return one_line(f"{head}{'Still: ' if notify == 'repeat' else ''}{alert.summary}", most)


def links_of(alert: Alert, place: Place) -> dict[str, str]:
    """The board, the alert on it, and where it is acknowledged: the same place, since the alert's page does both."""
    page = f"{place.base}?alert={quote(alert.id, safe='')}"
    return {"board": place.base, "alert": page, "acknowledge": page}


def _links(links: dict[str, str]) -> list[str]:
    """A line for each address, with all that it is for: 'alert, acknowledge: https://...'."""
    names: dict[str, list[str]] = {}
    for name, link in links.items():
        names.setdefault(link, []).append(name)
    return [f"{', '.join(said)}: {link}" for link, said in names.items()]


def _line(label: str, words: str) -> list[str]:
    return _lines(label, [words] if words else [])


def _lines(label: str, words: list[str]) -> list[str]:
    return [
        f"{label if at == 0 else '':<{_LABEL}}{one_line(each, _LINE)}" for at, each in enumerate(words) if each.strip()
    ]


def _now(alert: Alert, numbers: Numbers, place: Place, now: datetime) -> str:
    said = []
    if numbers.decided and numbers.answered_in_time is not None and numbers.threshold is not None:
        level = f"{share(numbers.answered_in_time / numbers.decided)} in {number(numbers.threshold)} s"
        said.append(f"{level} ({numbers.answered_in_time} of {numbers.decided}, last 30 min)")
        target = place.targets.get(alert.labels.get("queue", ""), place.target)
        if target is not None:
            said.append(f"target {share(target)}")
    if numbers.waiting:
        oldest = f", oldest {duration(numbers.oldest)}" if numbers.oldest is not None else ""
        said.append(f"{numbers.waiting} waiting{oldest}")
    elif numbers.waiting == 0:
        said.append("nobody waits")
    return f"{'; '.join(said)} (at {instant(numbers.as_of, place.zone, now, exact=True)})" if said else ""


def _since(alert: Alert, notify: Notify, place: Place, now: datetime) -> str:
    span = duration((now - alert.started_at).total_seconds())
    episode = {"trigger": "first message of this episode", "update": "more has joined"}.get(notify, "")
    if notify == "repeat":
        episode = "nobody has acknowledged it" if alert.acknowledged is None else f"with {alert.acknowledged.by}"
    return f"{instant(alert.started_at, place.zone, now)}, {span}{'; ' + episode if episode else ''}"


def _ended(alert: Alert, notify: Notify, place: Place, now: datetime) -> str:
    """That it is over, how long it was, and how many it was about."""
    ended = alert.ended_at or alert.updated_at
    span = duration((ended - alert.started_at).total_seconds())
    course = f"{instant(alert.started_at, place.zone, now)} to {instant(ended, place.zone, now)}, {span}"
    why = f"; {alert.reason}" if alert.reason else ""
    if notify == "retract" or alert.state == "retracted":
        return f"taken back: what it was about was corrected away{why} ({course})"
    told = "; it was over before anybody was told" if notify == "brief" else ""
    count = alert.evidence.total
    return f"{course}{f'; {count} in all' if count > 1 else ''}{why}{told}"


def _scope(alert: Alert, place: Place) -> str:
    names = {**alert.labels}
    if "queue" in names:
        names["queue"] = place.names.get(names["queue"], names["queue"])
    return ", ".join(f"{label} {value}" for label, value in sorted(names.items(), key=lambda pair: pair[0] != "queue"))


def _evidence(alert: Alert, place: Place, now: datetime) -> list[str]:
    evidence, lines = alert.evidence, []
    if evidence.trend is not None:
        trend = evidence.trend
        if trend.last_seen is not None:
            limit = f"; silent after {duration(trend.limit)}" if trend.limit is not None else ""
            lines.append(f"last heard of at {instant(trend.last_seen, place.zone, now, exact=True)}{limit}")
        else:
            days = f", from {trend.days} days" if trend.days else ""
            lines.append(f"{number(trend.observed)} arrivals, usual {number(trend.expected)}{days}")
    if evidence.total > 1 or evidence.target is not None:
        unit = " business time" if evidence.business else ""
        promise = f"; promise {duration(evidence.target)}{unit}" if evidence.target is not None else ""
        policy = f" ({evidence.policy})" if evidence.policy else ""
        corrected = f"; {evidence.corrected} corrected away" if evidence.corrected else ""
        lines.append(f"{evidence.open} of {evidence.total} still open{promise}{policy}{corrected}")
    lines += [_subject(each, place, now) for each in evidence.subjects]
    hidden = evidence.total - len(evidence.subjects)
    if evidence.subjects and hidden > 0:
        lines.append(f"and {hidden} more")
    return lines


def _subject(subject: Subject, place: Place, now: datetime) -> str:
    what = f"contact {subject.contact}" if subject.contact else subject.id
    when = [f"since {instant(subject.since, place.zone, now, exact=True)}"]
    if subject.due_at is not None:
        when.append(f"due {instant(subject.due_at, place.zone, now, exact=True)}")
    if subject.ended_at is not None:
        outcome = f" ({subject.outcome})" if subject.outcome else ""
        when.append(f"over {instant(subject.ended_at, place.zone, now, exact=True)}{outcome}")
    return f"{what}, {', '.join(when)}"


def _id(alert: Alert, numbers: Numbers | None, place: Place, now: datetime) -> str:
    as_of = instant(alert.updated_at, place.zone, now, exact=True)
    silent = f", silent: {', '.join(numbers.silent)}" if numbers is not None and numbers.silent else ""
    return f"{alert.id}, rule {alert.rule} v{alert.version}, data as of {as_of}{silent}"
