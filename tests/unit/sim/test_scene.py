"""The MuJoCo scene holds what the arm's description says."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_description import ArmDescription

pytest.importorskip("mujoco")

from introspect_sim.worlds.scene import GRIPPER, build_scene


def test_the_camera_has_the_angle_of_view_that_its_camera_info_tells() -> None:
    arm = ArmDescription.load("panda")
    model = build_scene(arm, visible=True).compile()
    assert model.ncam == 1
    assert np.radians(model.cam_fovy[0]) == pytest.approx(arm.camera.vertical_fov)


def test_the_fingers_close_with_the_grip_force_of_the_arm_s_data() -> None:
    arm = ArmDescription.load("panda")
    model = build_scene(arm).compile()
    strongest = model.actuator(GRIPPER).forcerange
    assert strongest.tolist() == [-arm.gripper.grip_force, arm.gripper.grip_force]
