"""What an arm that the bridge drives has to stay clear of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from introspect_control.guard import ClearanceWatch, Hazard, SelfCollision, Workspace

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig
    from introspect_control.kinematics import KinematicChain
    from introspect_description import ArmDescription


_BEYOND_MARGIN = 0.05  # that distances are measured, so that most need not be [m]


def make_watch(arm: ArmDescription, chain: KinematicChain, config: BridgeConfig) -> ClearanceWatch:
    """Watch over the workspace and, unless its margin is 0, over collisions.

    Raises:
        ValueError: Corners that span no box, or a margin that home does not keep.
        CollisionError: No collision model can be made.
    """
    hazards: list[Hazard] = [Workspace(chain, config.workspace_lower, config.workspace_upper)]
    if config.collision_margin > 0.0:
        from introspect_control.collision import CollisionModel  # needs MuJoCo

        margin = config.collision_margin
        model = CollisionModel(arm, reach=margin + _BEYOND_MARGIN)
        nearest = model.collides(arm.home, margin)
        if nearest is not None:
            raise ValueError(
                f"collision_margin of {margin} m is more than there is at home between "
                f"{nearest.first} and {nearest.second}: {nearest.distance:.3f} m"
            )
        hazards.append(SelfCollision(model, margin))
    return ClearanceWatch(arm, hazards)
