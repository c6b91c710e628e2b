"""A real arm with its learned policy, or the mock arm in its place.

    ros2 launch introspect real.launch.py arm:=fr3 mock:=true episodes:=20

A real arm stays unarmed until `ros2 service call /guard/rearm std_srvs/srv/Trigger` or
`introspect arm rearm`; `ros2 launch introspect real.launch.py --show-args` lists the arguments.
Which nodes there are, and with which parameters, is written once, in `introspect.graph`; without
ROS 2's launch, `introspect launch real` starts the same, and asks before it arms.
"""

from introspect.graph import REAL
from introspect.ros_launch import launch_description


def generate_launch_description():
    """Describe the system to ROS 2's launch."""
    return launch_description(REAL)
