"""Every decision of the arm bridge: when the arm may move, and what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.bridge.action_check import at_most, nonsense
from introspect_control.bridge.alarm_response import AlarmResponse
from introspect_control.bridge.blocks import Blocks, Finding
from introspect_control.bridge.command_loop import CommandLoop, Tick
from introspect_control.bridge.config import BridgeConfig
from introspect_control.bridge.exchange import NOTHING, Action, BridgeOutput, BridgeStatus
from introspect_control.bridge.gripper_command import GripperCommander
from introspect_control.bridge.joint_state_monitor import JointStateMonitor, Order
from introspect_control.bridge.motion_follower import OCCUPIED, MotionOutcome
from introspect_control.bridge.speed_scaling import SpeedScaling
from introspect_control.guard import GuardState, Watchdog

if TYPE_CHECKING:
    from introspect_control.trajectory import Trajectory
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

HELD_BY_POLICY = "hold asked for by the policy"  # why an arm stops between two episodes
STOPPED_BY_HAND = "stopped by guard/stop"  # why one is in a fault that only a person ends
_MAX_LEAD = 0.05  # of an action's stamp before the latest joint state's [s]
_SPEED = "speed scaling"  # source of a block


class ArmBridge:
    """Turns policy actions into guarded joint trajectories, or into silence.

    IDLE is silent. A MOVE action starts servo and guard at the measured joints, if these are fresh
    and at rest. While ACTIVE every tick sends a short trajectory that would end at rest by itself.
    A HOLD action ramps to rest, then silence. Whatever looks wrong (no fresh action, no joint
    states, an arm that is not where it was sent, nonsense) also ends in silence at rest, and all of
    it except a short gap in the joint states latches a FAULT that only ``rearm`` ends.

    The clock is the caller's: ``now`` is monotonic time [s]. In lockstep the joint states' stamps
    are the clock and each state makes the bridge tick, except that the tick which begins a policy
    period waits for the action that answers this very state, until the next state at the latest.

    Args:
        arm: to be driven.
        config: rates, timeouts and limits.

    Raises:
        ValueError: An envelope too fast to stop within the horizon.
    """

    def __init__(self, arm: ArmDescription, config: BridgeConfig | None = None) -> None:
        self.config = config or BridgeConfig()
        self.ignored = 0  # actions not followed: stale, repeated, or not the time for one
        self._command_watchdog = Watchdog(self.config.command_timeout)
        self._monitor = JointStateMonitor(arm.joint_names, self.config)
        self._loop = CommandLoop(arm, self.config, self._monitor)
        self._guard, self._motion = self._loop.guard, self._loop.motion
        self._blocks = Blocks()
        self._refusal = ""  # why the latest action was not followed
        self._start_problem = ""  # the same, if it could have started a motion
        self._late = 0
        self._blind = False  # whether the last stop was for want of joint states, still missing
        self._tracking_error = 0.0
        self._action: Action | None = None  # the latest one followed
        self._acted_at = 0.0  # when it came [s]
        self._unsent = False  # whether it is still to be carried out
        self._waiting = False  # whether a tick is put off until an action comes
        self._waited_in_vain = False  # since the latest action
        self._scaling = SpeedScaling(self.config)
        self._alarm = AlarmResponse(self.config)
        self._gripper = GripperCommander(arm.gripper, self.config.gripper_interval)

    @property
    def state(self) -> GuardState:
        """Of the guard."""
        return self._guard.state

    @property
    def refusal(self) -> str:
        """Why the latest action was not followed; empty if it was."""
        return self._refusal

    @property
    def blocked(self) -> bool:
        """Whether something keeps the arm from starting."""
        return bool(self._blocks.reason)

    @property
    def progress(self) -> float | None:
        """Of the trajectory that is being followed, from 0 to 1; None where there is none."""
        return self._motion.progress

    @property
    def missed(self) -> int:
        """Ticks that came too late and were caught up with."""
        return self._loop.missed

    @property
    def stalls(self) -> int:
        """Times that more ticks were missed than can be caught up with."""
        return self._loop.stalls

    @property
    def slowed(self) -> int:
        """Actions that were followed at less than their speed because of an alarm."""
        return self._alarm.slowed

    def status(self) -> BridgeStatus:
        """What the bridge does, and why."""
        guard = self._guard
        reason = guard.reason
        if guard.state is GuardState.ACTIVE:
            slow = f"slow: {self._alarm.reason}" if self._alarm.slowing else ""
            reason = self._loop.avoiding or slow
        if guard.state is GuardState.IDLE:
            reason = self._blocks.reason or self._start_problem or guard.reason
        return BridgeStatus(
            *(guard.state, reason, guard.passed, guard.clamped, guard.rejected),
            *(self._late, self._tracking_error),
        )

    def on_joint_state(
        self, stamp: int, position: Array, velocity: Array, now: float
    ) -> BridgeOutput:
        """Take the arm's measured joints.

        Args:
            stamp: when they were measured [ns]; 0 where the driver does not say.
            position: (joints,) finite [rad].
            velocity: (joints,) finite [rad/s].
            now: time of arrival [s]; not used in lockstep.

        Returns:
            What to publish: in lockstep only.
        """
        order = self._monitor.order(stamp)
        if order is Order.OLD:
            return NOTHING
        if order is Order.CLOCK_SET_BACK:
            self._start_over(1e-9 * (self._monitor.stamp - stamp))
        if self.config.lockstep:
            now = 1e-9 * stamp
            self._watch(now)  # before the monitor knows: a gap in simulated time must be seen
        self._monitor.record(stamp, position, velocity, now)
        self._blind = False
        self._check_tracking()
        if not self.config.lockstep or self._put_off(stamp):
            return NOTHING
        return self._advance(now)

    def on_action(self, action: Action, now: float) -> BridgeOutput:
        """Take what the policy asks; ``refusal`` then says whether it is followed.

        Args:
            action: as received, whatever is in it.
            now: time of arrival [s]; not used in lockstep.

        Returns:
            What to publish: in lockstep only.
        """
        if self.config.lockstep:
            now = 1e-9 * self._monitor.stamp
        if not action.moving:  # followed whatever else is in it: to stop is never wrong
            acting = self.state is GuardState.ACTIVE and not self._motion.busy
            return self._hold(action, now) if acting else NOTHING
        senseless = nonsense(action, self.config)
        if senseless:
            self._guard.reject(senseless, now)
        problem = senseless or self._untimely(action, now)
        if not problem and self.state is GuardState.IDLE:
            problem = self._start()
            self._action = None
        self._refusal = problem
        self._start_problem = problem if self.state is GuardState.IDLE else ""
        if problem:
            self.ignored += not senseless
            return NOTHING
        self._follow(action, now)
        return self._answer(now)

    def on_alarm(self, alarm: bool, surprise: float, now: float) -> None:
        """Take word of the disturbance alarm; matters while ACTIVE only.

        Args:
            alarm: whether it is on.
            surprise: that goes with it [no unit].
            now: time of arrival [s]; not used in lockstep.
        """
        if self.config.lockstep:
            now = 1e-9 * self._monitor.stamp
        if self.state is GuardState.ACTIVE and self._alarm.see(alarm, surprise, now):
            self.stop(self._alarm.reason)

    def follow(self, trajectory: Trajectory, now: float, gripper_width: float | None = None) -> str:
        """Follow a joint trajectory instead of actions, from where the arm is to rest.

        Args:
            trajectory: its times count from now.
            now: time [s]; not used in lockstep.
            gripper_width: wanted from its beginning on [m]; None: as it is.

        Returns:
            Why not; empty if it is followed. How it ends is told by ``take_outcome``.
        """
        problem = self.obstacle(now)
        if self._motion.busy:
            problem = OCCUPIED
        elif self.state is GuardState.ACTIVE:
            problem = "the arm is following actions"
        if problem := problem or self._start():
            return problem
        self._action = None
        if problem := self._motion.begin(trajectory, gripper_width):
            self._guard.stop("")
        return problem

    def cancel(self, reason: str) -> None:
        """Give the trajectory up that is being followed: the arm ramps to rest, which ends it."""
        self._motion.cancel(reason)

    def take_outcome(self) -> MotionOutcome | None:
        """How the latest trajectory ended, once; None while it is followed."""
        return self._motion.take_outcome()

    def on_speed_scaling(self, share: float, now: float) -> None:
        """Take word of the share of its speed at which the arm follows commands, 0 to 1.

        An arm that stands still for this must not find, when it goes on, that its commands have
        gone ahead: the motion ends, and the next one starts at the measured joints, once the arm
        has had the time to bring the latest trajectory to its end.

        Args:
            share: of its speed.
            now: time [s]; not used in lockstep.
        """
        if self.config.lockstep:
            now = 1e-9 * self._monitor.stamp
        problem = self._scaling.see(share, now)
        if not problem:
            self.unblock(_SPEED)
            return
        self._blocks.put(_SPEED, problem)
        if self._guard.moving:
            self._loop.settle(problem)
            self._scaling.stand_still()

    def tick(self, now: float) -> BridgeOutput:
        """Advance to ``now`` [s], which a timer calls for; not to be called in lockstep."""
        self._watch(now)
        return self._advance(now)

    def stop(self, reason: str) -> None:
        """Ramp to rest and stay there until ``rearm``."""
        self._guard.stop(reason, fault=True)

    def fall_silent(self, reason: str) -> None:
        """Send nothing more: the latest trajectory brings the arm to rest, and ends a motion."""
        if self._guard.moving:
            self._loop.settle(reason)
        self._motion.cancel(reason)

    def on_abort(self, reason: str) -> None:
        """The arm has given a trajectory up: it brakes, and holds where that ends."""
        self.fall_silent(reason)
        self._guard.forget_last()

    def rearm(self) -> bool:
        """Leave a FAULT; returns whether the bridge is free of faults and not stopping."""
        self._start_problem = ""
        return self._guard.rearm()

    def obstacle(self, now: float) -> str:
        """Why no action would be followed now; empty if one would.

        Args:
            now: time [s]; not used in lockstep.
        """
        if self.config.lockstep:
            now = 1e-9 * self._monitor.stamp
        if self.state is GuardState.FAULT:
            return f"in FAULT ({self._guard.reason}); call guard/rearm"
        if self.state is GuardState.STOPPING:
            return f"still stopping ({self._guard.reason})"
        if self.state is GuardState.IDLE:
            if self._scaling.unfinished(now) > 0.0:
                return "the arm is bringing its latest trajectory to an end"
            return self._blocks.reason or self._monitor.problem(now)
        return ""

    def block(self, source: str, reason: str) -> None:
        """Start no motion while this lasts; one under way ends in a fault."""
        self._blocks.put(source, reason)
        if self.state is GuardState.ACTIVE:
            self.stop(reason)

    def unblock(self, source: str) -> None:
        """What this source called ``block`` for is over."""
        if self._blocks.lift(source):
            self._start_problem = ""

    def findings(self, now: float) -> list[Finding]:
        """All that must be right for a motion to start, in the order in which it is looked at.

        Args:
            now: time [s]; not used in lockstep.
        """
        if self.config.lockstep:
            now = 1e-9 * self._monitor.stamp
        faulty = self.state in (GuardState.FAULT, GuardState.STOPPING)
        return [
            *self._blocks.findings,
            *self._monitor.findings(now),
            Finding("guard", self.obstacle(now) if faulty else ""),
        ]

    # Joint states.

    def _start_over(self, back: float) -> None:
        self._monitor.forget_clock()
        if self.config.lockstep:
            reason = f"simulated time went back by {back:.2f} s; was the simulation restarted?"
            if self._guard.moving:
                self._loop.settle(reason, fault=True)
            self._monitor.forget()
        if self._action is not None:
            self._action = self._action._replace(stamp=0)

    def _check_tracking(self) -> None:
        self._tracking_error = 0.0
        if not self._guard.moving:
            return
        joint, self._tracking_error = self._monitor.tracking_error(self._guard.position)
        if self._tracking_error > self.config.tracking_limit:
            self._loop.settle(
                f"{joint} is {self._tracking_error:.2f} rad away from where it was sent; "
                "check for a collision, a stopped driver or a second commander",
                fault=True,
            )

    def _put_off(self, stamp: int) -> bool:
        """Whether the tick for this state waits for the policy's answer to it."""
        if self.state is not GuardState.ACTIVE or self._action is None or self._waited_in_vain:
            self._waiting = False
        elif self._waiting:  # for the state before this one
            self._waiting, self._waited_in_vain = False, True
        else:
            acting = 1e-9 * (stamp - self._action.stamp)
            self._waiting = acting > self.config.policy_period - 0.5 * self.config.period
        return self._waiting

    # Actions.

    def _untimely(self, action: Action, now: float) -> str:
        """Why an action cannot be followed now."""
        if obstacle := self.obstacle(now):
            return obstacle
        if self._motion.busy:
            return OCCUPIED
        if self._monitor.stamp and not action.stamp:
            return "it has no stamp; it must carry that of its observation"
        if self.state is GuardState.ACTIVE and self._action is not None:
            ours, theirs = _sender(self._action), _sender(action)
            if ours != theirs:
                return f"{_name(ours)} is moving the arm, not {_name(theirs)}; end one of them"
        last = self._action.stamp if self._action and self.state is GuardState.ACTIVE else 0
        if 0 < action.stamp <= last:
            return "it is not newer than the one before"
        age = 1e-9 * (self._monitor.stamp - action.stamp)
        if age > self.config.command_timeout:
            return f"its observation is {age:.2f} s old"
        if age < -_MAX_LEAD:
            return f"its observation is {-age:.2f} s in the future"
        return ""

    def _start(self) -> str:
        """Start servo and guard at the measured joints, or say why not."""
        if problem := self._loop.start(self._monitor.position):
            return problem
        self._gripper.forget()
        self._alarm.forget()
        return ""

    def _follow(self, action: Action, now: float) -> None:
        if self._action is not None and self._action.stamp:
            gap = 1e-9 * (action.stamp - self._action.stamp)
            self._late += max(0, round(gap / self.config.policy_period) - 1)
        self._action, self._acted_at, self._unsent = action, now, True
        self._waited_in_vain = False
        self._command_watchdog.feed(now)
        linear = at_most(action.linear, self.config.linear_speed)
        angular = at_most(action.angular, self.config.angular_speed)
        linear, angular = self._alarm.scale(linear, angular, now)
        share = self._scaling.share
        self._loop.set_twist(share * linear, share * angular)

    def _hold(self, action: Action, now: float) -> BridgeOutput:
        self._action, self._unsent = action._replace(gripper_width=self._gripper.width), True
        self._refusal = ""
        self._guard.stop(HELD_BY_POLICY)
        return self._answer(now)

    def _answer(self, now: float) -> BridgeOutput:
        """In lockstep: the tick that was put off until an action came, or the first one."""
        if not self._waiting and not (self.config.lockstep and not self._loop.begun):
            return NOTHING
        self._waiting = False
        return self._advance(now)

    # Time.

    def _watch(self, now: float) -> None:
        """Stop the arm when actions or joint states have not come for too long."""
        age = self._monitor.age(now)
        if self.state is GuardState.ACTIVE:
            silence = self._command_watchdog.age(now)
            silent = not self._motion.busy and self._command_watchdog.expired(now)
            # A policy that has seen nothing new since it was due has nothing to act on.
            excused = self._monitor.silence(now) > silence - self.config.policy_period
            if silent and not excused:
                self._late += max(1, round(silence / self.config.policy_period) - 1)
                self.stop(f"no policy action for {silence:.2f} s")
            elif silent or self._monitor.stale(now):
                self._guard.stop(f"joint_states are {age:.2f} s old")
                self._blind = True
        if (self._blind or self._guard.moving) and age > self.config.state_fault:
            self.stop(f"joint_states are {age:.2f} s old")

    def _advance(self, now: float) -> BridgeOutput:
        """Run the ticks that are due and return what to publish for the last of them."""
        tick = self._loop.advance(now, self._acted_at, self._scaling.share)
        if tick is None:
            return NOTHING
        output = self._report(tick)
        if tick.trajectory is None:
            return output
        wanted = self._wanted_width()
        width = None if wanted is None else self._gripper.command(wanted, now)
        return output._replace(trajectory=tick.trajectory, gripper_width=width)

    def _wanted_width(self) -> float | None:
        if self.state is not GuardState.ACTIVE:
            return None
        if self._motion.busy:
            return self._motion.gripper_width
        return None if self._action is None else self._action.gripper_width

    def _report(self, tick: Tick) -> BridgeOutput:
        """The latest action as it is carried out, once."""
        if not self._unsent or self._action is None:
            return NOTHING
        self._unsent = False
        twist = self._loop.twist(tick)
        width = self._gripper.clip(self._action.gripper_width)
        return BridgeOutput(
            sent=self._action._replace(linear=twist[:3], angular=twist[3:], gripper_width=width)
        )


def _sender(action: Action) -> tuple[int, str]:
    """What all actions of one motion have in common: episode and model."""
    return action.episode, action.model_hash


def _name(sender: tuple[int, str]) -> str:
    episode, model = sender
    return f"episode {episode} of model {model[:12] or 'unknown'}"
