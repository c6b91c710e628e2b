"""What goes wrong where a camera looks for tags."""

from __future__ import annotations


class PerceptionError(ValueError):
    """Something cannot be used as it is; the text names it, its value and what is allowed."""
