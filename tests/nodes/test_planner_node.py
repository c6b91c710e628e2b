"""The action ``move_to`` over DDS, between a client and a bridge that both live in the test."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped
from introspect_msgs.action import FollowTrajectory, MoveTo
from live_graph import NodeProcess, Peer, peer
from rclpy.action import ActionClient, ActionServer, CancelResponse
from sensor_msgs.msg import JointState

from introspect.graph import find_graph
from introspect_control import KinematicChain
from introspect_control.nodes.arm_bridge_node import ArmBridgeParameters
from introspect_control.nodes.bridge_messages import read_trajectory
from introspect_control.nodes.planner_node import PlannerParameters
from introspect_control.nodes.runtime import STREAM
from introspect_control.planning.poses import write_pose
from introspect_description import ArmDescription

ARM = ArmDescription.load("fr3")
MODULE = "introspect_control.nodes.planner_node"
START = ARM.home + 0.3


class Bridge:
    """An arm at rest, and a server of ``follow_trajectory`` that goes where it is told."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.position = START.copy()
        self.velocity = np.zeros(7)
        self.goals: list[FollowTrajectory.Goal] = []
        self.holds = False  # whether a motion goes on until it is cancelled
        self.failure = ""
        self._handle: Any = None
        self._ticks = 0  # that the motion has taken
        self._shown = 0  # joint states
        self._states = me.node.create_publisher(JointState, ARM.controller.state_topic, STREAM)
        self._timer = me.node.create_timer(0.02, self._tick)
        self._server = ActionServer(
            me.node,
            FollowTrajectory,
            "follow_trajectory",
            self._conclude,
            handle_accepted_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )

    def be_seen(self) -> None:
        """Show the joints as they are now, so often that the node must have heard of it."""
        enough = self._shown + 5
        self.me.wait_for(lambda: self._shown >= enough, "joint states to be shown")

    def _tick(self) -> None:
        message = JointState(name=list(ARM.joint_names))
        message.header.stamp = self.me.node.get_clock().now().to_msg()
        message.position, message.velocity = self.position.tolist(), self.velocity.tolist()
        self._states.publish(message)
        self._shown += 1
        if self._handle is None:
            return
        self._handle.publish_feedback(FollowTrajectory.Feedback(progress=0.5))
        self._ticks += 1
        if self._handle.is_cancel_requested or (self._ticks > 10 and not self.holds):
            handle, self._handle = self._handle, None
            handle.execute()

    def _on_goal(self, handle: Any) -> None:
        self.goals.append(handle.request)
        self._handle, self._ticks = handle, 0

    def _conclude(self, handle: Any) -> FollowTrajectory.Result:
        if handle.is_cancel_requested:
            handle.canceled()
            return FollowTrajectory.Result(success=False, message="cancelled")
        if self.failure:
            handle.abort()
            return FollowTrajectory.Result(success=False, message=self.failure)
        self.position = read_trajectory(handle.request.trajectory, ARM).positions[-1]
        handle.succeed()
        return FollowTrajectory.Result(success=True, message="")


class Rig:
    """A client of ``move_to``."""

    def __init__(self, me: Peer, bridge: Bridge, node: NodeProcess, poses: Path) -> None:
        self.me, self.bridge, self.node, self.poses = me, bridge, node, poses
        self.feedback: list[MoveTo.Feedback] = []
        self.client = ActionClient(me.node, MoveTo, "move_to")
        me.wait_for(self.client.server_is_ready, "move_to")

    def send(self, **goal: Any) -> Any:
        """Send a goal and return its handle."""
        self.bridge.be_seen()
        goal = {"move_gripper": "gripper_width" in goal, **goal}
        sent = self.client.send_goal_async(
            MoveTo.Goal(**goal), lambda message: self.feedback.append(message.feedback)
        )
        return self.me.result(sent, "the goal's answer")

    def end(self, handle: Any) -> tuple[int, MoveTo.Result]:
        """Wait for the end of a goal."""
        answer = self.me.result(handle.get_result_async(), "the end of the move")
        return answer.status, answer.result

    def move(self, **goal: Any) -> tuple[int, MoveTo.Result]:
        return self.end(self.send(**goal))


@pytest.fixture(scope="module")
def shared(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    poses = tmp_path_factory.mktemp("poses") / "poses.yaml"
    parameters = {"arm": "fr3", "poses": poses, "speed": 1.0, "timeout": 2.0}
    with peer() as me, NodeProcess(MODULE, parameters) as node:
        rig = Rig(me, Bridge(me), node, poses)
        yield rig
        rig.client.destroy()  # it would keep the peer on the graph


@pytest.fixture
def rig(shared: Rig) -> Rig:
    bridge = shared.bridge
    bridge.position, bridge.velocity = START.copy(), np.zeros(7)
    bridge.holds, bridge.failure = False, ""
    bridge.goals.clear()
    shared.feedback.clear()
    return shared


def test_home_is_planned_from_the_measured_joints_and_followed(rig: Rig) -> None:
    status, result = rig.move(name="home", gripper_width=0.05)
    assert (status, result.success) == (GoalStatus.STATUS_SUCCEEDED, True), result.message
    assert result.message == "the arm is at rest at the goal"
    (goal,) = rig.bridge.goals
    trajectory = read_trajectory(goal.trajectory, ARM)
    assert goal.move_gripper
    assert goal.gripper_width == pytest.approx(0.05)
    assert trajectory.times[0] == 0.0
    np.testing.assert_allclose(np.diff(trajectory.times), 0.01, atol=1e-9)
    np.testing.assert_allclose(trajectory.positions[[0, -1]], [START, ARM.home], atol=1e-12)
    assert not trajectory.velocities[[0, -1]].any()
    assert result.duration == pytest.approx(trajectory.times[-1])
    assert result.planning_time > 0.0
    assert {message.stage for message in rig.feedback} >= {"moving"}
    assert max(message.progress for message in rig.feedback) == 0.5


def test_joints_are_reached_at_the_speed_that_is_asked_for(rig: Rig) -> None:
    joints = (START + 0.1).tolist()
    _, fast = rig.move(joint_positions=joints)
    rig.bridge.position = START.copy()
    _, slow = rig.move(joint_positions=joints, speed=0.2)
    assert fast.success
    assert slow.success
    assert slow.duration > 2.0 * fast.duration
    assert not rig.bridge.goals[0].move_gripper


def test_the_least_speed_is_one(rig: Rig) -> None:
    rig.bridge.position = ARM.home + 0.02
    _, result = rig.move(name="home", speed=0.01)
    assert result.success, result.message


def test_a_pose_of_the_tool_is_reached(rig: Rig) -> None:
    pose = PoseStamped()
    pose.header.frame_id = ARM.base_frame
    pose.pose.position.x, pose.pose.position.y, pose.pose.position.z = 0.5, 0.1, 0.2
    pose.pose.orientation.x, pose.pose.orientation.w = 1.0, 0.0
    _, result = rig.move(pose=pose)
    assert result.success, result.message
    tool, _ = KinematicChain(ARM.chain()).forward(rig.bridge.position[None])
    np.testing.assert_allclose(tool[0], [0.5, 0.1, 0.2], atol=1e-5)


def test_a_pose_taught_while_the_node_runs_is_known(rig: Rig) -> None:
    write_pose(rig.poses, "aside", ARM, ARM.home - 0.2)
    _, result = rig.move(name="aside")
    assert result.success, result.message
    np.testing.assert_allclose(rig.bridge.position, ARM.home - 0.2, atol=1e-6)


def test_an_arm_that_is_there_is_not_moved(rig: Rig) -> None:
    rig.bridge.position = ARM.home.copy()
    _, result = rig.move(name="home")
    assert (result.success, result.duration) == (True, 0.0)
    assert not rig.bridge.goals


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ({}, "one of name, joint_positions and pose (with a frame_id) must be given, got none"),
        ({"name": "home", "joint_positions": [0.0] * 7}, "got name, joint_positions"),
        ({"name": "bed"}, "there is no pose 'bed'; those of fr3 are home"),
        ({"joint_positions": [0.0] * 3}, "joint_positions must be 7 finite numbers"),
        ({"joint_positions": [9.0] * 7}, "the goal has fr3_joint1 at 9.0000 rad, outside"),
        ({"name": "home", "speed": 1.5}, "speed must be in [0.01, 1], or 0 for 1, got 1.5"),
        ({"name": "home", "speed": 1e-6}, "speed must be in [0.01, 1], or 0 for 1, got 1e-06"),
        (
            {"name": "home", "speed": float("nan")},
            "speed must be in [0.01, 1], or 0 for 1, got nan",
        ),
        ({"name": "home", "gripper_width": -0.1}, "gripper_width must be in [0.0, 0.08] m"),
        ({"name": "home", "gripper_width": 0.5}, "gripper_width must be in [0.0, 0.08] m"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    rig: Rig, goal: dict[str, Any], message: str
) -> None:
    status, result = rig.move(**goal)
    assert (status, result.success) == (GoalStatus.STATUS_ABORTED, False)
    assert message in result.message
    assert not rig.bridge.goals


def test_a_pose_in_another_frame_is_refused(rig: Rig) -> None:
    pose = PoseStamped()
    pose.header.frame_id = "camera_optical_frame"
    _, result = rig.move(pose=pose)
    assert "told in 'camera_optical_frame'; it must be of fr3_hand_tcp in world" in result.message


def test_an_arm_that_moves_is_waited_for_and_then_named(rig: Rig) -> None:
    rig.bridge.velocity[2] = 0.3
    began = time.monotonic()
    _, result = rig.move(name="home")
    assert "fr3_joint3 still moves at 0.300 rad/s" in result.message
    assert time.monotonic() - began > 1.5


def test_what_the_bridge_says_of_a_failure_is_passed_on(rig: Rig) -> None:
    rig.bridge.failure = "the guard is in FAULT"
    status, result = rig.move(name="home")
    assert (status, result.message) == (GoalStatus.STATUS_ABORTED, "the guard is in FAULT")


def test_a_second_goal_is_refused_and_a_cancelled_one_brings_the_arm_to_rest(rig: Rig) -> None:
    rig.bridge.holds = True
    handle = rig.send(name="home")
    rig.me.wait_for(lambda: rig.bridge.goals, "the bridge to have the motion")
    _, second = rig.move(name="home")
    assert second.message == "goal refused: another goal is under way (moving)"
    rig.me.result(handle.cancel_goal_async(), "the answer to cancelling")
    status, result = rig.end(handle)
    assert (status, result.message) == (GoalStatus.STATUS_CANCELED, "cancelled")
    rig.bridge.holds = False
    assert rig.move(name="home")[1].success


def test_what_has_to_be_the_bridges_is_the_same_in_both_nodes() -> None:
    shared = ("arm", "velocity_scale", "acceleration_scale", "jerk", "collision_margin")
    planner, bridge = (
        {field.name: (field.default, field.metadata) for field in dataclasses.fields(parameters)}
        for parameters in (PlannerParameters, ArmBridgeParameters)
    )
    graph = {node.name: node.parameters for node in find_graph("real").nodes}
    for name in shared:
        assert planner[name][0] == bridge[name][0], name
        given = [graph[node].get(name) for node in ("planner_node", "arm_bridge_node")]
        assert given[0] == given[1], name


def test_the_planner_is_set_up_as_the_bridge_is() -> None:
    given = {"velocity_scale": 0.2, "acceleration_scale": 0.3, "jerk": 400.0}
    given["collision_margin"] = 0.015
    planner = PlannerParameters(**given).planner_config(ARM)
    bridge = ArmBridgeParameters(**given).bridge_config(ARM, lockstep=False)
    for name in ("period", "workspace_lower", "workspace_upper", "horizon", "lead"):
        assert getattr(planner, name) == getattr(bridge, name), name
    assert planner.collision_margin == bridge.collision_margin == 0.015
    for name in ("velocity_scale", "acceleration_scale", "jerk"):
        assert getattr(planner, name) == getattr(bridge.servo, name) == given[name]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"arm": "fr3", "collision_margin": 0.2}, "collision_margin"),
        ({"arm": "fr3", "velocity_scale": 1.0}, "cannot stop within 0.2 s"),
        ({"arm": "sawyer"}, "unknown arm 'sawyer': available are"),
        ({"backend": "moveit"}, "MoveIt cannot be imported"),
    ],
)
def test_a_node_that_cannot_plan_says_so_in_one_line(
    parameters: dict[str, object], message: str
) -> None:
    with NodeProcess(MODULE, parameters) as node:
        assert node.end() == 2
        assert message in node.output
        assert "Traceback" not in node.output
