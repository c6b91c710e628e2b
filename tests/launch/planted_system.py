"""A small running system with everything wrong that the doctor should find. Run as a program."""

from __future__ import annotations

import array
import signal

import rclpy
from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import GuardStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def main() -> None:
    """Run until SIGTERM."""
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    rclpy.init(signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    arm, bridge, intruder = Node("arm"), Node("bridge"), Node("intruder")
    late = Node("late", parameter_overrides=[Parameter("use_sim_time", value=True)])
    joints = arm.create_publisher(JointState, "joint_states", BEST_EFFORT)  # wrong profile
    arm.create_publisher(PoseStamped, "object_pose", 10)  # silent
    bridge.create_subscription(JointState, "joint_states", lambda _: None, 10)
    bridge.create_subscription(PoseStamped, "object_pose", lambda _: None, 10)
    guard = bridge.create_publisher(GuardStatus, "guard/status", LATCHED)
    for node in (bridge, intruder):  # one too many
        node.create_publisher(JointTrajectory, "panda_arm_controller/joint_trajectory", 10)

    def publish() -> None:
        message = JointState(name=[f"fr3_joint{number}" for number in range(1, 8)])  # wrong arm
        message.position = array.array("d", [0.0] * 7)
        joints.publish(message)

    arm.create_timer(0.1, publish)  # too slow
    guard.publish(GuardStatus(state=GuardStatus.FAULT, reason="planted"))
    executor = SingleThreadedExecutor()
    for node in (arm, bridge, intruder, late):
        executor.add_node(node)
    print("up", flush=True)
    while not ended:
        executor.spin_once(timeout_sec=0.1)
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
