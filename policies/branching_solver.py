"""The solver ``branch`` with all its rules: ``branch,rule=learned`` branches where a network says."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from makespan.policies import zoo
from makespan.solvers import branching
from makespan.solvers.branching import Branching
from makespan.solvers.disjunctive_tree import Choose
from makespan.solvers.registry import from_strings
from makespan.solvers.stage import Context

PROBLEM = "branch"


@dataclass(frozen=True)
class LearnedBranching(Branching):
    """Branch and bound whose rule is a network.

    Parameters
    ----------
    model
        A name that ``makespan models`` lists, or a file.
    """

    rule: str = "learned"
    model: str = "branch"

    def __post_init__(self) -> None:
        found = str(zoo.card(zoo.path_of(self.model))["problem"])
        if found != PROBLEM:
            raise ValueError(f"model: found a network for {found!r}, expected one for {PROBLEM!r}")

    def warm(self) -> None:
        from makespan.policies.checkpoint import load

        super().warm()
        load(zoo.path_of(self.model))

    def chooser(self, context: Context) -> Choose:
        import torch

        from makespan.policies.branching_looks import LearnedChoice
        from makespan.policies.checkpoint import load

        torch.set_num_threads(max(1, context.threads))
        return LearnedChoice(load(zoo.path_of(self.model))[0])


def make(argument: str | None = None, **parameters: str) -> Branching:
    """The stage of a spec ``branch,rule=…``; ``model`` goes with the rule ``learned`` alone."""
    if parameters.get("rule") != "learned":
        return branching.make(argument, **parameters)
    if argument is not None:
        raise ValueError(f"found argument {argument!r}, expected none")
    if find_spec("torch") is None:
        raise ValueError("rule: found learned without PyTorch, expected it; pip install 'makespan[rl]'")
    rest = {key: value for key, value in parameters.items() if key != "rule"}
    return from_strings(LearnedBranching, rest, rule="learned")
