"""Commands an arm without being its bridge, and says what came of it. Run as a program.

Words: its name, the command topic, the state topic, seconds, and the arm's joints. It prints a line
of JSON: whether it was refused, how many it reached, and how far the first joint has moved.
"""

from __future__ import annotations

import json
import sys
import time

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import STREAM, end, make_executor

STEP = 0.1  # by which the first joint is asked to move [rad]
PERIOD = 0.05  # between two commands [s]


def main() -> None:
    """Ask for a step of the first joint, again and again."""
    name, topic, states, seconds, *joints = sys.argv[1:]
    enter_graph([])
    node = Node(name)
    node.executor = executor = make_executor()
    executor.add_node(node)
    heard: list[dict[str, float]] = []
    told = {"refused": "", "reached": 0, "moved": None}

    def hear(message: JointState) -> None:
        heard.append(dict(zip(message.name, message.position, strict=False)))

    try:
        publisher = node.create_publisher(JointTrajectory, topic, STREAM)
        node.create_subscription(JointState, states, hear, STREAM)
    except Exception as error:
        told["refused"] = str(error)
        publisher = None
    until = time.monotonic() + float(seconds)
    while publisher is not None and time.monotonic() < until:
        executor.spin_once(timeout_sec=PERIOD)
        told["reached"] = max(told["reached"], publisher.get_subscription_count())
        start = heard[0] if heard else dict.fromkeys(joints, 0.0)
        point = JointTrajectoryPoint(time_from_start=Duration(seconds=0.2).to_msg())
        point.positions = [start[name] + STEP * (name == joints[0]) for name in joints]
        point.velocities = [0.0] * len(joints)
        publisher.publish(JointTrajectory(joint_names=joints, points=[point]))
    if heard:
        told["moved"] = max(abs(seen[joints[0]] - heard[0][joints[0]]) for seen in heard)
    print(json.dumps(told), flush=True)
    end(node)
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
