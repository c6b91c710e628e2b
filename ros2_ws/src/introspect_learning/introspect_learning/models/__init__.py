"""Model folders: contract, ONNX Runtime, export."""

from introspect_learning.models.contract import Contract, ContractError
from introspect_learning.models.policy import policy_hash, shipped
from introspect_learning.models.runtime import (
    BehavioursOutput,
    BehavioursRuntime,
    Choice,
    ChoreographerRuntime,
    InternalState,
    InternalStateRuntime,
)

__all__ = [
    "BehavioursOutput",
    "BehavioursRuntime",
    "Choice",
    "ChoreographerRuntime",
    "Contract",
    "ContractError",
    "InternalState",
    "InternalStateRuntime",
    "policy_hash",
    "shipped",
]
