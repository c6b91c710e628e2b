"""`introspect capture` records, tells how it went, and its exit code says whether it went well."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from introspect_msgs.msg import Activations
from live_graph import DEEP, PATIENCE, Peer, peer
from std_srvs.srv import Trigger

from introspect_control.capture import BagReader


def capture(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "introspect", "capture", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def publish(me: Peer, topic: str, count: int) -> None:
    """Publish until something listens, then exactly so many."""
    publisher = me.node.create_publisher(Activations, topic, DEEP)
    me.wait_for(publisher.get_subscription_count, "the recorder")
    for number in range(count):
        publisher.publish(Activations(episode=1, sequence=number))
    publisher.wait_for_all_acked()


def test_ctrl_c_ends_a_recording_in_a_namespace_with_a_summary(tmp_path: Path) -> None:
    bag = tmp_path / "new" / "bag"
    with peer() as me:
        recording = capture("--out", str(bag), "--namespace", "left", "--topics", "activations")
        publish(me, "/left/activations", 9)
        recording.send_signal(signal.SIGINT)
        out, err = recording.communicate(timeout=PATIENCE)
    assert recording.returncode == 0, err
    assert out.startswith("9 messages in ")
    assert out.rstrip().endswith(f"MB in {bag}")
    assert err == ""
    assert len(list(BagReader(bag).messages("/left/activations"))) == 9


def test_it_ends_well_where_the_service_has_ended_the_recording(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with peer() as me:
        recording = capture("--out", str(bag), "--topics", "activations")
        publish(me, "activations", 9)
        assert me.call(Trigger, "capture/stop").success
        out, err = recording.communicate(timeout=PATIENCE)
    assert recording.returncode == 0, err
    assert out.startswith("9 messages in ")
    assert err == ""
    assert len(list(BagReader(bag).messages("/activations"))) == 9


def test_it_ends_by_itself_and_fails_where_nothing_was_heard(tmp_path: Path) -> None:
    recording = capture("--out", str(tmp_path / "bag"), "--seconds", "1.5")
    out, err = recording.communicate(timeout=PATIENCE)
    assert recording.returncode == 1
    told = re.match(r"\d+ messages in (\d+\.\d) s", out)  # its own diagnostics
    assert told is not None
    assert float(told[1]) >= 1.0
    assert "introspect: nothing was heard for " in err
    assert "Cure: introspect launch sim; if that runs, introspect doctor" in err
    assert len(err.splitlines()) == 1


def test_a_place_that_cannot_be_written_to_is_wrong_use(tmp_path: Path) -> None:
    recording = capture("--out", "/proc/bag")
    _, err = recording.communicate(timeout=PATIENCE)
    assert recording.returncode == 2
    assert "cannot record into /proc/bag: " in err
    assert "Traceback" not in err
    assert tmp_path.exists()
