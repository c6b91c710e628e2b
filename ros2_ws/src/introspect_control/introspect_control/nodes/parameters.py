"""ROS parameters from a frozen dataclass: one schema for type, default, range and description."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

P = TypeVar("P", bound="NodeParameters")


class ConfigurationError(Exception):
    """A node cannot work as it was asked to; the message tells the person what to do next."""


def parameter(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = True,
) -> Any:
    """One field of a parameter dataclass.

    Args:
        default: of type bool, int, float, str, or a tuple of one of these.
        description: one line for ``ros2 param describe``, with the unit in brackets.
        minimum: smallest value allowed.
        maximum: largest value allowed.
        choices: the only strings allowed, where there is such a list.
        read_only: whether the value is fixed once the node has started.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "description": description,
            "minimum": minimum,
            "maximum": maximum,
            "choices": choices,
            "read_only": read_only,
        },
    )


@dataclass(frozen=True)
class NodeParameters:
    """Parameters that every node has."""

    autostart: bool = parameter(True, "configure and activate without waiting to be asked")


def declare_parameters(node: Node, schema: type[P]) -> P:
    """Declare every field of ``schema`` on ``node`` and read the values it was started with.

    Later changes of fields that are not read-only go through the schema's own validation.

    Args:
        node: on which to declare.
        schema: a frozen dataclass whose fields come from ``parameter()``.

    Returns:
        The values.

    Raises:
        ConfigurationError: A value of the wrong type, outside its range, or refused by the schema.
    """
    types = typing.get_type_hints(schema)
    values = {}
    for field in dataclasses.fields(schema):
        if "description" not in field.metadata:
            raise TypeError(f"{schema.__name__}.{field.name} must be declared with parameter()")
        value = _declare(node, field)
        values[field.name] = _from_ros(field.name, value, types[field.name], field.metadata)
    return build(schema, values)


def build(schema: type[P], values: dict[str, Any]) -> P:
    """Make the dataclass, with its own validation's ``ValueError`` as a ``ConfigurationError``."""
    try:
        return schema(**values)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def change(parameters: P, changes: list[Parameter[Any]]) -> P:
    """The dataclass with some values changed at run time.

    Raises:
        ConfigurationError: A value that the schema refuses.
    """
    types = typing.get_type_hints(type(parameters))
    fields = {field.name: field for field in dataclasses.fields(parameters)}
    values = {name: getattr(parameters, name) for name in fields}
    for item in changes:
        if item.name in fields:
            metadata = fields[item.name].metadata
            values[item.name] = _from_ros(item.name, item.value, types[item.name], metadata)
    return build(type(parameters), values)


def _declare(node: Node, field: dataclasses.Field[Any]) -> Any:
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    descriptor = _descriptor(field)
    try:
        return node.declare_parameter(field.name, default, descriptor).value
    except InvalidParameterTypeException as error:
        # `-p realtime:=2` arrives as an integer; a person means 2.0.
        given = _given_value(node, field.name)
        if isinstance(default, float) and isinstance(given, int) and not isinstance(given, bool):
            try:
                return node.declare_parameter(
                    field.name, float(given), descriptor, ignore_override=True
                ).value
            except ParameterException as inner:
                raise ConfigurationError(_refusal(field, given)) from inner
        raise ConfigurationError(_refusal(field, given)) from error
    except ParameterException as error:
        raise ConfigurationError(_refusal(field, _given_value(node, field.name))) from error


def _given_value(node: Node, name: str) -> Any:
    """The value a parameter was started with, whatever its type."""
    value = node.declare_parameter(
        name, None, ParameterDescriptor(dynamic_typing=True, read_only=False)
    ).value
    node.undeclare_parameter(name)
    return value


def _refusal(field: dataclasses.Field[Any], given: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    allowed = kinds.get(type(field.default), "a list")
    low, high = field.metadata["minimum"], field.metadata["maximum"]
    if low is not None or high is not None:
        allowed += f" in [{'-inf' if low is None else low}, {'inf' if high is None else high}]"
    return (
        f"parameter {field.name!r} is {given!r}; it must be {allowed}: "
        f"{field.metadata['description']}"
    )


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    meta = field.metadata
    descriptor = ParameterDescriptor(
        description=meta["description"],
        read_only=meta["read_only"],
        additional_constraints=f"one of {', '.join(meta['choices'])}" if meta["choices"] else "",
    )
    low, high = meta["minimum"], meta["maximum"]
    if low is not None or high is not None:
        if isinstance(field.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(
                    from_value=float("-inf") if low is None else float(low),
                    to_value=float("inf") if high is None else float(high),
                )
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(
                    from_value=-(2**63) if low is None else int(low),
                    to_value=2**63 - 1 if high is None else int(high),
                    step=1,
                )
            ]
    return descriptor


def _from_ros(name: str, value: Any, kind: Any, metadata: Any) -> Any:
    if metadata["choices"] and value not in metadata["choices"]:
        raise ConfigurationError(
            f"parameter {name!r} is {value!r}; allowed: {', '.join(metadata['choices'])}"
        )
    if typing.get_origin(kind) is tuple:
        return tuple(value)
    return value
