"""From the instance's own time to dates and back to words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from makespan.instances.instance import Instance

_SCAN = timedelta(days=7)  # no zone changes its offset twice within a week
_LONGEST_SCAN = timedelta(days=366 * 100)


@dataclass(frozen=True)
class Clock:
    """Time 0 as a moment, the seconds in one unit, and the zone to show dates in."""

    origin: datetime
    unit: float
    zone: tzinfo
    label: str

    def at(self, time: float) -> datetime:
        """The date of a time, in the zone."""
        return (self.origin + timedelta(seconds=time * self.unit)).astimezone(self.zone)

    def offsets(self, horizon: int) -> list[tuple[int, int]]:
        """The offset from UTC in seconds, and from which second after time 0 it holds, up to the horizon.

        Looks at the first hundred years; later dates keep the last offset.
        """
        moment, last = self.origin, min(self.at(horizon).astimezone(UTC), self._scan_end())
        found = [(0, self._offset(moment))]
        while moment < last:
            following = min(moment + _SCAN, last)
            if self._offset(following) != found[-1][1]:
                low, high = moment, following
                while high - low > timedelta(seconds=1):
                    middle = low + (high - low) // 2
                    low, high = (middle, high) if self._offset(middle) == found[-1][1] else (low, middle)
                changed = high.replace(microsecond=0)
                found.append((round((changed - self.origin).total_seconds()), self._offset(following)))
            moment = following
        return found

    def _scan_end(self) -> datetime:
        try:
            return self.origin + _LONGEST_SCAN
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    def _offset(self, moment: datetime) -> int:
        offset = moment.astimezone(self.zone).utcoffset()
        return round(offset.total_seconds()) if offset else 0


def clock_of(instance: Instance, horizon: int) -> Clock | None:
    """The clock of the metadata; None where they hold no usable origin and unit or the horizon passes the year 9999.

    An origin without offset is read in ``time_zone``, and as UTC without one or where the zone is unknown.
    """
    meta = instance.meta
    if meta.time_origin is None or not meta.time_unit or meta.time_unit <= 0:
        return None
    try:
        origin = datetime.fromisoformat(meta.time_origin)
    except ValueError:
        return None
    zone, label = _zone(meta.time_zone)
    if zone is None:
        zone, label = origin.tzinfo or UTC, str(origin.tzinfo or "")
    if origin.tzinfo is None:
        origin = origin.replace(tzinfo=zone)
    clock = Clock(origin.astimezone(UTC), meta.time_unit, zone, label)
    try:
        clock.at(horizon)
    except (OverflowError, ValueError):
        return None
    return clock


def _zone(name: str | None) -> tuple[tzinfo | None, str]:
    if not name:
        return None, ""
    try:
        return ZoneInfo(name), name
    except (OSError, ValueError, LookupError):
        return None, ""
