"""The Gantt chart as one HTML file: interactive, offline, nothing loaded from anywhere."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from string import Template
from typing import Any

from makespan.instances.gantt.chart import chart_data
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule


def gantt_html(
    instance: Instance,
    schedule: Schedule,
    *,
    title: str | None = None,
    objective: float | None = None,
    lower_bound: float | None = None,
    solver: str | None = None,
    critical: bool | None = None,
) -> str:
    """One self-contained page with an interactive chart; parameters as in ``chart_data``.

    Cost and errors are those of ``chart_data``; about 48 KB and the data. Write it as UTF-8.
    """
    data = chart_data(
        instance,
        schedule,
        title=title,
        objective=objective,
        lower_bound=lower_bound,
        solver=solver,
        critical=critical,
    )
    css, js = chart_assets()
    heading = data["title"].encode("utf-8", "replace").decode()
    template = Template(_asset("template.html"))
    return template.substitute(title=html.escape(heading), css=css, js=js, data=json_in_html(data))


def chart_assets() -> tuple[str, str]:
    """Style sheet and script for a page that draws several charts.

    Such a page holds both once and calls ``drawGantt(element, data)`` for each ``chart_data`` it embeds.
    """
    return _asset("chart.css"), _asset("model.js") + _asset("chart.js")


def json_in_html(data: Any) -> str:
    """Compact JSON in ASCII that may stand in a script element: no name can close it or open a comment.

    Raises ValueError for numbers that JSON has not (NaN, infinity).
    """
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    """A file of this folder, without its indentation, which is for readers of the source."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return "".join(line.strip() + "\n" for line in text.splitlines())
