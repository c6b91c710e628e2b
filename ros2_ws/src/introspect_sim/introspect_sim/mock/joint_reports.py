"""Joint states as an arm's driver sends them, with all that can be wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import ArmDescription
    from introspect_sim.mock.fault_board import FaultBoard
    from introspect_sim.mock.own_clock import OwnClock

Array = NDArray[np.float64]

WRONG_PREFIX = "other_"
EXTRA_JOINT = "extra_joint"


class JointReport(NamedTuple):
    """One message of joint states."""

    stamp: int  # of the arm's clock [ns]
    names: tuple[str, ...]  # arm and fingers
    position: Array  # [rad], of fingers [m]
    velocity: Array  # [rad/s], of fingers [m/s]


class JointReporter:
    """Turns what is measured into joint states.

    Args:
        arm: whose names they carry.
        clock: that stamps them.
        faults: of this moment.
    """

    def __init__(self, arm: ArmDescription, clock: OwnClock, faults: FaultBoard) -> None:
        self._joints = len(arm.joint_names)
        self._names = (*arm.joint_names, *arm.gripper.joint_names)
        self._fingers = len(arm.gripper.joint_names)
        self._clock = clock
        self._faults = faults
        self._latest: JointReport | None = None

    def report(
        self, position: Array, velocity: Array, width: float, width_velocity: float, now: float
    ) -> JointReport | None:
        """The joint state of a moment, if one is sent.

        Args:
            position: (7,) of the arm [rad].
            velocity: (7,) of the arm [rad/s].
            width: of the gripper [m].
            width_velocity: of the gripper [m/s].
            now: time [s].
        """
        faults = self._faults
        if faults.on("states_stop", now):
            return None
        if self._latest is None or not faults.on("states_frozen", now):
            share = 1.0 / self._fingers
            fingers = np.full(self._fingers, share)
            report = JointReport(
                self._stamp(now),
                self._names,
                np.concatenate([position, width * fingers]),
                np.concatenate([velocity, width_velocity * fingers]),
            )
            self._latest = self._garbled(report, now) if faults.going_on(now) else report
        return self._latest

    def _stamp(self, now: float) -> int:
        faults = self._faults
        if faults.on("stamp_zero", now):
            return 0
        ahead = faults.amount("stamp_future", now) or 0.0
        back = faults.amount("stamp_old", now) or 0.0
        return max(0, self._clock.stamp(now) + round(1e9 * (ahead - back)))

    def _garbled(self, report: JointReport, now: float) -> JointReport:
        stamp, names, position, velocity = report
        faults, arm = self._faults, slice(0, self._joints)
        if faults.on("degrees", now):
            position[arm], velocity[arm] = np.rad2deg(position[arm]), np.rad2deg(velocity[arm])
        if joint := faults.amount("state_nan", now):
            position[int(joint) - 1] = np.nan
        if joint := faults.amount("joint_missing", now):
            k = int(joint) - 1
            names = names[:k] + names[k + 1 :]
            position, velocity = np.delete(position, k), np.delete(velocity, k)
        if faults.on("joint_extra", now):
            names = (EXTRA_JOINT, *names)
            position, velocity = np.insert(position, 0, 0.0), np.insert(velocity, 0, 0.0)
        if faults.on("joint_order", now):
            names, position, velocity = names[::-1], position[::-1], velocity[::-1]
        if faults.on("joint_prefix", now):
            names = tuple(WRONG_PREFIX + name for name in names)
        return JointReport(stamp, names, position, velocity)
