"""Worlds: one scene in two physics engines, behind one protocol."""

from introspect_sim.worlds.world import (
    OBJECT_EDGE,
    TIMESTEP,
    WORLDS,
    World,
    WorldError,
    make_world,
)

__all__ = ["OBJECT_EDGE", "TIMESTEP", "WORLDS", "World", "WorldError", "make_world"]
