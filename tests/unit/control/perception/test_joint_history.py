"""Where the tool was is told between joint states, and never beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_control import KinematicChain
from introspect_control.perception.joint_history import JointHistory
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
CHAIN = KinematicChain(ARM.chain())


def told(q: np.ndarray) -> dict[str, float]:
    return dict(zip(ARM.joint_names, q.tolist(), strict=True)) | {"finger": 0.02}


@pytest.fixture
def history() -> JointHistory:
    history = JointHistory(ARM.joint_names, CHAIN)
    for k in range(50):
        history.add(told(ARM.home + 0.001 * k), 10.0 + 0.02 * k)
    return history


@pytest.mark.parametrize("k", [3.0, 10.25, 49.0])
def test_between_two_joint_states_the_arm_was_between(history: JointHistory, k: float) -> None:
    tool = history.tool(10.0 + 0.02 * k)

    place, rotation = CHAIN.forward((ARM.home + 0.001 * k)[None])
    assert tool is not None
    np.testing.assert_allclose(tool.translation, place[0], atol=1e-9)
    np.testing.assert_allclose(tool.rotation, rotation[0], atol=1e-9)


@pytest.mark.parametrize("time", [9.9, 11.0, 0.0])
def test_before_the_first_and_after_the_last_nothing_is_known(
    history: JointHistory, time: float
) -> None:
    assert history.tool(time) is None


def test_in_a_gap_nothing_is_known(history: JointHistory) -> None:
    history.add(told(ARM.home), 11.2)

    assert history.tool(11.1) is None
    assert history.tool(11.2) is not None


def test_what_is_long_ago_is_forgotten(history: JointHistory) -> None:
    history.add(told(ARM.home), 11.5)

    assert history.tool(10.2) is None


def test_time_that_goes_back_starts_all_over(history: JointHistory) -> None:
    history.add(told(ARM.home), 5.0)
    history.add(told(ARM.home), 5.02)

    assert history.tool(10.2) is None
    assert history.tool(5.01) is not None


def test_states_of_another_device_or_not_finite_are_none(history: JointHistory) -> None:
    history.add({"finger": 0.0}, 11.0)
    history.add(told(ARM.home * np.nan), 11.0)

    assert history.tool(11.0) is None
