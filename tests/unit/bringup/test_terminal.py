"""The terminal view."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from introspect.monitor import Decision, Guard, Insight, SystemMonitor
from introspect.terminal import bar, marker, render
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")


@pytest.fixture
def monitor() -> SystemMonitor:
    return SystemMonitor(success_distance=0.05)


def lines(monitor: SystemMonitor, now: float) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render(monitor, ARM, now))
    return [line.strip("│╭╮╰╯─ ") for line in console.export_text().splitlines()]


def test_before_anything_is_heard_the_view_says_where_to_look(monitor: SystemMonitor) -> None:
    text = lines(monitor, now=0.0)
    assert "nothing heard yet: is a graph running in this domain?" in text
    assert "no decision yet" in text
    assert "no internal state yet" in text
    assert sum("silent" in line for line in text) == 8  # seven joints and the guard


def test_a_running_system_fits_into_eighty_columns(monitor: SystemMonitor) -> None:
    names = [*ARM.joint_names, *ARM.gripper.joint_names]
    for tick in range(101):
        positions, now = [*ARM.home, 0.02, 0.02], 0.01 * tick
        monitor.on_joints(names, positions, [-1.0] * 9, stamp=now, now=now)
    probabilities = {"approach": 0.25, "grasp": 0.75}
    monitor.on_decision(Decision("grasp", probabilities, state_value=1.5), now=1.0)
    monitor.on_guard(Guard("ACTIVE", "", 10, 2, 1, 0, 0.0), now=1.0)
    monitor.on_action(3, 12, hold=False, now=1.0)
    text = lines(monitor, now=1.0)
    assert any(line.startswith("panda_joint4") and line.endswith("46 %") for line in text)
    assert any(line.startswith("gripper") and line.endswith("40.0 mm") for line in text)
    assert any(line.startswith("grasp") and line.endswith("75.0 %") for line in text)
    assert "guard             active" in text
    assert "commands          10 passed, 2 clamped, 1 rejected, 0 periods late" in text
    assert "episode           3, period 12" in text
    assert "real-time factor  1.00" in text
    assert any(line.startswith("joint_states") and line.endswith(" 100.0 Hz") for line in text)


def test_a_topic_that_falls_silent_is_marked(monitor: SystemMonitor) -> None:
    monitor.on_goal((0, 0, 0), now=0.0)
    assert "goal_pose  silent" in lines(monitor, now=5.0)


def test_the_internal_state_and_its_alarm_are_shown(monitor: SystemMonitor) -> None:
    phases = {"approach": 0.1, "grasp": 0.9}
    monitor.on_insight(Insight(phases, failure=0.3, surprise=2.5, alarm=True), now=0.0)
    text = lines(monitor, now=0.1)
    assert any(line.startswith("grasp") and line.endswith("90.0 %") for line in text)
    assert any(line.startswith("failure") and line.endswith("30.0 %") for line in text)
    alarm = next(line for line in text if line.startswith("surprise"))
    assert alarm.split()[-2:] == ["2.50", "ALARM"]
    assert any("alarms 1" in line for line in lines(monitor, now=5.0))


def test_bars_stay_within_their_width() -> None:
    assert bar(0.5, "", 10).plain == "█████─────"
    assert bar(7.0, "", 10).plain == "█" * 10
    assert bar(-1.0, "", 10).plain == "─" * 10
    assert marker(0.0, "", 10).plain == "█" + "─" * 9
    assert marker(2.0, "", 10).plain == "─" * 9 + "█"
