"""What calendars mean for a model: when a mode may start, how long it then takes, and when it can run."""

from __future__ import annotations

from dataclasses import dataclass

from makespan.instances.calendars import open_windows, profile
from makespan.instances.instance import Instance

Windows = tuple[tuple[int, int], ...]

MAX_WINDOWS = 200_000
"""Windows of one mode before the model is refused."""


class TooLarge(ValueError):
    """The model cannot be built in sensible memory; the message says what to do instead."""


@dataclass(frozen=True)
class Span:
    """A time from start to end that a mode can take, and the intervals [low, high] of starts with which it does.

    ``starts`` is None where calendars do not restrict the start.
    """

    length: int
    starts: Windows | None


class Calendars:
    """Windows and spans of an instance up to a horizon, kept once they are known."""

    def __init__(self, instance: Instance, horizon: int) -> None:
        self.instance = instance
        self.horizon = horizon
        self._windows: dict[bytes, Windows] = {}
        self._spans: dict[tuple[bytes, int, bool], tuple[Span, ...]] = {}

    def pauses(self, task: int) -> bool:
        return self.instance.pause is not None and self.instance.pause[task] > 0

    def applies(self, mode: int) -> bool:
        """Whether a resource of the mode has a calendar."""
        calendar = self.instance.calendar
        return calendar is not None and any(calendar.has(k) for k in self._resources(mode))

    def spans(self, task: int, mode: int) -> tuple[Span, ...]:
        """Everything a mode can take from start to end, the shortest first; empty if it can never run."""
        duration = int(self.instance.duration[mode])
        if duration == 0 or not self.applies(mode):
            return (Span(duration, None),)
        key = self._need(mode), duration, self.pauses(task)
        if key not in self._spans:
            windows = self.windows(mode)
            self._spans[key] = _pausing(windows, duration) if key[2] else _unbroken(windows, duration)
        return self._spans[key]

    def windows(self, mode: int) -> Windows:
        """Maximal windows before the horizon in which all calendars are open to the mode."""
        need = self._need(mode)
        if need not in self._windows:
            found: list[tuple[int, int]] = []
            for begin, until in open_windows(self.instance, mode, 0, self.horizon):
                if begin >= self.horizon:
                    break
                found.append((begin, min(until, self.horizon)))
                _refuse_too_many(len(found))
            self._windows[need] = tuple(found)
        return self._windows[need]

    def openings(self, resource: int) -> Windows:
        """Maximal windows before the horizon in which the resource has any capacity."""
        found: list[tuple[int, int]] = []
        for begin, until, capacity in self.pieces(resource):
            if capacity == 0:
                continue
            if found and found[-1][1] == begin:
                found[-1] = found[-1][0], until
            else:
                found.append((begin, until))
        return tuple(found)

    def pieces(self, resource: int) -> list[tuple[int, int, int]]:
        """(from, to, capacity) up to the horizon; neighbours differ in capacity."""
        found: list[tuple[int, int, int]] = []
        for begin, until, capacity in profile(self.instance, resource, 0):
            if begin >= self.horizon:
                break
            if found and found[-1][2] == capacity:
                found[-1] = found[-1][0], min(until, self.horizon), capacity
            else:
                found.append((begin, min(until, self.horizon), capacity))
                _refuse_too_many(len(found))
        return found

    def _resources(self, mode: int) -> list[int]:
        instance = self.instance
        used = instance.demand_resource[instance.demand_ptr[mode] : instance.demand_ptr[mode + 1]]
        return [int(k) for k in used if instance.renewable[k]]

    def _need(self, mode: int) -> bytes:
        part = slice(self.instance.demand_ptr[mode], self.instance.demand_ptr[mode + 1])
        return self.instance.demand_resource[part].tobytes() + self.instance.demand_amount[part].tobytes()


def _refuse_too_many(count: int) -> None:
    if count > MAX_WINDOWS:
        raise TooLarge(
            f"a calendar changes more than {MAX_WINDOWS:,} times before the horizon; use a coarser unit of time or a "
            "solver that follows calendars event by event (rule, sgs)"
        )


def _unbroken(windows: Windows, duration: int) -> tuple[Span, ...]:
    starts = tuple((begin, until - duration) for begin, until in windows if until - begin >= duration)
    return (Span(duration, starts),) if starts else ()


def _pausing(windows: Windows, duration: int) -> tuple[Span, ...]:
    """Starts in window j end in window k; for fixed j and k the span is the same. O(pairs that occur)."""
    found: dict[int, list[tuple[int, int]]] = {}
    for j, (begin, until) in enumerate(windows):
        last = until - 1
        inner = 0  # open time in the windows between j and k
        for k in range(j, len(windows)):
            if last < begin:
                break
            if k == j:
                first, length = begin, duration
                high = min(last, until - duration)
            else:
                width = windows[k][1] - windows[k][0]
                length = duration + windows[k][0] - until - inner
                first = max(begin, until - duration + inner + 1)
                high = min(last, until - duration + inner + width)
                inner += width
            if first <= high:
                found.setdefault(length, []).append((first, high))
            if high >= last:
                break
    return tuple(Span(length, tuple(starts)) for length, starts in sorted(found.items()))
