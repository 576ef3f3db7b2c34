"""Write the generated instances on which choices are made, so that no reported instance takes part in them.

    python benchmarks/make_validation.py FOLDER
    makespan bench run benchmarks/suites/validation.toml --store validation.sqlite

The suite's files are looked for in ``validation/`` beside the suite: run this with benchmarks/suites/validation.
"""

from __future__ import annotations

import sys
from pathlib import Path

from makespan.instances.generators import generate
from makespan.instances.write import write

SPECS = {
    "uniform_10x10": "uniform,jobs=10,machines=10,seed=9001",
    "uniform_15x15": "uniform,jobs=15,machines=15,seed=9002",
    "uniform_20x15": "uniform,jobs=20,machines=15,seed=9003",
    "uniform_20x20": "uniform,jobs=20,machines=20,seed=9004",
    "uniform_30x15": "uniform,jobs=30,machines=15,seed=9005",
    "uniform_30x20": "uniform,jobs=30,machines=20,seed=9006",
    "uniform_50x20": "uniform,jobs=50,machines=20,seed=9007",
    "uniform_100x20": "uniform,jobs=100,machines=20,seed=9008",
    "two_set_20x15": "two_set,jobs=20,machines=15,seed=9009",
    "two_set_30x20": "two_set,jobs=30,machines=20,seed=9010",
    "two_set_50x15": "two_set,jobs=50,machines=15,seed=9011",
    "two_set_50x20": "two_set,jobs=50,machines=20,seed=9012",
    "flexible_10x6": "flexible,jobs=10,machines=6,seed=9013,max_alternatives=6",
    "flexible_20x10": "flexible,jobs=20,machines=10,seed=9014,min_operations=8,max_operations=12,max_duration=20",
    "flexible_30x15": "flexible,jobs=30,machines=15,seed=9015,min_operations=10,max_operations=15,max_duration=50",
    "project_30": "rcpsp,activities=30,seed=9016,network_complexity=1.8,resource_factor=0.75,resource_strength=0.2",
    "project_60": "rcpsp,activities=60,seed=9017,network_complexity=1.8,resource_factor=0.75,resource_strength=0.2",
    "project_120a": "rcpsp,activities=120,seed=9018,network_complexity=1.5,resource_factor=0.5,resource_strength=0.1",
    "project_120b": "rcpsp,activities=120,seed=9019,network_complexity=2.1,resource_factor=1.0,resource_strength=0.2",
    "project_120c": "rcpsp,activities=120,seed=9020,network_complexity=1.8,resource_factor=0.75,resource_strength=0.3",
}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "benchmarks/suites/validation")
    folder.mkdir(parents=True, exist_ok=True)
    for name, spec in SPECS.items():
        write(generate(spec).named(name), folder / f"{name}.json")


if __name__ == "__main__":
    main()
