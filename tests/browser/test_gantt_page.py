"""The chart's page in a browser: Chromium draws it without a window, and a script plays the reader.

Skipped where no Chromium is installed; nothing is loaded from the network.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makespan.instances.gantt import chart_data
from makespan.instances.gantt.html import chart_assets, json_in_html
from makespan.instances.instance import PAUSE_RELEASES, Calendar, Instance, Metadata
from makespan.instances.schedule import Schedule

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

PLAYER = """
const out = {};
const boxes = data.map(() => document.body.appendChild(document.createElement("section")));
const charts = boxes.map((box, k) => drawGantt(box, data[k], { height: 300 }));
const [box, chart] = [boxes[0], charts[0]], canvas = box.querySelector("canvas"), tip = box.querySelector(".gantt-tip");
const press = (key, more) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true, ...more }));
const point = (type, x, y) => {
  const area = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent(type, { clientX: area.left + x, clientY: area.top + y, pointerId: 1 }));
};
const named = (text) => [...box.querySelectorAll("button")].find((b) => b.textContent === text);
const span = () => chart.view()[1] - chart.view()[0];
out.sections = boxes.map((b) => b.querySelector("canvas").height > 0);
out.title = box.querySelector("h2").textContent;
out.facts = box.querySelector("dl").innerText.replace(/\\s+/g, " ");
const all = span();
press("+"); out.zoomed = span() < all;
press("0"); out.fitted = span() === all;
canvas.focus();
canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -200, clientX: 400, cancelable: true }));
out.wheeled = span() < all;
const before = chart.view()[0];
press("ArrowRight", { shiftKey: true }); out.panned = chart.view()[0] > before;
named("Fit").click();
press("ArrowRight"); out.first = box.querySelector(".gantt-live").textContent;
press("ArrowRight"); out.second = box.querySelector(".gantt-live").textContent;
press("Escape"); out.closed = tip.hidden;
const width = canvas.getBoundingClientRect().width;
point("pointermove", width * 0.25, 55); out.hover = tip.hidden ? "" : tip.innerText;
press("c"); out.critical = named("Critical").getAttribute("aria-pressed");
press("r"); out.jobs = named("Jobs").getAttribute("aria-pressed");
const search = box.querySelector("input");
search.value = "JOB 1"; search.dispatchEvent(new Event("input"));
out.found = box.querySelector(".gantt-count").textContent;
press("d"); out.theme = box.dataset.theme;
charts[1].task(0); out.dated = boxes[1].querySelector(".gantt-tip").innerText;
document.body.replaceChildren();
const result = document.body.appendChild(document.createElement("pre"));
result.id = "result"; result.textContent = JSON.stringify(out);
"""


def _instances() -> list[tuple[Instance, Schedule]]:
    """A 2 x 2 shop, a dated task with a pause, a wrong project over capacity, and the extremes."""
    calendar = Calendar(np.array([0, 3]), np.array([0, 8, 16]), np.array([0, 1, 0]), np.array([24]))
    modes: list[Any] = [[(10, [(0, 1)])]]
    dates = Metadata(time_origin="2026-03-28T00:00", time_unit=3600.0, time_zone="Europe/Berlin")
    plant = Instance.from_lists(modes, [1], calendar=calendar, pause=np.array([PAUSE_RELEASES], np.int8), meta=dates)
    project = Instance.rcpsp([4, 4, 0], [[2], [3], [0]], [4], [[2], [2], []])
    return [
        (Instance.job_shop([[0, 1], [1, 0]], [[4, 2], [3, 3]], name="</script>"), Schedule([0, 4, 0, 4])),
        (plant, Schedule([8])),
        (project, Schedule([0, 2, 9])),
        (Instance.from_lists([], []), Schedule([])),
        (Instance.job_shop([[0]], [[0]]), Schedule([0])),
        (Instance.job_shop([[0, 0]], [[2**52, 2**52]]), Schedule([0, 2**52])),
    ]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script saw on one page with several charts."""
    folder: Path = tmp_path_factory.mktemp("page")
    css, js = chart_assets()
    data = json_in_html([chart_data(*pair, lower_bound=7) for pair in _instances()])
    page = folder / "page.html"
    page.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><style>{css}</style><body><script>{js}\nconst data = {data};"
        f"try {{ {PLAYER} }} catch (error) {{ document.body.innerHTML = '<pre id=result></pre>';"
        f"document.body.firstChild.textContent = JSON.stringify({{ error: error.stack }}); }}</script>",
        encoding="utf-8",
    )
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={folder / 'profile'}", "--window-size=1000,700"]
    done = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, timeout=120, check=True)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout.decode("utf-8"), re.S)
    assert found is not None
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert "error" not in result, result["error"]
    return result


def test_every_chart_of_a_page_is_drawn(played: dict[str, Any]) -> None:
    assert played["sections"] == [True] * len(_instances())
    assert played["title"] == "</script>"
    assert "gap 0 %, optimal" in played["facts"]


def test_keys_wheel_and_buttons_move_the_view(played: dict[str, Any]) -> None:
    assert played["zoomed"] and played["fitted"] and played["wheeled"] and played["panned"]


def test_arrow_keys_read_out_the_tasks_of_a_row(played: dict[str, Any]) -> None:
    """Machine 0 runs task 0, which is critical, and then task 3."""
    assert played["first"] == "task 0, job job 0, resource resource 0, time 0 – 4 (4), slack none: critical"
    assert played["second"].startswith("task 3, job job 1") and played["closed"]


def test_the_pointer_finds_the_task_below_it(played: dict[str, Any]) -> None:
    assert played["hover"].startswith("task 0")


def test_commands_show_their_state(played: dict[str, Any]) -> None:
    assert (played["critical"], played["jobs"], played["found"]) == ("true", "true", "2 tasks")
    assert played["theme"] in ("light", "dark")


def test_dates_jump_with_the_clocks(played: dict[str, Any]) -> None:
    """From Saturday 8:00, ten hours of work pause for the night, in which the clocks go from 2:00 to 3:00."""
    assert "Sat 28 Mar 2026 08:00" in played["dated"] and "Sun 29 Mar 2026 11:00" in played["dated"]
