"""The Gantt chart: what it shows, in text, page and image, and which tasks it calls critical."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makespan.instances.gantt import chart_data, critical_tasks, gantt_html, gantt_png, gantt_text
from makespan.instances.gantt.clock import clock_of
from makespan.instances.gantt.html import chart_assets, json_in_html
from makespan.instances.instance import (
    EE,
    ES,
    HORIZON_LIMIT,
    PAUSE_HOLDS,
    PAUSE_RELEASES,
    SS,
    Calendar,
    Instance,
    Metadata,
    Setup,
)
from makespan.instances.schedule import Schedule

HOSTILE = ("</script><script>alert(1)</script>", "<!-- \"'&\\ ${x} $title", "Łódź 工場 🏭\x1b[31m\n\u2028")


@pytest.fixture
def crossed() -> tuple[Instance, Schedule]:
    """Job 0: machine 0 for 4, machine 1 for 2. Job 1: machine 1 for 3, machine 0 for 3. Makespan 7."""
    instance = Instance.job_shop([[0, 1], [1, 0]], [[4, 2], [3, 3]], name="crossed")
    return instance, Schedule([0, 4, 0, 4])


def slack(instance: Instance, start: list[int], mode: list[int] | None = None) -> list[int]:
    found: list[int] = critical_tasks(instance, Schedule(start, mode))[1].tolist()
    return found


def weekday(*resources: int, total: int) -> Calendar:
    """Open from 8 to 16 of every 24, for the given resources of capacity 1."""
    has = np.isin(np.arange(total), resources)
    ptr = np.concatenate(([0], np.cumsum(3 * has)))
    count = int(has.sum())
    return Calendar(ptr, np.tile([0, 8, 16], count), np.tile([0, 1, 0], count), np.where(has, 24, 0))


# -- text ------------------------------------------------------------------------------------------


def test_text_of_a_two_by_two_shop(crossed: tuple[Instance, Schedule]) -> None:
    """40 columns less name (10) and frame (2) leave 28: four columns a unit."""
    assert gantt_text(*crossed, width=40, ascii=True).split("\n") == [
        "crossed, 2 jobs, 4 tasks, makespan 7",
        "resource 0 |#######0########=====1======",
        "resource 1 |#####1######    ===0====",
        "           ++-------+-------+-------+---",
        "            0       2       4       6",
    ]


def test_text_by_job_names_the_resource_of_each_task(crossed: tuple[Instance, Schedule]) -> None:
    lines = gantt_text(*crossed, width=40, by="job").split("\n")
    assert lines[1].startswith("job 0 │") and lines[1].index("0", 7) < lines[1].index("1", 7)
    assert lines[2].index("1", 7) < lines[2].index("0", 7)


def test_text_shows_the_share_of_a_cumulative_resource_in_use() -> None:
    """Capacity 4: two units for the first half, four for the second."""
    project = Instance.rcpsp([10, 10], [[2], [4]], [4], [[1], []])
    row = gantt_text(project, Schedule([0, 10]), width=42).split("\n")[1].partition("│")[2]
    assert row == "▄" * 15 + "█" * 15


def test_text_cuts_many_rows_with_a_note_and_fits_the_width() -> None:
    tasks = 3_000
    shop = Instance.job_shop_arrays(np.arange(tasks + 1), np.arange(tasks) % 100, np.full(tasks, 7))
    schedule = Schedule(np.arange(tasks) // 100 * 7)
    for by, hidden in (("resource", 90), ("job", 2_990)):
        lines = gantt_text(shop, schedule, width=60, by=by, max_rows=10).split("\n")
        assert f"… {hidden} more rows" in lines
        assert max(map(len, lines)) <= 60


def test_text_keeps_names_from_steering_the_terminal() -> None:
    """Escape codes and line breaks become blanks; in ASCII nothing else is left."""
    shop = Instance.job_shop([[0]], [[3]], meta=Metadata(name=HOSTILE[2], resource_names=(HOSTILE[2],)))
    assert "\x1b" not in gantt_text(shop, Schedule([0]), width=60)
    assert gantt_text(shop, Schedule([0]), width=60, ascii=True).isascii()


def test_colour_changes_only_where_a_bar_ends(crossed: tuple[Instance, Schedule]) -> None:
    """Four bars, four colour codes, four resets; without the codes the numbers and blanks of a chart remain."""
    text = gantt_text(*crossed, width=40, color=True)
    assert text.count("\x1b[0m") == 4 and text.count(";48;2;") == 4
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n")[1]
    assert plain.partition("│")[2] == "       0             1      "


def test_text_names_dates_where_the_instance_has_them() -> None:
    meta = Metadata(time_origin="2026-03-23T00:00", time_unit=3600.0, time_zone="Europe/Berlin")
    shop = Instance.job_shop([[0]], [[240]], meta=meta)
    assert "Wed 25 Mar" in gantt_text(shop, Schedule([0]), width=100)


def test_text_refuses_an_unknown_kind_of_row(crossed: tuple[Instance, Schedule]) -> None:
    with pytest.raises(ValueError, match="expected 'resource' or 'job'"):
        gantt_text(*crossed, by="machine")


# -- critical tasks --------------------------------------------------------------------------------


def test_slack_of_a_two_by_two_shop(crossed: tuple[Instance, Schedule]) -> None:
    """The chain 0 -> 3 on machine 0 lasts 7; task 1 ends at 6 of 7; task 2 must leave by 4."""
    critical, slacks = critical_tasks(*crossed)
    assert slacks.tolist() == [0, 1, 1, 0]
    assert critical.tolist() == [True, False, False, True]


def test_slack_respects_lags_of_all_kinds() -> None:
    """End 10 by task 0. SS 4: task 1 may start by 10 - 2, so task 2 by 4; EE 3 lets task 3 end by 10 - 3."""
    modes: list[Any] = [[(10, ())], [(2, ())], [(1, ())], [(1, ())]]
    project = Instance.from_lists(modes, [], [(2, 1, SS, 4), (3, 0, EE, 3)])
    assert slack(project, [0, 4, 0, 0]) == [0, 4, 4, 6]


def test_a_maximal_lag_ties_a_task_to_the_one_before() -> None:
    """Task 1 starts at most 2 after task 0, which must not pass 3 before task 2 begins at 5."""
    modes: list[Any] = [[(2, ())], [(1, ())], [(5, ())]]
    project = Instance.from_lists(modes, [], [(1, 0, SS, -2), (0, 2, ES, 0)])
    assert slack(project, [0, 2, 5]) == [3, 3, 0]


def test_without_waiting_a_job_moves_as_one() -> None:
    """Machine 0 hands over from job 0 to job 1 without a break; what follows in job 0 may move only if it may wait."""
    shop = Instance.job_shop([[0, 1], [0]], [[2, 1], [4]])
    assert slack(shop, [0, 2, 2]) == [0, 3, 0]
    assert slack(shop.replace(no_wait=True), [0, 2, 2]) == [0, 0, 0]


def test_transport_and_setup_count_as_part_of_the_chain() -> None:
    """Travel 3 joins tasks 0 and 1; a setup of 2 joins tasks 2 and 1 on machine 1: all are critical."""
    travel = np.array([[0, 3], [3, 0]])
    family = Setup(np.array([-1, 0, 1]), np.array([[0, 2], [2, 0]]), np.array([-1, -1]))
    shop = Instance.job_shop([[0, 1], [1]], [[1, 2], [2]], transport=travel, setup=family)
    assert slack(shop, [0, 4, 0]) == [0, 0, 0]
    data = chart_data(shop, Schedule([0, 4, 0]))
    assert data["setups"] == [[1, 1, 2, 4]]
    assert data["journeys"] == [[0, 1, 1, 4]]


def test_a_blocked_machine_is_critical_through_the_job_that_holds_it() -> None:
    """Job 0 leaves machine 0 only when job 2 frees machine 1 at 5; job 1 follows on machine 0 and ends last."""
    shop = Instance.job_shop([[0, 1], [0], [1]], [[2, 1], [4], [5]], blocking=True)
    start = [0, 5, 5, 0]
    assert slack(shop, start) == [3, 0, 0, 0]
    assert chart_data(shop, Schedule(start))["pieces"] == {"0": [0, 2, 0, 2, 5, 1]}


def test_a_closed_weekend_is_no_slack() -> None:
    """Task 0 fills a day's 8 to 16, task 1 the next day: 16 closed hours between are not slack."""
    shop = Instance.job_shop([[0, 0]], [[8, 4]], calendar=weekday(0, total=1))
    assert slack(shop, [8, 32]) == [0, 0]


def test_a_pausable_task_shifts_by_its_working_time() -> None:
    """Ten hours of work from 8 end at 34; with the plan open until 38 it may start four hours later, at 12."""
    modes: list[Any] = [[(10, [(0, 1)])], [(38, ())]]
    for kind in (PAUSE_RELEASES, PAUSE_HOLDS):
        plant = Instance.from_lists(modes, [1], calendar=weekday(0, total=1), pause=np.array([kind, 0], np.int8))
        assert slack(plant, [8, 0]) == [4, 0]
        shown = [8, 16, 0, 32, 34, 0] if kind == PAUSE_RELEASES else [8, 16, 0, 16, 32, 1, 32, 34, 0]
        assert chart_data(plant, Schedule([8, 0]))["pieces"] == {"0": shown}


def test_units_of_a_cumulative_resource_are_handed_over() -> None:
    """Capacity 3: task 2 (3 units) needs both others gone; task 1 ends at 2 of 4 and may move by 2."""
    project = Instance.rcpsp([4, 2, 3], [[1], [2], [3]], [3], [[], [], []])
    assert slack(project, [0, 0, 4]) == [0, 2, 0]


def test_slack_under_due_dates_is_what_tardiness_allows() -> None:
    """A late job has none, an early one as much as is left to its due date, even past the end of the plan."""
    shop = Instance.job_shop([[0], [1]], [[5], [5]], job_due=np.array([3, 20]), objective=("total_tardiness",))
    assert slack(shop, [0, 0]) == [0, 15]
    assert slack(shop.replace(objective=("makespan",)), [0, 0]) == [0, 0]
    assert slack(shop.replace(objective=("max_lateness",)), [0, 0]) == [0, 17]
    assert slack(shop.replace(objective=("flow_time",)), [0, 0]) == [0, 0]


def test_a_deadline_limits_the_slack() -> None:
    shop = Instance.job_shop([[0], [1]], [[5], [9]], job_deadline=np.array([7, HORIZON_LIMIT]))
    assert slack(shop, [0, 0]) == [2, 0]


def test_a_wrong_schedule_has_no_negative_slack() -> None:
    """Both tasks at once on one machine, and the second before its predecessor."""
    shop = Instance.job_shop([[0, 0]], [[4, 4]])
    assert min(slack(shop, [0, 0])) >= 0
    assert gantt_html(shop, Schedule([0, 0])) and gantt_text(shop, Schedule([0, 0]))


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_slack_of_a_job_shop_is_the_end_less_the_longest_path(seed: int, jobs: int, machines: int) -> None:
    """Longest paths through all pairs by Floyd and Warshall, a method without an order of the tasks."""
    rng = np.random.default_rng(seed)
    routes = [rng.permutation(machines) for _ in range(jobs)]
    shop = Instance.job_shop(routes, [rng.integers(1, 9, machines) for _ in range(jobs)])
    start = _semi_active(shop, rng)
    n, d = shop.num_tasks, shop.duration
    longest = np.full((n, n), -(10**9))
    np.fill_diagonal(longest, 0)
    longest[shop.arc_pred, shop.arc_succ] = d[shop.arc_pred]
    for i in range(n):
        for j in range(n):
            if shop.machine[i] == shop.machine[j] and start[i] < start[j]:
                longest[i, j] = d[i]
    for k in range(n):
        longest = np.maximum(longest, longest[:, [k]] + longest[[k], :])
    tail = (longest + d).max(axis=1)
    assert slack(shop, start.tolist()) == ((start + d).max() - start - tail).tolist()


def _semi_active(shop: Instance, rng: np.random.Generator) -> np.ndarray:
    assert shop.job is not None
    start, job_free = np.zeros(shop.num_tasks, np.int64), np.zeros(shop.num_jobs, np.int64)
    machine_free = np.zeros(shop.num_resources, np.int64)
    first = np.searchsorted(shop.job, np.arange(shop.num_jobs))
    for job in rng.permutation(shop.job):
        task = first[job]
        machine = shop.machine[task]
        start[task] = max(job_free[job], machine_free[machine])
        job_free[job] = machine_free[machine] = start[task] + shop.duration[task]
        first[job] += 1
    return start


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_all_tasks_of_a_project_may_use_their_slack_at_once(seed: int) -> None:
    """The latest starts are a schedule: arcs hold and no resource is overused, counted moment by moment."""
    rng = np.random.default_rng(seed)
    n, capacity = 8, 4
    durations, demand = rng.integers(0, 5, n), rng.integers(0, capacity + 1, n)
    successors = [[j for j in range(i + 1, n) if rng.random() < 0.25] for i in range(n)]
    project = Instance.rcpsp(durations, demand[:, None], [capacity], successors)
    start, used = np.zeros(n, np.int64), np.zeros(60, np.int64)
    for i in range(n):
        time = max((start[p] + durations[p] for p in range(i) if i in successors[p]), default=0)
        while (used[time : time + durations[i]] + demand[i] > capacity).any():
            time += 1
        start[i] = time
        used[time : time + durations[i]] += demand[i]
    critical, slacks = critical_tasks(project, Schedule(start))
    latest = start + slacks
    assert critical.any() and (slacks >= 0).all()
    assert (latest + durations).max() == (start + durations).max()
    assert all(latest[j] >= latest[i] + durations[i] for i in range(n) for j in successors[i])
    for time in range(60):
        assert demand[(latest <= time) & (time < latest + durations)].sum() <= capacity


# -- data and page ---------------------------------------------------------------------------------


def test_chart_data_survives_json_and_leaves_the_schedule_alone(crossed: tuple[Instance, Schedule]) -> None:
    instance, schedule = crossed
    before = schedule.start.copy()
    data = chart_data(instance, schedule, lower_bound=7, solver="cpsat")
    assert json.loads(json_in_html(data)) == data
    assert np.array_equal(schedule.start, before)
    assert data["start"] == [0, 4, 0, 4] and data["end"] == [4, 6, 3, 7]
    assert data["use"] == [[0, 1, 2, 3], [0, 1, 1, 0], [1, 1, 1, 1]]
    assert data["arcs"] == [[0, 2], [1, 3]]
    assert data["objective"] == {"name": "makespan", "value": 7} and data["lowerBound"] == 7


def test_nonrenewable_resources_have_no_row() -> None:
    """The renewable resource is number 1 of the instance and number 0 of the chart."""
    modes: list[Any] = [[(3, [(0, 2), (1, 1)])]]
    data = chart_data(Instance.from_lists(modes, [5, 1], renewable=[False, True]), Schedule([0]))
    assert [resource["name"] for resource in data["resources"]] == ["resource 1"]
    assert data["use"] == [[0], [0], [1]]


class _Page(HTMLParser):
    """Collects elements that stay open, attributes, and the embedded data."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.data = ""
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag != "meta":
            self.open.append(tag + "".join(f"#{value}" for name, value in attrs if name == "id"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().partition("#")[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script#data":
            self.data += data
        if self.open and self.open[-1] == "title":
            self.title += data


def _parsed(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


def test_page_is_whole_and_holds_the_data(crossed: tuple[Instance, Schedule]) -> None:
    text = gantt_html(*crossed, lower_bound=7)
    page = _parsed(text)
    assert json.loads(page.data) == chart_data(*crossed, lower_bound=7)
    assert page.tags.count("script") == 2


def test_page_asks_for_nothing_from_outside(crossed: tuple[Instance, Schedule]) -> None:
    text = gantt_html(*crossed)
    assert not {name for name, _ in _parsed(text).attributes} & {"src", "href", "srcset"}
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttp|WebSocket", text)
    assert "default-src 'none'" in text


def test_hostile_names_stay_names() -> None:
    """No name closes the script, opens a comment or fills a placeholder, and all come back as they were."""
    names = (*HOSTILE, "\ud83d")
    meta = Metadata(name=HOSTILE[0], task_names=names, job_names=names, resource_names=names)
    shop = Instance.job_shop([[0], [1], [2], [3]], [[1]] * 4, meta=meta)
    text = gantt_html(shop, Schedule([0] * 4))
    page = _parsed(text.encode("utf-8").decode("utf-8"))
    assert page.tags.count("script") == 2
    data = json.loads(page.data)
    assert data["taskNames"] == data["jobNames"] == list(names)
    assert page.title == HOSTILE[0]
    assert _parsed(gantt_html(shop, Schedule([0] * 4), title="\ud83d $js")).title == "? $js"


def test_style_and_script_stand_alone_for_pages_of_many_charts() -> None:
    css, js = chart_assets()
    assert js.count("function drawGantt(") == 1
    assert "</" not in css and "</script" not in js
    assert all(selector.startswith((".gantt", "@media", "}")) for selector in re.findall(r"^[^-\s].*\{$", css, re.M))


def test_template_is_small(crossed: tuple[Instance, Schedule]) -> None:
    """A report with many charts pays for the script once; a single page stays light to mail."""
    assert len(gantt_html(*crossed)) < 52_000


EDGES = {
    "no tasks": (Instance.from_lists([], [1]), []),
    "nothing at all": (Instance.from_lists([], []), []),
    "one task of no length": (Instance.job_shop([[0]], [[0]]), [0]),
    "no resources": (Instance.from_lists([[(3, ())], [(0, ())]], [], [(0, 1)]), [0, 3]),
    "a huge horizon": (Instance.job_shop([[0, 0]], [[2**52, 2**52]]), [0, 2**52]),
    "capacity 0": (Instance.from_lists([[(2, [(0, 1)])]], [0]), [0]),
    "a job without tasks": (Instance.job_shop([[], [0]], [[], [2]]), [0]),
}


@pytest.mark.parametrize("case", EDGES)
def test_extreme_schedules_have_charts(case: str, tmp_path: Path) -> None:
    instance, start = EDGES[case]
    schedule = Schedule(start)
    assert json.loads(_parsed(gantt_html(instance, schedule)).data)["start"] == start
    for by in ("resource", "job"):
        assert all(len(line) <= 60 for line in gantt_text(instance, schedule, width=60, by=by).split("\n"))
    gantt_png(instance, schedule, tmp_path / "chart.png", critical=True, dpi=30)


def test_a_schedule_of_another_instance_is_refused(crossed: tuple[Instance, Schedule]) -> None:
    instance, _ = crossed
    with pytest.raises(ValueError, match="found 3 tasks, expected 4"):
        chart_data(instance, Schedule([0, 0, 0]))
    with pytest.raises(ValueError, match=r"task 3 has mode 1, expected 0\.\.0"):
        gantt_text(instance, Schedule([0, 4, 0, 4], [0, 0, 0, 1]))


# -- dates -----------------------------------------------------------------------------------------


def _dated(**meta: Any) -> Instance:
    return Instance.job_shop([[0]], [[10]], meta=Metadata(**meta))


def test_dates_follow_the_zone_over_a_change_of_the_clocks() -> None:
    """Central Europe leaves UTC+1 on 29 March 2026 at 01:00 UTC, 145 hours after Monday 00:00 local time."""
    clock = clock_of(_dated(time_origin="2026-03-23T00:00", time_unit=3600.0, time_zone="Europe/Berlin"), 400)
    assert clock is not None
    assert clock.offsets(400) == [(0, 3600), (146 * 3600, 7200)]
    assert clock.at(145).isoformat() == "2026-03-29T01:00:00+01:00"
    assert clock.at(146).isoformat() == "2026-03-29T03:00:00+02:00"


def test_an_origin_with_an_offset_keeps_it() -> None:
    clock = clock_of(_dated(time_origin="2026-01-05T08:00:00+09:00", time_unit=60.0), 10)
    assert clock is not None and clock.label == "UTC+09:00"
    assert clock.at(10) == datetime.fromisoformat("2026-01-05T08:10:00+09:00")


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"time_origin": "2026-01-05"},
        {"time_origin": "not a date", "time_unit": 60.0},
        {"time_origin": "2026-01-05", "time_unit": 0.0},
        {"time_origin": "9990-01-05", "time_unit": 86400.0 * 365},
    ],
)
def test_without_usable_dates_the_axis_shows_numbers(meta: dict[str, Any]) -> None:
    assert clock_of(_dated(**meta), 1_000) is None


def test_an_unknown_zone_falls_back_to_utc() -> None:
    clock = clock_of(_dated(time_origin="2026-01-05", time_unit=60.0, time_zone="Mars/Olympus"), 10)
    assert clock is not None and clock.at(0).isoformat() == "2026-01-05T00:00:00+00:00"


# -- image -----------------------------------------------------------------------------------------


def test_image_formats_follow_the_suffix(crossed: tuple[Instance, Schedule], tmp_path: Path) -> None:
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        path = tmp_path / f"chart{suffix}"
        gantt_png(*crossed, path, by="job", lower_bound=7, dpi=30)
        assert path.read_bytes().startswith(magic)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chart.pdf", "chart.png", "chart.svg"]


def test_image_refuses_another_suffix_and_a_missing_matplotlib(
    crossed: tuple[Instance, Schedule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"found suffix '\.gif', expected \.png, \.svg or \.pdf"):
        gantt_png(*crossed, tmp_path / "chart.gif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"pip install 'makespan\[plot\]'"):
        gantt_png(*crossed, tmp_path / "chart.png")


def test_names_with_dollar_signs_are_no_formulas(tmp_path: Path) -> None:
    meta = Metadata(name="$\\frac", resource_names=("$x", "$$"), job_names=("$\\bad{", "$"))
    shop = Instance.job_shop([[0], [1]], [[1], [1]], meta=meta)
    gantt_png(shop, Schedule([0, 0]), tmp_path / "chart.png")
