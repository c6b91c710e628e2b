"""Where the arm would touch itself, the table, or what else stands around it."""

from introspect_control.collision.errors import CollisionError
from introspect_control.collision.model import CollisionModel, Nearest
from introspect_control.collision.obstacles import Box, Obstacle, Sphere
from introspect_control.collision.pairs import Exclusion

__all__ = ["Box", "CollisionError", "CollisionModel", "Exclusion", "Nearest", "Obstacle", "Sphere"]
