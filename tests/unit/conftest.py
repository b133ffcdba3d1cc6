"""Property tests judge what comes out: how long an example takes is the machine's business."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("whatever the machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the machine")
