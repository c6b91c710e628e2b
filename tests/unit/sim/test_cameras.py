"""Both engines' cameras see the same scene from the same place, in small pictures and large."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_description import ArmDescription
from introspect_sim.worlds import WorldError
from introspect_sim.worlds.offscreen import choose_offscreen_gl

# MuJoCo looks for GL when it is imported, which other tests have done: a process of its own.
PICTURES = """
import sys
import numpy as np
from introspect_description import ArmDescription
from introspect_sim.worlds import make_world

arm = ArmDescription.load("panda")
joints = np.stack([arm.home, arm.home + [0.5, 0.3, -0.2, 0.3, 0.2, -0.2, 0.4]])
objects = np.array([[0.5, 0.1, 0.02, 0, 0, 0, 1.0], [0.4, -0.2, 0.1, 0, 0, 0.38, 0.92]])
pictures = {}
for name in ("mujoco", "pybullet"):
    world = make_world(name, arm, n=2)
    world.reset(np.arange(2), joints, objects)
    for edge in (64, 200):
        shape = np.stack([world.render(row, edge, edge) for row in range(2)])
        pictures[f"{name}_{edge}"] = shape
    world.close()
np.savez(sys.argv[1], **pictures)
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.uint8]]:
    before = os.environ.get("MUJOCO_GL")
    try:
        choose_offscreen_gl()
        file = tmp_path_factory.mktemp("pictures") / "pictures.npz"
        subprocess.run([sys.executable, "-c", PICTURES, str(file)], check=True, timeout=120.0)
    except WorldError as error:
        pytest.skip(str(error))
    finally:
        os.environ.pop("MUJOCO_GL", None)
        if before is not None:
            os.environ["MUJOCO_GL"] = before
    with np.load(file) as content:
        return dict(content)


def red(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the object is."""
    r, g, b = np.moveaxis(picture.astype(int), -1, 0)
    mask: NDArray[np.bool_] = (r > 60) & (r > 2 * g) & (r > 2 * b)
    return mask


def brown(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the table shows: the rest is arm, object or background."""
    r, g, b = np.moveaxis(picture.astype(int), -1, 0)
    mask: NDArray[np.bool_] = (r > 1.1 * g) & (g > 1.1 * b) & (r < 2 * g)
    return mask


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("edge", [64, 200])
@pytest.mark.parametrize("row", [0, 1])
def test_both_engines_see_object_table_and_arm_in_the_same_place(
    pictures: dict[str, NDArray[np.uint8]], edge: int, row: int
) -> None:
    one, other = (pictures[f"{name}_{edge}"][row] for name in ("mujoco", "pybullet"))
    assert one.shape == other.shape == (edge, edge, 3)
    centres = [np.argwhere(red(picture)).mean(axis=0) for picture in (one, other)]
    assert np.abs(centres[0] - centres[1]).max() < 1.5  # pixels
    assert overlap(brown(one), brown(other)) > 0.95  # where arm and object do not hide it


def test_poses_are_told_apart(pictures: dict[str, NDArray[np.uint8]]) -> None:
    for picture in pictures.values():
        assert (picture[0] != picture[1]).any(axis=-1).mean() > 0.05


def test_the_still_background_of_pybullet_changes_no_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    pybullet_studio = pytest.importorskip("introspect_sim.worlds.pybullet_studio")
    arm = ArmDescription.load("panda")
    composed = pybullet_studio.BulletStudio(arm, 160, 120)
    monkeypatch.setattr(pybullet_studio, "keep_visuals", lambda robot, links: None)
    whole = pybullet_studio.BulletStudio(arm, 160, 120)
    whole._background_depth[:] = 2.0  # behind everything
    random = np.random.default_rng(0)
    for _ in range(5):
        joints = [*(arm.home + random.uniform(-0.5, 0.5, 7)), 0.04, 0.02]
        cube = [*random.uniform([0.4, -0.2, 0.02], [0.6, 0.2, 0.3]), 0.0, 0.0, 0.0, 1.0]

        np.testing.assert_array_equal(composed.picture(joints, cube), whole.picture(joints, cube))
    composed.close()
    whole.close()
