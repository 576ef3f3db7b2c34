"""The report: its numbers against the raw rows of the store, its files against each other."""

import base64
import csv
import json
import re
import sqlite3
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makespan.eval.report import Written, write_report
from makespan.eval.report.measures import Measures, measure
from makespan.eval.report.provenance import suites
from makespan.eval.report.summary import overview
from makespan.eval.report.tables import Column, Table, to_csv, to_latex, to_markdown
from makespan.eval.results import Results, read_results
from makespan.eval.store import Store
from makespan.eval.suite import read_suite
from makespan.instances.gantt import chart_data
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule
from makespan.instances.sets import load
from tests.eval.runs import make_run, make_store, objectives_store, played_run

Call = Callable[..., Any]
MINE = Instance.job_shop([[0, 1], [1, 0]], [[4, 2], [3, 3]], name="</script><b>mine")
NAMES = ("ft06", "la01", "la02", "la16")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three solvers on five instances with two seeds; one run fails, one solver cannot play one instance."""
    runs = [played_run(n, s, seed) for n in (*NAMES, MINE) for s in ("good", "worse") for seed in (0, 1)]
    runs += [played_run(n, "some", 0, status="optimal") for n in NAMES[:2]]
    runs += [make_run("la02", "some", None, status="error", message="the worker died")]
    runs += [make_run("la16", "some", None, status="unsupported", message="cannot")]
    return make_store(tmp_path_factory.mktemp("store") / "runs.sqlite", runs)


@pytest.fixture(scope="module")
def written(store: Path) -> Written:
    return write_report([store], store.parent / "page.html", own=[MINE], command="makespan bench report runs.sqlite")


def read_table(written: Written, name: str) -> list[dict[str, str]]:
    (path,) = (each for each in written.tables if each.name == f"{name}.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def page_data(written: Written) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', written.page.read_text(), re.S)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpack(text: str) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return details


def block(written: Written, i: int) -> dict[str, Any]:
    found = re.search(rf'<script type="text/plain" id="block-{i}">(.*?)</script>', written.page.read_text())
    assert found is not None
    return unpack(found[1])


# -- numbers --------------------------------------------------------------------------------------

_GAPS = """
SELECT instance_set, solver, avg(gap) FROM (
    SELECT instance_set, solver, instance_hash,
           avg(CASE WHEN objective IS NULL THEN 1.0 ELSE (objective - best_known) * 1.0 / best_known END) AS gap
    FROM runs WHERE status != 'unsupported' AND best_known IS NOT NULL GROUP BY instance_set, solver, instance_hash
) GROUP BY instance_set, solver
"""


def test_gaps_equal_a_recomputation_from_the_raw_rows(written: Written, store: Path) -> None:
    """In SQL, from objectives and stored best known values alone: mean over seeds, then over instances."""
    with sqlite3.connect(store) as connection:
        wanted = {row[:2]: row[2] for row in connection.execute(_GAPS)}
    assert len(wanted) == 6
    rows = {row["class"]: row for row in read_table(written, "gaps")}
    for (group, solver), gap in wanted.items():
        assert float(rows[group][solver]) == pytest.approx(gap, abs=1e-12)
    shown = _cells(written, "class-gaps")
    for (group, solver), gap in wanted.items():
        assert float(shown[group, solver]) == pytest.approx(gap, abs=1e-12)


def _cells(written: Written, table: str) -> dict[tuple[str, str], str]:
    """Raw values of a table of the page, by first cell and heading."""
    text = re.search(rf'id="{table}">(.*?)</table>', written.page.read_text(), re.S)
    assert text is not None
    head = [re.sub("<[^>]*>", "", each).strip() for each in re.findall(r"<th.*?</th>", text[1], re.S)]
    rows = [re.findall(r'data-value="([^"]*)"', row) for row in re.findall(r"<tr.*?</tr>", text[1], re.S)[1:]]
    return {(row[0], title): value for row in rows for title, value in zip(head, row, strict=True) if value}


def test_every_gap_of_an_instance_is_in_the_page(written: Written, store: Path) -> None:
    """The mean over the seeds, to five digits; the own instance against the best of its runs."""
    data = page_data(written)
    with Store(store) as opened:
        runs = list(opened.runs())
    for i, name in enumerate(data["instances"]["name"]):
        mine = [run for run in runs if run.instance == name]
        best = min(run.objective for run in mine if run.objective is not None)
        reference = mine[0].best_known or best
        for c, label in enumerate(data["labels"]):
            played = [run for run in mine if run.key.solver == label and run.status != "unsupported"]
            gaps = [1.0 if run.objective is None else run.objective / reference - 1 for run in played]
            found = data["instances"]["gap"][i][c]
            assert found == (pytest.approx(np.mean(gaps), abs=6e-6) if gaps else None)


def test_proofs_and_best_known_are_counted_from_the_rows(written: Written) -> None:
    """``some`` proved both runs that found something and failed on la02; on jsp/la that is one of two."""
    rows = {row["class"]: row for row in read_table(written, "proofs")}
    assert (float(rows["jsp/ft"]["some"]), float(rows["jsp/la"]["some"])) == (1.0, 0.5)
    assert float(rows["all"]["good"]) == 0.0
    overview = {row["solver"]: row for row in read_table(written, "overview")}
    assert (overview["some"]["runs"], overview["some"]["without_schedule"]) == ("4", "1")


def test_the_engines_gaps_are_those_of_their_file(written: Written) -> None:
    """For jsp/la the mean over its three instances; ``all`` holds one that the engines have not played."""
    path = Path(load.__code__.co_filename).parent / "data" / "jsp" / "engine_results_600s.csv"
    with path.open(newline="") as file:
        published = [row for row in csv.DictReader(file) if row["engine"] == "cplex" and row["instance"] in NAMES]
    best = {"la01": 666, "la02": 655, "la16": 945}
    wanted = [int(row["ub"]) / best[row["instance"]] - 1 for row in published if row["instance"] in best]
    rows = {row["class"]: row for row in read_table(written, "gaps")}
    assert float(rows["jsp/la"]["reference CPLEX 22.1"]) == pytest.approx(np.mean(wanted))
    assert rows["all"]["reference CPLEX 22.1"] == "" and "4 cores of an Intel i7" in written.page.read_text()


def test_figures_agree_with_counts_over_the_runs(written: Written, store: Path) -> None:
    """Shares at every point of the axes, recomputed one run and one instance at a time."""
    data = page_data(written)
    drawn, labels = data["figures"], data["labels"]
    whole = drawn["classes"][0]
    with Store(store) as opened:
        runs = list(opened.runs())
    reference = dict(zip(data["instances"]["name"], data["instances"]["reference"], strict=True))
    mine = [run for run in runs if run.key.solver == "good"]
    c = labels.index("good")
    goal = 1 + drawn["targets"][-1]
    for t, time in enumerate(drawn["times"]):
        hit = [any(s <= time and z and z <= goal * reference[run.instance] for s, z, _ in run.trace) for run in mine]
        assert whole["targets"][-1][c][t] == pytest.approx(np.mean(hit), abs=1e-4)
    mean = {
        (name, s): np.mean([run.objective or np.inf for run in runs if (run.instance, run.key.solver) == (name, s)])
        for name in reference
        for s in labels
        if any((run.instance, run.key.solver) == (name, s) and run.status != "unsupported" for run in runs)
    }
    ratio = [mean[name, "good"] / min(mean[name, s] for s in labels if (name, s) in mean) - 1 for name in reference]
    for factor, share in zip(drawn["factors"], whole["profile"][c], strict=True):
        assert share == pytest.approx(np.mean([each <= factor * (1 + 1e-4) for each in ratio]), abs=1e-4)


def test_the_anytime_curve_starts_at_nothing_and_ends_at_the_mean_gap(written: Written) -> None:
    """Before the first schedule 100 %; at the horizon the final gaps, each at most 100 %."""
    data = page_data(written)
    curve = data["figures"]["classes"][0]["anytime"][data["labels"].index("good")]
    gaps = [row[data["labels"].index("good")] for row in data["instances"]["gap"]]
    assert curve[0] == 1.0 and curve[-1] == pytest.approx(np.mean(np.minimum(gaps, 1)), abs=2e-4)
    assert all(one >= other for one, other in zip(curve, curve[1:], strict=False))


# -- details --------------------------------------------------------------------------------------


def test_a_block_holds_the_runs_and_the_best_schedules(written: Written, store: Path) -> None:
    """Charts are those of the best run of each solver, as if each had been made alone."""
    data = page_data(written)
    i = data["instances"]["name"].index("la01")
    details = block(written, i)
    results = read_results([store])
    assert sorted(row[3] for row in details["runs"]) == sorted(
        results.objective[results.instance == i].astype(int).tolist()
    )
    with Store(store) as opened:
        runs = [run for run in opened.runs() if run.instance == "la01"]
    for c, seed, changed in details["charts"]:
        best = min((run for run in runs if run.key.solver == data["labels"][c]), key=lambda run: run.objective or 0)
        assert best.key.seed == seed and best.start is not None
        merged = {key: value for key, value in (details["base"] | changed).items() if value is not None}
        alone = chart_data(load("la01"), Schedule(best.start, best.mode), lower_bound=10)
        assert {k: v for k, v in merged.items() if k not in ("title", "solver")} == json.loads(
            json.dumps({k: v for k, v in alone.items() if k not in ("title", "solver") and v is not None})
        )


def test_the_same_pages_details_may_lie_beside_it(store: Path, tmp_path: Path) -> None:
    """A page without room names no block; each is a script with the same text."""
    small = write_report([store], tmp_path / "small.html", own=[MINE], page_limit=0)
    large = write_report([store], tmp_path / "large.html", own=[MINE])
    assert len(small.side_files) == 5 and not large.side_files and "block-0" not in small.page.read_text()
    assert small.charts == large.charts == 12
    for i, path in enumerate(small.side_files):
        call = re.fullmatch(r'takeBlock\((\d+), "([^"]*)"\);\n', path.read_text())
        assert call is not None and int(call[1]) == i
        assert unpack(call[2]) == block(large, i)


def test_an_instance_that_is_not_at_hand_says_how_to_name_it(store: Path, tmp_path: Path) -> None:
    """Its runs and traces are shown all the same; without charts nothing is said."""
    page = write_report([store], tmp_path / "p.html")
    i = page_data(page)["instances"]["name"].index(MINE.name)
    details = block(page, i)
    assert "--instances" in details["why"] and details["runs"] and details["traces"]
    bare = write_report([store], tmp_path / "q.html", charts=False)
    assert bare.charts == 0 and "why" not in block(bare, i)


# -- page and files -------------------------------------------------------------------------------


def test_the_page_loads_nothing_and_no_name_breaks_it(written: Written) -> None:
    """The policy in its head forbids the network, and the one name that tries to end a script is escaped."""
    text = written.page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text and MINE.name not in text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert text.count("<script") == text.count("</script>")


def test_the_page_says_how_the_runs_were_made(written: Written) -> None:
    """Command, versions, machine, failures, references with dates."""
    text = written.page.read_text(encoding="utf-8")
    for words in ("makespan bench report runs.sqlite", "a processor", "the worker died", "OptalCP 2026-06-01"):
        assert words in text


def test_the_suite_in_the_page_plays_the_same_runs(store: Path, tmp_path: Path) -> None:
    """As a file that the runner reads: same instances, seeds, threads and limits."""
    runs = [
        make_run(n, "rule:spt", 1000, seed=s, budget="iterations=5,seconds=2.5", threads=2)
        for n in NAMES
        for s in (0, 1)
    ]
    (found,) = suites(read_results([make_store(tmp_path / "r.sqlite", runs)]))
    (tmp_path / "test.toml").write_text(found["text"])
    suite = read_suite(tmp_path / "test.toml")
    assert (suite.name, suite.solvers, suite.seeds, suite.threads) == ("test", ("rule:spt",), (0, 1), 2)
    assert suite.instances == tuple(f"@{name}" for name in NAMES)
    (limits,) = suite.limits
    assert (limits.budget.seconds, limits.budget.iterations) == (2.5, 5)
    assert found["command"] == "makespan bench run test.toml --store test.sqlite"


def test_new_best_values_and_contradictions_are_pointed_out(tmp_path: Path) -> None:
    """54 on ft06, whose optimum is 55, is both; so are a bound above 666 and the word infeasible on la01 and la02."""
    runs = [make_run("ft06", "a", 54), make_run("la01", "a", 670, lower_bound=667)]
    runs.append(make_run("la02", "a", None, status="infeasible"))
    text = write_report([make_store(tmp_path / "r.sqlite", runs)], tmp_path / "p.html").page.read_text()
    assert "a found 54, below the best known 55" in text and "below the known lower bound 55: one is wrong" in text
    assert "la01: a claims the bound 667, above the best known 666" in text
    assert "la02: a says infeasible, but a schedule of 655 is known" in text and "4 values beyond" in text


def test_values_that_nobody_checked_are_counted(tmp_path: Path) -> None:
    """A claim without a schedule is told from one with a schedule, and from runs of our own."""
    runs = [
        make_run("ft06", "own", 55),
        make_run("ft06", "foreign", 55, source="theirs.csv:2"),
        played_run("la01", "foreign", 0, source="theirs.csv:3"),
    ]
    table = overview(*measured(make_store(tmp_path / "mixed.sqlite", runs)))
    assert table.columns[-1].title == "not checked"
    assert {row[0]: row[-1] for row in table.rows} == {"own": 0, "foreign": 1}
    alone = overview(*measured(make_store(tmp_path / "own.sqlite", runs[:1])))
    assert "not checked" not in [column.title for column in alone.columns] and "Not checked" not in alone.note


def measured(store: Path) -> tuple[Results, Measures]:
    """What the tables of a store are made of."""
    results = read_results([store])
    return results, measure(results)


def test_tables_are_the_same_in_every_form() -> None:
    """Special characters are escaped for each; the best value as shown is set in bold, ties too."""
    columns = (Column("a", "a_b & c"), Column("x", "x %", "percent", "low"), Column("y", "y|z", "percent", "low"))
    table = Table("t", "T", "50 % of it.", columns, (("p_q", 0.01234, 0.012339), ("none", None, 0.5)))
    assert to_csv(table) == "a,x,y\np_q,0.01234,0.012339\nnone,,0.5\n"
    assert to_markdown(table).splitlines()[2:6] == [
        "| a_b & c | x % | y\\|z |",
        "| --- | ---: | ---: |",
        "| p_q | **1.23** | **1.23** |",
        "| none | – | 50.00 |",
    ]
    latex = to_latex(table)
    assert r"a\_b \& c & x \% & y|z \\" in latex and r"p\_q & \textbf{1.23} & \textbf{1.23} \\" in latex
    assert r"none & -- & 50.00 \\" in latex and r"50 \% of it." in latex


def test_a_class_that_not_all_have_played_has_no_best(written: Written) -> None:
    """``some`` lacks la16 and the own instance: jsp/la and all get an asterisk, jsp/ft keeps its best."""
    (path,) = (each for each in written.tables if each.name == "gaps.md")
    lines = {line.split(" | ")[0].strip("| "): line for line in path.read_text().splitlines() if line.startswith("| ")}
    assert {"all *", "jsp/la *", "jsp/ft"} <= lines.keys() and "**" in lines["jsp/ft"]
    assert "**" not in lines["all *"] and "**" not in lines["jsp/la *"]


def test_one_solver_on_one_instance_makes_a_report_too(tmp_path: Path) -> None:
    """Nothing to compare, nothing to rank."""
    page = write_report([objectives_store(tmp_path / "r.sqlite", {"a": {"ft06": None}})], tmp_path / "p.html")
    assert "nothing to compare" in page.page.read_text() and read_table(page, "gaps")[0]["a"] == "1.0"


def test_runs_without_any_gap_make_a_report_too(tmp_path: Path) -> None:
    """A tardiness of 0 and an instance that nobody supports: their rows are there, and every gap is unknown."""
    runs = [make_run(MINE, "a", 0), make_run("ft06", "b", None, status="unsupported")]
    page = write_report([make_store(tmp_path / "r.sqlite", runs)], tmp_path / "p.html")
    data = page_data(page)
    assert data["instances"]["gap"] == [[None, None]] * 2
    assert {row["class"]: row["a"] for row in read_table(page, "gaps")} == {"all": "", "jsp/ft": "", "mine": ""}
    assert data["figures"]["classes"][0]["anytime"] == [None, None]


# -- the command ----------------------------------------------------------------------------------


def test_the_command_writes_page_and_tables(call: Call, store: Path, tmp_path: Path) -> None:
    """And says where; the tables lie in a folder of the page's name."""
    code, out, err = call("bench", "report", store, "-o", "out.html", "--title", "Mine", "--no-charts")
    assert (code, out) == (0, "") and "24 runs" in err
    assert (tmp_path / "out.html").is_file() and (tmp_path / "out" / "tables" / "gaps.tex").is_file()
    assert "<h1>Mine</h1>" in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "expected a file that bench run has written"),
        (("none.sqlite",), "none.sqlite: no such file"),
        (("r.sqlite", "-o", "page.pdf"), "expected .html"),
        (("r.sqlite", "-o", "nowhere/page.html"), "no folder"),
        (("r.sqlite", "--suite", "other"), "expected one of test"),
        (("r.sqlite", "--instances", "none.fjs"), "none.fjs"),
    ],
)
def test_what_cannot_be_reported_is_refused(call: Call, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """With exit code 2 and one line."""
    objectives_store(tmp_path / "r.sqlite", {"a": {"ft06": 60}})
    code, out, err = call("bench", "report", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("package", ["jinja2", "scipy.stats"])
def test_a_missing_package_is_named(call: Call, store: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """With the words that install it."""
    monkeypatch.setitem(sys.modules, package, None)
    code, _, err = call("bench", "report", store, "--no-charts")
    assert code == 2 and "pip install 'makespan[report]'" in err
