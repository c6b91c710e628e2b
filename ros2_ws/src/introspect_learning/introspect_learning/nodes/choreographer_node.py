"""Answers the behaviour node's activations with the behaviour to follow."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from introspect_msgs.msg import Activations, BehaviourStatus, InternalState

from introspect_control.nodes.runtime import (
    STREAM,
    ConfigurationError,
    ManagedNode,
    parameter,
    spin,
)
from introspect_control.nodes.warm_up import WarmUp
from introspect_learning.execution import Choreography, Retry, RetryConfig
from introspect_learning.models import (
    BehavioursRuntime,
    Choice,
    ChoreographerRuntime,
    Contract,
    ContractError,
)
from introspect_learning.models.policy import policy_part
from introspect_learning.nodes.activations_inbox import ActivationsInbox
from introspect_learning.nodes.policy_folder import (
    ACTIVATIONS,
    DECISIONS,
    PolicyParameters,
    load_arm,
    policy_folder,
)
from introspect_learning.nodes.policy_messages import nanoseconds


@dataclass(frozen=True)
class ChoreographerParameters(PolicyParameters):
    """Which policy, and when it gives up an attempt that looks like failing."""

    retry_above: float = parameter(
        0.0,
        "probability of failure above which the attempt is started over; 0: never",
        minimum=0.0,
        maximum=1.0,
    )
    retry_after: float = parameter(
        0.5, "for which the probability stays above that first [s]", minimum=0.0, maximum=60.0
    )
    retry_pause: float = parameter(
        4.0, "from one new attempt to the next, at least [s]", minimum=0.0, maximum=600.0
    )


class ChoreographerNode(ManagedNode[ChoreographerParameters]):
    """Feeds the choreographer period by period and publishes what it chooses.

    It never waits for the internal state: that may make it start over, and no more.
    """

    def __init__(self) -> None:
        super().__init__("choreographer_node", ChoreographerParameters)

    def configure(self) -> None:
        """Load the policy."""
        given = self.parameters
        folder = policy_folder(given)
        arm = load_arm(given)
        try:
            features_from = BehavioursRuntime.load(folder, arm).hash
            self._runtime = ChoreographerRuntime.load(folder, features_from)
        except ContractError as error:
            raise ConfigurationError(str(error)) from error
        layers = self._runtime.contract.layers
        self._inbox = ActivationsInbox("choreographer", layers, features_from, self.diagnostics)
        self._choreography: Choreography[Choice] = Choreography(self._runtime)
        self._retry = Retry(RetryConfig(given.retry_above, given.retry_after, given.retry_pause))
        # The first run is slow.
        self._runtime.run({name: np.zeros(n, dtype=np.float32) for name, n in layers.items()})
        self._runtime.reset()
        self._status = BehaviourStatus(
            model_hash=self._runtime.hash, names=list(self._runtime.names)
        )
        self._publisher = self.create_publisher(BehaviourStatus, "behaviour", DECISIONS)
        self._timer = self.diagnostics.time_loop("decision")
        period = self._runtime.period / self._runtime.contract.rate
        self._warm_up = WarmUp(self, self._runtime.rehearse, period)
        self.diagnostics.before_publishing(self._report)
        self.create_subscription(Activations, "activations", self._on_activations, ACTIVATIONS)
        if given.retry_above > 0.0:
            self._states = _internal_states(folder)
            self.create_subscription(
                InternalState, "internal_state", self._on_internal_state, STREAM
            )

    def activate(self) -> None:
        """Begin to answer."""
        contract = self._runtime.contract
        self.get_logger().info(
            f"choosing among {', '.join(self._runtime.names)}, listening to "
            f"{contract.listens_to or 'features'} of {', '.join(contract.layers)}, model "
            f"{self._runtime.hash[:12]}"
        )

    def _on_activations(self, message: Activations) -> None:
        if not self.active:
            return
        taken = self._inbox.take(message)
        if self._inbox.problem:
            self.get_logger().error(self._inbox.problem, throttle_duration_sec=1.0)
        if taken is None:
            return
        period, layers = taken
        self._warm_up.done()
        with self._timer:
            choice = self._choreography.answer(period.episode, period.sequence, layers)
            status = self._status
            status.header = message.header
            status.episode, status.sequence = message.episode, message.sequence
            status.index, status.active = choice.index, self._runtime.names[choice.index]
            status.probabilities = array("f", choice.probabilities.tobytes())
            status.state_value = choice.state_value
            status.memory = array("f", choice.memory.tobytes())
            self._publisher.publish(status)
        self.diagnostics.ok()

    def _on_internal_state(self, message: InternalState) -> None:
        """Start over an attempt that has looked like failing for some time."""
        if not self.active or message.episode != self._choreography.episode:
            return
        if message.model_hash != self._states:
            self.diagnostics.error(
                f"internal states of model {message.model_hash or 'unknown'} are not heeded; the "
                f"policy's are {self._states or 'none'}: give all nodes the same model folder"
            )
            return
        stamp = nanoseconds(message.header.stamp)
        if self._retry.see(message.episode, stamp, message.failure_probability):
            self._choreography.forget()
            self.get_logger().info(
                f"episode {message.episode}, period {message.sequence}: trying anew, as failure "
                f"has {100 * message.failure_probability:.0f} % probability"
            )

    def _report(self) -> None:
        self.diagnostics.set("missed questions", self._choreography.missed)
        self.diagnostics.set("retries", self._retry.count)
        if problem := self._inbox.report():
            self.get_logger().error(problem, throttle_duration_sec=5.0)


def _internal_states(folder: Path) -> str:
    """Hash of the policy's internal-state model.

    Raises:
        ConfigurationError: It has none, so that nothing could ever make the choreographer retry.
    """
    try:
        part = policy_part(folder, "internal_states")
        return Contract.read(part, "internal_states").hash
    except ContractError as error:
        raise ConfigurationError(f"retry_above needs internal states: {error}") from error


def main() -> None:
    """Run the node."""
    sys.exit(spin(ChoreographerNode))


if __name__ == "__main__":
    main()
