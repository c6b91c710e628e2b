"""SROS2: whether it is on, whether it works, and whether the keys are kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from introspect.doctor.finding import Finding, note, ok, problem, warning
from introspect.security.access import Access
from introspect.security.middleware import Middleware
from introspect.security.processes import PROCESSES
from introspect.security.switch import (
    ENABLE,
    ENFORCE,
    KEYSTORE,
    MAKE_KEYSTORE,
    OTHER_BUILD,
    OVERRIDE,
    STRATEGY,
    Switch,
)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_NAMED = 3  # of things of which there are many


def check_security(environment: Mapping[str, str], middleware: Middleware) -> Finding:
    """Whether SROS2 is on and the middleware has it.

    Args:
        environment: variables of the user.
        middleware: that nodes would use.
    """
    name, value = "security", environment.get(ENABLE, "")
    switch = Switch.of(environment)
    if value not in ("", "true", "false"):
        return problem(
            name,
            f"{ENABLE}={value} is off: ROS takes no other word than true",
            f"export {ENABLE}=true",
        )
    if not switch.enabled:
        able = f"; this is {middleware.text}" if middleware.secure is False else ""
        return note(
            name,
            f"SROS2 is off: whoever reaches ROS domain and machine may command the arm{able}",
            "docs/hardware/security.md says how to switch it on",
        )
    if middleware.secure is False:
        return problem(name, f"{ENABLE}=true, but this is {middleware.text}", OTHER_BUILD)
    if environment.get(STRATEGY) != ENFORCE:
        return warning(
            name,
            f"{STRATEGY}={environment.get(STRATEGY, '')}: a node without keys runs without them "
            "(introspect launch refuses it all the same where this is not set)",
            f"export {STRATEGY}={ENFORCE}",
        )
    if middleware.secure is None:
        return note(
            name, f"SROS2 is on; whether the middleware has it is not known: {middleware.text}"
        )
    return ok(name, f"SROS2 is on, {middleware.text}")


def check_enclaves(
    environment: Mapping[str, str], processes: Iterable[Access] = PROCESSES
) -> Finding:
    """Whether every node of ours has its keys and permissions.

    Args:
        environment: variables of the user.
        processes: that need them.
    """
    name, switch = "enclaves", Switch.of(environment)
    if not switch.enabled and switch.keystore is None:
        return ok(name, "none are needed, SROS2 is off")
    lacking = [text for process in processes if (text := switch.lacks(process.node))]
    if lacking:
        several = dict.fromkeys(lacking)  # one and the same for all where there is no keystore
        more = f"; and {len(several) - _MOST_NAMED} more" if len(several) > _MOST_NAMED else ""
        return problem(name, "; ".join(list(several)[:_MOST_NAMED]) + more, MAKE_KEYSTORE)
    if override := environment.get(OVERRIDE, ""):
        return warning(
            name,
            f"{OVERRIDE}={override} gives these keys to every node, so that all have one's rights",
            f"unset {OVERRIDE}",
        )
    return ok(name, f"every node has its enclave in {switch.keystore}")


def check_keys(environment: Mapping[str, str]) -> Finding:
    """Whether private keys can be read by others than their owner.

    Args:
        environment: variables of the user.
    """
    name, keystore = "keys", Switch.of(environment).keystore
    if keystore is None or not keystore.is_dir():
        return ok(name, f"no keystore in {KEYSTORE}")
    keys = [path for path in keystore.rglob("*key.pem") if not path.is_symlink()]
    open_keys = sorted(path for path in keys if _readable_by_others(path, keystore))
    if open_keys:
        shown = ", ".join(map(str, open_keys[:_MOST_NAMED]))
        more = f" and {len(open_keys) - _MOST_NAMED} more" if len(open_keys) > _MOST_NAMED else ""
        return problem(
            name,
            f"others may read private keys, and with them be that node: {shown}{more}",
            f"chmod -R go-rwx {keystore}; if it was so for long, make a new keystore",
        )
    return ok(name, f"{len(keys)} private keys in {keystore}, for their owner alone")


def _readable_by_others(key: Path, keystore: Path) -> bool:
    """Whether the key's own mode lets others in, and that of each folder on the way to it, too."""
    try:
        if not key.stat().st_mode & _OTHERS:
            return False
        way = [key.parent, *key.parent.parents]
        inside = way[: way.index(keystore) + 1]
        return all(os.stat(folder).st_mode & (stat.S_IXGRP | stat.S_IXOTH) for folder in inside)
    except OSError:
        return False  # gone meanwhile, or not ours to look into
