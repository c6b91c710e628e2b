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

    asked: tuple[str, ...]  # with each question: who chooses listens to them, and is waited for
    told: tuple[str, ...]  # after the action: whoever likes to know listens to them


def published_layers(
    folder: Path, behaviours: Contract, asked: Sequence[str], told: Sequence[str]
) -> PublishedLayers:
    """Layers to publish, each once; those that the folder's choreographer listens to are asked.

    A folder without a choreographer, or with a broken one, is for that node to refuse; whoever
    chooses instead is asked with all of them.

    Args:
        folder: of the policy.
        behaviours: contract of its behaviours.
        asked: names of further layers that are asked.
        told: names of those that are told.

    Raises:
        ConfigurationError: A layer that the behaviours do not have.
    """
    try:
        heard = tuple(Contract.read(folder / "choreographer", "choreographer").layers)
    except ContractError:
        heard = tuple(told)
    first = tuple(dict.fromkeys((*heard, *asked)))
    then = tuple(name for name in dict.fromkeys(told) if name not in first)
    if unknown := [name for name in (*first, *then) if name not in behaviours.layers]:
        raise ConfigurationError(
            f"these behaviours have no layer {', '.join(unknown)}; "
            f"there are {', '.join(behaviours.layers)}"
        )
    return PublishedLayers(first, then)
