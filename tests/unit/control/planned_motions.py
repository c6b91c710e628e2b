"""What the tests of planning share: arms, planners, and what must hold for every motion."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray

from introspect_control import KinematicChain
from introspect_control.bridge import ArmBridge, BridgeConfig
from introspect_control.collision import CollisionModel
from introspect_control.planning import BuiltinPlanner, Motion
from introspect_control.servo import ServoConfig
from introspect_control.trajectory import HermiteSampler
from introspect_description import ArmDescription, JointLimits

ARMS = ("panda", "fr3", "iiwa14", "gen3", "xarm7")
DOWN = (1.0, 0.0, 0.0, 0.0)  # the tool's orientation at home: x, y, z, w
PERIOD = 0.01
FINE = 5  # points looked at for each of the trajectory's

Array = NDArray[np.float64]


@cache
def planner(arm: str) -> BuiltinPlanner:
    return BuiltinPlanner(ArmDescription.load(arm))


@cache
def model(arm: str) -> CollisionModel:
    """The guard's own opinion of what is near."""
    return CollisionModel(ArmDescription.load(arm))


def turned(joints: Array, angle: float) -> Array:
    """The same posture about the vertical."""
    return joints + np.eye(7)[0] * angle


def free_joints(arm: ArmDescription, n: int, seed: int = 0) -> list[Array]:
    """Random joints within the soft limits where nothing is nearer than 2 cm."""
    rng = np.random.default_rng(seed)
    chain = KinematicChain(arm.chain())
    found: list[Array] = []
    while len(found) < n:
        q = rng.uniform(arm.limits.lower + 0.1, arm.limits.upper - 0.1)
        tool = chain.forward(q[None])[0][0]
        inside = (tool > [-0.55, -0.85, 0.05]).all() and (tool < [0.95, 0.85, 1.35]).all()
        if inside and model(arm.name).collides(q, 0.02) is None:
            found.append(q)
    return found


def check_motion(motion: Motion, arm: ArmDescription, start: Array, limits: JointLimits) -> None:
    """A motion begins at the start at rest, ends at rest, and keeps all limits on the way."""
    times, positions, velocities = motion.trajectory
    np.testing.assert_allclose(times, PERIOD * np.arange(len(times)), atol=1e-9)
    np.testing.assert_allclose(positions[0], start, atol=1e-12)
    assert not velocities[0].any()
    assert not velocities[-1].any()
    at_rest = np.concatenate([positions[:1]] * 3 + [positions] + [positions[-1:]] * 3)
    speed = np.diff(at_rest, axis=0) / PERIOD
    acceleration = np.diff(speed, axis=0) / PERIOD
    jerk = np.diff(acceleration, axis=0) / PERIOD
    rounding = 1.0 + 1e-6
    assert (np.abs(speed) <= limits.velocity * rounding).all()
    assert (np.abs(acceleration) <= limits.acceleration * rounding).all()
    assert (np.abs(jerk) <= limits.jerk * rounding).all()
    assert (positions >= arm.limits.lower).all()
    assert (positions <= arm.limits.upper).all()


def check_clear(motion: Motion, watcher: CollisionModel, margin: float) -> None:
    """Every point, and more between them than were planned with, keeps a margin."""
    positions = motion.trajectory.positions
    for first, second in itertools.pairwise(positions):
        for share in np.arange(FINE) / FINE:
            found = watcher.collides(first + share * (second - first), margin)
            assert found is None, found


def check_bridge_follows(motion: Motion, plans: BuiltinPlanner, lockstep: bool = False) -> None:
    """A bridge with the planner's limits brings the arm to the end, and changes no command."""
    config = plans.config
    servo = ServoConfig(
        period=config.period,
        velocity_scale=config.velocity_scale,
        acceleration_scale=config.acceleration_scale,
        jerk=config.jerk,
    )
    bridge = ArmBridge(plans.arm, BridgeConfig(servo, lockstep=lockstep))
    arm = HermiteSampler(motion.trajectory.positions[0])
    tick = 0

    def advance() -> None:
        nonlocal tick
        tick += 1
        now = tick * PERIOD
        output = bridge.on_joint_state(tick * 10_000_000, *arm.sample(now), now)
        if not lockstep:
            output = bridge.tick(now)
        if output.trajectory is not None:
            arm.follow(output.trajectory, now)

    for _ in range(5):  # joint states, before the bridge believes in them
        advance()
    problem = bridge.follow(motion.trajectory, tick * PERIOD)
    assert not problem, problem
    outcome = None
    while outcome is None:
        assert tick < len(motion.trajectory.times) + 100
        advance()
        outcome = bridge.take_outcome()
    status = bridge.status()
    assert outcome.success, outcome
    assert (status.clamped, status.rejected) == (0, 0), status
