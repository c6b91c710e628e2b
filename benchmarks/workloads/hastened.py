"""A node of the graph that believes its policy and the arm's controller to run at another rate.

Run as a program: the rate [Hz], the node's module, and its arguments.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from introspect_description import ArmDescription
from introspect_learning.models import Contract
from introspect_sim.tasks import POLICY_PERIOD


@contextmanager
def hastened(rate: float) -> Iterator[None]:
    """Have every policy that is read meanwhile run at a rate [Hz], every controller at least.

    How soon the arm is told something is measured so, not how well it does: the policy was trained
    at its own rate.
    """
    read_arm, read_contract, check = ArmDescription.read, Contract.read, Contract.check_interface

    def faster_arm(path: Path) -> ArmDescription:
        arm = read_arm(path)
        return replace(arm, controller=replace(arm.controller, rate=max(rate, arm.controller.rate)))

    def faster_policy(folder: Path, kind: str) -> Contract:
        return replace(read_contract(folder, kind), rate=rate)

    def check_all_else(self: Contract) -> None:
        check(replace(self, rate=1.0 / POLICY_PERIOD))

    with (
        patch.object(ArmDescription, "read", faster_arm),
        patch.object(Contract, "read", faster_policy),
        patch.object(Contract, "check_interface", check_all_else),
    ):
        yield


if __name__ == "__main__":
    rate, module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    with hastened(float(rate)):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
