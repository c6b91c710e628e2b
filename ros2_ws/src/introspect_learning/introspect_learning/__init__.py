"""Behaviours, choreographer, their contracts and their training."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from introspect_learning.behaviours.networks import BehaviourNet
    from introspect_learning.choreographer.network import Choreographer
    from introspect_learning.models import BehavioursRuntime, ChoreographerRuntime

__all__ = ["BehaviourNet", "BehavioursRuntime", "Choreographer", "ChoreographerRuntime"]

_HOMES = {
    "BehaviourNet": "introspect_learning.behaviours.networks",
    "BehavioursRuntime": "introspect_learning.models",
    "Choreographer": "introspect_learning.choreographer.network",
    "ChoreographerRuntime": "introspect_learning.models",
}


def __getattr__(name: str) -> Any:
    """Import on first use: running needs no torch, and importing this package none either."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
