"""The picture: all that the topics say and the gateway shows. No I/O; records and the time come in."""

from schemas import live, notifications
from schemas.customers import decode_contact
from schemas.instants import to_ms
from schemas.topics import ALERTS_NOTIFICATIONS, CUSTOMERS_EVENTS, METRICS_LIVE, POLICIES, prefix_of
from schemas.unreadable import UNREADABLE
from streams.outlets.gateway.alert_book import AlertBook
from streams.outlets.gateway.layout import Layout, PageOf
from streams.outlets.gateway.open_contacts import OpenContacts
from streams.outlets.gateway.series import Series
from streams.outlets.gateway.windows import Windows
from streams.policy_topic import Published
from streams.processor import Record

SHOWN = (METRICS_LIVE, ALERTS_NOTIFICATIONS, POLICIES)
"""What is read from the start: what the board is made of, and what is promised."""

TOPICS = (*SHOWN, CUSTOMERS_EVENTS)
"""What is read."""


class Picture:
    """The state that all answers are made from.

    `watermark`: how far every task of the pipeline has got (ms), heard of at `heard`. `news`: alerts that changed
    since somebody took them; `old_news`: others changed that are of the past, and are not told one by one.
    """

    def __init__(self, namespace: str, layout: Layout) -> None:
        self.windows = Windows()
        self.contacts = OpenContacts()
        self.book = AlertBook()
        self.published = Published()
        self.series = Series()
        self.pipeline: live.Pipeline | None = None
        self.trends: live.Trends | None = None
        self.watermark: int | None = None
        self.heard = 0
        self._unreadable = {topic.name: 0 for topic in TOPICS}
        self.news: list[notifications.Alert] = []
        self.old_news = False
        self._layout = layout
        self._queues = -1
        self._pages: list[PageOf] = []
        self._takers = {prefix_of(namespace) + topic.name: topic.name for topic in TOPICS}

    @property
    def pages(self) -> list[PageOf]:
        """The pages of the board, for the queues that there are."""
        if len(self.windows.queues) != self._queues:
            self._queues = len(self.windows.queues)
            self._pages = self._layout.pages(self.windows.queues)
            self.series.follow(name for page in self._pages for spec in page.tiles for name in [spec.followed])
        return self._pages

    def take(self, record: Record, now: int, *, past: bool = False) -> None:
        """Take one record, at the server's time. One that cannot be understood is counted and left out. `past`: it was
        there before anybody listened."""
        topic = self._takers[record.topic]
        # A record without a key is a watermark.
        if record.key is None:
            return
        try:
            if topic == METRICS_LIVE.name:
                self._take_metrics(record.key, record.value, record.timestamp, now)
            elif topic == POLICIES.name:
                self.published.take(record.key, record.value)
            elif record.value is None:
                return
            elif topic == CUSTOMERS_EVENTS.name:
                self.contacts.take(decode_contact(record.value))
            else:
                alert = self.book.take(notifications.decode(record.value))
                if alert is not None and past:
                    self.old_news = True
                elif alert is not None:
                    self.news.append(alert)
        except UNREADABLE:
            self._unreadable[topic] += 1

    @property
    def unreadable(self) -> dict[str, int]:
        """Records that could not be understood, by topic."""
        return self._unreadable | {METRICS_LIVE.name: self._unreadable[METRICS_LIVE.name] + self.windows.unreadable}

    def _take_metrics(self, key: bytes, value: bytes | None, at: int, now: int) -> None:
        if key == live.PIPELINE_KEY:
            if value is not None:
                self.pipeline = live.decode_pipeline(value)
                marks = [to_ms(mark.watermark) for mark in self.pipeline.tasks.values() if not mark.ended]
                marks = marks or [to_ms(mark.watermark) for mark in self.pipeline.tasks.values()]
                if marks and min(marks) != self.watermark:
                    self.watermark, self.heard = min(marks), now
                    self.series.hear(self.watermark)
        elif key == live.TRENDS_KEY:
            if value is not None:
                self.trends = live.decode_trends(value)
        else:
            held = self.windows.take(key, value, at)
            if held is not None and self.pages and self.series.follows(held.scope, held.kind):
                read = held.live()
                if read is not None:
                    self.series.take(read)
