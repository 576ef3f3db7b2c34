"""The report in a browser: Chromium opens it without a window, and a script plays the reader.

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

import pytest

from makespan.eval.report import write_report
from tests.eval.runs import make_store, played_run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium")

NAMES = ("ft06", "la01", "la02", "la16")

PLAYER = """
async function play() {
const out = {};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what) => { for (let k = 0; k < 200 && !what(); k++) await pause(20); };
const sure = { bubbles: true, cancelable: true };
const key = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, ...sure }));
const point = (target, type, share) => {
  const area = target.getBoundingClientRect();
  const place = { clientX: area.left + area.width * share, clientY: area.top + 60 };
  target.dispatchEvent(new PointerEvent(type, { ...place, pointerId: 1, ...sure }));
};
const rows = () => [...document.querySelectorAll("#instance-table tbody tr")];
const names = () => rows().map((row) => row.cells[0].innerText);
const named = (scope, text) => [...scope.querySelectorAll("button")].find((b) => b.textContent === text);

// tables
const first = (id) => [...document.querySelectorAll(`#${id} tbody tr`)].map((row) => row.cells[0].dataset.value);
out.classes = first("class-gaps");
const heading = named(document.querySelector("#class-gaps"), "n");
heading.click(); heading.click();
out.sorted = first("class-gaps");
out.direction = heading.parentElement.getAttribute("aria-sort");
document.getElementById("tab-proofs").click();
out.panel = [...document.querySelectorAll("#classes [role=tabpanel]")].filter((p) => !p.hidden).map((p) => p.id);
key(document.getElementById("tab-proofs"), "ArrowLeft");
out.before = document.activeElement.id;

// figures
const svg = document.querySelector("#plot-anytime svg"), tip = document.querySelector("#plot-anytime .tip");
const curves = () => document.querySelectorAll("#plot-anytime .curve").length;
out.curves = curves();
point(svg, "pointermove", 0.98);
out.hover = tip.hidden ? "" : tip.innerText;
const all = plots.anytime.view();
point(svg, "pointerdown", 0.3); point(svg, "pointermove", 0.6); point(svg, "pointerup", 0.6);
const dragged = plots.anytime.view();
out.dragged = dragged[0] > all[0] && dragged[1] < all[1];
svg.focus();
key(svg, "+"); out.zoomed = plots.anytime.view()[1] < dragged[1];
key(svg, "0"); out.fitted = String(plots.anytime.view()) === String(all);
svg.dispatchEvent(new WheelEvent("wheel", { deltaY: -300, clientX: 300, bubbles: true, cancelable: true }));
out.wheeled = plots.anytime.view()[1] - plots.anytime.view()[0] < all[1] - all[0];
key(svg, "ArrowRight"); out.read = document.querySelector("#plot-anytime .live").textContent;
named(document.getElementById("legend"), "worse").click();
out.hidden = curves();
const select = document.getElementById("figure-class");
select.value = [...select.options].find((o) => o.textContent.startsWith("jsp/la")).value;
select.dispatchEvent(new Event("change"));
out.ranks = document.querySelector("#plot-ranks title").textContent;
named(document.getElementById("targets"), "10 %").click();
out.pressed = named(document.getElementById("targets"), "10 %").getAttribute("aria-pressed");

// instances
out.names = names();
const find = document.getElementById("find");
key(document.body, "/"); out.finding = document.activeElement === find;
find.value = "LA 10x5"; find.dispatchEvent(new Event("input"));
out.found = names(); out.count = document.getElementById("count").textContent;
find.value = ""; find.dispatchEvent(new Event("input"));
const reference = named(document.getElementById("instance-table"), "reference");
reference.click(); out.ascending = names();
reference.click(); out.descending = names();
const show = document.getElementById("instance-show");
show.value = "open"; show.dispatchEvent(new Event("input")); out.open = names();
show.value = "all"; show.dispatchEvent(new Event("input"));

// one instance
const dialog = document.getElementById("detail");
rows()[names().indexOf("la01")].querySelector("button").click();
await until(() => dialog.querySelector(".gantt canvas"));
out.opened = dialog.open && dialog.querySelector("h2").textContent;
out.runs = dialog.querySelectorAll(".detail-body table tbody tr").length;
out.traces = dialog.querySelectorAll(".plot .curve").length;
out.gantt = dialog.querySelector(".gantt h2").textContent;
out.facts = dialog.querySelector(".gantt dl").innerText.replace(/\\s+/g, " ");
dialog.querySelectorAll("[role=tab]")[1].click();
out.other = dialog.querySelector(".gantt h2").textContent;
const canvas = dialog.querySelector("canvas");
canvas.focus(); key(canvas, "ArrowRight");
out.task = dialog.querySelector(".gantt-live").textContent;
key(dialog, "n");
await until(() => dialog.querySelector("h2").textContent !== "la01" && dialog.querySelector(".gantt canvas"));
out.next = dialog.querySelector("h2").textContent;
dialog.close();
await until(() => document.activeElement.closest("#instance-table"));
out.focus = document.activeElement.textContent || document.activeElement.outerHTML;
const theme = document.getElementById("theme"), background = () => getComputedStyle(document.body).backgroundColor;
const one = background(); theme.click(); out.themes = [one, background()];
return out;
}
play().catch((error) => ({ error: error.stack })).then((out) => {
  document.body.replaceChildren();
  const result = document.body.appendChild(document.createElement("pre"));
  result.id = "result"; result.textContent = JSON.stringify(out);
});
"""


@pytest.fixture(scope="module", params=["embedded", "beside"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script saw on a page that holds the details of its instances, and on one that loads them."""
    folder: Path = tmp_path_factory.mktemp("report")
    runs = [played_run(n, s, seed) for n in NAMES for s in ("good", "worse") for seed in (0, 1)]
    runs += [played_run("la01", "third", 0, status="optimal")]
    page = folder / "my page#1.html"
    written = write_report(
        [make_store(folder / "runs.sqlite", runs)], page, page_limit=15_000_000 if request.param == "embedded" else 0
    )
    assert bool(written.side_files) == (request.param == "beside")
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("</body>", f"<script>{PLAYER}</script></body>"), encoding="utf-8")
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={folder / 'profile'}", "--window-size=1200,900"]
    command += ["--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=300, check=True)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout.decode("utf-8"), re.S)
    assert found is not None
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert "error" not in result, result["error"]
    return result


def test_tables_sort_by_a_heading(played: dict[str, Any]) -> None:
    """By the number of instances, falling: jsp/la has three, jsp/ft one; all stays on top."""
    assert played["classes"][0] == played["sorted"][0] == "all"
    assert played["sorted"].index("jsp/la") < played["sorted"].index("jsp/ft")
    assert played["direction"] == "descending"


def test_tabs_show_one_measure(played: dict[str, Any]) -> None:
    """With the pointer and with the arrow keys."""
    assert played["panel"] == ["panel-proofs"] and played["before"] == "tab-at_best"


def test_figures_read_zoom_and_hide(played: dict[str, Any]) -> None:
    """Hover and arrow keys read values, a drag, the wheel and keys zoom, the legend hides a solver."""
    assert played["curves"] == 3 and played["hidden"] == 2
    assert "good" in played["hover"] and "%" in played["hover"] and "good" in played["read"]
    assert played["dragged"] and played["zoomed"] and played["fitted"] and played["wheeled"]
    assert "good" in played["ranks"] and "Critical difference" in played["ranks"] and played["pressed"] == "true"


def test_instances_filter_and_sort(played: dict[str, Any]) -> None:
    """By words of name, class and size; by the reference: 55, 655, 666, 945; by what is not proved by all."""
    assert played["names"] == list(NAMES) and played["finding"]
    assert played["found"] == ["la01", "la02"] and played["count"] == "2 of 4 instances"
    assert played["ascending"] == ["ft06", "la02", "la01", "la16"] == played["descending"][::-1]
    assert len(played["open"]) == 4


def test_an_instance_opens_with_its_runs_traces_and_charts(played: dict[str, Any]) -> None:
    """Five runs of three solvers, an objective and a bound each; a chart per solver, read task by task."""
    assert (played["opened"], played["runs"], played["traces"]) == ("la01", 5, 6)
    assert played["gantt"] == "la01 · good" and played["other"] == "la01 · worse"
    assert "makespan" in played["facts"] and played["task"].startswith("task ")


def test_keys_step_to_the_next_instance_and_closing_returns_to_the_table(played: dict[str, Any]) -> None:
    """In the order of the table, which is by falling reference: after la01 comes la02."""
    assert played["next"] == "la02" == played["focus"]


def test_light_and_dark_change_places(played: dict[str, Any]) -> None:
    assert len(set(played["themes"])) == 2
