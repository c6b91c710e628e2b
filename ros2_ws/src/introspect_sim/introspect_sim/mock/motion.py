"""What an arm's condition does to its motion: it brakes, it holds, it gives a trajectory up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_sim.mock.condition import Condition

if TYPE_CHECKING:
    from introspect_control.trajectory import Trajectory
    from introspect_sim.mock.fault_board import FaultBoard
    from introspect_sim.mock.joint_controller import JointController
    from introspect_sim.mock.tolerances import Tolerances

Array = NDArray[np.float64]


class Motion:
    """Lets the joint controller follow trajectories as long as the arm's condition allows it.

    Args:
        controller: of the joints.
        tolerances: of its trajectories.

    Attributes:
        condition: of the arm.
        aborted: trajectories that the controller gave up.
    """

    def __init__(self, controller: JointController, tolerances: Tolerances) -> None:
        self.condition = Condition()
        self.aborted = 0
        self._controller = controller
        self._tolerances = tolerances
        self._followed = True  # whether the arm has followed commands until now
        self._why_aborted = ""  # the latest trajectory

    @property
    def reason(self) -> str:
        """Why the arm follows no commands, or gave the latest trajectory up."""
        return self._why_aborted if self.condition.ready else self.condition.reason

    def press_emergency_stop(self, pressed: bool) -> None:
        """Press its button, which stops the arm at once, or release it."""
        self.condition.press(pressed)
        self._stop_unless_ready()  # who releases and recovers before the next period finds it so

    def recover(self) -> str:
        """End a reflex, or an emergency stop that is released; returns what was done.

        Raises:
            RecoveryError: Something must happen first.
        """
        return self.condition.recover(moving=self._controller.braking)

    def see_to_faults(self, board: FaultBoard, now: float, measured: Array) -> None:
        """Take note of the faults of this moment [s], with the arm at ``measured`` (7,) [rad]."""
        condition, controller = self.condition, self._controller
        if board.take("reflex", now):
            condition.reflex("a fault was injected")
        condition.update(
            board.on("emergency_stop", now),
            board.on("controller_inactive", now),
            board.on("driver_disconnect", now),
        )
        if board.take("trajectory_aborted", now) and condition.ready and controller.following:
            self._abort("a fault was injected")
        self._stop_unless_ready()
        if condition.ready and not self._followed:
            controller.hold(measured)
            self._followed = True

    def follow(self, trajectory: Trajectory) -> bool:
        """Follow a trajectory from now on; returns whether it is taken."""
        taken = self.condition.ready and self._controller.follow(trajectory)
        if taken:
            self._why_aborted = ""
        return taken

    def check(self, measured: Array, period: float) -> None:
        """Give the trajectory up if the arm, at ``measured`` (7,) [rad], is too far from it.

        Args:
            measured: where the arm is.
            period: since the last call [s].
        """
        if not self.condition.ready:
            return
        controller = self._controller
        problem = self._tolerances.check(controller.command, measured, controller.following, period)
        if problem:
            self._abort(problem)

    def _abort(self, reason: str) -> None:
        self.aborted += 1
        self._why_aborted = f"the latest trajectory was aborted: {reason}"
        self._tolerances.forget()
        self._controller.brake()

    def _stop_unless_ready(self) -> None:
        if self._followed and not self.condition.ready:
            self._controller.brake()
            self._tolerances.forget()
            self._why_aborted = ""
            self._followed = False
