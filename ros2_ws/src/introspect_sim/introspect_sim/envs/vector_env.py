"""Pick and place for many arms at once, with Gymnasium's vector interface."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from introspect_control import CartesianServo, ServoConfig
from introspect_description import ArmDescription
from introspect_sim.envs.perturbation import (
    NEVER,
    Disturbance,
    Perturbation,
    PerturbationConfig,
    between,
    draw_disturbance,
    horizontal,
)
from introspect_sim.tasks import (
    ACTION_SIZE,
    OBSERVATION,
    POLICY_PERIOD,
    PickAndPlace,
    decode,
    observe,
)
from introspect_sim.worlds import OBJECT_EDGE, TIMESTEP, make_world

Array = NDArray[np.float64]
Info = dict[str, Any]
LIFTED = 0.02  # height over the table from which an object can be dropped [m]
_NO_STEP = np.iinfo(np.int64).max  # that is ever reached


class PickAndPlaceVectorEnv(VectorEnv[NDArray[np.float32], NDArray[np.float32], NDArray[Any]]):
    """n episodes of pick and place side by side.

    A policy step is what the nodes do in one control period: the action becomes a tool twist, the
    servo makes joint commands of it at 100 Hz, the world tracks them. Rewards are 0 at the goal and
    -1 elsewhere. Episodes end only by truncation, at the task's horizon; ``info["success"]`` says
    whether the object is at its goal now.

    Copies that finish are reset at their next step (Gymnasium's ``NEXT_STEP`` mode). Copy i draws
    its k-th episode from ``default_rng([seed, i, k])``: neither the other copies, nor the number
    of threads, nor what the policy does changes it.

    Args:
        n: copies.
        world: "mujoco" or "pybullet".
        arm: the arm's name, or its description.
        timestep: of the physics [s].
        threads: that share the copies.
        task: the task; default pick and place as published here.
        servo: gains and envelope of the servo.
        perturbation: what disturbs the episodes; default nothing.
        horizon: policy steps in an episode; default the task's.
        render_mode: "rgb_array" or None.

    Raises:
        ValueError: An unknown render mode, or a servo period that does not divide the policy's.
    """

    metadata = {  # noqa: RUF012 - the name and type are Gymnasium's
        "render_modes": ["rgb_array"],
        "render_fps": 25,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        n: int = 1,
        world: str = "mujoco",
        *,
        arm: str | ArmDescription = "panda",
        timestep: float = TIMESTEP,
        threads: int = 1,
        task: PickAndPlace | None = None,
        servo: ServoConfig | None = None,
        perturbation: PerturbationConfig | None = None,
        horizon: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        self.arm = ArmDescription.load(arm) if isinstance(arm, str) else arm
        self.task = task or PickAndPlace()
        self.horizon = self.task.horizon if horizon is None else horizon
        self.perturbation = perturbation or PerturbationConfig()
        self.world = make_world(world, self.arm, n=n, timestep=timestep, threads=threads)
        self.servo = CartesianServo(self.arm, servo, n)
        period = self.servo.config.period
        self._ticks = round(POLICY_PERIOD / period)
        if self._ticks < 1 or abs(self._ticks * period - POLICY_PERIOD) > 1e-9:
            raise ValueError(
                f"the servo's period must divide the policy's, {POLICY_PERIOD} s; got {period} s"
            )
        self.num_envs = n
        self.render_mode = render_mode
        limit = np.full(OBSERVATION.size, np.inf, dtype=np.float32)
        self.single_observation_space = spaces.Box(-limit, limit)
        self.single_action_space = spaces.Box(-1.0, 1.0, (ACTION_SIZE,), dtype=np.float32)
        batch = gymnasium.vector.utils.batch_space
        self.observation_space = batch(self.single_observation_space, n)
        self.action_space = batch(self.single_action_space, n)
        self.goal_position = np.zeros((n, 3))
        self.steps = np.zeros(n, dtype=np.int64)  # taken in the present episode
        self._episode = np.zeros(n, dtype=np.int64)
        self._disturbance: list[Disturbance] = [NEVER] * n
        self._disturb_at = np.full(n, _NO_STEP)  # of a disturbance still to come
        self._disturbed = np.zeros(n, dtype=bool)
        self._open_until = np.zeros(n, dtype=np.int64)  # step to which the gripper is kept open
        self._seed = 0

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start an episode in every copy.

        Args:
            seed: of all copies together; None goes on with the next episodes.
            options: ``{"first_episode": k}`` starts the copies' count of episodes at k.
        """
        if isinstance(seed, list):
            raise ValueError("give one seed for all copies; copy i draws from [seed, i, episode]")
        if seed is not None:
            self._seed = seed
            self._episode[:] = 0
        if options and "first_episode" in options:
            self._episode[:] = options["first_episode"]
        self._start(np.arange(self.num_envs))
        return self.observe(), self._info(self.world.object_pose)

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Array, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Take one policy step in every copy; copies that had finished start anew instead.

        Raises:
            ValueError: Actions of a wrong shape, or that are not finite.
        """
        if len(actions) != self.num_envs:
            raise ValueError(
                f"actions must be ({self.num_envs}, {ACTION_SIZE}), got {actions.shape}"
            )
        finished = self.steps >= self.horizon
        linear, angular, width = decode(actions)
        width = np.where(self.steps < self._open_until, self.arm.gripper.width_max, width)
        self.servo.set_twist(linear, angular)
        command = self.servo.ticks(self._ticks)
        self.world.step(command.position, command.velocity, width, self.servo.config.period)
        self.steps += 1
        for row in self._due():
            self._disturb(int(row))
        if finished.any():
            self._start(np.flatnonzero(finished))
        pose = self.world.object_pose
        info = self._info(pose)
        reward = (info["success"] | finished) - 1.0
        terminated = np.zeros(self.num_envs, dtype=bool)
        return self._observe(pose), reward, terminated, self.steps >= self.horizon, info

    def observe(self) -> NDArray[np.float32]:
        """The observation of every copy now, (n, OBSERVATION.size)."""
        return self._observe(self.world.object_pose)

    def _observe(self, object_pose: Array) -> NDArray[np.float32]:
        world = self.world
        return observe(
            self.servo.chain,
            world.joint_position,
            world.joint_velocity,
            world.gripper_width,
            object_pose,
            self.goal_position,
        )

    def truth(self) -> NDArray[np.float32]:
        """As ``observe``: this environment's sensors have no faults."""
        return self.observe()

    def disturbances(self) -> NDArray[np.int64]:
        """(n,) kind of disturbance that the present episode has, -1 for none."""
        kinds = [d.kind.value if d.step >= 0 else -1 for d in self._disturbance]
        return np.array(kinds, dtype=np.int64)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture a copy, or None without a render mode."""
        if self.render_mode is None:
            return None
        return tuple(self.world.render(row) for row in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Free the world."""
        self.world.close()

    def _start(self, rows: NDArray[np.int64]) -> None:
        poses = np.empty((len(rows), 7))
        for k, row in enumerate(rows):
            rng = np.random.default_rng([self._seed, int(row), int(self._episode[row])])
            start = self.task.start(rng)
            poses[k], self.goal_position[row] = start.object_pose[0], start.goal_position[0]
            self._disturbance[row] = draw_disturbance(self.perturbation, rng)
            step = self._disturbance[row].step
            self._disturb_at[row] = _NO_STEP if step < 0 else step
        joints = np.tile(self.arm.home, (len(rows), 1))
        self.world.reset(rows, joints, poses)
        self.servo.reset(joints, rows)
        self._episode[rows] += 1
        self.steps[rows] = 0
        self._disturbed[rows] = False
        self._open_until[rows] = 0

    def _due(self) -> NDArray[np.int64]:
        """Rows whose disturbance comes now; an object is dropped only once it has been lifted."""
        due = np.flatnonzero(self.steps >= self._disturb_at)
        if not len(due):
            return due
        lifted = self.world.object_pose[due, 2] > 0.5 * OBJECT_EDGE + LIFTED
        drops = [self._disturbance[row].kind is Perturbation.DROP_OBJECT for row in due]
        now: NDArray[np.int64] = due[lifted | ~np.array(drops)]
        return now

    def _disturb(self, row: int) -> None:
        disturbance, config = self._disturbance[row], self.perturbation
        rows = np.array([row])
        self._disturb_at[row] = _NO_STEP
        self._disturbed[row] = True
        if disturbance.kind is Perturbation.PUSH_OBJECT:
            speed = between(config.push_speed, disturbance.strength)
            push = horizontal(disturbance.direction, speed)
            self.world.set_object_velocity(rows, push[None], np.zeros((1, 3)))
        elif disturbance.kind is Perturbation.DROP_OBJECT:
            self._open_until[row] = self.steps[row] + math.ceil(config.drop_time / POLICY_PERIOD)
        elif disturbance.kind is Perturbation.MOVE_OBJECT:
            pose = self.world.object_pose[row]
            shift = between(config.move_distance, disturbance.strength)
            pose[:3] += horizontal(disturbance.direction, shift)
            pose[2] = 0.5 * OBJECT_EDGE
            centre, spread = self.task.config.object_centre, self.task.config.object_spread
            pose[:2] = np.clip(pose[:2], np.subtract(centre, spread), np.add(centre, spread))
            pose[3:] = [0.0, 0.0, 0.0, 1.0]
            self.world.set_object_pose(rows, pose[None])
        else:
            rng = np.random.default_rng([self._seed, row, int(self._episode[row]), 1])
            self.goal_position[row] = self.task.start(rng).goal_position[0]

    def _info(self, object_pose: Array) -> Info:
        success = self.task.success(object_pose[:, :3], self.goal_position)
        return {"success": success, "disturbed": self._disturbed.copy()}
