"""One environment and a vector of them over ``Play``: all that Gymnasium asks for, whatever the problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from makespan.envs.observer import DISJUNCTIVE, Observation
from makespan.envs.play import Play
from makespan.envs.sources import Draw
from makespan.envs.spaces import LegalDiscrete, LegalMultiDiscrete
from makespan.instances.gantt import gantt_html, gantt_text
from makespan.instances.instance import Instance
from makespan.instances.references import one_reference

Instances = str | Instance | Iterable[str | Instance] | Draw
"""See ``sources.source``."""


class SchedulingEnv(gymnasium.Env[Observation, np.int64]):
    """One episode at a time; a subclass makes the play and describes it."""

    metadata: dict[str, Any] = {"render_modes": ["ansi", "html"], "render_fps": 1}  # noqa: RUF012

    def __init__(self, play: Play, render_mode: str | None) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode: found {render_mode!r}, expected one of {self.metadata['render_modes']}")
        self.play, self.render_mode = play, render_mode
        self.observation_space = play.space()
        self.action_space: LegalDiscrete = LegalDiscrete(play.num_actions)
        self._row = np.zeros(1, np.int64)
        self._ended = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.play.forget(self._row)
        self.play.begin(self._row, [self.np_random], _chosen(options))
        self._ended = False
        return self._observe(), self._info()

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        batch = self.play.batch
        if self._ended:
            raise ValueError("step: found an episode that is over, expected reset() first")
        reward = self.play.step(np.array([action]), self._row)
        # Where there was nothing to decide from the start, this ends the episode, whatever the action is.
        over, truncated = bool(self.play.over(self._row)[0]), bool(self.play.truncated(self._row)[0])
        self._ended = over
        info = self._info()
        if over:
            info["makespan"] = int(batch.measure(batch.result, self._row)[0])
            info["complete"] = bool(batch.is_complete[0])
        return self._observe(), float(reward[0]), over and not truncated, truncated, info

    def render(self) -> str | None:
        if self.render_mode is None:
            gymnasium.logger.warn("render() needs render_mode='ansi' or 'html'")
            return None
        instance, schedule = self.play.batch.partial(0)
        return gantt_text(instance, schedule) if self.render_mode == "ansi" else gantt_html(instance, schedule)

    def action_masks(self) -> NDArray[np.bool_]:
        """The mask as MaskablePPO of sb3-contrib asks for it."""
        mask: NDArray[np.bool_] = self.play.mask[0].astype(np.bool_)
        return mask

    def _observe(self) -> Observation:
        return {name: array[0] for name, array in self.play.observe(self._row).items()}

    def _info(self) -> dict[str, Any]:
        mask = self.play.mask[0].copy()
        self.action_space.legal = mask
        return {"action_mask": mask}


class SchedulingVectorEnv(VectorEnv[Observation, NDArray[np.int64], NDArray[Any]]):
    """Many episodes at once in one batch; a subclass makes the play.

    Each environment draws its instances from random numbers of its own: ``reset(seed=s)`` gives environment r the seed
    ``s + r``, a list names them. ``reset(options={"reset_mask": mask})`` resets some of them. Observations are copies.
    In ``info``, ``makespan`` and ``complete`` count where ``_makespan`` and ``_complete`` are True.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(self, play: Play, num_envs: int, autoreset_mode: str | AutoresetMode, render_mode: str | None) -> None:
        if play.observer.observation == DISJUNCTIVE:
            raise ValueError("observation: found 'disjunctive', expected one of fixed shape: graphs have no vectors")
        self.play, self.num_envs, self.render_mode = play, num_envs, render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = play.space()
        self.single_action_space = LegalDiscrete(play.num_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space: LegalMultiDiscrete = LegalMultiDiscrete(play.num_actions, num_envs)
        self._all = np.arange(num_envs)
        self._ended = np.zeros(num_envs, np.bool_)
        self._randoms = [seeding.np_random(None)[0] for _ in range(num_envs)]

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        mask = None if options is None else options.get("reset_mask")
        rows = self._all if mask is None else np.flatnonzero(mask)
        if seed is not None:
            seeds = [seed + row for row in range(self.num_envs)] if isinstance(seed, int) else list(seed)
            if len(seeds) != self.num_envs:
                raise ValueError(
                    f"seed: found {len(seeds)} seeds, expected one for each of {self.num_envs} environments"
                )
            for row in rows.tolist():
                if seeds[row] is not None:
                    self._randoms[row] = seeding.np_random(seeds[row])[0]
                    self.play.forget(np.array([row]))
        self._begin(rows, _chosen(options))
        return self.play.observe(self._all), self._info()

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        reward, over, truncated = np.zeros(self.num_envs), *np.zeros((2, self.num_envs), np.bool_)
        again = self._ended.copy()
        if again.any() and self.autoreset_mode is AutoresetMode.DISABLED:
            raise ValueError(f"step: environments {np.flatnonzero(again).tolist()} are over, expected a reset first")
        going = np.flatnonzero(~again)
        reward[going] = self.play.step(np.asarray(actions)[going], going)
        if again.any():
            self._begin(np.flatnonzero(again), None)
        over[going], truncated[going] = self.play.over(going), self.play.truncated(going)
        info = self._results(over)
        self._ended = over.copy()
        if self.autoreset_mode is AutoresetMode.SAME_STEP and over.any():
            info = self._restart(np.flatnonzero(over), info)
        return self.play.observe(self._all), reward, over & ~truncated, truncated, info | self._info()

    def action_masks(self) -> NDArray[np.bool_]:
        """Shape (num_envs, actions)."""
        return self.play.mask.astype(np.bool_)

    def _begin(self, rows: NDArray[np.int64], chosen: Instance | None) -> None:
        self.play.begin(rows, [self._randoms[row] for row in rows], chosen)
        self._ended[rows] = False

    def _restart(self, rows: NDArray[np.int64], results: dict[str, Any]) -> dict[str, Any]:
        """Reset the rows that ended in this very step; their last observations go into the info."""
        last = self.play.observe(rows)
        final = np.full(self.num_envs, None, dtype=object)
        for i, row in enumerate(rows):
            final[row] = {name: array[i] for name, array in last.items()}
        ended = self._ended.copy()
        self._begin(rows, None)
        return {"final_obs": final, "_final_obs": ended, "final_info": results, "_final_info": ended.copy()}

    def _results(self, over: NDArray[np.bool_]) -> dict[str, Any]:
        if not over.any():
            return {}
        rows, batch = np.flatnonzero(over), self.play.batch
        makespan, complete = np.zeros(self.num_envs, np.int64), np.zeros(self.num_envs, np.bool_)
        makespan[rows] = batch.measure(batch.result, rows)
        complete[rows] = batch.is_complete[rows]
        return {
            "makespan": makespan,
            "_makespan": over.copy(),
            "complete": complete,
            "_complete": over.copy(),
        }

    def _info(self) -> dict[str, Any]:
        mask = self.play.mask.copy()
        self.action_space.legal = mask
        return {"action_mask": mask, "_action_mask": np.ones(self.num_envs, np.bool_)}


def _chosen(options: dict[str, Any] | None) -> Instance | None:
    chosen = None if options is None else options.get("instance")
    return one_reference(chosen).load() if isinstance(chosen, str) else chosen
