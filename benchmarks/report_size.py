"""How long a report of many rows takes, how large the page is, and how quickly it answers in a browser.

    python benchmarks/report_size.py --rows 100000

Makes a store of 500 bundled instances (all classical job shops, and projects of 60 activities) with ten solvers and as
many seeds as the rows ask for. The runs are not played: every schedule is one of a priority rule, started late by as
much as its made-up gap asks for, with a made-up trace of 25 steps. Sizes are those of real runs. Give the machine to it
alone: the report is timed by the wall clock.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from makespan.eval.report import write_report
from makespan.eval.store import Run, RunKey, Store
from makespan.instances.bounds import best_known
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.sets import instance_names, load
from makespan.solvers.api import Budget, solve, versions

SETS = ("ft", "la", "abz", "orb", "swv", "yn", "ta", "dmu")
SOLVERS = 10
INSTANCES = 500
SECONDS = 60.0

PLAYER = """
const out = { scripts: performance.now() - opened };
const timed = (act) => {
  const t = performance.now();
  act();
  document.body.offsetHeight;
  return performance.now() - t;
};
out.sort = timed(() => document.querySelectorAll("#instance-table thead button")[4].click());
out.filter = timed(() => { byId("find").value = "ta"; listInstances(); });
out.all_rows = timed(() => { byId("find").value = ""; list.limit = Infinity; listInstances(); });
out.figures = timed(() => { byId("figure-class").value = 3; drawFigures(false); });
const t = performance.now();
detail.open(ALL.name.indexOf("ta41")).then(() => {
  out.instance = performance.now() - t;
  document.body.replaceChildren();
  const result = document.body.appendChild(document.createElement("pre"));
  result.id = "result"; result.textContent = JSON.stringify(out);
});
"""


def make_store(path: Path, num_rows: int) -> None:
    """A store of ``num_rows`` runs, in the order in which the runner would have played them."""
    names = [f"jsp/{each}" for each in SETS]
    bundled = [f"{name}/{each}" for name in names for each in instance_names(name)]
    bundled += [f"rcpsp/j60/{each}" for each in instance_names("rcpsp/j60")]
    chosen = [(each.rpartition("/")[0], load(each)) for each in bundled[:INSTANCES]]
    starts = [_schedule(instance) for _, instance in chosen]
    known = versions()
    rng = np.random.default_rng(0)
    with Store(path) as store:
        for row in range(num_rows):
            seed, rest = divmod(row, INSTANCES * SOLVERS)
            i, s = divmod(rest, SOLVERS)
            store.add(_run(*chosen[i], starts[i], f"solver{s}", seed, 0.01 * (s + rng.random()), known))


def _schedule(instance: Instance) -> tuple[Schedule, int]:
    project = instance.meta.name.startswith("j60") if instance.meta.name else False
    result = solve(instance, "sgs:lft" if project else "rule:mwkr", Budget(seconds=10), threads=1)
    assert result.schedule is not None and result.objective is not None
    return result.schedule, result.objective


def _run(
    set_name: str,
    instance: Instance,
    found: tuple[Schedule, int],
    solver: str,
    seed: int,
    late: float,
    known: dict[str, str],
) -> Run:
    schedule, makespan = found
    wait = round(late * makespan)
    bound = best_known(instance.name)
    objective = makespan + wait
    points = np.geomspace(0.02, SECONDS * 0.9, 25)
    trace = [(round(float(at), 6), objective + 3 * (24 - k), makespan // 2) for k, at in enumerate(points)]
    best = None if bound is None else bound.upper_bound
    return Run(
        key=RunKey("many", solver, instance.digest, seed, f"seconds={SECONDS:.0f}", 1),
        instance=instance.name,
        instance_set=set_name,
        plan=solver,
        status="feasible",
        objective=objective,
        lower_bound=makespan // 2,
        best_known=best,
        gap=None if best is None else (objective - best) / best,
        seconds=SECONDS,
        compile_seconds=0.0,
        iterations=1000,
        finished_at="2026-11-22T12:00:00+00:00",
        message="",
        trace=tuple(trace),
        start=tuple((schedule.start + wait).tolist()),
        mode=tuple(schedule.mode.tolist()),
        versions=known,
        hardware={"processor": "none", "cores": 1},
    )


def in_browser(page: Path, folder: Path) -> dict[str, float] | None:
    """Milliseconds of what a reader waits for; None without Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        return None
    text = page.read_text(encoding="utf-8").replace(
        "<head>", "<head><script>const opened = performance.now();</script>"
    )
    played = folder / "played.html"
    played.write_text(text.replace("</body>", f"<script>{PLAYER}</script></body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    command += ["--virtual-time-budget=60000", "--dump-dom", played.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=300, check=True)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout.decode("utf-8"), re.S)
    assert found is not None
    result: dict[str, float] = json.loads(html.unescape(found[1]))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--store", type=Path, help="keep the store here, or use the one that is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = given.store or folder / "many.sqlite"
        if not path.exists():
            make_store(path, given.rows)
        begin, busy = time.perf_counter(), time.process_time()
        written = write_report([path], folder / "report.html")
        seconds, busy = time.perf_counter() - begin, time.process_time() - busy
        size = written.page.stat().st_size / 1e6
        print(f"rows {written.runs}, charts {written.charts}, store {path.stat().st_size / 1e6:.0f} MB")
        print(f"report {seconds:.1f} s ({busy:.1f} s of processor), page {size:.2f} MB")
        print(f"{len(written.side_files)} instances in files beside the page")
        waits = in_browser(written.page, folder)
        if waits is not None:
            print("browser, ms: " + ", ".join(f"{what} {ms:.0f}" for what, ms in waits.items()))


if __name__ == "__main__":
    main()
