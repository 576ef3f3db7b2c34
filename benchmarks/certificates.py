"""Keep the schedules of a benchmark store that beat the best known values, as result files that `makespan check` reads.

    python benchmarks/certificates.py runs.sqlite [--folder docs/results/certificates]
    makespan check docs/results/certificates/dmu41.json @dmu41

Each schedule is checked once more before it is written; a certificate that is already there gives way to a better one
only. Prints one line for each.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from makespan.eval.store import Run, Store
from makespan.instances.bounds import best_known
from makespan.instances.check import check
from makespan.instances.schedule import objective_values
from makespan.instances.sets import load
from makespan.solvers.result_json import KIND, SCHEMA, read_result, schedule_dict


def certificate(run: Run) -> str | None:
    """The text of the result file of a run that beats the best known value; None if it does not. Raises ValueError if
    the schedule breaks a constraint."""
    if run.schedule is None or run.best_known is None or run.objective is None or run.objective >= run.best_known:
        return None
    instance = load(f"{run.instance_set}/{run.instance}")
    broken = check(instance, run.schedule)
    value = objective_values(instance, run.schedule)[0]
    known = best_known(instance)
    if broken or value != run.objective:
        raise ValueError(f"{run.instance}: {broken[0].message if broken else f'found {value}, stored {run.objective}'}")
    if known is None or known.upper_bound is None or value >= known.upper_bound:
        return None
    facts = {
        "kind": KIND,
        "schema": SCHEMA,
        "instance": {"name": instance.name, "hash": instance.digest, "objective": list(instance.objective)},
        "solver": run.plan,
        "status": "feasible",
        "objective": value,
        "seconds": round(run.seconds, 3),
        "seed": run.key.seed,
        "threads": run.key.threads,
        "versions": dict(run.versions),
        "schedule": schedule_dict(run.schedule, instance),
    }
    return json.dumps(facts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("docs/results/certificates"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for path in arguments.stores:
        with Store(path) as store:
            for run in store.runs():
                text = certificate(run)
                if text is None:
                    continue
                target = arguments.folder / f"{run.instance}.json"
                if target.is_file() and (read_result(target).objective or 0) <= (run.objective or 0):
                    continue
                target.write_text(text, encoding="utf-8")
                print(f"{run.instance}: {run.objective}, before {run.best_known}")


if __name__ == "__main__":
    main()
