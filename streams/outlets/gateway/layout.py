"""Which tiles stand on which page: as the settings say, else laid out by what queues there are. Pure."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from schemas.definition import Definition
from schemas.definitions import AS_OF_NOW, definition_of
from schemas.instants import SECOND
from schemas.live import Scope, WindowKind
from schemas.service_levels import service_level_id
from streams.outlets.gateway.series import Followed
from streams.sections import MOST_TILES, Sections, Tile

FLOOR = Scope()
MOST_PAGES = 3
QUEUES_A_PAGE = 3
LABEL = 22

OLDEST, WAITING = "oldest_waiting", "contacts_in_queue"
ABANDONED, ANSWERED, SPEED = "abandonment_rate", "contacts_answered", "average_speed_of_answer"
READY, ON_CONTACT = "agents_by_state.available", "agents_by_state.on_contact"

_KINDS: dict[str, tuple[WindowKind, str]] = {
    "now": ("all", "now"),
    "15min": ("rolling15min", "last 15 min"),
    "30min": ("rolling30min", "last 30 min"),
    "60min": ("rolling60min", "last 60 min"),
    "day": ("day", "today"),
}


class TileOf(NamedTuple):
    """What one tile shows, and where it is read. `window`: as said to people."""

    id: str
    metric: str
    label: str
    scope: Scope
    kind: WindowKind
    window: str
    definition: Definition

    @property
    def followed(self) -> Followed:
        """Its series."""
        return self.scope, self.kind, self.metric


class PageOf(NamedTuple):
    """A page's title and tiles."""

    title: str
    tiles: tuple[TileOf, ...]


class Layout:
    """Lays the board out."""

    def __init__(self, settings: Sections) -> None:
        self._settings = settings

    def name_of(self, queue: str) -> str:
        """What a queue is called on the board: up to 22 letters."""
        known = self._settings.queues.get(queue)
        return cut(known.display_name if known and known.display_name else queue, LABEL)

    def visible(self, queues: Collection[str]) -> list[str]:
        """The queues that are shown: those of the settings in their order, then the others by name."""
        known = self._settings.queues
        others = sorted(set(queues) - set(known), key=lambda name: (name.casefold(), name))
        return [name for name in (*known, *others) if name not in known or not known[name].hidden]

    def pages(self, queues: Collection[str]) -> list[PageOf]:
        """The pages for these queues."""
        tiles = self._settings.tiles
        if tiles:
            numbers = sorted({tile.page for tile in tiles})
            titles = {1: self._settings.board.title}
            return [
                PageOf(
                    titles.get(number, f"{self._settings.board.title} {number}"),
                    tuple(self._configured(tile) for tile in tiles if tile.page == number),
                )
                for number in numbers
            ]
        shown = self.visible(queues)
        pages = [PageOf(self._settings.board.title, tuple(self._floor(shown)))]
        most = QUEUES_A_PAGE * (MOST_PAGES - 1)
        for first in range(0, min(len(shown), most), QUEUES_A_PAGE):
            rows = shown[first : min(first + QUEUES_A_PAGE, most)]
            title = ", ".join(self.name_of(queue) for queue in rows)
            pages.append(PageOf(title, tuple(tile for queue in rows for tile in self._row(queue))))
        return pages

    def level_of(self, queue: str | None) -> str:
        """The service level that a queue (None: the floor) is shown by: at its own promise where that is measured."""
        thresholds = self._settings.metrics.thresholds
        own = self._settings.queues[queue].answer_within if queue in self._settings.queues else None
        promised = self._settings.sla.answer_within if own is None else own
        threshold = promised if promised in thresholds else thresholds[0]
        return service_level_id("answered_over_offered", round(threshold * SECOND))

    def _floor(self, shown: list[str]) -> Iterable[TileOf]:
        yield tile_of(OLDEST, "Oldest waiting", "now")
        yield tile_of(WAITING, "In queue", "now")
        yield tile_of(self.level_of(None), "Service level", "30min")
        yield tile_of(ABANDONED, "Abandoned", "30min")
        yield tile_of(READY, "Agents ready", "now")
        yield tile_of(ON_CONTACT, "Agents on contact", "now")
        yield tile_of(ANSWERED, "Answered", "30min")
        yield tile_of(SPEED, "Avg speed of answer", "30min")
        for queue in shown[: MOST_TILES - 8]:
            yield tile_of(OLDEST, self._label(queue, "oldest wait"), "now", Scope(queue=queue))

    def _row(self, queue: str) -> Iterable[TileOf]:
        scope = Scope(queue=queue)
        yield tile_of(OLDEST, self._label(queue, "oldest wait"), "now", scope)
        yield tile_of(self.level_of(queue), self._label(queue, "service level"), "30min", scope)
        yield tile_of(ABANDONED, self._label(queue, "abandoned"), "30min", scope)
        yield tile_of(READY, self._label(queue, "agents ready"), "now", scope)

    def _label(self, queue: str, what: str) -> str:
        return f"{cut(self.name_of(queue), LABEL - len(what) - 1)} {what}"

    def _configured(self, tile: Tile) -> TileOf:
        scope = Scope(channel=tile.channel, queue=tile.queue)
        words = definition_of(tile.metric).id.split(".")[0].replace("_", " ").capitalize()
        label = tile.label or (cut(words, LABEL) if tile.queue is None else self._label(tile.queue, words.lower()[:13]))
        return tile_of(tile.metric, label, tile.window, scope)


def tile_of(metric: str, label: str, window: str, scope: Scope = FLOOR) -> TileOf:
    """One tile; what is as of now is so whatever the window."""
    definition = definition_of(metric)
    if definition.id in AS_OF_NOW:
        window = "now"
    kind, words = _KINDS[window]
    name = "/".join((scope.queue or "*", scope.channel or "*", metric, window))
    return TileOf(name, metric, label, scope, kind, words, definition)


def cut(text: str, most: int) -> str:
    """A text of so many letters at most."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
