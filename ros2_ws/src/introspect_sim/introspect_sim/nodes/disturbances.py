"""The service ``perturb_world``, for whichever arm stands beside the table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from introspect_msgs.srv import PerturbWorld

from introspect_sim.task_scene import SimulationError, TaskScene


def disturb(
    scene: TaskScene,
    drop_object: Callable[[], str],
    request: PerturbWorld.Request,
    response: PerturbWorld.Response,
) -> None:
    """Do what is asked for, and answer.

    Args:
        scene: with the object and the goal.
        drop_object: opens the gripper, and says so.
        request: what is asked for.
        response: filled in.
    """
    vector = np.array([request.vector.x, request.vector.y, request.vector.z])
    try:
        if request.kind == PerturbWorld.Request.PUSH_OBJECT:
            response.message = scene.push_object(vector)
        elif request.kind == PerturbWorld.Request.DROP_OBJECT:
            response.message = drop_object()
        elif request.kind == PerturbWorld.Request.MOVE_GOAL:
            response.message = scene.move_goal(vector)
        else:
            raise SimulationError(
                f"kind {request.kind} does not exist: 0 pushes the object, 1 drops it, "
                "2 moves the goal"
            )
    except SimulationError as error:
        response.message = str(error)
    else:
        response.success = True
