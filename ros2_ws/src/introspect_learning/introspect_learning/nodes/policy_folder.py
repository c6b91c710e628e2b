"""Parameters and loading that the nodes of a policy have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from introspect_control.nodes.runtime import ConfigurationError, NodeParameters, parameter
from introspect_description import ArmDescription, DescriptionError
from introspect_learning.models import ContractError, shipped

DECISIONS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Decisions of the choreographer: none is lost, and who joins later sees the latest ones."""


@dataclass(frozen=True)
class PolicyParameters(NodeParameters):
    """Which policy, for which arm."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    model: str = parameter("", "folder of the whole policy; empty: the shipped one")


def load_arm(parameters: PolicyParameters) -> ArmDescription:
    """The arm asked for.

    Raises:
        ConfigurationError: There is none of that name, or its description is broken.
    """
    try:
        return ArmDescription.load(parameters.arm)
    except DescriptionError as error:
        raise ConfigurationError(str(error)) from error


def policy_folder(parameters: PolicyParameters) -> Path:
    """The folder asked for.

    Raises:
        ConfigurationError: No policy is shipped.
    """
    try:
        return Path(parameters.model).expanduser() if parameters.model else shipped("bbrl")
    except ContractError as error:
        raise ConfigurationError(str(error)) from error
