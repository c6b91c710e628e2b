"""Simulated worlds, tasks and environments."""

try:
    import gymnasium
except ModuleNotFoundError:  # a robot's computer may run the nodes without it
    pass
else:
    gymnasium.register(
        id="introspect/PickAndPlace-v0",
        entry_point="introspect_sim.envs:PickAndPlaceEnv",
        vector_entry_point="introspect_sim.envs:PickAndPlaceVectorEnv",
    )
