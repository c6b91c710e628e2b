"""What Fast DDS is told (``nodes/fastdds.xml``) against what the bridge waits for."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import introspect_control
from introspect_control.bridge import BridgeConfig

PROFILE = Path(introspect_control.__file__).parent / "nodes" / "fastdds.xml"
SPACE = "{http://www.eprosima.com}"
PORTS = 2  # of a participant in shared memory: one for discovery, one for data
SLEEP = 1 / 3  # of the timeout: how long Fast DDS sleeps for one that is idle


def test_somebody_who_joins_cannot_make_the_bridge_believe_that_the_arm_has_fallen_silent() -> None:
    (timeout,) = ElementTree.parse(PROFILE).iter(f"{SPACE}healthy_check_timeout_ms")

    assert PORTS * SLEEP * 1e-3 * float(timeout.text or "nan") < BridgeConfig().state_timeout


def test_what_got_lost_is_noticed_before_the_bridge_believes_that_the_arm_has_fallen_silent() -> (
    None
):
    periods = [
        float(period.findtext(f"{SPACE}sec", "nan"))
        + 1e-9 * float(period.findtext(f"{SPACE}nanosec", "nan"))
        for period in ElementTree.parse(PROFILE).iter(f"{SPACE}heartbeat_period")
    ]

    assert len(periods) == 1
    assert 0.0 < periods[0] < 0.5 * BridgeConfig().state_timeout
