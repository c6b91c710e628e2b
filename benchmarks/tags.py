"""How well a cube is found by its tags, beside OpenCV alone; how long it takes; how the camera is.

Pictures of a cube of 4 cm with tags of 32 mm, 640 × 480 px, focal length 568 px, blurred by 0.6 px
and with noise of 4 grey levels of 255; the camera looks down on it from 30 to 70° above the table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, add_output, at_least_one, machine, median_row, tell, write
from benchmarks.sides import ROOT
from introspect_control.perception import (
    CameraModel,
    HandEyeSample,
    ObjectTracker,
    Pose,
    TagDetector,
    TagFamily,
    TaggedObject,
    calibrate_eye_to_hand,
)
from introspect_control.perception.opencv import load_opencv
from introspect_control.perception.pictures import PictureConfig, TagPainter
from introspect_control.perception.pose import rotation_matrix
from introspect_control.perception.tagged_object import tag_corners

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

CAMERA = CameraModel.pinhole(640, 480, 0.8)
CUBE = TaggedObject.cube(max_tilt=0.5)
DISTANCES = (0.6, 0.8, 1.0)  # [m]
PICTURES = 10  # of a view, 15 a second
MIDDLE = np.array([0.47, 0.0, 0.02])  # of where cubes are [m]
ALONE = "OpenCV alone"


class View(NamedTuple):
    """A camera, and the cube that it looks at."""

    T_base_camera: Pose
    T_base_cube: Pose
    pictures: list[Picture]


class Errors(NamedTuple):
    """Of poses that were found, of so many that could have been."""

    position: list[float]  # [mm]
    yaw: list[float]  # [°]
    pictures: int

    def add(self, found: Pose | None, true: Pose) -> None:
        """Take what was found in one picture."""
        if found is None:
            return
        self.position.append(1e3 * found.distance(true)[0])
        turn = found.rotation @ true.rotation.T
        self.yaw.append(float(np.degrees(abs(np.arctan2(turn[1, 0], turn[0, 0])))))


class OpenCvAlone:
    """What OpenCV offers: sub-pixel corners, and the pose of the largest tag."""

    def __init__(self, family: TagFamily) -> None:
        self._cv2 = cv2 = load_opencv()
        search = cv2.aruco.DetectorParameters()
        search.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        self._detector = cv2.aruco.ArucoDetector(family.dictionary, search)

    def find(self, picture: Picture, T_base_camera: Pose) -> Pose | None:
        """The cube's pose in the base frame."""
        cv2, tags = self._cv2, {tag.id: tag for tag in CUBE.tags}
        quads, ids, _ = self._detector.detectMarkers(picture)
        found = [] if ids is None else list(zip(np.ravel(ids), quads, strict=True))
        found = [(int(tag), quad.reshape(4, 2)) for tag, quad in found if int(tag) in tags]
        if not found:
            return None
        tag, quad = max(found, key=lambda item: cv2.contourArea(item[1]))
        square = tag_corners(tags[tag].size)
        _, turn, shift = cv2.solvePnP(
            square, quad.astype(float), CAMERA.K, None, flags=cv2.SOLVEPNP_IPPE_SQUARE
        )
        T_camera_tag = Pose(cv2.Rodrigues(turn)[0], shift.ravel())
        return T_base_camera @ T_camera_tag @ tags[tag].T_object_tag.inverse()


def views(distance: float, count: int, seed: int) -> Iterator[View]:
    """Cubes on a table, seen from so far away [m]."""
    painter = TagPainter(CAMERA, TagFamily(), PictureConfig(samples=6))
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        angle = np.radians(rng.uniform(30.0, 70.0))
        away = distance * np.array([np.cos(angle), 0.0, np.sin(angle)])
        camera = Pose.looking(MIDDLE + away, MIDDLE)
        x, y, yaw = rng.uniform([-0.03, -0.03, -0.785], [0.03, 0.03, 0.785])
        cube = Pose.from_xyz_rpy(MIDDLE + np.array([x, y, 0.0]), (0.0, 0.0, yaw))
        scene = [(CUBE, camera.inverse() @ cube)]
        yield View(camera, cube, [painter.paint(scene, rng) for _ in range(PICTURES)])


def accuracy(distance: float, count: int, seed: int) -> list[Row]:
    """Errors of one picture, of the latest of ten, and of OpenCV alone."""
    family, started = TagFamily(), time.perf_counter()
    alone = OpenCvAlone(family)
    total = count * (PICTURES - 1)
    one, steadied = Errors([], [], total), Errors([], [], count)
    theirs = Errors([], [], total)
    for view in views(distance, count, seed):
        tracker = ObjectTracker([CUBE], CAMERA, family)
        for number, picture in enumerate(view.pictures):
            seen = tracker.see(picture, view.T_base_camera, number / 15.0).get("cube")
            if number == 0:
                continue  # has to be confirmed by the next
            one.add(seen and seen.sighting.pose, view.T_base_cube)
            theirs.add(alone.find(picture, view.T_base_camera), view.T_base_cube)
        steadied.add(seen and seen.pose, view.T_base_cube)
    seconds, rows = time.perf_counter() - started, []
    for name, errors in (("one picture", one), ("ten pictures", steadied), (ALONE, theirs)):
        what = f"{distance} m, {name}"
        share = len(errors.position) / errors.pictures
        ours = name != ALONE
        rows.append(Row(what, "found", share, None, errors.pictures, seed, seconds))
        for kind, target in (("position_mm", 3.0), ("yaw_deg", 2.0)):
            values = getattr(errors, kind.partition("_")[0])
            fields = {"seed": seed, "seconds": seconds}
            goal = {"target": target, "at_most": True} if ours else {}
            rows.append(median_row(what, f"{kind}_median", values, **fields, **goal))
            high = float(np.percentile(values, 95))
            rows.append(Row(what, f"{kind}_p95", high, None, len(values), **fields, **goal))
    return rows


def durations(count: int, seed: int) -> list[Row]:
    """Processor time of a picture: the first one, the following ones, and of OpenCV alone."""
    family, started = TagFamily(), time.perf_counter()
    alone = OpenCvAlone(family)
    times: dict[str, list[float]] = {"first picture": [], "following pictures": [], ALONE: []}
    for view in views(0.8, count, seed):
        tracker = ObjectTracker([CUBE], CAMERA, family)
        for number, picture in enumerate(view.pictures):
            start = time.process_time()
            tracker.see(picture, view.T_base_camera, number / 15.0)
            took = time.process_time() - start
            times["following pictures" if number else "first picture"].append(1e3 * took)
            start = time.process_time()
            alone.find(picture, view.T_base_camera)
            times[ALONE].append(1e3 * (time.process_time() - start))
    seconds = time.perf_counter() - started
    return [
        median_row(f"0.8 m, {name}", "cpu_milliseconds", values, seed=seed, seconds=seconds)
        for name, values in times.items()
    ]


def false_poses(count: int, seed: int) -> Row:
    """Tags found in pictures that have none, all 587 of the family being looked for."""
    family, started = TagFamily(), time.perf_counter()
    detector = TagDetector(family, dict.fromkeys(range(family.count), 0.04), CAMERA)
    found = sum(len(detector.detect(_clutter(seed, k))) for k in range(count))
    seconds = time.perf_counter() - started
    row = {"target": 0.0, "at_most": True}
    return Row(
        "pictures without tags", "false_poses", float(found), None, count, seed, seconds, **row
    )


def _clutter(seed: int, number: int) -> Picture:
    """Noise, checkers, or shapes and squares with black borders and random patterns."""
    rng = np.random.default_rng([seed, number])
    if number % 3 == 0:
        return rng.integers(0, 256, (480, 640), dtype=np.uint8)
    if number % 3 == 1:
        edge = int(rng.integers(4, 24))
        cells = rng.integers(0, 2, (480 // edge + 1, 640 // edge + 1))
        return (np.kron(cells, np.ones((edge, edge)))[:480, :640] * 180 + 30).astype(np.uint8)
    picture = np.full((480, 640), 128, np.uint8)
    for _ in range(40):
        inner, edge = int(rng.integers(4, 9)), int(rng.integers(3, 7))
        pattern = np.pad(np.pad(rng.integers(0, 2, (inner, inner)), 1), 1, constant_values=1)
        tag = (np.kron(pattern, np.ones((edge, edge))) * 200 + 25).astype(np.uint8)
        y, x = (int(rng.integers(0, size - len(tag))) for size in (480, 640))
        picture[y : y + len(tag), x : x + len(tag)] = tag
    return picture


def calibration(count: int, seed: int) -> list[Row]:
    """Errors of a fixed camera's pose: 20 samples, 0.1 px, an arm off by 0.5 mm and 1 mrad."""
    camera = Pose.looking([1.2, 0.1, 0.6], [0.45, 0.0, 0.3])
    held, started = Pose.from_xyz_rpy((0.02, 0.01, 0.05), (0.2, 0.1, 0.3)), time.perf_counter()
    place: list[float] = []
    turn: list[float] = []
    at_tag: list[float] = []
    told: list[float] = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        samples: list[HandEyeSample] = []
        while len(samples) < 20:
            tip = rotation_matrix(rng.uniform(-0.5, 0.5, 3))
            facing = camera.rotation @ np.diag([1.0, -1.0, -1.0]) @ tip
            tag = Pose(facing, rng.uniform([0.35, -0.2, 0.15], [0.6, 0.2, 0.45]))
            pixels = CAMERA.project((camera.inverse() @ tag).apply(tag_corners(0.06)))
            tool = tag @ held.inverse()
            error = rotation_matrix(rng.normal(0.0, 0.001, 3))
            told_tool = Pose(error @ tool.rotation, tool.translation + rng.normal(0.0, 0.0005, 3))
            if (pixels > 2.0).all() and (pixels < [637.0, 477.0]).all():
                samples.append(HandEyeSample(told_tool, pixels + rng.normal(0.0, 0.1, (4, 2))))
        result = calibrate_eye_to_hand(samples, CAMERA, 0.06, rng)
        shift, angle = result.camera.distance(camera)
        where = (camera.inverse() @ Pose(np.eye(3), np.array([0.475, 0.0, 0.3]))).translation[None]
        place.append(1e3 * shift)
        turn.append(float(np.degrees(angle)))
        at_tag.append(1e3 * float(np.linalg.norm(result.camera.apply(where) - camera.apply(where))))
        told.append(1e3 * result.std_at_tag)
    fields = {"seed": seed, "seconds": time.perf_counter() - started}
    return [
        median_row("calibration, camera", "position_mm_median", place, **fields),
        median_row("calibration, camera", "rotation_deg_median", turn, **fields),
        median_row("calibration, at the tag", "position_mm_median", at_tag, **fields),
        median_row("calibration, at the tag", "uncertainty_told_mm", told, **fields),
    ]


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench tags", description=__doc__)
    parser.add_argument(
        "--views", type=at_least_one, default=40, help="of each distance (default 40)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random")
    add_output(parser, "bench.json, as results/bench-tags")
    options = parser.parse_args()
    where, views_of, seed = machine(), options.views, options.seed
    rows = [row for distance in DISTANCES for row in accuracy(distance, views_of, seed)]
    rows += durations(max(1, views_of // 4), seed)
    rows.append(false_poses(10 * views_of, seed))
    rows += calibration(views_of, seed)
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where)
    headline = next(row for row in rows if row.metric == "position_mm_median")
    tell(rows, headline, "A cube of 4 cm found by its tags:", options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
