"""The page: one offline HTML file with tables, figures and instances, and what lies beside it."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from makespan.eval.report import engines, provenance, summary
from makespan.eval.report.details import blocks
from makespan.eval.report.figures import figure_tables, figures
from makespan.eval.report.measures import Measures, measure
from makespan.eval.report.tables import write_tables
from makespan.eval.results import Results, read_results
from makespan.instances.gantt.html import chart_assets, json_in_html
from makespan.instances.instance import Instance
from makespan.instances.write import write_atomically
from makespan.solvers.api import versions

PAGE_LIMIT = 15_000_000
"""Bytes of the page; details of instances that do not fit lie in files beside it."""

_LARGEST_BLOCK = PAGE_LIMIT // 10  # a larger one would crowd out many others
_ONLY_CSV = frozenset({"profile", "anytime", "time_to_target"})


@dataclass(frozen=True)
class Written:
    """What was written: the page, its tables, and the files with details that the page loads when asked."""

    page: Path
    tables: tuple[Path, ...]
    side_files: tuple[Path, ...]
    runs: int
    charts: int


@contextmanager
def _no_search_for_circles() -> Iterator[None]:
    """A report makes millions of small objects, none of them in circles; the search for such took a sixth of its
    time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_no_search_for_circles()
def write_report(
    stores: Sequence[str | Path],
    page: Path,
    *,
    suites: Sequence[str] = (),
    title: str | None = None,
    own: Iterable[Instance] = (),
    charts: bool = True,
    command: str = "",
    page_limit: int = PAGE_LIMIT,
) -> Written:
    """Write the report of stores to ``page``, and tables and side files to the folder of the same name beside it.

    Parameters
    ----------
    stores, suites
        As for ``read_results``.
    title
        Heading; the names of the suites by default.
    own
        Instances that do not come along, so that their schedules can be drawn.
    charts
        Whether to put Gantt charts in.
    command
        The command that makes this report, shown in it.
    page_limit
        Bytes of the page at which details go to side files.

    Raises OSError and ValueError as ``read_results``, and ValueError without the packages of ``makespan[report]``.
    Cost O(size of the traces), and about 2 ms per chart.
    """
    template = _template()
    results = read_results(stores, suites)
    measures = measure(results)
    others = engines.reference_engines(results)
    by_class = summary.by_class(results, measures, others)
    drawn = figures(results, measures)
    tables = [summary.overview(results, measures), *by_class, summary.pairs(results, measures)]
    beside = [summary.instances(results, measures), *figure_tables(results, drawn)]
    folder = page.with_suffix("")
    written = write_tables([*tables, *beside], folder / "tables", only_csv=_ONLY_CSV)
    head, tail = template.render(
        title=title or ", ".join(dict.fromkeys(results.suite)),
        version=versions()["makespan"],
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        command=command,
        results=results,
        place={label: c for c, label in enumerate(results.labels)},
        overview=tables[0],
        by_class=by_class,
        pairs=tables[-1],
        findings=summary.findings(results),
        engines=others,
        engine_hardware=engines.HARDWARE,
        engine_source=engines.SOURCE,
        suites=provenance.suites(results),
        machines=provenance.machines(results),
        references=provenance.references(results),
        troubles=provenance.troubles(results),
        files=[(table, table.name in _ONLY_CSV) for table in (*tables, *beside)],
        folder=folder.name,
        chart_assets=chart_assets(),
        style=_asset("page.css"),
        script="".join(map(_asset, ("plot.js", "page.js", "detail.js"))),
        data=json_in_html(_data(results, measures, others, drawn, folder.name)),
        blocks=_BLOCKS,
    ).split(_BLOCKS)
    room = page_limit - len(head.encode()) - len(tail.encode())
    embedded, side_files, num_charts = [], [], 0
    for block in blocks(results, {each.digest: each for each in own}, charts):
        num_charts += block.charts
        text = f'<script type="text/plain" id="block-{block.instance}">{block.text}</script>\n'
        if len(text) <= min(room, _LARGEST_BLOCK):
            embedded.append(text)
            room -= len(text)
        else:
            path = folder / "instances" / f"{block.instance}.js"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, f'takeBlock({block.instance}, "{block.text}");\n')
            side_files.append(path)
    write_atomically(page, "".join((head, *embedded, tail)))
    return Written(page, tuple(written), tuple(side_files), results.num_runs, num_charts)


_BLOCKS = "<!-- blocks -->"


def _data(
    results: Results, measures: Measures, others: list[engines.Engine], drawn: dict[str, Any], folder: str
) -> dict[str, Any]:
    """What the script of the page draws from."""
    known = results.instances
    sources = list(dict.fromkeys(each.reference.source for each in known))
    return {
        "labels": list(results.labels),
        "folder": folder,
        "figures": drawn,
        "engines": [each.label for each in others],
        "sources": sources,
        "instances": {
            "name": [each.name for each in known],
            "set": [each.instance_set for each in known],
            "size": [each.size for each in known],
            "lower": [each.reference.lower_bound for each in known],
            "reference": [each.reference.value for each in known],
            "date": [each.reference.date for each in known],
            "source": [sources.index(each.reference.source) for each in known],
            "gap": _listed(measures.gap, 5),
            "proved": _listed(measures.proved, 2),
            "engines": [_listed(each.gap, 5) for each in others],
        },
    }


def _listed(values: np.ndarray, digits: int) -> list[Any]:
    """Rounded values, None for NaN, nested as the array is."""
    if values.ndim > 1:
        return [_listed(each, digits) for each in values]
    return [None if each != each else round(each, digits) for each in values.tolist()]


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _template() -> Any:
    try:
        import jinja2
    except ImportError:
        raise ValueError("a report needs Jinja2, which is not installed: pip install 'makespan[report]'") from None
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.globals["is_reference"] = lambda column: column.key.startswith("reference ")
    return environment.from_string(_asset("page.html"))
