"""Pasts: the daily counts of many series in one store, each with its baseline."""

from agents.metrics.baseline import KEPT_DAYS, Baseline, Day
from agents.metrics.slots import Slots
from streams.store import Store

_SEPARATOR = "\x1f"


class Pasts:
    """Counts by local quarter hour of series that are told apart by a text. State: one entry a series and date."""

    def __init__(self, kind: bytes, slots: Slots) -> None:
        self.store: Store[Day] = Store(kind, Day)
        self._slots = slots
        self._observed: set[int] = set()
        self._baselines: dict[str, Baseline] = {}
        self._swept: int | None = None
        self.amended: set[str] = set()
        """Series whose past has changed; whoever works by their baselines empties it."""

    def of(self, name: str) -> Baseline:
        """The baseline of a series."""
        baseline = self._baselines.get(name)
        if baseline is None:
            baseline = self._baselines[name] = Baseline(self._slots, self._observed)
        return baseline

    def add(self, name: str, minute: int, n: int, today: int) -> None:
        """Count (signed)."""
        date, slot = self._slots.place(minute)
        if date < today - KEPT_DAYS:
            return
        baseline = self.of(name)
        day = baseline.days.get(date)
        if day is None:
            day = baseline.days[date] = Day()
        day.counts[slot] = day.counts.get(slot, 0) + n
        if not day.counts[slot]:
            del day.counts[slot]
        self.store.put(f"{date}{_SEPARATOR}{name}", day)
        if date < today:
            baseline.forget()
            self.amended.add(name)
            if date not in self._observed:
                # A day on which others heard nothing, too.
                self.amended.update(self._baselines)
        self._observed.add(date)

    def sweep(self, today: int) -> None:
        """Let go of days that are too old to matter. Does something once a day."""
        if self._swept == today:
            return
        self._swept = today
        for name, baseline in self._baselines.items():
            for date in [date for date in baseline.days if date < today - KEPT_DAYS]:
                del baseline.days[date]
                self.store.delete(f"{date}{_SEPARATOR}{name}")

    def forget(self, name: str) -> None:
        """Let go of a series."""
        baseline = self._baselines.pop(name, None)
        for date in baseline.days if baseline is not None else ():
            self.store.delete(f"{date}{_SEPARATOR}{name}")

    def restored(self) -> None:
        """Rebuild the baselines."""
        for key, day in self.store.data.items():
            date, _, name = key.partition(_SEPARATOR)
            self.of(name).days[int(date)] = day
            self._observed.add(int(date))
