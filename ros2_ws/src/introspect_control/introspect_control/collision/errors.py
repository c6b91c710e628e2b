"""The one error of this part."""


class CollisionError(ValueError):
    """There can be no collision model as asked for; the message says what to do next."""
