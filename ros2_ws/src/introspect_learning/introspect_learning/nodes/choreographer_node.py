"""Answers the behaviour node's features with the behaviour to follow."""

from __future__ import annotations

import sys
from array import array

import numpy as np
from introspect_msgs.msg import Activations, BehaviourStatus

from introspect_control.nodes.runtime import SENSOR, ConfigurationError, ManagedNode, spin
from introspect_learning.execution import Choreography
from introspect_learning.models import (
    BehavioursRuntime,
    Choice,
    ChoreographerRuntime,
    ContractError,
)
from introspect_learning.nodes.policy_folder import (
    DECISIONS,
    PolicyParameters,
    load_arm,
    policy_folder,
)

LAYER = "features"


class ChoreographerNode(ManagedNode[PolicyParameters]):
    """Feeds the choreographer period by period and publishes what it chooses."""

    def __init__(self) -> None:
        super().__init__("choreographer_node", PolicyParameters)

    def configure(self) -> None:
        """Load the policy."""
        folder = policy_folder(self.parameters)
        arm = load_arm(self.parameters)
        try:
            self._features_from = BehavioursRuntime.load(folder, arm).hash
            self._runtime = ChoreographerRuntime.load(folder, self._features_from)
        except ContractError as error:
            raise ConfigurationError(str(error)) from error
        self._size = self._runtime.contract.layers[LAYER]
        self._choreography: Choreography[Choice] = Choreography(self._runtime)
        self._runtime.run(np.zeros(self._size, dtype=np.float32))  # the first run is slow
        self._runtime.reset()
        self._status = BehaviourStatus(
            model_hash=self._runtime.hash, names=list(self._runtime.names)
        )
        self._publisher = self.create_publisher(BehaviourStatus, "behaviour", DECISIONS)
        self._timer = self.diagnostics.time_loop("decision")
        self.diagnostics.before_publishing(
            lambda: self.diagnostics.set("missed questions", self._choreography.missed)
        )
        self.create_subscription(Activations, "activations", self._on_activations, SENSOR)

    def activate(self) -> None:
        """Begin to answer."""
        self.get_logger().info(
            f"choosing among {', '.join(self._runtime.names)}, model {self._runtime.hash[:12]}"
        )

    def _on_activations(self, message: Activations) -> None:
        if not self.active or message.layer != LAYER:
            return
        if (problem := self._problem(message)) is not None:
            self.diagnostics.count("refused")
            self.diagnostics.error(problem)
            self.get_logger().error(problem, throttle_duration_sec=1.0)
            return
        with self._timer:
            features = np.frombuffer(message.values, dtype=np.float32)
            choice = self._choreography.answer(message.episode, message.sequence, features)
            status = self._status
            status.header = message.header
            status.episode, status.sequence = message.episode, message.sequence
            status.index, status.active = choice.index, self._runtime.names[choice.index]
            status.probabilities = array("f", choice.probabilities.tobytes())
            status.state_value = choice.state_value
            self._publisher.publish(status)
        self.diagnostics.ok()

    def _problem(self, message: Activations) -> str | None:
        """Why these features cannot be answered, if they cannot."""
        if message.model_hash != self._features_from:
            return (
                f"this choreographer was trained on the features of behaviours "
                f"{self._features_from}, but gets those of {message.model_hash or 'no model'}: "
                "give both nodes the same model folder"
            )
        if len(message.values) != self._size:
            return f"features must be {self._size} numbers, got {len(message.values)}"
        if not np.isfinite(message.values).all():
            return "features must be finite"
        return None


def main() -> None:
    """Run the node."""
    sys.exit(spin(ChoreographerNode))


if __name__ == "__main__":
    main()
