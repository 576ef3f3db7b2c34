"""Train MaskablePPO of sb3-contrib on a job shop: ``pip install sb3-contrib``, then run this.

python examples/maskable_ppo.py --steps 20000
"""

from __future__ import annotations

import argparse

import gymnasium
import numpy as np
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy

import makespan.envs  # noqa: F401  (registers the environments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--instance", default="@ft06")
    arguments = parser.parse_args()
    # The environment has action_masks(), so that no wrapper is needed.
    env = gymnasium.make("makespan/JobShop-v0", instances=arguments.instance)
    model = MaskablePPO("MultiInputPolicy", env, gamma=1.0, n_steps=720, batch_size=180, seed=0, verbose=1)
    before, _ = evaluate_policy(model, env, n_eval_episodes=20, deterministic=False)
    model.learn(arguments.steps)
    after, _ = evaluate_policy(model, env, n_eval_episodes=20, deterministic=False)
    print(
        f"mean return of 20 episodes: {np.round(before, 1)} before, {np.round(after, 1)} after (0 is the first bound)"
    )


if __name__ == "__main__":
    main()
