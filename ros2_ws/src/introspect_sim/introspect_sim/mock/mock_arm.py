"""A mock arm: real physics behind the interface, and the manners, of an arm that is not perfect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control import KinematicChain
from introspect_sim.mock.by_hand import put_object_at_start
from introspect_sim.mock.command_link import CommandLink
from introspect_sim.mock.condition import ArmState, ArmStatus
from introspect_sim.mock.fault_board import FaultBoard, PlannedFault
from introspect_sim.mock.gripper import MockGripper
from introspect_sim.mock.joint_controller import JointController
from introspect_sim.mock.manners import Manners
from introspect_sim.mock.motion import Motion
from introspect_sim.mock.own_clock import OwnClock
from introspect_sim.mock.telemetry import Shown, Telemetry
from introspect_sim.mock.tolerances import Tolerances
from introspect_sim.simulation import DIVERGED, DROP_TIME
from introspect_sim.task_scene import ROW, TaskScene
from introspect_sim.worlds import TIMESTEP, World, make_world

if TYPE_CHECKING:
    from introspect_description import ArmDescription
    from introspect_sim.mock.schedule import ScheduledFault
    from introspect_sim.tasks import PickAndPlace

Array = NDArray[np.float64]

LONGEST_BACKLOG = 1.0  # that is caught up with; an arm does not stand still, but a machine may [s]


def make_mock_world(arm: ArmDescription, backend: str) -> World:
    """A world whose time step divides the period of the arm's controller.

    Raises:
        WorldError: An engine that does not exist or is not installed.
    """
    period = 1.0 / arm.controller.rate
    return make_world(backend, arm, timestep=period / ceil(period / TIMESTEP - 1e-9))


class MockArm:
    """An arm with its gripper beside a table, in the caller's time.

    ``now`` is monotonic time [s] and never goes back from one call to the next. What is told takes
    its time to arrive, and so does what is shown. The same calls at the same times show the same.

    Args:
        world: of one copy, from ``make_mock_world``; closing it is the caller's.
        task: where object and goal start.
        manners: how the arm behaves; its rates are those of the arm's controller at most.
        seed: of the first start, and of all errors, noises and losses.
        schedule: faults to come, counted from ``now``.
        now: the present.
        epoch: what the host's clock shows when ``now`` is 0 [ns].

    Raises:
        ValueError: A rate of the manners above the one of the arm's controller.

    Attributes:
        scene: object and goal.
        ignored: commands that came while the arm followed none.
        reflexes: times that commands were beyond the arm's limits.
        diverged: times that the physics broke down and were put right.
        skipped: time that the machine was too slow for [s].
    """

    def __init__(
        self,
        world: World,
        task: PickAndPlace,
        manners: Manners | None = None,
        seed: int = 0,
        schedule: Iterable[ScheduledFault] = (),
        now: float = 0.0,
        epoch: int = 0,
    ) -> None:
        arm, manners = world.arm, manners or Manners()
        manners.check_rates(arm.controller.rate)
        self.scene = TaskScene(world, task, seed)
        self.ignored = self.reflexes = self.diverged = 0
        self.skipped = 0.0
        self._world = world
        self._period = 1.0 / arm.controller.rate
        self._ticks = round(self._period / world.timestep)
        self._tick = self._period / self._ticks
        self._start, self._periods = now, 0
        self._board = FaultBoard(shortest=self._period)
        for entry in schedule:
            self._board.plan(entry.fault, entry.amount, now + entry.at, entry.duration)
        self._clock = OwnClock(epoch, now, manners.clock_offset, manners.clock_drift)
        self._link = CommandLink(arm, manners, self._board, (seed, 1))
        self._telemetry = Telemetry(arm, manners, self._clock, self._board, (seed, 2))
        home, rng = np.array(arm.home), np.random.default_rng([seed, 3])
        self._controller = JointController(arm.limits, home, manners, self._tick, rng)
        self._motion = Motion(self._controller, Tolerances(arm.joint_names, manners))
        self._condition = self._motion.condition
        self._gripper = MockGripper(arm.gripper, manners.gripper_rate)
        self._chain = KinematicChain(arm.chain())
        self._dropping_until = now
        world.reset(ROW, home[None], self.scene.object_start[None])
        self._measured = world.joint_position[0]

    @property
    def status(self) -> ArmStatus:
        """The arm's condition."""
        return ArmStatus(
            self._condition.state, self._motion.reason, self._controller.scaling, self.aborted
        )

    @property
    def aborted(self) -> int:
        """Trajectories that the controller gave up."""
        return self._motion.aborted

    @property
    def lost(self) -> int:
        """Commands that never arrived."""
        return self._link.lost

    @property
    def object_seen_at(self) -> float:
        """When the latest picture was taken that showed where the object is, and has come [s]."""
        return self._telemetry.object_seen_at

    @property
    def gripper_force(self) -> float:
        """With which the gripper holds something [N]; 0 if it holds nothing."""
        return self._gripper.force

    def faults(self, now: float) -> tuple[PlannedFault, ...]:
        """Those that are going on."""
        return self._board.going_on(now)

    def host_stamp(self, now: float) -> int:
        """What the host's clock shows [ns]."""
        return self._clock.host(now)

    # What it is told.

    def follow(
        self,
        names: Sequence[str],
        times: Sequence[float],
        positions: Sequence[Sequence[float]],
        velocities: Sequence[Sequence[float]],
        now: float,
    ) -> None:
        """Send a trajectory, which starts when it arrives (see ``CommandReader.trajectory``).

        Raises:
            CommandError: The driver refuses it.
        """
        self._link.send_trajectory(names, times, positions, velocities, now)

    def move_gripper(self, width: float, now: float) -> None:
        """Send the gripper a width [m].

        Raises:
            CommandError: The driver refuses it.
        """
        self._link.send_width(width, now)

    def recover(self) -> str:
        """End a reflex, or an emergency stop that is released; returns what was done.

        Raises:
            RecoveryError: Something must happen first.
        """
        return self._motion.recover()

    def press_emergency_stop(self, pressed: bool) -> None:
        """Press its button, which stops the arm at once, or release it."""
        self._motion.press_emergency_stop(pressed)

    def inject(self, fault: str, value: float, delay: float, duration: float, now: float) -> str:
        """Let something go wrong (see ``FaultBoard.request``)."""
        return self._board.request(fault, value, delay, duration, now)

    # What is done on the table.

    def reset(self, seed: int = -1) -> str:
        """Put object and goal to a start (see ``put_object_at_start``): the arm stays where it is.

        Raises:
            SimulationError: A seed below -1, or the gripper is where the object is to lie.
        """
        return put_object_at_start(self._world, self.scene, self._chain, seed)

    def drop_object(self, now: float) -> str:
        """Open the gripper for ``DROP_TIME``, whatever it is told meanwhile."""
        self._dropping_until = now + DROP_TIME
        return f"opened the gripper for {DROP_TIME} s"

    # Time.

    def advance(self, now: float) -> Shown:
        """Let the arm live until ``now`` [s], and take what has come from it."""
        backlog = now - self._time - LONGEST_BACKLOG
        if backlog > 0.0:
            self.skipped += backlog
            self.rest_until(now - LONGEST_BACKLOG)
        while self._time + self._period <= now + 1e-9:
            self._live()
        return self._telemetry.arrived(now)

    def rest_until(self, now: float) -> None:
        """Let time go by in which the arm does not live, as while it is switched off."""
        self._start += max(0.0, now - self._time)

    @property
    def _time(self) -> float:
        """That the arm has lived until [s]."""
        return self._start + self._periods * self._period

    def _live(self) -> None:
        """One period of the controller."""
        begin, board, world = self._time, self._board, self._world
        for by in board.take("stamp_jump", begin):
            self._clock.set(by)
        self._motion.see_to_faults(board, begin, self._measured)
        scaling = board.amount("speed_scaling", begin)
        error = board.amount("tracking_error", begin) or 0.0
        position = np.empty((self._ticks, 1, len(self._measured)))
        velocity = np.empty_like(position)
        for k in range(self._ticks):
            self._take_commands(begin + k * self._tick)
            position[k, 0], velocity[k, 0], problem = self._controller.advance(
                1.0 if scaling is None else scaling, error
            )
            if problem:
                self.reflexes += 1
                self._condition.reflex(problem)
        stuck, dropping = board.on("gripper_stuck", begin), begin < self._dropping_until
        width = self._gripper.target(float(world.gripper_width[0]), stuck, dropping)
        world.step(position, velocity, np.array([width]), self._tick)
        self._periods += 1
        self._sense(self._time)
        board.forget_past(self._time)

    def _take_commands(self, now: float) -> None:
        for trajectory in self._link.trajectories(now):
            self.ignored += not self._motion.follow(trajectory)
        for width in self._link.widths(now):
            if self._condition.state in (ArmState.EMERGENCY_STOP, ArmState.DISCONNECTED):
                self.ignored += 1
            else:
                self._gripper.move(width)

    def _sense(self, now: float) -> None:
        """See where everything is, and tell."""
        world, gripper, before = self._world, self._gripper, self._measured
        self._measured, object_pose = world.joint_position[0], world.object_pose[0]
        moved = np.abs(self._measured - before).max()
        if not (moved <= DIVERGED * self._period and np.isfinite(object_pose).all()):
            object_pose = self._put_right(before)
        self._motion.check(self._measured, self._period)
        gripper.sense(float(world.gripper_width[0]), now)
        self._telemetry.send_joints(
            self._measured, world.joint_velocity[0], gripper.width, gripper.velocity, now
        )
        self._telemetry.send_poses(object_pose, self.scene.goal, now)

    def _put_right(self, position: Array) -> Array:
        """Physics has broken down: the arm stays where it was, the object where it started."""
        self.diverged += 1
        self._world.reset(ROW, position[None], self.scene.object_start[None])
        self._measured = self._world.joint_position[0]
        self._controller.brake()
        self._condition.reflex("the physics of the mock arm broke down")
        object_pose: Array = self._world.object_pose[0]
        return object_pose
