"""``introspect security``: keys for SROS2, and who may do what with them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from introspect.cli.parser import verb_parser
from introspect.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from introspect_description import ArmDescription

WHAT = {
    "keystore": "make keys and signed permissions for every node",
    "policy": "print the policy, for `ros2 security generate_artifacts`",
}


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    verbs = "\n".join(f"  {name:<8} {summary}" for name, summary in WHAT.items())
    parser = verb_parser(
        "security",
        "SROS2: only nodes with keys may take part, and only the arm bridge may command the arm."
        f"\n\nwhat to do:\n{verbs}",
        "introspect security keystore --out ~/introspect_keys --arm fr3\n"
        "  export ROS_SECURITY_KEYSTORE=~/introspect_keys ROS_SECURITY_ENABLE=true\n"
        "  introspect doctor",
    )
    parser.add_argument("what", metavar="WHAT", help=" | ".join(WHAT))
    parser.add_argument("--out", type=Path, metavar="KEYSTORE", help="folder of the new keystore")
    parser.add_argument(
        "--arm",
        action="append",
        default=[],
        help="arm, by the name of its data file; may be given again (default: every arm)",
    )
    parser.add_argument("--namespace", default="", help="namespace of all nodes")
    options = parser.parse_args(words)
    if options.what not in WHAT:
        hint = did_you_mean(options.what, WHAT)
        raise UsageError(
            f"there is no 'security {options.what}'.{hint} Allowed: {', '.join(WHAT)}."
        )
    if (options.what == "keystore") != (options.out is not None):
        raise UsageError("security keystore needs --out KEYSTORE; security policy prints")
    return _keystore(options) if options.what == "keystore" else _policy(options)


def _keystore(options: Namespace) -> int:
    from introspect.security.keystore import create_keystore
    from introspect.security.processes import PROCESSES

    folder = options.out.expanduser().absolute()
    create_keystore(folder, _arms(options.arm), options.namespace)
    print(f"{folder}: {len(PROCESSES)} enclaves. Whoever can read it can be any node.")
    print(f"  export ROS_SECURITY_KEYSTORE={folder} ROS_SECURITY_ENABLE=true")
    return 0


def _policy(options: Namespace) -> int:
    from introspect.security.policy import policy_xml

    print(policy_xml(_arms(options.arm), options.namespace), end="")
    return 0


def _arms(names: list[str]) -> list[ArmDescription]:
    from introspect_description import ArmDescription, DescriptionError, share_dir

    try:
        every = sorted(path.stem for path in (share_dir() / "urdf" / "arms").glob("*.yaml"))
        return [ArmDescription.load(name) for name in names or every]
    except DescriptionError as error:
        raise UsageError(str(error)) from error
