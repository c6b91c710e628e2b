"""How far ahead the first point of each trajectory is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from introspect_control.bridge.config import BridgeConfig

if TYPE_CHECKING:
    from introspect_description import ArmDescription


def lead_of(arm: ArmDescription) -> int:
    """Periods until the first point, where commands do not arrive in lockstep.

    What is streamed position by position has no points that an arm could make up for a delay until.

    Args:
        arm: whose controller is commanded.
    """
    return 1 if arm.controller.interface == "joint_group_position" else BridgeConfig.lead
