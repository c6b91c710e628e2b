"""The way of what is measured and seen to the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_sim.mock.delay_line import DelayLine
from introspect_sim.mock.joint_reports import JointReport, JointReporter
from introspect_sim.mock.pose_reports import PoseReport, PoseSensor

if TYPE_CHECKING:
    from introspect_description import ArmDescription
    from introspect_sim.mock.fault_board import FaultBoard
    from introspect_sim.mock.manners import Manners
    from introspect_sim.mock.own_clock import OwnClock

Array = NDArray[np.float64]


class Shown(NamedTuple):
    """What has come from the arm, and from the camera, since the last look."""

    joints: list[JointReport]
    poses: list[PoseReport]


class Telemetry:
    """Sends joint states, and poses as of a camera.

    Args:
        arm: whose names the joint states carry.
        manners: how late and how noisy.
        clock: of the arm; the camera's stamps are the host's.
        faults: of this moment.
        seed: of jitter and noise.

    Attributes:
        object_seen_at: when the latest picture was taken that showed where the object is, and
            whose poses have come [s].
    """

    def __init__(
        self,
        arm: ArmDescription,
        manners: Manners,
        clock: OwnClock,
        faults: FaultBoard,
        seed: Sequence[int],
    ) -> None:
        self.object_seen_at = -np.inf
        self._faults = faults
        self._clock = clock
        rngs = [np.random.default_rng([*seed, k]) for k in range(3)]
        self._reporter = JointReporter(arm, clock, faults)
        self._joints = DelayLine[JointReport](manners.state_latency, manners.state_jitter, rngs[0])
        self._camera = PoseSensor(manners, faults, rngs[1])
        self._poses = DelayLine[PoseReport](manners.pose_latency, manners.pose_jitter, rngs[2])

    def send_joints(
        self, position: Array, velocity: Array, width: float, width_velocity: float, now: float
    ) -> None:
        """Send a joint state (see ``JointReporter.report``)."""
        report = self._reporter.report(position, velocity, width, width_velocity, now)
        if report is None or self._faults.on("driver_disconnect", now):
            return
        delay = self._faults.amount("state_delay", now) or 0.0
        jitter = self._faults.amount("state_jitter", now) or 0.0
        self._joints.send(report, now, delay, jitter)

    def send_poses(self, object_pose: Array, goal: Array, now: float) -> None:
        """Send object and goal, if a picture is due (see ``PoseSensor.look``)."""
        report = self._camera.look(object_pose, goal, now, self._clock.host(now))
        if report is not None:
            self._poses.send(report, now)

    def arrived(self, now: float) -> Shown:
        """What has come since the last call."""
        if self._faults.on("driver_disconnect", now):
            self._joints.cut()
        shown = Shown(self._joints.arrived(now), self._poses.arrived(now))
        for report in shown.poses:
            if report.fresh:
                self.object_seen_at = report.seen_at
        return shown
