"""ROS 2 nodes: thin shells around the plain objects of this package."""
