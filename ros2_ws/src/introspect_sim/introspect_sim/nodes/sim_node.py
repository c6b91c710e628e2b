"""A simulated arm on the topics of a real one."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from introspect_msgs.msg import Activations, GripperCommand, PolicyAction
from introspect_msgs.srv import PerturbWorld, ResetWorld
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes.bridge_messages import unpack_trajectory
from introspect_control.nodes.runtime import (
    STREAM,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)
from introspect_sim.commands import CommandError
from introspect_sim.nodes.disturbances import disturb
from introspect_sim.nodes.stage import Stage
from introspect_sim.nodes.state_messages import StatePublisher
from introspect_sim.pacing import Lockstep, RealTime, make_pacing
from introspect_sim.response_times import ResponseTimes
from introspect_sim.simulation import Simulation
from introspect_sim.task_scene import SimulationError
from introspect_sim.worlds import WORLDS, make_world

ANSWERING = 0.1  # without a trajectory, after which none is waited for with a picture [s]
REST_OF_ANSWER = 0.0005  # in which what belongs to a trajectory arrives, too [s]


@dataclass(frozen=True)
class SimParameters(NodeParameters):
    """What is simulated, and how fast."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    backend: str = parameter("mujoco", "physics engine", choices=WORLDS)
    task: str = parameter("pick_and_place", "task whose starts reset_world draws")
    seed: int = parameter(0, "of the first start, and of those drawn later", minimum=0)
    realtime: float = parameter(
        1.0,
        "simulated seconds in one second; 0: as fast as it goes, in step with who commands the arm",
        minimum=0.0,
        maximum=20.0,
    )
    camera: bool = parameter(False, "publish the camera while somebody listens")


class SimNode(ManagedNode[SimParameters]):
    """Publishes the state of a simulated arm at the controller's rate and takes its commands."""

    def __init__(self) -> None:
        super().__init__("sim_node", SimParameters)

    def configure(self) -> None:
        """Make the world, its controller, and everything that talks about them."""
        parameters = self.parameters
        self._stage = stage = Stage(self, parameters, lambda arm, name: make_world(name, arm))
        self._arm = arm = stage.arm
        period = 1.0 / arm.controller.rate
        with stage.cleared_if_refused():
            self._simulation = Simulation(stage.world, stage.task, parameters.seed, period)
        self._pacing = make_pacing(period, parameters.realtime)
        self._loop = self.diagnostics.time_loop("period", getattr(self._pacing, "interval", 0.0))
        self.diagnostics.before_publishing(self._report)
        self._reported: tuple[int, int] | None = None
        self._reported_overruns = 0
        # Of trajectories to all states, of trajectories to those acted on, and of actions.
        self.responses = {name: ResponseTimes() for name in ("trajectory", "command", "action")}
        self._waiting_for_state: list[Future[str]] = []
        self._trajectory_at = 0.0  # arrival of the latest trajectory [s]
        self._unpictured: int | None = None  # stamp of a state that may want a picture
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._after_answer = self.create_timer(REST_OF_ANSWER, self._take_picture, clock=steady)
        self._after_answer.cancel()
        self._states = StatePublisher(self, arm)
        self.create_subscription(
            JointTrajectory, arm.controller.trajectory_topic, self._on_trajectory, STREAM
        )
        self.create_subscription(
            GripperCommand, arm.gripper.command_topic, self._on_gripper, STREAM
        )
        self.create_subscription(PolicyAction, "policy/action", self._on_action, STREAM)
        self.create_subscription(PolicyAction, "policy/action_sent", self._on_action_sent, STREAM)
        if isinstance(self._pacing, Lockstep):
            self.create_subscription(Activations, "activations", self._on_activations, STREAM)
        self.create_service(ResetWorld, "reset_world", self._on_reset)
        self.create_service(PerturbWorld, "perturb_world", self._on_perturb)

    def activate(self) -> None:
        """Let time go by."""
        # Twice as often as needed, so that a late period is caught up with gently.
        paced = isinstance(self._pacing, RealTime)
        interval = max(0.0005, 0.5 * self._pacing.interval) if paced else 0.001
        self.create_timer(interval, self._run, clock=Clock(clock_type=ClockType.STEADY_TIME))
        speed = f"{self.parameters.realtime:g} x real time" if paced else "as fast as it goes"
        self.get_logger().info(
            f"{self._arm.name} in {self.parameters.backend}, {self.parameters.task}, {speed}"
        )

    def deactivate(self) -> None:
        """Let time stand still, and keep nobody waiting for it."""
        self._unpictured = None
        self._answer_resets("sim_node was deactivated before the new state could be published")

    def cleanup(self) -> None:
        """Free the world."""
        self._stage.close()

    def _run(self) -> None:
        if not self._pacing.ready():
            return
        self._take_picture()
        with self._loop:
            state = self._simulation.advance()
            self._pacing.published(state.stamp)
            for times in self.responses.values():
                times.published(state.stamp)
            self._states.publish(state)
        self._answer_resets()
        self._unpictured = state.stamp
        answered = time.perf_counter() - self._trajectory_at < ANSWERING
        # In lockstep time stands still until the answer has been read, however late.
        if isinstance(self._pacing, Lockstep) or not answered:
            self._take_picture()

    def _take_picture(self) -> None:
        """Of the latest state, once, while the world is still in it.

        In real time after its answer, which would have to wait to be read meanwhile.
        """
        self._after_answer.cancel()
        stamp, self._unpictured = self._unpictured, None
        if stamp is not None:
            self._stage.publish_picture(stamp)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        try:
            moving = self._simulation.controller.follow(*unpack_trajectory(message))
        except CommandError as error:
            self.diagnostics.count("trajectories refused")
            self.get_logger().error(str(error), throttle_duration_sec=1.0)
            return
        self._trajectory_at = time.perf_counter()
        self.responses["trajectory"].answered(self._simulation.stamp)
        self._pacing.commanded(moving)
        if self._unpictured is not None:
            self._after_answer.reset()
        self._run_on()

    def _on_gripper(self, message: GripperCommand) -> None:
        try:
            self._simulation.controller.move_gripper(message.width)
        except CommandError as error:
            self.diagnostics.count("gripper commands refused")
            self.get_logger().error(str(error), throttle_duration_sec=1.0)

    def _on_action(self, message: PolicyAction) -> None:
        stamp = _nanoseconds(message.header.stamp)
        self.responses["action"].answered(stamp)
        self._pacing.acted(stamp, message.mode == PolicyAction.MOVE)
        self._run_on()

    def _on_action_sent(self, message: PolicyAction) -> None:
        """The trajectory before it, from the same publisher, carries this action out."""
        stamp = _nanoseconds(message.header.stamp)
        self.responses["command"].answered(stamp, self._trajectory_at)

    def _on_activations(self, message: Activations) -> None:
        self._pacing.observed(_nanoseconds(message.header.stamp))

    def _run_on(self) -> None:
        """Lockstep goes on with the answer, not with the next tick of the timer."""
        if self.active and isinstance(self._pacing, Lockstep):
            self._run()

    async def _on_reset(
        self, request: ResetWorld.Request, response: ResetWorld.Response
    ) -> ResetWorld.Response:
        """Reset, and answer once the new state has been published."""
        self._take_picture()
        try:
            response.message = self._simulation.reset(request.seed)
        except SimulationError as error:
            response.message = str(error)
            return response
        problem = ""
        if self.active:
            future: Future[str] = Future()
            self._waiting_for_state.append(future)
            problem = await future
        response.success, response.message = not problem, problem or response.message
        return response

    def _answer_resets(self, problem: str = "") -> None:
        """End the wait for the state after a reset; with a problem, as a failure."""
        waiting, self._waiting_for_state = self._waiting_for_state, []
        for future in waiting:
            future.set_result(problem)

    def _on_perturb(
        self, request: PerturbWorld.Request, response: PerturbWorld.Response
    ) -> PerturbWorld.Response:
        self._take_picture()
        disturb(self._simulation.scene, self._simulation.drop_object, request, response)
        if response.success:
            self.get_logger().info(response.message)
        return response

    def _report(self) -> None:
        """Show the speed over the last second of wall time."""
        now, stamp = self.get_clock().now().nanoseconds, self._simulation.stamp
        if self._reported is not None and now > self._reported[0]:
            factor = (stamp - self._reported[1]) / (now - self._reported[0])
            self.diagnostics.set("real-time factor", float(factor))
        self._reported = (now, stamp)
        self.diagnostics.set("simulated time [s]", 1e-9 * stamp)
        overruns = self._pacing.overruns
        self.diagnostics.set("overruns", overruns)
        if overruns > self._reported_overruns:
            late = overruns - self._reported_overruns
            self.diagnostics.warn(f"{late} periods came late: machine or policy too slow")
        else:
            self.diagnostics.ok()
        self._reported_overruns = overruns
        self.diagnostics.set("diverged", self._simulation.faults)
        for name, times in self.responses.items():
            for key, seconds in times.percentiles().items():
                self.diagnostics.set(f"{name} after state {key} [ms]", 1e3 * seconds)


def _nanoseconds(stamp: Time) -> int:
    return 1_000_000_000 * stamp.sec + stamp.nanosec


def main() -> None:
    """Run the node."""
    sys.exit(spin(SimNode))


if __name__ == "__main__":
    main()
