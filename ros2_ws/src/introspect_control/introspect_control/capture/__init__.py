"""Recording topics into rosbag2 bags (MCAP), and reading them. Nothing here needs ROS."""

from introspect_control.capture.errors import BagError
from introspect_control.capture.reader import BagMessage, BagReader, Topic
from introspect_control.capture.writer import BagWriter, Progress

__all__ = ["BagError", "BagMessage", "BagReader", "BagWriter", "Progress", "Topic"]
