"""The page about drivers has every driver and every parameter."""

from __future__ import annotations

import dataclasses

import pytest

from introspect_control.drivers import NAMES, Condition
from introspect_description import share_dir

PAGE = (share_dir() / "docs" / "hardware" / "drivers.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_driver_is_described(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("condition", list(Condition))
def test_every_condition_is_named(condition: Condition) -> None:
    assert condition.name in PAGE


def test_every_parameter_is_described() -> None:
    pytest.importorskip("rclpy", reason="NOT TESTED: parameters of driver_node; no ROS 2 here")
    from introspect_control.nodes.driver_node import DriverParameters
    from introspect_control.nodes.parameters import NodeParameters

    own = {f.name for f in dataclasses.fields(DriverParameters)}
    for name in own - {f.name for f in dataclasses.fields(NodeParameters)}:
        assert f"| `{name}` |" in PAGE
