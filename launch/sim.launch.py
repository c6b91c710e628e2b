"""The simulated arm with its learned policy.

    ros2 launch introspect sim.launch.py backend:=pybullet episodes:=20

`ros2 launch introspect sim.launch.py --show-args` lists the arguments. Which nodes there are, and
with which parameters, is written once, in `introspect.graph`; without ROS 2's launch,
`introspect launch sim` starts the same.
"""

from introspect.graph import SIM
from introspect.ros_launch import launch_description


def generate_launch_description():
    """Describe the system to ROS 2's launch."""
    return launch_description(SIM)
