"""An arm in this process, the arm bridge in another, and a policy that swings the tool."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from introspect_msgs.msg import GuardStatus, PolicyAction
from numpy.typing import NDArray
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from benchmarks.processes import leave
from benchmarks.sides import ROOT
from benchmarks.workloads.fault_arms import WatchedMockArm, WatchedSimulation
from introspect_control.nodes.runtime import LATCHED, STREAM, end, make_executor
from introspect_description import ArmDescription

Array = NDArray[np.float64]

ARM = "panda"
BRIDGE = "introspect_control.nodes.arm_bridge_node"
KINDS = ("simulated", "mock")
POLICY_PERIOD = 0.04  # [s]
SWING = 0.25  # of the tool, either way [m/s]
SWING_TIME = 2.0  # there and back [s]
FAST = 0.25  # joint speed from which a fault comes at a bad moment [rad/s]
STILL = 0.01  # joint speed that is standstill [rad/s]
STILL_FOR = 0.1  # so long [s]
PATIENCE = 20.0  # with whatever must happen [s]
WINDOW = 0.06  # over which accelerations are taken, as an arm's own supervision does [s]
SAMPLE = 0.002  # between two looks at the truth [s]


@dataclass
class Watch:
    """What the arm really does, from one moment on."""

    start: float  # [s of the arm's time]
    position: Array  # then (7,) [rad]
    travel: float = 0.0  # farthest of any joint since [rad]
    still_since: float | None = None  # [s of the arm's time]
    violations: int = 0  # looks at which a joint was beyond a limit
    before: deque[tuple[float, Array]] = field(default_factory=deque)  # velocities of late

    def see(self, now: float, position: Array, velocity: Array, arm: ArmDescription) -> None:
        """Take a look."""
        limits = arm.limits
        self.travel = max(self.travel, float(np.abs(position - self.position).max()))
        if np.abs(velocity).max() > STILL:
            self.still_since = None
        elif self.still_since is None:
            self.still_since = now
        self.before.append((now, velocity))
        while now - self.before[0][0] > WINDOW:
            self.before.popleft()
        then, slower = self.before[0]
        acceleration = np.zeros_like(velocity)
        if now - then > 0.8 * WINDOW:
            acceleration = (velocity - slower) / (now - then)
        beyond = (
            np.abs(acceleration) > limits.acceleration,
            (position < limits.lower) | (position > limits.upper),
            np.abs(velocity) > limits.velocity,
        )
        self.violations += sum(bool(where.any()) for where in beyond)

    def standstill(self, now: float) -> float | None:
        """Time until the arm stood still for good [s]; None while it does not."""
        if self.still_since is None or now - self.still_since < STILL_FOR:
            return None
        return max(0.0, self.still_since - self.start)


@dataclass
class Sent:
    """What the bridge has told the arm to do."""

    trajectories: int = 0
    violations: int = 0  # points beyond a limit of the envelope
    actions: list[int] = field(default_factory=list)  # sequences of those carried out


class FaultRig:
    """Runs arm and policy in this process, and the bridge in one of its own.

    Args:
        kind: of arm, "simulated" or "mock".

    Attributes:
        arm: the node that is or has it.
        guard: the bridge's latest status.
        sent: what the bridge has told the arm.
        acting: whether the policy acts.
        garble: what becomes of each of its actions on the way; None loses it.
        watch: over what the arm really does, if anybody watches.
        refusal: why the latest trajectory was refused.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.description = ArmDescription.load(ARM)
        limits = self.description.limits
        self._envelope = limits.scaled(0.5, 0.5, 500.0)
        self.arm: Any = WatchedMockArm() if kind == "mock" else WatchedSimulation()
        self.node = Node("policy")
        self._executor = make_executor()
        for node in (self.arm, self.node):
            self._executor.add_node(node)
            node.executor = self._executor
        self.arm.start()
        self.guard = GuardStatus()
        self.sent = Sent()
        self.acting = False
        self.garble: Callable[[PolicyAction], Any] = lambda action: action
        self.watch: Watch | None = None
        self._sequence = 0
        self._acted_on, self._acted_at = 0.0, 0.0  # stamp, and when [s]
        self.actions = self.node.create_publisher(PolicyAction, "policy/action", STREAM)
        controller = self.description.controller
        self.node.create_subscription(JointState, controller.state_topic, self._on_joints, STREAM)
        self.node.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)
        self.node.create_subscription(
            JointTrajectory, controller.trajectory_topic, self._on_trajectory, STREAM
        )
        self.node.create_subscription(PolicyAction, "policy/action_sent", self._on_sent, STREAM)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.node.create_timer(SAMPLE, self._look, clock=steady)
        self._clients: dict[str, Any] = {}
        self.refusal = ""
        self.second: Any = None
        self._busy: list[subprocess.Popen[bytes]] = []
        self.start_bridge()

    # What can be done to it.

    def start_bridge(self, armed: bool = True) -> None:
        """Start the arm bridge, and wait until it is ready; unarmed as on a real arm."""
        command = [sys.executable, "-m", BRIDGE, "--ros-args", "-p", f"arm:={ARM}"]
        command += ["-p", f"armed:={str(armed).lower()}"]
        if self.kind == "simulated":
            command += ["-p", "use_sim_time:=true"]
        self.bridge = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.guard = GuardStatus(reason="not heard of yet")
        ready = "" if armed else "not armed yet"
        self.wait(lambda: self.guard.reason[:13] == ready, "a bridge without complaints")

    def end_bridge(self, number: int) -> None:
        """Send the bridge a signal that ends it."""
        self.bridge.send_signal(number)

    def pause(self, on: bool) -> None:
        """Let simulated time stand still, or go on."""
        self.arm.trigger_deactivate() if on else self.arm.trigger_activate()

    def teleport(self) -> None:
        """Put the simulated arm back to where it started."""
        self.arm.start_over()

    def starve(self, processes: int) -> None:
        """Keep the processor busy with so many processes."""
        for process in self._busy:
            process.kill()
            process.wait()
        self._busy = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
        ]

    # Time.

    def run(self, seconds: float) -> None:
        """Let time go by."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.01)

    def wait(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Let time go by until a condition holds.

        Raises:
            TimeoutError: It does not.
        """
        deadline = time.monotonic() + patience
        while not condition():
            self._executor.spin_once(timeout_sec=0.01)
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{what} did not come within {patience:.0f} s; the guard: "
                    f"{self.guard.state} {self.guard.reason}"
                )

    def call(self, service: str, kind: Any = Trigger, **request: Any) -> Any:
        """Call a service of the bridge or of the arm."""
        client = self._clients.get(service)
        if client is None:
            client = self._clients[service] = self.node.create_client(kind, service)
        self.wait(client.service_is_ready, service)
        future = client.call_async(kind.Request(**request))
        self.wait(future.done, f"an answer of {service}")
        return future.result()

    # The policy.

    def start_moving(self) -> bool:
        """Act until the arm swings at full speed; returns whether it does."""
        self.acting = True
        self.wait(lambda: self.guard.state == GuardStatus.ACTIVE, "ACTIVE")
        self.run(0.5)
        failed = (GuardStatus.FAULT, GuardStatus.STOPPING)
        self.wait(lambda: self._at_speed() or self.guard.state in failed, f"{FAST} rad/s")
        return self.guard.state == GuardStatus.ACTIVE

    def begin_watch(self) -> Watch:
        """Watch what the arm really does from now on."""
        now, position, _ = self.arm.truth
        self.watch = Watch(now, position)
        return self.watch

    def _at_speed(self) -> bool:
        _, _, velocity = self.arm.truth
        return bool(np.abs(velocity).max() > FAST)

    def _is_due(self, stamp: float) -> bool:
        """A policy period begins with joint states that are a period younger, as in the graph."""
        if stamp == 0.0:
            return time.monotonic() - self._acted_at > POLICY_PERIOD - 0.001
        return abs(stamp - self._acted_on) > POLICY_PERIOD - 0.001

    def _act(self, stamp: Time) -> None:
        message = PolicyAction(episode=1, sequence=self._sequence, gripper_width=0.08)
        message.header.stamp = stamp
        phase = 2.0 * np.pi * self._sequence * POLICY_PERIOD / SWING_TIME
        message.twist.linear.y = SWING * float(np.cos(phase))
        self._sequence += 1
        garbled = self.garble(message)
        if garbled is not None:
            self.actions.publish(garbled)

    # What is heard.

    def _on_joints(self, message: JointState) -> None:
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        if self.acting and self._is_due(stamp):
            self._acted_on, self._acted_at = stamp, time.monotonic()
            self._act(message.header.stamp)

    def _on_guard(self, message: GuardStatus) -> None:
        self.guard = message

    def _on_sent(self, message: PolicyAction) -> None:
        self.sent.actions.append(message.sequence)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        sent, envelope = self.sent, self._envelope
        sent.trajectories += 1
        positions = np.array([point.positions for point in message.points])
        velocities = np.array([point.velocities for point in message.points])
        outside = (positions < envelope.lower - 1e-6) | (positions > envelope.upper + 1e-6)
        fast = np.abs(velocities) > envelope.velocity * (1.0 + 1e-6)
        if not np.isfinite(positions).all() or outside.any() or fast.any():
            sent.violations += 1

    def _look(self) -> None:
        if self.watch is not None:
            self.watch.see(*self.arm.truth, self.description)

    def close(self) -> None:
        """Free everything."""
        self.starve(0)
        leave([self.bridge])
        self.arm.close()
        end(self.node)
        end(self.arm)
