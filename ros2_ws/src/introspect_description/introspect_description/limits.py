"""What each joint of the arm may do."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_description.errors import DescriptionError


@dataclass(frozen=True, eq=False)
class JointLimits:
    """Limits of the arm's joints, from base to flange. Arrays are read-only and of shape (n,)."""

    names: tuple[str, ...]  # joint names, in the order of the arrays
    lower: NDArray[np.float64]  # [rad]
    upper: NDArray[np.float64]  # [rad]
    velocity: NDArray[np.float64]  # largest speed either way [rad/s]
    acceleration: NDArray[np.float64]  # [rad/s^2]
    jerk: NDArray[np.float64]  # [rad/s^3]
    effort: NDArray[np.float64]  # largest torque [N m]

    def __post_init__(self) -> None:
        """Check the numbers and freeze the arrays.

        Raises:
            DescriptionError: a wrong length, a value that is not finite, an empty position range or
                a limit that is not positive; the message names the field and the joint.
        """
        n = len(self.names)
        for field in ("lower", "upper", "velocity", "acceleration", "jerk", "effort"):
            array = np.array(getattr(self, field), dtype=np.float64)
            if array.shape != (n,):
                raise DescriptionError(
                    f"{field}: expected {n} numbers, one per joint, got shape {array.shape}"
                )
            for name, value in zip(self.names, array, strict=True):
                if not np.isfinite(value):
                    raise DescriptionError(f"{field}: of {name} must be finite, got {value}")
                if field not in ("lower", "upper") and value <= 0.0:
                    raise DescriptionError(f"{field}: of {name} must be positive, got {value}")
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        for name, low, high in zip(self.names, self.lower, self.upper, strict=True):
            if low >= high:
                raise DescriptionError(
                    f"lower: of {name} must be below its upper limit, got {low} and {high} rad"
                )

    def scaled(self, velocity: float, acceleration: float, jerk: float) -> "JointLimits":
        """Return the envelope that commands should stay in, a part of what the arm can do.

        Args:
            velocity: fraction of the velocity limits, in (0, 1].
            acceleration: fraction of the acceleration limits, in (0, 1].
            jerk: absolute cap [rad/s^3]; a joint whose own limit is lower keeps its own.

        Returns:
            Limits with the same positions and efforts.

        Raises:
            DescriptionError: a fraction outside (0, 1], or a jerk that is not positive and finite.
        """
        for what, fraction in (("velocity", velocity), ("acceleration", acceleration)):
            if not 0.0 < fraction <= 1.0:
                raise DescriptionError(
                    f"{what}: the fraction of the limit must be in (0, 1], got {fraction}"
                )
        if not (np.isfinite(jerk) and jerk > 0.0):
            raise DescriptionError(f"jerk: the cap must be positive and finite, got {jerk} rad/s^3")
        return dataclasses.replace(
            self,
            velocity=self.velocity * velocity,
            acceleration=self.acceleration * acceleration,
            jerk=np.minimum(self.jerk, jerk),
        )
