"""A directly driven arm on the topics of a simulated one; ``DriverLoop`` does the driving."""

from __future__ import annotations

import concurrent.futures
import sys
from dataclasses import dataclass

from introspect_msgs.msg import ArmStatus, GripperCommand
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from introspect_control.drivers import (
    NAMES,
    ArmDriver,
    Condition,
    DriverError,
    DriverLoop,
    Reading,
    make_driver,
)
from introspect_control.nodes.bridge_messages import nanoseconds, read_trajectory
from introspect_control.nodes.priority import come_first
from introspect_control.nodes.runtime import (
    LATCHED,
    STREAM,
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)
from introspect_description import ArmDescription, DescriptionError

AUTO = "auto"
STATUS_PERIOD = 0.1  # [s]
PATIENCE = 0.5  # with a library that does not answer [s]


@dataclass(frozen=True)
class DriverParameters(NodeParameters):
    """Which arm is driven, how, and where it is."""

    arm: str = parameter("xarm7", "arm, by the name of its data file")
    driver: str = parameter(
        AUTO, "driver; auto: the one that the arm's data file names", choices=(AUTO, *NAMES)
    )
    address: str = parameter("", "of the arm; empty: the one in its data file")


class DriverNode(ManagedNode[DriverParameters]):
    """Moves messages between the graph and the loop that drives the arm."""

    def __init__(self) -> None:
        super().__init__("driver_node", DriverParameters)
        self._loop: DriverLoop | None = None
        self._leaving: DriverLoop | None = None  # closed, but its library has not returned yet

    def configure(self) -> None:
        """Load the arm; make its driver, its topics and its service."""
        self._check_left()
        try:
            self._arm = arm = ArmDescription.load(self.parameters.arm)
            self._driver = self.make_driver(arm)
        except (DescriptionError, DriverError) as error:
            raise ConfigurationError(str(error)) from error
        self._timer = self.diagnostics.time_loop("cycle", 1.0 / self._driver.rate)
        self.diagnostics.before_publishing(self._diagnose)
        self._told: tuple[Condition, str] | None = None
        self._logged: tuple[Condition, str] | None = None
        self._refused: dict[str, str] = {}  # why, by what
        self._gripper_problem = ""  # that was logged
        self._recoveries: list[tuple[concurrent.futures.Future[str], Future[str]]] = []
        self._states = self.create_publisher(JointState, arm.controller.state_topic, STREAM)
        self._status = self.create_publisher(ArmStatus, "arm/status", LATCHED)
        self.create_subscription(
            JointTrajectory, arm.controller.trajectory_topic, self._on_trajectory, STREAM
        )
        self.create_subscription(
            GripperCommand, arm.gripper.command_topic, self._on_gripper, STREAM
        )
        self.create_service(Trigger, "arm/recover", self._on_recover)
        self.create_timer(STATUS_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def make_driver(self, arm: ArmDescription) -> ArmDriver:
        """The driver that the parameters, or else the arm's data file, name."""
        name, address = self.parameters.driver, self.parameters.address
        if arm.driver is not None:
            name = arm.driver.direct if name == AUTO else name
            address = address or arm.driver.address
        if name in ("", AUTO):
            raise DriverError(f"arm {arm.name!r} has no direct driver; start its ROS 2 driver")
        return make_driver(name, arm, address)

    def activate(self) -> None:
        """Connect, and let the arm follow."""
        self._check_left()
        self._timer.pause()  # not before: the loop that left used it
        self._loop = DriverLoop(self._driver, self._arm, self._timer)
        self._loop.start(self._show)
        self.get_logger().info(
            f"{self._arm.name} on {self._states.topic_name}, {self._driver.rate:g} Hz"
        )

    def deactivate(self) -> None:
        """Let the arm come to rest and let go of it."""
        if self._loop is not None:
            if not self._loop.close():
                self._leaving = self._loop
                self.get_logger().error(
                    "the library does not answer; it lets go of the arm when it does"
                )
            self._loop = None
        self._answer("driver_node was deactivated")
        self._look()

    def _check_left(self) -> None:
        """Two loops on one arm would command it in turns."""
        if self._leaving is not None and self._leaving.alive:
            raise ConfigurationError(
                f"the library of {self._leaving.arm!r} has not let go of the arm yet, since it "
                "does not answer: wait, or end driver_node and start it again"
            )
        self._leaving = None

    def _show(self, reading: Reading) -> None:
        """Called by the loop's thread, with what it has just read."""
        if reading.condition is not Condition.DISCONNECTED:
            self._states.publish(self._joint_state(reading))
        if self._told != (reading.condition, reading.reason):
            self._tell(reading)

    def _joint_state(self, reading: Reading) -> JointState:
        names, fingers = [*self._arm.joint_names], self._arm.gripper.joint_names
        positions, velocities = reading.position.tolist(), reading.velocity.tolist()
        if reading.gripper_width is not None:
            share = self._arm.gripper.command_for_width(reading.gripper_width)
            names.extend(fingers)
            positions.extend([share] * len(fingers))
            velocities.extend([0.0] * len(fingers))
        stamp = self.get_clock().now().to_msg()
        return JointState(
            header=Header(stamp=stamp), name=names, position=positions, velocity=velocities
        )

    def _tell(self, reading: Reading) -> None:
        self._told = reading.condition, reading.reason
        now = self.get_clock().now().to_msg()
        self._status.publish(
            ArmStatus(
                header=Header(stamp=now, frame_id=self._arm.base_frame),
                state=int(reading.condition),
                reason=reading.reason,
                speed_scaling=float(reading.condition is Condition.READY),
            )
        )

    def _reading(self) -> Reading:
        if self._loop is None:
            return Reading.none("driver_node is not active")
        if not self._loop.alive:
            return Reading.none("the driver's loop has ended; start driver_node again")
        reading = self._loop.reading
        if reading.condition is not Condition.DISCONNECTED and self._loop.age > PATIENCE:
            return Reading.none(f"the library has not answered for more than {PATIENCE} s")
        return reading

    def _look(self) -> None:
        reading = self._reading()
        self._tell(reading)
        if self._logged != (reading.condition, reading.reason):
            self._logged = reading.condition, reading.reason
            if reading.condition is Condition.READY:
                self.get_logger().info(_text(reading))
            else:
                self.get_logger().warning(_text(reading))
        if reading.gripper_problem not in ("", self._gripper_problem):
            self._gripper_problem = reading.gripper_problem
            self.get_logger().warning(f"gripper: {reading.gripper_problem}")
        if self._loop is not None and not self._loop.alive:
            self._answer(self._reading().reason)  # what was read above may be of before it died
        waiting, self._recoveries = self._recoveries, []
        for recovery, answer in waiting:
            if recovery.done():  # asked once: the loop's thread may end it at any moment
                answer.set_result(recovery.result())
            else:
                self._recoveries.append((recovery, answer))

    def _answer(self, otherwise: str) -> None:
        """Answer everybody who waits for a recovery, since there will be no more of them."""
        for recovery, answer in self._recoveries:
            answer.set_result(recovery.result() if recovery.done() else otherwise)
        self._recoveries.clear()

    def _on_trajectory(self, message: JointTrajectory) -> None:
        if self._loop is None:
            return
        try:
            if nanoseconds(message.header.stamp):
                raise ValueError("its stamp must be 0: it starts when it arrives")
            self._loop.follow(read_trajectory(message, self._arm))
        except ValueError as error:
            self._refuse("trajectory", str(error))
        else:
            self._refused.pop("trajectory", None)

    def _on_gripper(self, message: GripperCommand) -> None:
        if self._loop is None:
            return
        try:
            self._loop.move_gripper(message.width)
        except ValueError as error:
            self._refuse("gripper command", str(error))
        else:
            self._refused.pop("gripper command", None)

    def _refuse(self, what: str, problem: str) -> None:
        self.diagnostics.count(f"{what} refused")
        if problem != self._refused.get(what):  # else it has been said
            self._refused[what] = problem
            self.get_logger().error(f"{what} refused: {problem}")

    async def _on_recover(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Recover, and answer once it is known how that went."""
        if self._loop is None or not self._loop.alive:
            response.message = self._reading().reason
            return response
        answer: Future[str] = Future()
        self._recoveries.append((self._loop.recover(), answer))
        problem = await answer
        response.success, response.message = not problem, problem or "ready"
        return response

    def _diagnose(self) -> None:
        reading = self._reading()
        if reading.condition is Condition.READY and reading.gripper_problem:
            self.diagnostics.warn(f"gripper: {reading.gripper_problem}")
        elif reading.condition is Condition.READY:
            self.diagnostics.ok(_text(reading))
        elif reading.condition is Condition.INACTIVE:
            self.diagnostics.warn(_text(reading))
        else:
            self.diagnostics.error(_text(reading))


def _text(reading: Reading) -> str:
    return ": ".join(part for part in (reading.condition.name, reading.reason) if part)


def main() -> None:
    """Run the driver node until it is interrupted."""
    come_first()
    sys.exit(spin(DriverNode))


if __name__ == "__main__":
    main()
