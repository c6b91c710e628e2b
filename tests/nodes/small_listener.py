"""A node that says what it hears on ``ticks``: a listener that a test can halt."""

from __future__ import annotations

import sys

from rclpy.node import Node
from std_msgs.msg import String

from introspect_control.nodes.runtime import STREAM, spin


class SmallListener(Node):
    """Prints the first word and the last."""

    def __init__(self) -> None:
        super().__init__("small_listener")
        self._heard = False
        self.create_subscription(String, "ticks", self._on_tick, STREAM)

    def _on_tick(self, message: String) -> None:
        if not self._heard or message.data == "deactivated":
            print(f"heard {message.data}")
        self._heard = True


if __name__ == "__main__":
    sys.exit(spin(SmallListener))
