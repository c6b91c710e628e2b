"""What can be wrong with a run on disk."""


class RunError(Exception):
    """A run that cannot start where it was told to; the text says what to do."""


class CheckpointError(Exception):
    """A checkpoint that cannot be read; the text says which and why."""
