"""The running system as text for a terminal, made from what a monitor knows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from introspect.monitor import SystemMonitor
from introspect_description import ArmDescription

_WIDTH = 30  # of a bar [characters]
_GUARD_STYLES = {"IDLE": "dim", "ACTIVE": "green", "STOPPING": "yellow", "FAULT": "bold red"}


def render(monitor: SystemMonitor, arm: ArmDescription, now: float) -> RenderableType:
    """Everything on one screen.

    Args:
        monitor: what is known.
        arm: whose joints and limits are shown.
        now: time on the monitor's clock [s].
    """
    return Group(
        Panel(_joints(monitor, arm), title=f"joints of {arm.name}", title_align="left"),
        Panel(_behaviours(monitor), title="behaviour", title_align="left"),
        Panel(_insight(monitor, now), title="internal state", title_align="left"),
        Panel(_state(monitor, now), title="state", title_align="left"),
        Panel(_rates(monitor, now), title="topics", title_align="left"),
    )


def _joints(monitor: SystemMonitor, arm: ArmDescription) -> Table:
    table = _grid(_WIDTH)
    limits = arm.limits
    for name, lower, upper, fastest in zip(
        limits.names, limits.lower, limits.upper, limits.velocity, strict=True
    ):
        if name not in monitor.joints:
            table.add_row(name, "", Text("silent", style="yellow"), "")
            continue
        position, velocity = monitor.joints[name]
        share = (position - lower) / (upper - lower)
        near = min(position - lower, upper - position) < 0.05 * (upper - lower)
        table.add_row(
            name,
            marker(share, "red" if near else "blue"),
            f"{math.degrees(position):+7.1f}°",
            f"{math.degrees(velocity):+6.1f}°/s {100 * abs(velocity) / fastest:3.0f} %",
        )
    fingers = [monitor.joints[n][0] for n in arm.gripper.joint_names if n in monitor.joints]
    if fingers:
        width = sum(fingers)
        share = width / arm.gripper.width_max
        table.add_row("gripper", bar(share, "blue"), f"{1000 * width:6.1f} mm", "")
    return table


def _behaviours(monitor: SystemMonitor) -> RenderableType:
    decision = monitor.decision
    if decision is None:
        return Text("no decision yet", style="dim")
    table = _grid(_WIDTH)
    for name, probability in decision.probabilities.items():
        style = "bold green" if name == decision.active else ""
        table.add_row(
            Text(name, style=style),
            bar(probability, style or "dim"),
            Text(f"{100 * probability:5.1f} %", style=style),
            "",
        )
    table.add_row("state value", "", f"{decision.state_value:.2f}", "")
    return table


def _insight(monitor: SystemMonitor, now: float) -> RenderableType:
    if not monitor.insights:
        return Text("no internal state yet", style="dim")
    latest = monitor.insights[-1]
    table = _grid(_WIDTH)
    for name, probability in latest.phases.items():
        style = "bold blue" if name == latest.phase else ""
        share = Text(f"{100 * probability:5.1f} %", style=style)
        table.add_row(Text(name, style=style), bar(probability, style or "dim"), share, "")
    failure = f"{100 * latest.failure:5.1f} %"
    table.add_row("failure", bar(latest.failure, "yellow"), failure, "")
    ringing = latest.alarm and not monitor.silent(["internal_state"], now)
    text = Text("ALARM", style="bold red") if ringing else Text(f"alarms {monitor.alarms}")
    surprise = bar(0.5 * latest.surprise, "red" if ringing else "blue")
    table.add_row("surprise", surprise, f"{latest.surprise:5.2f}", text)
    return table


def _state(monitor: SystemMonitor, now: float) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = []
    guard = monitor.guard
    if guard is not None and "guard/status" not in monitor.silent(["guard/status"], now):
        text = Text(guard.state.lower(), style=_GUARD_STYLES[guard.state])
        if guard.reason:
            text.append(f": {guard.reason}")
        counts = f"{guard.passed} passed, {guard.clamped} clamped, {guard.rejected} rejected"
        rows += [("guard", text), ("commands", Text(f"{counts}, {guard.late} periods late"))]
    else:
        rows.append(("guard", Text("silent", style="yellow")))
    if monitor.episode:
        under_way = "" if monitor.moving else ", ended"
        rows.append(("episode", Text(f"{monitor.episode}, period {monitor.sequence}{under_way}")))
    if monitor.episodes:
        rows.append(("succeeded", Text(f"{monitor.successes} of {monitor.episodes} seen")))
    if monitor.distance is not None:
        rows.append(("object to goal", Text(f"{100 * monitor.distance:.1f} cm")))
    if monitor.real_time.value is not None:
        rows.append(("real-time factor", Text(f"{monitor.real_time.value:.2f}")))
    table = Table.grid(padding=(0, 2))
    for label, value in rows:
        table.add_row(label, value)
    return table


def _rates(monitor: SystemMonitor, now: float) -> RenderableType:
    if not monitor.rates:
        return Text("nothing heard yet: is a graph running in this domain?", style="yellow")
    table = Table.grid(padding=(0, 2))
    for topic, meter in sorted(monitor.rates.items()):
        if meter.silent(now):
            table.add_row(topic, Text("silent", style="yellow"))
        else:
            table.add_row(topic, f"{meter.hertz(now):7.1f} Hz")
    return table


def bar(share: float, style: str, width: int = _WIDTH) -> Text:
    """A bar filled from the left to ``share`` of its width, 0 to 1."""
    full = round(width * min(max(share, 0.0), 1.0))
    return Text("█" * full, style=style) + Text("─" * (width - full), style="dim")


def marker(share: float, style: str, width: int = _WIDTH) -> Text:
    """A line with a mark at ``share`` of its width, 0 to 1."""
    at = round((width - 1) * min(max(share, 0.0), 1.0))
    left, right = Text("─" * at, style="dim"), Text("─" * (width - 1 - at), style="dim")
    return left + Text("█", style=style) + right


def _grid(bar_width: int) -> Table:
    table = Table.grid(padding=(0, 2))
    columns: Iterable[int | None] = (None, bar_width, None, None)
    for width in columns:
        table.add_column(min_width=width)
    return table
