"""A policy at work, without ROS: what the nodes of this package do."""

from introspect_learning.execution.choreography import Choreography
from introspect_learning.execution.config import ExecutorConfig
from introspect_learning.execution.executor import PolicyExecutor
from introspect_learning.execution.observer import NotObservable, Observer, ObserverConfig, Sight
from introspect_learning.execution.port import Action, Behaviours, Outcome, Port, Question

__all__ = [
    "Action",
    "Behaviours",
    "Choreography",
    "ExecutorConfig",
    "NotObservable",
    "Observer",
    "ObserverConfig",
    "Outcome",
    "PolicyExecutor",
    "Port",
    "Question",
    "Sight",
]
