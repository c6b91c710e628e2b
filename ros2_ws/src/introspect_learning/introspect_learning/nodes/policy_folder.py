"""Parameters and loading that the nodes of a policy have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from introspect_control.nodes.runtime import ConfigurationError, NodeParameters, parameter
from introspect_description import ArmDescription, DescriptionError
from introspect_learning.models import Contract, ContractError, shipped

DECISIONS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""Decisions of the choreographer: none is lost, and who joins later sees the latest ones."""

ACTIVATIONS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=60, reliability=ReliabilityPolicy.RELIABLE
)
"""Activations come as one message a layer: ten periods of six layers."""


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


class PublishedLayers(NamedTuple):
    """Whose activations are published."""

    asked: tuple[str, ...]  # the choreographer listens to them, and is waited for
    told: tuple[str, ...]  # whoever likes to know


def published_layers(folder: Path, behaviours: Contract, wanted: Sequence[str]) -> PublishedLayers:
    """Layers to publish: what the choreographer of the folder listens to, and what is wanted.

    A folder without a choreographer, or with a broken one, is for that node to refuse; whoever
    chooses instead is given all that is wanted.

    Args:
        folder: of the policy.
        behaviours: contract of its behaviours.
        wanted: names of further layers.

    Raises:
        ConfigurationError: A layer that the behaviours do not have.
    """
    try:
        asked = tuple(Contract.read(folder / "choreographer", "choreographer").layers)
    except ContractError:
        asked = tuple(dict.fromkeys(wanted))
    told = tuple(name for name in dict.fromkeys(wanted) if name not in asked)
    if unknown := [name for name in (*asked, *told) if name not in behaviours.layers]:
        raise ConfigurationError(
            f"these behaviours have no layer {', '.join(unknown)}; "
            f"there are {', '.join(behaviours.layers)}"
        )
    return PublishedLayers(asked, told)
