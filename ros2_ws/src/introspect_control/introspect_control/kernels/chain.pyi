import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAX_JOINTS: int

def forward(q: Array, transforms: Array, position: Array, rotation: Array) -> None: ...
def jacobian(q: Array, transforms: Array, position: Array, rotation: Array, J: Array) -> None: ...
def motion(
    q: Array, dq: Array, transforms: Array, position: Array, rotation: Array, velocity: Array
) -> None: ...
