"""A gripper whose library waits until it has moved: it is moved by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from introspect_control.drivers.driver import text_of

_FAREWELL = 1.0  # with a gripper that moves [s]


class GripperThread:
    """Moves a gripper, and reads its width now and then while it does not move.

    Of several commands that come while it moves, the last is carried out. One that is told again
    is tried again where it has failed. Where it was carried out it is not, even if the width
    cannot be read since: the gripper would let go of what it holds, and grasp anew.

    Args:
        move: to a width [m] with a force [N]; may take seconds, and raise.
        read: the width [m]; may raise.
        interval: between two readings [s].

    Attributes:
        width: as it was read last [m]; None where that failed.
        problem: why it did not move, or else why its width cannot be read; empty where both work.
    """

    def __init__(
        self,
        move: Callable[[float, float], None],
        read: Callable[[], float],
        interval: float = 0.2,
    ) -> None:
        self.width: float | None = None
        self.problem = ""
        self._move = move
        self._read = read
        self._interval = interval
        self._wanted: tuple[float, float] | None = None
        self._done: tuple[float, float] | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def move(self, width: float, force: float) -> None:
        """Begin to move to a width [m] with a force [N], unless it was the latest that did."""
        if (width, force) != self._done:
            self._done = self._wanted = (width, force)
            self._wake.set()

    def close(self) -> None:
        """End the thread, after the movement under way."""
        self._closing = True
        self._wake.set()
        self._thread.join(_FAREWELL)

    def _run(self) -> None:
        unmoved = ""
        while not self._closing:
            self._wake.clear()
            wanted, self._wanted = self._wanted, None
            if wanted is not None:
                unmoved = self._carry_out(wanted)
            try:
                self.width, unread = float(self._read()), ""
            except Exception as error:  # whatever a maker's library raises
                self.width, unread = None, text_of(error)
            self.problem = unmoved or unread
            if self._wanted is None:
                self._wake.wait(self._interval)

    def _carry_out(self, wanted: tuple[float, float]) -> str:
        """Move; why that failed, or an empty text."""
        try:
            self._move(*wanted)
        except Exception as error:  # whatever a maker's library raises
            if self._done == wanted:  # else another one has come meanwhile
                self._done = None
            return text_of(error)
        return ""
