"""The pip runner with real processes and real signals: how a run begins, ends, and cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_system import NODES, PATIENCE, System, alive, processes_of, wait_until

from introspect.graph import SIM
from introspect.runner.process import NodeProcess
from introspect.runner.supervisor import Timing

Start = Callable[..., System]


def test_every_node_gets_its_name_namespace_parameters_and_log_level(start: Start) -> None:
    system = start("namespace:=left", "seed:=7", "log_level:=warn", "realtime:=0")
    pids = system.pids(NODES)
    words = system.wait_for_line(r"\[sim_node\] up \d+ (.*)")[1]
    assert words == (
        '["--ros-args", "--log-level", "warn", "-r", "__node:=sim_node", "-r", "__ns:=/left", '
        '"-p", "arm:=\\"panda\\"", "-p", "backend:=\\"mujoco\\"", '
        '"-p", "task:=\\"pick_and_place\\"", "-p", "seed:=7", '
        '"-p", "realtime:=0.0", "-p", "camera:=false"]'
    )
    assert len({os.getsid(pid) for pid in pids.values()}) == len(NODES)


def test_ctrl_c_reaches_every_node_once_and_ends_the_run_cleanly(start: Start) -> None:
    system = start()
    pids = system.pids(NODES)
    system.signal(signal.SIGINT)
    assert system.wait() == 0
    assert system.text.count(" got SIG") == len(NODES)
    assert not any(map(alive, pids.values()))


def test_an_impatient_second_ctrl_c_changes_nothing(start: Start) -> None:
    system = start()
    pids = system.pids(NODES)
    system.signal(signal.SIGINT)
    system.signal(signal.SIGINT)
    assert system.wait() == 0
    assert system.text.count(" got SIG") == len(NODES)
    assert "Traceback" not in system.text
    assert not any(map(alive, pids.values()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_a_closed_terminal_end_the_run_cleanly(start: Start, number: int) -> None:
    system = start()
    pids = system.pids(NODES)
    system.signal(number)
    assert system.wait() == 0
    assert system.text.count(" got SIGTERM") == len(NODES)
    assert not any(map(alive, pids.values()))


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_of_the_task_is_the_exit_code_of_the_run(start: Start, code: int) -> None:
    system = start(nodes={"task_node": {"exit": code}})
    pids = system.pids(NODES)
    system.open_gate()
    assert system.wait() == code
    assert f"task_node exited with code {code}: the run is over" in system.text
    assert not any(map(alive, pids.values()))


def test_a_killed_critical_node_is_named_and_ends_the_run_after_the_arm_has_come_to_rest(
    start: Start,
) -> None:
    system = start()
    pids = system.pids(NODES)
    before = time.monotonic()
    os.kill(pids["arm_bridge_node"], signal.SIGKILL)
    assert system.wait() == 1
    assert time.monotonic() - before > Timing().grace
    news = "arm_bridge_node was killed by SIGKILL; the run cannot go on without it"
    assert system.text.index(news) < system.text.index(" got SIG")
    assert not any(map(alive, pids.values()))


def test_a_critical_node_that_leaves_of_its_own_accord_is_a_failure_too(start: Start) -> None:
    system = start(nodes={"sim_node": {"exit": 0}})
    system.pids(NODES)
    system.open_gate()
    assert system.wait() == 1
    assert "sim_node exited with code 0; the run cannot go on without it" in system.text


def test_ctrl_c_while_the_arm_comes_to_rest_still_ends_in_failure(start: Start) -> None:
    system = start()
    os.kill(system.pids(NODES)["behaviour_node"], signal.SIGSEGV)
    system.wait_for_line("behaviour_node was killed by SIGSEGV")
    system.signal(signal.SIGINT)
    assert system.wait() == 1


def test_a_node_that_crashes_before_its_first_word_is_started_once_more(start: Start) -> None:
    system = start(nodes={"behaviour_node": {"crashes_at_start": 1}})
    system.wait_for_line("Fatal Python error: Segmentation fault")
    system.wait_for_line("behaviour_node was killed by SIGSEGV while it started; starting it once")
    system.pids(NODES)
    system.signal(signal.SIGINT)
    assert system.wait() == 0
    assert "the run failed" not in system.text


def test_a_node_that_crashes_at_every_start_fails_the_run_with_a_cure(start: Start) -> None:
    system = start(nodes={"behaviour_node": {"crashes_at_start": 2}})
    system.wait_for_line("SIGSEGV while it started, again. If killed nodes left something broken: ")
    assert system.wait() == 1
    assert system.lines[-1] == "[introspect] the run failed: behaviour_node was killed by SIGSEGV"
    assert not any(line.startswith("[behaviour_node] up") for line in system.lines)


def test_a_node_that_is_not_young_is_not_started_again_though_it_never_said_a_word() -> None:
    silent = NodeProcess(SIM.nodes[0], ["sleep", "600"], os.environ)
    try:
        assert silent.crashed_at_its_start(-signal.SIGSEGV, young=3600.0)
        assert not silent.crashed_at_its_start(-signal.SIGSEGV, young=0.0)
        assert not silent.crashed_at_its_start(-signal.SIGKILL, young=3600.0)
    finally:
        silent.send(signal.SIGKILL)
        silent.reap()
        silent.close()


def test_the_run_goes_on_without_a_dashboard(start: Start) -> None:
    system = start()
    pids = system.pids(NODES)
    os.kill(pids["dashboard_node"], signal.SIGKILL)
    system.wait_for_line("dashboard_node was killed by SIGKILL; the run goes on without it")
    assert all(alive(pid) for node, pid in pids.items() if node != "dashboard_node")
    system.signal(signal.SIGINT)
    assert system.wait() == 0


def test_a_node_that_refuses_its_configuration_ends_the_run_with_code_2(start: Start) -> None:
    system = start(nodes={"choreographer_node": {"exit": 2}})
    pids = system.pids(NODES)
    system.open_gate()
    assert system.wait() == 2
    assert "choreographer_node refused its configuration" in system.text
    assert not any(map(alive, pids.values()))


def test_a_node_that_fails_while_stopping_spoils_the_clean_end(start: Start) -> None:
    system = start(nodes={"sim_node": {"code_when_stopped": 5}})
    system.pids(NODES)
    system.signal(signal.SIGTERM)
    assert system.wait() == 1
    assert "sim_node exited with code 5 while stopping" in system.text


@pytest.mark.slow
def test_a_node_that_will_not_end_gets_ever_stronger_signals(start: Start) -> None:
    system = start(nodes={"sim_node": {"ignore": ["SIGINT", "SIGTERM"]}})
    pids = system.pids(NODES)
    system.signal(signal.SIGINT)
    assert system.wait() == 1
    assert "sim_node does not end: SIGKILL" in system.text
    assert "sim_node was killed by SIGKILL while stopping" in system.text
    assert not any(map(alive, pids.values()))


def test_killing_the_runner_leaves_no_node_behind(start: Start) -> None:
    system = start()
    pids = system.pids(NODES)
    system.signal(signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids.values())), "the nodes to follow the runner")


def test_killing_the_runner_ends_even_nodes_that_ignore_signals_and_what_they_started(
    start: Start,
) -> None:
    stubborn = {"ignore": ["SIGINT", "SIGTERM"], "child": True}
    system = start(nodes={"sim_node": stubborn})
    pids = [*system.pids(NODES).values(), int(system.wait_for_line(r"child (\d+)")[1])]
    system.signal(signal.SIGKILL)
    wait_until(lambda: not any(map(alive, pids)), "the nodes to follow the runner")


def test_what_a_node_has_started_ends_with_it(start: Start) -> None:
    system = start(nodes={"dashboard_node": {"child": True}})
    pids = system.pids(NODES)
    child = int(system.wait_for_line(r"child (\d+)")[1])
    os.kill(pids["dashboard_node"], signal.SIGKILL)
    wait_until(lambda: not alive(child), "the node's child to end")


def test_a_second_run_in_the_same_domain_is_refused_with_the_cure(start: Start) -> None:
    first = start(ROS_DOMAIN_ID="61")
    first.pids(NODES)
    second = start(ROS_DOMAIN_ID="61")
    assert second.wait() == 2
    assert second.text == (
        "introspect: an introspect graph already runs in ROS domain 61, namespace / (process "
        f"{first.process.pid}). Cure: stop it, or take another domain: ROS_DOMAIN_ID=62"
    )


def test_runs_in_other_domains_and_namespaces_do_not_disturb_each_other(start: Start) -> None:
    first = start(ROS_DOMAIN_ID="61")
    second = start("namespace:=left", ROS_DOMAIN_ID="61")
    third = start(ROS_DOMAIN_ID="62")
    for system in (first, second, third):
        system.pids(NODES)
    for system in (first, second, third):
        system.signal(signal.SIGINT)
        assert system.wait() == 0


def test_the_domain_is_free_again_once_the_nodes_of_a_killed_runner_have_gone(start: Start) -> None:
    first = start(nodes={"sim_node": {"ignore": ["SIGTERM"]}}, ROS_DOMAIN_ID="61")
    pids = first.pids(NODES)
    first.signal(signal.SIGKILL)
    first.process.wait()
    assert start(ROS_DOMAIN_ID="61").wait() == 2  # while a node of the first one still lives
    wait_until(lambda: not any(map(alive, pids.values())), "the nodes to follow the runner")

    def comes_up() -> bool:
        second = start(ROS_DOMAIN_ID="61")
        if second.process.poll() == 2 or "already runs" in second._queue.get(timeout=10):
            return False
        second.signal(signal.SIGTERM)
        return second.process.wait() == 0

    wait_until(comes_up, "the domain to be free")


def test_output_comes_line_by_line_with_the_name_of_the_node(start: Start) -> None:
    system = start(nodes={"sim_node": {"last_words": "one\ntwo\r\nthree without an end"}})
    system.pids(NODES)
    system.signal(signal.SIGTERM)
    system.wait()
    for line in ("one", "two", "three without an end"):
        assert f"[sim_node] {line}" in system.lines


def test_names_are_coloured_where_colours_are_wanted(start: Start) -> None:
    system = start(FORCE_COLOR="1")
    system.wait_for_line("\x1b\\[\\d+m\\[sim_node\\]\x1b\\[0m up")
    system.signal(signal.SIGTERM)
    assert system.wait() == 0


def test_the_run_stops_when_nobody_reads_its_output_any_more(tmp_path: Path, prefix: Path) -> None:
    environment = os.environ | {
        "AMENT_PREFIX_PATH": str(prefix),
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    pipeline = f"set -o pipefail; {sys.executable} -m introspect launch sim | head -n 3"
    done = subprocess.run(
        ["bash", "-c", pipeline],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3
    assert processes_of(prefix) == []


def test_ctrl_c_during_the_start_leaves_no_tracebacks(start: Start) -> None:
    system = start(nodes={"sim_node": {"dawdle": True}})
    system.pids(tuple(node for node in NODES if node != "sim_node"))
    system.signal(signal.SIGINT)
    assert system.wait() == 0
    assert "Traceback" not in system.text
    assert "sim_node" not in system.text
