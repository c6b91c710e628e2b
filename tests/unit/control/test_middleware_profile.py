"""What Fast DDS is told (``nodes/fastdds.xml``) against what the bridge waits for."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import introspect_control
from introspect_control.bridge import BridgeConfig

PROFILE = Path(introspect_control.__file__).parent / "nodes" / "fastdds.xml"
SPACE = "{http://www.eprosima.com}"
PORTS = 2  # of a participant in shared memory
SLEEP = 1 / 3  # of the timeout: how long Fast DDS sleeps for a port that is idle


def test_one_process_that_joins_does_not_look_like_an_arm_that_has_fallen_silent() -> None:
    (transport,) = ElementTree.parse(PROFILE).iter(f"{SPACE}transport_descriptor")
    timeout = float(transport.findtext(f"{SPACE}healthy_check_timeout_ms", "nan"))

    assert PORTS * SLEEP * 1e-3 * timeout < BridgeConfig().state_timeout


def test_every_participant_uses_that_transport() -> None:
    tree = ElementTree.parse(PROFILE)
    (transport,) = tree.iter(f"{SPACE}transport_descriptor")
    (participant,) = tree.iter(f"{SPACE}participant")
    used = participant.findall(f"{SPACE}rtps/{SPACE}userTransports/{SPACE}transport_id")

    assert participant.get("is_default_profile") == "true"
    assert [name.text for name in used] == [transport.findtext(f"{SPACE}transport_id")]
    assert transport.findtext(f"{SPACE}type") == "SHM"


def test_who_misses_an_answer_to_its_announcement_does_not_wait_for_long() -> None:
    periods = [duration(e) for e in ElementTree.parse(PROFILE).iter(f"{SPACE}leaseAnnouncement")]

    assert len(periods) == 1
    assert 0.1 < periods[0] < 1.0


def test_what_got_lost_is_noticed_before_the_bridge_believes_that_the_arm_has_fallen_silent() -> (
    None
):
    periods = [duration(e) for e in ElementTree.parse(PROFILE).iter(f"{SPACE}heartbeat_period")]

    assert len(periods) == 1
    assert 0.0 < periods[0] < 0.5 * BridgeConfig().state_timeout


def duration(element: ElementTree.Element) -> float:
    """In seconds."""
    whole = float(element.findtext(f"{SPACE}sec", "nan"))
    return whole + 1e-9 * float(element.findtext(f"{SPACE}nanosec", "nan"))
