"""Gymnasium environments over the worlds and tasks."""

from introspect_sim.envs.perturbation import Perturbation, PerturbationConfig
from introspect_sim.envs.single_env import PickAndPlaceEnv
from introspect_sim.envs.vector_env import PickAndPlaceVectorEnv

__all__ = [
    "Perturbation",
    "PerturbationConfig",
    "PickAndPlaceEnv",
    "PickAndPlaceVectorEnv",
]
