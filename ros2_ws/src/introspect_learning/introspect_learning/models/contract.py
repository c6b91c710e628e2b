"""The contract of a model: what it is, what goes in and out, and for which robot."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from introspect_control.atomic import sha256, write_text
from introspect_description.untrusted import read_file, read_json
from introspect_sim.tasks import ACTION_NAMES, OBSERVATION, POLICY_PERIOD
from introspect_sim.tasks.action import ANGULAR_SPEED, LINEAR_SPEED

if TYPE_CHECKING:
    from introspect_description import ArmDescription

FORMAT = 1
CONTRACT, WEIGHTS, GRAPH = "contract.json", "model.safetensors", "model.onnx"
LARGEST_FILE = 256 * 2**20  # refuse to read more [bytes]
LARGEST_CONTRACT = 2**20  # ours have some thousand [bytes]
LARGEST_LAYER = 2**16  # units; ours have some hundred


_shown = reprlib.Repr()  # of what a file says, which may be long
_shown.maxlist, _shown.maxdict, _shown.maxstring = 64, 16, 40


class ContractError(Exception):
    """A model that does not fit; the text shows both sides."""


@contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Say which model it is that does not fit."""
    try:
        yield
    except ContractError as error:
        if str(folder) in str(error):
            raise
        raise ContractError(f"{folder}: {error}") from error


@dataclass(frozen=True)
class Contract:
    """What a model folder promises.

    Lengths are in metres, angles in radians, times in seconds, all in the arm's base frame.
    """

    kind: str  # "behaviours", "choreographer" or "internal_states"
    joint_names: tuple[str, ...]  # order of the joints in the observation
    observation_names: tuple[str, ...]  # what goes in, number by number
    action_names: tuple[str, ...]  # what comes out, number by number
    behaviours: tuple[str, ...]  # order of the behaviours
    layers: dict[str, int]  # name of each layer that is captured, or listened to -> its size
    input_names: tuple[str, ...]  # the observation's numbers that the network reads
    input_scale: tuple[float, ...]  # what each is multiplied by
    linear_speed: float  # of the tool at an action of 1 [m/s]
    angular_speed: float  # of the tool at an action of 1 [rad/s]
    rate: float  # of the policy [Hz]
    decision_period: int  # policy steps between decisions of the choreographer
    envelope: dict[str, float]  # velocity_scale, acceleration_scale, jerk it was trained with
    features_from: str = ""  # sha256 of the behaviours' weights whose activations it takes
    listens_to: str = ""  # what a choreographer makes of them: features, means, sample ...
    noise: int = 0  # standard normal numbers that it takes beside them
    phases: tuple[str, ...] = ()  # order of the phases that internal states are told apart by
    training: dict[str, Any] = field(default_factory=dict)  # seed, versions, task
    sha256: dict[str, str] = field(default_factory=dict)  # of the model's files
    format: int = FORMAT

    @property
    def hash(self) -> str:
        """What messages call the model: the digest of its weights."""
        return self.sha256.get(WEIGHTS, "")

    def write(self, folder: Path) -> None:
        """Write ``contract.json``."""
        write_text(folder / CONTRACT, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path, kind: str) -> Contract:
        """Read a folder's contract and check its files against it.

        Args:
            folder: of the model.
            kind: that it has to be.

        Raises:
            ContractError: Missing or unreadable files, another format or kind, changed content.
        """
        for name in (CONTRACT, WEIGHTS, GRAPH):
            if not (folder / name).is_file():
                raise ContractError(
                    f"{folder} is not a model folder: {name} is missing "
                    f"(it needs {CONTRACT}, {WEIGHTS} and {GRAPH})"
                )
            if (folder / name).stat().st_size > LARGEST_FILE:
                raise ContractError(f"{folder / name} is larger than {LARGEST_FILE} bytes")
        contract = cls._parse(folder / CONTRACT)
        if contract.kind != kind:
            held = _shown.repr(contract.kind)
            raise ContractError(f"{folder} holds {held}, but {kind!r} is needed here")
        for name in (WEIGHTS, GRAPH):
            found, promised = sha256(folder / name), contract.sha256.get(name)
            if found != promised:
                raise ContractError(
                    f"{folder / name} is not the file its contract was written for: "
                    f"sha256 {found}, contract says {promised!s:.64}"
                )
        return contract

    @classmethod
    def _parse(cls, file: Path) -> Contract:
        try:
            values = read_json(read_file(file, LARGEST_CONTRACT))
        except (OSError, ValueError) as error:
            raise ContractError(f"{file} cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise ContractError(f"{file} must hold one JSON object, got {type(values).__name__}")
        if values.get("format") != FORMAT:
            found = _shown.repr(values.get("format"))
            raise ContractError(f"{file} has format {found}, expected {FORMAT}")
        known = {f.name for f in fields(cls)}
        if unknown := sorted(values.keys() - known):
            names = _shown.repr(unknown)
            raise ContractError(f"{file} has unknown keys {names}; known are {sorted(known)}")
        needed = known - {f.name for f in fields(cls) if _optional(f)}
        if missing := sorted(needed - values.keys()):
            raise ContractError(f"{file} lacks {missing}")
        hints = get_type_hints(cls)
        for name in sorted(known & values.keys()):
            if not _is_of(values[name], hints[name]):
                raise ContractError(f"{file}: {name} cannot be {_shown.repr(values[name])}")
            if isinstance(values[name], list):
                values[name] = tuple(values[name])
        if values["decision_period"] < 1:
            raise ContractError(f"{file}: decision_period must be at least 1")
        if any(not 1 <= size <= LARGEST_LAYER for size in values["layers"].values()):
            sizes = _shown.repr(values["layers"])
            raise ContractError(f"{file}: layers must have 1 to {LARGEST_LAYER} units, got {sizes}")
        if not 0 <= values.get("noise", 0) <= LARGEST_LAYER:
            raise ContractError(f"{file}: noise must be 0 to {LARGEST_LAYER}")
        return cls(**values)

    def check_features(self, found: str) -> None:
        """Refuse activations of other behaviours than those it was trained on.

        Args:
            found: hash of the behaviours whose activations it would get.

        Raises:
            ContractError: They are not; both hashes are in the text.
        """
        if self.features_from != found:
            raise ContractError(
                f"this {self.kind.replace('_', ' ')} model was trained on the activations of "
                f"behaviours {self.features_from:.64}, but gets those of {found or 'no model'}: "
                "give all nodes models of the same training"
            )

    def check_offered(self, found: str, what: str) -> None:
        """Refuse activations that are not these behaviours' own.

        Args:
            found: hash of the behaviours that they come from.
            what: is refused, for the text.

        Raises:
            ContractError: They are another model's; both hashes are in the text.
        """
        if found != self.hash:
            raise ContractError(
                f"{what} are those of model {found or 'unknown'}, but the policy's "
                f"{self.kind} are {self.hash}: give the policy that was recorded"
            )

    def check_arm(self, arm: ArmDescription) -> None:
        """Refuse a robot that the model was not made for.

        A model that reads no joint drives any arm: what it reads and what it asks for are told of
        the tool, and the Cartesian servo makes joint commands of it.

        Raises:
            ContractError: It reads joints, and their names or order differ; both sides are in the
                text.
        """
        if any(name.startswith("joint_") for name in self.input_names):
            self._same("joint names", self.joint_names, arm.joint_names)

    def check_interface(self) -> None:
        """Refuse a model whose observation or action is not the one this version builds."""
        self._same("observation", self.observation_names, OBSERVATION.names)
        self._same("action", self.action_names, ACTION_NAMES)
        speeds = self.linear_speed, self.angular_speed
        self._same("speeds at an action of 1", speeds, (LINEAR_SPEED, ANGULAR_SPEED))
        self._same("rate", (self.rate,), (1.0 / POLICY_PERIOD,))

    def _same(self, what: str, model: tuple[object, ...], here: tuple[object, ...]) -> None:
        if tuple(model) != tuple(here):
            raise ContractError(
                f"{what} of the model and of this robot differ: "
                f"model {_shown.repr(list(model))}, robot {list(here)}"
            )


def _is_of(value: Any, hint: Any) -> bool:
    """Whether JSON has given what a field wants: the items of lists and mappings, too."""
    kind, items = get_origin(hint) or hint, get_args(hint)
    if kind is tuple:
        return isinstance(value, list) and all(_is_of(item, items[0]) for item in value)
    if kind is dict:
        return isinstance(value, dict) and all(_is_of(item, items[1]) for item in value.values())
    if hint is Any:
        return True
    allowed = (int, float) if kind is float else (kind,)
    return isinstance(value, allowed) and not isinstance(value, bool)


def _optional(field_: Field[Any]) -> bool:
    return field_.default is not MISSING or field_.default_factory is not MISSING
