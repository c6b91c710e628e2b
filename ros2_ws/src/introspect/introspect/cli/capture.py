"""``introspect capture``: records the running system into a bag."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

from introspect.cli.parser import verb_parser
from introspect.cli.running_arm import DEFAULT, HELP, running_arm
from introspect.errors import UsageError


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    parser = verb_parser(
        "capture",
        "Record the running system into a new rosbag2 bag (MCAP). Ctrl-C ends the recording.\n\n"
        "exit code: 0 where messages were recorded and the recorder lost none, else 1; 2 for wrong "
        "use.\nWhat never arrived here is found by: introspect bag verify",
        "introspect capture --out bags/first\n"
        "  introspect capture --out bags/second --images --seconds 60\n"
        "  introspect capture --out bags/third --topics activations policy/action",
    )
    parser.add_argument("--out", required=True, metavar="BAG", help="folder of the new bag")
    parser.add_argument(
        "--topics", nargs="+", default=[], metavar="TOPIC", help="instead of the default set"
    )
    parser.add_argument("--images", action="store_true", help="record the camera, too")
    parser.add_argument("--seconds", type=float, default=math.inf, help="end after this time [s]")
    parser.add_argument("--arm", default="", help=HELP)
    parser.add_argument("--namespace", default="", help="namespace of the system")
    options = parser.parse_args(words)
    if not options.seconds > 0.0:
        raise UsageError(f"--seconds {options.seconds:g} is not allowed. Allowed: more than 0.")

    from introspect.runner.domain import domain_id
    from introspect.runner.preflight import check_arm, check_bag
    from introspect.security.switch import take_keys
    from introspect.specification import absolute_namespace

    domain_id(os.environ)
    check_bag(options.out, "--out ")
    if options.arm:
        check_arm(options.arm)
    namespace = absolute_namespace(options.namespace)
    arm = options.arm if options.topics else running_arm(options.arm, namespace)
    take_keys("capture_node", os.environ)
    bag = Path(options.out).expanduser().absolute()
    program = [sys.executable, "-m", "introspect.nodes.capture_terminal"]
    program += [f"--seconds={options.seconds}", "--ros-args", "--log-level", "warn"]
    program += ["-r", f"__ns:={namespace}"]
    program += _parameter("bag", str(bag)) + _parameter("arm", arm or DEFAULT)
    program += _parameter("images", options.images)
    if options.topics:
        program += _parameter("topics", options.topics)
    sys.stdout.flush()
    os.execv(sys.executable, program)  # only nodes talk ROS: become one


def _parameter(name: str, value: object) -> list[str]:
    return ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
