"""The live page in a browser: Chromium opens it without a window, a script plays the reader, the test the solver.

Skipped where no Chromium is installed; nothing is loaded from the network.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makespan.eval.live import server as server_module
from makespan.eval.live.watch import SolveWatch
from makespan.instances.bounds import Bound
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.solvers.api import Event

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

CROSSED = Instance.job_shop([[0, 1], [1, 0]], [[4, 2], [3, 3]], name="<b>crossed</b>")

PLAYER = """
(async () => {
  const out = {}, one = (css) => document.querySelector(css), all = (css) => [...document.querySelectorAll(css)];
  const text = (css) => (one(css) ? one(css).innerText.replace(/\\s+/g, " ") : "");
  const until = async (name, fits) => {
    const last = performance.now() + 40000;
    while (!fits()) {
      if (performance.now() > last) throw new Error(`waited in vain for ${name}: ${document.body.innerText}`);
      await new Promise((go) => setTimeout(go, 20));
    }
  };
  const next = () => fetch("run?id=0&next=1");
  const named = (name) => all("#gantt button").find((b) => b.textContent === name);
  try {
    await until("the first chart", () => /makespan 9 /.test(text("#gantt dl")));
    out.facts = text("#facts"); out.title = text("#run-title"); out.state = text("#state");
    out.alone = one("#runs-section").hidden;
    out.trace = one("#trace svg").getAttribute("aria-label");
    named("Jobs").click();
    named("Critical").click();
    one("#gantt input").value = "job 1"; one("#gantt input").dispatchEvent(new Event("input"));
    await next();
    await until("the better chart", () => /makespan 8 /.test(text("#gantt dl")));
    const pressed = (name) => named(name).getAttribute("aria-pressed");
    out.kept = [pressed("Jobs"), pressed("Critical"), one("#gantt input").value];
    out.charts = all("#gantt canvas").length;
    one("#gantt input").focus();
    await next();
    await until("the best value", () => /objective 7/.test(text("#facts")));
    await new Promise((go) => setTimeout(go, 1500));
    out.held = [text("#gantt dl"), document.activeElement === one("#gantt input")];
    one("#gantt input").blur();
    await until("the chart after it", () => /makespan 7 bound 7 /.test(text("#gantt dl")));
    await next();
    await until("the second run", () => text("#run-title") === "second" && all("#runs tbody tr").length === 2);
    out.rows = all("#runs tbody tr").map((r) => r.innerText.replace(/\\s+/g, " "));
    all("#runs tbody tr")[1].click();
    out.chosen = [text("#run-title"), one("#follow").getAttribute("aria-pressed")];
    await next();
    await until("the end", () => /finished/.test(text("#state")));
    await until("the last row", () => /feasible/.test(text("#runs tbody tr:nth-child(1)")));
    out.stayed = text("#run-title");
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "f" }));
    out.followed = text("#run-title");
    out.progress = text("#progress-text");
    out.scores = text("#scores");
    out.bold = all("#live b").length;
    const loaded = performance.getEntriesByType("resource").map((e) => e.name);
    out.loaded = loaded.every((name) => name.startsWith(location.origin) || name.startsWith("data:"));
  } catch (error) { out.error = error.stack; }
  fetch("run?id=0&out=" + encodeURIComponent(JSON.stringify(out)));
})();
"""


def solution(seconds: float, start: list[int], value: int) -> Event:
    return Event("solution", seconds, {"objective": value, "objectives": [value]}, Schedule(start))


class Story:
    """What the solver does, a step each time the reader asks for the next."""

    def __init__(self, watch: SolveWatch) -> None:
        self.watch = watch
        self.result: dict[str, Any] = {}
        self.done = threading.Event()
        self._steps: list[Callable[[], None]] = [self._better, self._best, self._second, self._end]

    def begin(self) -> None:
        self.watch.begin(CROSSED, Bound(7, 7, "optimal", "", None))
        self.watch.event(Event("stage", 0.0, {"solver": "rule:spt"}))
        self.watch.event(Event("bound", 0.1, {"lower_bound": 6}))
        self.watch.event(solution(0.2, [0, 4, 0, 6], 9))

    def hear(self, query: dict[str, list[str]]) -> None:
        if "out" in query:
            self.result = json.loads(query["out"][0])
            self.done.set()
        elif "next" in query:
            self._steps.pop(0)()

    def _better(self) -> None:
        self.watch.event(solution(0.3, [0, 4, 0, 5], 8))

    def _best(self) -> None:
        self.watch.event(solution(0.4, [0, 4, 0, 4], 7))
        self.watch.event(Event("bound", 0.4, {"lower_bound": 7}))

    def _second(self) -> None:
        finish = {"trace": [(0.2, 9, 6), (0.3, 7, 6), (0.4, 7, 7)], "schedule": Schedule([0, 4, 0, 4])}
        self.watch.board.finish(0, **finish, status="optimal", objective=7, lower_bound=7, seconds=0.5, gap=0.0)  # type: ignore[arg-type]
        self.watch.begin(CROSSED.named("second"))
        self.watch.event(solution(0.2, [0, 4, 0, 6], 9))

    def _end(self) -> None:
        self.watch.board.finish(1, trace=[(0.2, 9, None)], schedule=Schedule([0, 4, 0, 6]), status="feasible")
        self.watch.board.end()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script saw; it tells it in the query of a last request."""
    watch = SolveWatch("makespan solve crossed", "rule:spt", 0, 2)
    story = Story(watch)
    page, run = server_module.page, server_module._Handler._run

    def heard(handler: Any, board: Any, query: dict[str, list[str]]) -> None:
        story.hear(query)
        run(handler, board, query)

    assert BROWSER is not None
    profile: Path = tmp_path_factory.mktemp("profile")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_module, "page", lambda title: page(title) + f"<script>{PLAYER}</script>")
        patch.setattr(server_module._Handler, "_run", heard)
        story.begin()
        with subprocess.Popen([*command, watch.url], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as browser:
            try:
                assert story.done.wait(180), "the page has not come to its end"
            finally:
                browser.terminate()
        watch.close()
    assert "error" not in story.result, story.result["error"]
    return story.result


def test_incumbent_bound_and_gap_are_shown(played: dict[str, Any]) -> None:
    """9 against a bound of 6 and a best known value of 7; one run needs no table."""
    assert played["facts"].startswith(
        "objective 9 bound 6 gap 33.33 % best known 7 to best known 28.57 % status running"
    )
    assert "rule:spt" in played["facts"] and played["state"] == "live" and played["alone"]


def test_names_are_text(played: dict[str, Any]) -> None:
    """An instance called like an element is not one."""
    assert played["title"] == "<b>crossed</b>" and played["bold"] == 0


def test_the_trace_tells_what_it_draws(played: dict[str, Any]) -> None:
    assert played["trace"].startswith("Objective from 9 to 9, bound 6, in ")


def test_a_better_chart_takes_the_place_and_keeps_the_settings(played: dict[str, Any]) -> None:
    """Rows by job, critical tasks and the search stay as the reader chose them; the old chart is gone."""
    assert played["kept"] == ["true", "true", "job 1"] and played["charts"] == 1


def test_nothing_is_drawn_under_the_hand_of_the_reader(played: dict[str, Any]) -> None:
    """While the search box has the focus the chart stays what it is, and then follows."""
    assert "makespan 8 " in played["held"][0] and played["held"][1] is True


def test_a_new_run_is_followed_until_one_is_chosen(played: dict[str, Any]) -> None:
    """The row that goes on comes first; a click stays with the first run, F goes back to the newest."""
    assert played["rows"][0].startswith("second rule:spt 0 running 9")
    assert played["rows"][1].startswith("<b>crossed</b> rule:spt 0 optimal 7 7 0.00 %")
    assert played["chosen"] == ["<b>crossed</b>", "false"] and played["stayed"] == "<b>crossed</b>"
    assert played["followed"] == "second"


def test_the_end_is_told_and_scored(played: dict[str, Any]) -> None:
    assert played["progress"].startswith("2 of 2") and "rule:spt 2 2 1 0.00 %" in played["scores"]


def test_nothing_is_loaded_from_elsewhere(played: dict[str, Any]) -> None:
    assert played["loaded"] is True
