"""What is done to a moving arm, and what must come of it."""

from __future__ import annotations

import enum
import math
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from introspect_msgs.action import FollowTrajectory
from introspect_msgs.msg import PolicyAction
from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from benchmarks.workloads.fault_rig import KINDS, FaultRig

NOTHING: Callable[[FaultRig], Any] = lambda rig: None  # noqa: E731


class Expect(enum.Enum):
    """What a fault must do to a moving arm."""

    GOES_ON = "goes on"
    HOLDS = "holds, goes on by itself"
    FAULT = "stops until re-armed"
    REFUSES = "does not start"


@dataclass(frozen=True)
class Case:
    """One fault."""

    row: str  # of the table
    name: str
    expect: Expect
    begin: Callable[[FaultRig], Any]
    end: Callable[[FaultRig], Any] = NOTHING
    lasts: float = 1.5  # from begin to end [s]
    kinds: tuple[str, ...] = KINDS
    reflex: bool = False  # whether the mock arm itself is to take it for dangerous
    jumps: bool = False  # whether the arm is put elsewhere, all at once


def _injected(
    row: str,
    name: str,
    expect: Expect,
    fault: str,
    value: float = math.nan,
    **more: Any,
) -> Case:
    return Case(
        row,
        name,
        expect,
        lambda rig: rig.arm.inject(fault, value),
        lambda rig: rig.arm.mend(),
        **more,
    )


def _silent(rig: FaultRig) -> None:
    rig.garble = lambda action: None


def _sound(rig: FaultRig) -> None:
    rig.garble = lambda action: action


def _once(change: Callable[[PolicyAction], None]) -> Callable[[FaultRig], None]:
    """Change the next action alone."""

    def begin(rig: FaultRig) -> None:
        def garble(action: PolicyAction) -> PolicyAction:
            change(action)
            _sound(rig)
            return action

        rig.garble = garble

    return begin


def _drop_one(rig: FaultRig) -> None:
    """Lose the next action alone."""

    def garble(action: PolicyAction) -> None:
        _sound(rig)

    rig.garble = garble


def _always(change: Callable[[PolicyAction], None]) -> Callable[[FaultRig], None]:
    def begin(rig: FaultRig) -> None:
        def garble(action: PolicyAction) -> PolicyAction:
            change(action)
            return action

        rig.garble = garble

    return begin


def _linear(value: float) -> Callable[[PolicyAction], None]:
    def change(action: PolicyAction) -> None:
        action.twist.linear.x = value

    return change


def _width(action: PolicyAction) -> None:
    action.gripper_width = math.nan


def _old(action: PolicyAction) -> None:
    action.header.stamp.sec -= 10


def _send_trajectory(*points: list[float]) -> Callable[[FaultRig], None]:
    """Ask the bridge for a trajectory that it must refuse, from where the arm is."""

    def begin(rig: FaultRig) -> None:
        client = ActionClient(rig.node, FollowTrajectory, "follow_trajectory")
        rig.wait(client.server_is_ready, "follow_trajectory")
        _, position, _ = rig.arm.truth
        message = JointTrajectory(joint_names=list(rig.description.joint_names))
        for k, offset in enumerate(points):
            point = JointTrajectoryPoint()
            point.positions = [q + dq for q, dq in zip(position.tolist(), offset, strict=True)]
            point.velocities = [0.0] * 7
            point.time_from_start.nanosec = 100_000_000 * (k + 1)
            message.points.append(point)
        goal = FollowTrajectory.Goal(trajectory=message)
        future = client.send_goal_async(goal)
        rig.wait(future.done, "an answer")
        result = future.result().get_result_async()
        rig.wait(result.done, "a result")
        rig.refusal = result.result().result.message

    return begin


def _second_commander(rig: FaultRig) -> None:
    topic = rig.description.controller.trajectory_topic
    rig.second = rig.node.create_publisher(JointTrajectory, topic, 10)


def _no_second_commander(rig: FaultRig) -> None:
    rig.node.destroy_publisher(rig.second)


MOCK, SIMULATED = ("mock",), ("simulated",)
STEP = [1.0] + [0.0] * 6
CASES = (
    Case("command loss", "one action", Expect.GOES_ON, _drop_one),
    Case("command loss", "0.15 s", Expect.FAULT, _silent, _sound, lasts=0.15),
    Case("command loss", "1 s", Expect.FAULT, _silent, _sound, lasts=1.0),
    Case("command loss", "10 s", Expect.FAULT, _silent, _sound, lasts=10.0),
    _injected("joint states", "0.02 s late", Expect.GOES_ON, "state_delay", 0.02),
    _injected(
        "joint states", "0.2 s late", Expect.HOLDS, "state_delay", 0.2, lasts=0.4, kinds=MOCK
    ),
    _injected("joint states", "0.5 s late", Expect.FAULT, "state_delay", 0.5, kinds=MOCK),
    # Simulated time is what the joint states say it is: late ones are late for nobody.
    _injected("joint states", "0.2 s late", Expect.GOES_ON, "state_delay", 0.2, kinds=SIMULATED),
    _injected("joint states", "0.5 s late", Expect.GOES_ON, "state_delay", 0.5, kinds=SIMULATED),
    _injected("joint states", "0 to 0.03 s late", Expect.GOES_ON, "state_jitter", 0.03),
    _injected("joint states", "frozen 0.4 s", Expect.HOLDS, "states_frozen", lasts=0.4, kinds=MOCK),
    _injected("joint states", "none for 0.4 s", Expect.HOLDS, "states_stop", lasts=0.4, kinds=MOCK),
    # A simulation waits half a second for a policy that has fallen silent.
    _injected(
        "joint states", "frozen 0.9 s", Expect.HOLDS, "states_frozen", lasts=0.9, kinds=SIMULATED
    ),
    _injected(
        "joint states", "none for 0.9 s", Expect.HOLDS, "states_stop", lasts=0.9, kinds=SIMULATED
    ),
    _injected("joint states", "frozen 1.5 s", Expect.FAULT, "states_frozen"),
    _injected("joint states", "none for 1.5 s", Expect.FAULT, "states_stop"),
    _injected("stamps", "1 s ahead", Expect.GOES_ON, "stamp_future", 1.0, kinds=MOCK),
    _injected("stamps", "1 s back", Expect.GOES_ON, "stamp_old", 1.0, kinds=MOCK),
    _injected("stamps", "1 s ahead", Expect.FAULT, "stamp_future", 1.0, kinds=SIMULATED),
    _injected("stamps", "1 s back", Expect.FAULT, "stamp_old", 1.0, kinds=SIMULATED),
    _injected("stamps", "zero", Expect.GOES_ON, "stamp_zero", kinds=MOCK),
    Case("nonsense", "one NaN", Expect.GOES_ON, _once(_linear(math.nan))),
    Case("nonsense", "nothing but NaN", Expect.FAULT, _always(_linear(math.nan)), _sound),
    Case("nonsense", "nothing but 1e30 m/s", Expect.FAULT, _always(_linear(1e30)), _sound),
    Case("nonsense", "a gripper width of NaN", Expect.FAULT, _always(_width), _sound),
    Case("nonsense", "actions 10 s old", Expect.FAULT, _always(_old), _sound),
    Case("nonsense", "an empty trajectory", Expect.REFUSES, _send_trajectory()),
    _injected("nonsense", "NaN in joint states", Expect.FAULT, "state_nan"),
    Case("beyond limits", "2.5 m/s", Expect.GOES_ON, _always(_linear(-2.5)), _sound, lasts=0.4),
    Case("beyond limits", "a step of 1 rad", Expect.REFUSES, _send_trajectory(STEP)),
    Case("beyond limits", "5 rad/s", Expect.REFUSES, _send_trajectory([0.0] * 7, [0.5] * 7)),
    _injected("names", "backwards", Expect.GOES_ON, "joint_order"),
    _injected("names", "one more joint", Expect.GOES_ON, "joint_extra"),
    _injected("names", "wrong prefix", Expect.FAULT, "joint_prefix"),
    _injected("names", "a joint is missing", Expect.FAULT, "joint_missing"),
    _injected("names", "degrees", Expect.FAULT, "degrees"),
    Case(
        "second commander",
        "another publisher",
        Expect.FAULT,
        _second_commander,
        _no_second_commander,
    ),
    _injected("controller", "switched off", Expect.FAULT, "controller_inactive", kinds=MOCK),
    _injected("controller", "trajectory aborted", Expect.GOES_ON, "trajectory_aborted", kinds=MOCK),
    _injected("arm", "reflex", Expect.FAULT, "reflex", kinds=MOCK, reflex=True),
    _injected("arm", "emergency stop", Expect.FAULT, "emergency_stop", kinds=MOCK),
    _injected("arm", "driver loses it", Expect.FAULT, "driver_disconnect", kinds=MOCK),
    _injected("arm", "speed scaling 0", Expect.HOLDS, "speed_scaling", 0.0, kinds=MOCK),
    _injected("arm", "speed scaling 0.5", Expect.GOES_ON, "speed_scaling", 0.5, kinds=MOCK),
    _injected("arm", "0.1 rad beside", Expect.GOES_ON, "tracking_error", 0.1, kinds=MOCK),
    Case(
        "simulated time",
        "stands still",
        Expect.GOES_ON,
        lambda rig: rig.pause(True),
        lambda rig: rig.pause(False),
        kinds=SIMULATED,
    ),
    _injected("simulated time", "10 s ahead", Expect.FAULT, "stamp_future", 10.0, kinds=SIMULATED),
    _injected("simulated time", "10 s back", Expect.FAULT, "stamp_old", 10.0, kinds=SIMULATED),
    Case(
        "simulated time",
        "starts anew",
        Expect.FAULT,
        lambda rig: rig.teleport(),
        kinds=SIMULATED,
        jumps=True,
    ),
    Case(
        "death of a node",
        "bridge, kill -9",
        Expect.FAULT,
        lambda rig: rig.end_bridge(signal.SIGKILL),
        lambda rig: rig.start_bridge(armed=False),
    ),
    Case(
        "death of a node",
        "bridge, SIGTERM",
        Expect.FAULT,
        lambda rig: rig.end_bridge(signal.SIGTERM),
        lambda rig: rig.start_bridge(armed=False),
    ),
    Case(
        "death of a node",
        "bridge, Ctrl-C",
        Expect.FAULT,
        lambda rig: rig.end_bridge(signal.SIGINT),
        lambda rig: rig.start_bridge(armed=False),
    ),
    _injected("arm's clock", "set 5 s on", Expect.GOES_ON, "stamp_jump", 5.0, kinds=MOCK),
    _injected("arm's clock", "set 5 s back", Expect.GOES_ON, "stamp_jump", -5.0, kinds=MOCK),
    Case(
        "processor",
        "four busy processes",
        Expect.GOES_ON,
        lambda rig: rig.starve(4),
        lambda rig: rig.starve(0),
        lasts=5.0,
    ),
)
"""In the order in which they are run and listed."""
