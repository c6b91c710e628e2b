"""Lifecycle node with four plain verbs: configure, activate, deactivate, clean up."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.service import Service

from introspect_control.nodes.diagnostics import Diagnostics
from introspect_control.nodes.parameters import (
    ConfigurationError,
    NodeParameters,
    change,
    declare_parameters,
)
from introspect_control.nodes.patient_answers import PatientAnswers

P = TypeVar("P", bound=NodeParameters)

_KINDS = ("publisher", "subscription", "client", "service", "timer")


class ManagedNode(LifecycleNode, Generic[P]):
    """Base of all nodes.

    A node overrides ``configure`` (load and validate), ``activate`` (start to act), ``deactivate``
    (hold) and ``cleanup`` (free). Publishers, subscriptions, clients, services and timers made in
    ``configure`` are destroyed after ``cleanup``, those made in ``activate`` after ``deactivate``.
    ``ConfigurationError`` from any of them is one line in the log and a refused transition; every
    other exception is logged with its traceback and sends the node to error processing.

    Attributes:
        parameters: the values in use; a new object when one changes at run time.
        diagnostics: the node's counters and loop timers.
        active: whether the node is active.
        exit_code: set by ``finish``; ends the process.
        failure: what the latest transition failed with, already logged.

    Args:
        name: of the node.
        schema: dataclass of its parameters.
        **options: for ``rclpy.lifecycle.LifecycleNode``.

    Raises:
        ConfigurationError: A parameter that the schema refuses.
    """

    _answers: PatientAnswers | None = None  # while rclpy makes services of its own

    def __init__(self, name: str, schema: type[P], **options: Any) -> None:
        super().__init__(name, **options)
        self._answers = PatientAnswers(self)
        for service in self.services:  # rclpy's own
            self._answers.attend(service)
        self.parameters: P = declare_parameters(self, schema)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)
        self.diagnostics = Diagnostics(self)
        self.active = False
        self.configured = False
        self.exit_code: int | None = None
        self.failure: Exception | None = None
        self._configured_entities: list[tuple[str, Any]] = []
        self._active_entities: list[tuple[str, Any]] = []

    def configure(self) -> None:
        """Load, validate, make publishers and subscriptions."""

    def activate(self) -> None:
        """Start to act."""

    def deactivate(self) -> None:
        """Stop acting and hold."""

    def cleanup(self) -> None:
        """Free what configure took; also called when the process ends."""

    def parameters_changed(self) -> None:
        """React to new values in ``self.parameters``."""

    def start(self) -> None:
        """Configure and activate, without anyone asking over the network.

        Raises:
            ConfigurationError: From ``configure`` or ``activate``.
        """
        for trigger in (self.trigger_configure, self.trigger_activate):
            self.failure = None
            result = trigger()
            if self.failure is not None:
                raise self.failure
            if result != TransitionCallbackReturn.SUCCESS:
                raise RuntimeError(f"{self.get_name()} could not be started: {result}")

    def finish(self, exit_code: int = 0) -> None:
        """End the process after the present callback."""
        self.exit_code = exit_code

    def close(self) -> None:
        """Hold and free everything, from whatever state; ``spin`` calls it last."""
        if self.active:
            self.active = False
            self.deactivate()
        if self.configured:
            self.configured = False
            self.diagnostics.forget()
            self.cleanup()

    def create_service(self, *args: Any, **options: Any) -> Service[Any, Any]:
        """A service as rclpy makes it, whose answers wait for who has only just joined."""
        service: Service[Any, Any] = super().create_service(*args, **options)
        if self._answers is not None:
            self._answers.attend(service)
        return service

    def destroy_node(self) -> None:
        """Destroy the node, and the state machine that rclpy would leave holding on to it."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    # What follows is the lifecycle machinery's side.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Call ``configure``."""

        def configure() -> None:
            before = self._entities()
            try:
                self.configure()
            except BaseException:
                self._destroy(self._new_entities(before))
                raise
            self._configured_entities = self._new_entities(before)
            self.configured = True

        return self._transition(configure, super().on_configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Call ``activate``."""

        def activate() -> None:
            before = self._entities()
            self.active = True
            try:
                self.activate()
            except BaseException:
                self.active = False
                self._destroy(self._new_entities(before))
                raise
            self._active_entities = self._new_entities(before)

        return self._transition(activate, super().on_activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Call ``deactivate``."""

        def deactivate() -> None:
            try:
                self.deactivate()
            finally:
                self.active = False
                self._destroy(self._active_entities)

        return self._transition(deactivate, super().on_deactivate, state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Call ``cleanup``."""

        def cleanup() -> None:
            self.close()
            self._destroy(self._configured_entities)

        return self._transition(cleanup, super().on_cleanup, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Hold, free everything and end the process."""

        def shut_down() -> None:
            self.close()
            self.finish()

        return self._transition(shut_down, super().on_shutdown, state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything after a failed transition, ready to be configured again."""
        self._destroy(self._active_entities)
        result = self._transition(self.close, super().on_error, state)
        self._destroy(self._configured_entities)
        return result

    def _transition(
        self,
        action: Callable[[], None],
        parent: Callable[[LifecycleState], TransitionCallbackReturn],
        state: LifecycleState,
    ) -> TransitionCallbackReturn:
        try:
            action()
            return parent(state)
        except ConfigurationError as error:
            self.get_logger().error(str(error))
            self.diagnostics.error(str(error))
            self.failure = error.with_traceback(None)  # which holds on to all that it passed
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            self.diagnostics.error(f"{type(error).__name__}: {error}")
            self.failure = error.with_traceback(None)
            return TransitionCallbackReturn.ERROR

    def _check_parameters(self, changes: list[Parameter[Any]]) -> SetParametersResult:
        """Accept or refuse, and change nothing yet: somebody else may still refuse."""
        try:
            change(self.parameters, changes)
        except ConfigurationError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _take_parameters(self, changes: list[Parameter[Any]]) -> None:
        self.parameters = change(self.parameters, changes)
        self.parameters_changed()

    def _entities(self) -> list[tuple[str, Any]]:
        return [(kind, entity) for kind in _KINDS for entity in getattr(self, f"{kind}s")]

    def _new_entities(self, before: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        known = {id(entity) for _, entity in before}
        return [(kind, entity) for kind, entity in self._entities() if id(entity) not in known]

    def _destroy(self, entities: list[tuple[str, Any]]) -> None:
        for kind, entity in entities:
            getattr(self, f"destroy_{kind}")(entity)
        entities.clear()
