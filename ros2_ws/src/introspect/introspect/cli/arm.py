"""``introspect arm``: a person's hand on the arm of the running system."""

from __future__ import annotations

import argparse
import math
import os
import sys

from introspect.cli.parser import verb_parser
from introspect.cli.running_arm import running_arm
from introspect.errors import IntrospectError, UsageError, did_you_mean

ACTIONS = {
    "check": "print all that must be right before the arm may move",
    "rearm": "arm it for the first time, or again after a fault, after a countdown",
    "recover": "end a reflex of the arm, by its driver",
    "stop": "stop it until it is armed again",
    "home": "plan a motion home that touches nothing, and move there",
    "move": "the same to a pose that was taught: --pose NAME",
    "teach": "give the present joints a name: --pose NAME",
    "teleop": "steer the tool with the keyboard",
    "fault": "let something go wrong in a mock arm: --fault NAME; without, list what can",
}

_PATIENCE = 10.0  # with the bridge: who moves an arm has to know which [s]
_NODES = {"teach": "introspect_teach", "teleop": "teleoperation_node"}  # the others are one


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    listed = "\n".join(f"  {name:<8} {text}" for name, text in ACTIONS.items())
    parser = verb_parser(
        "arm",
        f"Look at the arm of the running system, and move it by hand.\n\nactions:\n{listed}",
        "introspect arm check\n  introspect arm rearm\n  introspect arm home --speed 0.1\n"
        "  introspect arm teach --pose above_bin",
    )
    parser.add_argument("action", metavar="ACTION", help="what to do")
    parser.add_argument("--pose", default="", metavar="NAME", help="of move and teach")
    parser.add_argument("--poses", default="poses.yaml", metavar="FILE", help="of taught poses")
    parser.add_argument(
        "--speed",
        type=float,
        default=0.0,
        help="share of the speed that the system was launched with; 0: as its planner does",
    )
    parser.add_argument("--fault", default="", metavar="NAME", help="of a mock arm; none: end all")
    parser.add_argument(
        "--value", type=float, default=math.nan, help="of the fault (default: usual)"
    )
    parser.add_argument("--delay", type=float, default=0.0, help="until the fault begins [s]")
    parser.add_argument(
        "--duration", type=float, default=0.0, help="of the fault [s]; 0: until it is ended"
    )
    parser.add_argument("--open", action="store_true", help="open the gripper on the way")
    parser.add_argument(
        "--yes", action="store_true", help="arm without a countdown, as where there is no terminal"
    )
    parser.add_argument("--arm", default="", help="arm; if given, the system must drive this one")
    parser.add_argument("--namespace", default="", help="namespace of the system")
    options = parser.parse_args(words)
    _check(options)
    if options.action == "fault":
        planned = _planned(options)
        if not options.fault:
            print(planned)
            return 0

    from introspect.runner.domain import domain_id
    from introspect.runner.preflight import check_arm
    from introspect.security.switch import take_keys
    from introspect.specification import absolute_namespace

    domain_id(os.environ)
    if options.arm:
        check_arm(options.arm)
    take_keys(_NODES.get(options.action, "introspect_arm"), os.environ)
    namespace = absolute_namespace(options.namespace)
    if options.action in _NODES or ((options.arm or options.open) and options.action != "stop"):
        options.arm = _arm(options.arm, namespace)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", *_program(options, namespace)])


def _check(options: argparse.Namespace) -> None:
    if options.action not in ACTIONS:
        hint = did_you_mean(options.action, ACTIONS)
        raise UsageError(
            f"there is no action '{options.action}'.{hint} Actions: {', '.join(ACTIONS)}."
        )
    if options.action in ("move", "teach") and not options.pose:
        raise UsageError(f"{options.action} needs the name of a pose: --pose NAME")
    if not 0.0 <= options.speed <= 1.0:
        raise UsageError(f"--speed {options.speed:g} is not allowed. Allowed: 0 to 1.")
    if options.fault and options.action != "fault":
        raise UsageError(f"--fault is for introspect arm fault, not for {options.action}")
    given = not math.isnan(options.value) or options.delay or options.duration
    if given and not options.fault:
        raise UsageError("--value, --delay and --duration are of a fault: --fault NAME")


def _planned(options: argparse.Namespace) -> str:
    """What a mock arm would answer; without a fault, which faults there are.

    Raises:
        UsageError: It would refuse.
    """
    from introspect_sim.mock.fault_board import LIST, FaultBoard
    from introspect_sim.mock.faults import FaultError

    numbers = (options.value, options.delay, options.duration)
    try:
        return FaultBoard().request(options.fault or LIST, *numbers, now=0.0)
    except FaultError as error:
        raise UsageError(str(error)) from error


def _arm(given: str, namespace: str) -> str:
    """The arm that the running system drives.

    Raises:
        UsageError: Another one was given.
        IntrospectError: No bridge says which, and none was given.
    """
    found = running_arm(given, namespace, _PATIENCE)
    if not found:
        raise IntrospectError("no arm bridge answers (is the system running?); or name the --arm")
    return found


def _program(options: argparse.Namespace, namespace: str) -> list[str]:
    """The words after ``python -m``: only programs in ``nodes/`` talk ROS."""
    if options.action == "teleop":
        parameters = ["-r", f"__ns:={namespace}", "-p", f"arm:={options.arm}"]
        quiet = ["--ros-args", "--log-level", "warn"]
        return ["introspect.nodes.teleoperation_node", *quiet, *parameters]
    if options.action == "teach":
        return [
            "introspect.nodes.teach_program",
            *("--namespace", namespace, "--arm", options.arm),
            *("--pose", options.pose, "--poses", options.poses),
        ]
    program = ["introspect.nodes.arm_terminal", options.action, "--namespace", namespace]
    if options.action == "fault":
        numbers = (f"--{name}={getattr(options, name)}" for name in ("value", "delay", "duration"))
        return [*program, "--fault", options.fault, *numbers]
    program += ["--pose", options.pose or "home", "--speed", str(options.speed)]
    if options.open:
        program += ["--open-gripper-of", options.arm]
    if sys.stdin.isatty() and not options.yes:
        program.append("--countdown")
    return program
