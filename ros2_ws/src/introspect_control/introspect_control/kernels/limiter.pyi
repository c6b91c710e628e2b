import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

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
