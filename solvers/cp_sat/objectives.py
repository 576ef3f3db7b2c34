"""Objectives as expressions; all are regular, so variables need only be at least what they measure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from makespan.instances.instance import ES, HORIZON_LIMIT, IntArray
from makespan.solvers.cp_sat.tasks import Draft, Expr


def objective_expression(draft: Draft, name: str) -> Expr:
    """The objective as an expression that no schedule makes smaller than its value."""
    return _EXPRESSION[name](draft)


def _makespan(draft: Draft) -> Expr:
    makespan = draft.time()
    for task in _last(draft, np.arange(draft.instance.num_tasks)):
        draft.model.add(makespan >= draft.end[task])
    if draft.hint is not None:
        draft.suggest(makespan, int(draft.hint.end.max(initial=0)))
    return makespan


def _last(draft: Draft, tasks: IntArray) -> list[int]:
    """Those of ``tasks`` that can end last: all but the preds of an ES arc with a lag >= 0 among them."""
    instance = draft.instance
    among = np.zeros(instance.num_tasks, np.bool_)
    among[tasks] = True
    inner = (instance.arc_kind == ES) & (instance.arc_lag >= 0) & among[instance.arc_pred] & among[instance.arc_succ]
    last = among.copy()
    last[instance.arc_pred[inner]] = False
    return [int(task) for task in (np.flatnonzero(last) if last.any() else tasks)]


def _job_end(draft: Draft, job: int) -> Expr:
    """When a job is done; 0 for one without tasks."""
    assert draft.instance.job is not None
    tasks = np.flatnonzero(draft.instance.job == job)
    last = _last(draft, tasks)
    if not last:
        return 0
    if len(last) == 1:
        return draft.end[last[0]]
    done = draft.time()
    for task in last:
        draft.model.add(done >= draft.end[task])
    if draft.hint is not None:
        draft.suggest(done, int(draft.hint.end[tasks].max()))
    return done


def _lateness(draft: Draft) -> list[tuple[Expr, int, int]]:
    """End, due date and weight of everything that has a due date."""
    instance = draft.instance
    found: list[tuple[Expr, int, int]] = []
    for due, weight, end in (
        (instance.due, instance.weight, lambda task: draft.end[task]),
        (instance.job_due, instance.job_weight, lambda job: 0 if instance.job is None else _job_end(draft, job)),
    ):
        if due is not None:
            for i in np.flatnonzero(due < HORIZON_LIMIT).tolist():
                found.append((end(i), int(due[i]), 1 if weight is None else int(weight[i])))
    return found


def _tardiness(draft: Draft, weighted: bool) -> Expr:
    total: list[Expr] = []
    for end, due, weight in _lateness(draft):
        if isinstance(end, int):  # a job without tasks ends at 0, never late
            continue
        late = draft.time()
        draft.model.add(late >= end - due)
        total.append((weight if weighted else 1) * late)
    return sum(total)


def _total_tardiness(draft: Draft) -> Expr:
    return _tardiness(draft, weighted=False)


def _weighted_tardiness(draft: Draft) -> Expr:
    return _tardiness(draft, weighted=True)


def _max_lateness(draft: Draft) -> Expr:
    late = _lateness(draft)
    worst = draft.model.new_int_var(-max(due for _, due, _ in late), draft.horizon, "")
    for end, due, _ in late:
        draft.model.add(worst >= end - due)
    return worst


def _flow_time(draft: Draft) -> Expr:
    instance = draft.instance
    release = np.zeros(instance.num_tasks, np.int64) if instance.release is None else instance.release
    if instance.job is None:
        return sum(draft.end[task] - int(release[task]) for task in range(instance.num_tasks))
    alone = np.flatnonzero(instance.job < 0).tolist()
    total = sum(draft.end[task] - int(release[task]) for task in alone)
    job_release = np.zeros(instance.num_jobs, np.int64) if instance.job_release is None else instance.job_release
    for job in np.unique(instance.job[instance.job >= 0]).tolist():
        total += _job_end(draft, job) - int(job_release[job])
    return total


_EXPRESSION: dict[str, Callable[[Draft], Expr]] = {
    "makespan": _makespan,
    "total_tardiness": _total_tardiness,
    "weighted_tardiness": _weighted_tardiness,
    "max_lateness": _max_lateness,
    "flow_time": _flow_time,
}
