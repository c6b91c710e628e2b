"""Times on a path: on its lines, within the limits to the last difference, at rest at corners."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introspect_control.planning import PlanningError
from introspect_control.planning.timing import Pace, line_at, time_path
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
LIMITS = ARM.limits.scaled(0.5, 0.5, 500.0)
PERIOD = 0.01
WITHIN = 0.15  # of the ends of the ranges that corners are drawn from [rad]


@st.composite
def corners(draw: st.DrawFn) -> list[np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, spread = draw(st.integers(2, 4)), draw(st.sampled_from([1e-4, 0.01, 1.0]))
    low, high = ARM.limits.lower + WITHIN, ARM.limits.upper - WITHIN
    anywhere = rng.uniform(low, high, (count, 7))
    return list(anywhere[0] + spread * (anywhere - anywhere[0]))


@settings(max_examples=60, deadline=None)
@given(path=corners())
def test_no_difference_exceeds_a_limit_and_no_point_leaves_the_path(
    path: list[np.ndarray],
) -> None:
    times, positions, velocities = time_path(path, LIMITS, PERIOD, 0.1)
    np.testing.assert_allclose(np.diff(times), PERIOD, atol=1e-9)
    padded = np.concatenate([[positions[0]] * 3, positions, [positions[-1]] * 3])
    differences = padded
    for limit in (LIMITS.velocity, LIMITS.acceleration, LIMITS.jerk):
        differences = np.diff(differences, axis=0) / PERIOD
        assert (np.abs(differences) <= limit).all()
    assert (np.abs(velocities) <= LIMITS.velocity).all()
    at_rest = ~velocities.any(axis=1)
    np.testing.assert_array_equal(positions[at_rest], path)
    ends = np.flatnonzero(at_rest)
    for (i, j), (a, b) in zip(itertools.pairwise(ends), itertools.pairwise(path), strict=True):
        share = (positions[i : j + 1] - a) @ (b - a) / ((b - a) @ (b - a))
        assert (np.diff(share) > -1e-12).all()
        np.testing.assert_allclose(positions[i : j + 1], a + share[:, None] * (b - a), atol=1e-9)


def test_the_joint_that_binds_first_uses_its_limit() -> None:
    end = ARM.home + 1.0 * np.eye(7)[0] + 0.1 * np.eye(7)[1]
    _, _, velocities = time_path([ARM.home, end], LIMITS, PERIOD, 0.1)
    assert velocities[:, 0].max() > 0.95 * LIMITS.velocity[0]


def test_corners_that_are_one_take_no_time() -> None:
    times, positions, _ = time_path([ARM.home] * 3, LIMITS, PERIOD, 0.1)
    assert times.tolist() == [0.0]
    np.testing.assert_array_equal(positions, ARM.home[None])


def test_a_joint_near_its_limit_moves_at_the_share_that_the_guard_leaves_it() -> None:
    end = ARM.home.copy()
    end[6] = LIMITS.upper[6] - 0.025
    _, _, velocities = time_path([ARM.home, end], LIMITS, PERIOD, 0.1)
    assert velocities[:, 6].max() <= 0.25 * LIMITS.velocity[6]
    back = time_path([end, ARM.home], LIMITS, PERIOD, 0.1)
    assert np.abs(back.velocities[:, 6]).max() > 0.9 * LIMITS.velocity[6]
    end[6] = LIMITS.upper[6]
    with pytest.raises(PlanningError, match=r"panda_joint7 = 2.8973 rad is too near to its limit"):
        time_path([ARM.home, end], LIMITS, PERIOD, 0.1)
    assert time_path([ARM.home, end], LIMITS, PERIOD, 0.0).positions[-1, 6] == end[6]


def test_a_line_may_be_slower_than_the_others_or_end_more_gently() -> None:
    corners = [ARM.home, ARM.home + 0.5, ARM.home]
    whole = time_path(corners, LIMITS, PERIOD, 0.0)
    slow = time_path(corners, LIMITS, PERIOD, 0.0, [Pace(), Pace().slower(0.5)])
    gentle = time_path(corners, LIMITS, PERIOD, 0.0, [Pace(), Pace().gentler(0.2)])
    corner = len(whole.times) // 2
    for other in (slow, gentle):
        np.testing.assert_array_equal(other.positions[:corner], whole.positions[:corner])
        assert [line_at(other, k) for k in (1, corner, corner + 1)] == [0, 0, 1]
        assert line_at(other, len(other.times) - 1) == 1
    assert np.abs(slow.velocities[corner:]).max() <= 0.5 * LIMITS.velocity.max()
    accelerations = [np.diff(part.velocities[corner:, 0]) / PERIOD for part in (whole, gentle)]
    assert accelerations[1].min() == pytest.approx(accelerations[0].min(), rel=0.05)  # it speeds up
    assert accelerations[1].max() == pytest.approx(0.2 * accelerations[0].max(), rel=0.05)


@pytest.mark.parametrize("corners", [2, 30])
def test_a_motion_longer_than_any_that_is_followed_is_refused_before_it_is_made(
    corners: int,
) -> None:
    path = [ARM.home + 0.5 * (k % 2) for k in range(corners)]
    crawling = LIMITS.scaled(1e-6 if corners == 2 else 0.02, 1.0, 500.0)
    with pytest.raises(PlanningError, match=r"more than 600 s, the longest that is followed; ask"):
        time_path(path, crawling, PERIOD, 0.1)
