"""The SROS2 policy: what each process may do, for ``ros2 security generate_artifacts``.

Source: SROS2's policy schema 0.2.0 (sros2/policy/schemas/policy.xsd).
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from typing import TYPE_CHECKING

from introspect.security.access import Access
from introspect.security.processes import PROCESSES
from introspect.specification import absolute_namespace

if TYPE_CHECKING:
    from introspect_description import ArmDescription

VERSION = "0.2.0"
SHIPPED = "security/policy.xml"  # in the share folder of package introspect

_RULES = (
    # field of Rights, element, its items, attribute
    ("subscribes", "topics", "topic", "subscribe"),
    ("publishes", "topics", "topic", "publish"),
    ("serves", "services", "service", "reply"),
    ("calls", "services", "service", "request"),
    ("executes", "actions", "action", "execute"),
    ("orders", "actions", "action", "call"),
)
_ABOUT = """
  What each process of introspect may do on the ROS graph; all else is denied. Only arm_bridge_node
  may publish what moves an arm.

  Made by `introspect security policy`, do not edit: the source is introspect/security/processes.py.
"""


def policy_xml(
    arms: Iterable[ArmDescription], namespace: str = "", processes: Iterable[Access] = PROCESSES
) -> str:
    """The policy as XML.

    Args:
        arms: whose topics are allowed.
        namespace: of all nodes; relative names are below it.
        processes: which enclaves it has.
    """
    known = tuple(arms)
    policy = ElementTree.Element("policy", version=VERSION)
    policy.append(ElementTree.Comment(_ABOUT))
    enclaves = ElementTree.SubElement(policy, "enclaves")
    for process in processes:
        enclave = ElementTree.SubElement(enclaves, "enclave", path=process.enclave)
        profiles = ElementTree.SubElement(enclave, "profiles")
        profile = ElementTree.SubElement(
            profiles, "profile", ns=absolute_namespace(namespace), node=process.node
        )
        rights = process.rights(known)
        for field, kind, item, qualifier in _RULES:
            if names := getattr(rights, field):
                group = ElementTree.SubElement(profile, kind, {qualifier: "ALLOW"})
                for name in names:
                    ElementTree.SubElement(group, item).text = name
    ElementTree.indent(policy)
    text = ElementTree.tostring(policy, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
