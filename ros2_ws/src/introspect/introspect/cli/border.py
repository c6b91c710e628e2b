"""Where errors of the packages below become the command line's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from introspect.errors import IntrospectError, UsageError

TRAINING_EXTRA = "make setup-dev (or: pip install 'introspect_learning[train]')"


@contextmanager
def usage_errors(*more: type[Exception]) -> Iterator[None]:
    """Turn what a user can mend (a folder, a name, a number) into ``UsageError``.

    Args:
        *more: errors that mean wrong use here; ``ValueError`` only where arguments are read, since
            anywhere else it is a fault of ours.

    Raises:
        UsageError: With the text of the package's own error.
        IntrospectError: A library that only training needs is not installed.
    """
    from introspect_description import DescriptionError
    from introspect_learning.models import ContractError
    from introspect_learning.runs.errors import CheckpointError, RunError
    from introspect_sim.worlds import WorldError

    ours = (CheckpointError, ContractError, DescriptionError, RunError, WorldError)
    mendable: tuple[type[Exception], ...] = (*ours, *more)
    try:
        yield
    except mendable as error:
        raise UsageError(str(error)) from error
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "tensorboard", "matplotlib", "sklearn"):
            raise
        raise IntrospectError(
            f"{error.name} is needed for training and not installed; run: {TRAINING_EXTRA}"
        ) from error
