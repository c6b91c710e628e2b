"""A disturbance alarm makes the arm slower or stops it, and never faster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from introspect_control.bridge import BridgeConfig
from introspect_control.bridge.alarm_response import AlarmResponse

LINEAR, ANGULAR = np.array([0.3, 0.0, -0.1]), np.array([0.0, 0.0, 1.0])
SPEEDS = arrays(np.float64, 3, elements=st.floats(-10.0, 10.0))


def response(on_alarm: str, speed: float = 0.25) -> AlarmResponse:
    return AlarmResponse(BridgeConfig(on_alarm=on_alarm, alarm_speed=speed))


def test_without_an_alarm_actions_pass_unchanged() -> None:
    slow = response("slow")
    slow.see(False, 0.2, now=1.0)

    assert slow.scale(LINEAR, ANGULAR, 1.0) == (LINEAR, ANGULAR)
    assert (slow.slowing, slow.slowed) == (False, 0)


@given(SPEEDS, SPEEDS, st.floats(0.01, 1.0))
def test_slow_keeps_the_direction_and_is_never_faster(
    linear: np.ndarray, angular: np.ndarray, speed: float
) -> None:
    slow = response("slow", speed)
    slow.see(True, 2.0, now=1.0)

    for given_, got in zip((linear, angular), slow.scale(linear, angular, 1.1), strict=True):
        np.testing.assert_array_equal(got, speed * given_)
        assert (np.abs(got) <= np.abs(given_)).all()
        assert (got * given_ >= 0.0).all()


def test_an_alarm_is_over_when_it_is_said_so_or_when_nothing_is_said() -> None:
    slow = response("slow")
    slow.see(True, 2.0, now=1.0)
    assert slow.fresh(1.5)
    assert not slow.fresh(1.51)

    slow.see(True, 2.0, now=2.0)
    slow.see(False, 0.1, now=2.04)
    assert not slow.fresh(2.05)


def test_the_reason_tells_the_surprise_that_it_began_with() -> None:
    slow = response("slow")
    for k, surprise in enumerate((3.21, 0.4, 0.1)):
        slow.see(True, surprise, now=1.0 + 0.04 * k)

    assert slow.reason == "disturbance alarm (surprise 3.2)"


@pytest.mark.parametrize(("on_alarm", "stops"), [("none", False), ("slow", False), ("stop", True)])
def test_only_stop_stops(on_alarm: str, stops: bool) -> None:
    assert response(on_alarm).see(True, 2.0, now=1.0) is stops
    assert response(on_alarm).see(False, 2.0, now=1.0) is False


@pytest.mark.parametrize("on_alarm", ["none", "stop"])
def test_only_slow_scales(on_alarm: str) -> None:
    other = response(on_alarm)
    other.see(True, 2.0, now=1.0)

    assert other.scale(LINEAR, ANGULAR, 1.0) == (LINEAR, ANGULAR)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"on_alarm": "panic"}, "on_alarm must be one of none, slow, stop, got 'panic'"),
        ({"alarm_speed": 1.5}, r"alarm_speed must be in \(0, 1\], got 1.5"),
        ({"alarm_timeout": 0.0}, "alarm_timeout must be positive and finite, got 0.0"),
    ],
)
def test_what_would_not_be_safe_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BridgeConfig(**values)  # type: ignore[arg-type]
