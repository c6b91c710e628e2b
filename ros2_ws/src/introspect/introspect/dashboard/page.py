"""The page in the browser: the arm as it moves, what it has in mind, and buttons to disturb it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from introspect.dashboard import panel
from introspect.dashboard.urdf_scene import Colour, Link, Pose, Shape, read_scene

if TYPE_CHECKING:
    from introspect.monitor import SystemMonitor
    from introspect_description import ArmDescription

PUSH, DROP, MOVE_GOAL, STOP, REARM = "push object", "drop object", "move goal", "stop", "re-arm"
BUTTONS = {
    PUSH: ("Give the cube a knock in a random direction", None),
    DROP: ("Open the gripper for a moment", None),
    MOVE_GOAL: ("Move the goal by a few centimetres in a random direction", None),
    STOP: ("Bring the arm to rest and latch a fault", "red"),
    REARM: ("Accept commands again after a fault", "green"),
}
"""What each button does, in words, and its colour."""

_OBJECT_COLOUR: Colour = (230, 119, 0)
_GOAL_COLOUR: Colour = (43, 138, 62)
_PANEL_EVERY = 3  # updates of the scene for one of the panel: words need not flicker


class Page:
    """Serves the page and keeps it up to date.

    Updates are queued and sent by a thread of viser's own, so ``update`` never waits for a browser.
    Buttons are reported from another thread of viser's.
    """

    def __init__(
        self,
        arm: ArmDescription,
        host: str,
        port: int,
        object_edge: float,
        success_distance: float,
        on_button: Callable[[str], None],
    ) -> None:
        """Start to serve.

        Args:
            arm: what to draw.
            host: address to listen on.
            port: port to listen on; the next free one is taken if it is not free.
            object_edge: of the cube [m].
            success_distance: radius around the goal that counts as reached [m].
            on_button: called with the label of a pressed button, in a thread of viser's.
        """
        import viser

        with contextlib.redirect_stdout(io.StringIO()):  # it would announce itself, in a frame
            self._server = viser.ViserServer(
                host=host, port=port, label="introspect", verbose=False
            )
        self._limits = arm.limits
        self._updates = 0
        self._forbid_sharing()
        self._server.gui.configure_theme(show_logo=False, show_share_button=False)
        self._server.gui.main_panel.dock_right()
        self._draw_scene(arm, object_edge, success_distance)
        self._build_panel(on_button)

    @property
    def address(self) -> str:
        """What to type into the browser."""
        return f"http://{self._server.get_host()}:{self.port}"

    @property
    def port(self) -> int:
        """The port that was really taken."""
        return int(self._server.get_port())

    @property
    def watched(self) -> bool:
        """Whether any browser shows the page."""
        return bool(self._server.get_clients())

    def update(self, monitor: SystemMonitor, now: float) -> None:
        """Show what the monitor knows.

        Args:
            monitor: what is known.
            now: time on the monitor's clock [s].
        """
        with self._server.atomic():
            for link, frame in self._moving:
                if link.joint in monitor.joints:
                    _place(frame, link.pose(monitor.joints[link.joint][0]))
            if monitor.object_pose is not None:
                pose = monitor.object_pose
                _place(self._object, Pose(pose[:3], pose[[6, 3, 4, 5]]))
                self._object.visible = True
            if monitor.goal_position is not None:
                _move(self._goal, "position", monitor.goal_position)
                self._goal.visible = True
        if self._updates % _PANEL_EVERY == 0:
            _show(self._behaviours, panel.behaviours(monitor))
            _show(self._insight, panel.insight(monitor, now))
            _show(self._state, panel.state(monitor, now))
            _show(self._joints, panel.joints(monitor, self._limits))
        self._updates += 1

    def notify(self, title: str, text: str, *, good: bool) -> None:
        """Say something to whoever looks at the page."""
        for client in self._server.get_clients().values():
            client.add_notification(
                title, text, auto_close_seconds=4.0, color="green" if good else "red"
            )

    def close(self) -> None:
        """Stop serving."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.stop()

    def _forbid_sharing(self) -> None:
        """The page moves a robot: no browser may ask for it to be put on the internet."""

        def refuse(*_: object, **__: object) -> None:
            return None

        self._server.request_share_url = refuse  # type: ignore[method-assign]

    def _draw_scene(self, arm: ArmDescription, object_edge: float, success_distance: float) -> None:
        scene = self._server.scene
        scene.set_up_direction("+z")
        scene.configure_environment_map("studio", environment_intensity=0.35)
        self._server.initial_camera.position = (1.2, -0.85, 0.7)
        self._server.initial_camera.look_at = (0.33, 0.0, 0.22)
        self._moving: list[tuple[Link, Any]] = []
        for link in read_scene(arm.urdf()):
            frame = scene.add_frame(link.path, show_axes=False)
            _place(frame, link.origin)
            if link.kind != "fixed":
                self._moving.append((link, frame))
            for number, shape in enumerate(link.shapes):
                self._draw(f"{link.path}/shape_{number}", shape)
        self._object = scene.add_box(
            "/object", color=_OBJECT_COLOUR, dimensions=(object_edge,) * 3, visible=False
        )
        self._goal = scene.add_icosphere(
            "/goal", radius=success_distance, color=_GOAL_COLOUR, opacity=0.35, visible=False
        )

    def _draw(self, name: str, shape: Shape) -> None:
        scene = self._server.scene
        common: dict[str, Any] = {
            "color": shape.colour,
            "position": shape.pose.position,
            "wxyz": shape.pose.rotation,
        }
        if shape.kind == "box":
            x, y, z = shape.size
            scene.add_box(name, dimensions=(x, y, z), **common)
        elif shape.kind == "cylinder":
            radius, length = shape.size
            scene.add_cylinder(name, radius=radius, height=length, **common)
        else:
            scene.add_icosphere(name, radius=shape.size[0], **common)

    def _build_panel(self, on_button: Callable[[str], None]) -> None:
        gui = self._server.gui
        with gui.add_folder("Behaviour"):
            self._behaviours = gui.add_html("")
        with gui.add_folder("Internal state"):
            self._insight = gui.add_html("")
        with gui.add_folder("State"):
            self._state = gui.add_html("")
        with gui.add_folder("Disturb"):
            for label in (PUSH, DROP, MOVE_GOAL):
                self._add_button(label, on_button)
        with gui.add_folder("Guard"):
            for label in (STOP, REARM):
                self._add_button(label, on_button)
        with gui.add_folder("Joints", expand_by_default=False):
            self._joints = gui.add_html("")

    def _add_button(self, label: str, on_button: Callable[[str], None]) -> None:
        hint, colour = BUTTONS[label]
        button = self._server.gui.add_button(label, hint=hint, color=colour)  # type: ignore[arg-type]
        button.on_click(lambda _: on_button(label))


def _place(handle: Any, pose: Pose) -> None:
    _move(handle, "position", pose.position)
    _move(handle, "wxyz", pose.rotation)


def _move(handle: Any, name: str, value: NDArray[np.float64]) -> None:
    """Set a vector, unless it is as good as the same: what does not move costs nothing."""
    if not np.allclose(getattr(handle, name), value, rtol=0.0, atol=1e-5):
        setattr(handle, name, value)


def _show(handle: Any, content: str) -> None:
    if handle.content != content:
        handle.content = content
