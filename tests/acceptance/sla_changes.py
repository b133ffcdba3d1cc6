"""Worked examples of clocks that are judged by policies and calendars that change.

Berlin is two hours ahead of UTC in summer. 8 June 2026 is a Monday.
"""

from __future__ import annotations

from tests.acceptance.sla_stories import Story, promise


def moved(mode: str, *told: str) -> Story:
    """A contact whose calendar moves from Chicago to Tokyo while it waits for a reply."""
    name = f"moved-{mode.replace('_', '-')}"
    desks = (("chicago", {}), ("tokyo", {"version": 2, "effective_from": "2026-06-09T16:00:00-05:00"}))
    return Story(
        name,
        tuple(promise(name, desk, calendar_mode=mode, first_reply="6h", **more) for desk, more in desks),
        ("06-09T18:00 created", "06-09T18:00 customer", "06-10T02:30 agent"),
        {
            "first_reply": (
                "06-09T18:00 activated due 06-10T15:00 used 0m by 2",
                *(line.replace("NAME", name) for line in told),
            )
        },
    )


POLICIES = (
    Story(
        "tightened",
        (
            promise("tightened", id="tightened-urgent", priorities=["urgent"], first_reply="1h"),
            promise("tightened", first_reply="8h"),
        ),
        ("06-08T07:00 created", "06-08T07:00 customer", "06-08T09:00 updated priority urgent", "06-08T10:00 agent"),
        {
            "first_reply": (
                "06-08T07:00 activated due 06-08T15:00 used 0m by 2",
                "06-08T09:00 retargeted due 06-08T08:00 used 120m by 2,3 contact_changed tightened-urgent:1",
                "06-08T08:00 breached due 06-08T08:00 used 120m by 2,3 contact_changed tightened-urgent:1",
                "06-08T10:00 fulfilled late due 06-08T08:00 used 180m by 2,3,4 tightened-urgent:1",
            )
        },
    ),
    Story(
        "relaxed-in-time",
        (
            promise("relaxed-in-time", id="relaxed-low", priorities=["low"], first_reply="4h"),
            promise("relaxed-in-time", first_reply="1h"),
        ),
        ("06-08T07:00 created", "06-08T07:00 customer", "06-08T07:30 updated priority low", "06-08T10:00 agent"),
        {
            "first_reply": (
                "06-08T07:00 activated due 06-08T08:00 used 0m by 2",
                "06-08T07:30 retargeted due 06-08T11:00 used 30m by 2,3 contact_changed relaxed-low:1",
                "06-08T10:00 fulfilled attained due 06-08T11:00 used 180m by 2,3,4 relaxed-low:1",
            )
        },
    ),
    Story(
        "relaxed-too-late",
        (
            promise("relaxed-too-late", id="relaxed-late", priorities=["low"], first_reply="4h"),
            promise("relaxed-too-late", first_reply="1h"),
        ),
        ("06-08T07:00 created", "06-08T07:00 customer", "06-08T08:05 updated priority low", "06-08T10:00 agent"),
        {
            "first_reply": (
                "06-08T07:00 activated due 06-08T08:00 used 0m by 2",
                "06-08T07:48 at_risk due 06-08T08:00 used 48m by 2",
                "06-08T08:00 breached due 06-08T08:00 used 60m by 2",
                "06-08T08:05 retargeted due 06-08T11:00 used 65m by 2,3 contact_changed relaxed-late:1",
                "06-08T10:00 fulfilled late due 06-08T11:00 used 180m by 2,3,4 relaxed-late:1",
            )
        },
    ),
    Story(
        "without-a-policy",
        (promise("without-a-policy", priorities=["high"], first_reply="60m"),),
        (
            "06-17T07:00 created priority high", "06-17T07:00 customer", "06-17T07:20 updated priority low",
            "06-17T07:40 updated priority high", "06-17T08:10 agent",
        ),
        {
            "first_reply": (
                "06-17T07:00 activated due 06-17T08:00 used 0m by 2",
                "06-17T07:20 cancelled no_policy due 06-17T08:00 used 20m by 2,3 contact_changed",
                "06-17T07:40 activated due 06-17T08:00 used 40m by 2,3,4 contact_changed",
                "06-17T07:48 at_risk due 06-17T08:00 used 48m by 2,3,4",
                "06-17T08:00 breached due 06-17T08:00 used 60m by 2,3,4",
                "06-17T08:10 fulfilled late due 06-17T08:00 used 70m by 2,3,4,5",
            )
        },
    ),
    Story(
        "retired",
        (
            promise("retired", first_reply="60m"),
            promise("retired", version=2, effective_from="2026-06-17T09:30:00+02:00", retired=True, first_reply="60m"),
        ),
        ("06-17T07:00 created", "06-17T07:00 customer", "06-17T09:00 agent"),
        {
            "first_reply": (
                "06-17T07:00 activated due 06-17T08:00 used 0m by 2",
                "06-17T07:30 cancelled no_policy due 06-17T08:00 used 30m by 2 policy_changed",
            )
        },
    ),
    Story(
        "to-business-hours",
        (
            promise("to-business-hours", "24x7", first_reply="4h"),
            promise("to-business-hours", version=2, effective_from="2026-06-08T16:00:00+02:00", first_reply="4h"),
        ),
        ("06-08T13:00 created", "06-08T13:00 customer", "06-09T08:00 agent"),
        {
            "first_reply": (
                "06-08T13:00 activated due 06-08T17:00 used 0m by 2",
                "06-08T14:00 retargeted due 06-09T09:00 used 60m by 2 policy_changed to-business-hours:2",
                "06-09T08:00 fulfilled attained due 06-09T09:00 used 180m by 2,3 to-business-hours:2",
            )
        },
    ),
    Story(
        "open-longer",
        (
            promise("open-longer", first_reply="90m"),
            promise(
                "open-longer", "BER-till-19", version=2, effective_from="2026-06-09T16:30:00+02:00", first_reply="90m"
            ),
        ),
        ("06-09T14:00 created", "06-09T14:00 customer", "06-09T16:00 agent"),
        {
            "first_reply": (
                "06-09T14:00 activated due 06-10T07:30 used 0m by 2",
                "06-09T14:30 retargeted due 06-09T15:30 used 30m by 2 policy_changed open-longer:2",
                "06-09T15:12 at_risk due 06-09T15:30 used 72m by 2 open-longer:2",
                "06-09T15:30 breached due 06-09T15:30 used 90m by 2 open-longer:2",
                "06-09T16:00 fulfilled late due 06-09T15:30 used 120m by 2,3 open-longer:2",
            )
        },
    ),
    *(
        Story(
            name,
            (
                promise(name, first_reply="4h", calendar_mode=mode),
                promise(
                    name, "BER-holiday", version=2, effective_from="2026-06-10T10:00:00+02:00", first_reply="4h",
                    calendar_mode=mode,
                ),
            ),
            ("06-09T13:00 created", "06-09T13:00 customer", f"06-11T{replied} agent"),
            {
                "first_reply": (
                    "06-09T13:00 activated due 06-10T09:00 used 0m by 2",
                    f"06-10T08:00 retargeted due 06-11T{due} used {used}m by 2 policy_changed {name}:2",
                    f"06-11T{at_risk} at_risk due 06-11T{due} used 192m by 2 {name}:2",
                    f"06-11T{due} breached due 06-11T{due} used 240m by 2 {name}:2",
                    f"06-11T{replied} fulfilled late due 06-11T{due} used 270m by 2,3 {name}:2",
                )
            },
        )
        for name, mode, used, at_risk, due, replied in (
            ("holiday-from-now-on", "piecewise", 180, "07:12", "08:00", "08:30"),
            ("holiday-all-day", "last_schedule", 120, "08:12", "09:00", "09:30"),
        )
    ),
    moved(
        "piecewise",
        "06-09T21:00 retargeted due 06-10T03:00 used 180m by 2 policy_changed NAME:2",
        "06-10T01:48 at_risk due 06-10T03:00 used 288m by 2 NAME:2",
        "06-10T02:30 fulfilled attained due 06-10T03:00 used 330m by 2,3 NAME:2",
    ),
    moved(
        "last_schedule",
        "06-09T21:00 retargeted due 06-10T06:00 used 0m by 2 policy_changed NAME:2",
        "06-10T02:30 fulfilled attained due 06-10T06:00 used 150m by 2,3 NAME:2",
    ),
    *(
        moved(
            mode,
            "06-09T21:00 retargeted due 06-10T15:00 used 180m by 2 policy_changed NAME:2",
            "06-10T02:30 fulfilled attained due 06-10T15:00 used 240m by 2,3 NAME:2",
        )
        for mode in ("first_schedule", "at_status_change")
    ),
    Story(
        "two-calendars",
        (
            promise("two-calendars", queues=["berlin"], total_resolution="8h"),
            promise("two-calendars", "new-york", id="new-york", queues=["new-york"], total_resolution="8h"),
        ),
        ("06-08T13:00 created queue berlin", "06-08T17:00 updated queue new-york", "06-09T16:00 solved"),
        {
            "total_resolution": (
                "06-08T13:00 activated due 06-09T13:00 used 0m by 1",
                "06-08T17:00 retargeted due 06-09T15:00 used 120m by 1,2 contact_changed new-york:1",
                "06-09T13:24 at_risk due 06-09T15:00 used 384m by 1,2 new-york:1",
                "06-09T15:00 breached due 06-09T15:00 used 480m by 1,2 new-york:1",
                "06-09T16:00 fulfilled late due 06-09T15:00 used 540m by 1,2,3 new-york:1",
            )
        },
        queue="new-york",
    ),
)  # fmt: skip
