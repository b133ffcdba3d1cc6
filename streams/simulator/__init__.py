"""A simulated phone contact centre that writes what an Asterisk's queue_log would say.

Time is an argument, chance is seeded: the same plan, seed and beginning give the same bytes.
"""

from streams.simulator.centre import Centre
from streams.simulator.history import write_history
from streams.simulator.plan import Incident, Plan, sample_plan
from streams.simulator.truth import Truth

__all__ = ["Centre", "Incident", "Plan", "Truth", "sample_plan", "write_history"]
