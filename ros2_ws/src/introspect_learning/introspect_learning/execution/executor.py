"""The policy at work: episodes and periods, and who waits for whom within one period."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_learning.execution.config import ExecutorConfig
from introspect_learning.execution.observer import NotObservable, Sight
from introspect_learning.execution.port import Action, Behaviours, Outcome, Port, Question
from introspect_sim.tasks import PickAndPlace, decode


class _Pending(NamedTuple):
    """A period whose behaviour is not chosen yet."""

    stamp: int  # of the observation [ns]
    actions: NDArray[np.float32]  # (behaviours, 5)


@dataclass
class _Episode:
    """What is only true within one episode."""

    horizon: int  # longest duration [periods]
    started: float  # [s of wall time]
    heard: float  # when newer joint states arrived last [s of wall time]
    obstacle: str = "no joint_states has arrived"  # why nothing has moved yet
    stamp: int | None = None  # of the latest joint states [ns]
    look: Callable[[], Sight] | None = None  # makes an observation of them
    due: int | None = None  # stamp that the next period begins at [ns]
    pending: _Pending | None = None
    decision: int | None = None  # the choreographer's latest
    decided: int = 0  # stamp of the question that it answers [ns]
    acted_on: int | None = None  # sequence of the latest action
    acting: str = ""  # behaviour that the arm follows; "" where it follows none
    at_goal: int = 0  # periods in a row
    gripper_width: float = 0.0  # latest one commanded [m]


class PolicyExecutor:
    """Runs episodes: observation, question to the choreographer, its decision, action.

    A period begins with the first joint states that are ``period`` younger than those of the last
    one. Its action follows the decision that answers its own question. If joint states ``patience``
    younger arrive before that decision, the last one is kept and ``late`` counts it; a decision
    that comes too late is still the last one from then on, but not for longer than
    ``decision_timeout``: then the arm is held, period by period, until a decision comes. Before the
    first decision of an episode nothing moves: the first observation is taken anew until it is
    answered.

    Args:
        behaviours: the network.
        task: when an episode has succeeded, and how long it may last.
        port: where questions, actions and outcomes go.
        config: times.
        clock: returns a monotonic wall time [s].
        phase: names the phase of the task in an observation.

    Attributes:
        episode: number of the present or latest episode, from 1; 0 before the first.
        sequence: number of the present or latest period within it, from 0.
        distance: of object and goal, as last seen [m].
        late: periods that were acted on without their own decision.
        held: periods in which the arm was held for want of any decision.
        skipped: periods that passed without an observation.
    """

    def __init__(
        self,
        behaviours: Behaviours,
        task: PickAndPlace,
        port: Port,
        config: ExecutorConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        phase: Callable[[NDArray[np.float32]], str] = lambda _: "",
    ) -> None:
        self.config = config or ExecutorConfig()
        self.episode = self.sequence = self.late = self.held = self.skipped = 0
        self.distance = float("nan")
        self._behaviours = behaviours
        self._task = task
        self._port = port
        self._clock = clock
        self._phase = phase
        self._period = _nanoseconds(self.config.period)
        self._patience = _nanoseconds(self.config.patience)
        self._decision_timeout = _nanoseconds(self.config.decision_timeout)
        self._first_patience = _nanoseconds(self.config.first_patience)
        self._jump = _nanoseconds(self.config.jump)
        self._tolerance = self._period // 20
        self._now: _Episode | None = None

    @property
    def running(self) -> bool:
        """Whether there is an episode."""
        return self._now is not None

    @property
    def moving(self) -> bool:
        """Whether there is an episode in which the arm has been told to move."""
        return self._now is not None and self._now.acted_on is not None

    def start(self, timeout: float = 0.0) -> None:
        """Begin an episode with the next joint states.

        Args:
            timeout: longest duration [s]; 0 for the task's horizon.

        Raises:
            ValueError: A timeout that is negative or not finite.
            RuntimeError: There is an episode already.
        """
        if self.running:
            raise RuntimeError(f"episode {self.episode} is still running")
        if not 0.0 <= timeout < float("inf"):
            raise ValueError(f"timeout must be 0 (the task's own) or positive, got {timeout} s")
        horizon = int(np.ceil(timeout / self.config.period - 1e-6)) or self._task.horizon
        self._now = _Episode(horizon, self._clock(), self._clock())
        self.episode += 1
        self.sequence = 0
        self.distance = float("nan")

    def state(self, stamp: int, look: Callable[[], Sight]) -> None:
        """Joint states have arrived.

        Args:
            stamp: theirs [ns].
            look: makes an observation of them and the latest of everything else.
        """
        now = self._now
        if now is None:
            return
        if now.stamp is not None:
            step = stamp - now.stamp
            if abs(step) > self._jump:
                self.stop(f"time jumped by {1e-9 * step:+.2f} s")
                return
            if step <= 0:
                return
        now.stamp, now.look, now.heard = stamp, look, self._clock()
        if now.pending is not None:
            self._wait(now, now.pending)
        if now.pending is None and (now.due is None or stamp >= now.due - self._tolerance):
            self._begin(now, stamp, look)

    def decide(self, episode: int, stamp: int, index: int) -> None:
        """The choreographer has chosen a behaviour.

        Args:
            episode: of the question that it answers.
            stamp: of the question that it answers [ns].
            index: of the behaviour.
        """
        now = self._now
        if now is None or now.stamp is None or episode != self.episode:
            return
        names = self._behaviours.names
        if not 0 <= index < len(names):
            self.stop(f"the choreographer chose behaviour {index}, there are {', '.join(names)}")
            return
        pending = now.pending
        in_time = pending is not None and stamp == pending.stamp
        newest = now.decided < stamp <= now.stamp
        if in_time or (now.acted_on is not None and newest):
            now.decision, now.decided = index, stamp  # a late answer is as old as its question
        if pending is None or not in_time:
            return
        self._act(now, pending, index)
        # Whoever waits for the next action may send no joint states until then.
        assert now.look is not None
        assert now.due is not None
        if now.stamp >= now.due - self._tolerance:
            self._begin(now, now.stamp, now.look)

    def check(self) -> None:
        """End an episode that hears nothing; to be called some times a second."""
        now = self._now
        if now is None:
            return
        time = self._clock()
        if now.acted_on is None:
            if time - now.started > self.config.start_timeout:
                self.stop(f"could not begin: {now.obstacle}")
        elif time - now.heard > self.config.silence:
            self.stop(f"no new joint_states for {time - now.heard:.1f} s")

    def stop(self, reason: str) -> None:
        """Hold the arm and end the episode as not successful, if there is one."""
        if self._now is not None:
            self._end(self._now, False, False, reason)

    def _wait(self, now: _Episode, pending: _Pending) -> None:
        """Do without the choreographer's answer if it has taken too long."""
        assert now.stamp is not None
        waited = now.stamp - pending.stamp
        if now.decision is None:
            if waited >= self._first_patience:
                now.pending = None
        elif waited >= self._patience and now.stamp - now.decided > self._decision_timeout:
            self.held += 1
            now.pending, now.acted_on, now.acting = None, self.sequence, ""
            self._hold(now, pending.stamp)
        elif waited >= self._patience:
            self.late += 1
            self._act(now, pending, now.decision)

    def _begin(self, now: _Episode, stamp: int, look: Callable[[], Sight]) -> None:
        try:
            sight = look()
        except NotObservable as error:
            now.obstacle = str(error)
            if now.acted_on is not None:
                self.stop(str(error))
            return
        now.obstacle = "no answer from the choreographer"
        self.sequence = 0 if now.acted_on is None else now.acted_on + 1
        if self._ended(now, sight):
            return
        output = self._behaviours.run(sight.observation)
        self._plan(now, stamp)
        now.pending = _Pending(stamp, output.actions)
        phase = self._phase(sight.observation)
        said = output.activations, now.acting, phase
        self._port.ask(Question(self.episode, self.sequence, stamp, *said))

    def _ended(self, now: _Episode, sight: Sight) -> bool:
        """See how far the object is from its goal, and end the episode if it is over."""
        object_position, goal = sight.object_position[None], sight.goal_position[None]
        self.distance = float(np.linalg.norm(object_position - goal))
        success = bool(self._task.success(object_position, goal)[0])
        now.at_goal = now.at_goal + 1 if success else 0
        if now.at_goal >= self.config.success_periods or (success and self._over(now)):
            self._end(now, True, True, "the object is at its goal")
        elif self._over(now):
            seconds = now.horizon * self.config.period
            self._end(now, False, True, f"the object is not at its goal after {seconds:.1f} s")
        return self._now is None

    def _over(self, now: _Episode) -> bool:
        return self.sequence >= now.horizon

    def _plan(self, now: _Episode, stamp: int) -> None:
        """The next period begins on the grid of the first one, unless that has been missed."""
        due = stamp if now.due is None or now.acted_on is None else now.due
        behind = (stamp - due + self._tolerance) // self._period
        self.skipped += behind
        now.due = due + (behind + 1) * self._period

    def _act(self, now: _Episode, pending: _Pending, index: int) -> None:
        linear, angular, width = decode(pending.actions[index][None])
        now.pending = None
        now.acted_on = self.sequence
        now.acting = self._behaviours.names[index]
        now.gripper_width = float(width[0])
        self._port.act(
            Action(
                self.episode,
                self.sequence,
                pending.stamp,
                False,
                linear[0],
                angular[0],
                now.gripper_width,
                now.acting,
            )
        )

    def _hold(self, now: _Episode, stamp: int) -> None:
        still, width = np.zeros(3), now.gripper_width
        self._port.act(Action(self.episode, self.sequence, stamp, True, still, still, width, ""))

    def _end(self, now: _Episode, success: bool, finished: bool, message: str) -> None:
        self._now = None
        steps = 0 if now.acted_on is None else now.acted_on + 1
        if steps:
            self._hold(now, now.stamp or 0)
        self._port.end(Outcome(success, finished, steps, self.distance, message))


def _nanoseconds(seconds: float) -> int:
    return round(1e9 * seconds)
