"""The words of the page."""

from __future__ import annotations

import re

import pytest

from introspect.dashboard import panel
from introspect.monitor import REMEMBERED, Decision, Guard, Insight, SystemMonitor
from introspect_description import ArmDescription


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


@pytest.fixture
def monitor() -> SystemMonitor:
    return SystemMonitor(success_distance=0.05)


def test_each_behaviour_is_shown_with_its_probability_and_the_active_one_stands_out(
    monitor: SystemMonitor,
) -> None:
    probabilities = {"approach": 0.11, "grasp": 0.89}
    monitor.on_decision(Decision("grasp", probabilities, state_value=3.25), now=0.0)
    html = panel.behaviours(monitor)
    assert text(html) == "approach 11 % grasp 89 % state value 3.25"
    assert html.count("font-weight:600") == 1
    assert "width:89.0%" in html


def test_before_the_first_decision_the_page_says_so(monitor: SystemMonitor) -> None:
    assert text(panel.behaviours(monitor)) == "no decision yet"


def test_the_internal_state_is_shown_with_its_past(monitor: SystemMonitor) -> None:
    assert text(panel.insight(monitor, now=0.0)) == "no internal state yet"
    for k in range(2 * REMEMBERED):
        calm = Insight({"approach": 0.2, "grasp": 0.8}, failure=0.25, surprise=0.5, alarm=False)
        monitor.on_insight(calm, now=0.04 * k)
    html = panel.insight(monitor, now=0.0)
    assert text(html) == (
        "approach 20 % grasp 80 % failure 25 % surprise (alarm from 1) 0.50 alarms 0"
    )
    assert html.count("font-weight:600") == 1
    assert html.count(",75") == 2 * REMEMBERED  # both curves, at a quarter of the height


def test_an_alarm_stands_out_until_nothing_is_said_any_more(monitor: SystemMonitor) -> None:
    monitor.on_insight(Insight({"grasp": 1.0}, 0.1, 3.21, alarm=True), now=1.0)
    monitor.on_insight(Insight({"grasp": 1.0}, 0.1, float("nan"), alarm=True), now=1.0)
    assert "disturbance alarm, surprise nan" in text(panel.insight(monitor, now=1.1))
    assert "nan" not in panel.insight(monitor, now=1.1).split("<svg")[1].split("</svg>")[0]
    assert "disturbance alarm" not in text(panel.insight(monitor, now=5.0))
    assert monitor.alarms == 1


def test_what_is_missing_is_named(monitor: SystemMonitor) -> None:
    monitor.on_goal((0, 0, 0), now=0.0)
    assert text(panel.state(monitor, now=0.1)) == (
        "waiting for joint_states, object_pose, guard/status"
    )


def test_the_state_of_a_running_episode_is_shown(monitor: SystemMonitor) -> None:
    for tick in range(21):
        monitor.on_joints(["a"], [0.0], [0.0], stamp=0.1 * tick, now=0.1 * tick)
    monitor.on_goal((0.0, 0.0, 0.0), now=2.0)
    monitor.on_object((0.0, 0.0, 0.02, 0, 0, 0, 1), now=2.0)
    monitor.on_guard(Guard("FAULT", "no policy action for 0.12 s", 1, 2, 3, 4, 0.0), now=2.0)
    monitor.on_action(1, 0, hold=False, now=2.0)
    monitor.on_action(1, 1, hold=True, now=2.0)
    monitor.on_action(2, 9, hold=False, now=2.0)
    assert text(panel.state(monitor, now=2.0)) == (
        "guard fault no policy action for 0.12 s episode 2, period 9 object to goal 2.0 cm "
        "succeeded 1 of 1 (100 %) real-time factor 1.00"
    )


def test_joints_are_shown_between_their_limits(monitor: SystemMonitor) -> None:
    limits = ArmDescription.load("panda").limits
    middle = 0.5 * (limits.lower + limits.upper)
    monitor.on_joints(limits.names, middle, [0.0] * 7, stamp=0.0, now=0.0)
    html = panel.joints(monitor, limits)
    assert html.count("width:50.0%") == 7
    assert "panda_joint4 -1.57 rad" in text(html)


def test_text_from_the_network_cannot_become_markup(monitor: SystemMonitor) -> None:
    evil = "<script>alert(1)</script>"
    monitor.on_guard(Guard("FAULT", evil, 0, 0, 0, 0, 0.0), now=0.0)
    monitor.on_decision(Decision(evil, {evil: 1.0}, 0.0), now=0.0)
    monitor.on_insight(Insight({evil: 1.0}, 0.0, 0.0, alarm=False), now=0.0)
    shown = panel.state(monitor, now=0.0) + panel.behaviours(monitor)
    assert "<script>" not in shown + panel.insight(monitor, now=0.0)
