"""Runs of the nodes for the tests, as they are on the wire."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
from sample_bags import MODEL, activations, definition, header, serialised, store

from introspect_control.capture import BagWriter
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
PERIOD = 40_000_000  # [ns]
EPISODES, PERIODS = 2, 6
SIZE = (8, 12)  # height, width [px]


def joint_states(stamp: int, more: float = 0.0) -> bytes:
    names = [*ARM.gripper.joint_names, *reversed(ARM.joint_names)]  # the order must not matter
    values = np.array([0.01, 0.02, *reversed(range(7))]) + 1e-9 * stamp + more
    return serialised(
        "sensor_msgs/msg/JointState",
        header=header(stamp),
        name=names,
        position=values,
        velocity=-values,
        effort=np.array([]),
    )


def pose(stamp: int, x: float) -> bytes:
    types = store().types
    at = types["geometry_msgs/msg/Point"](x=x, y=0.0, z=0.5)
    turn = types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0)
    whole = types["geometry_msgs/msg/Pose"](position=at, orientation=turn)
    return serialised("geometry_msgs/msg/PoseStamped", header=header(stamp), pose=whole)


def action(episode: int, sequence: int, stamp: int, hold: bool = False) -> bytes:
    types = store().types
    vector = types["geometry_msgs/msg/Vector3"]
    twist = types["geometry_msgs/msg/Twist"](
        linear=vector(float(sequence), 0.0, 0.0), angular=vector(0.0, 0.0, float(episode))
    )
    return serialised(
        "introspect_msgs/msg/PolicyAction",
        header=header(stamp),
        episode=episode,
        sequence=sequence,
        mode=int(hold),
        twist=twist,
        gripper_width=0.04,
        behaviour="" if hold else ("approach", "grasp")[sequence % 2],
        model_hash=MODEL,
    )


def decision(episode: int, sequence: int, stamp: int) -> bytes:
    return serialised(
        "introspect_msgs/msg/BehaviourStatus",
        header=header(stamp),
        episode=episode,
        sequence=sequence,
        model_hash=MODEL,
        active="grasp",
        index=1,
        names=["approach", "grasp"],
        probabilities=np.array([0.5, 0.5], np.float32),
        state_value=1.0,
        memory=np.array([sequence, episode, 0.5], np.float32),
    )


def image(stamp: int) -> bytes:
    height, width = SIZE
    return serialised(
        "sensor_msgs/msg/Image",
        header=header(stamp),
        height=height,
        width=width,
        encoding="rgb8",
        is_bigendian=0,
        step=3 * width,
        data=np.full(3 * height * width, stamp // PERIOD % 256, np.uint8),
    )


TYPES = {
    "/joint_states": "sensor_msgs/msg/JointState",
    "/object_pose": "geometry_msgs/msg/PoseStamped",
    "/goal_pose": "geometry_msgs/msg/PoseStamped",
    "/activations": "introspect_msgs/msg/Activations",
    "/behaviour": "introspect_msgs/msg/BehaviourStatus",
    "/policy/action": "introspect_msgs/msg/PolicyAction",
    "/camera/image_raw": "sensor_msgs/msg/Image",
}
CAMERA = "/camera/image_raw"


class Tape:
    """A bag that is being recorded, period by period.

    Args:
        bag: its folder.
        without: topics that it does not have.

    Attributes:
        lost: topics whose messages do not arrive at present.
    """

    def __init__(self, bag: Path, *without: str) -> None:
        self._writer = BagWriter(bag)
        self._time = 0
        self.lost: tuple[str, ...] = ()
        self._topics = {
            name: self._writer.add_topic(name, definition(kind))
            for name, kind in TYPES.items()
            if name not in without
        }

    def __enter__(self) -> Tape:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def write(self, topic: str, data: bytes) -> None:
        """One message, unless it is lost or the bag does not have its topic."""
        if topic in self._topics and topic not in self.lost:
            self._time += 1
            assert self._writer.write(self._topics[topic], self._time, data)

    def observe(
        self, stamp: int, x: float = 0.0, goal: float = 1.0, more: float = 0.0, picture: bool = True
    ) -> None:
        """What the simulation publishes of one state; ``more`` is added to all joints."""
        if picture:
            self.write(CAMERA, image(stamp))
        self.write("/object_pose", pose(stamp, x))
        self.write("/goal_pose", pose(stamp, goal))
        self.write("/joint_states", joint_states(stamp, more))

    def ask(self, stamp: int, episode: int, sequence: int) -> None:
        """What the policy publishes before it acts."""
        self.write("/activations", activations(sequence, episode, stamp=stamp))
        self.write("/behaviour", decision(episode, sequence, stamp))

    def act(self, stamp: int, episode: int, sequence: int, hold: bool = False) -> None:
        """What it then asks for."""
        self.write("/policy/action", action(episode, sequence, stamp, hold))


def record(bag: Path, images: bool = False, without: str = "") -> Path:
    """A run with all that happens in one: questions asked again, a hold at the end."""
    stamp = 0
    with Tape(bag, without, *(() if images else (CAMERA,))) as tape:
        for episode in range(1, EPISODES + 1):
            for sequence in range(PERIODS + 1):
                for _ in range(2 if sequence == 0 else 1):
                    stamp += PERIOD
                    tape.observe(stamp, x=1e-9 * stamp, goal=float(episode))
                    if sequence < PERIODS:
                        tape.ask(stamp, episode, sequence)
                tape.act(stamp, episode, sequence, hold=sequence == PERIODS)
    return bag
