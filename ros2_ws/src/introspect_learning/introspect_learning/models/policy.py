"""Policy folders: the shipped ones, and the parts of each."""

from __future__ import annotations

import hashlib
from pathlib import Path

from introspect_learning.models.contract import Contract, ContractError


def shipped(name: str = "bbrl") -> Path:
    """Folder of a policy that comes with the package.

    Raises:
        ContractError: No such policy; the text lists those there are.
    """
    home = Path(__file__).parent / "shipped"
    folder = home / name
    if not folder.is_dir():
        known = sorted(path.name for path in home.iterdir() if path.is_dir())
        raise ContractError(
            f"no policy {name!r} is shipped; there are {', '.join(known) or 'none'}"
        )
    return folder


def policy_hash(policy: Path) -> str:
    """Digest of a whole policy: of the weights of its behaviours and of its choreographer.

    Raises:
        ContractError: The folder is no policy.
    """
    kinds = ("behaviours", "choreographer")
    parts = [Contract.read(policy_part(policy, kind), kind).hash for kind in kinds]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def policy_part(policy: Path, part: str) -> Path:
    """A part's folder within a policy folder.

    Raises:
        ContractError: There is none.
    """
    policy = Path(policy)
    if not policy.is_dir():
        raise ContractError(
            f"model folder {policy} does not exist "
            "(train one with: introspect train bbrl --out DIR, and give DIR/model)"
        )
    if part == "internal_states" and not (policy / part).is_dir():
        raise ContractError(
            f"{policy} has no internal_states/ "
            f"(train them with: introspect train internal-states --policy {policy} --out DIR, "
            "and give DIR/model)"
        )
    if not (policy / part).is_dir():
        raise ContractError(
            f"{policy} is not a policy folder: it has no {part}/ "
            "(train one with: introspect train bbrl --out DIR, and give DIR/model)"
        )
    return policy / part
