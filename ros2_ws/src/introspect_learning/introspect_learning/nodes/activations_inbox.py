"""Takes activations from the topic: refuses foreign ones, gathers layers, says what is lacking."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from introspect_msgs.msg import Activations
from numpy.typing import NDArray

from introspect_control.nodes.runtime import Diagnostics
from introspect_learning.execution import Gathering, Period
from introspect_learning.nodes.policy_messages import nanoseconds


class ActivationsInbox:
    """What the nodes that listen to ``activations`` have in common.

    Args:
        listener: what the model is called in messages to people.
        layers: that it takes, with their sizes.
        features_from: hash of the behaviours whose activations it takes.
        diagnostics: of the node; refusals are counted there.

    Attributes:
        problem: why the latest message was refused; empty if it was not.
    """

    def __init__(
        self,
        listener: str,
        layers: Mapping[str, int],
        features_from: str,
        diagnostics: Diagnostics,
    ) -> None:
        self.problem = ""
        self._listener, self._features_from = listener, features_from
        self._sizes = dict(layers)
        self._diagnostics = diagnostics
        self._gathering = Gathering(layers)
        self._reported = 0  # periods without all layers
        self._taken = 0  # complete periods since the last report

    def take(self, message: Activations) -> tuple[Period, dict[str, NDArray[np.float32]]] | None:
        """Take a message; returns the activations of its period once they are complete."""
        self.problem = self._refusal(message)
        if self.problem:
            self._diagnostics.count("refused")
            self._diagnostics.error(self.problem)
            return None
        stamp = nanoseconds(message.header.stamp)
        period = Period(message.episode, message.sequence, stamp)
        values = np.frombuffer(message.values, dtype=np.float32)
        layers = self._gathering.add(period, message.layer, values)
        if layers is None:
            return None
        self._taken += 1
        return period, layers

    def report(self) -> str:
        """Tell the diagnostics if layers never come; returns the same in words, empty if they do.

        A single period without all layers is only counted: somebody may just have joined.
        """
        gathering = self._gathering
        self._diagnostics.set("incomplete periods", gathering.incomplete)
        lacks = gathering.incomplete > self._reported and not self._taken
        self._reported, self._taken = gathering.incomplete, 0
        if not lacks or self.problem:
            return ""
        problem = (
            f"this {self._listener} listens to {', '.join(gathering.layers)}, but "
            f"{', '.join(gathering.lacking)} did not come: start behaviour_node with the same "
            f"model folder, or with layers:=[{', '.join(gathering.layers)}]"
        )
        self._diagnostics.error(problem)
        return problem

    def _refusal(self, message: Activations) -> str:
        """Why a message cannot be judged; empty if it can, or is of no interest."""
        if message.model_hash != self._features_from:
            return (
                f"this {self._listener} was trained on the activations of behaviours "
                f"{self._features_from}, but gets those of {message.model_hash or 'no model'}: "
                "give all nodes the same model folder"
            )
        size = self._sizes.get(message.layer)
        if size is None:
            return ""
        if len(message.values) != size:
            return f"{message.layer} must be {size} numbers, got {len(message.values)}"
        if not np.isfinite(message.values).all():
            return f"{message.layer} must be finite"
        return ""
