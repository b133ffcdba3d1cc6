"""Facts may come before the clock is known: what is as of the clock follows with it."""

from types import SimpleNamespace
from typing import Any

from agents.metrics.processor import Metrics
from schemas import live, partials
from schemas.instants import MINUTE, SECOND
from schemas.policies import MetricSettings
from schemas.topics import METRICS_PARTIALS
from streams.processor import Headers

OFFERED = 15_000_000 * MINUTE


class Sent:
    """Takes what is sent; `windows`: the last record of every window."""

    def __init__(self) -> None:
        self.windows: dict[tuple[str | None, str], live.LiveMetrics] = {}

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        if key not in (live.PIPELINE_KEY, live.TRENDS_KEY) and value is not None:
            window = live.decode(value)
            self.windows[window.scope.queue, window.window.kind] = window


def answered_after_ten_seconds(queue: str) -> Any:
    pane = OFFERED // MINUTE
    facts = [(("phone", queue, pane, measure, wait), 1) for measure, wait in (("offered", 0), ("answered", 10_000))]
    value = partials.encode(partials.Partial(task="contacts-0", facts=facts))
    return SimpleNamespace(
        topic=METRICS_PARTIALS.name, partition=0, offset=0, timestamp=0, key=b"contacts-0", value=value, headers=()
    )


def test_a_window_that_was_sent_before_there_was_a_clock_is_sent_again_with_it() -> None:
    metrics, sent = Metrics(MetricSettings()), Sent()
    metrics.take(answered_after_ten_seconds("sales"), sent)
    metrics.before_flush(sent, ended=False)
    assert "contacts_in_queue" not in sent.windows["sales", "all"].metrics

    # The facts of the next minutes are of another queue.
    metrics.advance(OFFERED + 30 * SECOND, sent)
    metrics.before_flush(sent, ended=False)
    window = sent.windows["sales", "all"]
    assert window.watermark is not None
    assert window.metrics["contacts_in_queue"].value == 0
    assert window.metrics["contacts_answered"].value == 1
    assert window.metrics["service_level.answered_over_offered_live@20"].value == 1.0
