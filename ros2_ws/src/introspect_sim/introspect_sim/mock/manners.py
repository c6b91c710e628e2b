"""How a mock arm behaves where a simulated one would be perfect."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


def manner(default: float, description: str, minimum: float, maximum: float) -> Any:
    """One field of ``Manners``; what it says here is also what a node's parameter says.

    Args:
        default: in a healthy arm that is not a good one.
        description: one line, with the unit in brackets.
        minimum: smallest value allowed.
        maximum: largest value allowed.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "description": description,
            "minimum": minimum,
            "maximum": maximum,
            "choices": (),
            "read_only": True,
        },
    )


@dataclass(frozen=True)
class Manners:
    """Delays, errors and limits of a mock arm; the defaults are those of a poor but healthy one."""

    clock_offset: float = manner(0.35, "of the arm's clock before the host's [s]", -1e6, 1e6)
    clock_drift: float = manner(5e-5, "of the arm's clock against the host's [s/s]", -0.01, 0.01)
    command_latency: float = manner(0.02, "until a command is with the arm [s]", 0.0, 1.0)
    command_jitter: float = manner(0.004, "that commands come later still, at most [s]", 0.0, 1.0)
    state_latency: float = manner(0.005, "until a joint state is with the host [s]", 0.0, 1.0)
    state_jitter: float = manner(0.003, "that joint states come later still, at most [s]", 0.0, 1.0)
    tracking_lag: float = manner(0.02, "time constant of the joint controller [s]", 0.0, 0.5)
    static_error: float = manner(
        0.002, "of a joint from where it is sent, at most, for good [rad]", 0.0, 0.05
    )
    limit_window: float = manner(
        0.06,
        "over which the arm takes the velocity and acceleration of what it is told [s]",
        0.002,
        0.5,
    )
    path_tolerance: float = manner(
        0.3, "of a joint from its trajectory, farther off it is aborted [rad]", 0.01, 3.0
    )
    goal_tolerance: float = manner(
        0.05, "of a joint from its trajectory's end, once there [rad]", 0.001, 3.0
    )
    goal_time: float = manner(0.5, "after a trajectory's end to come to its goal [s]", 0.0, 10.0)
    gripper_latency: float = manner(0.05, "until a gripper command is followed [s]", 0.0, 2.0)
    gripper_rate: float = manner(30.0, "at which the gripper tells its width [Hz]", 1.0, 500.0)
    pose_rate: float = manner(30.0, "of object and goal poses, as of a camera [Hz]", 1.0, 200.0)
    pose_noise: float = manner(0.002, "standard deviation of positions seen [m]", 0.0, 0.1)
    pose_turn_noise: float = manner(0.02, "standard deviation of the object's yaw [rad]", 0.0, 1.0)
    pose_latency: float = manner(0.03, "from a picture to its poses [s]", 0.0, 2.0)
    pose_jitter: float = manner(0.01, "that poses come later still, at most [s]", 0.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse what no arm is like.

        Raises:
            ValueError: A value outside its range; the text names it.
        """
        for field in dataclasses.fields(Manners):
            value, meta = getattr(self, field.name), field.metadata
            if not meta["minimum"] <= value <= meta["maximum"]:
                raise ValueError(
                    f"{field.name} must be in [{meta['minimum']:g}, {meta['maximum']:g}], "
                    f"got {value}: {meta['description']}"
                )

    def check_rates(self, controller: float) -> None:
        """Refuse rates that an arm cannot keep, as it looks around once in a period.

        Args:
            controller: rate of the arm's controller [Hz].

        Raises:
            ValueError: A rate above it; the text names both.
        """
        for name in ("gripper_rate", "pose_rate"):
            rate = getattr(self, name)
            if rate > controller:
                raise ValueError(
                    f"{name} must be at most the rate of the arm's controller, {controller:g} Hz, "
                    f"got {rate:g} Hz"
                )
