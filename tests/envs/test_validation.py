"""The scenarios that policies are chosen by."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from makespan.envs.dynamic_batch import DynamicBatch
from makespan.envs.dynamic_rules import DynamicRule
from makespan.envs.validation import DYNAMIC1
from makespan.instances.sets import load

ROWS = Path(__file__).parents[2] / "docs" / "results" / "dynamic_validation.csv"


@pytest.mark.parametrize("name", DYNAMIC1)
def test_a_scenario_gives_a_rule_the_value_of_its_release(name: str) -> None:
    """A released scenario never changes: first in, first out has the mean that was written down with it."""
    case = DYNAMIC1[name]
    batch = DynamicBatch([load(case.instance)], case.scenario, case.seeds)
    batch.reset(seed=np.arange(case.seeds))
    DynamicRule(batch, "fifo").play()
    assert batch.is_complete.all()
    with ROWS.open(newline="") as file:
        released = {(row["scenario"], row["rule"]): row["mean"] for row in csv.DictReader(file)}
    assert f"{batch.measure(case.measure).mean():.1f}" == released[name, "fifo"]
