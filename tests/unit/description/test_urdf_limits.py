"""What our data file allows is compared with what the driver's URDF allows."""

from __future__ import annotations

import dataclasses

import pytest

from introspect_description import ArmDescription, DescriptionError, exceeded_limits

ARMS = ("panda", "fr3", "iiwa14", "gen3", "xarm7")


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_keeps_the_limits_of_its_own_urdf(name: str) -> None:
    arm = ArmDescription.load(name)

    assert exceeded_limits(arm.limits, arm.urdf()) == ""


@pytest.mark.parametrize(
    ("field", "by", "problem"),
    [
        ("velocity", 0.5, "velocity of panda_joint3: 2.675 here, 2.175 there"),
        ("upper", 0.1, "upper of panda_joint3: 2.9973 here, 2.8973 there"),
        ("lower", -0.1, "lower of panda_joint3: -2.9973 here, -2.8973 there"),
    ],
)
def test_a_limit_that_goes_beyond_is_named_with_both_numbers(
    field: str, by: float, problem: str
) -> None:
    arm = ArmDescription.load("panda")
    wider = getattr(arm.limits, field).copy()
    wider[2] += by
    limits = dataclasses.replace(arm.limits, **{field: wider})

    assert exceeded_limits(limits, arm.urdf()) == problem


def test_tighter_limits_are_nothing_to_complain_of() -> None:
    arm = ArmDescription.load("panda")

    assert exceeded_limits(arm.limits.scaled(0.5, 0.5, 100.0), arm.urdf()) == ""


def test_another_arm_is_refused_with_both_lists() -> None:
    panda, fr3 = ArmDescription.load("panda"), ArmDescription.load("fr3")

    with pytest.raises(
        DescriptionError,
        match=r"no joint panda_joint1, .*it has fr3_joint1.*data file panda_joint1",
    ):
        exceeded_limits(panda.limits, fr3.urdf())


def test_what_is_no_xml_is_refused() -> None:
    with pytest.raises(DescriptionError, match="robot_description is not XML"):
        exceeded_limits(ArmDescription.load("panda").limits, "robot")
