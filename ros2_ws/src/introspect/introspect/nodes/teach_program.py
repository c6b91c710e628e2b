"""Gives the arm's present joints a name; ``introspect arm teach`` becomes this program."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import JointState

from introspect_control import KinematicChain
from introspect_control.bridge import JointMap, JointMapError
from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import STREAM, end, make_executor
from introspect_control.planning.poses import read_poses, write_pose
from introspect_description import ArmDescription, DescriptionError

PATIENCE = 10.0  # with joint states [s]
AT_REST = 0.02  # fastest joint [rad/s]

Array = NDArray[np.float64]


class TeachError(Exception):
    """There is no pose to be taught; the text says why."""


def joints_at_rest(arm: ArmDescription, namespace: str) -> Array:
    """The measured joints (7,) [rad] of an arm that stands still.

    Raises:
        TeachError: None came, or the arm kept moving.
    """
    node = Node("introspect_teach", namespace=namespace, enable_rosout=False)
    node.executor = executor = make_executor()
    executor.add_node(node)
    joint_map, seen = JointMap(arm.joint_names), []
    problem = f"no joint states on {arm.controller.state_topic}; is the driver running?"
    node.create_subscription(JointState, arm.controller.state_topic, seen.append, STREAM)
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
            for message in seen:
                try:
                    position, velocity = joint_map.read(
                        message.name, message.position, message.velocity
                    )
                except JointMapError as error:
                    problem = str(error)
                    continue
                fastest = int(np.argmax(np.abs(velocity)))
                if abs(velocity[fastest]) <= AT_REST:
                    return position
                problem = f"{arm.joint_names[fastest]} moves at {velocity[fastest]:.3f} rad/s"
            seen.clear()
        raise TeachError(f"no pose within {PATIENCE:.0f} s: {problem}")
    finally:
        end(node)


def main(words: Sequence[str] | None = None) -> int:
    """Teach as the words ask, which ``introspect arm`` has checked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespace", default="/")
    parser.add_argument("--arm", default="panda")
    parser.add_argument("--pose", required=True)
    parser.add_argument("--poses", type=Path, required=True)
    options = parser.parse_args(words)
    enter_graph([])
    try:
        arm = ArmDescription.load(options.arm)
        joints = joints_at_rest(arm, options.namespace)
        known = options.pose in read_poses(options.poses)
        write_pose(options.poses, options.pose, arm, joints)
    except (DescriptionError, TeachError) as error:
        print(f"introspect: {error}", file=sys.stderr)
        return 2 if isinstance(error, DescriptionError) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        rclpy.try_shutdown()
    x, y, z = KinematicChain(arm.chain()).forward(joints[None])[0][0]
    angles = ", ".join(f"{q:.4f}" for q in joints)
    print(f"{options.pose}: {angles} rad, in {options.poses.absolute()}")
    if known:
        print("it was there before, and has been replaced")
    print(f"tool at ({x:.3f}, {y:.3f}, {z:.3f}) m in {arm.base_frame}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
