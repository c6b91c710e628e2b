"""What one process does on the ROS graph, as plain data, and with which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introspect_description import ArmDescription

ROOT = "/introspect"
"""Enclaves are below it."""

STATE, COMMAND, GRIPPER = "{state}", "{command}", "{gripper}"
COMMAND_ACTION, GRIPPER_ACTION, MANAGER = "{command action}", "{gripper action}", "{manager}"
"""Stand for what another arm has other names for, or has not."""

_LIFECYCLE_SERVICES = (
    "~/change_state",
    "~/get_available_states",
    "~/get_available_transitions",
    "~/get_state",
    "~/get_transition_graph",
)
_PARAMETER_SERVICES = (
    "~/describe_parameters",
    "~/get_parameter_types",
    "~/get_parameters",
    "~/get_type_description",
    "~/list_parameters",
    "~/set_parameters",
    "~/set_parameters_atomically",
)


@dataclass(frozen=True)
class Rights:
    """Names of what a process may do.

    As in its code: relative to the namespace, ``/absolute``, or private to its node (``~/name``).
    """

    publishes: tuple[str, ...] = ()  # topics
    subscribes: tuple[str, ...] = ()  # topics
    serves: tuple[str, ...] = ()  # services that it answers
    calls: tuple[str, ...] = ()  # services that it asks
    executes: tuple[str, ...] = ()  # actions that it carries out
    orders: tuple[str, ...] = ()  # actions that it asks for

    def __add__(self, other: Rights) -> Rights:
        """What either of them may do."""
        return Rights(
            **{f.name: (*getattr(self, f.name), *getattr(other, f.name)) for f in fields(self)}
        )

    def of(self, arms: Iterable[ArmDescription]) -> Rights:
        """The same with these arms' names, each once, sorted."""
        known = [arm_names(arm) for arm in arms]

        def resolved(names: Iterable[str]) -> tuple[str, ...]:
            found = {real for name in names for arm in known for real in arm.get(name, (name,))}
            return tuple(sorted(found))

        return Rights(**{f.name: resolved(getattr(self, f.name)) for f in fields(self)})


EVERY_NODE = Rights(publishes=("/parameter_events",), serves=_PARAMETER_SERVICES)
"""What rcl and rclpy do for a node without being asked."""

MANAGED_NODE = EVERY_NODE + Rights(
    publishes=("/diagnostics", "/rosout", "~/transition_event"),
    subscribes=("/clock",),  # with use_sim_time
    serves=_LIFECYCLE_SERVICES,
)
"""What every ``ManagedNode`` does."""


@dataclass(frozen=True)
class Access:
    """One process: one node, one enclave.

    ``STATE`` and its like stand for the arm's names.
    """

    node: str  # name of its node
    own: Rights  # what it does itself
    usual: Rights = MANAGED_NODE  # what comes with its kind of node
    with_driver: Rights = Rights()  # what it does beside that where a ROS 2 driver runs the arm

    @property
    def enclave(self) -> str:
        """The name under which its keys are kept."""
        return enclave_of(self.node)

    @property
    def all(self) -> Rights:
        """Everything that it may do, with ``STATE`` and its like."""
        return self.usual + self.own + self.with_driver

    def rights(self, arms: Iterable[ArmDescription]) -> Rights:
        """Everything that it may do, with the names of these arms.

        Args:
            arms: that it may have to do with.
        """
        return self.all.of(arms)


def enclave_of(node: str) -> str:
    """The enclave of a node."""
    return f"{ROOT}/{node}"


def arm_names(arm: ArmDescription) -> Mapping[str, tuple[str, ...]]:
    """An arm's names, by the words that stand for them in ``Rights``."""
    controller, gripper = arm.controller, arm.gripper.real
    by_action = controller.interface.startswith("follow")
    gripper_by_action = gripper is not None and "/action/" in gripper.command_type
    gripper_topics = {arm.gripper.command_topic}
    if gripper is not None and "/msg/" in gripper.command_type:
        gripper_topics.add(gripper.command_name)
    return {
        STATE: (controller.state_topic,),
        COMMAND: (controller.trajectory_topic if by_action else controller.command_name,),
        COMMAND_ACTION: (controller.command_name,) if by_action else (),
        GRIPPER: tuple(gripper_topics),
        GRIPPER_ACTION: (gripper.command_name,) if gripper and gripper_by_action else (),
        MANAGER: (f"{controller.manager}/list_controllers",),
    }
