"""Training runs on disk: atomic, resumable, readable."""

from introspect_learning.runs.run_folder import RunError, RunFolder

__all__ = ["RunError", "RunFolder"]
