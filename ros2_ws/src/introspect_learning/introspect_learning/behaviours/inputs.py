"""Which parts of the observation the networks read, and how they are scaled."""

from __future__ import annotations

from introspect_sim.tasks import OBSERVATION

# Part of the observation -> scale that brings it to about [-1, 1] where precision matters.
INPUTS: dict[str, float] = {
    "gripper_width": 25.0,  # per metre
    "tool_position": 3.0,  # per metre
    "tool_velocity": 2.0,  # per metre a second
    "object_minus_tool": 20.0,  # per metre
    "goal_minus_object": 8.0,  # per metre
    "yaw_error": 2.0,  # per radian
}

INPUT_INDEX: list[int] = []
INPUT_SCALE: list[float] = []
for _part, _scale in INPUTS.items():
    _where = OBSERVATION.slice(_part)
    INPUT_INDEX += range(_where.start, _where.stop)
    INPUT_SCALE += [_scale] * (_where.stop - _where.start)
