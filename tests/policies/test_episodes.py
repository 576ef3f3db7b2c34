"""Playing a network, and judging its episodes again."""

import numpy as np
import torch
from torch.nn import functional

from makespan.policies.episodes import collect, greedy, play, replaying, verdict
from makespan.policies.imitation import mean_by_row
from makespan.policies.noise import gumbel, mixed
from makespan.policies.sampling import ladder, sampler
from makespan.policies.views import view_of
from tests.policies.shops import batch_of, network, shop


def test_judging_an_episode_again_gives_the_probabilities_it_was_played_with() -> None:
    """One pass over all decisions, in buckets of equal width, equals what was seen step by step."""
    shops, model = [shop(4, 3), shop(7, 4), shop(2, 2)], network()
    batch = batch_of(*shops)
    view, seen = view_of(batch), dict[tuple[int, int], float]()
    choose = sampler(np.arange(3), 1.0, 5)

    def remember(logits: torch.Tensor, rows: np.ndarray, step: int) -> np.ndarray:
        action = choose(logits, rows, step)
        log = functional.log_softmax(logits, 1)
        seen.update({(int(r), step): float(log[i, action[i]]) for i, r in enumerate(rows)})
        return action

    for refresh_every in (0, 1, 4):
        seen.clear()
        batch.reset()
        actions = play(model, view, remember, refresh_every)
        assert actions is not None
        again = batch_of(*shops)
        episodes = collect(view_of(again), replaying(view_of(again), actions), refresh_every)
        with torch.inference_mode():
            judged = verdict(model, episodes).log_probability
        keys = zip(episodes.decisions.row.tolist(), episodes.step.tolist(), strict=True)
        expected = torch.tensor([seen[key] for key in keys])
        torch.testing.assert_close(judged, expected, atol=1e-5, rtol=0)
        assert len(seen) == judged.numel()


def test_a_part_of_the_decisions_is_judged_as_among_all() -> None:
    """Whatever order they are asked for in."""
    batch = batch_of(shop(5, 4), shop(6, 3))
    view = view_of(batch)
    actions = play(network(), view, greedy, 3)
    assert actions is not None
    batch.reset()
    episodes = collect(view, replaying(view, actions), 3)
    which = np.random.default_rng(0).permutation(episodes.taken.size)[:7]
    with torch.inference_mode():
        all_of_them, some = verdict(network(), episodes), verdict(network(), episodes, which)
    for one, other in zip(all_of_them, some, strict=True):
        torch.testing.assert_close(one[which], other, atol=1e-5, rtol=0)


def test_entropy_is_one_for_a_network_that_does_not_care() -> None:
    """It is a part of its maximum, the logarithm of the number of candidates."""
    model = network()
    for parameter in model.score.parameters():
        torch.nn.init.zeros_(parameter)
    batch = batch_of(shop(6, 4))
    view = view_of(batch)
    actions = play(model, view, greedy, 0)
    assert actions is not None
    batch.reset()
    seen = verdict(model, collect(view, replaying(view, actions), 0))
    torch.testing.assert_close(seen.entropy, torch.ones_like(seen.entropy))


def test_samples_do_not_depend_on_how_many_there_are() -> None:
    """Sample 2 alone is sample 2 among four."""
    own, model = shop(6, 4), network()
    four = batch_of(own, rows=4)
    together = play(model, view_of(four), sampler(np.arange(4), 1.0, 9), 4)
    alone = play(model, view_of(batch_of(own)), sampler(np.array([2]), 1.0, 9), 4)
    assert together is not None and alone is not None
    np.testing.assert_array_equal(together[2][together[2] >= 0], alone[0])
    assert (together[0] != together[1]).any()


def test_temperature_zero_is_greedy_and_samples_follow_the_softmax() -> None:
    """Frequencies of 20,000 draws stay within four standard errors."""
    logits, number = torch.tensor([[0.0, 1.0, 2.0, -torch.inf]]), 20_000
    rows = np.arange(number)
    many = logits.expand(number, 4)
    cold = sampler(rows, 0.0, 1)(many, rows, 0)
    assert (cold == 2).all()
    for heat in (0.5, 1.0, 2.0):
        drawn = np.bincount(sampler(rows, heat, 1)(many, rows, 0), minlength=4) / number
        expected = torch.softmax(logits / heat, 1)[0].numpy()
        assert np.abs(drawn - expected).max() < 4 * 0.5 / np.sqrt(number)


def test_random_bits_are_even_and_keys_matter() -> None:
    """Means of uniform numbers along each key are near a half; no key is lost."""
    bits = mixed(1, np.arange(300)[:, None], np.arange(300))
    uniform = bits / 2.0**64
    assert abs(uniform.mean() - 0.5) < 0.005
    assert np.abs(uniform.mean(0) - 0.5).max() < 0.1
    assert np.unique(bits).size == bits.size
    assert (mixed(1, 2) != mixed(2, 1)).all()
    assert abs(gumbel(3, np.arange(100_000)).mean() - 0.5772) < 0.02


def test_the_mean_by_row_weighs_instances_alike() -> None:
    """By hand: row 0 has two decisions of mean 2, row 5 one of 10."""
    value = torch.tensor([1.0, 10.0, 3.0])
    assert mean_by_row(value, np.array([0, 5, 0])).item() == 6.0


def test_an_expired_clock_ends_an_episode_without_an_answer() -> None:
    """The caller asks before every decision."""
    left = iter([False, False, True])
    assert play(network(), view_of(batch_of(shop(6, 4))), greedy, 0, lambda: next(left)) is None


def test_the_ladder_of_temperatures_is_even() -> None:
    """One sample alone has temperature 1."""
    assert ladder(3).tolist() == [0.5, 1.25, 2.0]
    assert ladder(1).tolist() == [1.0]
