"""A gripper whose library waits until it has moved: it is moved by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

_FAREWELL = 1.0  # with a gripper that moves [s]


class GripperThread:
    """Moves a gripper, and reads its width now and then while it does not move.

    Of several commands that come while it moves, the last is carried out.

    Args:
        move: to a width [m] with a force [N]; may take seconds, and raise.
        read: the width [m]; may raise.
        interval: between two readings [s].
    """

    def __init__(
        self,
        move: Callable[[float, float], None],
        read: Callable[[], float],
        interval: float = 0.2,
    ) -> None:
        self.width: float | None = None  # latest reading [m]
        self.problem = ""  # of the latest call, in words
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
        while not self._closing:
            self._wake.clear()
            wanted, self._wanted = self._wanted, None
            try:
                if wanted is not None:
                    self._move(*wanted)
                self.width = float(self._read())
                self.problem = ""
            except Exception as error:  # whatever a maker's library raises
                self.width, self.problem, self._done = None, str(error), None
            if self._wanted is None:
                self._wake.wait(self._interval)
