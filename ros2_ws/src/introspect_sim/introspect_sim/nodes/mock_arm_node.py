"""A mock arm on the topics and services of a real one, in wall time."""

from __future__ import annotations

import sys
import time

from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import ArmStatus, GripperCommand
from introspect_msgs.srv import InjectFault, PerturbWorld, ResetWorld
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes.bridge_messages import unpack_trajectory
from introspect_control.nodes.priority import come_first
from introspect_control.nodes.runtime import (
    LATCHED,
    STREAM,
    ManagedNode,
    spin,
)
from introspect_sim.commands import CommandError
from introspect_sim.mock import (
    ArmState,
    FaultError,
    MockArm,
    RecoveryError,
    make_mock_world,
    read_schedule,
)
from introspect_sim.nodes import mock_arm_messages as messages
from introspect_sim.nodes.disturbances import disturb
from introspect_sim.nodes.mock_arm_parameters import MockArmParameters
from introspect_sim.nodes.object_wait import ObjectWait
from introspect_sim.nodes.stage import Stage
from introspect_sim.task_scene import SimulationError

STATUS_PERIOD = 0.1  # [s]
LOOKS = 2  # in a period of the controller, at what has arrived


class MockArmNode(ManagedNode[MockArmParameters]):
    """Lets a mock arm live in real time, and passes on what it is told and what it shows."""

    def __init__(self) -> None:
        super().__init__("mock_arm_node", MockArmParameters)

    def configure(self) -> None:
        """Make the world, and everything that talks about it."""
        parameters = self.parameters
        self._stage = stage = Stage(self, parameters, make_mock_world)
        self._description = arm = stage.arm
        now = time.monotonic()
        with stage.cleared_if_refused():
            self._arm = MockArm(
                stage.world,
                stage.task,
                parameters.manners,
                parameters.seed,
                read_schedule(parameters.faults),
                now,
                epoch=time.time_ns() - round(1e9 * now),
            )
        self._loop = self.diagnostics.time_loop("advance")
        self.diagnostics.before_publishing(self._report)
        self._reported = self._arm.status
        self._reported_faults: dict[str, str] = {}
        self._reported_skipped = 0.0
        self._object_wait = ObjectWait(parameters.manners)
        self._joints = self.create_publisher(JointState, arm.controller.state_topic, STREAM)
        if parameters.poses:
            self._object = self.create_publisher(PoseStamped, "object_pose", STREAM)
            self._goal = self.create_publisher(PoseStamped, "goal_pose", STREAM)
        self._status = self.create_publisher(ArmStatus, "arm/status", LATCHED)
        self.create_subscription(
            JointTrajectory, arm.controller.trajectory_topic, self._on_trajectory, STREAM
        )
        self.create_subscription(
            GripperCommand, arm.gripper.command_topic, self._on_gripper, STREAM
        )
        self.create_service(Trigger, "arm/recover", self._on_recover)
        self.create_service(SetBool, "arm/emergency_stop", self._on_emergency_stop)
        self.create_service(InjectFault, "inject_fault", self._on_inject)
        self.create_service(ResetWorld, "reset_world", self._on_reset)
        self.create_service(PerturbWorld, "perturb_world", self._on_perturb)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(STATUS_PERIOD, self._publish_status, clock=steady)
        self._publish_status()

    def activate(self) -> None:
        """Let the arm live."""
        self._arm.rest_until(time.monotonic())
        period = 1.0 / self._description.controller.rate / LOOKS
        self.create_timer(period, self._run, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(
            f"mock {self._description.name} in {self.parameters.backend}, "
            f"{self.parameters.task}; inject_fault with fault 'list' shows what can fail"
        )

    def deactivate(self) -> None:
        """Let its time stand still, and keep nobody waiting for it."""
        self._loop.pause()
        self._object_wait.give_up("mock_arm_node was deactivated before the new start was seen")

    def cleanup(self) -> None:
        """Free the world."""
        self._stage.close()

    def _run(self) -> None:
        now = time.monotonic()
        with self._loop:
            shown = self._arm.advance(now)
            for joints in shown.joints:
                self._joints.publish(messages.write_joints(joints, self._description))
            if self.parameters.poses:
                for report in shown.poses:
                    seen = messages.write_object(report, self._description)
                    if seen is not None:
                        self._object.publish(seen)
                    self._goal.publish(messages.write_goal(report, self._description))
        self._say_what_changed(now)
        self._object_wait.look(self._arm.object_seen_at, now, self._faults_in_words)
        self._stage.publish_picture(self._arm.host_stamp(now))

    # Commands.

    def _on_trajectory(self, message: JointTrajectory) -> None:
        stamp = message.header.stamp
        try:
            if stamp.sec or stamp.nanosec:
                raise CommandError(
                    "trajectory refused: its stamp must be 0 (it starts when it arrives), got "
                    f"{stamp.sec}.{stamp.nanosec:09d} s; the arm's clock is not the host's"
                )
            self._arm.follow(*unpack_trajectory(message), now=time.monotonic())
        except CommandError as error:
            self.diagnostics.count("trajectories refused")
            self.get_logger().error(str(error), throttle_duration_sec=1.0)

    def _on_gripper(self, message: GripperCommand) -> None:
        try:
            self._arm.move_gripper(message.width, time.monotonic())
        except CommandError as error:
            self.diagnostics.count("gripper commands refused")
            self.get_logger().error(str(error), throttle_duration_sec=1.0)

    # Services.

    def _on_recover(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            response.message = self._arm.recover()
        except RecoveryError as error:
            response.message = str(error)
            return response
        response.success = True
        self._say_what_changed(time.monotonic())
        return response

    def _on_emergency_stop(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        self._arm.press_emergency_stop(request.data)
        response.success = True
        response.message = (
            "pressed: the arm brakes" if request.data else "released; arm/recover ends the stop"
        )
        self._say_what_changed(time.monotonic())
        return response

    def _on_inject(
        self, request: InjectFault.Request, response: InjectFault.Response
    ) -> InjectFault.Response:
        try:
            response.message = self._arm.inject(
                request.fault, request.value, request.delay, request.duration, time.monotonic()
            )
        except FaultError as error:
            response.message = str(error)
            return response
        response.success = True
        return response

    async def _on_reset(
        self, request: ResetWorld.Request, response: ResetWorld.Response
    ) -> ResetWorld.Response:
        """Put the object to a start, and answer once poses have shown it there."""
        try:
            response.message = self._arm.reset(request.seed)
        except SimulationError as error:
            response.message = str(error)
            return response
        problem = ""
        if self.active and self.parameters.poses:
            problem = await self._object_wait.begin(time.monotonic())
        response.success, response.message = not problem, problem or response.message
        return response

    def _on_perturb(
        self, request: PerturbWorld.Request, response: PerturbWorld.Response
    ) -> PerturbWorld.Response:
        disturb(self._arm.scene, lambda: self._arm.drop_object(time.monotonic()), request, response)
        if response.success:
            self.get_logger().info(response.message)
        return response

    # What it tells of itself.

    def _say_what_changed(self, now: float) -> None:
        status, reported = self._arm.status, self._reported
        if status.aborted != reported.aborted:
            self._publish_status()
        if (status.state, status.reason) != (reported.state, reported.reason):
            self._publish_status()
            text = f"{status.state.name}: {status.reason}" if status.reason else status.state.name
            if status.state is ArmState.READY:
                self.get_logger().info(text)
            else:
                self.get_logger().warning(text)
        faults = {planned.fault.name: planned.description for planned in self._arm.faults(now)}
        if faults != self._reported_faults:
            for name in faults.keys() - self._reported_faults.keys():
                self.get_logger().warning(f"fault begins: {faults[name]}")
            for name in self._reported_faults.keys() - faults.keys():
                self.get_logger().warning(f"fault is over: {self._reported_faults[name]}")
            self._reported_faults = faults

    def _publish_status(self) -> None:
        self._reported = status = self._arm.status
        stamp = self._arm.host_stamp(time.monotonic())
        self._status.publish(messages.write_status(status, stamp, self._description))

    @property
    def _faults_in_words(self) -> str:
        return ", ".join(self._reported_faults.values()) or "none"

    def _report(self) -> None:
        arm, values = self._arm, self.diagnostics
        for name in ("ignored", "lost"):
            values.set(f"commands {name}", getattr(arm, name))
        values.set("trajectories aborted", arm.aborted)
        values.set("reflexes", arm.reflexes)
        values.set("diverged", arm.diverged)
        values.set("gripper force [N]", arm.gripper_force)
        values.set("faults", self._faults_in_words)
        values.set("skipped [s]", arm.skipped)
        status = arm.status
        if arm.skipped > self._reported_skipped:
            values.warn(f"this machine is too slow: {arm.skipped:.1f} s were left out")
        elif status.state is not ArmState.READY:
            values.warn(f"{status.state.name}: {status.reason}")
        else:
            values.ok(status.reason or "ok")
        self._reported_skipped = arm.skipped


def main() -> None:
    """Run the node."""
    come_first()
    sys.exit(spin(MockArmNode))


if __name__ == "__main__":
    main()
