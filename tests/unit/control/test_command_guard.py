"""Whatever is asked of the guard, what comes out keeps every limit."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from introspect_control import CartesianServo
from introspect_control.guard import CommandGuard, GuardConfig, GuardDecision, GuardState, Verdict
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
ENVELOPE = ARM.limits.scaled(0.5, 0.5, 500.0)
PERIOD = 0.01

Array = NDArray[np.float64]


class Recorder:
    """Calls a guard once a period and keeps what it sends."""

    def __init__(self, start: Array = ARM.home, config: GuardConfig | None = None) -> None:
        self.guard = CommandGuard(ENVELOPE, PERIOD, config)
        self.guard.start(start)
        self.now = 0.0
        self.sent = [np.clip(start, ENVELOPE.lower, ENVELOPE.upper)]

    def send(self, position: ArrayLike, age: float = 0.0) -> GuardDecision:
        self.now += PERIOD
        decision = self.guard.check(position, self.now - age, self.now)
        self.sent.append(decision.position)
        return decision

    def send_until_at_rest(self, position: ArrayLike = ARM.home) -> int:
        """How many periods it took."""
        for ticks in range(200):
            if self.guard.state in (GuardState.IDLE, GuardState.FAULT):
                return ticks
            self.send(position)
        raise AssertionError("the guard did not come to rest within 2 s")

    def violations(self) -> list[str]:
        """Every limit that the finite differences of what was sent break."""
        q = np.array(self.sent)
        q = np.concatenate([np.repeat(q[:1], 3, axis=0), q])  # at rest before the first
        problems = []
        if (q < ENVELOPE.lower - 1e-9).any() or (q > ENVELOPE.upper + 1e-9).any():
            problems.append("position")
        for name, order in (("velocity", 1), ("acceleration", 2), ("jerk", 3)):
            difference = np.abs(np.diff(q, n=order, axis=0)) / PERIOD**order
            # float64 positions of about 3 rad carry 2e-16 · 3 / period³ of noise into the jerk
            allowed = getattr(ENVELOPE, name) + 8e-16 * 8.0 / PERIOD**order
            if (difference > allowed).any():
                problems.append(f"{name}: {np.max(difference / getattr(ENVELOPE, name)):.9f}")
        return problems


def servo_commands(ticks: int, seed: int) -> Iterator[Array]:
    """What the servo makes of a random policy."""
    random = np.random.default_rng(seed)
    servo = CartesianServo(ARM)
    servo.reset(ARM.home[None])
    for tick in range(ticks):
        if tick % 4 == 0:
            corner = random.choice([-0.5, 0.5], (1, 3)) * random.choice([0.0, 1.0], (1, 3))
            servo.set_twist(corner, random.uniform(-1.5, 1.5, (1, 3)))
        yield servo.tick().position[0]


def hostile_command(random: np.random.Generator, last: Array) -> tuple[ArrayLike, float]:
    """A position and the age of its stamp: from a sensible one to nonsense."""
    age = float(random.choice([0.0, 0.0, 0.0, 0.05, 0.2, -1.0, np.nan, np.inf]))
    kind = random.integers(8)
    if kind == 0:
        return random.uniform(-4.0, 4.0, 7), age
    if kind == 1:
        step = np.zeros(7)
        step[random.integers(7)] = random.choice([1.0, -1.0, 1e30, -1e30, np.nan, np.inf])
        return last + step, age
    if kind == 2:
        return random.uniform(-4.0, 4.0, random.integers(0, 9)), age
    if kind == 3:
        return random.choice([ENVELOPE.lower, ENVELOPE.upper]), age
    scale = random.choice([0.01, 0.3, 1.0, 3.9])
    return last + random.uniform(-scale, scale, 7) * ENVELOPE.velocity * PERIOD, 0.0


@pytest.mark.slow
def test_a_hundred_thousand_random_cases_break_no_limit() -> None:
    # given
    random = np.random.default_rng(7)
    cases = 0
    faults = 0

    # when
    while cases < 100_000:
        start = random.uniform(ENVELOPE.lower, ENVELOPE.upper)
        lenient = GuardConfig(rejects_in_a_row=int(random.integers(1, 8)))
        recorder = Recorder(start, lenient)
        drift = random.uniform(-1.0, 1.0, 7) * ENVELOPE.velocity * PERIOD
        steady = random.random() < 0.5
        for _ in range(int(random.integers(20, 200))):
            last = recorder.sent[-1]
            command = (last + drift, 0.0) if steady and random.random() < 0.9 else None
            recorder.send(*(command or hostile_command(random, last)))
            if random.random() < 0.01:
                recorder.guard.stop("asked to", fault=bool(random.integers(2)))
            if recorder.guard.state is GuardState.FAULT:
                recorder.guard.rearm()
                faults += 1
            if recorder.guard.state is GuardState.IDLE:
                recorder.guard.start(recorder.sent[-1])
        recorder.guard.stop("the end")
        recorder.send_until_at_rest()
        cases += len(recorder.sent)

        # then
        assert recorder.violations() == []
    assert faults > 100


@settings(max_examples=50, deadline=None)
@given(
    commands=st.lists(
        st.tuples(
            st.lists(
                st.floats(-4.0, 4.0) | st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30]),
                min_size=6,
                max_size=8,
            ),
            st.sampled_from([0.0, 0.0, 0.2, -1.0, np.nan]),
        ),
        max_size=30,
    )
)
def test_no_sequence_of_commands_breaks_a_limit_or_raises(
    commands: list[tuple[list[float], float]],
) -> None:
    recorder = Recorder()

    for position, age in commands:
        decision = recorder.send(position, age)
        assert np.isfinite(decision.position).all()
        assert np.isfinite(decision.velocity).all()

    assert recorder.violations() == []


def test_everything_the_servo_makes_passes_unchanged_to_the_bit() -> None:
    recorder = Recorder(config=GuardConfig(soft_margin=0.0))

    for command in servo_commands(1000, seed=3):
        decision = recorder.send(command)

        assert decision.verdict is Verdict.PASS
        assert np.array_equal(decision.position, command)
    assert recorder.guard.passed == 1000
    assert recorder.violations() == []


def test_a_step_beyond_the_limits_is_followed_as_far_as_they_allow() -> None:
    # given a step of twice what the velocity limit allows in a period
    recorder = Recorder()
    goal = ARM.home + 2.0 * ENVELOPE.velocity * PERIOD

    # when
    first = recorder.send(goal)

    # then
    assert first.verdict is Verdict.CLAMP
    assert (np.abs(first.position - ARM.home) < np.abs(goal - ARM.home)).all()
    for _ in range(200):
        last = recorder.send(goal)
    assert last.verdict is Verdict.PASS
    np.testing.assert_array_equal(last.position, goal)
    assert recorder.violations() == []


@pytest.mark.parametrize(
    ("position", "age", "reason"),
    [
        (ARM.home + np.eye(7)[1], 0.0, "panda_joint2 would step 1 rad, the most is 0.0435 rad"),
        (ARM.home + 1e30, 0.0, "would step 1e[+]30 rad"),
        (np.where(np.arange(7) == 4, np.nan, ARM.home), 0.0, "panda_joint5 is nan"),
        (np.where(np.arange(7) == 0, np.inf, ARM.home), 0.0, "panda_joint1 is inf"),
        (ARM.home[:6], 0.0, r"it has shape \(6,\), expected \(7,\)"),
        (np.zeros((1, 7)), 0.0, r"it has shape \(1, 7\), expected \(7,\)"),
        (["a"] * 7, 0.0, "it is not a list of numbers"),
        ([10**400] * 7, 0.0, "it is not a list of numbers"),
        (None, 0.0, r"it has shape \(\), expected \(7,\)"),
        (ARM.home, 0.12, r"it is 0\.12 s old"),
        (ARM.home, -0.1, r"it is 0\.10 s from the future"),
        (ARM.home, np.nan, "its time is nan"),
    ],
)
def test_nonsense_is_rejected_with_the_reason(position: ArrayLike, age: float, reason: str) -> None:
    recorder = Recorder()

    decision = recorder.send(position, age)

    assert decision.verdict is Verdict.REJECT
    assert re.search(reason, decision.reason), decision.reason
    np.testing.assert_array_equal(decision.position, ARM.home)
    assert recorder.guard.state is GuardState.ACTIVE
    assert recorder.guard.rejected == 1


def test_three_rejections_in_a_row_stop_the_arm_and_latch_a_fault() -> None:
    # given an arm in motion
    recorder = Recorder()
    for command in servo_commands(30, seed=5):
        recorder.send(command)

    # when
    for _ in range(3):
        recorder.send(ARM.home * np.nan)

    # then
    assert recorder.guard.state is GuardState.STOPPING
    ticks = recorder.send_until_at_rest()
    assert recorder.guard.state is GuardState.FAULT
    assert recorder.guard.reason == ("3 commands rejected in a row, the last: panda_joint1 is nan")
    assert ticks * PERIOD <= 0.3
    assert recorder.violations() == []


def test_two_rejections_between_good_commands_latch_nothing() -> None:
    recorder = Recorder()

    for _ in range(20):
        recorder.send(ARM.home * np.nan)
        recorder.send(ARM.home[:5])
        recorder.send(ARM.home)

    assert recorder.guard.state is GuardState.ACTIVE
    assert recorder.guard.rejected == 40


def test_a_second_of_nothing_but_rejections_latches_a_fault() -> None:
    recorder = Recorder(config=GuardConfig(rejects_in_a_row=1000))

    for _ in range(101):
        recorder.send(ARM.home * np.nan)

    assert recorder.guard.state is GuardState.FAULT
    assert "only rejected commands for 1.0 s" in recorder.guard.reason


def test_a_fault_ignores_commands_until_it_is_rearmed() -> None:
    # given
    recorder = Recorder()
    recorder.guard.stop("asked to", fault=True)
    assert recorder.guard.state is GuardState.FAULT

    # then
    assert recorder.send(ARM.home + 1e-4).verdict is Verdict.HOLD
    with pytest.raises(ValueError, match="the guard is FAULT: asked to"):
        recorder.guard.start(ARM.home)

    # when
    assert recorder.guard.rearm()

    # then
    assert recorder.guard.state is GuardState.IDLE
    recorder.guard.start(ARM.home)
    assert recorder.send(ARM.home).verdict is Verdict.PASS


@pytest.mark.parametrize("fault", [False, True])
def test_the_guard_is_not_rearmed_while_the_arm_is_still_moving(fault: bool) -> None:
    recorder = Recorder()
    for command in servo_commands(30, seed=5):
        recorder.send(command)
    recorder.guard.stop("asked to", fault=fault)

    assert not recorder.guard.rearm()
    assert recorder.guard.state is GuardState.STOPPING


def test_a_fault_during_a_stop_is_not_forgotten() -> None:
    recorder = Recorder()
    for command in servo_commands(30, seed=5):
        recorder.send(command)
    recorder.guard.stop("hold")
    recorder.guard.stop("joint_states are 0.51 s old", fault=True)

    recorder.send_until_at_rest()

    assert recorder.guard.state is GuardState.FAULT
    assert recorder.guard.reason == "joint_states are 0.51 s old"


def test_a_stop_starts_from_the_last_command_and_ends_idle() -> None:
    recorder = Recorder()
    for command in servo_commands(30, seed=5):
        last = recorder.send(command)
    recorder.guard.stop("hold")

    first = recorder.send(ARM.home)

    assert first.verdict is Verdict.HOLD
    np.testing.assert_allclose(
        first.position, last.position + last.velocity * PERIOD, atol=7.5 * PERIOD**2
    )
    recorder.send_until_at_rest()
    assert recorder.guard.state is GuardState.IDLE
    np.testing.assert_array_equal(recorder.guard.velocity, 0.0)
    assert recorder.violations() == []


def test_the_longest_stop_meets_its_target() -> None:
    # given every joint at the envelope's velocity
    start = ARM.home.copy()
    recorder = Recorder(start)
    direction = np.where(start > 0.0, -1.0, 1.0)
    for _ in range(40):
        decision = recorder.send(recorder.sent[-1] + direction * ENVELOPE.velocity * PERIOD)
    assert np.max(np.abs(decision.velocity) / ENVELOPE.velocity) > 0.99

    # when
    recorder.guard.stop("asked to", fault=True)
    ticks = recorder.send_until_at_rest()

    # then
    assert ticks * PERIOD <= 0.30
    assert np.max(np.abs(recorder.sent[-1] - decision.position)) <= 0.27
    assert recorder.violations() == []


def test_a_start_outside_the_limits_is_refused_with_the_joint_named() -> None:
    guard = CommandGuard(ENVELOPE, PERIOD)
    start = ARM.home.copy()
    start[3] = -3.2

    with pytest.raises(ValueError, match=r"panda_joint4 is at -3\.2000 rad, outside \[-3\.0718"):
        guard.start(start)

    assert guard.state is GuardState.IDLE


def test_a_start_from_what_is_no_position_is_refused() -> None:
    guard = CommandGuard(ENVELOPE, PERIOD)

    with pytest.raises(ValueError, match="cannot start: panda_joint1 is nan"):
        guard.start(np.full(7, np.nan))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("max_age", 0.0, "max_age must be positive and finite, got 0.0 s"),
        ("reject_time", np.inf, "reject_time must be positive and finite, got inf s"),
        ("reject_ratio", 0.5, "reject_ratio must be at least 1, got 0.5"),
        ("rejects_in_a_row", 0, "rejects_in_a_row must be at least 1, got 0"),
    ],
)
def test_a_configuration_that_would_switch_the_guard_off_is_refused(
    field: str, value: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GuardConfig(**{field: value})  # type: ignore[arg-type]
