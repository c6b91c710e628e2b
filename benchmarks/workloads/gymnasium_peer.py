"""An environment of somebody else with random actions; runs in the peers' own environment."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module, metadata

HORIZON = 50  # both peers' episodes


def prepare(module: str, environment: str, packages: list[str]) -> Callable[[], int]:
    """Make the environment; a round counts environment steps, resets included.

    Args:
        module: that registers it.
        environment: its name.
        packages: whose versions are told.
    """
    import gymnasium

    gymnasium.register_envs(import_module(module))
    return _Peer(gymnasium.make(environment), packages)


class _Peer:
    def __init__(self, env, packages: list[str]) -> None:  # type: ignore[no-untyped-def]
        self._env = env.unwrapped  # without the wrappers' checks: as fast as it can be
        self._env.reset(seed=0)
        env.action_space.seed(0)
        self._actions = [env.action_space.sample() for _ in range(1000)]
        self._steps = 0
        self.about = {package: metadata.version(package) for package in packages}

    def __call__(self) -> int:
        for _ in range(HORIZON):
            self._env.step(self._actions[self._steps % len(self._actions)])
            self._steps += 1
        self._env.reset()
        return HORIZON
