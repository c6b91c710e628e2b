"""A mock arm with the manners, and on demand the faults, of real ones."""

from introspect_sim.mock.condition import ArmState, ArmStatus, RecoveryError
from introspect_sim.mock.faults import FAULTS, Fault, FaultError
from introspect_sim.mock.manners import Manners
from introspect_sim.mock.mock_arm import MockArm, make_mock_world
from introspect_sim.mock.schedule import ScheduledFault, read_schedule
from introspect_sim.mock.telemetry import Shown

__all__ = [
    "FAULTS",
    "ArmState",
    "ArmStatus",
    "Fault",
    "FaultError",
    "Manners",
    "MockArm",
    "RecoveryError",
    "ScheduledFault",
    "Shown",
    "make_mock_world",
    "read_schedule",
]
