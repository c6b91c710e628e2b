"""The words and bars of the page, as HTML made from what is known of the system."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence

from introspect.monitor import REMEMBERED, SystemMonitor
from introspect_description import JointLimits

_PHASE, _FAILURE, _ALARM = "#1971c2", "#e67700", "#c92a2a"
_ACCENT, _TRACK, _QUIET = "#2b8a3e", "rgba(128,128,128,0.25)", "opacity:0.65"
_GUARD_COLOURS = {
    "IDLE": "#868e96",
    "ACTIVE": "#2b8a3e",
    "STOPPING": "#e67700",
    "FAULT": "#c92a2a",
}
WATCHED = ("joint_states", "object_pose", "goal_pose", "guard/status")
"""Topics without which the page has nothing to show."""


def behaviours(monitor: SystemMonitor) -> str:
    """Each behaviour with its probability; the active one stands out."""
    decision = monitor.decision
    if decision is None:
        return _box([f'<span style="{_QUIET}">no decision yet</span>'])
    rows = [
        _bar(
            html.escape(name),
            probability,
            f"{100 * probability:.0f} %",
            bold=name == decision.active,
            colour=_ACCENT if name == decision.active else "#868e96",
        )
        for name, probability in decision.probabilities.items()
    ]
    return _box([*rows, _line("state value", f"{decision.state_value:.2f}")])


def insight(monitor: SystemMonitor, now: float) -> str:
    """Phase, failure and surprise as the internal state tells them, and how they came to be.

    Args:
        monitor: what is known.
        now: time on the monitor's clock [s].
    """
    if not monitor.insights:
        return _box([f'<span style="{_QUIET}">no internal state yet</span>'])
    latest = monitor.insights[-1]
    silent = bool(monitor.silent(["internal_state"], now))
    rows = []
    if latest.alarm and not silent:
        rows.append(_chip(f"disturbance alarm, surprise {latest.surprise:.1f}", _ALARM))
    for name, probability in latest.phases.items():
        colour = _PHASE if name == latest.phase else "#868e96"
        share = f"{100 * probability:.0f} %"
        bold = name == latest.phase
        rows.append(_bar(html.escape(name), probability, share, bold=bold, colour=colour))
    chance = f"{100 * latest.failure:.0f} %"
    rows.append(_bar("failure", latest.failure, chance, colour=_FAILURE))
    rows.append(_line("surprise (alarm from 1)", f"{latest.surprise:.2f}"))
    past = monitor.insights
    rows.append(
        _plot(
            {
                _FAILURE: [100 * one.failure for one in past],
                _ALARM: [100 * min(0.5 * one.surprise, 1.0) for one in past],
            },
            100 * 0.5,
        )
    )
    rows.append(_line("alarms", f"{monitor.alarms}"))
    return _box(rows)


def state(monitor: SystemMonitor, now: float) -> str:
    """Guard, episode, results and speed.

    Args:
        monitor: what is known.
        now: time on the monitor's clock [s].
    """
    rows = []
    if silent := monitor.silent(WATCHED, now):
        rows.append(_chip(f"waiting for {', '.join(silent)}", "#e67700"))
    if monitor.guard is not None:
        guard = monitor.guard
        rows.append(_chip(f"guard {guard.state.lower()}", _GUARD_COLOURS[guard.state]))
        if guard.reason:
            rows.append(f"<div>{html.escape(guard.reason)}</div>")
    if monitor.episode:
        rows.append(_line("episode", f"{monitor.episode}, period {monitor.sequence}"))
    if monitor.distance is not None:
        rows.append(_line("object to goal", f"{100 * monitor.distance:.1f} cm"))
    if monitor.episodes:
        share = 100 * monitor.successes / monitor.episodes
        counts = f"{monitor.successes} of {monitor.episodes} ({share:.0f} %)"
        rows.append(_line("succeeded", counts))
    if monitor.real_time.value is not None:
        rows.append(_line("real-time factor", f"{monitor.real_time.value:.2f}"))
    return _box(rows)


def joints(monitor: SystemMonitor, limits: JointLimits) -> str:
    """Where each joint stands between its limits."""
    rows = []
    for name, lower, upper in zip(limits.names, limits.lower, limits.upper, strict=True):
        if name in monitor.joints:
            position, _ = monitor.joints[name]
            share = (position - lower) / (upper - lower)
            rows.append(_bar(html.escape(name), share, f"{position:+.2f} rad", colour="#1971c2"))
    return _box(rows)


def _bar(label: str, share: float, value: str, *, colour: str, bold: bool = False) -> str:
    width = 100 * min(max(share, 0.0), 1.0)
    weight = "600" if bold else "400"
    return (
        f'<div style="display:flex;justify-content:space-between;font-weight:{weight}">'
        f"<span>{label}</span><span>{value}</span></div>"
        f'<div style="background:{_TRACK};border-radius:3px;height:6px;margin-bottom:5px">'
        f'<div style="background:{colour};width:{width:.1f}%;height:6px;border-radius:3px"></div>'
        "</div>"
    )


def _plot(curves: Mapping[str, Sequence[float]], mark: float) -> str:
    """Curves from 0 to 100 by their colours, the latest on the right, with a dotted mark."""
    lines = []
    for colour, values in curves.items():
        at = range(REMEMBERED - len(values), REMEMBERED)
        points = " ".join(
            f"{x},{100 - y:.0f}" for x, y in zip(at, values, strict=True) if math.isfinite(y)
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5" '
            'vector-effect="non-scaling-stroke"/>'
        )
    return (
        f'<svg viewBox="0 0 {REMEMBERED} 100" preserveAspectRatio="none" '
        f'style="width:100%;height:44px;background:{_TRACK};border-radius:3px">'
        f'<line x1="0" x2="{REMEMBERED}" y1="{100 - mark:.0f}" y2="{100 - mark:.0f}" '
        f'stroke="#868e96" stroke-dasharray="3" vector-effect="non-scaling-stroke"/>'
        f"{''.join(lines)}</svg>"
    )


def _line(label: str, value: str) -> str:
    return (
        '<div style="display:flex;justify-content:space-between">'
        f'<span style="{_QUIET}">{label}</span><span>{value}</span></div>'
    )


def _chip(text: str, colour: str) -> str:
    return (
        f'<div style="display:inline-block;background:{colour};color:white;border-radius:9px;'
        f'padding:0 9px;margin-bottom:4px">{html.escape(text)}</div>'
    )


def _box(rows: Iterable[str]) -> str:
    content: Sequence[str] = list(rows)
    return (
        '<div style="padding:2px 12px 6px 12px;font-size:13px;line-height:1.5;'
        f'font-variant-numeric:tabular-nums">{"".join(content)}</div>'
    )
