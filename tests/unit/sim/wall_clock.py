"""A wall clock for tests of what keeps to one."""


class Wall:
    """A wall clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now
