"""A mock arm and somebody who watches it, in a time of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from introspect_description import ArmDescription
from introspect_sim.mock import ArmState, Manners, MockArm, ScheduledFault
from introspect_sim.mock.joint_reports import JointReport
from introspect_sim.mock.pose_reports import PoseReport
from introspect_sim.tasks import PickAndPlace
from introspect_sim.worlds import World

Array = NDArray[np.float64]
PERIOD = 0.01  # of joint states [s]
EPOCH = 1_800_000_000_000_000_000  # [ns]
FLAWLESS = Manners(
    clock_offset=0.0,
    clock_drift=0.0,
    command_latency=0.0,
    command_jitter=0.0,
    state_latency=0.0,
    state_jitter=0.0,
    tracking_lag=0.0,
    static_error=0.0,
    gripper_latency=0.0,
    pose_noise=0.0,
    pose_turn_noise=0.0,
    pose_latency=0.0,
    pose_jitter=0.0,
)


class MockRig:
    """Lets a mock arm live, and keeps what came from it with the time at which it came."""

    def __init__(
        self,
        world: World,
        manners: Manners = FLAWLESS,
        seed: int = 0,
        schedule: Sequence[ScheduledFault] = (),
        step: float = PERIOD,
    ) -> None:
        self.description: ArmDescription = world.arm
        self.world = world
        self.start = self.now = 100.0
        self.step = step
        self.steps = 0
        self.arm = MockArm(world, PickAndPlace(), manners, seed, schedule, self.now, EPOCH)
        self.joints: list[tuple[float, JointReport]] = []
        self.poses: list[tuple[float, PoseReport]] = []
        self.velocities: list[Array] = []  # that the arm really had, each period

    def run(self, seconds: float) -> None:
        """Let time go by."""
        for _ in range(round(seconds / self.step)):
            self.steps += 1
            self.now = self.start + self.steps * self.step
            shown = self.arm.advance(self.now)
            self.joints += [(self.now, report) for report in shown.joints]
            self.poses += [(self.now, report) for report in shown.poses]
            self.velocities.append(self.velocity)

    def run_to_rest(self) -> float:
        """Run until the arm stands still; returns how long that took [s]."""
        start = self.now
        self.run(5 * PERIOD)
        while np.abs(self.world.joint_velocity).max() > 0.01:
            self.run(PERIOD)
            assert self.now - start < 5.0, "the arm never came to rest"
        return self.now - start

    def send(
        self, position: Array, seconds: float = 1.0, names: Sequence[str] | None = None
    ) -> None:
        """Send a trajectory of one point at rest."""
        names = self.description.joint_names if names is None else names
        zeros = [0.0] * len(names)
        self.arm.follow(names, [seconds], [np.asarray(position).tolist()], [zeros], self.now)

    def swing(self, by: float = 0.6, seconds: float = 1.2) -> None:
        """Send the arm away from home, and run until it is fast."""
        self.send(self.home + by * np.array([1.0, 0.3, -1.0, 0.3, 1.0, 0.3, 1.0]), seconds)
        self.run(0.5 * seconds)
        assert np.abs(self.velocity).max() > 0.3

    def inject(self, fault: str, value: float = float("nan"), duration: float = 0.0) -> str:
        """Inject a fault now."""
        return self.arm.inject(fault, value, 0.0, duration, self.now)

    @property
    def home(self) -> Array:
        """Where the arm starts."""
        return np.array(self.description.home)

    @property
    def position(self) -> Array:
        """Where the arm really is."""
        return self.world.joint_position[0]

    @property
    def velocity(self) -> Array:
        """How fast it really is."""
        return self.world.joint_velocity[0]

    @property
    def state(self) -> ArmState:
        """The arm's state."""
        return self.arm.status.state

    def largest_jump(self) -> float:
        """Largest change of the arm's velocity from one period to the next, over its limit."""
        acceleration = np.abs(np.diff(self.velocities, axis=0)) / PERIOD
        return float((acceleration / self.description.limits.acceleration).max())
