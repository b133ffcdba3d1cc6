"""A simulated contact centre: phones that write what an Asterisk's queue_log would say, and desks for chat, mail and
social messages whose tools speak the formats of real ones.

Time is an argument, chance is seeded: the same plan, seed and beginning give the same bytes.
"""

from streams.simulator.centre import Centre
from streams.simulator.history import write_history
from streams.simulator.house import Delivery, House
from streams.simulator.people import Person, crm_lines, visitors_of
from streams.simulator.plan import Incident, Plan, sample_plan
from streams.simulator.truth import DeskTruth, Truth

__all__ = [
    "Centre",
    "Delivery",
    "DeskTruth",
    "House",
    "Incident",
    "Person",
    "Plan",
    "Truth",
    "crm_lines",
    "sample_plan",
    "visitors_of",
    "write_history",
]
