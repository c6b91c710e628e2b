"""Ports to controllers and grippers, over DDS, with the other side in the test."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from introspect_msgs.action import CountObjects
from introspect_msgs.msg import GripperCommand
from live_graph import PATIENCE, Peer, peer
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes import gripper_ports
from introspect_control.nodes.arm_ports import (
    FollowJointTrajectoryPort,
    JointGroupPositionPort,
    JointTrajectoryPort,
    make_arm_port,
    shorten,
)
from introspect_control.nodes.controller_watch import ControllerWatch
from introspect_control.nodes.gripper_ports import (
    GripperActionPort,
    GripperTopicPort,
    NoGripperPort,
    make_gripper_port,
)
from introspect_control.nodes.parameters import ConfigurationError
from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription, RealGripperDescription, WidthMap

ARM = ArmDescription.load("panda")
NO_CONTROL_MSGS = "NOT TESTED: actions of controllers; control_msgs is not installed"
TRAJECTORY = Trajectory(
    np.array([0.01, 0.1, 0.2]),
    np.array([ARM.home, ARM.home + 0.01, ARM.home + 0.02]),
    np.array([np.full(7, 0.1), np.full(7, 0.05), np.zeros(7)]),
)


@pytest.fixture
def me() -> Iterator[Peer]:
    with peer() as me:
        yield me


def with_interface(interface: str) -> ArmDescription:
    return dataclasses.replace(
        ARM, controller=dataclasses.replace(ARM.controller, interface=interface)
    )


def with_gripper(kind: str, **fields: Any) -> ArmDescription:
    """The Panda with a gripper of 85 mm whose joint closes it by turning to 0.8 rad."""
    whole = {
        "command_name": "hand/command",
        "joint_names": ("knuckle",),
        "state_topic": "joint_states",
        "widths": WidthMap(0.8, 0.0, 0.0, 0.085),
    }
    real = RealGripperDescription(kind, **({} if kind == "none" else whole), **fields)
    return dataclasses.replace(ARM, gripper=dataclasses.replace(ARM.gripper, real=real))


class Server:
    """An action server that keeps its goals until the test ends them."""

    def __init__(self, me: Peer, action: Any, name: str) -> None:
        self._me, self._action = me, action
        self.goals: list[Any] = []
        self.cancels = 0
        self.rejecting = False
        self._ends: list[Future[Any]] = []
        self._handles: list[Any] = []
        self._server = ActionServer(
            me.node,
            action,
            name,
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    def _on_goal(self, goal: Any) -> GoalResponse:
        self.goals.append(goal)
        return GoalResponse.REJECT if self.rejecting else GoalResponse.ACCEPT

    def _on_cancel(self, goal: Any) -> CancelResponse:
        self.cancels += 1
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> Any:
        end: Future[Any] = Future()
        self._ends.append(end)
        self._handles.append(handle)
        how, result = await end
        getattr(handle, how)()
        return result

    @property
    def begun(self) -> int:
        return len(self._handles)

    def end(self, number: int, how: str = "succeed", **result: Any) -> None:
        """End a goal: succeed, abort or canceled."""
        self._me.wait_for(lambda: len(self._ends) > number, f"goal {number} to begin")
        if how == "canceled":
            self._me.wait_for(lambda: self._handles[number].is_cancel_requested, "a cancel request")
        self._ends[number].set_result((how, self._action.Result(**result)))

    def close(self) -> None:
        """End what is under way, then the server."""
        for end, handle in zip(self._ends, self._handles, strict=True):
            if not end.done():
                end.set_result(("abort", self._action.Result()))
                self._me.wait_for(lambda h=handle: not h.is_active, "the goal to end")
        self._server.destroy()


def test_a_trajectory_is_published_whole(me: Peer) -> None:
    port = make_arm_port(me.node, ARM)
    assert isinstance(port, JointTrajectoryPort)
    assert "nobody listens to /panda_arm_controller/joint_trajectory" in port.problem()
    heard: list[JointTrajectory] = me.hear(JointTrajectory, ARM.controller.trajectory_topic)
    me.wait_for(lambda: not port.problem(), "the port to be heard")
    port.publish(TRAJECTORY)
    me.wait_for(lambda: heard, "the trajectory")
    assert tuple(heard[0].joint_names) == ARM.joint_names
    assert [list(p.positions) for p in heard[0].points] == TRAJECTORY.positions.tolist()
    port.cancel()
    port.close()


def test_a_stream_has_the_first_positions_in_the_arms_order(me: Peer) -> None:
    arm = with_interface("joint_group_position")
    port = make_arm_port(me.node, arm)
    assert isinstance(port, JointGroupPositionPort)
    assert port.topic == "/panda_arm_controller/commands"
    heard: list[Float64MultiArray] = me.hear(Float64MultiArray, "panda_arm_controller/commands")
    me.wait_for(lambda: not port.problem(), "the port to be heard")
    port.publish(TRAJECTORY)
    me.wait_for(lambda: heard, "the positions")
    assert list(heard[0].data) == ARM.home.tolist()
    port.close()


@pytest.mark.parametrize("interface", ["joint_trajectory", "joint_group_position"])
def test_a_second_publisher_is_told_by_name(me: Peer, interface: str) -> None:
    port = make_arm_port(me.node, with_interface(interface))
    assert port.second_commander() == ""
    kind = JointTrajectory if interface == "joint_trajectory" else Float64MultiArray
    me.node.create_publisher(kind, port.topic, 1)
    me.wait_for(port.second_commander, "the second publisher to be noticed")
    assert port.second_commander() == (
        f"2 publishers on {port.topic}: /peer, /peer; only one may command the arm, end the others"
    )
    port.close()


def test_what_is_left_of_a_trajectory_starts_smoothly() -> None:
    assert shorten(TRAJECTORY, 0.0) is TRAJECTORY
    left = shorten(TRAJECTORY, 0.098)
    assert left is not None
    np.testing.assert_allclose(left.times, [0.102])  # the point 2 ms away cannot be met smoothly
    np.testing.assert_allclose(left.positions, TRAJECTORY.positions[2:])
    assert shorten(TRAJECTORY, 0.3) is None


@pytest.mark.parametrize("interface", ["joint_trajectory", "follow_joint_trajectory"])
def test_without_control_msgs_only_what_needs_it_is_refused(
    me: Peer, interface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "control_msgs.action", None)
    if interface == "joint_trajectory":
        make_arm_port(me.node, with_interface(interface)).close()
        return
    with pytest.raises(
        ConfigurationError,
        match=r"controller\.interface of arm 'panda' needs control_msgs/action/Follow.*"
        r"apt install ros-\$ROS_DISTRO-control-msgs.*change controller\.interface in .*panda\.yaml",
    ):
        make_arm_port(me.node, with_interface(interface))
    with pytest.raises(ConfigurationError, match=r"gripper\.real\.command_type of arm 'panda'"):
        make_gripper_port(me.node, ARM, real=True)


@pytest.fixture
def controller(me: Peer) -> Iterator[Server]:
    actions = pytest.importorskip("control_msgs.action", reason=NO_CONTROL_MSGS)
    name = "panda_arm_controller/follow_joint_trajectory"
    server = Server(me, actions.FollowJointTrajectory, name)
    yield server
    server.close()


@pytest.fixture
def action_port(me: Peer, controller: Server) -> Iterator[FollowJointTrajectoryPort]:
    port = make_arm_port(me.node, with_interface("follow_joint_trajectory"), rate=20.0)
    assert isinstance(port, FollowJointTrajectoryPort)
    me.wait_for(lambda: not port.problem(), "the controller")
    yield port
    port.close()


def test_goals_replace_one_another_and_none_of_them_is_a_problem(
    me: Peer, controller: Server, action_port: FollowJointTrajectoryPort
) -> None:
    # given a goal under way
    action_port.publish(TRAJECTORY)
    me.wait_for(lambda: controller.begun == 1, "the first goal")
    assert tuple(controller.goals[0].trajectory.joint_names) == ARM.joint_names
    # when more come than the rate allows
    for _ in range(3):
        action_port.publish(TRAJECTORY)
    me.wait_for(lambda: controller.begun == 2, "the second goal")
    # then the latest is sent by itself, shortened, and the first may be aborted for it
    assert len(controller.goals) == 2
    assert len(controller.goals[1].trajectory.points) <= 3
    controller.end(0, "abort", error_code=-1, error_string="replaced by another goal")
    controller.end(1)
    for _ in range(3):
        me.spin()
    assert action_port.problem() == ""


def test_an_aborted_trajectory_is_a_problem_until_it_is_forgotten(
    me: Peer, controller: Server, action_port: FollowJointTrajectoryPort
) -> None:
    action_port.publish(TRAJECTORY)
    controller.end(0, "abort", error_code=-4, error_string="joint 3 lags behind")
    me.wait_for(action_port.problem, "the problem")
    assert (
        action_port.problem() == "controller aborted: PATH_TOLERANCE_VIOLATED: joint 3 lags behind"
    )
    action_port.forget()
    assert action_port.problem() == ""


def test_a_violation_is_told_even_if_the_next_goal_is_already_under_way(
    me: Peer, controller: Server, action_port: FollowJointTrajectoryPort
) -> None:
    for number in range(2):
        action_port.publish(TRAJECTORY)
        me.wait_for(lambda n=number: controller.begun == n + 1, "the goal")
    controller.end(0, "abort", error_code=-4)
    me.wait_for(action_port.problem, "the problem")
    assert action_port.problem() == "controller aborted: PATH_TOLERANCE_VIOLATED"


def test_a_rejected_trajectory_is_a_problem(
    me: Peer, controller: Server, action_port: FollowJointTrajectoryPort
) -> None:
    controller.rejecting = True
    action_port.publish(TRAJECTORY)
    me.wait_for(action_port.problem, "the problem")
    assert "controller rejected a trajectory" in action_port.problem()


def test_a_cancelled_trajectory_is_cancelled_at_the_controller(
    me: Peer, controller: Server, action_port: FollowJointTrajectoryPort
) -> None:
    action_port.publish(TRAJECTORY)
    me.wait_for(lambda: controller.begun == 1, "the goal")
    action_port.cancel()
    controller.end(0, "canceled")
    me.wait_for(lambda: controller.cancels == 1, "the cancellation")
    assert action_port.problem() == ""


def test_a_trajectory_that_is_cancelled_before_it_is_accepted_is_cancelled_too(
    me: Peer, controller: Server, action_port: FollowJointTrajectoryPort
) -> None:
    action_port.publish(TRAJECTORY)
    action_port.cancel()
    controller.end(0, "canceled")
    assert controller.cancels == 1


def test_a_publisher_on_the_controllers_topic_is_a_second_commander(
    me: Peer, action_port: FollowJointTrajectoryPort
) -> None:
    assert action_port.second_commander() == ""
    me.node.create_publisher(JointTrajectory, action_port.topic, 1)
    me.wait_for(action_port.second_commander, "the second commander")


def test_a_missing_controller_is_a_problem(me: Peer) -> None:
    pytest.importorskip("control_msgs.action", reason=NO_CONTROL_MSGS)
    port = make_arm_port(me.node, with_interface("follow_joint_trajectory"))
    port.publish(TRAJECTORY)
    assert port.problem() == (
        "no action server /panda_arm_controller/follow_joint_trajectory; "
        "is the arm's driver running?"
    )
    port.close()


@pytest.mark.parametrize(
    ("arm", "real", "topic"),
    [
        (ARM, False, "gripper/command"),
        (with_gripper("introspect_msgs/msg/GripperCommand"), True, "hand/command"),
    ],
)
def test_our_own_grippers_are_told_their_width(
    me: Peer, arm: ArmDescription, real: bool, topic: str
) -> None:
    port = make_gripper_port(me.node, arm, real)
    assert isinstance(port, GripperTopicPort)
    assert "nobody listens to" in port.problem()
    heard: list[GripperCommand] = me.hear(GripperCommand, topic)
    me.wait_for(lambda: not port.problem(), "the port to be heard")
    port.command(0.03)
    me.wait_for(lambda: heard, "the command")
    assert heard[0].width == pytest.approx(0.03)
    assert heard[0].max_effort == pytest.approx(ARM.gripper.grip_force)
    port.close()


def test_an_arm_without_a_gripper_takes_commands_and_does_nothing(me: Peer) -> None:
    port = make_gripper_port(me.node, ArmDescription.load("iiwa14"), real=True)
    assert isinstance(port, NoGripperPort)
    port.command(0.03)
    assert port.problem() == ""
    port.close()


@pytest.fixture(params=["GripperCommand", "ParallelGripperCommand"])
def hand(me: Peer, request: pytest.FixtureRequest) -> Iterator[tuple[Server, GripperActionPort]]:
    actions = pytest.importorskip("control_msgs.action", reason=NO_CONTROL_MSGS)
    if not hasattr(actions, request.param):
        pytest.skip(f"NOT TESTED: {request.param}; this control_msgs is too old")
    server = Server(me, getattr(actions, request.param), "hand/command")
    arm = with_gripper(f"control_msgs/action/{request.param}")
    port = make_gripper_port(me.node, arm, real=True)
    assert isinstance(port, GripperActionPort)
    me.wait_for(lambda: not port.problem(), "the gripper")
    yield server, port
    port.close()
    server.close()


def commanded(goal: Any) -> float:
    """The joint position of a goal of either action."""
    position = goal.command.position
    return float(position if isinstance(position, float) else position[0])


def test_a_width_is_commanded_as_the_drivers_joint_position(
    me: Peer, hand: tuple[Server, GripperActionPort]
) -> None:
    server, port = hand
    port.command(0.0425)
    me.wait_for(lambda: server.begun == 1, "the goal")
    assert commanded(server.goals[0]) == pytest.approx(0.4)


def test_a_width_that_is_told_again_makes_no_new_goal(
    me: Peer, hand: tuple[Server, GripperActionPort]
) -> None:
    server, port = hand
    for _ in range(3):
        port.command(0.0)
        me.spin()
    server.end(0, "abort")  # it has something between its fingers
    for _ in range(3):
        port.command(0.0005)
        me.spin()
    assert len(server.goals) == 1
    assert port.problem() == ""


def test_another_width_waits_until_the_goal_under_way_is_cancelled(
    me: Peer, hand: tuple[Server, GripperActionPort]
) -> None:
    server, port = hand
    port.command(0.0)
    me.wait_for(lambda: server.begun == 1, "the first goal")
    port.command(0.085)
    me.wait_for(lambda: server.cancels == 1, "the cancellation")
    assert len(server.goals) == 1
    server.end(0, "canceled")
    me.wait_for(lambda: server.begun == 2, "the second goal")
    assert commanded(server.goals[1]) == 0.0


def test_a_rejected_width_is_sent_again_with_the_next_command(
    me: Peer, hand: tuple[Server, GripperActionPort]
) -> None:
    server, port = hand
    server.rejecting = True
    port.command(0.0)
    me.wait_for(lambda: len(server.goals) == 1, "the first goal")
    server.rejecting = False

    def sent_again() -> bool:
        port.command(0.0)
        return len(server.goals) == 2

    me.wait_for(sent_again, "the second goal")


def test_a_goal_that_nobody_answers_is_given_up_and_taken_back_if_it_is_accepted_after_all(
    me: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a server that answers nothing for now; any action will do, where control_msgs is missing
    answer: Future[None] = Future()

    class Late(Server):
        async def _on_goal(self, goal: Any) -> GoalResponse:
            self.goals.append(goal)
            if len(self.goals) == 1:
                await answer
            return GoalResponse.ACCEPT

    class CountingHand(GripperActionPort):
        made = 0

        def _goal(self, position: float) -> Any:
            self.made += 1
            # Only the first goal is given up, however busy the machine.
            monkeypatch.setattr(gripper_ports, "PATIENCE", 0.2 if self.made == 1 else PATIENCE)
            return CountObjects.Goal(timeout=position)

    monkeypatch.setattr(gripper_ports, "import_control_msgs", lambda *_: CountObjects)
    server = Late(me, CountObjects, "hand/command")
    arm = with_gripper("control_msgs/action/GripperCommand")
    assert arm.gripper.real is not None
    port = CountingHand(me.node, arm, arm.gripper.real)
    me.wait_for(lambda: not port.problem(), "the gripper")

    def told_again() -> bool:
        port.command(0.0)
        return server.begun == 1

    # when the bridge repeats the width, then it is sent again
    me.wait_for(told_again, "the second goal")
    assert [goal.timeout for goal in server.goals] == pytest.approx([0.8, 0.8])
    # and the first is cancelled, should it be accepted yet
    answer.set_result(None)
    me.wait_for(lambda: server.cancels == 1, "the cancellation")
    server.end(1, "canceled")
    port.close()
    server.close()


def test_without_a_controller_manager_nothing_is_known_and_nothing_is_a_problem(me: Peer) -> None:
    watch = ControllerWatch(me.node, ARM, period=0.01)
    for _ in range(3):
        me.spin()
    assert not watch.known
    assert watch.problem() == ""
    watch.close()


def test_a_controller_that_is_not_active_is_a_problem(me: Peer) -> None:
    manager = pytest.importorskip(
        "controller_manager_msgs",
        reason="NOT TESTED: states of controllers; controller_manager_msgs is not installed",
    )
    assert manager
    from controller_manager_msgs.msg import ControllerState
    from controller_manager_msgs.srv import ListControllers

    states = [("joint_state_broadcaster", "active")]

    def answer(request: Any, response: Any) -> Any:
        response.controller = [ControllerState(name=n, state=s) for n, s in states]
        return response

    arm = ArmDescription.load("iiwa14")
    me.node.create_service(ListControllers, "lbr/controller_manager/list_controllers", answer)
    watch = ControllerWatch(me.node, arm, period=0.01)
    me.wait_for(watch.problem, "a problem")
    assert watch.problem() == (
        "/lbr/controller_manager has no controller 'joint_trajectory_controller'; "
        "it has joint_state_broadcaster (active)"
    )
    states.append(("joint_trajectory_controller", "inactive"))
    me.wait_for(lambda: "is inactive" in watch.problem(), "it to be inactive")
    assert "--activate joint_trajectory_controller -c /lbr/controller_manager" in watch.problem()
    states[1] = ("joint_trajectory_controller", "active")
    me.wait_for(lambda: not watch.problem(), "it to be active")
    assert watch.known
    watch.close()
