"""The servo moves the tool as asked, keeps it upright and inside its workspace, and stops."""

import numpy as np
import pytest

from introspect_control import CartesianServo, ServoConfig
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
STILL = np.zeros((1, 3))


def drive(servo: CartesianServo, linear: np.ndarray, angular: np.ndarray, seconds: float) -> None:
    for _ in range(round(seconds / 0.04)):
        servo.set_twist(linear, angular)
        for _ in range(4):
            servo.tick()


@pytest.mark.parametrize("direction", [[1, 0, 0], [0, 1, 0], [0, 0, -1], [-1, 0, 1]])
def test_the_tool_moves_at_the_speed_asked_for_and_stays_upright(direction: list[float]) -> None:
    servo = CartesianServo(ARM)
    linear = 0.15 * np.array([direction], dtype=float)
    before, upright = servo.chain.forward(servo.position)
    drive(servo, linear, STILL, 0.6)
    after, rotation = servo.chain.forward(servo.position)
    np.testing.assert_allclose(
        after - before, 0.6 * linear, atol=0.015
    )  # it needs a moment to get going
    np.testing.assert_allclose(rotation, upright, atol=0.01)


def test_turning_about_the_vertical_turns_the_tool_and_nothing_else() -> None:
    servo = CartesianServo(ARM)
    before, start = servo.chain.forward(servo.position)
    drive(servo, STILL, np.array([[0.0, 0.0, 0.5]]), 0.8)
    drive(servo, STILL, STILL, 0.4)
    after, rotation = servo.chain.forward(servo.position)
    turned = rotation[0] @ start[0].T
    assert np.arctan2(turned[1, 0], turned[0, 0]) == pytest.approx(0.4, abs=0.02)
    assert np.linalg.norm(after - before) < 0.005


def test_the_tool_does_not_leave_the_workspace_whatever_is_asked() -> None:
    config, n = ServoConfig(), 64
    servo = CartesianServo(ARM, config, n)
    rng = np.random.default_rng(0)
    for _ in range(40):
        linear = rng.uniform(-0.5, 0.5, (n, 3))
        for _ in range(5):
            servo.set_twist(linear, np.zeros((n, 3)))
            for _ in range(4):
                servo.tick()
            position, _ = servo.chain.forward(servo.position)
            # the joints need a moment to stop: least over the table, most close to the base
            assert (position > np.array(config.workspace_lower) - [0.02, 0.005, 0.003]).all()
            assert (position < np.array(config.workspace_upper) + 0.005).all()


def test_a_stop_from_full_speed_takes_less_than_0_4_seconds() -> None:
    servo = CartesianServo(ARM)
    drive(servo, np.array([[0.0, 0.5, 0.0]]), STILL, 0.4)
    before = servo.position.copy()
    ticks = 0
    while not servo.stopped.all():
        servo.stop()
        ticks += 1
    assert ticks * servo.config.period <= 0.4
    assert np.abs(servo.position - before).max() <= 0.27


def test_rows_are_independent_to_the_bit() -> None:
    many, one = CartesianServo(ARM, n=32), CartesianServo(ARM)
    rng = np.random.default_rng(1)
    for _ in range(10):
        linear, angular = rng.uniform(-0.5, 0.5, (32, 3)), np.zeros((32, 3))
        many.set_twist(linear, angular)
        one.set_twist(linear[7:8], angular[7:8])
        for _ in range(4):
            np.testing.assert_array_equal(many.tick().position[7:8], one.tick().position)


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        ("velocity_scale", 1.5, r"velocity_scale must be in \(0, 1\], got 1.5"),
        ("jerk", 0.0, "jerk must be positive, got 0"),
        ("workspace_lower", (1.0, 0.0, 0.0), "workspace_lower .* must lie below"),
    ],
)
def test_impossible_settings_are_refused_by_name(setting: str, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ServoConfig(**{setting: value})


def test_several_ticks_at_once_are_the_same_to_the_bit_as_one_after_the_other() -> None:
    together, alone = CartesianServo(ARM, n=3), CartesianServo(ARM, n=3)
    random = np.random.default_rng(5)
    for _ in range(20):
        linear, angular = random.uniform(-0.5, 0.5, (2, 3, 3))
        together.set_twist(linear, angular)
        alone.set_twist(linear, angular)
        several = together.ticks(4)
        for position, velocity in zip(several.position, several.velocity, strict=True):
            command = alone.tick()
            np.testing.assert_array_equal(position, command.position)
            np.testing.assert_array_equal(velocity, command.velocity)


@pytest.mark.parametrize(
    ("linear", "angular", "message"),
    [
        (np.zeros((1, 3)), np.zeros((2, 3)), r"angular must be \(1, 3\), got \(2, 3\)"),
        (np.zeros((1, 2)), np.zeros((1, 3)), r"linear must be \(1, 3\), got \(1, 2\)"),
        (np.full((1, 3), np.nan), np.zeros((1, 3)), "linear must be finite, got nan"),
        (np.zeros((1, 3)), np.full((1, 3), np.inf), "angular must be finite, got inf"),
    ],
)
def test_a_twist_that_makes_no_sense_is_refused_and_changes_nothing(
    linear: np.ndarray, angular: np.ndarray, message: str
) -> None:
    servo, other = CartesianServo(ARM), CartesianServo(ARM)
    for arm in (servo, other):
        arm.set_twist(np.array([[0.1, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.5]]))
        arm.tick()

    with pytest.raises(ValueError, match=message):
        servo.set_twist(linear, angular)

    np.testing.assert_array_equal(servo.tick().position, other.tick().position)


@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.0, 0.0, 0.0, 0.0)])
def test_a_corner_of_the_workspace_is_three_numbers(corner: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="workspace_lower must be three numbers, got"):
        ServoConfig(workspace_lower=corner)  # type: ignore[arg-type]
