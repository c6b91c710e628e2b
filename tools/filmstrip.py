"""Draw an episode of the shipped policy as a strip of pictures, for the documentation.

Run it as ``MUJOCO_GL=osmesa python tools/filmstrip.py --out docs/images/episode.png``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from introspect_description import ArmDescription
from introspect_learning.evaluation.controllers import Learned
from introspect_learning.models import shipped
from introspect_sim.envs import PickAndPlaceVectorEnv


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 18, 32, 60])
    options = parser.parse_args()
    arm = ArmDescription.load("panda")
    env, policy = PickAndPlaceVectorEnv(1, arm=arm), Learned(shipped(), arm)
    observation, _ = env.reset(seed=options.seed)
    policy.reset(1)
    figure, frames = plt.subplots(1, len(options.steps), figsize=(3.2 * len(options.steps), 2.9))
    for step in range(max(options.steps) + 1):
        if step in options.steps:
            axes = frames[options.steps.index(step)]
            axes.imshow(env.world.render(width=480, height=360))
            axes.set_title(f"{0.04 * step:.1f} s", fontsize=9)
            axes.axis("off")
        observation, *_ = env.step(policy.act(observation))
    figure.tight_layout(pad=0.6)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=100)
    env.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
