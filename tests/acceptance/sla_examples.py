"""Worked examples of clocks and calendars, told by contacts.

Berlin is two hours ahead of UTC in summer and one in winter. 8 June 2026 is a Monday.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.acceptance.sla_stories import Story, promise

CALENDARS = """
[sla]
answer_within = "none"

[calendars.BER]
timezone = "Europe/Berlin"
hours = "Mo-Fr 09:00-17:00"
closed = ["2026-04-03", "2026-04-06", "2026-12-25"]
open = { "2026-12-24" = "09:00-12:00" }

[calendars.BER-till-19]
timezone = "Europe/Berlin"
hours = "Mo-Fr 09:00-19:00"

[calendars.BER-holiday]
timezone = "Europe/Berlin"
hours = "Mo-Fr 09:00-17:00"
closed = ["2026-06-10"]

[calendars.lunch]
timezone = "Europe/Berlin"
hours = "Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00"

[calendars.germany]
timezone = "Europe/Berlin"
hours = "Mo-Fr 09:00-17:00"
holidays = "DE"
open = { "2026-06-14" = "10:00-12:00" }

[calendars.nights]
timezone = "America/New_York"
hours = "Mo-Su 00:00-06:00, Mo-Su 22:00-24:00"

[calendars.berlin-nights]
timezone = "Europe/Berlin"
hours = "Mo-Su 22:00-06:00"

[calendars.closes-in-the-repeated-hour]
timezone = "America/New_York"
hours = "Su 00:00-01:30"

[calendars.opens-in-the-skipped-hour]
timezone = "America/New_York"
hours = "Su 02:30-05:00"

[calendars.santiago-mornings]
timezone = "America/Santiago"
hours = "Mo-Su 00:00-08:00"

[calendars.santiago-evenings]
timezone = "America/Santiago"
hours = "Mo-Su 20:00-24:00"

[calendars.all-day]
timezone = "Europe/Berlin"
hours = "Mo-Su 00:00-24:00"

[calendars.lord-howe]
timezone = "Australia/Lord_Howe"
hours = "Mo-Su 00:00-06:00"

[calendars.new-york]
timezone = "America/New_York"
hours = "Mo-Fr 09:00-17:00"

[calendars.chicago]
timezone = "America/Chicago"
hours = "Mo-Fr 08:00-17:00"

[calendars.tokyo]
timezone = "Asia/Tokyo"
hours = "Mo-Fr 09:00-18:00"
"""

LATE_REPLIES = (
    # what, calendar, target in minutes, asked, at risk, due, replied, minutes used by then
    ("overnight", "BER", 60, "06-09T14:40", "06-10T07:28", "06-10T07:40", "06-10T08:00", 80),
    ("weekend", "BER", 240, "06-12T13:30", "06-15T08:42", "06-15T09:30", "06-15T10:00", 270),
    ("easter", "BER", 120, "04-02T14:00", "04-07T07:36", "04-07T08:00", "04-07T08:30", 150),
    ("while-closed", "BER", 30, "06-14T11:00", "06-15T07:24", "06-15T07:30", "06-15T08:00", 60),
    ("half-day", "BER", 240, "12-23T15:30", "12-24T10:42", "12-28T08:30", "12-28T09:00", 270),
    ("at-close", "BER", 1, "06-08T15:00", "06-09T07:00:48", "06-09T07:01", "06-09T07:05", 5),
    ("over-lunch", "lunch", 60, "06-08T09:30", "06-08T11:18", "06-08T11:30", "06-08T12:00", 90),
    ("till-lunch", "lunch", 60, "06-08T09:00", "06-08T09:48", "06-08T10:00", "06-08T11:30", 90),
    ("spring-forward", "nights", 360, "03-08T04:00", "03-08T08:48", "03-08T10:00", "03-08T12:00", 360),
    ("fall-back", "nights", 360, "11-01T03:00", "11-01T07:48", "11-01T09:00", "11-01T11:00", 480),
    ("short-day", "all-day", 1440, "03-28T11:00", "03-29T06:12", "03-29T11:00", "03-29T12:00", 1500),
    ("long-day", "all-day", 1440, "10-24T10:00", "10-25T05:12", "10-25T10:00", "10-25T11:00", 1500),
    ("short-night", "berlin-nights", 420, "03-28T21:00", "03-29T02:36", "03-29T04:00", "03-29T05:00", 420),
    ("long-night", "berlin-nights", 540, "10-24T20:00", "10-25T03:12", "10-25T05:00", "10-25T06:00", 540),
    ("first-half-past-two", "berlin-nights", 120, "10-25T00:30", "10-25T02:06", "10-25T02:30", "10-25T06:00", 270),
    ("second-half-past-two", "berlin-nights", 120, "10-25T01:30", "10-25T03:06", "10-25T03:30", "10-25T06:00", 210),
    (
        "repeated-close",
        "closes-in-the-repeated-hour",
        90,
        "11-01T04:00",
        "11-01T05:12",
        "11-01T05:30",
        "11-01T07:00",
        90,
    ),
    (
        "skipped-opening",
        "opens-in-the-skipped-hour",
        90,
        "03-08T06:00",
        "03-08T08:42",
        "03-08T09:00",
        "03-08T10:00",
        90,
    ),
    ("half-hour-forward", "lord-howe", 240, "10-03T13:30", "10-03T16:42", "10-03T17:30", "10-03T20:00", 330),
    ("half-hour-back", "lord-howe", 240, "04-04T13:00", "04-04T16:12", "04-04T17:00", "04-04T20:00", 390),
    ("no-midnight", "santiago-mornings", 420, "09-06T02:00", "09-06T09:36", "09-06T11:00", "09-06T12:00", 420),
    ("longer-evening", "santiago-evenings", 300, "04-04T22:00", "04-05T03:00", "04-05T04:00", "04-05T05:00", 300),
    ("whit-monday", "germany", 120, "05-22T14:00", "05-26T07:36", "05-26T08:00", "05-26T08:30", 150),
    ("open-sunday", "germany", 60, "06-13T10:00", "06-14T08:48", "06-14T09:00", "06-14T09:30", 90),
    ("till-close", "BER", 480, "06-08T18:00", "06-09T13:24", "06-09T15:00", "06-09T15:30", 480),
)


def late_replies() -> Iterator[Story]:
    """First replies that come after they were due."""
    for name, calendar, target, asked, at_risk, due, replied, used in LATE_REPLIES:
        share = f"{target * 48}s" if target % 5 else f"{target * 4 // 5}m"
        yield Story(
            name,
            (promise(name, calendar, first_reply=f"{target}m"),),
            (f"{asked} created", f"{asked} customer", f"{replied} agent"),
            {
                "first_reply": (
                    f"{asked} activated due {due} used 0m by 2",
                    f"{at_risk} at_risk due {due} used {share} by 2",
                    f"{due} breached due {due} used {target}m by 2",
                    f"{replied} fulfilled late due {due} used {used}m by 2,3",
                )
            },
        )


REPLIES = (
    Story(
        "at-opening",
        (promise("at-opening", first_reply="1m"),),
        ("06-08T15:00 created", "06-08T15:00 customer", "06-09T07:00 agent"),
        {
            "first_reply": (
                "06-08T15:00 activated due 06-09T07:01 used 0m by 2",
                "06-09T07:00 fulfilled attained due 06-09T07:01 used 0m by 2,3",
            )
        },
    ),
    Story(
        "exactly-due",
        (promise("exactly-due", first_reply="15m"),),
        ("06-10T08:00 created", "06-10T08:00 customer", "06-10T08:15 agent"),
        {
            "first_reply": (
                "06-10T08:00 activated due 06-10T08:15 used 0m by 2",
                "06-10T08:12 at_risk due 06-10T08:15 used 12m by 2",
                "06-10T08:15 fulfilled attained due 06-10T08:15 used 15m by 2,3",
            )
        },
    ),
    Story(
        "a-second-late",
        (promise("a-second-late", first_reply="15m"),),
        ("06-10T08:00 created", "06-10T08:00 customer", "06-10T08:15:01 agent"),
        {
            "first_reply": (
                "06-10T08:00 activated due 06-10T08:15 used 0m by 2",
                "06-10T08:12 at_risk due 06-10T08:15 used 12m by 2",
                "06-10T08:15 breached due 06-10T08:15 used 15m by 2",
                "06-10T08:15:01 fulfilled late due 06-10T08:15 used 901s by 2,3",
            )
        },
    ),
    Story(
        "asks-twice",
        (promise("asks-twice", next_reply="60m"),),
        (
            "06-08T09:05 created", "06-08T09:05 customer", "06-08T09:40 customer", "06-08T09:50 note",
            "06-08T10:10 agent", "06-08T13:00 customer", "06-08T13:20 bot", "06-08T13:30 agent",
        ),
        {
            "next_reply": (
                "06-08T09:05 activated due 06-08T10:05 used 0m by 2",
                "06-08T09:53 at_risk due 06-08T10:05 used 48m by 2",
                "06-08T10:05 breached due 06-08T10:05 used 60m by 2",
                "06-08T10:10 fulfilled late due 06-08T10:05 used 65m by 2,5",
                "06-08T13:00 activated due 06-08T14:00 used 0m by 6",
                "06-08T13:30 fulfilled attained due 06-08T14:00 used 30m by 6,8",
            )
        },
    ),
    Story(
        "agent-begins",
        (promise("agent-begins", first_reply="2h"),),
        ("06-08T07:00 created", "06-08T07:00 agent", "06-08T08:30 agent"),
        {
            "first_reply": (
                "06-08T07:00 activated due 06-08T09:00 used 0m by 2",
                "06-08T08:30 fulfilled attained due 06-08T09:00 used 90m by 2,3",
            )
        },
    ),
    Story(
        "reopened",
        (promise("reopened", first_reply="60m", next_reply="60m"),),
        (
            "06-16T07:00 created", "06-16T07:00 customer", "06-16T07:30 agent", "06-16T07:40 solved",
            "06-16T08:00 customer", "06-16T08:00 open", "06-16T09:30 agent",
        ),
        {
            "first_reply": (
                "06-16T07:00 activated due 06-16T08:00 used 0m by 2",
                "06-16T07:30 fulfilled attained due 06-16T08:00 used 30m by 2,3",
            ),
            "next_reply": (
                "06-16T08:00 activated due 06-16T09:00 used 0m by 5",
                "06-16T08:48 at_risk due 06-16T09:00 used 48m by 5",
                "06-16T09:00 breached due 06-16T09:00 used 60m by 5",
                "06-16T09:30 fulfilled late due 06-16T09:00 used 90m by 5,7",
            ),
        },
    ),
    Story(
        "solved-in-time",
        (promise("solved-in-time", first_reply="60m"),),
        ("06-16T07:00 created", "06-16T07:00 customer", "06-16T07:30 solved", "06-16T09:00 customer"),
        {
            "first_reply": (
                "06-16T07:00 activated due 06-16T08:00 used 0m by 2",
                "06-16T07:30 cancelled solved_without_reply due 06-16T08:00 used 30m by 2,3",
            )
        },
    ),
    Story(
        "solved-too-late",
        (promise("solved-too-late", first_reply="60m"),),
        ("06-16T07:00 created", "06-16T07:00 customer", "06-16T08:30 solved"),
        {
            "first_reply": (
                "06-16T07:00 activated due 06-16T08:00 used 0m by 2",
                "06-16T07:48 at_risk due 06-16T08:00 used 48m by 2",
                "06-16T08:00 breached due 06-16T08:00 used 60m by 2",
                "06-16T08:30 lapsed solved_without_reply due 06-16T08:00 used 90m by 2,3",
            )
        },
    ),
    Story(
        "merged-away",
        (promise("merged-away", first_reply="60m"),),
        ("06-16T07:00 created", "06-16T07:00 customer", "06-16T07:20 merged into survivor"),
        {
            "first_reply": (
                "06-16T07:00 activated due 06-16T08:00 used 0m by 2",
                "06-16T07:20 cancelled merged due 06-16T08:00 used 20m by 2,3",
            )
        },
    ),
    Story(
        "survivor",
        (promise("survivor", first_reply="60m"),),
        ("06-16T07:05 created", "06-16T07:05 customer", "06-16T07:10 updated segment gold", "06-16T07:50 agent"),
        {
            "first_reply": (
                "06-16T07:05 activated due 06-16T08:05 used 0m by 2",
                "06-16T07:50 fulfilled attained due 06-16T08:05 used 45m by 2,4",
            )
        },
        segment="gold",
    ),
    Story(
        "skewed",
        (promise("skewed", first_reply="60m"),),
        ("06-16T07:00 created", "06-16T07:00 customer", "06-16T07:55 agent source mail", "06-16T08:20 note"),
        {
            "first_reply": (
                "06-16T07:00 activated due 06-16T08:00 used 0m by 2",
                "06-16T07:48 at_risk due 06-16T08:00 used 48m by 2",
                "06-16T07:55 fulfilled attained due 06-16T08:00 used 55m by 2,3",
            )
        },
    ),
    Story(
        "nobody-comes",
        (promise("nobody-comes", first_reply="60m"),),
        ("12-23T08:00 created", "12-23T08:00 customer"),
        {
            "first_reply": (
                "12-23T08:00 activated due 12-23T09:00 used 0m by 2",
                "12-23T08:48 at_risk due 12-23T09:00 used 48m by 2",
                "12-23T09:00 breached due 12-23T09:00 used 60m by 2",
            )
        },
    ),
    Story(
        "given-up",
        (promise("given-up", first_reply="60m"),),
        ("05-04T07:00 created", "05-04T07:00 customer"),
        {
            "first_reply": (
                "05-04T07:00 activated due 05-04T08:00 used 0m by 2",
                "05-04T07:48 at_risk due 05-04T08:00 used 48m by 2",
                "05-04T08:00 breached due 05-04T08:00 used 60m by 2",
                "06-03T07:00 lapsed lost due 05-04T08:00 used 10560m by 2",
            )
        },
    ),
    Story(
        "still-open",
        (promise("still-open", first_reply="8h"),),
        ("12-28T08:45 created", "12-28T08:45 customer"),
        {"first_reply": ("12-28T08:45 activated due 12-29T08:45 used 0m by 2",)},
    ),
    Story(
        "answered",
        (promise("answered", "24x7", answer_within="20s"),),
        ("06-17T07:00 created", "06-17T07:00 offered queue sales", "06-17T07:00:25 answered queue sales agent mia"),
        {
            "answer_within": (
                "06-17T07:00 activated due 06-17T07:00:20 used 0m by 2",
                "06-17T07:00:16 at_risk due 06-17T07:00:20 used 16s by 2",
                "06-17T07:00:20 breached due 06-17T07:00:20 used 20s by 2",
                "06-17T07:00:25 fulfilled late due 06-17T07:00:20 used 25s by 2,3",
            )
        },
        queue="sales",
        channel="chat",
    ),
)  # fmt: skip
