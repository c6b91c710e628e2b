"""Bags for the tests, made of messages that another implementation has serialised."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from introspect_control.capture import BagWriter
from introspect_control.capture.definition import Definition, load_definition
from introspect_control.capture.offered_qos import OfferedQos

ACTIVATIONS = "introspect_msgs/msg/Activations"
ACTION = "introspect_msgs/msg/PolicyAction"
MODEL = "ab" * 32


def share(package: str) -> Path:
    """Where an installed package's files are, as the ament index would say."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", sys.prefix).split(os.pathsep)
    found = [Path(prefix) / "share" / package for prefix in prefixes]
    return next((path for path in found if path.is_dir()), found[0])


@cache
def definition(name: str) -> Definition:
    return load_definition(name, share)


@cache
def store() -> Any:
    store = get_typestore(Stores.ROS2_KILTED)
    for name in (ACTIVATIONS, ACTION, "introspect_msgs/msg/BehaviourStatus"):
        store.register(get_types_from_msg(definition(name).texts[name], name))
    return store


def serialised(name: str, /, **fields: Any) -> bytes:
    return bytes(store().serialize_cdr(store().types[name](**fields), name))


def header(stamp: int = 0) -> Any:
    types = store().types
    seconds, nanoseconds = divmod(stamp, 1_000_000_000)
    time = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
    return types["std_msgs/msg/Header"](stamp=time, frame_id="panda_link0")


def activations(
    sequence: int, episode: int = 1, layer: str = "features", model: str = MODEL, stamp: int = 0
) -> bytes:
    return serialised(
        ACTIVATIONS,
        header=header(stamp),
        episode=episode,
        sequence=sequence,
        model_hash=model,
        layer=layer,
        behaviour="grasp",
        phase="",
        values=np.arange(8, dtype=np.float32) + sequence,
    )


def write_bag(bag: Path, messages: list[bytes], topic: str = "/activations") -> Path:
    """A closed bag with one topic; message number n has the log time n seconds."""
    with BagWriter(bag) as writer:
        number = writer.add_topic(topic, definition(ACTIVATIONS), [OfferedQos()])
        for index, message in enumerate(messages):
            assert writer.write(number, (index + 1) * 1_000_000_000, message)
    assert writer.progress.failure == ""
    return bag


def mcap(bag: Path) -> Path:
    [file] = bag.glob("*.mcap")
    return file
