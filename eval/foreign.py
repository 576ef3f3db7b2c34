"""Results of other programs, checked by the rules that hold for our own and stored beside them.

A claim with a schedule is worth what the checker finds. One without is stored as claimed, and never as verified; it is
refused where it contradicts itself or a bound: an objective below a proved lower bound, a lower bound above the value
of a known schedule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from makespan.eval.foreign_files import Claim
from makespan.eval.store import Run, RunKey, Store
from makespan.instances.bounds import Bound, gap
from makespan.instances.check import check
from makespan.instances.errors import InputError, quoted
from makespan.instances.instance import Instance
from makespan.instances.references import Reference, one_reference
from makespan.instances.schedule import Schedule, objective_values
from makespan.instances.schedule_files.read import is_schedule_file, read_schedule
from makespan.solvers.infeasibility import infeasibility
from makespan.solvers.lower_bounds import first_bound
from makespan.solvers.result_json import StoredResult, read_result


@dataclass
class Imported:
    """What became of the claims.

    Parameters
    ----------
    verified, claimed
        Stored with a schedule that was checked, and without.
    present
        Already in the store with the same values.
    refused
        Why, one line each.
    better
        Names of instances on which a claim is below the best known value, with the value and whether it is verified.
    """

    verified: int = 0
    claimed: int = 0
    present: int = 0
    refused: list[InputError] = field(default_factory=list)
    better: list[tuple[str, int, bool]] = field(default_factory=list)


def import_claims(claims: Iterable[Claim], store: Store, suite: str, *, skip_refused: bool = False) -> Imported:
    """Check every claim, then store those that hold; none at all if one is refused, unless ``skip_refused``.

    O(claims), plus reading each instance and schedule once. Bounds are those of ``best_known`` and of ``first_bound``.
    """
    judge, outcome = _Judge(suite), Imported()
    there = {run.key: (run.objective, run.lower_bound, run.start is None) for run in store.runs(suite)}
    places: dict[RunKey, tuple[str, int | None]] = {}
    runs: list[Run] = []
    for claim in claims:
        try:
            run = judge.run(claim)
            if run.key in places:
                first = ":".join(str(part) for part in places[run.key] if part is not None)
                raise claim.refusal(f"the run of {first} again", "another solver, instance, seed or time limit")
            stored = there.get(run.key)
            if stored not in (None, (run.objective, run.lower_bound, run.start is None)):
                found = f"another result of a run that is stored with objective {stored[0]}"
                raise claim.refusal(found, "the same one, or another --suite")
        except InputError as error:
            outcome.refused.append(error)
            continue
        places[run.key] = claim.place
        runs.append(run)
    if outcome.refused and not skip_refused:
        return outcome
    for run in runs:
        if not store.add(run):
            outcome.present += 1
        elif run.start is None:
            outcome.claimed += 1
        else:
            outcome.verified += 1
        if run.gap is not None and run.gap < 0 and run.objective is not None:
            outcome.better.append((run.instance, run.objective, run.verified))
    return outcome


class _Judge:
    """Turns claims into runs, or refuses them; reads each instance once."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self._now = datetime.now(UTC).isoformat(timespec="seconds")
        self._loaded: dict[tuple[str, Path], tuple[Reference, Instance]] = {}

    def run(self, claim: Claim) -> Run:
        """The run that a claim makes. Raises InputError with the line of the claim."""
        reference, instance = self._instance(claim)
        if claim.result is not None:
            instance = claim.result.instance_as_solved(instance)
        schedule = self._schedule(claim, instance)
        objective = self._objective(claim, instance, schedule)
        status, bound = _status_and_bound(claim, objective)
        known = reference.best_known(instance)
        _check_bounds(claim, instance, known, objective, bound, schedule is not None)
        if status == "infeasible" and known is not None and known.upper_bound is not None:
            raise claim.refusal("infeasible", f"a schedule, as one of value {known.upper_bound} is known")
        path, line = claim.place
        return Run(
            key=RunKey(self.suite, claim.solver, instance.digest, claim.seed, claim.budget, claim.threads),
            instance=instance.name,
            instance_set=reference.set_name,
            plan=claim.solver if claim.result is None else claim.result.solver or claim.solver,
            status=status,
            objective=objective,
            lower_bound=bound,
            best_known=None if known is None else known.upper_bound,
            gap=None if objective is None else gap(objective, known),
            seconds=claim.seconds or 0.0,
            compile_seconds=0.0,
            iterations=claim.iterations,
            finished_at=claim.date or self._now,
            message="" if claim.seconds is not None else "no time stated",
            trace=() if claim.result is None else tuple(claim.result.trace),
            start=None if schedule is None else tuple(schedule.start.tolist()),
            mode=None if schedule is None else tuple(schedule.mode.tolist()),
            versions=claim.versions,
            hardware=claim.hardware,
            measure=instance.objective[0],
            source=path if line is None else f"{path}:{line}",
        )

    def _instance(self, claim: Claim) -> tuple[Reference, Instance]:
        key = (claim.instance, claim.folder)
        if key not in self._loaded:
            text = claim.instance
            if not text.startswith("@"):
                path = claim.folder / text
                text = str(path) if path.is_file() else f"@{text}"
            try:
                reference = one_reference(text)
                self._loaded[key] = reference, reference.load()
            except InputError as error:
                raise claim.refusal(f"instance {quoted(claim.instance)} ({error})", "a file or a known name") from None
        return self._loaded[key]

    def _schedule(self, claim: Claim, instance: Instance) -> Schedule | None:
        """The schedule of a claim, feasible. Raises InputError."""
        stored = claim.result
        try:
            if claim.schedule is not None:
                if is_schedule_file(claim.schedule):
                    schedule = read_schedule(claim.schedule, instance)
                else:
                    schedule = read_result(claim.schedule).schedule_for(instance)
            elif stored is not None and stored.schedule is not None:
                schedule = stored.schedule_for(instance)
            else:
                return None
        except InputError as error:
            raise claim.refusal(f"a schedule that does not read ({error})", "one that does") from None
        except ValueError as error:
            raise claim.refusal(str(error), f"a schedule of {instance.name!r}") from None
        if broken := check(instance, schedule):
            more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
            raise claim.refusal(f"a schedule that breaks a rule: {broken[0].message}{more}", "a feasible one")
        _check_ends(claim, stored, instance, schedule)
        return schedule

    def _objective(self, claim: Claim, instance: Instance, schedule: Schedule | None) -> int | None:
        """The objective: that of the schedule, or as claimed. Raises InputError where the two differ."""
        if schedule is None:
            if claim.objective is not None and (reason := instance.derived(infeasibility)):
                raise claim.refusal(f"objective {claim.objective}", f"none: the instance has no schedule ({reason})")
            return claim.objective
        value = objective_values(instance, schedule)[0]
        if claim.objective not in (None, value):
            raise claim.refusal(f"objective {claim.objective}", f"{value}, the value of its schedule")
        return value


def _check_ends(claim: Claim, stored: StoredResult | None, instance: Instance, schedule: Schedule) -> None:
    ends = None if stored is None or stored.schedule is None else stored.schedule.end
    if ends is not None and ends != schedule.end(instance).tolist():
        raise claim.refusal("ends that do not follow from starts and modes", "those that do")


def _status_and_bound(claim: Claim, objective: int | None) -> tuple[str, int | None]:
    """Status and lower bound, each from the other where only one is stated. Raises InputError if they contradict."""
    bound, status = claim.lower_bound, claim.status
    if objective is None:
        if status in ("optimal", "feasible"):
            raise claim.refusal(f"status {status} without an objective", "an objective")
        return status or "unknown", bound
    if bound is not None and bound > objective:
        raise claim.refusal(f"lower bound {bound}", f"at most the objective {objective}")
    if status == "infeasible":
        raise claim.refusal(f"infeasible with objective {objective}", "no objective")
    if status == "optimal":
        if bound not in (None, objective):
            raise claim.refusal(f"optimal with lower bound {bound}", f"the objective {objective}")
        return "optimal", objective
    return "optimal" if bound == objective and status is None else "feasible", bound


def _check_bounds(
    claim: Claim, instance: Instance, known: Bound | None, objective: int | None, bound: int | None, verified: bool
) -> None:
    """Compare with what is proved. A checked schedule outweighs a bound of a table: it is a proof that the table is
    wrong."""
    if objective is not None and not verified:
        proved, why = first_bound(instance), "the bound that follows from the data"
        if known is not None and known.lower_bound is not None and known.lower_bound > proved:
            proved, why = known.lower_bound, f"the best known lower bound ({known.source})"
        if objective < proved:
            raise claim.refusal(f"objective {objective}", f"at least {proved}, {why}")
    if bound is not None and known is not None and known.upper_bound is not None and bound > known.upper_bound:
        raise claim.refusal(
            f"lower bound {bound}", f"at most {known.upper_bound}, the best known objective ({known.source})"
        )
