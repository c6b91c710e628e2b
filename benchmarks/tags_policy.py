"""The shipped policy where a camera tells where the cube is, beside the simulator's truth.

In MuJoCo, 25 pictures a second of 640 × 480 px from 0.8 m, each a policy step old. The hand hides
the tag below it, the fingers those beside them; arm and table are not in the pictures.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, add_output, at_least_one, machine, median_row, tell, write
from benchmarks.sides import ROOT
from introspect_control.perception import CameraModel, ObjectTracker, Pose, TagFamily, TaggedObject
from introspect_control.perception.pictures import TagPainter
from introspect_learning.evaluation.controllers import Learned
from introspect_learning.evaluation.statistics import wilson
from introspect_learning.models import shipped
from introspect_sim.envs import PickAndPlaceVectorEnv
from introspect_sim.tasks import POLICY_PERIOD, observe

Array = NDArray[np.float64]

SEED = 3_000_000  # of episodes that neither training nor evaluation has seen
CAMERA = CameraModel.pinhole(640, 480, 0.8)
CUBE = TaggedObject.cube(max_tilt=0.5)
MIDDLE = np.array([0.47, 0.0, 0.08])  # of the workspace [m]
T_BASE_CAMERA = Pose.looking(
    MIDDLE + 0.8 * np.array([np.cos(np.radians(40.0)), 0.0, np.sin(np.radians(40.0))]), MIDDLE
)
STALE = 0.5  # a pose is no longer used, as the policy's node has it [s]


def in_view(T_base_cube: Pose, tool: Array, rotation: Array) -> TaggedObject | None:
    """The cube with those of its tags that the hand does not hide; the tool's y is the fingers'."""
    away = tool - T_base_cube.translation
    above = bool(np.hypot(*away[:2]) < 0.06 and -0.02 < away[2] < 0.15)
    held = bool(np.linalg.norm(away) < 0.045)
    left = []
    for tag in CUBE.tags:
        normal = T_base_cube.rotation @ tag.T_object_tag.rotation[:, 2]
        below_hand = above and normal[2] > 0.7
        beside_finger = held and abs(normal @ rotation[:, 1]) > 0.7
        if not below_hand and not beside_finger:
            left.append(tag)
    return TaggedObject("cube", tuple(left)) if left else None


class Episode:
    """One episode of the policy, as the camera sees it.

    Args:
        env: with one copy.
        policy: that acts.
        number: of the episode.
        seen: whether the camera tells where the cube is, or the simulator.
    """

    def __init__(
        self, env: PickAndPlaceVectorEnv, policy: Learned, number: int, seen: bool
    ) -> None:
        self._env, self._policy, self._seen = env, policy, seen
        family = TagFamily()
        self._tracker = ObjectTracker([CUBE], CAMERA, family)
        self._painter = TagPainter(CAMERA, family)
        self._rng = np.random.default_rng([SEED, number])
        self.errors: list[float] = []  # of poses when they are used [mm]
        self.pictures = 0  # in which the cube was seen
        env.reset(seed=SEED, options={"first_episode": number})
        policy.reset(1)

    def run(self) -> bool:
        """Let it run to its end; returns whether the cube is at the goal then."""
        env, latest = self._env, None
        coming: list[Array | None] = [None]  # poses on their way
        info = {"success": np.zeros(1, dtype=bool)}
        for step in range(env.horizon):
            now, world = step * POLICY_PERIOD, env.world
            if self._seen:
                coming.append(self._look(now))
                if (arrived := coming.pop(0)) is not None:
                    latest = arrived, now
            else:
                latest = world.object_pose, now
            action = np.zeros((1, env.single_action_space.shape[0]), dtype=np.float32)
            action[0, -1] = 1.0  # open
            if latest is not None and now - latest[1] <= STALE:
                truth = world.object_pose[0, :3]
                self.errors.append(1e3 * float(np.linalg.norm(latest[0][0, :3] - truth)))
                joints = world.joint_position, world.joint_velocity, world.gripper_width
                seen = observe(env.servo.chain, *joints, latest[0], env.goal_position)
                action = self._policy.act(seen)
            info = env.step(action)[-1]
        return bool(info["success"][0])

    def _look(self, now: float) -> Array | None:
        world = self._env.world
        T_base_cube = Pose.from_vector(world.object_pose[0])
        tool, rotation = self._env.servo.chain.forward(world.joint_position)
        visible = in_view(T_base_cube, tool[0], rotation[0])
        scene = [] if visible is None else [(visible, T_BASE_CAMERA.inverse() @ T_base_cube)]
        picture = self._painter.paint(scene, self._rng)
        found = self._tracker.see(picture, T_BASE_CAMERA, now).get("cube")
        self.pictures += found is not None
        return None if found is None else found.pose.vector()[None]


def measure(episodes: int) -> list[Row]:
    """The same episodes with the camera and with the truth."""
    env = PickAndPlaceVectorEnv(1)
    policy, rows = Learned(shipped("bbrl"), env.arm), []
    try:
        for seen, what in ((True, "seen by tags"), (False, "told by the simulator")):
            started = time.perf_counter()
            run: list[Episode] = []
            successes = 0
            for number in range(episodes):
                run.append(Episode(env, policy, number, seen))
                successes += run[-1].run()
            fields = {"seed": SEED, "seconds": time.perf_counter() - started}
            interval = wilson(successes, episodes)
            rows.append(Row(what, "success", successes / episodes, interval, episodes, **fields))
            if seen:
                pictures = sum(episode.pictures for episode in run)
                total = episodes * env.horizon
                rows.append(Row(what, "seen_share", pictures / total, None, total, **fields))
                errors = [float(np.median(episode.errors)) for episode in run]
                rows.append(median_row(what, "error_when_used_mm", errors, **fields))
    finally:
        env.close()
    return rows


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench tags_policy", description=__doc__)
    parser.add_argument("--episodes", type=at_least_one, default=40, help="(default 40)")
    add_output(parser, "bench.json")
    options = parser.parse_args()
    where = machine()
    rows = measure(options.episodes)
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where)
    tell(rows, rows[0], "Pick and place with a camera:", options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
