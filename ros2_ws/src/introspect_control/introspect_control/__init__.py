"""Control: kinematics, the Cartesian servo, the command guard and the nodes that drive an arm."""

from introspect_control.kinematics import KinematicChain
from introspect_control.limiter import JointLimiter
from introspect_control.servo import CartesianServo, JointCommand, ServoConfig

__all__ = ["CartesianServo", "JointCommand", "JointLimiter", "KinematicChain", "ServoConfig"]
