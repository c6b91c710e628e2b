"""Publishes what the policy's activations tell of its internal state."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass

import numpy as np
from introspect_msgs.msg import Activations
from introspect_msgs.msg import InternalState as InternalStateMessage

from introspect_control.nodes.runtime import (
    STREAM,
    ConfigurationError,
    ManagedNode,
    parameter,
    spin,
    stay_behind,
)
from introspect_learning.execution import Alarm, AlarmConfig, Introspection
from introspect_learning.models import (
    Contract,
    ContractError,
    InternalState,
    InternalStateRuntime,
)
from introspect_learning.models.policy import policy_part
from introspect_learning.nodes.activations_inbox import ActivationsInbox
from introspect_learning.nodes.policy_folder import ACTIVATIONS, PolicyParameters, policy_folder

PART = "internal_states"  # of a policy folder


@dataclass(frozen=True)
class InternalStateParameters(PolicyParameters):
    """Which policy, and when its alarm begins and ends."""

    alarm_level: float = parameter(
        1.0, "surprise at which the alarm begins", minimum=0.1, maximum=100.0
    )
    alarm_hold: float = parameter(
        0.5, "for which it stays after the last such surprise [s]", minimum=0.0, maximum=60.0
    )


class InternalStateNode(ManagedNode[InternalStateParameters]):
    """Feeds the internal-state model period by period and publishes what it finds.

    Nobody on the control path waits for it. A policy without such a model is only warned of.
    """

    def __init__(self) -> None:
        super().__init__("internal_state_node", InternalStateParameters)

    def configure(self) -> None:
        """Load the model, if the policy has one."""
        folder, given = policy_folder(self.parameters), self.parameters
        self._runtime: InternalStateRuntime | None = None
        try:
            features_from = Contract.read(policy_part(folder, "behaviours"), "behaviours").hash
            if not (folder / PART).is_dir():
                problem = f"policy folder {folder} has no {PART}/: no internal state is published"
                self.get_logger().warning(problem)
                self.diagnostics.warn(problem)
                return
            self._runtime = runtime = InternalStateRuntime(folder / PART, features_from)
        except ContractError as error:
            raise ConfigurationError(str(error)) from error
        contract = runtime.contract
        # The first run is slow.
        runtime.run(
            {name: np.zeros(n, dtype=np.float32) for name, n in contract.layers.items()}, ""
        )
        self._inbox = ActivationsInbox(
            "internal-state model", contract.layers, features_from, self.diagnostics
        )
        self._alarm = Alarm(AlarmConfig(given.alarm_level, given.alarm_hold))
        self._introspection: Introspection[InternalState] = Introspection(
            runtime, self._alarm, 1.0 / contract.rate
        )
        self._message = InternalStateMessage(model_hash=runtime.hash, phases=list(contract.phases))
        self._reported = 0  # alarms
        self._followed = 0  # periods since the last report
        self._timer = self.diagnostics.time_loop("introspection", 1.0 / contract.rate)
        self.diagnostics.before_publishing(self._report)
        self._publisher = self.create_publisher(InternalStateMessage, "internal_state", STREAM)
        self.create_subscription(Activations, "activations", self._on_activations, ACTIVATIONS)

    def activate(self) -> None:
        """Begin to look."""
        if self._runtime is not None:
            contract = self._runtime.contract
            self.get_logger().info(
                f"telling apart {', '.join(contract.phases)} by {', '.join(contract.layers)}, "
                f"model {self._runtime.hash[:12]}"
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
        with self._timer:
            begun = self._alarm.count
            finding = self._introspection.follow(period, layers, message.behaviour)
            state, said = finding.state, self._message
            said.header = message.header
            said.episode, said.sequence = message.episode, message.sequence
            said.mean = array("f", state.mean.tobytes())
            said.log_variance = array("f", state.log_variance.tobytes())
            said.reconstruction_error = state.reconstruction_error
            said.phase_probabilities = array("f", state.phase.tobytes())
            said.failure_probability = state.failure
            said.surprise, said.alarm = state.surprise, finding.alarm
            self._publisher.publish(said)
        if self._alarm.count > begun:
            self.get_logger().warning(
                f"episode {period.episode}, period {period.sequence}: "
                f"disturbance alarm (surprise {state.surprise:.1f})"
            )
        self._followed += 1
        self.diagnostics.set("failure probability", state.failure)

    def _report(self) -> None:
        """Once a second: also an alarm that has come and gone since is a warning."""
        alarms, followed = self._alarm.count, self._followed
        self.diagnostics.set("alarms", alarms)
        self.diagnostics.set("gaps", self._introspection.gaps)
        problem = self._inbox.report()
        if problem:
            self.get_logger().error(problem, throttle_duration_sec=5.0)
        elif alarms > self._reported or (self._alarm.on and followed):
            self.diagnostics.warn(f"disturbance alarm, {alarms} so far")
        elif not self._inbox.problem:
            self.diagnostics.ok()
        self._reported, self._followed = alarms, 0


def main() -> None:
    """Run the node, behind the control path: on a busy machine it is the one that waits."""
    stay_behind()
    sys.exit(spin(InternalStateNode))


if __name__ == "__main__":
    main()
