"""Episodes that a search finishes: never worse than the policy's own end, and a policy that learns from them."""

import dataclasses

import numpy as np
import pytest
import torch

from makespan.instances.check import check
from makespan.policies.config import Config, config_of
from makespan.policies.guided import Guided, advantages, until
from makespan.policies.training import new_model, trainer_of

SMALL = Config(
    problem="interval",
    method="guided",
    instances=("uniform,jobs=5,machines=4",),
    instance_count=2,
    label_iterations=20,
    width=8,
    heads=1,
    batch=2,
    rollouts=4,
    minibatches=2,
    refresh_every=0,
    validation_count=5,
    threads=1,
    learning_rate=3e-3,
    epochs=4,
    kl_stop=0.05,
)


@pytest.mark.parametrize("problem", ["interval", "jsp"])
def test_the_search_keeps_the_beginning_and_never_does_worse(problem: str) -> None:
    """It knows how the policy went on; its schedules pass the check and hold what was decided before the cut."""
    config = dataclasses.replace(SMALL, problem=problem, layers=1, width=16)
    trainer = Guided(config)
    found = trainer.finished(new_model(config).eval(), 0)
    assert (found.guided <= found.reached).all()
    assert (found.guided < found.reached).any()
    assert len({instance.digest for instance in found.instances}) == 2
    for row, (instance, schedule) in enumerate(zip(found.instances, found.schedules, strict=True)):
        assert not check(instance, schedule)
        batch = trainer._batch([instance], None)
        batch.replay(until(found.actions[row : row + 1], found.cut[row : row + 1]))
        placed = batch.placed(0)
        assert (schedule.start[placed] == batch.partial(0)[1].start).all()


def test_advantages_are_those_written_out_by_hand() -> None:
    """Two instances, two rollouts each; the second instance was never improved, and its ends are equal."""
    reached = np.array([100, 80, 200, 80])
    guided = np.array([90, 80, 150, 80])
    better, prefix = advantages(reached, guided, 2)
    np.testing.assert_allclose(better, [0.1 / 0.25, 0, 1, 0])
    np.testing.assert_allclose(prefix, [1, 0, -1, 0])


def test_decisions_are_judged_by_where_they_stand() -> None:
    """Before the cut by the prefix, after it by the improvement: down for the policy's own, up for the search's."""
    trainer = Guided(SMALL)
    found = trainer.finished(new_model(SMALL).eval(), 1)
    better, prefix = advantages(found.reached, found.guided, SMALL.batch)
    for episodes, advantage in trainer.groups(found, 1):
        own = episodes[0]
        assert advantage.numel() == sum(each.taken.size for each in episodes)
        values = set(np.concatenate((-better, prefix, better)).astype(np.float32).tolist())
        assert set(advantage.tolist()) <= values
        assert (advantage[own.taken.size :] > 0).all()


def test_samples_get_better() -> None:
    """Some updates on two shops; the policy that learned samples shorter schedules than the one that did not."""
    torch.set_num_threads(1)
    config = dataclasses.replace(SMALL, rollouts=8)
    trainer, model = Guided(config), new_model(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    logs = [trainer.update(model, optimiser, step) for step in range(12)]
    first, last = (np.mean([log["makespan"] for log in part]) for part in (logs[:3], logs[-3:]))
    assert last < 0.97 * first


def test_only_shops_have_a_rest() -> None:
    """A project in the middle is no project of its own here."""
    with pytest.raises(ValueError, match="guided: found it for rcpsp, expected one of jsp, interval"):
        config_of({"problem": "rcpsp", "method": "guided"})


def test_a_run_is_made_of_it() -> None:
    """The method is known to the training loop."""
    log = trainer_of(SMALL).update(new_model(SMALL), torch.optim.AdamW(new_model(SMALL).parameters()), 0)
    assert {"loss", "decisions", "makespan", "guided_makespan"} <= set(log)
