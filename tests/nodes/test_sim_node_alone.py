"""The simulated arm as a process: how fast it runs, what it shows, how it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.srv import PerturbWorld, ResetWorld
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from live_graph import NodeProcess, Peer, diagnosis, peer, seconds
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from sim_commander import PANDA, Arm
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.nodes.runtime import end
from introspect_sim.nodes.sim_node import SimNode

pytest.importorskip("mujoco")
MODULE = "introspect_sim.nodes.sim_node"


@pytest.fixture
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


def test_an_interrupt_ends_it_cleanly(me: Peer) -> None:
    clocks = me.hear(Clock, "/clock")
    with NodeProcess(MODULE) as process:
        me.wait_for(lambda: clocks, "the simulation to run")

        assert process.interrupt() == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"backend": "bullet"}, "parameter 'backend' is 'bullet'; allowed: mujoco, pybullet"),
        ({"arm": "ur5"}, "unknown arm 'ur5': available are"),
        ({"task": "juggle"}, "task 'juggle' does not exist; choose one of pick_and_place"),
        ({"realtime": -1.0}, "parameter 'realtime' is -1.0; it must be a number in [0.0, 20.0]"),
    ],
)
def test_wrong_parameters_are_one_clear_line_and_exit_code_two(
    ros_domain: int, parameters: dict[str, object], message: str
) -> None:
    with NodeProcess(MODULE, parameters) as process:
        assert process.end() == 2
        assert message in process.output
        assert "Traceback" not in process.output


def test_a_reset_that_deactivation_overtakes_is_answered_as_a_failure(me: Peer) -> None:
    with NodeProcess(MODULE, {"realtime": 1e-5}):  # the first state is minutes away
        client = me.node.create_client(ResetWorld, "reset_world")
        me.wait_for(client.service_is_ready, "reset_world")
        answer = client.call_async(ResetWorld.Request(seed=3))
        kind = PerturbWorld.Request.DROP_OBJECT
        assert me.call(PerturbWorld, "perturb_world", kind=kind).success
        assert not answer.done()

        transition = {"transition": Transition(id=Transition.TRANSITION_DEACTIVATE)}
        assert me.call(ChangeState, "sim_node/change_state", **transition).success

        result = me.result(answer, "the answer to the reset")
        assert not result.success
        assert result.message.startswith("sim_node was deactivated before the new state")


def test_lockstep_waits_for_each_answer_and_for_nothing_else(me: Peer) -> None:
    with NodeProcess(MODULE, {"realtime": 0.0}):
        arm = Arm(me)
        arm.connect()
        stamps: list[float] = []
        times: list[float] = []  # of their arrival

        def answered() -> bool:  # slowly forth and back, each state answered by a command
            for message in arm.joints:
                stamps.append(seconds(message.header.stamp))
                times.append(time.monotonic())
                now = stamps[-1] - stamps[0]
                arm.send(PANDA.home + 0.05 * np.sin(now), time=0.1)
            arm.joints.clear()
            return len(stamps) > 600

        me.wait_for(answered, "6 s of simulated time")
        diagnostics = me.hear(DiagnosticArray, "/diagnostics")
        me.wait_for(lambda: "overruns" in diagnosis(diagnostics, "sim_node"), "diagnostics")

        assert np.diff(stamps) == pytest.approx(0.01, abs=1e-6)
        # What a busy machine takes away comes and goes; a clock that is waited for does not.
        fastest = min(np.subtract(times[20:], times[:-20]))
        assert fastest < 20 * 0.01 / 3.0


@pytest.fixture
def simulation(me: Peer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimNode]:
    """A simulation in this process, in real time, every period of which is due."""
    node = SimNode()
    node.configure()
    node.active = True
    monkeypatch.setattr(node._pacing, "ready", lambda: True)
    yield node
    node.cleanup()
    end(node)


@pytest.fixture
def pictures(simulation: SimNode, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[float]]]:
    """Stamps of the pictures, and where object and goal were when they were taken."""
    taken: list[tuple[int, list[float]]] = []

    def take(stamp: int) -> None:
        taken.append((stamp, scene(simulation)))

    monkeypatch.setattr(simulation._stage, "publish_picture", take)
    return taken


def scene(simulation: SimNode) -> list[float]:
    inside = simulation._simulation
    return [*inside.world.object_pose[0].tolist(), *inside.scene.goal.tolist()]


def answer(simulation: SimNode) -> None:
    """Command the arm to stay where it is."""
    still = JointTrajectoryPoint(positions=PANDA.home.tolist(), velocities=[0.0] * 7)
    still.time_from_start.nanosec = 10_000_000
    simulation._on_trajectory(JointTrajectory(joint_names=list(PANDA.joint_names), points=[still]))


def test_a_picture_is_taken_after_the_answer_that_would_have_to_wait_for_it(
    simulation: SimNode, pictures: list[tuple[int, list[float]]]
) -> None:
    answer(simulation)
    simulation._run()
    first = simulation._simulation.stamp
    assert not pictures
    assert simulation._after_answer.is_canceled()

    answer(simulation)
    assert not simulation._after_answer.is_canceled()
    simulation._take_picture()  # as the timer does
    assert simulation._after_answer.is_canceled()
    answer(simulation)
    assert simulation._after_answer.is_canceled()
    assert [stamp for stamp, _ in pictures] == [first]


def test_without_an_answer_it_is_taken_before_time_goes_on(
    simulation: SimNode, pictures: list[tuple[int, list[float]]]
) -> None:
    answer(simulation)
    simulation._run()
    first = simulation._simulation.stamp
    simulation._run()
    assert [stamp for stamp, _ in pictures] == [first]


def test_while_nobody_commands_the_arm_it_is_taken_at_once(
    simulation: SimNode, pictures: list[tuple[int, list[float]]]
) -> None:
    simulation._run()
    assert [stamp for stamp, _ in pictures] == [simulation._simulation.stamp]


@pytest.mark.parametrize("what", ["reset", "disturbance"])
def test_it_shows_the_world_as_it_was_at_its_stamp(
    simulation: SimNode, pictures: list[tuple[int, list[float]]], what: str
) -> None:
    answer(simulation)
    simulation._run()
    stamp, before = simulation._simulation.stamp, scene(simulation)

    if what == "reset":  # which goes on once the new state has been published
        simulation._on_reset(ResetWorld.Request(seed=7), ResetWorld.Response()).send(None)
    else:
        move = PerturbWorld.Request(kind=PerturbWorld.Request.MOVE_GOAL)
        move.vector.y = 0.03
        assert simulation._on_perturb(move, PerturbWorld.Response()).success

    assert pictures == [(stamp, before)]
    assert scene(simulation) != before


def test_none_is_taken_of_a_world_at_a_standstill(
    simulation: SimNode, pictures: list[tuple[int, list[float]]]
) -> None:
    answer(simulation)
    simulation._run()
    simulation.deactivate()
    answer(simulation)
    simulation._take_picture()
    assert not pictures


def test_the_camera_renders_for_who_listens_with_the_intrinsics_of_the_description(
    me: Peer,
) -> None:
    images, infos = me.hear(Image, "camera/image_raw"), me.hear(CameraInfo, "camera/camera_info")
    with NodeProcess(MODULE, {"camera": True}) as process:
        me.wait_for(lambda: (images and infos) or not process.running, "a picture")
        if "off-screen GL" in process.output:
            pytest.skip("no off-screen GL here")
        image, info = images[0], infos[0]
        camera = PANDA.camera
        assert (image.width, image.height, image.encoding) == (640, 480, "rgb8")
        assert image.header.frame_id == info.header.frame_id == camera.frame
        assert np.frombuffer(image.data, np.uint8).std() > 5.0
        half_angle = np.arctan(0.5 * camera.height / info.k[4])
        assert 2.0 * half_angle == pytest.approx(camera.vertical_fov)
        assert info.k[0] == info.k[4] == info.p[0] == info.p[5]
        me.wait_for(lambda: len(images) > 4, "more pictures")
        stamps = [seconds(image.header.stamp) for image in images]
        assert np.mod(np.diff(stamps) + 0.001, 0.05) == pytest.approx(0.001, abs=1e-6)
