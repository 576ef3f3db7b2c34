"""One operation on a machine with a calendar, as the rules place it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.calendars import capacity_at, work_pieces
from makespan.instances.instance import Calendar, Instance
from makespan.instances.shop_view import shop_view
from makespan.solvers.dispatching import dispatch_batch


@settings(max_examples=80, deadline=None)
@given(
    points=st.lists(st.integers(1, 12), max_size=5, unique=True),
    values=st.lists(st.integers(0, 1), min_size=6, max_size=6),
    period=st.sampled_from((0, 13, 20)),
    release=st.integers(0, 60),
    duration=st.integers(1, 25),
    pause=st.sampled_from((0, 1, 2)),
)
def test_one_operation_starts_as_early_as_its_calendar_allows(
    points: list[int], values: list[int], period: int, release: int, duration: int, pause: int
) -> None:
    """Compared with trying every moment against the profile itself."""
    time = [0, *sorted(points)]
    calendar = Calendar(
        np.array([0, len(time)], np.int32), np.array(time), np.array(values[: len(time)]), np.array([period])
    )
    instance = Instance.job_shop([[0]], [[duration]], calendar=calendar, pause=[pause], release=[release])
    expected = None
    for start in range(release, release + 80):
        if capacity_at(instance, 0, start) == 0:
            continue
        if instance.pause is not None:
            try:
                work_pieces(instance, 0, 0, start)
            except ValueError:
                break
            expected = start
            break
        if all(capacity_at(instance, 0, start + i) for i in range(duration)):
            expected = start
            break
    _, schedule = dispatch_batch(instance.derived(shop_view), ["spt"])
    assert (None if schedule is None else int(schedule.start[0])) == expected
