"""The one error of this package."""


class DescriptionError(ValueError):
    """A robot's data cannot be used; the message names the file, the key and what is expected."""
