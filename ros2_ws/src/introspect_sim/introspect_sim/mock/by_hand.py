"""What an assistant does on the table between two episodes: no arm is moved by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from introspect_sim.task_scene import ROW, SimulationError, TaskScene

if TYPE_CHECKING:
    from introspect_control import KinematicChain
    from introspect_sim.worlds import World

CLEARANCE = 0.1  # of the tool from where an object is put down [m]


def put_object_at_start(world: World, scene: TaskScene, chain: KinematicChain, seed: int) -> str:
    """Put object and goal to a start of the task; what the gripper holds is taken out of it.

    Args:
        world: of one copy.
        scene: that draws the start.
        chain: of the arm, base to tool.
        seed: of the start, or -1 for the next one of the scene's own seed.

    Returns:
        What was done.

    Raises:
        SimulationError: A seed below -1, or the gripper is where the object is to lie.
    """
    place = scene.start(seed).object_pose[0, :3]
    tool, _ = chain.forward(world.joint_position)
    distance = float(np.linalg.norm(tool[0] - place))
    if distance < CLEARANCE:
        raise SimulationError(
            f"the gripper is {distance:.2f} m from where the object is to lie, less than "
            f"{CLEARANCE} m; move the arm away first, for example home"
        )
    drawn = scene.draw(seed)
    world.set_object_pose(ROW, scene.object_start[None])
    return f"{drawn}; the arm stays where it is"
