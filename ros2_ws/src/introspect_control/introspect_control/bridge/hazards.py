"""What an arm that the bridge drives has to stay clear of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from introspect_control.guard import ClearanceWatch, Hazard, SelfCollision, Workspace

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig
    from introspect_control.kinematics import KinematicChain
    from introspect_description import ArmDescription


def make_watch(arm: ArmDescription, chain: KinematicChain, config: BridgeConfig) -> ClearanceWatch:
    """Watch over the workspace and, unless its margin is 0, over collisions.

    Raises:
        ValueError: Corners that span no box.
        CollisionError: No collision model can be made.
    """
    hazards: list[Hazard] = [Workspace(chain, config.workspace_lower, config.workspace_upper)]
    if config.collision_margin > 0.0:
        from introspect_control.collision import CollisionModel  # needs MuJoCo

        hazards.append(SelfCollision(CollisionModel(arm), config.collision_margin))
    return ClearanceWatch(arm, hazards)
