"""Types of the compiled inner loops, see ``kernels.pyx``."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_JOINTS: int

def forward(q: Array, transforms: Array, position: Array, rotation: Array) -> None: ...
def jacobian(q: Array, transforms: Array, position: Array, rotation: Array, J: Array) -> None: ...
def motion(
    q: Array, dq: Array, transforms: Array, position: Array, rotation: Array, velocity: Array
) -> None: ...
def limit_position(
    desired: Array,
    before: Array,
    limits: Array,
    dt: float,
    position: Array,
    velocity: Array,
    acceleration: Array,
) -> None: ...
def limit_velocity(
    desired: Array,
    limits: Array,
    dt: float,
    position: Array,
    velocity: Array,
    acceleration: Array,
) -> None: ...
def follow_velocity(
    desired: Array,
    largest_change: Array,
    limits: Array,
    dt: float,
    position: Array,
    velocity: Array,
    acceleration: Array,
    positions: Array,
    velocities: Array,
) -> None: ...
def resolve_twist(
    linear: Array,
    angular: Array,
    reference: Array,
    q: Array,
    v: Array,
    transforms: Array,
    home: Array,
    fastest_joints: Array,
    lower: Array,
    upper: Array,
    damping: float,
    orientation_gain: float,
    posture_gain: float,
    workspace_gain: float,
    workspace_lookahead: float,
    workspace_braking: float,
    J: Array,
    joint_velocity: Array,
) -> None: ...
def turn(rate: Array, time: float, rotation: Array) -> None: ...
