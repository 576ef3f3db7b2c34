"""When an operation runs on a machine that is open in windows only; see ``ShopView.window_ptr`` for their form."""

from __future__ import annotations

from makespan.solvers.kernels import step
from makespan.solvers.kernels.tournament import NEVER


@step
def first_window(begin, end, period, time):
    """The first window that ends after ``time``: its number and how often the period went by before it.

    ``begin`` and ``end`` hold the windows of one machine, at least one. The number is ``end.size`` if none follows.
    O(log windows).
    """
    cycle = (time - begin[0]) // period if period > 0 else 0
    moment = time - cycle * period
    low, high = 0, end.size
    while low < high:
        middle = (low + high) // 2
        if end[middle] > moment:
            high = middle
        else:
            low = middle + 1
    if low == end.size and period > 0:
        return 0, cycle + 1
    return low, cycle


@step
def run_unbroken(begin, end, period, time, duration):
    """Start and end of an operation that may not pause and starts at ``time`` or later, NEVER if no window holds it.

    O(windows): a window of every length comes up within one period.
    """
    window, cycle = first_window(begin, end, period, time)
    for _ in range(end.size + 1):
        if window == end.size:
            break
        start = max(time, begin[window] + cycle * period)
        if start + duration <= end[window] + cycle * period:
            return start, start + duration
        window += 1
        if window == end.size and period > 0:
            window = 0
            cycle += 1
    return NEVER, NEVER


@step
def run_with_pauses(begin, end, period, time, duration):
    """Start and end of an operation of duration > 0 that pauses while the machine is closed.

    It starts at ``time`` or at the next opening. NEVER if the machine closes for good before it is done. O(windows):
    whole periods are skipped.
    """
    window, cycle = first_window(begin, end, period, time)
    if window == end.size:
        return NEVER, NEVER
    start = max(time, begin[window] + cycle * period)
    left = duration
    moment = start
    for _ in range(2 * end.size + 2):
        room = end[window] + cycle * period - moment
        if left <= room:
            return start, moment + left
        left -= room
        window += 1
        if window == end.size:
            if period == 0:
                break
            open_time = 0
            for i in range(end.size):
                open_time += end[i] - begin[i]
            rounds = (left - 1) // open_time
            if rounds > NEVER // period - cycle - 2:
                break
            left -= rounds * open_time
            cycle += rounds + 1
            window = 0
        moment = begin[window] + cycle * period
    return NEVER, NEVER
