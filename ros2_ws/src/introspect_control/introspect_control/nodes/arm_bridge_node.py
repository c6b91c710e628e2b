"""From policy actions to an arm's trajectory controller; every decision is ``ArmBridge``'s."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from math import inf

from builtin_interfaces.msg import Time
from introspect_msgs.msg import (
    ArmStatus,
    GuardStatus,
    InternalState,
    PolicyAction,
)
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from introspect_control.bridge import (
    HELD_BY_POLICY,
    ON_ALARM,
    STOPPED_BY_HAND,
    ArmBridge,
    BridgeConfig,
    BridgeOutput,
    BridgeStatus,
    JointMap,
    JointMapError,
)
from introspect_control.bridge.lead import lead_of
from introspect_control.collision import CollisionError
from introspect_control.guard import GuardState
from introspect_control.nodes import bridge_messages as messages
from introspect_control.nodes.arm_ports import make_arm_port
from introspect_control.nodes.controller_watch import ControllerWatch
from introspect_control.nodes.gripper_ports import make_gripper_port
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
from introspect_control.nodes.trajectory_server import TrajectoryServer
from introspect_control.servo import ServoConfig
from introspect_description import ArmDescription, DescriptionError, exceeded_limits

NOT_ARMED = "not armed yet; look at the arm first"
ABORTED = "the arm has given up its latest trajectory"
ABORTED_AGAIN = 10.0  # within which a second one is a fault [s]
STATUS_PERIOD = 0.1  # [s]
ARM_STATES = {
    ArmStatus.READY: "ready",
    ArmStatus.INACTIVE: "inactive",
    ArmStatus.REFLEX: "stopped by a reflex",
    ArmStatus.EMERGENCY_STOP: "in an emergency stop",
    ArmStatus.DISCONNECTED: "disconnected",
}
LOOK_PERIOD = 0.05  # between two looks at who listens, and who else commands [s]


@dataclass(frozen=True)
class ArmBridgeParameters(NodeParameters):
    """How fast the arm may be moved, and what stops it."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    policy_rate: float = parameter(25.0, "of policy actions [Hz]", minimum=1.0, maximum=250.0)
    velocity_scale: float = parameter(
        0.5, "share of the joint velocity limits in use", minimum=0.01, maximum=1.0
    )
    acceleration_scale: float = parameter(
        0.5, "share of the joint acceleration limits in use", minimum=0.01, maximum=1.0
    )
    jerk: float = parameter(500.0, "cap on joint jerk [rad/s^3]", minimum=1.0)
    command_timeout: float = parameter(
        0.1, "without a fresh action that stops the arm [s]", minimum=0.04, maximum=0.5
    )
    state_timeout: float = parameter(
        0.1, "without joint states that stops the arm [s]", minimum=0.02, maximum=0.5
    )
    tracking_limit: float = parameter(
        0.25, "between commanded and measured joint that is a fault [rad]", minimum=0.01
    )
    on_alarm: str = parameter(
        "none", "what a disturbance alarm on internal_state does to the arm", choices=ON_ALARM
    )
    alarm_speed: float = parameter(
        0.25, "share of an action's speed that slow leaves", minimum=0.01, maximum=1.0
    )
    collision_margin: float = parameter(
        0.01, "between links, and from the table [m]; 0: not watched", minimum=0.0, maximum=0.1
    )
    real_gripper: bool = parameter(
        False, "command the gripper of the real arm's ROS 2 driver, by the arm's data file"
    )
    armed: bool = parameter(True, "follow commands without waiting for guard/rearm first")

    def bridge_config(self, arm: ArmDescription, lockstep: bool) -> BridgeConfig:
        """The same as the bridge wants it; raises ``ValueError`` for what would not be safe."""
        if self.policy_rate > arm.controller.rate:
            raise ValueError(
                f"policy_rate is {self.policy_rate:g} Hz; the controller of {arm.name} takes "
                f"{arm.controller.rate:g} Hz at most"
            )
        return BridgeConfig(
            servo=ServoConfig(
                period=1.0 / arm.controller.rate,
                velocity_scale=self.velocity_scale,
                acceleration_scale=self.acceleration_scale,
                jerk=self.jerk,
            ),
            lockstep=lockstep,
            policy_period=1.0 / self.policy_rate,
            command_timeout=self.command_timeout,
            state_timeout=self.state_timeout,
            tracking_limit=self.tracking_limit,
            on_alarm=self.on_alarm,
            alarm_speed=self.alarm_speed,
            collision_margin=self.collision_margin,
            lead=lead_of(arm),
        )


class ArmBridgeNode(ManagedNode[ArmBridgeParameters]):
    """Moves messages between the policy, the bridge and the arm."""

    def __init__(self) -> None:
        super().__init__("arm_bridge_node", ArmBridgeParameters)

    def configure(self) -> None:
        """Load the arm; make the bridge, its topics and its services."""
        self._lockstep = bool(self.get_parameter("use_sim_time").value)
        try:
            self._arm = arm = ArmDescription.load(self.parameters.arm)
            self._bridge = ArmBridge(arm, self.parameters.bridge_config(arm, self._lockstep))
        except (CollisionError, DescriptionError, ValueError) as error:
            raise ConfigurationError(str(error)) from error
        self._joints = JointMap(arm.joint_names)
        self._joints_seen, self._joints_problem = False, ""
        self._aborted: int | None = None  # trajectories that the arm has given up, by its status
        self._aborted_at = -inf  # when it gave up the latest [s]
        self._armed = self.parameters.armed  # at least once
        if not self._armed:
            self._bridge.stop(NOT_ARMED)
        self._reported: tuple[GuardState, str] | None = None
        period = 0.0 if self._lockstep else self._bridge.config.period
        self._loop = self.diagnostics.time_loop("tick", period)
        self.diagnostics.before_publishing(self._diagnose)

        self._port = make_arm_port(self, arm)
        self._gripper = make_gripper_port(self, arm, self.parameters.real_gripper)
        self._controller = ControllerWatch(self, arm)
        self._sent = self.create_publisher(PolicyAction, "policy/action_sent", STREAM)
        self._status = self.create_publisher(GuardStatus, "guard/status", LATCHED)
        self.create_subscription(
            JointState, arm.controller.state_topic, self._on_joint_states, STREAM
        )
        self.create_subscription(PolicyAction, "policy/action", self._on_action, STREAM)
        if self.parameters.on_alarm != "none":
            self.create_subscription(
                InternalState, "internal_state", self._on_internal_state, STREAM
            )
        self.create_subscription(ArmStatus, "arm/status", self._on_arm_status, LATCHED)
        self.create_subscription(String, "robot_description", self._on_description, LATCHED)
        self.create_service(Trigger, "guard/stop", self._on_stop)
        self.create_service(Trigger, "guard/rearm", self._on_rearm)
        self.create_service(Trigger, "guard/check", self._on_check)
        self._trajectories = TrajectoryServer(self, self._bridge, arm)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(STATUS_PERIOD, self._publish_status, clock=steady)
        self.create_timer(LOOK_PERIOD, self._look_around, clock=steady)
        self._publish_status()

    def activate(self) -> None:
        """Begin to follow actions."""
        self._look_around()
        if not self._lockstep:
            self.create_timer(
                self._bridge.config.period,
                self._tick,
                clock=Clock(clock_type=ClockType.STEADY_TIME),
            )
        pace = "simulated time" if self._lockstep else f"{self._arm.controller.rate:g} Hz"
        self.get_logger().info(
            f"ready: {self._arm.name} on {self._port.topic}, {pace}, "
            f"{self.parameters.velocity_scale:.0%} of its velocity"
        )

    def deactivate(self) -> None:
        """Send nothing more: the latest trajectory ends at rest."""
        self._bridge.fall_silent("the arm bridge was deactivated")
        self._trajectories.look()
        self._loop.pause()
        self._publish_status()

    def cleanup(self) -> None:
        """Stop serving trajectories, and free what the ports took."""
        self._trajectories.destroy()
        for part in (self._port, self._gripper, self._controller):
            part.close()

    def _tick(self) -> None:
        with self._loop:
            self._publish(self._bridge.tick(time.monotonic()))
        self._report_change()
        self._trajectories.look()

    def _on_joint_states(self, message: JointState) -> None:
        try:
            position, velocity = self._joints.read(message.name, message.position, message.velocity)
        except JointMapError as error:
            self._refuse_joint_states(str(error))
            return
        self._joints_seen, self._joints_problem = True, ""
        self._bridge.unblock("joint_states")
        stamp = messages.nanoseconds(message.header.stamp)
        if not self._lockstep:
            self._bridge.on_joint_state(stamp, position, velocity, time.monotonic())
            return
        with self._loop:
            self._publish(self._bridge.on_joint_state(stamp, position, velocity, time.monotonic()))
        self._report_change()
        self._trajectories.look()

    def _refuse_joint_states(self, problem: str) -> None:
        self.diagnostics.count("joint_states refused")
        if problem != self._joints_problem:
            self._joints_problem = problem
            self.get_logger().error(f"joint_states refused: {problem}")
        if not self._joints_seen:  # else they are another device's, or the watchdog will tell
            self._bridge.block("joint_states", problem)
            self._report_change()

    def _on_action(self, message: PolicyAction) -> None:
        if not self.active:
            return
        self._publish(self._bridge.on_action(messages.read_action(message), time.monotonic()))
        if self._bridge.refusal:
            self.get_logger().warning(
                f"action not followed: {self._bridge.refusal}", throttle_duration_sec=2.0
            )
        self._report_change()

    def _on_internal_state(self, message: InternalState) -> None:
        if self.active:
            self._bridge.on_alarm(message.alarm, message.surprise, time.monotonic())
            self._report_change()

    def _on_arm_status(self, message: ArmStatus) -> None:
        """An arm that does not follow commands must not be sent any."""
        if message.state == ArmStatus.READY:
            self._bridge.unblock("arm")
        else:
            self._bridge.block(
                "arm",
                f"the arm is {ARM_STATES.get(message.state, message.state)}: {message.reason}",
            )
        if self._aborted is not None and message.aborted > self._aborted:
            self._on_abort(time.monotonic())
        self._aborted = message.aborted
        scaling = min(max(message.speed_scaling, 0.0), 1.0)
        self._bridge.on_speed_scaling(scaling, time.monotonic())
        self._report_change()

    def _on_abort(self, now: float) -> None:
        """Let the arm come to rest first: it would have to catch up with what comes next."""
        again = now - self._aborted_at < ABORTED_AGAIN
        self._aborted_at = now
        if again:  # something is in its way
            self._bridge.stop(f"{ABORTED}, again within {ABORTED_AGAIN:g} s")
        self._bridge.on_abort(ABORTED)

    def _on_description(self, message: String) -> None:
        """Compare our limits with those of who drives the arm."""
        try:
            problem = exceeded_limits(self._arm.limits, message.data)
        except DescriptionError as error:
            problem = str(error)
        if not problem:
            self._bridge.unblock("limits")
            return
        problem = f"limits in {self._arm.data_path} go beyond robot_description: {problem}"
        self.get_logger().error(problem)
        self._bridge.block("limits", problem)
        self._report_change()

    def _publish(self, output: BridgeOutput) -> None:
        if output.gripper_width is not None:
            self._gripper.command(output.gripper_width)
        if output.trajectory is not None:
            self._port.publish(output.trajectory)
        if output.sent is not None:
            self._sent.publish(messages.write_action(output.sent, self._arm))

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._bridge.stop(STOPPED_BY_HAND)
        self._report_change()
        response.success, response.message = True, "the arm is stopped until guard/rearm"
        return response

    def _on_rearm(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._port.forget()
        self._look_around()
        findings = self._bridge.findings(time.monotonic())
        wrong = [f"{f.what}: {f.problem}" for f in findings if f.problem and f.what != "guard"]
        if wrong and not self._armed:  # else it would be armed as soon as all that is mended
            response.message = f"not armed, for not everything is right yet: {'; '.join(wrong)}"
            return response
        response.success = self._bridge.rearm()
        self._armed |= response.success
        obstacle = self._bridge.obstacle(time.monotonic())
        if not response.success:
            response.message = f"the arm is {obstacle}"
        elif obstacle:
            response.message = f"free of faults, but not ready: {obstacle}"
        else:
            response.message = "ready for the next action"
        self._report_change()
        return response

    def _on_check(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        findings = self._bridge.findings(time.monotonic())
        response.success = not any(finding.problem for finding in findings)
        response.message = "\n".join(f"{f.what}: {f.problem or 'ok'}" for f in findings)
        return response

    def _look_around(self) -> None:
        """Block motions while nobody would follow them, or somebody else commands the arm.

        One that nobody has asked for any more ends.
        """
        for source, problem in (
            ("publishers", self._port.second_commander()),
            ("commands", self._port.problem()),
            ("gripper", self._gripper.problem()),
            ("controller", self._controller.problem()),
        ):
            if problem:
                self._bridge.block(source, problem)
            else:
                self._bridge.unblock(source)
        self._trajectories.look_around()
        self._report_change()

    def _report_change(self) -> None:
        status = self._bridge.status()
        if self._reported == (status.state, status.reason):
            return
        if self._reported is None or self._reported[0] is not status.state:
            if status.state is GuardState.FAULT:
                self.get_logger().error(_text(status))
            elif status.reason == HELD_BY_POLICY:
                self.get_logger().debug(_text(status))  # as between any two episodes
            else:
                self.get_logger().info(_text(status))
        self._publish_status()

    def _publish_status(self) -> None:
        status = self._bridge.status()
        self._reported = (status.state, status.reason)
        self._status.publish(messages.write_status(status, self._arm, self._now()))

    def _diagnose(self) -> None:
        status = self._bridge.status()
        for name in ("passed", "clamped", "rejected", "late"):
            self.diagnostics.set(name, getattr(status, name))
        self.diagnostics.set("actions ignored", self._bridge.ignored)
        self.diagnostics.set("ticks missed", self._bridge.missed)
        self.diagnostics.set("stalls", self._bridge.stalls)
        self.diagnostics.set("actions slowed", self._bridge.slowed)
        self.diagnostics.set("tracking error [rad]", status.tracking_error)
        blocked = status.state is GuardState.IDLE and self._bridge.blocked
        if blocked or status.state is GuardState.FAULT:
            self.diagnostics.error(_text(status))
        else:
            self.diagnostics.ok(_text(status))

    def _now(self) -> Time:
        return self.get_clock().now().to_msg()


def _text(status: BridgeStatus) -> str:
    return f"{status.state.name}: {status.reason}" if status.reason else status.state.name


def main() -> None:
    """Run the arm bridge until it is interrupted."""
    come_first()
    sys.exit(spin(ArmBridgeNode))


if __name__ == "__main__":
    main()
