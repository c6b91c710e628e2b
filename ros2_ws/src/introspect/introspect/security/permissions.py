"""What the middleware takes of a policy: permissions of one process, and governance of all.

Both are signed documents of the OMG's DDS Security. ROS names become those of DDS: ``rt`` before a
topic, ``rq`` and ``rr`` before a service's requests and replies; an action is services and topics
below its name. Those, and what is private to a node, are allowed as a whole, and nothing is
indented: Fast DDS before 2.14.5 and 3.2.3 does not let nodes in whose permissions are larger than
some six thousand bytes (https://github.com/eProsima/Fast-DDS/pull/5843).

Source: DDS Security 1.1, sections 9.4.1.2 and 9.4.1.3; SROS2's template dds/permissions.xsl, whose
translation this is; https://design.ros2.org/articles/topic_and_service_names.html.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from datetime import datetime

from introspect.runner.domain import HIGHEST_DOMAIN
from introspect.security.access import Rights
from introspect.specification import absolute_namespace

_DISCOVERY = "ros_discovery_info"  # on which nodes tell which topics are theirs
_SCHEMA = "http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_{}.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def dds_topics(rights: Rights, node: str, namespace: str) -> tuple[list[str], list[str]]:
    """The DDS topics that a process may write and read.

    Args:
        rights: of the process.
        node: its name.
        namespace: of all nodes.

    Returns:
        Topics that it writes, and topics that it reads, both sorted.
    """
    here = absolute_namespace(namespace).rstrip("/")

    def full(name: str) -> str:
        if name.startswith("/"):
            return name
        return f"{here}/{node}/*" if name.startswith("~") else f"{here}/{name}"

    def parts(actions: Iterable[str]) -> list[str]:
        return [f"{full(action)}/_action/*" for action in actions]

    served = [full(name) for name in rights.serves] + parts(rights.executes)
    called = [full(name) for name in rights.calls] + parts(rights.orders)
    told = [full(name) for name in rights.publishes] + parts(rights.executes)
    heard = [full(name) for name in rights.subscribes] + parts(rights.orders)
    requests = "rq{}Request".format
    replies = "rr{}Reply".format
    writes = {_DISCOVERY, *(f"rt{name}" for name in told)}
    writes |= {requests(name) for name in called} | {replies(name) for name in served}
    reads = {_DISCOVERY, *(f"rt{name}" for name in heard)}
    reads |= {replies(name) for name in called} | {requests(name) for name in served}
    return sorted(writes), sorted(reads)


def permissions_xml(
    enclave: str, topics: tuple[list[str], list[str]], begins: datetime, ends: datetime
) -> bytes:
    """The permissions of one process, in any domain.

    Args:
        enclave: the common name of its certificate.
        topics: that it writes and reads.
        begins: of the time in which they hold.
        ends: of it.
    """
    document = _document("permissions")
    grant = ElementTree.SubElement(
        ElementTree.SubElement(document, "permissions"), "grant", name=enclave
    )
    ElementTree.SubElement(grant, "subject_name").text = f"CN={enclave}"
    validity = ElementTree.SubElement(grant, "validity")
    for name, moment in (("not_before", begins), ("not_after", ends)):
        text = moment.replace(microsecond=0, tzinfo=None).isoformat()
        ElementTree.SubElement(validity, name).text = text
    rule = ElementTree.SubElement(grant, "allow_rule")
    _every_domain(rule)
    for verb, names in zip(("publish", "subscribe"), topics, strict=True):
        listed = ElementTree.SubElement(ElementTree.SubElement(rule, verb), "topics")
        for name in names:
            ElementTree.SubElement(listed, "topic").text = name
    ElementTree.SubElement(grant, "default").text = "DENY"
    return _bytes(document)


def governance_xml() -> bytes:
    """What holds for everybody: nobody joins without keys, and everything is encrypted."""
    document = _document("governance")
    rule = ElementTree.SubElement(
        ElementTree.SubElement(document, "domain_access_rules"), "domain_rule"
    )
    _every_domain(rule)
    for name, value in (
        ("allow_unauthenticated_participants", "false"),
        ("enable_join_access_control", "true"),
        ("discovery_protection_kind", "ENCRYPT"),
        ("liveliness_protection_kind", "ENCRYPT"),
        ("rtps_protection_kind", "SIGN"),
    ):
        ElementTree.SubElement(rule, name).text = value
    topic = ElementTree.SubElement(ElementTree.SubElement(rule, "topic_access_rules"), "topic_rule")
    for name, value in (
        ("topic_expression", "*"),
        ("enable_discovery_protection", "true"),
        ("enable_liveliness_protection", "true"),
        ("enable_read_access_control", "true"),
        ("enable_write_access_control", "true"),
        ("metadata_protection_kind", "ENCRYPT"),
        ("data_protection_kind", "ENCRYPT"),
    ):
        ElementTree.SubElement(topic, name).text = value
    return _bytes(document)


def _document(schema: str) -> ElementTree.Element:
    ElementTree.register_namespace("xsi", _INSTANCE)
    place = {f"{{{_INSTANCE}}}noNamespaceSchemaLocation": _SCHEMA.format(schema)}
    return ElementTree.Element("dds", place)


def _every_domain(rule: ElementTree.Element) -> None:
    span = ElementTree.SubElement(ElementTree.SubElement(rule, "domains"), "id_range")
    ElementTree.SubElement(span, "min").text = "0"
    ElementTree.SubElement(span, "max").text = str(HIGHEST_DOMAIN)


def _bytes(document: ElementTree.Element) -> bytes:
    ElementTree.indent(document, space="")
    text: bytes = ElementTree.tostring(document, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"
