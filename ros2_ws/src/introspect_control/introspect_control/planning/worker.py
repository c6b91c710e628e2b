"""Planning beside everything else: one request at a time, in a thread of its own."""

from __future__ import annotations

import logging
import threading

import numpy as np
from numpy.typing import NDArray

from introspect_control.planning.planner import Goal, Motion, Planner, PlanningError

Array = NDArray[np.float64]

_LOGGER = logging.getLogger(__name__)


class PlanningWorker:
    """Lets a planner work while its owner looks after other things.

    Args:
        planner: used by no one else.
    """

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._thread: threading.Thread | None = None
        self._unwanted = threading.Event()
        self._answer: Motion | PlanningError | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being worked on, wanted or not."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, start: Array, goal: Goal, speed: float) -> None:
        """Begin to plan; see ``Planner.plan``.

        Raises:
            RuntimeError: It is busy.
        """
        if self.busy:
            raise RuntimeError("the planner is busy; wait, or cancel and wait")
        self._unwanted.clear()
        self._answer = None
        self._thread = threading.Thread(
            target=self._plan, args=(start, goal, speed), name="planning", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """Make an end as soon as possible; there will be no answer."""
        self._unwanted.set()

    def answer(self) -> Motion | PlanningError | None:
        """The motion, or why there is none, once; None while it is being looked for."""
        if self.busy or self._unwanted.is_set():
            return None
        answer, self._answer = self._answer, None
        return answer

    def _plan(self, start: Array, goal: Goal, speed: float) -> None:
        try:
            self._answer = self._planner.plan(start, goal, speed, self._unwanted.is_set)
        except PlanningError as error:
            self._answer = error
        except Exception as error:  # whoever waits for an answer must get one
            _LOGGER.exception("the planner failed")
            self._answer = PlanningError(f"the planner failed: {type(error).__name__}: {error}")
