"""Gymnasium environments over the worlds and tasks."""

from introspect_sim.envs.faulty_sensors import SENSORS, FaultySensors, SensorFaultConfig
from introspect_sim.envs.perturbation import Perturbation, PerturbationConfig
from introspect_sim.envs.single_env import PickAndPlaceEnv
from introspect_sim.envs.vector_env import PickAndPlaceVectorEnv

__all__ = [
    "SENSORS",
    "FaultySensors",
    "Perturbation",
    "PerturbationConfig",
    "PickAndPlaceEnv",
    "PickAndPlaceVectorEnv",
    "SensorFaultConfig",
]
