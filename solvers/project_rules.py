"""Priority rules for projects: each turns the network and the chosen modes into one key per task, smallest first."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from makespan.instances.dates import tightest
from makespan.instances.instance import HORIZON_LIMIT, Instance, IntArray
from makespan.instances.project_view import ProjectView, project_view
from makespan.solvers.kernels.critical_path import longest_paths, total_after
from makespan.solvers.kernels.project_state import Project

SERIAL, PARALLEL = "serial", "parallel"
SCHEMES = (SERIAL, PARALLEL)


@dataclass(frozen=True)
class ProjectRule:
    """A row of the table of rules. ``schemes`` lists where the rule says something of its own."""

    name: str
    summary: str
    key: Callable[[Network], IntArray]
    schemes: tuple[str, ...] = SCHEMES
    always_drawn: bool = False
    worst_case: bool = False


class Network:
    """What rules look at: a project with its modes chosen, without resources; each part is computed when first used.

    Latest starts run back from the length of the longest path; from deadlines and fixed starts where those are
    earlier; and from due dates if the objective counts lateness or tardiness.
    """

    def __init__(self, instance: Instance, project: Project) -> None:
        self._instance = instance
        self._project = project
        self.view: ProjectView = project_view(instance)
        self.duration: IntArray = project.state.activity["duration"].copy()

    @cached_property
    def _paths(self) -> tuple[IntArray, IntArray, int]:
        earliest, latest = np.zeros_like(self.duration), np.zeros_like(self.duration)
        limit, ahead = self._instance.derived(_latest_end), self._project.ahead
        activity = self._project.state.activity
        length = longest_paths(self.view.order, ahead.place, ahead.before, activity, limit, earliest, latest)
        return earliest, latest, int(length)

    @property
    def earliest_start(self) -> IntArray:
        """Shape (num_tasks,): earliest start by precedence, release dates and fixed starts alone."""
        return self._paths[0]

    @property
    def latest_start(self) -> IntArray:
        """Shape (num_tasks,): latest start that delays nothing; may be negative."""
        return self._paths[1]

    @property
    def length(self) -> int:
        """Length of the longest path from time 0."""
        return self._paths[2]

    def total_after(self, weight: IntArray) -> IntArray:
        """Sum of a weight over all successors of each task, near and far."""
        total = np.zeros_like(weight)
        view, scratch = self.view, np.zeros(weight.size, np.uint64)
        total_after(view.order, view.succ_ptr, view.succ_task, weight, total, scratch)
        return total

    def direct_after(self, weight: IntArray) -> IntArray:
        """Sum of a weight over the direct successors of each task."""
        sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(weight[self.view.succ_task])))
        return sums[self.view.succ_ptr[1:]] - sums[self.view.succ_ptr[:-1]]


RULES: dict[str, ProjectRule] = {
    rule.name: rule
    for rule in (
        ProjectRule("lft", "earliest latest finish", lambda net: net.latest_start + net.duration),
        ProjectRule("lst", "earliest latest start", lambda net: net.latest_start),
        ProjectRule(
            "mslk", "least slack in the network", lambda net: net.latest_start - net.earliest_start, schemes=(SERIAL,)
        ),
        ProjectRule("mts", "most total successors", lambda net: -net.total_after(np.ones_like(net.duration))),
        ProjectRule(
            "grpw",
            "greatest rank weight: with direct successors",
            lambda net: -net.duration - net.direct_after(net.duration),
        ),
        ProjectRule(
            "grpw_all",
            "greatest rank weight: with all successors",
            lambda net: -net.duration - net.total_after(net.duration),
        ),
        ProjectRule("wcs", "worst-case slack", lambda net: net.latest_start, schemes=(PARALLEL,), worst_case=True),
        ProjectRule("spt", "shortest duration", lambda net: net.duration),
        ProjectRule("random", "all alike, drawn at random", lambda net: np.zeros_like(net.duration), always_drawn=True),
    )
}


def find_rules(name: str, scheme: str) -> tuple[ProjectRule, ...]:
    """The rule of a name, or for ``best`` all that say something of their own in a scheme.

    ``mslk`` in the parallel scheme is ``lst``: at one moment every slack is a latest start less the same time. Raises
    ValueError for unknown names, and for ``wcs`` in the serial scheme, which has no set of tasks to compare.
    """
    if name == "best":
        return tuple(rule for rule in RULES.values() if scheme in rule.schemes)
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown rule {name!r}, known: {', '.join(RULES)}, best{hint}")
    if name == "mslk" and scheme == PARALLEL:
        return (RULES["lst"],)
    if scheme not in RULES[name].schemes:
        raise ValueError(f"rule {name!r}: found scheme={scheme}, expected scheme={RULES[name].schemes[0]}")
    return (RULES[name],)


def _latest_end(instance: Instance) -> IntArray:
    limit = project_view(instance).deadline.copy()
    if any(name not in ("makespan", "flow_time") for name in instance.objective):
        limit = np.minimum(limit, tightest(instance, instance.due, instance.job_due))
    limit = np.minimum(limit, HORIZON_LIMIT)
    limit.setflags(write=False)
    return limit
