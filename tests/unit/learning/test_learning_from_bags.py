"""From a recording to internal states, and to a choreographer that listens to them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sample_bags import ACTIVATIONS, MODEL, header, serialised, write_bag

from introspect_description import ArmDescription
from introspect_learning.bbrl import BBRLConfig, train_bbrl
from introspect_learning.behaviours.networks import LAYERS
from introspect_learning.choreographer.listening import Listener
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.training import ChoreographerConfig
from introspect_learning.internal_states.model import InternalStateConfig, InternalStateModel
from introspect_learning.internal_states.monitor import InternalStateMonitor
from introspect_learning.internal_states.monitor_training import MonitorConfig
from introspect_learning.internal_states.run import (
    InternalStatesConfig,
    TrainedStates,
    train_internal_states,
)
from introspect_learning.internal_states.training import LearningConfig
from introspect_learning.models import ContractError, InternalStateRuntime, shipped
from introspect_learning.models.contract import Contract
from introspect_learning.models.export import export_choreographer, export_internal_states
from introspect_learning.rl.environment import silent
from introspect_learning.runs.errors import RunError

ARM = ArmDescription.load("panda")
BEHAVIOURS = Contract.read(shipped() / "behaviours", "behaviours")
CONFIG = InternalStatesConfig(
    threads=1,
    envs=1,
    calm_batches=1,
    disturbed_batches=1,
    learning=LearningConfig(model=InternalStateConfig(latent=4, hidden=(16,)), epochs=2),
    monitor=MonitorConfig(forecast_updates=5, expectation_updates=5),
)
LISTENING = BBRLConfig(
    threads=1,
    choreographer_envs=4,
    horizon=20,
    choreographer=ChoreographerConfig(listens_to="means", hidden=8, iterations=1),
)


def recorded(bag: Path, episodes: int = 4, model: str = BEHAVIOURS.hash) -> Path:
    """Activations of some episodes of four periods: too few of one for a map, which takes time."""
    rng = np.random.default_rng(0)
    messages = []
    for episode in range(1, episodes + 1):
        for sequence in range(4):
            about = {"episode": episode, "sequence": sequence, "model_hash": model}
            about |= {"behaviour": "grasp", "phase": "grasp" if sequence > 1 else "approach"}
            for layer in LAYERS:
                values = rng.normal(size=BEHAVIOURS.layers[layer]).astype(np.float32)
                about |= {"layer": layer, "values": values}
                messages.append(serialised(ACTIVATIONS, header=header(), **about))
    return write_bag(bag, messages)


class Cut(Exception):
    """Training is cut off."""


def cut(stage: str, share: float, text: str) -> None:
    raise Cut


def learned(out: Path, bag: Path, **changes: Any) -> TrainedStates:
    return train_internal_states(CONFIG, out, shipped(), bags=[bag], **changes)


def test_a_choreographer_listens_to_internal_states_that_come_out_of_a_bag(tmp_path: Path) -> None:
    # When internal states are learned from a recording
    trained = learned(tmp_path / "states", recorded(tmp_path / "bag"))

    # Then the model runs on activations of those behaviours alone
    assert (trained.finished, trained.episodes, trained.steps) == (True, 4, 16)
    folder = trained.policy / "internal_states"
    runtime = InternalStateRuntime(folder, BEHAVIOURS.hash)
    assert runtime.contract.training["from"] == "bags"
    assert runtime.contract.phases == ("approach", "grasp", "retract")
    with pytest.raises(ContractError, match=f"{BEHAVIOURS.hash}, but gets those of {MODEL}"):
        InternalStateRuntime(folder, MODEL)

    # And a choreographer can be trained to listen to it
    policy = train_bbrl(
        LISTENING, tmp_path / "means", parts=("choreographer",), behaviours=trained.policy
    ).policy
    contract = Contract.read(policy / "choreographer", "choreographer")
    assert (contract.listens_to, contract.features_from) == ("means", BEHAVIOURS.hash)
    assert Contract.read(policy / "internal_states", "internal_states").hash == runtime.hash


def test_a_bag_of_another_models_activations_is_refused_with_both_hashes(tmp_path: Path) -> None:
    text = f"those of model {MODEL}, but the policy's behaviours are {BEHAVIOURS.hash}"
    with pytest.raises(ContractError, match=text):
        learned(tmp_path / "states", recorded(tmp_path / "bag", model=MODEL))
    assert not (tmp_path / "states").exists()


def test_a_run_is_not_gone_on_with_for_another_recording_in_the_same_place(tmp_path: Path) -> None:
    bag = recorded(tmp_path / "bag")
    with pytest.raises(Cut):
        learned(tmp_path / "states", bag, progress=cut)
    with pytest.raises(Cut):
        learned(tmp_path / "states", bag, progress=cut, resume=True)
    shutil.rmtree(bag)
    recorded(bag, episodes=5)
    text = r"bags: .*/bag: 32 messages, the first at 1000000000 ns, .* there, .*: 40 messages"
    with pytest.raises(RunError, match=text):
        learned(tmp_path / "states", bag, resume=True)


def test_a_run_is_not_gone_on_with_for_another_choreographer_that_drives(tmp_path: Path) -> None:
    policy, out = tmp_path / "policy", tmp_path / "states"
    shutil.copytree(shipped(), policy)
    with pytest.raises(Cut):
        train_internal_states(CONFIG, out, policy, progress=cut)
    torch.manual_seed(0)
    net = Choreographer(Listener(), 3, 8)
    export_choreographer(net, policy / "choreographer", ARM, BEHAVIOURS, 5, {})
    with pytest.raises(RunError, match=r"\(choreographer: \w{64} there, \w{64} here\)"):
        train_internal_states(CONFIG, out, policy, resume=True)


def test_a_choreographer_is_not_gone_on_with_for_other_internal_states(tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    shutil.copytree(shipped(), policy)

    def train(states: int, config: BBRLConfig = LISTENING, **changes: Any) -> None:
        torch.manual_seed(states)
        model = InternalStateModel(256, CONFIG.learning.model)
        monitor = InternalStateMonitor(model, ("approach", "grasp"), BEHAVIOURS.behaviours)
        sizes = {name: BEHAVIOURS.layers[name] for name in LAYERS}
        export_internal_states(
            monitor, policy / "internal_states", ARM, BEHAVIOURS, sizes, {"states": states}
        )
        out = tmp_path / config.choreographer.listens_to
        train_bbrl(config, out, parts=("choreographer",), behaviours=policy, **changes)

    with pytest.raises(Cut):
        train(1, progress=cut)
    with pytest.raises(RunError, match=r"\(internal_states: \w{64} there, \w{64} here\)"):
        train(2, resume=True)
    # What is not listened to does not matter
    choreographer = replace(LISTENING.choreographer, listens_to="features")
    deaf = replace(LISTENING, choreographer=choreographer)
    with pytest.raises(Cut):
        train(1, deaf, progress=cut)
    train(2, deaf, resume=True, progress=silent)
