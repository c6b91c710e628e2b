"""The task's own view of its phases."""

from __future__ import annotations

import numpy as np

from introspect_learning.behaviours.teacher import PHASES, Teacher
from introspect_sim.tasks import OBSERVATION


def test_the_phase_has_the_name_of_the_behaviour_that_the_script_would_use() -> None:
    teacher = Teacher()
    observation = np.zeros(OBSERVATION.size, dtype=np.float32)
    offset, width = OBSERVATION.slice("object_minus_tool"), OBSERVATION.slice("gripper_width")

    observation[offset], observation[width] = (0.1, 0.0, -0.2), 0.08
    assert teacher.phase(observation) == "approach"
    observation[offset] = (0.0, 0.0, -0.06)
    assert teacher.phase(observation) == "grasp"
    observation[offset], observation[width] = (0.0, 0.0, 0.0), 0.04
    assert teacher.phase(observation) == "retract"
    assert len(PHASES) == 3
