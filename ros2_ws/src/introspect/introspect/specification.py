"""What a system of nodes is, as plain data: arguments, nodes, and what the end of a node means."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from introspect.errors import UsageError, did_you_mean

Value = bool | int | float | str

_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_NAMESPACE = re.compile(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*")


class OnExit(enum.Enum):
    """What the end of a node means for the run."""

    FAIL = "fail"
    """The node is critical: the arm gets a moment to come to rest, then the run ends in failure."""
    FINISH = "finish"
    """The node is the job: the run ends with this node's exit code."""
    REPORT = "report"
    """Nobody depends on the node: its end is reported and the run goes on."""


@dataclass(frozen=True)
class Argument:
    """One launch argument, written ``name:=value`` by both runners.

    Raises:
        UsageError: if the default is not a value that the argument itself allows.
    """

    name: str
    default: str
    help: str
    type: type[bool] | type[int] | type[float] | type[str] = str
    choices: tuple[str, ...] = ()  # allowed values; () where any value of the type will do
    minimum: float | None = None  # smallest number allowed
    maximum: float | None = None  # largest number allowed

    def __post_init__(self) -> None:
        """Check the default by its own rules."""
        self.parse(self.default)

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.type is bool:
            return "true, false"
        words = {int: "a whole number", float: "a number", str: "text"}[self.type]
        if self.minimum is None:
            return words
        if self.maximum is None:
            return f"{words}, {self.minimum:g} or more"
        return f"{words}, {self.minimum:g} to {self.maximum:g}"

    def parse(self, text: str) -> Value:
        """Turn ``text`` into a value of the argument's type.

        Raises:
            UsageError: naming the argument, the text and the allowed values.
        """
        if self.choices:
            if text not in self.choices:
                raise self._refusal(text)
            return text
        if self.type is bool:
            if text not in _BOOLEANS:
                raise self._refusal(text)
            return _BOOLEANS[text]
        if self.type is str:
            return text
        try:
            number = float(text) if self.type is float else int(text)
        except ValueError:
            raise self._refusal(text) from None
        lowest = -math.inf if self.minimum is None else self.minimum
        highest = math.inf if self.maximum is None else self.maximum
        if not math.isfinite(number) or not lowest <= number <= highest:
            raise self._refusal(text)
        return number

    def _refusal(self, text: str) -> UsageError:
        hint = did_you_mean(text, self.choices)
        return UsageError(f"{self.name}:={text} is not allowed.{hint} Allowed: {self.allowed}.")


@dataclass(frozen=True)
class FromArgument:
    """A parameter's value that comes from the launch argument of this name."""

    argument: str


@dataclass(frozen=True)
class ShareFile:
    """A path below the installed share folder of a package."""

    package: str
    path: str  # relative, with forward slashes


@dataclass(frozen=True)
class When:
    """A node's condition.

    The launch argument has this value, or any other one, and another condition holds too.
    """

    argument: str
    equals: Value = True
    negated: bool = False
    also: When | None = None

    @property
    def arguments(self) -> frozenset[str]:
        """Names of the launch arguments that it looks at."""
        others = self.also.arguments if self.also else frozenset()
        return others | {self.argument}

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the condition is met by these argument values."""
        met = (values[self.argument] == self.equals) is not self.negated
        return met and (self.also is None or self.also.holds(values))


@dataclass(frozen=True)
class AnyOf:
    """Holds where one of these conditions does."""

    conditions: tuple[When, ...]

    @property
    def arguments(self) -> frozenset[str]:
        """Names of the launch arguments that it looks at."""
        return frozenset().union(*(condition.arguments for condition in self.conditions))

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether one of them is met by these argument values."""
        return any(condition.holds(values) for condition in self.conditions)


Condition = When | AnyOf
Parameters = dict[str, Value | FromArgument | Condition]  # of a condition: whether it holds


@dataclass(frozen=True)
class NodeSpec:
    """One node: one process."""

    package: str
    executable: str
    name: str
    parameters: Mapping[str, Value | FromArgument | Condition] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()  # (from, to)
    arguments: tuple[str | ShareFile, ...] = ()  # not ROS's, before --ros-args
    condition: Condition | None = None  # None: always started
    on_exit: OnExit = OnExit.FAIL

    def __post_init__(self) -> None:
        """Freeze the parameters."""
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def parameter_values(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The node's parameters for these argument values."""

        def resolved(value: Value | FromArgument | Condition) -> Value:
            if isinstance(value, FromArgument):
                return values[value.argument]
            if isinstance(value, When | AnyOf):
                return value.holds(values)
            return value

        return {name: resolved(value) for name, value in self.parameters.items()}

    @property
    def arguments_used(self) -> frozenset[str]:
        """Names of the launch arguments that parameters or condition look at."""
        used = set(self.condition.arguments) if self.condition else set()
        for value in self.parameters.values():
            if isinstance(value, FromArgument):
                used.add(value.argument)
            elif isinstance(value, When | AnyOf):
                used |= value.arguments
        return frozenset(used)


@dataclass(frozen=True)
class Graph:
    """A system of nodes and the launch arguments that shape it.

    Every graph has the arguments ``namespace`` and ``log_level``, which go to each of its nodes.

    Raises:
        ValueError: if a node refers to an argument that the graph lacks, or a name comes twice.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    nodes: tuple[NodeSpec, ...]
    beside: bool = False  # whether it runs beside another one, in the same domain and namespace
    hardware: When | None = None  # when it moves a real arm; None: never

    def __post_init__(self) -> None:
        """Check that the graph hangs together."""
        declared = [argument.name for argument in self.arguments]
        for kind, names in (("argument", declared), ("node", [n.name for n in self.nodes])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"graph {self.name}: {kind} {', '.join(twice)} comes twice")
        wanted = {"namespace", "log_level"}
        for node in self.nodes:
            wanted |= node.arguments_used
        if self.hardware is not None:
            wanted |= self.hardware.arguments | {"arm", "armed", "speed"}
        if missing := sorted(wanted - set(declared)):
            raise ValueError(f"graph {self.name}: no argument {', '.join(missing)}")

    def resolve(self, given: Mapping[str, str]) -> dict[str, Value]:
        """Values of all arguments, from those given as text and the defaults of the others.

        Raises:
            UsageError: for an unknown argument or a value that its argument does not allow.
        """
        known = {argument.name: argument for argument in self.arguments}
        for name in given:
            if name not in known:
                raise UsageError(
                    f"graph {self.name} has no argument '{name}'.{did_you_mean(name, known)} "
                    f"It has: {', '.join(known)}."
                )
        values = {
            name: argument.parse(given.get(name, argument.default))
            for name, argument in known.items()
        }
        namespace = str(values["namespace"])
        if namespace and not _NAMESPACE.fullmatch(namespace):
            raise UsageError(
                f"namespace:={namespace} is not allowed. Allowed: words of letters, digits and _ "
                "that do not begin with a digit, joined by /."
            )
        return values

    def moves_hardware(self, values: Mapping[str, Value]) -> bool:
        """Whether it would move a real arm with these argument values."""
        return self.hardware is not None and self.hardware.holds(values)

    def chosen(self, values: Mapping[str, Value]) -> tuple[NodeSpec, ...]:
        """The nodes whose condition holds for these argument values."""
        return tuple(n for n in self.nodes if n.condition is None or n.condition.holds(values))


def absolute_namespace(namespace: str) -> str:
    """The namespace with its leading slash; ``""`` is the root, ``"/"``."""
    return "/" + namespace.strip("/")
