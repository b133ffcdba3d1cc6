"""docs/reference/telemetry.md, of the one list of operational metrics."""

from prometheus_client import Counter, Gauge, Histogram

from streams import telemetry
from tools.reference.tables import code, table

_HEAD = """# Telemetry

What each process says of itself at `/metrics`, in Prometheus's text format: a worker on `service.port`, the
connectors on `connect.port`, the notifier on `notifier.port` (all on loopback only), the gateway on its own.
These tell how the machine runs; the numbers of the floor are on `metrics.live` ([metrics.md](metrics.md)).
`stage` and `partition` name a task, `topic` is without namespace, seconds and records are plain numbers. Besides
these, the Python client tells of the process (`process_...`, `python_...`).
[howto-operate.md](../howto-operate.md) says which to watch, and what to make of them.

"""


def page() -> str:
    """The page."""
    found = [each for each in vars(telemetry).values() if isinstance(each, Counter | Gauge | Histogram)]
    return _HEAD + table(("metric", "kind", "labels", "meaning"), [_row(each) for each in found]).rstrip("\n") + "\n"


def _row(each: Counter | Gauge | Histogram) -> tuple[str, str, str, str]:
    (family,) = each.describe()
    name = f"{family.name}_total" if isinstance(each, Counter) else family.name
    return code(name), family.type, ", ".join(map(code, each._labelnames)), family.documentation
