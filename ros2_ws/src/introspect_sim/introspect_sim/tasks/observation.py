"""The observation: what a policy sees, built from what the topics carry and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_control.kinematics import KinematicChain

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ObservationLayout:
    """Names, sizes and places of the parts of an observation vector."""

    parts: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(size for _, size in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """One name per number: ``tool_position.0`` and so on."""
        return tuple(
            part if size == 1 else f"{part}.{i}" for part, size in self.parts for i in range(size)
        )

    def slice(self, part: str) -> slice:
        """Where a part lies in the vector.

        Raises:
            KeyError: No such part; the text lists those there are.
        """
        start = 0
        for name, size in self.parts:
            if name == part:
                return slice(start, start + size)
            start += size
        known = ", ".join(name for name, _ in self.parts)
        raise KeyError(f"observation part {part!r} does not exist; there are {known}")


OBSERVATION = ObservationLayout(
    (
        ("joint_position", 7),  # [rad]
        ("joint_velocity", 7),  # [rad/s]
        ("gripper_width", 1),  # [m]
        ("tool_position", 3),  # [m] in the arm's base frame, as are all below
        ("tool_velocity", 3),  # [m/s]
        ("object_position", 3),  # [m]
        ("goal_position", 3),  # [m]
        ("object_minus_tool", 3),  # [m]
        ("goal_minus_object", 3),  # [m]
        ("yaw_error", 1),  # [rad] the tool must turn by so that the fingers meet the cube's faces
    )
)


def observe(
    chain: KinematicChain,
    joint_position: Array,
    joint_velocity: Array,
    gripper_width: Array,
    object_pose: Array,
    goal_position: Array,
) -> NDArray[np.float32]:
    """Build the observation, in training, in evaluation and in the node alike.

    Args:
        chain: of the arm, base to tool.
        joint_position: (n, 7) [rad].
        joint_velocity: (n, 7) [rad/s].
        gripper_width: (n,) [m].
        object_pose: (n, 7) x y z qx qy qz qw.
        goal_position: (n, 3) [m].

    Returns:
        (n, OBSERVATION.size) in the layout of ``OBSERVATION``.
    """
    tool, rotation, tool_velocity = chain.motion(joint_position, joint_velocity)
    object_position = object_pose[:, :3]
    tool_yaw = np.arctan2(-rotation[:, 0, 1], rotation[:, 1, 1]) + np.pi
    parts = {
        "joint_position": joint_position,
        "joint_velocity": joint_velocity,
        "gripper_width": gripper_width[:, None],
        "tool_position": tool,
        "tool_velocity": tool_velocity,
        "object_position": object_position,
        "goal_position": goal_position,
        "object_minus_tool": object_position - tool,
        "goal_minus_object": goal_position - object_position,
        "yaw_error": quarter_turn(yaw_of(object_pose[:, 3:]) - tool_yaw)[:, None],
    }
    ordered = [parts[part] for part, _ in OBSERVATION.parts]
    return np.concatenate(ordered, axis=1, dtype=np.float32)


def yaw_of(quaternion: Array) -> Array:
    """Yaw (n,) [rad] of orientations (n, 4) qx qy qz qw."""
    x, y, z, w = quaternion.T
    yaw: Array = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return yaw


def quarter_turn(angle: Array) -> Array:
    """The angle to the nearest of a cube's four equal orientations, in [-π/4, π/4)."""
    wrapped: Array = (angle + 0.25 * np.pi) % (0.5 * np.pi) - 0.25 * np.pi
    return wrapped
