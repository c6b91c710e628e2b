import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

def resolve_twist(
    linear: Array,
    angular: Array,
    reference: Array,
    q: Array,
    v: Array,
    transforms: Array,
    home: Array,
    joint_speed: Array,
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
def turn_rotation(rate: Array, time: float, rotation: Array) -> None: ...
