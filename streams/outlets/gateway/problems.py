"""The problem strip: what is wrong, worst first. Pure."""

from schemas.instants import to_ms
from schemas.notifications import Alert
from streams.outlets.gateway.alert_book import said_of
from streams.outlets.gateway.picture import Picture
from streams.outlets.gateway.shown import Problem, Source, State

SHOWN = 3
_RANK = {"critical": 0, "warning": 1, "info": 2}


def problems(picture: Picture, state: State, sources: tuple[Source, ...]) -> list[Problem]:
    """All of them: alerts that are not over, sources that are silent, and numbers that stand still."""
    alerts = picture.book.open()
    found = [_of_alert(alert) for alert in alerts]
    told = {alert.labels.get("source") for alert in alerts}
    found += [
        Problem(
            id=f"source:{source.name}",
            severity="warning",
            text=f"Source {source.name} is silent",
            since=source.silent_since,
            state="firing",
        )
        for source in sources
        if source.silent_since is not None and source.name not in told
    ]
    if state == "stale" and not any(alert.rule.startswith("pipeline") for alert in alerts):
        text = "No numbers yet" if picture.watermark is None else "The numbers stand still"
        found.append(Problem(id="pipeline", severity="critical", text=text, since=picture.watermark, state="firing"))
    return sorted(found, key=_badness)


def _of_alert(alert: Alert) -> Problem:
    return Problem(
        id=alert.id,
        severity=alert.severity,
        text=alert.summary,
        since=to_ms(alert.started_at),
        state=alert.state,
        acknowledged=said_of(alert),
        muted=alert.muted is not None,
    )


def _badness(problem: Problem) -> tuple[object, ...]:
    looked_after = problem.acknowledged is not None or problem.muted
    return _RANK[problem.severity], looked_after, problem.since or 0, problem.id
