"""A bridge with a simulated arm that follows its trajectories, and a policy; time is counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from introspect_control.bridge import Action, ArmBridge, BridgeConfig, BridgeOutput
from introspect_control.guard import GuardState
from introspect_control.trajectory import HermiteSampler, Trajectory
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
PERIOD = 0.01
FORWARD = np.array([0.1, 0.0, 0.0])

Array = NDArray[np.float64]


class Rig:
    """A bridge, an arm that does what it is told, and a policy that acts at 25 Hz."""

    def __init__(self, lockstep: bool = False, **config: float | str) -> None:
        self.bridge = ArmBridge(ARM, BridgeConfig(lockstep=lockstep, **config))  # type: ignore[arg-type]
        self.lockstep = lockstep
        self.ticks = 1000
        self.arm = HermiteSampler(ARM.home)
        self.sequence = 0
        self.twist = FORWARD
        self.width = 0.08
        self.trajectories: list[Trajectory] = []
        self.widths: list[float] = []
        self.sent: list[Action] = []
        self.offset = np.zeros(7)  # between the arm and what is measured of it
        self.run(5, policy=False)

    @property
    def now(self) -> float:
        return self.ticks * PERIOD

    @property
    def stamp(self) -> int:
        return self.ticks * 10_000_000

    def action(self, **changes: object) -> Action:
        action = Action(self.stamp, 1, self.sequence, True, self.twist, np.zeros(3), self.width)
        self.sequence += 1
        return action._replace(**changes)  # type: ignore[arg-type]

    def hold(self) -> Action:
        return self.action(moving=False)

    def take(self, output: BridgeOutput) -> None:
        if output.trajectory is not None:
            self.trajectories.append(output.trajectory)
            self.arm.follow(output.trajectory, self.now)
        if output.gripper_width is not None:
            self.widths.append(output.gripper_width)
        if output.sent is not None:
            self.sent.append(output.sent)

    def show(self, stamp: int | None = None) -> None:
        position, velocity = self.arm.sample(self.now)
        stamp = self.stamp if stamp is None else stamp
        self.take(self.bridge.on_joint_state(stamp, position + self.offset, velocity, self.now))

    def act(self, action: Action | None = None) -> None:
        self.take(self.bridge.on_action(action or self.action(), self.now))

    def run(
        self, periods: int, policy: bool = True, states: bool = True, ticks: bool = True
    ) -> None:
        """Some periods of 10 ms, each: a joint state, every fourth an action, a tick."""
        for _ in range(periods):
            self.ticks += 1
            if states:
                self.show()
            if policy and self.ticks % 4 == 0:
                self.act()
            if ticks and not self.lockstep:
                self.take(self.bridge.tick(self.now))

    def run_until(self, state: GuardState, policy: bool = False) -> float:
        """How long it took [s]."""
        start = self.now
        while self.bridge.state is not state:
            self.run(1, policy=policy)
            assert self.now - start < 2.0, f"never came to {state.name}: {self.bridge.status()}"
        return self.now - start
