"""Moves the arm to poses without touching anything: the action ``move_to``."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from introspect_msgs.action import MoveTo
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState

from introspect_control.bridge import BridgeConfig, JointMap, JointMapError
from introspect_control.bridge.joint_state_monitor import JointStateMonitor, Order
from introspect_control.bridge.lead import lead_of
from introspect_control.collision import CollisionError
from introspect_control.nodes.bridge_messages import nanoseconds
from introspect_control.nodes.move_goal import LEAST_SPEED, read_goal, read_speed, read_width
from introspect_control.nodes.runtime import (
    STREAM,
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)
from introspect_control.nodes.trajectory_client import TrajectoryClient
from introspect_control.planning import BuiltinPlanner, PlannerConfig, PlanningError
from introspect_control.planning.mover import MoveOutcome, Mover, Stage
from introspect_control.planning.path import PathFinder
from introspect_control.planning.poses import TaughtPose, read_poses
from introspect_control.planning.worker import PlanningWorker
from introspect_description import ArmDescription, DescriptionError

CHECKS = 20.0  # of what goes on [Hz]
STATE_TIMEOUT = 0.5  # of joint states [s]


@dataclass(frozen=True)
class PlannerParameters(NodeParameters):
    """The bridge's limits, and how to plan within them."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    backend: str = parameter(
        "builtin",
        "who finds ways around obstacles: OMPL, or MoveIt where ROS 2 has it",
        choices=("builtin", "moveit"),
    )
    velocity_scale: float = parameter(
        0.5, "share of the joint velocity limits, as the arm bridge's", minimum=0.01, maximum=1.0
    )
    acceleration_scale: float = parameter(
        0.5, "share of the joint acceleration limits, as the bridge's", minimum=0.01, maximum=1.0
    )
    jerk: float = parameter(500.0, "cap on joint jerk, as the bridge's [rad/s^3]", minimum=1.0)
    collision_margin: float = parameter(
        0.01,
        "as the bridge's, between links and from the table [m]; 0: only what is planned beyond it",
        minimum=0.0,
        maximum=0.1,
    )
    speed: float = parameter(
        0.5, "share of those limits where a goal names none", minimum=LEAST_SPEED, maximum=1.0
    )
    timeout: float = parameter(
        5.0, "of one search, and of slowing down what it found [s]", minimum=0.1, maximum=60.0
    )
    seed: int = parameter(0, "of every search: same request, same motion", minimum=0)
    poses: str = parameter("", "YAML file of taught poses; read anew for every goal")

    def planner_config(self, arm: ArmDescription) -> PlannerConfig:
        """The same as the planner wants it."""
        return PlannerConfig(
            velocity_scale=self.velocity_scale,
            acceleration_scale=self.acceleration_scale,
            jerk=self.jerk,
            period=1.0 / arm.controller.rate,
            collision_margin=self.collision_margin,
            lead=lead_of(arm),
            timeout=self.timeout,
            seed=self.seed,
        )


class PlannerNode(ManagedNode[PlannerParameters]):
    """One move for each goal of ``move_to``; what happens is its ``Mover``'s decision."""

    def __init__(self) -> None:
        super().__init__("planner_node", PlannerParameters)

    def configure(self) -> None:
        """Load the arm, make the planner and the action."""
        try:
            self._arm = arm = ArmDescription.load(self.parameters.arm)
            config = self.parameters.planner_config(arm)
            planner = BuiltinPlanner(arm, config, finder=self._finder(arm, config))
            self._read_poses()
        except (DescriptionError, CollisionError, PlanningError, ValueError) as error:
            raise ConfigurationError(str(error)) from error
        self._joints, self._joints_problem = JointMap(arm.joint_names), ""
        self._measured = JointStateMonitor(
            arm.joint_names, BridgeConfig(state_timeout=STATE_TIMEOUT, state_fault=STATE_TIMEOUT)
        )
        self._client = TrajectoryClient(self, arm)
        self._mover = Mover(PlanningWorker(planner), self._client, self._measured)
        self._goal: ServerGoalHandle | None = None
        self._outcomes: dict[bytes, MoveOutcome] = {}  # of goals that have ended, not told yet
        self.diagnostics.before_publishing(self._report)
        self.create_subscription(
            JointState, arm.controller.state_topic, self._on_joint_states, STREAM
        )
        self.create_timer(1.0 / CHECKS, self._step, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._server = ActionServer(
            self,
            MoveTo,
            "move_to",
            self._conclude,
            handle_accepted_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    def activate(self) -> None:
        """Be ready for goals."""
        self.get_logger().info(
            f"ready: {self._arm.name}, {self.parameters.backend} planner, "
            f"{self.parameters.velocity_scale:.0%} of its velocity at most"
        )

    def deactivate(self) -> None:
        """Give up what is under way."""
        self._mover.cancel()
        self._end(MoveOutcome(False, "planner_node was deactivated"))

    def cleanup(self) -> None:
        """Stop serving goals."""
        self._server.destroy()
        self._client.destroy()

    def _finder(self, arm: ArmDescription, config: PlannerConfig) -> PathFinder | None:
        if self.parameters.backend == "builtin":
            return None
        from introspect_control.nodes.moveit_path_finder import MoveItPathFinder

        return MoveItPathFinder(arm, config)

    def _read_poses(self) -> dict[str, TaughtPose]:
        return read_poses(Path(self.parameters.poses)) if self.parameters.poses else {}

    def _on_joint_states(self, message: JointState) -> None:
        try:
            position, velocity = self._joints.read(message.name, message.position, message.velocity)
        except JointMapError as error:
            self.diagnostics.count("joint_states refused")
            if str(error) != self._joints_problem:
                self._joints_problem = str(error)
                self.get_logger().error(f"joint_states refused: {error}")
            return
        stamp = nanoseconds(message.header.stamp)
        order = self._measured.order(stamp)
        if order is Order.OLD:
            return
        if order is Order.CLOCK_SET_BACK:
            self._measured.forget()
        self._measured.record(stamp, position, velocity, time.monotonic())

    def _on_goal(self, handle: ServerGoalHandle) -> None:
        """Begin, or say why not: only a result can."""
        request = handle.request
        try:
            if not self.active:
                raise PlanningError("planner_node is not active")
            if self._mover.stage is not Stage.IDLE:
                raise PlanningError(f"another goal is under way ({self._mover.stage.value})")
            goal = read_goal(request, self._arm, self._read_poses)
            speed = read_speed(request, self.parameters.speed)
            width = read_width(request, self._arm)
        except PlanningError as error:
            self._tell(handle, MoveOutcome(False, f"goal refused: {error}"))
            return
        self._goal = handle
        self._mover.begin(goal, speed, width, time.monotonic())

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        if handle is self._goal:
            self._mover.cancel()
        return CancelResponse.ACCEPT

    def _step(self) -> None:
        outcome = self._mover.step(time.monotonic())
        if outcome is not None:
            self._end(outcome)
        elif self._goal is not None:
            stage = "moving" if self._mover.stage is Stage.MOVING else "planning"
            self._goal.publish_feedback(MoveTo.Feedback(stage=stage, progress=self._mover.progress))

    def _end(self, outcome: MoveOutcome) -> None:
        if self._goal is not None:
            goal, self._goal = self._goal, None
            self._tell(goal, outcome)

    def _tell(self, handle: ServerGoalHandle, outcome: MoveOutcome) -> None:
        log = self.get_logger()
        if outcome.success:
            log.info(f"move_to: {outcome.message}")
        else:
            log.error(f"move_to: {outcome.message}")
        self.diagnostics.count("moves" if outcome.success else "moves failed")
        self._outcomes[bytes(handle.goal_id.uuid)] = outcome
        handle.execute()  # calls _conclude

    def _conclude(self, handle: ServerGoalHandle) -> MoveTo.Result:
        outcome = self._outcomes.pop(bytes(handle.goal_id.uuid))
        if handle.is_cancel_requested and not outcome.success:
            handle.canceled()
        elif outcome.success:
            handle.succeed()
        else:
            handle.abort()
        return MoveTo.Result(
            success=outcome.success,
            planning_time=outcome.planning_time,
            duration=outcome.duration,
            message=outcome.message,
        )

    def _report(self) -> None:
        self.diagnostics.set("stage", self._mover.stage.name)
        problem = self._measured.problem(time.monotonic())
        if problem and self._mover.stage is not Stage.MOVING:
            self.diagnostics.warn(problem)
        else:
            self.diagnostics.ok()


def main() -> None:
    """Run the planner until it is interrupted."""
    sys.exit(spin(PlannerNode))


if __name__ == "__main__":
    main()
