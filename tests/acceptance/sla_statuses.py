"""Worked examples of clocks that pause and go on by status, are reopened, and start anew with every update.

Berlin is two hours ahead of UTC in summer. 8 June 2026 is a Monday.
"""

from __future__ import annotations

from tests.acceptance.sla_stories import Story, promise

LOG = (
    "06-08T08:00 created", "06-08T08:00 new", "06-08T08:20 open", "06-08T08:45 pending", "06-09T14:30 open",
    "06-10T07:20 on_hold", "06-10T12:00 open", "06-10T12:35 solved", "06-11T09:00 open", "06-11T09:50 solved",
)  # fmt: skip
"""A ticket that is solved, opened again and solved again."""

STATUSES = (
    Story(
        "business-log",
        (promise("business-log", requester_wait="240m", agent_work="120m", total_resolution="1285m"),),
        LOG,
        {
            "requester_wait": (
                "06-08T08:00 activated due 06-08T12:00 used 0m by 1",
                "06-08T08:45 paused due 06-08T12:00 used 45m by 1,4",
                "06-09T14:30 resumed due 06-10T09:45 used 45m by 1,4,5",
                "06-10T08:57 at_risk due 06-10T09:45 used 192m by 1,4,5",
                "06-10T09:45 breached due 06-10T09:45 used 240m by 1,4,5",
                "06-10T12:35 fulfilled late due 06-10T09:45 used 410m by 1,4,5,8",
                "06-11T09:00 resumed due 06-10T09:45 used 410m by 1,4,5,8,9",
                "06-11T09:50 fulfilled late due 06-10T09:45 used 460m by 1,4,5,8,9,10",
            ),
            "agent_work": (
                "06-08T08:00 activated due 06-08T10:00 used 0m by 1",
                "06-08T08:45 paused due 06-08T10:00 used 45m by 1,4",
                "06-09T14:30 resumed due 06-10T07:45 used 45m by 1,4,5",
                "06-10T07:20 paused due 06-10T07:45 used 95m by 1,4,5,6",
                "06-10T12:00 resumed due 06-10T12:25 used 95m by 1,4,5,6,7",
                "06-10T12:01 at_risk due 06-10T12:25 used 96m by 1,4,5,6,7",
                "06-10T12:25 breached due 06-10T12:25 used 120m by 1,4,5,6,7",
                "06-10T12:35 fulfilled late due 06-10T12:25 used 130m by 1,4,5,6,7,8",
                "06-11T09:00 resumed due 06-10T12:25 used 130m by 1,4,5,6,7,8,9",
                "06-11T09:50 fulfilled late due 06-10T12:25 used 180m by 1,4,5,6,7,8,9,10",
            ),
            "total_resolution": (
                "06-08T08:00 activated due 06-10T13:25 used 0m by 1",
                "06-10T09:08 at_risk due 06-10T13:25 used 1028m by 1",
                "06-10T12:35 fulfilled attained due 06-10T13:25 used 1235m by 1,8",
                "06-11T09:00 resumed due 06-11T09:50 used 1235m by 1,8,9",
                "06-11T09:00 at_risk due 06-11T09:50 used 1235m by 1,8,9",
                "06-11T09:50 fulfilled attained due 06-11T09:50 used 1285m by 1,8,9,10",
            ),
        },
    ),
    Story(
        "calendar-log",
        (promise("calendar-log", "24x7", requester_wait="1420m", agent_work="1140m", total_resolution="3205m"),),
        LOG,
        {
            "requester_wait": (
                "06-08T08:00 activated due 06-09T07:40 used 0m by 1",
                "06-08T08:45 paused due 06-09T07:40 used 45m by 1,4",
                "06-09T14:30 resumed due 06-10T13:25 used 45m by 1,4,5",
                "06-10T08:41 at_risk due 06-10T13:25 used 1136m by 1,4,5",
                "06-10T12:35 fulfilled attained due 06-10T13:25 used 1370m by 1,4,5,8",
                "06-11T09:00 resumed due 06-11T09:50 used 1370m by 1,4,5,8,9",
                "06-11T09:00 at_risk due 06-11T09:50 used 1370m by 1,4,5,8,9",
                "06-11T09:50 fulfilled attained due 06-11T09:50 used 1420m by 1,4,5,8,9,10",
            ),
            "agent_work": (
                "06-08T08:00 activated due 06-09T03:00 used 0m by 1",
                "06-08T08:45 paused due 06-09T03:00 used 45m by 1,4",
                "06-09T14:30 resumed due 06-10T08:45 used 45m by 1,4,5",
                "06-10T04:57 at_risk due 06-10T08:45 used 912m by 1,4,5",
                "06-10T07:20 paused due 06-10T08:45 used 1055m by 1,4,5,6",
                "06-10T12:00 resumed due 06-10T13:25 used 1055m by 1,4,5,6,7",
                "06-10T12:00 at_risk due 06-10T13:25 used 1055m by 1,4,5,6,7",
                "06-10T12:35 fulfilled attained due 06-10T13:25 used 1090m by 1,4,5,6,7,8",
                "06-11T09:00 resumed due 06-11T09:50 used 1090m by 1,4,5,6,7,8,9",
                "06-11T09:00 at_risk due 06-11T09:50 used 1090m by 1,4,5,6,7,8,9",
                "06-11T09:50 fulfilled attained due 06-11T09:50 used 1140m by 1,4,5,6,7,8,9,10",
            ),
            "total_resolution": (
                "06-08T08:00 activated due 06-10T13:25 used 0m by 1",
                "06-10T02:44 at_risk due 06-10T13:25 used 2564m by 1",
                "06-10T12:35 fulfilled attained due 06-10T13:25 used 3155m by 1,8",
                "06-11T09:00 resumed due 06-11T09:50 used 3155m by 1,8,9",
                "06-11T09:00 at_risk due 06-11T09:50 used 3155m by 1,8,9",
                "06-11T09:50 fulfilled attained due 06-11T09:50 used 3205m by 1,8,9,10",
            ),
        },
    ),
    Story(
        "resolved",
        (promise("resolved", total_resolution="1285m"),),
        ("06-08T08:00 created queue claims", *LOG[1:]),
        {
            "total_resolution": (
                "06-08T08:00 activated due 06-10T13:25 used 0m by 1",
                "06-10T09:08 at_risk due 06-10T13:25 used 1028m by 1",
                "06-10T12:35 fulfilled attained due 06-10T13:25 used 1235m by 1,8",
                "06-11T09:00 resumed due 06-11T09:50 used 1235m by 1,8,9",
                "06-11T09:00 at_risk due 06-11T09:50 used 1235m by 1,8,9",
                "06-11T09:50 fulfilled attained due 06-11T09:50 used 1285m by 1,8,9,10",
            ),
        },
        queue="claims",
    ),
    Story(
        "updates",
        (promise("updates", periodic_update="300m", pausable_update="150m"),),
        (
            "06-08T07:00 created", "06-08T07:00 customer", "06-08T07:30 agent", "06-08T09:00 pending",
            "06-08T13:00 agent", "06-08T14:00 open", "06-09T08:00 agent", "06-09T09:00 solved",
        ),
        {
            "periodic_update": (
                "06-08T07:30 activated due 06-08T12:30 used 0m by 3",
                "06-08T11:30 at_risk due 06-08T12:30 used 240m by 3",
                "06-08T12:30 breached due 06-08T12:30 used 300m by 3",
                "06-08T13:00 fulfilled late due 06-08T12:30 used 330m by 3,5",
                "06-08T13:00 activated due 06-09T10:00 used 0m by 5",
                "06-09T08:00 fulfilled attained due 06-09T10:00 used 180m by 5,7",
                "06-09T08:00 activated due 06-09T13:00 used 0m by 7",
                "06-09T09:00 cancelled solved due 06-09T13:00 used 60m by 7,8",
            ),
            "pausable_update": (
                "06-08T07:30 activated due 06-08T10:00 used 0m by 3",
                "06-08T09:00 paused due 06-08T10:00 used 90m by 3,4",
                "06-08T13:00 fulfilled attained due 06-08T10:00 used 90m by 3,4,5",
                "06-08T13:00 activated due 06-09T07:30 used 0m by 5",
                "06-08T13:00 paused due 06-09T07:30 used 0m by 5,5",
                "06-08T14:00 resumed due 06-09T08:30 used 0m by 5,5,6",
                "06-09T08:00 fulfilled attained due 06-09T08:30 used 120m by 5,5,6,7",
                "06-09T08:00 activated due 06-09T10:30 used 0m by 7",
                "06-09T09:00 cancelled solved due 06-09T10:30 used 60m by 7,8",
            ),
        },
    ),
    Story(
        "paused-when-due",
        (promise("paused-when-due", requester_wait="60m"),),
        ("06-16T07:00 created", "06-16T08:00 pending", "06-16T09:00 open", "06-16T09:30 solved"),
        {
            "requester_wait": (
                "06-16T07:00 activated due 06-16T08:00 used 0m by 1",
                "06-16T07:48 at_risk due 06-16T08:00 used 48m by 1",
                "06-16T08:00 paused due 06-16T08:00 used 60m by 1,2",
                "06-16T09:00 resumed due 06-16T09:00 used 60m by 1,2,3",
                "06-16T09:00 breached due 06-16T09:00 used 60m by 1,2,3",
                "06-16T09:30 fulfilled late due 06-16T09:00 used 90m by 1,2,3,4",
            )
        },
    ),
    Story(
        "flapping",
        (promise("flapping", "24x7", requester_wait="15m"),),
        (
            "06-16T07:00 created", "06-16T07:10 pending", "06-16T07:20 open", "06-16T07:21 pending", "06-16T07:30 open",
            "06-16T07:30 pending", "06-16T07:40 open", "06-16T07:41 pending", "06-16T07:41 open", "06-16T07:42 pending",
            "06-16T07:50 open", "06-16T08:00 solved",
        ),
        {
            "requester_wait": (
                "06-16T07:00 activated due 06-16T07:15 used 0m by 1",
                "06-16T07:10 paused due 06-16T07:15 used 10m by 1,2",
                "06-16T07:20 resumed due 06-16T07:25 used 10m by 1,2,3",
                "06-16T07:21 paused due 06-16T07:25 used 11m by 1,2,3,4",
                "06-16T07:40 resumed due 06-16T07:44 used 11m by 1,2,3,4,7",
                "06-16T07:41 at_risk due 06-16T07:44 used 12m by 1,2,3,4,7",
                "06-16T07:42 paused due 06-16T07:44 used 13m by 1,2,3,4,7,10",
                "06-16T07:50 resumed due 06-16T07:52 used 13m by 1,2,3,4,7,10,11",
                "06-16T07:50 at_risk due 06-16T07:52 used 13m by 1,2,3,4,7,10,11",
                "06-16T07:52 breached due 06-16T07:52 used 15m by 1,2,3,4,7,10,11",
                "06-16T08:00 fulfilled late due 06-16T07:52 used 23m by 1,2,3,4,7,10,11,12",
            )
        },
    ),
)  # fmt: skip
