"""Constraint ramps: nested levels and stages, exact numbers of arcs, hidden schedules, and questions as text."""

import json

import networkx as nx
import numpy as np
import pytest

from makespan.instances.check import check
from makespan.instances.errors import InputError
from makespan.instances.generators import generate
from makespan.instances.generators.jain_wetter import STAGES, num_pairs, ramp, stage_of
from makespan.instances.instance import HORIZON_LIMIT, Instance
from makespan.instances.read import read_text
from makespan.instances.sets import load
from makespan.instances.write import to_text
from tests.oracles.grid_checker import grid_check
from tests.oracles.question_checker import broken_kinds

AXES = ("downtime", "windows", "pairs")


def flags(stage: str) -> dict[str, bool]:
    return dict(zip(AXES, (letter in stage for letter in "DTX"), strict=True))


def arcs(instance: Instance) -> set[tuple[int, int]]:
    return set(zip(instance.arc_pred.tolist(), instance.arc_succ.tolist(), strict=True))


@pytest.mark.parametrize(("tasks", "highest", "seeds"), [(6, 6, 10), (10, 20, 10), (30, 60, 2)])
def test_every_hidden_schedule_is_feasible_and_every_level_exact(tasks: int, highest: int, seeds: int) -> None:
    """Solvability without a solver: the answer is there before the constraints are drawn around it."""
    for seed in range(seeds):
        for level in (0, tasks // 2, highest):
            for stage in STAGES:
                drawn = ramp(tasks, level, seed, **flags(stage))
                assert check(drawn.instance, drawn.witness) == []
                assert drawn.instance.num_arcs == level and stage_of(drawn.instance) == stage


def test_the_hidden_schedule_passes_the_other_checker_and_the_rules_in_words() -> None:
    """Three readings of the same constraints: arrays, time grid, and the JSON that a person gets."""
    for seed in range(8):
        drawn = ramp(10, 10, seed, True, True, True)
        assert grid_check(drawn.instance, drawn.witness)
        assert broken_kinds(json.loads(to_text(drawn.instance, "question")), drawn.witness.start.tolist()) == set()


def test_a_level_is_the_one_below_and_one_arc_more() -> None:
    """Nothing else changes on the way up that could explain a failure."""
    levels = [generate("constraint_ramp", tasks=12, level=level, seed=4) for level in range(25)]
    for below, above in zip(levels, levels[1:], strict=False):
        assert arcs(below) < arcs(above) and above.num_arcs == below.num_arcs + 1
        assert (below.duration == above.duration).all() and (below.demand_amount == above.demand_amount).all()


def test_stages_are_nested_and_share_the_hidden_schedule() -> None:
    """What PDTX forbids beyond P is the sum of what the axes forbid alone."""
    drawn = {stage: ramp(20, 20, 3, **flags(stage)) for stage in STAGES}
    full = drawn["PDTX"].instance
    assert all(each.witness == drawn["P"].witness for each in drawn.values())
    assert full.release is not None and full.deadline is not None and full.calendar is not None
    windows = drawn["PT"].instance
    assert windows.release is not None and windows.deadline is not None
    assert (windows.release == full.release).all() and (windows.deadline == full.deadline).all()
    assert num_pairs(drawn["PX"].instance) == num_pairs(full) == 3


def test_arcs_are_acyclic_and_new_when_they_come() -> None:
    """The stated test looks back at paths only, so that later arcs may make an earlier one redundant; it is counted."""
    for seed in range(10):
        drawn = ramp(15, 30, seed)
        graph = nx.DiGraph(arcs(drawn.instance))
        assert nx.is_directed_acyclic_graph(graph)
        assert graph.number_of_edges() - nx.transitive_reduction(graph).number_of_edges() == drawn.redundant


def test_strict_ramps_have_no_redundant_arc() -> None:
    """Their levels count what really constrains; a seed may end before twice the tasks and says where."""
    for seed in range(10):
        graph = nx.DiGraph(arcs(ramp(20, 40, seed, strict=True).instance))
        assert nx.transitive_reduction(graph).number_of_edges() == graph.number_of_edges() == 40
    with pytest.raises(ValueError, match=r"level: found 20, expected at most 1\d, the arcs that seed \d+ allows"):
        for seed in range(20):
            ramp(10, 20, seed, strict=True)


def test_the_numbers_follow_the_recipe() -> None:
    """Durations 1 to 10, capacities 5 to 10, demands up to half of them, windows and downtimes around the rest."""
    drawn = [ramp(20, 20, seed, True, True, True) for seed in range(30)]
    duration = np.concatenate([each.instance.duration for each in drawn])
    capacity = np.concatenate([each.instance.capacity[:3] for each in drawn])
    assert (duration.min(), duration.max()) == (1, 10) and (capacity.min(), capacity.max()) == (5, 10)
    windows = []
    for each in drawn:
        instance, start = each.instance, each.witness.start
        shared = instance.demand_resource < 3
        need, on = instance.demand_amount[shared], instance.demand_resource[shared]
        assert (need <= -(-instance.capacity[on] // 2)).all()
        task = np.repeat(np.arange(20), np.diff(instance.demand_ptr))[shared]
        assert set(np.bincount(task)) <= {1, 2}
        assert instance.release is not None and instance.deadline is not None
        has = instance.deadline < HORIZON_LIMIT
        assert (start - instance.release)[has].max() <= 10
        assert (instance.deadline - start - instance.duration)[has].max() <= 10
        windows.append(has.mean())
    assert np.mean(windows) == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize("stage", STAGES)
def test_the_source_tells_how_to_draw_it_again(stage: str) -> None:
    """A question that travelled alone still says where it came from."""
    instance = ramp(12, 7, 5, **flags(stage), strict=True).instance
    assert generate(instance.meta.source.partition(";")[0]).digest == instance.digest


def test_a_migration_is_the_same_problem_in_other_words() -> None:
    """So that a difference between the two is one of reading, not of scheduling."""
    plain, worded = (ramp(10, 10, 1, True, True, True, migration=flag).instance for flag in (False, True))
    assert plain.digest == worded.digest
    assert (plain.task_name(3), worded.task_name(3)) == ("task 3", "move server 3")
    assert worded.resource_name(1) == "forklifts"


@pytest.mark.parametrize("stage", STAGES)
def test_a_question_reads_back_as_the_instance_it_was(stage: str) -> None:
    """Scoring needs no generator: the text of the question is all there is."""
    for seed in range(5):
        instance = ramp(10, 12, seed, **flags(stage)).instance
        again = read_text(to_text(instance, "question"))
        assert again.digest == instance.digest and again.meta == instance.meta


def test_a_psplib_project_can_be_asked_as_a_question() -> None:
    """Nothing in the format is special to ramps."""
    project = load("j301_1")
    assert read_text(to_text(project, "question")).digest == project.digest


def test_what_a_question_has_no_words_for_is_refused() -> None:
    """Half a shift is no downtime; a lag has no place."""
    half = Instance.from_lists([[(1, {0: 1})]], [2])
    from makespan.instances.instance import SS, Calendar

    profile = Calendar(np.array([0, 2]), np.array([0, 5]), np.array([2, 1]), np.array([0]))
    with pytest.raises(ValueError, match="more than downtimes"):
        to_text(half.replace(calendar=profile), "question")
    with pytest.raises(ValueError, match="other than end to start"):
        to_text(Instance.from_lists([[(1, {})]] * 2, [], [(0, 1, SS, 0)]), "question")


QUESTION = json.loads(to_text(ramp(6, 3, 0, True, True, True).instance, "question"))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("tasks", 2, "id"), 3, "found id 3 at tasks[2], expected 2, numbered from 0"),
        (("tasks", 2, "after"), [9], "found 9 at tasks[2].after, expected one of 0..5"),
        (("tasks", 0, "demand"), {"7": 1}, "found resource '7' at tasks[0].demand, expected one of 0..2"),
        (("tasks", 0, "demand"), {"0": -1}, "demand_amount[0]: found -1"),
        (("tasks", 0, "duration"), 1.5, "found '1.5' at tasks[0].duration"),
        (("not_together",), [[1, 1]], "expected two different tasks"),
        (("not_together",), [[1]], "at not_together[0]"),
        (("resources", 0, "downtime"), [[5, 5]], "downtime [5, 5] of resource 0"),
        (("resources", 0, "downtime"), [[1, 5], [4, 9]], "downtime [4, 9] of resource 0"),
        (("version",), 2, "at version"),
    ],
)
def test_a_malformed_question_is_refused_in_one_line(path: tuple[object, ...], value: object, words: str) -> None:
    """Place, found, expected."""
    question = json.loads(json.dumps(QUESTION))
    inner = question
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(InputError) as caught:
        read_text(json.dumps(question), "q")
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tasks=5,level=1,seed=1", "tasks: found 5, expected an integer of at least 6"),
        ("tasks=10,level=21,seed=1", "level: found 21, expected at most 20"),
        ("tasks=10,level=1,seed=1,pairs=3", "pairs: found 3, expected true or false"),
    ],
)
def test_bad_parameters_are_refused(spec: str, words: str) -> None:
    """As every generator does."""
    with pytest.raises(ValueError, match=words):
        generate(f"constraint_ramp,{spec}")


def test_levels_of_the_benchmark_exist_for_every_size() -> None:
    """Twice as many arcs as tasks are there before the pairs run out; six tasks in three layers run out earlier."""
    for tasks in (10, 20, 30):
        for seed in range(5):
            assert ramp(tasks, 2 * tasks, seed).instance.num_arcs == 2 * tasks
    with pytest.raises(ValueError, match="level: found 12, expected at most 10, the arcs that seed 0 allows"):
        ramp(6, 12, 0)
