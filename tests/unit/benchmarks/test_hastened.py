"""A graph at another rate than its policy's is a graph told so, and nothing else about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.workloads.hastened import hastened
from introspect_description import ArmDescription
from introspect_learning.models import BehavioursRuntime, Contract, ContractError, shipped

FOLDER = shipped("bbrl") / "behaviours"


def test_policy_and_controller_run_at_the_rate_meanwhile() -> None:
    controller = ArmDescription.load("panda").controller
    contract = Contract.read(FOLDER, "behaviours")
    with hastened(250.0):
        arm = ArmDescription.load("panda")
        assert arm.controller == replace(controller, rate=250.0)
        assert BehavioursRuntime(FOLDER, arm).contract == replace(contract, rate=250.0)
    assert ArmDescription.load("panda").controller == controller
    assert Contract.read(FOLDER, "behaviours") == contract


def test_a_controller_is_never_slowed_down() -> None:
    controller = ArmDescription.load("panda").controller
    with hastened(0.5 * controller.rate):
        assert ArmDescription.load("panda").controller == controller


def test_all_else_of_a_policy_is_still_checked() -> None:
    with hastened(100.0):
        contract = Contract.read(FOLDER, "behaviours")
        contract.check_interface()
        with pytest.raises(ContractError, match="action of the model and of this robot differ"):
            replace(contract, action_names=("up", "down")).check_interface()
