"""Order of what the behaviour node publishes within a period; no graph is needed for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from introspect_msgs.msg import Activations

from introspect_control.nodes.runtime import ConfigurationError
from introspect_learning.execution import Action, Question
from introspect_learning.models import Contract, shipped
from introspect_learning.nodes.policy_folder import PublishedLayers, published_layers
from introspect_learning.nodes.policy_messages import PolicyPublisher

LAYERS = PublishedLayers(asked=("features",), told=("feature_1", "grasp_1"))


class RecordingNode:
    """Stands in for a node: keeps what is published, in order."""

    def __init__(self) -> None:
        self.published: list[tuple[int, str]] = []  # sequence; layer, or "action"

    def create_publisher(self, *_: object) -> RecordingNode:
        return self

    def publish(self, message: object) -> None:
        what = message.layer if isinstance(message, Activations) else "action"
        self.published.append((message.sequence, what))

    def take(self) -> list[tuple[int, str]]:
        """What has been published since the last time."""
        taken, self.published = self.published, []
        return taken


def question(sequence: int) -> Question:
    layers = (*LAYERS.asked, *LAYERS.told)
    values = {name: np.full(4, sequence, dtype=np.float32) for name in layers}
    return Question(1, sequence, 10 * sequence, values, "grasp", "lift")


def action(sequence: int) -> Action:
    still = np.zeros(3)
    return Action(1, sequence, 10 * sequence, False, still, still, 0.08, "grasp")


@pytest.fixture
def node() -> RecordingNode:
    return RecordingNode()


@pytest.fixture
def publisher(node: RecordingNode) -> PolicyPublisher:
    return PolicyPublisher(node, "abc", LAYERS, "base")


def test_what_nobody_waits_for_comes_after_the_action(
    node: RecordingNode, publisher: PolicyPublisher
) -> None:
    for sequence in range(3):
        publisher.ask(question(sequence))
        assert node.take() == [(sequence, "features")]
        publisher.act(action(sequence))
        assert node.take() == [
            (sequence, "action"),
            (sequence, "feature_1"),
            (sequence, "grasp_1"),
        ]


def test_without_an_action_it_is_told_before_the_next_question(
    node: RecordingNode, publisher: PolicyPublisher
) -> None:
    publisher.ask(question(0))
    node.take()
    publisher.ask(question(1))
    assert node.take() == [(0, "feature_1"), (0, "grasp_1"), (1, "features")]


def test_it_is_told_once(node: RecordingNode, publisher: PolicyPublisher) -> None:
    publisher.ask(question(0))
    publisher.tell()
    node.take()
    publisher.tell()
    publisher.act(action(0))
    assert node.take() == [(0, "action")]


def test_the_choreographers_layers_are_asked_and_the_others_told() -> None:
    behaviours = Contract.read(shipped("bbrl") / "behaviours", "behaviours")
    layers = published_layers(
        shipped("bbrl"), behaviours, [], ["feature_1", "features", "feature_1"]
    )
    assert layers == PublishedLayers(asked=("features",), told=("feature_1",))


def test_what_somebody_else_waits_for_is_asked_too() -> None:
    behaviours = Contract.read(shipped("bbrl") / "behaviours", "behaviours")
    layers = published_layers(shipped("bbrl"), behaviours, ["grasp_1"], ["feature_1", "grasp_1"])
    assert layers == PublishedLayers(asked=("features", "grasp_1"), told=("feature_1",))


def test_all_is_asked_where_the_folder_has_no_choreographer(tmp_path: Path) -> None:
    behaviours = Contract.read(shipped("bbrl") / "behaviours", "behaviours")
    layers = published_layers(tmp_path, behaviours, [], ["feature_1", "features"])
    assert layers == PublishedLayers(asked=("feature_1", "features"), told=())


@pytest.mark.parametrize(("asked", "told"), [(["dreams"], []), ([], ["dreams"])])
def test_a_layer_that_the_behaviours_lack_is_refused(
    tmp_path: Path, asked: list[str], told: list[str]
) -> None:
    behaviours = Contract.read(shipped("bbrl") / "behaviours", "behaviours")
    with pytest.raises(ConfigurationError, match="no layer dreams; there are observation, "):
        published_layers(tmp_path, behaviours, asked, told)


def test_so_is_one_that_only_the_choreographer_knows(tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    shutil.copytree(shipped("bbrl"), folder)
    path = folder / "choreographer" / "contract.json"
    contract = json.loads(path.read_text())
    contract["layers"] = {"dreams": 128}
    path.write_text(json.dumps(contract))
    behaviours = Contract.read(folder / "behaviours", "behaviours")
    with pytest.raises(ConfigurationError, match="no layer dreams"):
        published_layers(folder, behaviours, [], ["features"])
