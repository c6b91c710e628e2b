"""The parameters of the mock arm's node."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from introspect_control.nodes.runtime import NodeParameters, parameter
from introspect_sim.mock import Manners
from introspect_sim.worlds import WORLDS


@dataclass(frozen=True)
class MockArmParameters(NodeParameters, Manners):
    """Which arm, what goes wrong, and its manners (see ``introspect_sim.mock.Manners``)."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    backend: str = parameter("mujoco", "physics engine", choices=WORLDS)
    task: str = parameter("pick_and_place", "task whose starts reset_world draws")
    seed: int = parameter(0, "of the first start, and of errors, noise and losses", minimum=0)
    camera: bool = parameter(False, "publish the camera while somebody listens")
    poses: bool = parameter(True, "publish object_pose and goal_pose, as a perception node would")
    faults: str = parameter(
        "", "schedule: YAML list of {fault, value, at [s], duration [s]}, or the path of a file"
    )

    @property
    def manners(self) -> Manners:
        """The manners alone."""
        names = [field.name for field in dataclasses.fields(Manners)]
        return Manners(**{name: getattr(self, name) for name in names})
