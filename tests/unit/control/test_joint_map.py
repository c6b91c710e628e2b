"""Joints are matched by name, and by nothing else."""

import numpy as np
import pytest

from introspect_control.bridge import JointMap, JointMapError
from introspect_description import ArmDescription

NAMES = ArmDescription.load("panda").joint_names
POSITION = np.arange(7.0)
VELOCITY = -np.arange(7.0)


def test_joints_are_picked_by_name_in_whatever_order_they_come() -> None:
    joints = JointMap(NAMES)
    order = [6, 2, 0, 5, 1, 4, 3]

    position, velocity = joints.read(
        [NAMES[i] for i in order], POSITION[order].tolist(), VELOCITY[order].tolist()
    )

    np.testing.assert_array_equal(position, POSITION)
    np.testing.assert_array_equal(velocity, VELOCITY)


def test_joints_of_other_devices_are_left_aside() -> None:
    joints = JointMap(NAMES)
    names = ["lift", *NAMES, "panda_finger_joint1"]

    position, _ = joints.read(names, [9.0, *POSITION, 9.0], [9.0, *VELOCITY, 9.0])

    np.testing.assert_array_equal(position, POSITION)


def test_an_order_that_changes_between_messages_is_followed() -> None:
    joints = JointMap(NAMES)
    joints.read(NAMES, POSITION.tolist(), VELOCITY.tolist())

    position, _ = joints.read(NAMES[::-1], POSITION[::-1].tolist(), VELOCITY[::-1].tolist())

    np.testing.assert_array_equal(position, POSITION)


@pytest.mark.parametrize(
    "names",
    [
        [name.replace("panda", "fr3") for name in NAMES],
        NAMES[:6],
        (*NAMES, NAMES[0]),
        (),
    ],
)
def test_missing_or_doubled_joints_are_refused_with_both_lists(names: list[str]) -> None:
    values = [0.0] * len(names)

    with pytest.raises(JointMapError) as refusal:
        JointMap(NAMES).read(names, values, values)

    assert f"expected joints: {', '.join(NAMES)}; received: " in str(refusal.value)
    assert f"received: {', '.join(names) or 'none'};" in str(refusal.value)


def test_missing_velocities_are_refused() -> None:
    with pytest.raises(JointMapError, match="7 joint names but 0 velocities; the driver must"):
        JointMap(NAMES).read(NAMES, POSITION.tolist(), [])


def test_a_value_that_is_not_finite_is_refused_with_its_joint() -> None:
    position = POSITION.copy()
    position[4] = np.nan

    with pytest.raises(JointMapError, match="positions of panda_joint5 must be finite"):
        JointMap(NAMES).read(NAMES, position.tolist(), VELOCITY.tolist())
