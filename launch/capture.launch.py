"""A recorder beside a system that runs already.

    ros2 launch introspect capture.launch.py capture:=bags/first images:=true

Without `capture:=` it records when the service `capture/start` asks. Which node that is, and with
which parameters, is written once, in `introspect.graph`; without ROS 2's launch,
`introspect launch capture` starts the same, `introspect capture` the same with a live line.
"""

from introspect.graph import CAPTURE
from introspect.ros_launch import launch_description


def generate_launch_description():
    """Describe the system to ROS 2's launch."""
    return launch_description(CAPTURE)
