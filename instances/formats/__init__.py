"""One module per file format, each with ``read``, ``write`` and ``recognises``; the table of all of them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol, cast

from makespan.instances.formats.source import Source
from makespan.instances.instance import Instance


class FormatModule(Protocol):
    """What every module of this folder offers."""

    HOLDS: frozenset[str]
    """Keys of ``makespan.instances.features.FEATURES`` that the format can hold."""

    def read(self, source: Source) -> Instance:
        """The instance in a text; raises InputError and nothing else for a text that holds none."""

    def write(self, instance: Instance) -> str:
        """The text of an instance whose features the format holds; raises ValueError if it does not fit."""

    def recognises(self, source: Source) -> bool:
        """Whether a text has the outer form of this format; never raises."""


@dataclass(frozen=True)
class Format:
    """One row of FORMATS; ``module`` is the file in this folder, ``extensions`` with their dots."""

    name: str
    description: str
    module: str
    extensions: tuple[str, ...]
    can_write: bool = True

    def load(self) -> FormatModule:
        """The module, imported when first asked for."""
        return cast(FormatModule, importlib.import_module(f"makespan.instances.formats.{self.module}"))


_TABLE = (
    Format("json", "makespan's own JSON; holds every field and all names", "own_json", (".json",)),
    Format("schedule_opt", "ScheduleOpt JSON (job shop, flexible job shop)", "schedule_opt", (".json",)),
    Format(
        "question",
        "JSON that asks for a feasible schedule, in words",
        "question",
        (".json",),
    ),
    Format("wfformat", "WfFormat 1.5 JSON (scientific workflows)", "wfformat", (".json",)),
    Format("psplib", "PSPLIB text, single and multi mode", "psplib", (".sm", ".mm")),
    Format("mmlib", "MMLIB text (PSPLIB with a short header)", "mmlib", (".mm",)),
    Format("rcpsp_max", "ProGen/max, RCPSP with time lags", "rcpsp_max", (".sch",)),
    Format("csv", "table with one row per operation, activity or mode", "csv_table", (".csv", ".tsv")),
    Format("taillard", "Taillard job shop: matrix of times, matrix of machines", "taillard", (".txt",)),
    Format("da_col_teppan", "job shop lines that end in -1 -1", "da_col_teppan", (".txt", ".jsp")),
    Format("standard", "job shop: `jobs machines`, then machine-duration pairs", "standard", (".txt", ".jsp")),
    Format("fjs", "flexible job shop", "fjs", (".fjs",)),
    Format("patterson", "Patterson RCPSP", "patterson", (".rcp",)),
    Format("open_shop", "open shop: `jobs machines`, then rows of durations", "open_shop", (".txt",)),
    Format("flow_shop", "permutation flow shop in job shop form", "flow_shop", (".txt",)),
)

FORMATS: dict[str, Format] = {item.name: item for item in _TABLE}
"""Every format by name, in the order in which ``read`` tries to recognise them."""
