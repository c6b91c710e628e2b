"""Where errors of the packages below become the command line's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from introspect.errors import IntrospectError, UsageError

TRAINING_EXTRA = "make setup-dev (or: pip install 'introspect_learning[train]')"


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what a user can mend (a folder, a name, a number) into ``UsageError``.

    Raises:
        UsageError: With the text of the package's own error.
        IntrospectError: A library that only training needs is not installed.
    """
    from introspect_description import DescriptionError
    from introspect_learning.models import ContractError
    from introspect_learning.runs.errors import CheckpointError, RunError
    from introspect_sim.worlds import WorldError

    try:
        yield
    except (
        CheckpointError,
        ContractError,
        DescriptionError,
        RunError,
        WorldError,
        ValueError,
    ) as error:
        raise UsageError(str(error)) from error
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "tensorboard", "matplotlib"):
            raise
        raise IntrospectError(
            f"{error.name} is needed for training and not installed; run: {TRAINING_EXTRA}"
        ) from error
