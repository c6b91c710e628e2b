"""Pictures of tags become object_pose and goal_pose; of what is not seen, nothing is said."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from live_graph import NodeProcess, Peer, diagnosis, peer, seconds
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, JointState

from introspect_control import KinematicChain
from introspect_control.nodes.object_pose_parameters import ObjectPoseParameters
from introspect_control.nodes.runtime import STREAM
from introspect_control.perception import (
    CameraModel,
    CameraPose,
    Pose,
    TagFamily,
    TaggedObject,
    read_objects,
)
from introspect_control.perception.pictures import TagPainter
from introspect_description import ArmDescription

pytest.importorskip("cv2")

MODULE = "introspect_control.nodes.object_pose_node"
ARM = ArmDescription.load("panda")
CAMERA = CameraModel(640, 480, np.array([[570.0, 0, 320], [0, 570, 240], [0, 0, 1]]), np.zeros(5))
T_BASE_CAMERA = Pose.looking([1.0, 0.0, 0.5], [0.47, 0.0, 0.02])
CUBE = TaggedObject.cube()
HERE = Pose.from_xyz_rpy((0.47, 0.03, 0.02), (0.0, 0.0, 0.3))
THERE = Pose.from_xyz_rpy((0.45, -0.12, 0.02), (0.0, 0.0, 0.0))
OBJECTS = """
objects:
  cube: {max_tilt: 0.5, cube: {edge: 0.04, size: 0.032, first_id: 0}}
  spot:
    tags:
      - {id: 10, size: 0.06, xyz: [0.0, 0.0, -0.02], rpy: [0.0, 0.0, 0.0]}
"""
TO_GREY = {"mono8": 1, "rgb8": 3, "bgr8": 3}  # channels


class Camera:
    """A camera driver, as far as anybody can tell."""

    def __init__(self, me: Peer, frame: str = "camera", reliable: bool = True) -> None:
        reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=5, reliability=reliability)
        self.me, self.frame = me, frame
        self.images = me.node.create_publisher(Image, "camera/image_raw", qos)
        self.infos = me.node.create_publisher(CameraInfo, "camera/camera_info", qos)
        self.painter = TagPainter(CAMERA, TagFamily())
        self.rng = np.random.default_rng(0)
        self.binning = 0

    def picture(self, *scene: tuple[TaggedObject, Pose], seen_from: Pose | None = None) -> Image:
        """A grey picture of a scene in the base frame."""
        T_camera_base = (seen_from or T_BASE_CAMERA).inverse()
        grey = self.painter.paint([(thing, T_camera_base @ T) for thing, T in scene], self.rng)
        return self.message(grey, "mono8")

    def message(self, grey: np.ndarray, encoding: str) -> Image:
        pixels = np.repeat(grey[..., None], TO_GREY.get(encoding, 1), axis=2)
        image = Image(width=640, height=480, encoding=encoding, step=pixels.shape[2] * 640)
        image.data = array("B", pixels.tobytes())
        return image

    def take(self, image: Image, age: float = 0.0) -> float:
        """Publish a picture as taken now; returns its stamp [s]."""
        now = self.me.node.get_clock().now().nanoseconds - int(1e9 * age)
        image.header.frame_id = self.frame
        image.header.stamp.sec, image.header.stamp.nanosec = divmod(now, 1_000_000_000)
        info = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.0] * 5)
        info.k = CAMERA.K.ravel().tolist()
        info.binning_x = info.binning_y = self.binning
        info.header = image.header
        self.infos.publish(info)
        self.images.publish(image)
        self.me.spin(0.05)
        return seconds(image.header.stamp)

    def film(self, image: Image, condition, what: str, age: float = 0.0) -> None:
        """Publish a picture again and again until something has come of it."""
        self.me.wait_for(lambda: self.take(image, age) and condition(), what)


def pose(message: PoseStamped) -> Pose:
    p, q = message.pose.position, message.pose.orientation
    return Pose.from_vector([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


def error(diagnostics: list[DiagnosticArray]) -> str:
    """What the node says of itself."""
    told = [s.message for m in diagnostics for s in m.status if "object_pose" in s.name]
    return told[-1] if told else ""


@pytest.fixture
def me() -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("table")
    fixed = CameraPose("fixed", "panda", ARM.base_frame, "camera", T_BASE_CAMERA)
    fixed.write(folder / "camera_pose.yaml")
    (folder / "objects.yaml").write_text(OBJECTS)
    return {"camera_pose": f"{folder}/camera_pose.yaml", "objects": f"{folder}/objects.yaml"}


def test_object_and_goal_are_published_in_the_base_frame_with_the_pictures_stamp(
    me: Peer, files: dict[str, str]
) -> None:
    objects, goals = me.hear(PoseStamped, "object_pose"), me.hear(PoseStamped, "goal_pose")
    diagnostics = me.hear(DiagnosticArray, "/diagnostics")
    camera = Camera(me)
    spot = read_objects(Path(files["objects"])).named("spot")
    with NodeProcess(MODULE, files | {"goal": "object", "goal_object": "spot"}):
        image = camera.picture((CUBE, HERE), (spot, THERE))
        camera.film(image, lambda: len(objects) > 3 and len(goals) > 3, "poses")

        stamps = {camera.take(image) for _ in range(3)}
        me.wait_for(lambda: seconds(objects[-1].header.stamp) in stamps, "a pose of these pictures")
        assert objects[-1].header.frame_id == ARM.base_frame
        assert pose(objects[-1]).distance(HERE)[0] < 0.002
        assert pose(objects[-1]).distance(HERE)[1] < np.radians(1.0)
        assert pose(goals[-1]).distance(THERE)[0] < 0.003

        for encoding in ("rgb8", "bgr8"):
            grey = np.frombuffer(image.data, np.uint8).reshape(480, 640)
            count, colour = len(objects), camera.message(grey, encoding)
            camera.film(colour, lambda count=count: len(objects) > count + 2, encoding)
            assert pose(objects[-1]).distance(HERE)[0] < 0.002

        # when the cube is hidden: silence, and a word about it on /diagnostics
        hidden = camera.picture((spot, THERE))
        last = camera.take(hidden)
        camera.film(hidden, lambda: "cube not seen" in error(diagnostics), "the warning")
        assert all(seconds(message.header.stamp) < last for message in objects)
        assert seconds(goals[-1].header.stamp) >= last
        values = diagnosis(diagnostics, "object_pose_node")
        assert values["cube seen share"] == "0"
        assert values["spot seen share"] == "1"
        assert float(values["cube error [px]"]) < 0.5
        assert 0.0 < float(values["latency [ms]"]) < 2000.0
        assert "detection work p50 [ms]" in values

        # when the goal is hidden as well: it is a place, and stays where it was
        nothing, count = camera.picture(), len(goals)
        camera.film(nothing, lambda: len(goals) > count + 3, "the goal from memory")
        assert pose(goals[-1]).distance(THERE)[0] < 0.003
        assert all(seconds(message.header.stamp) < last for message in objects)


def test_pictures_that_cannot_be_used_are_refused_by_name(me: Peer, files: dict[str, str]) -> None:
    objects = me.hear(PoseStamped, "object_pose")
    diagnostics = me.hear(DiagnosticArray, "/diagnostics")
    camera = Camera(me)
    good = camera.picture((CUBE, HERE))
    strange = Image(width=640, height=480, encoding="16UC1", step=640, data=good.data)
    with NodeProcess(MODULE, files | {"goal": "none"}) as process:
        for image, age, frame, problem in (
            (strange, 0.0, "camera", "'16UC1' is not supported; supported are mono8, rgb8, bgr8"),
            (
                good,
                3.0,
                "camera",
                "s old by their stamps, more than 0.5 s: does the camera's driver",
            ),
            (good, 0.0, "another", "pictures are of frame 'another', but camera_pose tells of 'c"),
        ):
            camera.frame = frame
            camera.film(
                image, lambda problem=problem: problem in error(diagnostics), "the error", age
            )
        assert objects == []
        assert "16UC1" in process.output

        camera.frame = "camera"
        camera.film(good, lambda: objects, "a pose, now that all is well")
        assert process.interrupt() == 0


def test_intrinsics_that_were_refused_are_looked_at_again_when_they_change(
    me: Peer, files: dict[str, str]
) -> None:
    objects = me.hear(PoseStamped, "object_pose")
    diagnostics = me.hear(DiagnosticArray, "/diagnostics")
    camera = Camera(me)
    image = camera.picture((CUBE, HERE))
    with NodeProcess(MODULE, files | {"goal": "none"}):
        camera.binning = 2
        camera.film(image, lambda: "binning (2, 2)" in error(diagnostics), "the error")
        camera.binning = 0
        camera.film(image, lambda: objects, "a pose, now that pictures are whole")


def test_no_more_pictures_are_looked_at_than_a_low_rate_asks_for(
    me: Peer, files: dict[str, str]
) -> None:
    objects = me.hear(PoseStamped, "object_pose")
    camera = Camera(me)
    image = camera.picture((CUBE, HERE))
    with NodeProcess(MODULE, files | {"goal": "none", "rate": 0.5, "timeout": 10.0}):
        camera.film(image, lambda: len(objects) > 1, "two poses")
    stamps = [seconds(message.header.stamp) for message in objects]
    assert np.diff(stamps).min() >= 1.5  # three quarters of 2 s


def test_a_driver_that_is_best_effort_is_heard_and_a_fixed_goal_needs_no_camera(
    me: Peer, files: dict[str, str]
) -> None:
    objects, goals = me.hear(PoseStamped, "object_pose"), me.hear(PoseStamped, "goal_pose")
    camera = Camera(me, reliable=False)
    given = {"camera_pose": files["camera_pose"], "goal": "fixed", "goal_position": "[0.5,0.1,0.1]"}
    with NodeProcess(MODULE, given) as process:
        me.wait_for(lambda: len(goals) > 2, "the fixed goal")
        image = camera.picture((CUBE, HERE))
        image.width, image.height, image.step = 640, 480, 640
        camera.film(image, lambda: objects, "a pose")

        assert "is best effort: pictures may get lost" in process.output
    assert pose(goals[-1]).translation.tolist() == [0.5, 0.1, 0.1]
    assert goals[-1].header.frame_id == ARM.base_frame


def test_a_camera_on_the_tool_is_where_the_joints_say(me: Peer, tmp_path: Path) -> None:
    T_tool_camera = Pose.from_xyz_rpy((0.05, 0.0, -0.1), (0.0, 0.0, 1.5))
    mounted = CameraPose("tool", "panda", ARM.tool_frame, "camera", T_tool_camera)
    mounted.write(tmp_path / "camera_pose.yaml")
    place, rotation = KinematicChain(ARM.chain()).forward(ARM.home[None])
    seen_from = Pose(rotation[0], place[0]) @ T_tool_camera
    T = Pose.from_xyz_rpy((0.45, 0.0, 0.02), (0.0, 0.0, 0.2))
    objects = me.hear(PoseStamped, "object_pose")
    diagnostics = me.hear(DiagnosticArray, "/diagnostics")
    states = me.node.create_publisher(JointState, ARM.controller.state_topic, STREAM)
    camera = Camera(me)
    image = camera.picture((CUBE, T), seen_from=seen_from)

    def tell_joints() -> None:
        message = JointState(name=list(ARM.joint_names), position=ARM.home.tolist())
        message.header.stamp = me.node.get_clock().now().to_msg()
        states.publish(message)

    def without_joints() -> bool:
        values = diagnosis(diagnostics, "object_pose_node")
        return "pictures without joint states" in values

    with NodeProcess(MODULE, {"camera_pose": tmp_path / "camera_pose.yaml"}):
        camera.film(image, without_joints, "a count of pictures that could not be used")
        problem = f"no joint states around the pictures' stamps on /{ARM.controller.state_topic}"
        camera.film(image, lambda: problem in error(diagnostics), "the error")
        assert objects == []
        me.node.create_timer(0.02, tell_joints)
        camera.film(image, lambda: objects, "a pose", age=0.03)
    assert pose(objects[-1]).distance(T)[0] < 0.003


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"goal_object": "cube"}, "object and goal_object are both 'cube'; name two, or goal:=f"),
        ({"goal_position": (0.1, 0.2)}, r"goal_position must be x y z, got \[0.1, 0.2\]"),
    ],
)
def test_a_goal_that_is_none_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ObjectPoseParameters(**given)


def test_without_a_file_there_are_a_cube_and_a_goal_that_share_no_tag() -> None:
    found = ObjectPoseParameters(cube_edge=0.05, tag_size=0.04, tag_family="aruco_4x4_50")

    objects = found.object_set()
    assert objects.family == "aruco_4x4_50"
    assert objects.named("cube").ids == (0, 1, 2, 3, 4, 5)
    [tag] = objects.named("goal").tags
    assert tag.id == 6
    assert tag.T_object_tag.translation[2] == -0.025  # it lies below the middle of a cube on it


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "camera_pose is not given: where the camera is has to be known; run: introspect cal"),
        ({"arm": "fr3", "camera_pose": "FILE"}, "is in panda_link0 of arm panda; needed is world"),
        (
            {"camera_pose": "described", "camera_file": "/none"},
            "camera_file: /none: cannot be read",
        ),
    ],
)
def test_wrong_parameters_are_one_clear_line_and_exit_code_two(
    ros_domain: int, files: dict[str, str], given: dict[str, str], message: str
) -> None:
    given = {name: value.replace("FILE", files["camera_pose"]) for name, value in given.items()}
    with NodeProcess(MODULE, given) as process:
        assert process.end() == 2
        assert message in process.output
        assert "Traceback" not in process.output
