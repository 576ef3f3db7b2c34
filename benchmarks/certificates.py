"""Keep the schedules of a benchmark store that beat the best known values, as result files that `makespan check` reads.

    python benchmarks/certificates.py runs.sqlite [--folder docs/results/certificates]
    python benchmarks/certificates.py --check

Each schedule is checked once more before it is written; a certificate that is already there gives way to a better one
only. Prints one line for each. ``--check`` checks all that are in the folder, compares them with today's best known
values, and ends with 1 if one does not hold.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

from makespan.eval.certificates import certificate, recheck
from makespan.eval.store import Store
from makespan.solvers.result_json import read_result

PLAIN_CHARACTERS = 1_000_000
"""A longer certificate is compressed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="*", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("docs/results/certificates"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        raise SystemExit(_check(arguments.folder))
    if not arguments.stores:
        parser.error("a store, or --check")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for path in arguments.stores:
        with Store(path) as store:
            for run in store.runs():
                text = certificate(run)
                if text is None:
                    continue
                is_large = len(text) > PLAIN_CHARACTERS
                target = arguments.folder / f"{run.instance}.json{'.gz' if is_large else ''}"
                if target.is_file() and (read_result(target).objective or 0) <= (run.objective or 0):
                    continue
                target.write_bytes(gzip.compress(text.encode(), mtime=0) if is_large else text.encode())
                print(f"{run.instance}: {run.objective}, before {run.best_known}")


def _check(folder: Path) -> int:
    found = [recheck(path) for path in sorted(folder.glob("*.json*"))]
    for each in found:
        verdict = each.problem or ("new best" if each.is_new else "holds")
        print(f"{each.instance}: {each.value}, best known {each.best_known}: {verdict}")
    broken = sum(bool(each.problem) for each in found)
    print(
        f"{len(found)} certificates, {sum(each.is_new for each in found)} below the best known values, {broken} broken"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    main()
