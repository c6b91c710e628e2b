"""The decisions of the arm bridge, without ROS."""

from introspect_control.bridge.arm_bridge import (
    HELD_BY_POLICY,
    STOPPED_BY_HAND,
    ArmBridge,
)
from introspect_control.bridge.blocks import Finding
from introspect_control.bridge.config import ON_ALARM, BridgeConfig
from introspect_control.bridge.exchange import Action, BridgeOutput, BridgeStatus
from introspect_control.bridge.joint_map import JointMap, JointMapError
from introspect_control.bridge.motion_follower import MotionOutcome

__all__ = [
    "HELD_BY_POLICY",
    "ON_ALARM",
    "STOPPED_BY_HAND",
    "Action",
    "ArmBridge",
    "BridgeConfig",
    "BridgeOutput",
    "BridgeStatus",
    "Finding",
    "JointMap",
    "JointMapError",
    "MotionOutcome",
]
