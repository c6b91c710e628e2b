"""The two arms that faults are injected into: nodes in this process, so that the truth is known."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from introspect_description import ArmDescription
from introspect_sim.mock import ArmState
from introspect_sim.mock.delay_line import DelayLine
from introspect_sim.mock.fault_board import FaultBoard
from introspect_sim.mock.joint_reports import JointReport, JointReporter
from introspect_sim.mock.own_clock import OwnClock
from introspect_sim.nodes import mock_arm_messages
from introspect_sim.nodes.mock_arm_node import MockArmNode
from introspect_sim.nodes.sim_node import SimNode
from introspect_sim.simulation import Simulation

Array = NDArray[np.float64]
DEAF = 0.1  # of a simulator that begins [s]


class Arm(Protocol):
    """An arm as it really is, whatever it tells."""

    @property
    def truth(self) -> tuple[float, Array, Array]:
        """Its time [s], joint positions (7,) [rad] and velocities (7,) [rad/s]."""

    @property
    def refusals(self) -> int:
        """Commands that the arm itself took for dangerous."""

    def inject(self, fault: str, value: float = np.nan, duration: float = 0.0) -> None:
        """Let something go wrong."""

    def mend(self) -> None:
        """End all that goes wrong."""


class WatchedMockArm(MockArmNode):
    """The mock arm, with its truth."""

    @property
    def truth(self) -> tuple[float, Array, Array]:
        """In wall time."""
        world = self._stage.world
        return time.monotonic(), world.joint_position[0], world.joint_velocity[0]

    @property
    def refusals(self) -> int:
        """Reflexes."""
        return self._arm.reflexes

    @property
    def needs_recovery(self) -> bool:
        """Whether the arm itself waits for a person."""
        return bool(self._arm.status.state is not ArmState.READY)

    def inject(self, fault: str, value: float = np.nan, duration: float = 0.0) -> None:
        """By the mock arm's own faults."""
        self._arm.inject(fault, value, 0.0, duration, time.monotonic())

    def mend(self) -> None:
        """End all faults."""
        self._arm.inject("none", np.nan, 0.0, 0.0, time.monotonic())


class FaultyPublisher:
    """Publishes a simulation's joint states as the mock arm's faults leave them.

    Args:
        publisher: of ``sensor_msgs/JointState``.
        arm: whose joints they are.
    """

    def __init__(self, publisher: Publisher, arm: ArmDescription) -> None:
        self.board = FaultBoard()
        self._publisher, self._arm = publisher, arm
        self._now = 0.0  # [s of simulated time]
        self._reporter = JointReporter(arm, OwnClock(0, 0.0, 0.0, 0.0), self.board)
        self._line = DelayLine[JointReport](0.0, 0.0, np.random.default_rng(0))

    def publish(self, message: JointState) -> None:
        """Publish one state, or what is left of it."""
        joints, fingers = len(self._arm.joint_names), len(self._arm.gripper.joint_names)
        now = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        position, velocity = np.array(message.position), np.array(message.velocity)
        report = self._reporter.report(
            position[:joints],
            velocity[:joints],
            fingers * float(position[joints]),
            fingers * float(velocity[joints]),
            now,
        )
        if report is not None:
            delay = self.board.amount("state_delay", now) or 0.0
            self._line.send(report, now, delay, self.board.amount("state_jitter", now) or 0.0)
        for arrived in self._line.arrived(now):
            self._publisher.publish(mock_arm_messages.write_joints(arrived, self._arm))


class WatchedSimulation(SimNode):
    """The simulated arm, with its truth and with faults in its joint states."""

    _deaf_until = 0.0

    def configure(self) -> None:
        """Put the faults between the simulation and its topic."""
        super().configure()
        self._to_topic = self._states._joint_publisher
        self._begin_faultless()

    def _begin_faultless(self) -> None:
        self._faulty = FaultyPublisher(self._to_topic, self._arm)
        self._states._joint_publisher = self._faulty

    @property
    def truth(self) -> tuple[float, Array, Array]:
        """In simulated time."""
        world = self._simulation.world
        return 1e-9 * self._simulation.stamp, world.joint_position[0], world.joint_velocity[0]

    @property
    def refusals(self) -> int:
        """A simulated arm takes whatever comes."""
        return 0

    def inject(self, fault: str, value: float = np.nan, duration: float = 0.0) -> None:
        """In the joint states alone."""
        self._faulty.board.request(fault, value, 0.0, duration, self.truth[0])

    def mend(self) -> None:
        """End all faults."""
        self._faulty.board.request("none", np.nan, 0.0, 0.0, self.truth[0])

    def start_over(self) -> None:
        """As a simulator that is restarted: all begins anew, what is on the way to it is lost."""
        stage, period = self._stage, self._simulation.period
        self._simulation = Simulation(stage.world, stage.task, 0, period)
        self._begin_faultless()
        self._deaf_until = time.monotonic() + DEAF

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if time.monotonic() > self._deaf_until:
            super()._on_trajectory(message)
