"""Frames are made of what belongs together, and only neighbours are put side by side."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from sample_runs import ARM, CAMERA, PERIOD, Tape

from introspect_control.capture import BagError, BagReader
from introspect_control.capture.export import export
from introspect_control.capture.frames import Recording, read_recording
from introspect_control.capture.images import spool_images
from introspect_control.capture.periods import ACTION, ENVIRONMENT, STATE


def frames(bag: Path) -> Recording:
    return read_recording(BagReader(bag), ARM)


def sequences(recording: Recording) -> list[list[int]]:
    """Of the frames of each episode: the actions say them."""
    return [episode.columns[ACTION][:, 0].astype(int).tolist() for episode in recording.episodes]


def pictures(bag: Path) -> list[list[int]]:
    """What each frame's picture shows: the number of the period at which it was taken."""
    from PIL import Image

    recording = frames(bag)
    spool = spool_images(BagReader(bag), recording)
    assert spool is not None
    shown = []
    for episode in recording.episodes:
        opened = [Image.open(io.BytesIO(spool.read(number))) for number in episode.images]
        shown.append([int(np.asarray(png)[0, 0, 0]) for png in opened])
    return shown


def play(
    tape: Tape, periods: int, x: float = 0.0, first: int = 1, sequence: int = 0, every: int = 1
) -> None:
    """A run with one episode; ``x`` is where its object is, and how far its joints are off."""
    for number in range(periods):
        stamp = (first + number) * PERIOD
        tape.observe(stamp, x=x, more=x, picture=number % every == 0)
        tape.ask(stamp, 1, sequence + number)
        tape.act(stamp, 1, sequence + number)


class TestTimeThatBeginsAnew:
    @pytest.mark.parametrize("second", [3, 6, 9])
    def test_each_run_has_its_own_joints_and_poses(self, tmp_path: Path, second: int) -> None:
        with Tape(tmp_path / "bag", CAMERA) as tape:
            play(tape, 6, x=10.0)
            play(tape, second, x=20.0)
        found = frames(tmp_path / "bag")
        assert sequences(found) == [list(range(6)), list(range(second))]
        for episode, x in zip(found.episodes, (10.0, 20.0), strict=True):
            at = 1e-9 * np.array(episode.stamps)
            np.testing.assert_allclose(episode.columns[STATE][:, 0], x + at, rtol=1e-6)
            assert (episode.columns[ENVIRONMENT][:, 0] == x).all()

    def test_each_run_has_its_own_pictures(self, tmp_path: Path) -> None:
        with Tape(tmp_path / "bag") as tape:
            play(tape, 6)
            play(tape, 6, every=2)
        assert pictures(tmp_path / "bag") == [[1, 2, 3, 4, 5, 6], [1, 1, 3, 3, 5, 5]]

    @pytest.mark.parametrize("topic", ["/object_pose", CAMERA])
    def test_a_run_never_sees_what_was_seen_last_in_the_one_before(
        self, tmp_path: Path, topic: str
    ) -> None:
        with Tape(tmp_path / "bag") as tape:
            play(tape, 4, x=10.0)
            tape.lost = (topic,)
            play(tape, 2, x=20.0)
            tape.lost = ()
            play(tape, 2, x=20.0, first=3, sequence=2)
        found = frames(tmp_path / "bag")
        assert sequences(found) == [[0, 1, 2, 3], [2, 3]]
        assert found.skipped == 2

    def test_an_episode_that_goes_on_over_a_restart_of_the_simulation_falls_into_two(
        self, tmp_path: Path
    ) -> None:
        with Tape(tmp_path / "bag", CAMERA) as tape:
            play(tape, 4, first=3, x=10.0)
            play(tape, 4, first=1, x=20.0, sequence=4)
        found = frames(tmp_path / "bag")
        assert sequences(found) == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert found.rate == 25.0


@pytest.mark.parametrize("topic", ["/joint_states", "/activations", "/policy/action"])
def test_where_periods_are_missing_an_episode_falls_into_parts(tmp_path: Path, topic: str) -> None:
    with Tape(tmp_path / "bag", CAMERA) as tape:
        play(tape, 2)
        tape.lost = (topic,)
        play(tape, 2, first=3, sequence=2)
        tape.lost = ()
        play(tape, 3, first=5, sequence=4)
    found = frames(tmp_path / "bag")
    assert sequences(found) == [[0, 1], [4, 5, 6]]
    assert [episode.key.sequence for episode in found.episodes] == [0, 4]
    assert found.skipped == (0 if topic == "/policy/action" else 2)
    assert found.rate == 25.0


def test_the_stop_that_ends_an_episode_is_no_frame_but_a_hold_within_it_is(tmp_path: Path) -> None:
    with Tape(tmp_path / "bag", CAMERA) as tape:
        for sequence in range(6):
            stamp = (1 + sequence) * PERIOD
            tape.observe(stamp)
            tape.ask(stamp, 1, sequence)
            tape.act(stamp, 1, sequence, hold=sequence in (2, 5))  # 5: a fault, in mid-period
    found = frames(tmp_path / "bag")
    assert sequences(found) == [[0, 1, 0, 3, 4]]  # told by its action, and a hold has none
    assert found.skipped == 0


class TestPictures:
    def test_frames_before_the_first_picture_are_left_out_and_counted(self, tmp_path: Path) -> None:
        with Tape(tmp_path / "bag") as tape:
            tape.lost = (CAMERA,)
            play(tape, 1)
            tape.lost = ()
            play(tape, 19, first=2, sequence=1)
        result = export(
            tmp_path / "bag", tmp_path / "out.h5", "hdf5", "task", "panda", lambda *_: None
        )
        assert (result.frames, result.skipped, result.images) == (19, 1, True)
        assert pictures(tmp_path / "bag") == [list(range(2, 21))]

    def test_one_that_is_missing_later_is_the_latest_before(self, tmp_path: Path) -> None:
        with Tape(tmp_path / "bag") as tape:
            play(tape, 7, every=3)
        assert pictures(tmp_path / "bag") == [[1, 1, 1, 4, 4, 4, 7]]
        assert frames(tmp_path / "bag").skipped == 0

    def test_a_camera_that_never_sent_any_costs_no_frame(self, tmp_path: Path) -> None:
        with Tape(tmp_path / "bag") as tape:
            tape.lost = (CAMERA,)
            play(tape, 5)
        recording = frames(tmp_path / "bag")
        assert sequences(recording) == [list(range(5))]
        assert spool_images(BagReader(tmp_path / "bag"), recording) is None

    def test_where_all_of_them_are_later_than_every_frame_the_bag_is_refused(
        self, tmp_path: Path
    ) -> None:
        with Tape(tmp_path / "bag") as tape:
            tape.lost = (CAMERA,)
            play(tape, 5)
            tape.lost = ()
            tape.observe(6 * PERIOD)
        with pytest.raises(BagError, match="has no complete frame of an episode"):
            frames(tmp_path / "bag")
