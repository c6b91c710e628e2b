"""How the arm bridge is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from introspect_control.guard import GuardConfig
from introspect_control.servo import ServoConfig

ON_ALARM = ("none", "slow", "stop")
"""What a disturbance alarm may do to the arm."""


@dataclass(frozen=True)
class BridgeConfig:
    """Rates, timeouts and limits of the arm bridge."""

    servo: ServoConfig = field(default_factory=ServoConfig)
    guard: GuardConfig = field(default_factory=GuardConfig)
    lockstep: bool = False  # joint states, not a timer, make the bridge tick: simulated time
    policy_period: float = 0.04  # between two policy actions [s]
    command_timeout: float = 0.1  # without a fresh action that stops the arm and latches [s]
    state_timeout: float = 0.1  # without joint states that stops the arm [s]
    state_fault: float = 0.5  # without joint states that latches a fault [s]
    tracking_limit: float = 0.25  # between commanded and measured joint, beyond is a fault [rad]
    rest_velocity: float = 0.05  # up to which a measured joint counts as at rest [rad/s]
    linear_speed: float = 1.0  # largest of the tool that an action gets [m/s]
    angular_speed: float = 2.5  # largest of the tool that an action gets [rad/s]
    reject_ratio: float = 4.0  # actions above this many times those speeds are rejected
    horizon: float = 0.2  # of each trajectory [s]
    lead: int = 4  # periods until its first point, where commands do not arrive in lockstep
    gripper_interval: float = 0.5  # after which an unchanged gripper command is sent again [s]
    workspace_lower: tuple[float, float, float] = (-0.6, -0.9, 0.0)  # of the tool's box [m]
    workspace_upper: tuple[float, float, float] = (1.0, 0.9, 1.4)  # the opposite corner [m]
    collision_margin: float = 0.01  # between links, and from the table [m]; 0: not watched
    goal_tolerance: float = 0.02  # of the measured joints at the end of a trajectory [rad]
    settle_time: float = 1.0  # for the measured joints to get there [s]
    frozen_below: float = 0.05  # of the arm's own speed scaling that counts as standing still
    most_missed: int = 4  # periods in a row that are caught up with; more end the motion
    on_alarm: str = "none"  # what a disturbance alarm does: none, slow or stop
    alarm_speed: float = 0.25  # share of an action's speed that is left while it lasts
    alarm_timeout: float = 0.5  # after which an alarm that is not told again is over [s]

    @property
    def period(self) -> float:
        """Of one command [s]."""
        return self.servo.period

    def __post_init__(self) -> None:
        """Refuse values that would not be safe, or not work."""
        for name in (
            *("policy_period", "command_timeout", "state_timeout", "tracking_limit"),
            *("rest_velocity", "linear_speed", "angular_speed", "gripper_interval"),
            *("alarm_timeout", "goal_tolerance", "settle_time"),
        ):
            value = getattr(self, name)
            if not 0.0 < value < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if self.policy_period < self.servo.period:
            raise ValueError(
                f"policy_period must be at least the command period ({self.servo.period} s), "
                f"got {self.policy_period} s"
            )
        if not 0.04 <= self.command_timeout <= 0.5:
            raise ValueError(
                f"command_timeout must be in [0.04, 0.5] s, got {self.command_timeout} s"
            )
        if self.command_timeout < self.policy_period:
            raise ValueError(
                f"command_timeout must be at least the policy period ({self.policy_period} s), "
                f"got {self.command_timeout} s"
            )
        if self.state_fault < self.state_timeout:
            raise ValueError(
                f"state_fault must be at least state_timeout ({self.state_timeout} s), "
                f"got {self.state_fault} s"
            )
        if self.reject_ratio < 1.0:
            raise ValueError(f"reject_ratio must be at least 1, got {self.reject_ratio}")
        if self.on_alarm not in ON_ALARM:
            raise ValueError(
                f"on_alarm must be one of {', '.join(ON_ALARM)}, got {self.on_alarm!r}"
            )
        if not 0.0 < self.alarm_speed <= 1.0:
            raise ValueError(f"alarm_speed must be in (0, 1], got {self.alarm_speed}")
        if not 0.0 <= self.collision_margin <= 0.1:
            raise ValueError(
                f"collision_margin must be in [0, 0.1] m, got {self.collision_margin} m"
            )
        if self.most_missed < 0:
            raise ValueError(f"most_missed must not be negative, got {self.most_missed}")
