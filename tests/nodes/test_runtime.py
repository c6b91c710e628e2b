"""Every node starts, answers, fails and ends in the same way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from live_graph import NodeProcess, Peer, diagnosis, peer
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters, SetParametersAtomically
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from introspect.runner.supervisor import Timing
from introspect_control.nodes.middleware import PROFILES, RANGE, TRANSPORTS
from introspect_control.nodes.runtime import LONGEST_END

HERE = str(Path(__file__).parent)


def small_node(**parameters: object) -> NodeProcess:
    return NodeProcess("small_node", parameters, PYTHONPATH=HERE)


def shared_memory(node: NodeProcess) -> list[Path]:
    """The segments of a node, which holds a lock on each; ports are there for all nodes."""
    open_files = [entry.readlink() for entry in Path(f"/proc/{node.process.pid}/fd").iterdir()]
    locks = [path for path in open_files if re.fullmatch(r"fastdds_[0-9a-f]{16}_el", path.name)]
    return [*locks, *(path.with_name(path.name.removesuffix("_el")) for path in locks)]


def change(me: Peer, transition: int) -> bool:
    request: dict[str, Any] = {"transition": Transition(id=transition)}
    return bool(me.call(ChangeState, "small_node/change_state", **request).success)


def state(me: Peer) -> str:
    return str(me.call(GetState, "small_node/get_state").current_state.label)


@pytest.mark.parametrize(
    ("fate", "exit_code", "line"),
    [
        ("misconfigured", 2, "there is no model in /nowhere; run 'introspect train bbrl'"),
        ("broken", 1, "KeyError: 'broken in configure'"),
        ("crash", 1, "RuntimeError: crashed in a callback"),
        ("finish", 7, "cleaned up"),
    ],
)
def test_the_exit_code_says_how_a_node_ended(fate: str, exit_code: int, line: str) -> None:
    with small_node(fate=fate) as node:
        assert node.end() == exit_code
        assert line in node.output
        assert node.output.count("Traceback") == (fate in ("broken", "crash"))


@pytest.mark.parametrize(
    ("given", "used"), [(None, "LOCALHOST"), ("", "LOCALHOST"), ("SUBNET", "SUBNET")]
)
def test_a_node_keeps_to_this_machine_unless_told_otherwise(given: str | None, used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != RANGE}
    program = (
        "import os\n"
        "from introspect_control.nodes.runtime import ConfigurationError, spin\n"
        "def node():\n"
        f"    raise ConfigurationError(os.environ[{RANGE!r}])\n"
        "raise SystemExit(spin(node))"
    )

    result = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | ({} if given is None else {RANGE: given}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr.split()[-1:]) == (2, [used])


@pytest.mark.parametrize(
    ("own", "ours"),
    [
        ({}, True),
        ({PROFILES[0]: "/none.xml"}, False),
        ({PROFILES[1]: "/none.xml"}, False),
        ({TRANSPORTS: "UDPv4"}, True),  # without effect where the range is LOCALHOST
        ({TRANSPORTS: "UDPv4", RANGE: "SUBNET"}, False),
    ],
)
def test_fast_dds_gets_our_profile_unless_the_user_has_settings(
    own: dict[str, str], ours: bool
) -> None:
    names = {*PROFILES, TRANSPORTS, RANGE}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    program = (
        "import os\n"
        "from rclpy.node import Node\n"
        "from std_msgs.msg import String\n"
        "from introspect_control.nodes.runtime import STREAM, ConfigurationError, spin\n"
        "def node():\n"
        "    Node('small').create_publisher(String, 'words', STREAM)\n"
        f"    names = [os.environ.get(name, '') for name in {PROFILES!r}]\n"
        "    raise ConfigurationError('|'.join(names))\n"
        "raise SystemExit(spin(node))"
    )

    result = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | own,
        capture_output=True,
        text=True,
        check=False,
    )

    used = dict(zip(PROFILES, result.stderr.split()[-1].split("|"), strict=True))
    if ours:
        file = Path(used.pop(PROFILES[0]))
        assert file.name == "fastdds.xml"
        assert file.is_file()
        assert "XML" not in result.stderr  # the middleware understands it
    assert {name: value for name, value in used.items() if value} == {
        name: value for name, value in own.items() if name in PROFILES
    }


def test_the_runner_does_not_kill_a_node_that_is_still_waiting_for_the_middleware() -> None:
    assert min(Timing().interrupt, Timing().terminate) >= LONGEST_END + 1.0


@pytest.mark.parametrize(
    ("parameter", "value", "line"),
    [
        ("rate", 5000, "parameter 'rate' is 5000; it must be a number in [0.5, 1000.0]: of ticks"),
        ("rate", "fast", "parameter 'rate' is 'fast'; it must be a number in [0.5, 1000.0]"),
        ("count", 0, "parameter 'count' is 0; it must be a whole number in [1, inf]: of things"),
        ("colour", "blue", "parameter 'colour' is 'blue'; allowed: red, green"),
        ("even", 3, "parameter 'even' is 3; it must be even"),
    ],
)
def test_a_wrong_parameter_is_misuse_and_its_message_says_what_is_allowed(
    parameter: str, value: object, line: str
) -> None:
    with small_node(**{parameter: value}) as node:
        assert node.end() == 2
        assert line in node.output
        assert "Traceback" not in node.output


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGINT,),
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM,),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
def test_signals_end_it_cleanly_after_a_deactivation_that_is_heard(
    signals: tuple[int, ...],
) -> None:
    with peer() as me, small_node(rate=1000) as node:
        ticks = me.hear(String, "ticks")
        me.wait_for(lambda: ticks, "ticks")

        for number in signals:
            node.send(number)

        assert node.end() == 0
        me.wait_for(lambda: ticks[-1].data == "deactivated", "the last word")
        assert "cleaned up" in node.output
        assert "Traceback" not in node.output
        assert "ERROR" not in node.output


def test_a_crash_in_a_library_says_where() -> None:
    with small_node(fate="segfault") as node:
        assert node.end() == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in node.output
        assert "in configure" in node.output


def test_it_ends_although_the_middleware_does_not() -> None:
    with peer() as me, small_node(rate=100, fate="hang") as node:
        ticks = me.hear(String, "ticks")
        me.wait_for(lambda: ticks, "ticks")
        assert node.interrupt() == 0
        assert "cleaned up" in node.output


def test_the_last_word_reaches_a_listener_that_is_late() -> None:
    with (
        NodeProcess("small_listener", PYTHONPATH=HERE) as listener,
        small_node(rate=1000) as node,
    ):
        listener.wait_for_output("heard")

        listener.send(signal.SIGSTOP)
        node.send(signal.SIGINT)
        node.wait_for_output("cleaned up")
        listener.send(signal.SIGCONT)

        assert node.end() == 0
        listener.wait_for_output("heard deactivated")


@pytest.mark.parametrize("fate", ["live", "stubborn"])
def test_what_ends_leaves_no_shared_memory_behind(fate: str) -> None:
    with peer() as me, small_node(rate=100, fate=fate) as node:
        ticks = me.hear(String, "ticks")
        me.wait_for(lambda: ticks, "ticks")
        segments = shared_memory(node)
        assert change(me, Transition.TRANSITION_DEACTIVATE) == (fate == "live")

        assert node.interrupt() == 0
        assert segments
        assert not [segment for segment in segments if segment.exists()]


def test_a_whole_number_will_do_for_a_real_one_and_lists_arrive_as_tuples() -> None:
    with peer() as me, small_node(rate=20, corner="[3.0,4.0]"):
        ticks = me.hear(String, "ticks")
        me.wait_for(lambda: ticks, "ticks")

        assert "rate=20.0" in ticks[0].data
        assert "corner=(3.0, 4.0)" in ticks[0].data


def test_a_node_without_autostart_waits_and_goes_through_its_lifecycle_more_than_once() -> None:
    with peer() as me, small_node(autostart=False):
        ticks = me.hear(String, "ticks")
        assert state(me) == "unconfigured"
        for _ in range(2):
            assert change(me, Transition.TRANSITION_CONFIGURE)
            assert change(me, Transition.TRANSITION_ACTIVATE)
            assert state(me) == "active"
            count = len(ticks)
            me.wait_for(lambda count=count: len(ticks) > count + 2, "ticks")
            assert change(me, Transition.TRANSITION_DEACTIVATE)
            me.wait_for(lambda: ticks[-1].data == "deactivated", "the last word")
            assert change(me, Transition.TRANSITION_CLEANUP)
            assert state(me) == "unconfigured"
            assert ticks[-1].data == "deactivated"


def test_a_refused_configuration_can_be_mended_without_a_restart() -> None:
    with peer() as me, small_node(autostart=False, fate="misconfigured") as node:
        assert not change(me, Transition.TRANSITION_CONFIGURE)

        assert state(me) == "unconfigured"
        assert "there is no model in /nowhere" in node.output
        assert node.running


def test_the_lifecycle_s_shutdown_ends_the_process() -> None:
    with peer() as me, small_node() as node:
        # refused: only to be known to the node, which cannot be asked twice for what ends it
        assert not change(me, Transition.TRANSITION_CONFIGURE)

        assert change(me, Transition.TRANSITION_ACTIVE_SHUTDOWN)

        assert node.end() == 0
        assert "cleaned up" in node.output


def test_parameters_describe_themselves_and_only_some_change_at_run_time() -> None:
    with peer() as me, small_node():
        # describe
        answer = me.call(DescribeParameters, "small_node/describe_parameters", names=["rate"])
        rate = answer.descriptors[0]
        assert rate.description == "of ticks [Hz]"
        assert rate.read_only
        assert rate.floating_point_range[0].to_value == 1000.0

        # set
        def reason(name: str, value: int) -> str:
            typed = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)
            request = {"parameters": [ParameterMessage(name=name, value=typed)]}
            result = me.call(SetParameters, "small_node/set_parameters", **request).results[0]
            assert result.successful == (not result.reason)
            return str(result.reason)

        assert reason("even", 4) == ""
        assert reason("even", 5) == "parameter 'even' is 5; it must be even"
        assert "read-only" in reason("count", 5)
        ticks = me.hear(String, "ticks")
        me.wait_for(lambda: ticks, "ticks")
        assert "even=4" in ticks[-1].data


def test_a_refused_set_of_parameters_changes_none_of_them() -> None:
    with peer() as me, small_node():
        ticks = me.hear(String, "ticks")
        even, count = (
            ParameterMessage(
                name=name,
                value=ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=4),
            )
            for name in ("even", "count")
        )
        request = {"parameters": [even, count]}

        answer = me.call(SetParametersAtomically, "small_node/set_parameters_atomically", **request)

        assert not answer.result.successful
        ticks.clear()
        me.wait_for(lambda: ticks, "a tick")
        assert "count=3" in ticks[-1].data
        assert "even=2" in ticks[-1].data


def test_timers_follow_simulated_time() -> None:
    with peer() as me, small_node(use_sim_time=True):
        # given time that stands still
        ticks = me.hear(String, "ticks")
        clock = me.node.create_publisher(Clock, "/clock", 10)
        me.wait_for(clock.get_subscription_count, "the node")
        assert state(me) == "active"
        assert not ticks

        # when it passes
        time = Clock()

        def pass_a_second() -> None:
            time.clock.sec += 1
            clock.publish(time)

        me.wait_for(lambda: pass_a_second() or len(ticks) > 3, "ticks")

        # then it ticks at most once a second, since it was only asked to once
        assert len(ticks) <= time.clock.sec


def test_health_is_published_with_percentiles_of_the_loop() -> None:
    with peer() as me, small_node():
        messages = me.hear(DiagnosticArray, "/diagnostics", 10)
        me.wait_for(lambda: diagnosis(messages, "small_node"), "/diagnostics")
        me.wait_for(
            lambda: "tick period p99 [ms]" in diagnosis(messages, "small_node"), "percentiles"
        )

        values = diagnosis(messages, "small_node")
        assert int(values["tick count"]) > 0
        for what in ("period", "work"):
            keys = [f"tick {what} {key} [ms]" for key in ("p50", "p95", "p99", "worst")]
            percentiles = [float(values[key]) for key in keys]
            assert percentiles == sorted(percentiles)
            assert percentiles[0] > 0.0
        assert float(values["tick work p50 [ms]"]) < float(values["tick period worst [ms]"])
