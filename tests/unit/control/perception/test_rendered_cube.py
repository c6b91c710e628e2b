"""A cube with tags, drawn by another program: MuJoCo's renderer, in a lit scene on a table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from introspect_control.perception import (
    CameraModel,
    ObjectTracker,
    Pose,
    TagFamily,
    TaggedObject,
)
from introspect_sim.worlds import WorldError
from introspect_sim.worlds.offscreen import choose_offscreen_gl

pytest.importorskip("cv2")
pytest.importorskip("mujoco")

# MuJoCo looks for GL when it is imported, which other tests have done: a process of its own.
DRAW = """
import sys
import mujoco
import numpy as np
from introspect_control.perception import TagFamily, TaggedObject

WIDTH, HEIGHT, FOV, FINE = 640, 480, 0.8, 16
cube, family = TaggedObject.cube(), TagFamily()
atlas = np.full((10 * FINE, 60 * FINE, 3), 255, np.uint8)  # the faces side by side
vertices, uv, faces = [], [], []
for k, tag in enumerate(cube.tags):
    white = np.kron(family.pattern(tag.id), np.ones((FINE, FINE)))
    atlas[FINE : 9 * FINE, (10 * k + 1) * FINE : (10 * k + 9) * FINE] = 255 * white[..., None]
    h, T = 0.02, tag.T_object_tag
    corners = T.apply(np.array([[-h, h, 0], [h, h, 0], [h, -h, 0], [-h, -h, 0]]))
    vertices += corners.tolist()
    uv += [[k / 6, 0], [(k + 1) / 6, 0], [(k + 1) / 6, 1], [k / 6, 1]]
    faces += [[4 * k, 4 * k + 2, 4 * k + 1], [4 * k, 4 * k + 3, 4 * k + 2]]

spec = mujoco.MjSpec()
spec.visual.global_.offwidth, spec.visual.global_.offheight = WIDTH, HEIGHT
spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 8
texture = spec.add_texture(name="atlas", type=mujoco.mjtTexture.mjTEXTURE_2D)
texture.width, texture.height, texture.nchannel = 60 * FINE, 10 * FINE, 3
texture.data = atlas.tobytes()
material = spec.add_material(name="tags")
material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "atlas"
mesh = spec.add_mesh(name="cube")
mesh.uservert, mesh.userface = np.ravel(vertices).tolist(), np.ravel(faces).tolist()
mesh.usertexcoord = np.ravel(uv).tolist()
body = spec.worldbody.add_body(name="cube", mocap=True)
body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="cube", material="tags")
spec.worldbody.add_geom(
    type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2, 2, 0.1], rgba=[0.6, 0.45, 0.3, 1]
)
spec.worldbody.add_light(pos=[0.4, 0.6, 2.5], dir=[0.0, -0.2, -1.0])
camera = spec.worldbody.add_body(name="camera", mocap=True)
camera.add_camera(name="camera", fovy=np.degrees(FOV), quat=[0.0, 1.0, 0.0, 0.0])
model = spec.compile()
data = mujoco.MjData(model)
renderer = mujoco.Renderer(model, HEIGHT, WIDTH)
places = np.load(sys.argv[1])
pictures = []
for cube_pose, camera_pose in zip(places["cubes"], places["cameras"]):
    for name, (x, y, z, qx, qy, qz, qw) in (("cube", cube_pose), ("camera", camera_pose)):
        mocap = model.body(name).mocapid[0]
        data.mocap_pos[mocap], data.mocap_quat[mocap] = [x, y, z], [qw, qx, qy, qz]
    mujoco.mj_forward(model, data)
    renderer.update_scene(data, "camera")
    pictures.append(renderer.render().copy())
renderer.close()
np.savez(sys.argv[2], pictures=np.array(pictures))
"""
CAMERA = CameraModel.pinhole(640, 480, 0.8)
MIDDLE = np.array([0.47, 0.0, 0.02])  # of where cubes are [m]


def places(count: int) -> tuple[list[Pose], list[Pose]]:
    """Cubes on a table, and cameras that look at them from 0.6 to 1.0 m."""
    rng = np.random.default_rng(0)
    cubes, cameras = [], []
    for k in range(count):
        x, y, yaw = rng.uniform([0.42, -0.05, -0.7], [0.52, 0.05, 0.7])
        angle, distance = np.radians(rng.uniform(35.0, 65.0)), 0.6 + 0.4 * k / (count - 1)
        away = distance * np.array([np.cos(angle), 0.0, np.sin(angle)])
        cubes.append(Pose.from_xyz_rpy((x, y, 0.02), (0.0, 0.0, yaw)))
        cameras.append(Pose.looking(MIDDLE + away, MIDDLE))
    return cubes, cameras


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    folder: Path = tmp_path_factory.mktemp("rendered")
    cubes, cameras = places(6)
    np.savez(
        folder / "places.npz",
        cubes=np.array([pose.vector() for pose in cubes]),
        cameras=np.array([pose.vector() for pose in cameras]),
    )
    before = os.environ.get("MUJOCO_GL")
    try:
        choose_offscreen_gl()
        command = [sys.executable, "-c", DRAW, str(folder / "places.npz"), str(folder / "out.npz")]
        subprocess.run(command, check=True, timeout=100.0)
    except WorldError as error:
        pytest.skip(f"NOT TESTED: tags as MuJoCo draws them; {error}")
    finally:
        os.environ.pop("MUJOCO_GL", None)
        if before is not None:
            os.environ["MUJOCO_GL"] = before
    with np.load(folder / "out.npz") as content:
        return content["pictures"]


def test_it_is_found_where_it_was_drawn(pictures: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    position, yaw = [], []
    for (cube, camera), picture in zip(zip(*places(6), strict=True), pictures, strict=True):
        grey = picture.astype(float).mean(axis=2) + rng.normal(0.0, 3.0, picture.shape[:2])
        tracker = ObjectTracker([TaggedObject.cube(max_tilt=0.5)], CAMERA, TagFamily())
        for k in range(2):
            seen = tracker.see(np.clip(grey, 0, 255).astype(np.uint8), camera, 0.1 * k)

        found = seen["cube"].pose
        position.append(found.distance(cube)[0])
        yaw.append(found.distance(cube)[1])
    print(np.round(1e3 * np.array(position), 2), "mm", np.round(np.degrees(yaw), 2), "°")
    assert np.median(position) < 0.003
    assert max(position) < 0.008
    assert max(yaw) < np.radians(3.0)


def test_the_colour_of_the_light_does_not_matter(pictures: np.ndarray) -> None:
    cube, camera = (poses[0] for poses in places(6))
    tracker = ObjectTracker([TaggedObject.cube(max_tilt=0.5)], CAMERA, TagFamily())
    red = pictures[0][:, :, 0]
    for k in range(2):
        seen = tracker.see(np.ascontiguousarray(red), camera, 0.1 * k)

    assert seen["cube"].pose.distance(cube)[0] < 0.003
