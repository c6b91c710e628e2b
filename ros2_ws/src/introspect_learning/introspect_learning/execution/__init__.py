"""A policy at work, without ROS: what the nodes of this package do."""

from introspect_learning.execution.choreography import Choreography
from introspect_learning.execution.config import ExecutorConfig
from introspect_learning.execution.executor import PolicyExecutor
from introspect_learning.execution.gathering import Gathering, Period
from introspect_learning.execution.introspection import (
    Alarm,
    AlarmConfig,
    Finding,
    Introspection,
)
from introspect_learning.execution.observer import NotObservable, Observer, ObserverConfig, Sight
from introspect_learning.execution.port import Action, Behaviours, Outcome, Port, Question
from introspect_learning.execution.retry import Retry, RetryConfig

__all__ = [
    "Action",
    "Alarm",
    "AlarmConfig",
    "Behaviours",
    "Choreography",
    "ExecutorConfig",
    "Finding",
    "Gathering",
    "Introspection",
    "NotObservable",
    "Observer",
    "ObserverConfig",
    "Outcome",
    "Period",
    "PolicyExecutor",
    "Port",
    "Question",
    "Retry",
    "RetryConfig",
    "Sight",
]
