"""What can be wrong with a running system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from introspect.doctor.finding import Finding, note, ok, problem, warning
from introspect.doctor.system import Endpoint, System
from introspect.security.access import COMMAND, GRIPPER, arm_names
from introspect.security.processes import PROCESSES

if TYPE_CHECKING:
    from introspect_description import ArmDescription

SLOWEST_STATES = 25.0
"""Joint states have to come at least as often as the policy acts [Hz]."""

COMMANDS = (COMMAND, GRIPPER, "policy/action")
"""Topics that move the arm, as in ``introspect.security.processes``."""


def check_running(system: System, elsewhere: Sequence[int]) -> Finding:
    """Whether there is a system in this domain and namespace at all.

    Args:
        system: what was seen.
        elsewhere: domains in which the runner has started one on this machine.
    """
    name = "graph"
    space = system.namespace.rstrip("/") + "/"
    inside = [node.removeprefix(space) for node in system.nodes if node.startswith(space)]
    if inside:
        where = f"in domain {system.domain}, {system.namespace}"
        return ok(name, f"{len(inside)} nodes {where}: {', '.join(inside)}")
    others = [domain for domain in elsewhere if domain != system.domain]
    if others:
        return problem(
            name,
            f"nothing runs in domain {system.domain}, but a graph runs in domain "
            f"{', '.join(map(str, others))}",
            f"export ROS_DOMAIN_ID={others[0]}",
        )
    if system.nodes:
        namespaces = sorted({node.rpartition("/")[0] or "/" for node in system.nodes})
        return problem(
            name,
            f"nothing runs in namespace {system.namespace}, but something does in "
            f"{', '.join(namespaces)}",
            f"introspect doctor --namespace {namespaces[0]}",
        )
    return note(name, f"nothing runs in domain {system.domain}", _launch(system))


def _launch(system: System) -> str:
    """The command that starts a system where this one was looked for."""
    namespace = system.namespace.strip("/")
    return "introspect launch sim" + (f" namespace:={namespace}" if namespace else "")


def check_silence(system: System, expected: Iterable[str]) -> Finding:
    """Whether the topics that the others depend on carry messages.

    Args:
        system: what was seen.
        expected: names of topics that never pause.
    """
    name = "silent topics"
    nobody, silent = [], []
    for topic in expected:
        seen = system.topic(topic)
        if not seen.publishers:
            waiting = ", ".join(sorted({end.node for end in seen.subscriptions}))
            nobody.append(f"{topic} (wanted by {waiting})" if waiting else topic)
        elif seen.heard == 0:
            silent.append(f"{topic} (from {', '.join(sorted({e.node for e in seen.publishers}))})")
    if nobody:
        return problem(
            name,
            f"nobody publishes {'; '.join(nobody)}",
            f"start the node that does, in the same namespace: {_launch(system)}",
        )
    if silent:
        return problem(
            name,
            f"nothing was heard in {system.seconds:g} s on {'; '.join(silent)}",
            "activate the node (ros2 lifecycle set NODE activate), or read its log",
        )
    return ok(name, "joints, object, goal and guard are heard")


def check_state_rate(system: System, state_topic: str) -> Finding:
    """Whether the arm tells its joints often enough to be steered.

    Args:
        system: what was seen.
        state_topic: on which it does.
    """
    name = "state rate"
    heard = system.topic(state_topic).heard
    if not heard:
        return note(name, f"nothing on {state_topic}")
    rate = heard / system.seconds
    if rate < SLOWEST_STATES:
        return problem(
            name,
            f"{state_topic} comes at {rate:.0f} Hz, the policy acts at {SLOWEST_STATES:g} Hz",
            "listen to the arm's own state topic (controller.state_topic in its data file), "
            "or raise realtime:=",
        )
    return ok(name, f"{state_topic} at {rate:.0f} Hz")


def check_qos(system: System) -> Finding:
    """Whether every subscription can get what the publishers of its topic offer."""
    name = "quality of service"
    refusals = []
    for topic, seen in sorted(system.topics.items()):
        for publisher in seen.publishers:
            for subscription in seen.subscriptions:
                if why := _refusal(publisher, subscription):
                    refusals.append(f"{topic}: {subscription.node} {why} of {publisher.node}")
    if refusals:
        return problem(
            name,
            "; ".join(refusals),
            "give both ends the same profile, see introspect_control.nodes.runtime",
        )
    return ok(name, "every subscription fits its publishers")


def _refusal(publisher: Endpoint, subscription: Endpoint) -> str:
    if publisher.type != subscription.type:
        return f"wants {subscription.type}, not the {publisher.type}"
    if subscription.reliable and not publisher.reliable:
        return "wants reliable messages, not the best-effort ones"
    if subscription.latched and not publisher.latched:
        return "wants the last message on joining, not the volatile ones"
    return ""


def check_single_commander(system: System, trajectory_topic: str) -> Finding:
    """Whether one node only commands the arm.

    Args:
        system: what was seen.
        trajectory_topic: on which it is commanded.
    """
    name = "commanders"
    publishers = sorted(end.node for end in system.topic(trajectory_topic).publishers)
    if len(publishers) > 1:
        return problem(
            name,
            f"{len(publishers)} publishers command the arm on {trajectory_topic}: "
            f"{', '.join(publishers)}",
            f"end all but one: ros2 topic info --verbose {system.full(trajectory_topic)}",
        )
    return ok(
        name, f"{publishers[0]} commands the arm" if publishers else "nobody commands the arm"
    )


def check_strangers(system: System, arm: ArmDescription) -> Finding:
    """Whether only nodes of ours publish what moves the arm: the same that SROS2 would allow.

    Args:
        system: what was seen.
        arm: which is expected.
    """
    name, strangers = "strangers", []
    for topic in COMMANDS:
        ours = {process.node for process in PROCESSES if topic in process.own.publishes}
        for name_here in arm_names(arm).get(topic, (topic,)):
            publishers = {end.node for end in system.topic(name_here).publishers}
            strangers += [
                f"{node} publishes {name_here}, which is {' and '.join(sorted(ours))}'s"
                for node in sorted(publishers)
                if node.rpartition("/")[2] not in ours
            ]
    if strangers:
        return warning(
            name,
            "; ".join(strangers),
            "end it, or have it ask arm_bridge_node, which keeps to the limits; to forbid it: "
            "docs/hardware/security.md",
        )
    return ok(name, "nobody but our nodes publishes what moves the arm")


def check_joints(system: System, arm: ArmDescription) -> Finding:
    """Whether the joints that are told are those of the arm, in radians.

    Args:
        system: what was seen.
        arm: which is expected.
    """
    name = "joints"
    if not system.joint_names:
        return note(name, "no joint state was heard")
    expected = list(arm.joint_names)
    told = list(system.joint_names)
    if missing := [joint for joint in expected if joint not in told]:
        return problem(
            name,
            f"{', '.join(missing)} missing: the arm {arm.name} has {', '.join(expected)}, "
            f"told are {', '.join(told)}",
            "choose the arm that is connected (arm:=NAME), or mend the prefix of its driver",
        )
    position = dict(zip(told, system.joint_positions, strict=False))
    outside = [
        f"{joint} at {position[joint]:.2f}"
        for joint, lower, upper in zip(expected, arm.limits.lower, arm.limits.upper, strict=True)
        if not lower - 0.01 <= position[joint] <= upper + 0.01
    ]
    if outside:
        return problem(
            name,
            f"outside the limits of {arm.name} [rad]: {', '.join(outside)}",
            "have the driver tell radians, not degrees, and its zero where the URDF has it",
        )
    if [joint for joint in told if joint in expected] != expected:
        return warning(
            name,
            f"told in the order {', '.join(told)}; the arm {arm.name} has {', '.join(expected)}",
            "nothing for our nodes, which go by name; check programs that go by index",
        )
    return ok(name, f"the {len(expected)} joints of {arm.name}, within their limits")


def check_clock(system: System) -> Finding:
    """Whether there is a clock for those who follow simulated time."""
    name = "simulated time"
    clock = system.topic("/clock")
    followers = sorted({end.node for end in clock.subscriptions})
    if not followers:
        return ok(name, "nobody follows simulated time")
    if not clock.publishers:
        return problem(
            name,
            f"{', '.join(followers)} follow simulated time, but nobody publishes /clock: "
            "their time stands still",
            "start the simulation, or set use_sim_time:=false on these nodes",
        )
    if clock.heard == 0:
        return problem(
            name,
            f"/clock stands still; {', '.join(followers)} wait for it",
            "activate sim_node, or read its log",
        )
    if len(clock.publishers) > 1:
        makers = ", ".join(sorted(end.node for end in clock.publishers))
        return problem(name, f"/clock comes from {makers}", "end all but one of them")
    return ok(name, f"{len(followers)} nodes follow the clock of {clock.publishers[0].node}")


def check_guard(system: System) -> Finding:
    """Whether the arm accepts commands."""
    name = "guard"
    if system.guard is None:
        return note(name, "no status was heard")
    if system.guard.state == "FAULT":
        return warning(
            name,
            f"stopped: {system.guard.reason}",
            "remove the cause, then re-arm: the button on the page, or "
            f"ros2 service call {system.full('guard/rearm')} std_srvs/srv/Trigger",
        )
    return ok(name, system.guard.state.lower())


def check_complaints(system: System) -> Finding:
    """Whether a node says of itself that something is wrong."""
    name = "diagnostics"
    if system.complaints:
        texts = [f"{node}: {text}" for node, text in sorted(system.complaints.items())]
        return warning(name, "; ".join(texts), "read the logs of these nodes")
    return ok(name, "no node complains")


def check_system(system: System, arm: ArmDescription, elsewhere: Sequence[int]) -> list[Finding]:
    """Run every check of a running system; where there is none, only the first.

    Args:
        system: what was seen.
        arm: which is expected.
        elsewhere: domains in which the runner has started one on this machine.
    """
    running = check_running(system, elsewhere)
    if not system.nodes or running.cure:
        return [running]
    state_topic = arm.controller.state_topic
    expected = [state_topic, "guard/status"]
    expected += [t for t in ("object_pose", "goal_pose") if system.topic(t).subscriptions]
    return [
        running,
        check_silence(system, expected),
        check_state_rate(system, state_topic),
        check_qos(system),
        check_single_commander(system, arm.controller.trajectory_topic),
        check_strangers(system, arm),
        check_joints(system, arm),
        check_clock(system),
        check_guard(system),
        check_complaints(system),
    ]
