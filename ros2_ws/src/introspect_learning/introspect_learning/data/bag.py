"""Activations from recorded bags."""

from __future__ import annotations

from pathlib import Path

from introspect_learning.data.activations import ActivationDataset
from introspect_learning.models.contract import Contract


def activations_of(bag: Path, layers: tuple[str, ...], contract: Contract) -> ActivationDataset:
    """Read a bag's activations."""
    raise NotImplementedError
