"""How three ways of training a dispatcher get on with small job shops, over three seeds each.

    python benchmarks/learning_curves.py curves/ -o learning_curves.csv --plot learning_curves.svg

Every run has the same network and sees shops of 6 jobs and 6 machines; its gap is that of greedy schedules over the
first lower bound of the same 200 shops that no run sees. Seconds are those of one core, validation included, labels
not. Runs that are there already in the folder are not made again, and one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

from makespan.policies.config import Config
from makespan.policies.training import train

METHODS = ("imitation", "self_labelling", "ppo")


def config_of(method: str, seed: int, updates: int, labels: Path) -> Config:
    """The same for all but what the method needs."""
    return Config(
        method=method,
        instances=("uniform,jobs=6,machines=6",),
        labels=str(labels),
        label_count=1000,
        label_iterations=100,
        width=32,
        layers=2,
        blocks=1,
        refresh_every=0,
        updates=updates,
        batch=16,
        rollouts=8,
        epochs=3,
        minibatches=4,
        learning_rate=1e-3,
        warm_up=10,
        seed=seed,
        validation_count=200,
        evaluate_every=max(1, updates // 20),
        threads=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs are kept")
    parser.add_argument("-o", "--output", type=Path, required=True, help="CSV of all evaluations")
    parser.add_argument("--plot", type=Path, required=True, help="SVG: mean and range over the seeds")
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    rows = list[tuple[str, int, int, float, float]]()
    for method in METHODS:
        for seed in range(given.seeds):
            folder = given.folder / f"{method}_{seed}"
            train(config_of(method, seed, given.updates, given.folder / f"labels_{seed}"), folder)
            for line in (folder / "log.jsonl").read_text().splitlines():
                found = json.loads(line)
                if "gap" in found:
                    rows.append((method, seed, found["step"], round(found["seconds"], 1), round(found["gap"], 3)))
    with given.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("method", "seed", "update", "seconds", "gap_percent"))
        writer.writerows(rows)
    figure, axes = plt.subplots(figsize=(7, 4))
    for method in METHODS:
        steps = sorted({step for name, _, step, _, _ in rows if name == method})
        gaps = [[gap for name, _, at, _, gap in rows if (name, at) == (method, step)] for step in steps]
        (line,) = axes.plot(steps, [sum(each) / len(each) for each in gaps], label=method.replace("_", "-"))
        axes.fill_between(
            steps, [min(each) for each in gaps], [max(each) for each in gaps], color=line.get_color(), alpha=0.2
        )
        best = [
            min(gap for name, each, *_, gap in rows if (name, each) == (method, seed)) for seed in range(given.seeds)
        ]
        last = [
            max(at for name, each, _, at, _ in rows if (name, each) == (method, seed)) for seed in range(given.seeds)
        ]
        print(f"{method}: best gap per seed {best}, seconds {last}")
    axes.set_xlabel("updates")
    axes.set_ylabel("gap to the lower bound, %")
    axes.legend()
    figure.savefig(given.plot, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
