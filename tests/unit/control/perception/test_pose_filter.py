"""Poses become steadier, outliers are held back, and what is long ago is not known any more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introspect_control.perception import FilterConfig, PerceptionError, Pose, PoseFilter

PERIOD = 1.0 / 15.0  # [s]


def at(x: float, yaw: float = 0.0) -> Pose:
    return Pose.from_xyz_rpy((x, 0.0, 0.0), (0.0, 0.0, yaw))


def test_noise_on_what_is_at_rest_becomes_less() -> None:
    rng, steady = np.random.default_rng(0), PoseFilter()
    raw, filtered = [], []
    for k in range(300):
        seen = at(rng.normal(0.0, 0.001), rng.normal(0.0, 0.01))
        pose = steady.update(seen, k * PERIOD)
        if pose is not None and k > 20:
            raw.append(seen.vector())
            filtered.append(pose.vector())

    assert (np.std(filtered, axis=0)[[0, 5]] < 0.6 * np.std(raw, axis=0)[[0, 5]]).all()


def test_what_moves_is_followed_within_two_pictures() -> None:
    steady = PoseFilter()
    for k in range(30):
        pose = steady.update(at(0.3 * k * PERIOD), k * PERIOD)

    assert pose is not None
    assert abs(pose.translation[0] - 0.3 * 29 * PERIOD) < 2.0 * 0.3 * PERIOD


def test_the_first_pose_is_believed_when_a_second_one_agrees() -> None:
    steady = PoseFilter()

    assert steady.update(at(0.0), 0.0) is None
    assert steady.update(at(0.5), PERIOD) is None  # does not agree
    assert steady.update(at(0.501), 2 * PERIOD) is not None


def test_one_outlier_changes_nothing_and_two_that_agree_are_a_jump() -> None:
    steady = PoseFilter()
    for k in range(3):
        steady.update(at(0.0), k * PERIOD)

    assert steady.update(at(0.3), 3 * PERIOD) is None
    back = steady.update(at(0.0), 4 * PERIOD)
    assert back is not None
    assert abs(back.translation[0]) < 1e-9

    assert steady.update(at(0.3), 5 * PERIOD) is None
    jumped = steady.update(at(0.3), 6 * PERIOD)
    assert jumped is not None
    assert jumped.translation[0] == 0.3
    assert steady.outliers == 2


def test_nothing_is_known_after_the_timeout() -> None:
    steady = PoseFilter(FilterConfig(timeout=0.5))
    for k in range(3):
        steady.update(at(0.0), k * PERIOD)
    last = 2 * PERIOD

    assert steady.latest(last + 0.49) is not None
    assert steady.latest(last + 0.51) is None
    assert steady.update(at(0.0), last + 1.0) is None  # has to be confirmed anew


def test_time_that_goes_back_starts_all_over() -> None:
    steady = PoseFilter()
    for k in range(3):
        steady.update(at(0.0), 100.0 + k * PERIOD)

    assert steady.update(at(0.2), 1.0) is None
    assert steady.update(at(0.2), 1.0 + PERIOD) is not None


steps = st.tuples(st.floats(-1.0, 1.0), st.floats(-3.0, 3.0), st.floats(-0.1, 1.0))


@given(st.lists(steps, max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_is_told_is_always_near_what_was_seen_lately(
    seen: list[tuple[float, float, float]],
) -> None:
    config, steady, time = FilterConfig(), PoseFilter(), 0.0
    for x, yaw, dt in seen:
        time += dt
        pose = steady.update(at(x, yaw), time)
        if pose is not None:  # then the pose seen was within the gate, and so it stays
            shift, turn = pose.distance(at(x, yaw))
            assert shift <= config.gate + config.speed * config.timeout
            assert turn <= config.gate_turn + config.turn * config.timeout + 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confirmations": 0}, "confirmations must be at least 1, got 0"),
        ({"timeout": 0.0}, "timeout must be positive, got 0.0"),
        ({"speed": -1.0}, "speed must not be negative, got -1.0"),
    ],
)
def test_a_filter_that_filters_nothing_is_refused(change: dict, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        FilterConfig(**change)
