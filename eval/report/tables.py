"""Table: one set of numbers that the page, CSV, LaTeX and Markdown all show."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makespan.instances.write import write_atomically

_KINDS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "integer": lambda value: f"{value:,}".replace(",", "\u202f"),
    "percent": lambda value: f"{100 * value:.2f}",
    "share": lambda value: f"{100 * value:.0f}",
    "points": lambda value: f"{100 * value:+.2f}".replace("-", "−"),
    "seconds": lambda value: f"{value:.3g}" if value < 100 else f"{value:.0f}",
    "rank": lambda value: f"{value:.2f}",
    "p": lambda value: "< 0.0001" if value < 1e-4 else f"{value:.4f}",
}
"""How people read a value of each kind. Fractions are shown in per cent; files for programs keep them as they are."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    key, title
        Name in CSV files and heading for people.
    kind
        One of ``text, integer, percent, share, points, seconds, rank, p``.
    race
        ``low`` or ``high`` where the columns of this word compete: the best of each row is set in bold.
    """

    key: str
    title: str
    kind: str = "text"
    race: str = ""


@dataclass(frozen=True)
class Table:
    """Columns and rows of raw values (None: nothing known), a title, and a note on what the numbers mean.

    ``levels`` says of each row to which level of classes it belongs, empty without such levels. ``uneven`` holds the
    rows whose values were not taken over the same instances: they get an asterisk, and no best.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    levels: tuple[str, ...] = ()
    uneven: frozenset[int] = frozenset()

    def text(self, r: int, k: int) -> str:
        """The value in row r and column k as people read it; a dash where nothing is known."""
        value = self.rows[r][k]
        mark = " *" if k == 0 and r in self.uneven else ""
        return "–" if value is None else _KINDS[self.columns[k].kind](value) + mark

    def is_best(self, r: int, k: int) -> bool:
        """Whether this value is the best, as shown, of those that compete in its row."""
        row, race = self.rows[r], self.columns[k].race
        if not race or row[k] is None or r in self.uneven:
            return False
        rivals = [row[j] for j, column in enumerate(self.columns) if column.race == race and row[j] is not None]
        best = min(rivals) if race == "low" else max(rivals)
        return len(rivals) > 1 and _KINDS[self.columns[k].kind](best) == self.text(r, k)


def write_tables(tables: list[Table], folder: Path, *, only_csv: frozenset[str] = frozenset()) -> list[Path]:
    """Write every table as CSV, LaTeX and Markdown; those named in ``only_csv`` as CSV alone. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables:
        forms: dict[str, Callable[[Table], str]] = {"csv": to_csv}
        if table.name not in only_csv:
            forms |= {"md": to_markdown, "tex": to_latex}
        for ending, form in forms.items():
            path = folder / f"{table.name}.{ending}"
            write_atomically(path, form(table))
            written.append(path)
    return written


def to_csv(table: Table) -> str:
    """Raw values, gaps as fractions, empty where nothing is known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.key for column in table.columns)
    writer.writerows(table.rows)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """A table with its title and note, the best values in bold."""
    lines = [
        f"**{table.title}**",
        "",
        _markdown([column.title for column in table.columns]),
        _markdown(["---" if column.kind == "text" else "---:" for column in table.columns], escape=False),
    ]
    for r in range(len(table.rows)):
        shown = [table.text(r, k) for k in range(len(table.columns))]
        cells = [f"**{text}**" if table.is_best(r, k) else text for k, text in enumerate(shown)]
        lines.append(_markdown(cells))
    return "\n".join([*lines, "", table.note]) + "\n"


def _markdown(cells: list[str], escape: bool = True) -> str:
    texts = [each.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for each in cells] if escape else cells
    return "| " + " | ".join(texts) + " |"


def to_latex(table: Table) -> str:
    """A ``table`` environment for the packages booktabs and graphicx; the best values in bold."""
    align = "".join("l" if column.kind == "text" else "r" for column in table.columns)
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(table.title)}. {_latex(table.note)}}}",
        rf"\label{{tab:{table.name.replace('_', '-')}}}",
        r"\centering\small",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(_latex(column.title) for column in table.columns) + r" \\",
        r"\midrule",
    ]
    for r in range(len(table.rows)):
        shown = [_latex(table.text(r, k)) for k in range(len(table.columns))]
        cells = [rf"\textbf{{{text}}}" if table.is_best(r, k) else text for k, text in enumerate(shown)]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    **{mark: "\\" + mark for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "−": "$-$",
    "–": "--",
    "·": r"\,$\cdot$\,",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "τ": r"$\tau$",
    "\u202f": r"\,",
    "\n": " ",
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(mark, mark) for mark in text)
