"""Trained models as the nodes and ``introspect eval`` run them: ONNX Runtime, one row at a time.

One row at a time everywhere is what makes an evaluated and a deployed policy bit-identical: matrix
products over several rows may round differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_learning.models.contract import Contract, ContractError, naming
from introspect_learning.models.policy import policy_part
from introspect_learning.models.session import Session, Shape

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float32]


class BehavioursOutput(NamedTuple):
    """What the behaviours make of one observation."""

    activations: dict[str, Array]  # layer -> (size,)
    actions: Array  # (behaviours, actions), each in [-1, 1]


@dataclass(frozen=True)
class Choice:
    """What the choreographer makes of one control period."""

    index: int  # of the behaviour
    probabilities: Array  # (behaviours,)
    state_value: float
    memory: Array  # (hidden,) hidden state of the LSTM, after the latest decision
    decided: bool  # anew in this period


class BehavioursRuntime:
    """The behaviours of a policy folder.

    Args:
        folder: ``behaviours`` folder of the policy.
        arm: checked against the contract if given.

    Raises:
        ContractError: The folder is not such a model, or not for this arm.
    """

    def __init__(self, folder: Path, arm: ArmDescription | None = None) -> None:
        self.contract = Contract.read(folder, "behaviours")
        with naming(folder):
            self.contract.check_interface()
            if arm is not None:
                self.contract.check_arm(arm)
        self._session = Session(folder)
        contract = self.contract
        layers: dict[str, Shape] = {name: (1, size) for name, size in contract.layers.items()}
        actions = (1, len(contract.behaviours), len(contract.action_names))
        sensed = {"sensed": (1, len(contract.observation_names))}
        self._session.expect(sensed, layers | {"actions": actions})
        self._outputs = [*layers, "actions"]

    @classmethod
    def load(cls, policy: Path, arm: ArmDescription | None = None) -> BehavioursRuntime:
        """From a policy folder, which holds ``behaviours`` and ``choreographer``."""
        return cls(policy_part(policy, "behaviours"), arm)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the behaviours, in order."""
        return self.contract.behaviours

    @property
    def hash(self) -> str:
        """Digest of the weights."""
        return self.contract.hash

    def run(self, observation: Array) -> BehavioursOutput:
        """All layers and all behaviours' actions for one observation (OBSERVATION.size,)."""
        *layers, actions = self._session.run(self._outputs, {"sensed": observation[None]})
        named = {name: layer[0] for name, layer in zip(self.contract.layers, layers, strict=True)}
        return BehavioursOutput(named, actions[0])


class ChoreographerRuntime:
    """The choreographer of a policy folder, with its memory of the present episode.

    Args:
        folder: ``choreographer`` folder of the policy.
        features_from: hash of the behaviours it will listen to; checked if given.

    Raises:
        ContractError: The folder is not such a model, or it listens to other behaviours.
    """

    def __init__(self, folder: Path, features_from: str | None = None) -> None:
        self.contract = Contract.read(folder, "choreographer")
        if features_from is not None:
            with naming(folder):
                self.contract.check_features(features_from)
        self._session = Session(folder)
        heard = sum(self.contract.layers.values()) + self.contract.noise
        self._heard = np.zeros((1, 1, heard), dtype=np.float32)  # last
        self._hidden = self._session.inputs.get("h", (0,))[-1]
        memory = (1, 1, self._hidden)
        self._session.expect(
            {"heard": (1, 1, heard), "h": memory, "c": memory},
            {
                "probabilities": (1, 1, len(self.contract.behaviours)),
                "value": (1, 1),
                "h_out": memory,
                "c_out": memory,
            },
        )
        self.reset()

    @classmethod
    def load(cls, policy: Path, features_from: str | None = None) -> ChoreographerRuntime:
        """From a policy folder, which holds ``behaviours`` and ``choreographer``."""
        return cls(policy_part(policy, "choreographer"), features_from)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the behaviours, in order."""
        return self.contract.behaviours

    @property
    def hash(self) -> str:
        """Digest of the weights."""
        return self.contract.hash

    @property
    def period(self) -> int:
        """Policy steps between decisions."""
        return self.contract.decision_period

    def reset(self) -> None:
        """Forget: a new episode begins."""
        self._h = np.zeros((1, 1, self._hidden), dtype=np.float32)
        self._c = np.zeros((1, 1, self._hidden), dtype=np.float32)
        self._sequence = 0
        self._choice: Choice | None = None
        self._noise = np.random.default_rng(0)  # the same in every episode, here and in the nodes

    def run(self, activations: Mapping[str, Array]) -> Choice:
        """One control period: decides anew when a decision is due, else repeats the last.

        Args:
            activations: by layer; those that the contract names.
        """
        due = self._sequence % self.period == 0
        self._sequence += 1
        if not due and self._choice is not None:
            self._choice = replace(self._choice, decided=False)
            return self._choice
        parts = [activations[name] for name in self.contract.layers]
        if self.contract.noise:
            parts.append(self._noise.standard_normal(self.contract.noise, dtype=np.float32))
        self._heard = np.concatenate(parts)[None, None]
        probabilities, value, self._h, self._c = self._infer()
        row = probabilities[0, 0]
        self._choice = Choice(
            int(row.argmax()), row, float(value[0, 0]), self._h[0, 0], decided=True
        )
        return self._choice

    def rehearse(self) -> None:
        """Decide for nothing: neither memory nor choice change."""
        self._infer()

    def _infer(self) -> list[Array]:
        given = {"heard": self._heard, "h": self._h, "c": self._c}
        answer: list[Array] = self._session.run(["probabilities", "value", "h_out", "c_out"], given)
        return answer


@dataclass(frozen=True)
class InternalState:
    """What the internal-state model makes of one control period."""

    mean: Array  # (latent,)
    log_variance: Array  # (latent,)
    reconstruction_error: float  # in units of each activation's own variance
    phase: Array  # (phases,) probabilities
    failure: float  # probability that this attempt will fail
    surprise: float  # 1 where the disturbance alarm begins


class InternalStateRuntime:
    """The internal-state model, with its memory of the present episode.

    Args:
        folder: of the model.
        features_from: hash of the behaviours whose activations it will take; checked if given.

    Raises:
        ContractError: The folder is no such model, or it takes activations of other behaviours.
    """

    def __init__(self, folder: Path, features_from: str | None = None) -> None:
        self.contract = Contract.read(folder, "internal_states")
        if features_from is not None:
            with naming(folder):
                self.contract.check_features(features_from)
        self._session = Session(folder)
        self._folder, self._given = folder, dict(list(self._session.inputs.items())[2:])
        self._expect(sum(self.contract.layers.values()), self._given)
        self._outputs = list(self._session.outputs)
        self.reset()

    @property
    def hash(self) -> str:
        """Digest of the weights."""
        return self.contract.hash

    def _expect(self, activations: int, memory: dict[str, Shape]) -> None:
        """Six findings, of which the states are as long as they like; then the memory again."""
        contract, found = self.contract, self._session.outputs
        states = found.get("mean", ())
        findings: dict[str, Shape] = {
            "mean": states,
            "log_variance": states,
            "reconstruction_error": (1,),
            "phase": (1, len(contract.phases)),
            "failure": (1,),
            "surprise": (1,),
        }
        after = {f"{name}_out": shape for name, shape in memory.items()}
        behaviour = (1, len(contract.behaviours))
        given = {"activations": (1, activations), "behaviour": behaviour, **memory}
        self._session.expect(given, {**found, **findings, **after})
        if list(found) != [*findings, *after]:
            wanted = [*findings, *after]
            raise ContractError(f"{self._folder}: outputs are {list(found)}, must be {wanted}")

    def reset(self) -> None:
        """Forget: a new episode begins."""
        self._memory = {n: np.zeros(shape, dtype=np.float32) for n, shape in self._given.items()}

    def run(self, activations: Mapping[str, Array], behaviour: str) -> InternalState:
        """One control period.

        Args:
            activations: by layer; those that the contract names.
            behaviour: that has acted since the period before, "" where none has.
        """
        names = self.contract.behaviours
        acted = np.array([[float(name == behaviour) for name in names]], dtype=np.float32)
        given = np.concatenate([activations[name] for name in self.contract.layers])[None]
        mean, log_variance, error, phase, failure, surprise, *memory = self._session.run(
            self._outputs, {"activations": given, "behaviour": acted, **self._memory}
        )
        self._memory = dict(zip(self._memory, memory, strict=True))
        return InternalState(
            mean[0],
            log_variance[0],
            float(error[0]),
            phase[0],
            float(failure[0]),
            float(surprise[0]),
        )
