"""What is known of the running system, gathered from its messages; no ROS, no screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GUARD_STATES = ("IDLE", "ACTIVE", "STOPPING", "FAULT")
"""By the numbers of introspect_msgs/GuardStatus."""

REMEMBERED = 150
"""Internal states that are kept: six seconds of simulated time at the usual rate."""

SILENCE = 1.0
"""After this long without a message, a topic is silent [s]."""


class RateMeter:
    """How often something happens, over windows of about a second."""

    WINDOW = 1.0  # [s]

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.last: float | None = None  # when it last happened [s]
        self._count = 0
        self._since: float | None = None
        self._hertz: float | None = None  # of the last full window

    def tick(self, now: float) -> None:
        """It has happened, at ``now`` [s]."""
        self.last = now
        if self._since is None:
            self._since = now
            return
        self._count += 1
        if now - self._since >= self.WINDOW:
            self._hertz = self._count / (now - self._since)
            self._since, self._count = now, 0

    def hertz(self, now: float) -> float:
        """The rate of the last full window, or of what there is; 0 after silence [Hz]."""
        if self.last is None or self._since is None or self.silent(now):
            return 0.0
        if self._hertz is not None:
            return self._hertz
        so_far = self.last - self._since
        return self._count / so_far if so_far > 0.0 else 0.0

    def silent(self, now: float) -> bool:
        """Whether it has not happened lately."""
        return self.last is None or now - self.last > SILENCE


class RealTimeFactor:
    """Seconds of simulated time in one second, over windows of about a second."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.value: float | None = None
        self._since: tuple[float, float] | None = None  # wall time, simulated time [s]

    def observe(self, now: float, stamp: float) -> None:
        """Simulated time is ``stamp`` at wall time ``now`` [s]."""
        if self._since is None or stamp < self._since[1]:
            self._since = (now, stamp)
        elif now - self._since[0] >= RateMeter.WINDOW:
            self.value = (stamp - self._since[1]) / (now - self._since[0])
            self._since = (now, stamp)


@dataclass(frozen=True)
class Decision:
    """What the choreographer last chose."""

    active: str  # name of the behaviour
    probabilities: Mapping[str, float]  # of each behaviour, in their order
    state_value: float  # expected return [reward]


@dataclass(frozen=True)
class Insight:
    """What the policy's internal state last told."""

    phases: Mapping[str, float]  # probability of each phase of the task, in their order
    failure: float  # probability that this attempt will fail
    surprise: float  # 1 where the alarm begins
    alarm: bool  # something has happened that the arm's own doing does not explain

    @property
    def phase(self) -> str:
        """The likeliest one; "" where there is none."""
        return max(self.phases, key=self.phases.__getitem__, default="")


@dataclass(frozen=True)
class Guard:
    """What the command guard last said."""

    state: str  # one of GUARD_STATES
    reason: str  # in words, "" where there is nothing to say
    passed: int  # commands [count]
    clamped: int  # commands [count]
    rejected: int  # commands [count]
    late: int  # periods without a fresh action [count]
    tracking_error: float  # [rad]


@dataclass
class SystemMonitor:
    """The latest of everything, and what follows from it.

    Each ``on_...`` takes the content of one message and ``now``, the time of its arrival on a
    steady clock [s].
    """

    success_distance: float  # of object and goal, for an episode to count as a success [m]
    joints: dict[str, tuple[float, float]] = field(default_factory=dict)  # position, velocity
    object_pose: Array | None = None  # (7,) x y z qx qy qz qw [m, 1]
    goal_position: Array | None = None  # (3,) [m]
    decision: Decision | None = None
    guard: Guard | None = None
    insights: deque[Insight] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    alarms: int = 0  # that were seen to begin
    episode: int = 0  # present or last one, counted from 1
    sequence: int = 0  # policy period within it
    moving: bool = False  # an episode is under way
    episodes: int = 0  # that were seen to end
    successes: int = 0  # of those
    rates: dict[str, RateMeter] = field(default_factory=dict)  # by topic
    real_time: RealTimeFactor = field(default_factory=RealTimeFactor)
    _ended: tuple[int, bool] | None = None  # the latest one of those, and whether it succeeded

    @property
    def distance(self) -> float | None:
        """Between object and goal [m], once both are known."""
        if self.object_pose is None or self.goal_position is None:
            return None
        return float(np.linalg.norm(self.object_pose[:3] - self.goal_position))

    def silent(self, topics: Sequence[str], now: float) -> list[str]:
        """Those of these topics on which nothing has arrived lately."""
        return [t for t in topics if t not in self.rates or self.rates[t].silent(now)]

    def on_joints(
        self,
        names: Sequence[str],
        positions: Sequence[float],
        velocities: Sequence[float],
        stamp: float,
        now: float,
    ) -> None:
        """Positions [rad, m] and velocities [rad/s, m/s] by joint name, at time ``stamp`` [s]."""
        self._tick("joint_states", now)
        self.real_time.observe(now, stamp)
        speeds = velocities if len(velocities) == len(names) else [0.0] * len(names)
        self.joints = {
            n: (float(p), float(v)) for n, p, v in zip(names, positions, speeds, strict=False)
        }

    def on_object(self, pose: Sequence[float], now: float) -> None:
        """Pose of the object, (7,) x y z qx qy qz qw."""
        self._tick("object_pose", now)
        self.object_pose = np.asarray(pose, dtype=np.float64)

    def on_goal(self, position: Sequence[float], now: float) -> None:
        """Position of the goal, (3,) [m]."""
        self._tick("goal_pose", now)
        self.goal_position = np.asarray(position, dtype=np.float64)

    def on_decision(self, decision: Decision, now: float) -> None:
        """A decision of the choreographer."""
        self._tick("behaviour", now)
        self.decision = decision

    def on_insight(self, insight: Insight, now: float) -> None:
        """What the internal state tells of one period."""
        self._tick("internal_state", now)
        self.alarms += insight.alarm and not (self.insights and self.insights[-1].alarm)
        self.insights.append(insight)

    def on_guard(self, guard: Guard, now: float) -> None:
        """A status of the command guard."""
        self._tick("guard/status", now)
        self.guard = guard

    def on_action(self, episode: int, sequence: int, hold: bool, now: float) -> None:
        """An action of the policy; the one that asks to hold ends its episode, if it is the last.

        Whether the episode succeeded is judged as the policy's own node judges it: by the distance
        of object and goal at its end.
        """
        self._tick("policy/action", now)
        if hold and self.moving:
            distance = self.distance
            success = distance is not None and distance < self.success_distance
            self._count(1, success)
            self._ended = episode, success
        elif not hold and self._ended and self._ended[0] == episode and sequence > self.sequence:
            self._count(-1, self._ended[1])  # it had only paused, for want of a decision
            self._ended = None
        self.episode, self.sequence, self.moving = episode, sequence, not hold

    def _count(self, change: int, success: bool) -> None:
        self.episodes += change
        self.successes += change * success

    def _tick(self, topic: str, now: float) -> None:
        self.rates.setdefault(topic, RateMeter()).tick(now)
