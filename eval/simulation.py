"""Rules and networks played in simulated shops: what ``[scenario]`` in a suite means, and one run of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from makespan.envs.dynamic_arena import DynamicLimits
from makespan.envs.dynamic_batch import DYNAMIC_MEASURES, DynamicBatch
from makespan.envs.dynamic_rules import DYNAMIC_RULES, DynamicRule
from makespan.envs.scenario import Scenario, scenario_of
from makespan.instances.check import check
from makespan.instances.instance import Instance
from makespan.instances.schedule import Schedule, objective_values
from makespan.policies import zoo
from makespan.solvers.kernels.dynamic_measures import list_breaks, measure_rows
from makespan.solvers.kernels.dynamic_rules import first_by_rule_rows
from makespan.solvers.kernels.dynamic_shop import begin_rows, step_rows

_OBJECTIVES = {"makespan": "makespan", "flow_time": "flow_time", "tardiness": "weighted_tardiness"}
"""Measures that the schedule of an episode tells as well, and the objectives that they are."""


@dataclass(frozen=True)
class Simulation:
    """A shop in which things happen, as a suite names it.

    Parameters
    ----------
    name
        Stands for the set of its runs.
    instance
        Reference of the one job shop that is played.
    measure
        What counts, see ``DYNAMIC_MEASURES``; less is better.
    scenario
        What happens. Runs differ by their seeds; that of the scenario is not used.
    """

    name: str
    instance: str
    measure: str
    scenario: Scenario

    def digest(self, instance: Instance) -> str:
        """SHA-256 over the instance, the scenario and the measure, in hexadecimal."""
        happens = {name: value for name, value in asdict(self.scenario).items() if name != "seed"}
        text = json.dumps([instance.digest, self.measure, happens], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Episode:
    """A simulated run. ``value`` is None, and ``message`` says why, if not all jobs were done at the end."""

    value: int | None
    decisions: int
    seconds: float
    message: str = ""


def simulation_of(name: str, table: Mapping[str, Any]) -> Simulation:
    """A simulation from its table in a suite file. Raises ValueError."""
    given = dict(table)
    instance, measure = given.pop("instance", None), given.pop("measure", "makespan")
    if not isinstance(instance, str):
        raise ValueError(f"instance: found {'none' if instance is None else repr(instance)}, expected one job shop")
    if measure not in DYNAMIC_MEASURES:
        raise ValueError(f"measure: found {measure!r}, expected one of {', '.join(DYNAMIC_MEASURES)}")
    if "seed" in given:  # of the rows of a batch, which a run is not
        raise ValueError("seed: found it in a scenario, expected it among the seeds of the suite")
    for field, value in given.items():
        if field not in Scenario.__dataclass_fields__:
            known = ", ".join(("instance", "measure", *Scenario.__dataclass_fields__))
            raise ValueError(f"{field}: found {value!r}, expected another key, one of {known}")
        if isinstance(value, str) != (field == "jobs") or not isinstance(value, bool | int | float | str):
            raise ValueError(f"{field}: found {value!r}, expected a {'word' if field == 'jobs' else 'number'}")
    return Simulation(name, instance, measure, scenario_of(given))


def check_solver(solver: str) -> None:
    """Raise ValueError unless the spec of a dynamic suite names a rule, or a network for simulated shops."""
    kind, _, name = solver.partition(":")
    if kind == "policy":
        problem = zoo.card(zoo.path_of(name))["problem"]
        if problem != "dynamic":
            raise ValueError(f"solver: found {solver!r}, a network for {problem!r}, expected one for 'dynamic'")
    elif kind != "rule" or name not in DYNAMIC_RULES:
        known = ", ".join(("policy:dynamic", *(f"rule:{each}" for each in DYNAMIC_RULES)))
        raise ValueError(f"solver: found {solver!r}, expected one for simulated shops: {known}")


def _play(batch: DynamicBatch, solver: str, seed: int) -> int:
    """Play all rows to their end as a checked spec says, networks greedily; returns how many decisions it took."""
    kind, _, name = solver.partition(":")
    if kind == "policy":
        from makespan.policies import checkpoint
        from makespan.policies.episodes import greedy, play
        from makespan.policies.views import view_of

        model, card, _ = checkpoint.load(zoo.path_of(name))
        actions = play(model, view_of(batch), greedy, card.refresh_every)
        assert actions is not None  # nothing stops it
        return int(actions.shape[1])
    return DynamicRule(batch, name, seed).play()


def simulate(instance: Instance, simulation: Simulation, solver: str, seed: int) -> Episode:
    """Play one episode; solvers that play the same seed meet the same arrivals, durations and breakdowns.

    What happened is checked as every schedule is, and what it measures is computed a second time from it.

    Raises
    ------
    ValueError
        If the instance cannot be simulated.
    RuntimeError
        If what happened breaks a constraint, or measures something else than the simulation says.
    """
    batch = DynamicBatch([instance], simulation.scenario, 1)
    batch.reset(seed=seed)
    begin = perf_counter()
    decisions = _play(batch, solver, seed)
    seconds = perf_counter() - begin
    happened, schedule = batch.partial(0)
    broken = check(happened, schedule)
    if broken:
        raise RuntimeError(f"the simulation breaks a constraint: {broken[0].message}")
    if not batch.is_complete[0]:
        cut = bool(batch.is_truncated[0])
        reason = "the shop was full, or the horizon reached" if cut else "jobs wait for each other for ever"
        return Episode(None, decisions, seconds, f"not all jobs were done: {reason}")
    value = int(batch.measure(simulation.measure)[0])
    again = _measured(happened, schedule, simulation.measure)
    if again is not None and again != value:
        raise RuntimeError(f"the simulation measures a {simulation.measure} of {value}, its schedule {again}")
    return Episode(value, decisions, seconds)


def _measured(happened: Instance, schedule: Schedule, measure: str) -> int | None:
    """The measure of a complete episode as an objective; None where there is no such objective."""
    objective = _OBJECTIVES.get(measure)
    if objective is None:
        return None
    if objective == "weighted_tardiness" and happened.job_due is None:
        return 0  # nothing is due
    return objective_values(happened.replace(objective=(objective,)), schedule)[0]


def refusal(instance: Instance, scenario: Scenario) -> str:
    """Why an instance cannot be simulated; empty if it can."""
    try:
        DynamicLimits.of([instance], scenario)
    except ValueError as error:
        return str(error)
    return ""


def kernels() -> tuple[Any, ...]:
    """The compiled functions that an episode calls."""
    return begin_rows, step_rows, measure_rows, list_breaks, first_by_rule_rows


def prepare() -> float:
    """Compile or load them unless they are there; returns the seconds taken."""
    begin = perf_counter()
    if any(not each.signatures for each in kernels()):
        warm()
    return perf_counter() - begin


def warm() -> None:
    """Compile them."""
    shop = Instance.job_shop([[0, 1], [1, 0]], [[2, 1], [1, 2]])
    simulate(shop, Simulation("warm", "", "makespan", Scenario(breakdown=0.5)), "rule:spt", 0)
