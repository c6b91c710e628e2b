"""Tasks: where episodes start, what a policy sees and asks for, and when it has succeeded."""

from introspect_sim.tasks.action import ACTION_NAMES, ACTION_SIZE, POLICY_PERIOD, decode
from introspect_sim.tasks.observation import OBSERVATION, ObservationLayout, observe
from introspect_sim.tasks.pick_and_place import (
    PickAndPlace,
    PickAndPlaceConfig,
    Start,
    make_task,
)

__all__ = [
    "ACTION_NAMES",
    "ACTION_SIZE",
    "OBSERVATION",
    "POLICY_PERIOD",
    "ObservationLayout",
    "PickAndPlace",
    "PickAndPlaceConfig",
    "Start",
    "decode",
    "make_task",
    "observe",
]
