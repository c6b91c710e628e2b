"""What the trainings of a study share: behaviours, activations, encoders; made once and kept."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from introspect_control.atomic import write_file
from introspect_description import ArmDescription
from introspect_learning.bbrl import BBRLConfig, make_env, train_bbrl
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.data.activations import ActivationDataset
from introspect_learning.data.collect import collect
from introspect_learning.data.drivers import Ruled
from introspect_learning.internal_states.model import InternalStateConfig, InternalStateModel
from introspect_learning.internal_states.training import LearningConfig, learn_internal_states
from introspect_learning.models import ContractError, shipped
from introspect_learning.models.contract import Contract
from introspect_learning.models.loading import filled, load_behaviours
from introspect_learning.runs.errors import RunError
from introspect_learning.studies.digest import digest_of
from introspect_sim.envs import PerturbationConfig, SensorFaultConfig

BATCHES = 4
_LEARNING = LearningConfig(epochs=8)
SEED = 5_000_000  # of the episodes that encoders learn from


@cache
def shipped_behaviours() -> str:
    """Hash of the shipped behaviours."""
    return Contract.read(shipped() / "behaviours", "behaviours").hash


def episodes_config(noise: float, arm: str) -> BBRLConfig:
    """Of all episodes: one thread, as studies run many trainings side by side."""
    return BBRLConfig(threads=1, arm=arm, faults=SensorFaultConfig(noise=noise))


def shared_settings(noise: float, arm: str) -> list[Any]:
    """What everything shared depends on."""
    return [BATCHES, SEED, asdict(_LEARNING), asdict(episodes_config(noise, arm))]


class Shared:
    """Behaviours and encoders for one level of noise.

    Args:
        folder: where they are kept.
        noise: of all sensors, as ``SensorFaultConfig.noise``; with some, behaviours are learned
            under it, too.
        arm: that they are for.
    """

    def __init__(self, folder: Path, noise: float, arm: ArmDescription) -> None:
        self._noise, self._arm = noise, arm
        self.config = episodes_config(noise, arm.name)
        # Without noise it is made with the shipped behaviours, and with no others.
        made_with = f"noise{noise:g}" if noise else f"shipped-{shipped_behaviours()[:8]}"
        self._folder = folder / f"{made_with}-{digest_of(shared_settings(noise, arm.name))}"
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def behaviours_hash(self) -> str:
        """Of the behaviours, "" where they have not been learned yet."""
        if not self._noise:
            return shipped_behaviours()
        try:
            return Contract.read(self._learned / "behaviours", "behaviours").hash
        except ContractError:
            return ""

    def behaviours(self) -> tuple[BehaviourNet, str]:
        """The behaviours, and their hash."""
        policy = shipped()
        if self._noise:
            policy = self._learned
            self._once(policy / "behaviours" / "contract.json", self._learn_behaviours)
        net, contract = load_behaviours(policy, self._arm)
        return net, contract.hash

    def encoder(self, kind: str, seed: int) -> InternalStateModel:
        """An internal-state model of a kind (see ``internal_states.model.KINDS``).

        Raises:
            RunError: What is kept of it is damaged.
        """
        config = InternalStateConfig(kind=kind)
        file = self._folder / f"{kind}-{seed}.safetensors"

        def learn() -> None:
            data, _ = self.activations().split(0.2, 0)
            learning = replace(_LEARNING, model=config)
            model, _ = learn_internal_states(data, learning, seed)
            write_file(file, lambda aside: save_file(model.state_dict(), aside))

        self._once(file, learn)
        try:
            tensors = load_file(file)
            return filled(lambda: InternalStateModel(len(tensors["centre"]), config), tensors)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{file} is no encoder of this study: {error}; remove it to have it learned anew"
            ) from error

    def activations(self) -> ActivationDataset:
        """Steps of a scripted choreographer that now and then errs; half the episodes disturbed."""
        file = self._folder / "activations.safetensors"

        def gather() -> None:
            net, digest = self.behaviours()
            disturbed = PerturbationConfig(probability=0.5, latest=30)
            env = make_env(self.config, self._arm, 128, horizon=75, perturbation=disturbed)

            def driver(batch: int) -> Ruled:
                return Ruled(env, 0.15, np.random.default_rng([SEED, batch]))

            collect(env, net, driver, BATCHES, SEED, digest).save(file)
            env.close()

        self._once(file, gather)
        return ActivationDataset.load(file)

    @property
    def _learned(self) -> Path:
        """Folder of the policy whose behaviours were learned in noise."""
        return self._folder / "behaviours" / "model"

    def _learn_behaviours(self) -> None:
        out = self._learned.parent
        config = replace(self.config, seed=0)
        train_bbrl(config, out, parts=("behaviours",), resume=(out / "config.json").exists())

    def _once(self, file: Path, make: Callable[[], None]) -> None:
        """Make a file unless it is there; one process at a time."""
        if file.exists():
            return
        with (self._folder / f".{file.parent.name}-{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                make()
