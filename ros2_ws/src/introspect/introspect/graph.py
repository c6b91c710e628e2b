"""Which nodes each system has, with which parameters: the one place where that is written.

``launch/*.launch.py`` turn a graph into ``launch_ros`` actions (``introspect.ros_launch``);
``introspect launch`` starts the very same graph where ROS 2's launch is not installed
(``introspect.runner``).
"""

from __future__ import annotations

from introspect.errors import UsageError, did_you_mean
from introspect.specification import (
    AnyOf,
    Argument,
    FromArgument,
    Graph,
    NodeSpec,
    OnExit,
    Parameters,
    ShareFile,
    When,
)

ENVIRONMENT = {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",  # other machines are asked for, never by accident
    "OMP_NUM_THREADS": "1",  # small networks: more threads only wait for each other
}
"""Variables that every node gets unless the user has set them."""

GRACE = 1.5
"""Time between the death of a critical node and the end of the run [s]: the arm comes to rest."""


def _from_arguments(*names: str) -> Parameters:
    """Parameters that take the launch arguments of the same names."""
    return {name: FromArgument(name) for name in names}


_ARM = _from_arguments("arm")
_SIMULATED_TIME: Parameters = {"use_sim_time": True}
# Not for nodes that act on messages alone: following /clock is half of a small node's work.
_POLICY = When("policy", "bbrl")
_NAMESPACE = Argument("namespace", "", "namespace of all nodes and topics")
_LOG_LEVEL = Argument(
    "log_level",
    "info",
    "least severe messages to print",
    choices=("debug", "info", "warn", "error", "fatal"),
)
_ARM_NAME = Argument("arm", "panda", "arm, by the name of its data file")

_BACKEND = Argument("backend", "mujoco", "physics engine", choices=("mujoco", "pybullet"))
_SEED = Argument("seed", "0", "seed of the first episode", type=int, minimum=0)
_CAMERA = Argument("camera", "false", "render the camera", type=bool)
_WHAT_IT_DOES = (
    Argument("task", "pick_and_place", "what the arm does", choices=("pick_and_place",)),
    Argument(
        "policy",
        "bbrl",
        "what drives the arm: behaviours with a choreographer, or nothing of ours",
        choices=("bbrl", "none"),
    ),
    Argument("model", "", "folder of the policy's model; empty: the shipped one"),
    Argument("internal_states", "true", "tell what goes on inside the policy", type=bool),
    Argument(
        "on_alarm",
        "none",
        "what a disturbance alarm does to the arm",
        choices=("none", "slow", "stop"),
    ),
    Argument(
        "retry_above",
        "0.0",
        "probability of failure above which an attempt is started over; 0: never",
        type=float,
        minimum=0.0,
        maximum=1.0,
    ),
)
_WHAT_IS_SEEN = (
    Argument("view", "true", "serve a page to watch in the browser", type=bool),
    Argument(
        "port",
        "8080",
        "port of that page, or the next free one",
        type=int,
        minimum=1024,
        maximum=65535,
    ),
    Argument("rviz", "false", "open RViz (full ROS 2 installations)", type=bool),
    Argument("capture", "", "folder of a new bag to record into; empty: none"),
    _NAMESPACE,
    _LOG_LEVEL,
)


def _policy_nodes(observing: Parameters) -> tuple[NodeSpec, ...]:
    """What drives the arm; the same in simulation and on an arm."""
    return (
        NodeSpec(
            package="introspect_learning",
            executable="behaviour_node",
            name="behaviour_node",
            parameters=_ARM | observing | _from_arguments("model"),
            condition=_POLICY,
        ),
        NodeSpec(
            package="introspect_learning",
            executable="choreographer_node",
            name="choreographer_node",
            parameters=_ARM | _from_arguments("model", "retry_above"),
            condition=_POLICY,
        ),
        NodeSpec(
            package="introspect_learning",
            executable="internal_state_node",
            name="internal_state_node",
            parameters=_from_arguments("model"),
            condition=When("internal_states", also=_POLICY),
            on_exit=OnExit.REPORT,
        ),
    )


def _watching_nodes(time: Parameters) -> tuple[NodeSpec, ...]:
    """What only looks; the run goes on without it."""
    return (
        NodeSpec(
            package="introspect",
            executable="dashboard_node",
            name="dashboard_node",
            parameters=_ARM | time | _from_arguments("port"),
            condition=When("view"),
            on_exit=OnExit.REPORT,
        ),
        NodeSpec(
            package="introspect_control",
            executable="capture_node",
            name="capture_node",
            parameters=_ARM | {"bag": FromArgument("capture"), "images": FromArgument("camera")},
            condition=When("capture", "", negated=True),
            on_exit=OnExit.REPORT,
        ),
        NodeSpec(
            package="rviz2",
            executable="rviz2",
            name="rviz",
            parameters=time,
            arguments=("-d", ShareFile("introspect_description", "urdf/introspect.rviz")),
            condition=When("rviz"),
            on_exit=OnExit.REPORT,
        ),
    )


SIM = Graph(
    name="sim",
    summary="A simulated arm that a learned policy drives, with a page to watch it.",
    arguments=(
        _BACKEND,
        _ARM_NAME,
        *_WHAT_IT_DOES,
        Argument("episodes", "0", "number of episodes; 0: until stopped", type=int, minimum=0),
        _SEED,
        Argument(
            "realtime",
            "1.0",
            "speed of simulated time against real time, at most; 0: as fast as it goes",
            type=float,
            minimum=0.0,
            maximum=20.0,
        ),
        _CAMERA,
        *_WHAT_IS_SEEN,
    ),
    nodes=(
        NodeSpec(
            package="introspect_sim",
            executable="sim_node",
            name="sim_node",
            parameters=_ARM | _from_arguments("backend", "task", "seed", "realtime", "camera"),
        ),
        NodeSpec(
            package="introspect_control",
            executable="state_publisher_node",
            name="state_publisher_node",
            parameters=_ARM | _SIMULATED_TIME,
        ),
        NodeSpec(
            package="introspect_control",
            executable="arm_bridge_node",
            name="arm_bridge_node",
            parameters=_ARM | _SIMULATED_TIME | _from_arguments("on_alarm"),
        ),
        *_policy_nodes(_SIMULATED_TIME),
        NodeSpec(
            package="introspect_sim",
            executable="task_node",
            name="task_node",
            parameters=_ARM | _from_arguments("task", "episodes", "seed", "view"),
            condition=_POLICY,
            on_exit=OnExit.FINISH,
        ),
        *_watching_nodes(_SIMULATED_TIME),
    ),
)

_MOCK = When("mock")
_ARMED = AnyOf((When("armed", "true"), When("armed", "auto", also=_MOCK)))
_ARMED_AGAIN = When("mock", also=When("armed", "false", negated=True))
_DIRECT = When("driver", "ros2_control", negated=True)
_REAL_GRIPPER = When(
    "gripper", "driver", also=When("driver", "ros2_control", also=When("mock", False))
)
_AT_SPEED: Parameters = {
    "velocity_scale": FromArgument("speed"),
    "acceleration_scale": FromArgument("speed"),
}
REAL = Graph(
    name="real",
    summary="A real arm that a learned policy drives, or the mock arm in its place.",
    arguments=(
        _ARM_NAME,
        Argument("mock", "false", "a mock arm in the place of the real one", type=bool),
        Argument(
            "armed",
            "auto",
            "follow commands without waiting for guard/rearm; auto: the mock arm does",
            choices=("auto", "true", "false"),
        ),
        Argument(
            "speed",
            "0.1",
            "share of the joints' speed and acceleration in use: a first run is a slow one",
            type=float,
            minimum=0.01,
            maximum=1.0,
        ),
        *_WHAT_IT_DOES,
        Argument("episodes", "1", "number of episodes; 0: until stopped", type=int, minimum=0),
        Argument(
            "timeout", "60.0", "longest episode [s]; 0: the task's own", type=float, minimum=0.0
        ),
        Argument(
            "driver",
            "ros2_control",
            "who talks to the arm: its ROS 2 driver, started beforehand, or one of ours",
            choices=("ros2_control", "auto", "franky", "panda", "xarm"),
        ),
        Argument(
            "gripper",
            "driver",
            "who moves the gripper: the arm's ROS 2 driver, or whoever listens to gripper/command",
            choices=("driver", "topic"),
        ),
        Argument("address", "", "network address of the arm, for a driver of ours"),
        Argument(
            "planner",
            "builtin",
            "who finds ways around obstacles: OMPL, or MoveIt where ROS 2 has it",
            choices=("builtin", "moveit"),
        ),
        Argument("poses", "poses.yaml", "file of taught poses, which may not be there yet"),
        Argument(
            "objects",
            "topic",
            "who tells where object and goal are: somebody on object_pose, or tags in the image",
            choices=("topic", "tags"),
        ),
        Argument("camera_pose", "", "file of the camera's calibration, for objects:=tags"),
        Argument(
            "camera_file",
            "",
            "file of the camera's intrinsics, for objects:=tags; empty: as its driver tells them",
        ),
        Argument(
            "tags", "", "file of objects and tags, for objects:=tags; empty: a cube and a goal"
        ),
        _BACKEND,
        _SEED,
        Argument("faults", "", "what goes wrong in the mock arm, and when: a YAML file"),
        _CAMERA,
        *_WHAT_IS_SEEN,
    ),
    nodes=(
        NodeSpec(
            package="introspect_sim",
            executable="mock_arm_node",
            name="mock_arm_node",
            parameters=_ARM | _from_arguments("backend", "seed", "camera", "faults"),
            condition=_MOCK,
        ),
        NodeSpec(
            package="introspect_control",
            executable="driver_node",
            name="driver_node",
            parameters=_ARM | _from_arguments("driver", "address"),
            condition=_DIRECT,
        ),
        NodeSpec(
            package="introspect_control",
            executable="state_publisher_node",
            name="state_publisher_node",
            parameters=_ARM,
            condition=AnyOf((_MOCK, _DIRECT)),  # a ROS 2 driver brings its own
        ),
        NodeSpec(
            package="introspect_control",
            executable="arm_bridge_node",
            name="arm_bridge_node",
            parameters=_ARM
            | _from_arguments("on_alarm")
            | _AT_SPEED
            | {"armed": _ARMED, "real_gripper": _REAL_GRIPPER},
        ),
        NodeSpec(
            package="introspect_control",
            executable="planner_node",
            name="planner_node",
            parameters=_ARM
            | _from_arguments("poses")
            | _AT_SPEED
            | {"speed": 1.0, "backend": FromArgument("planner")},
        ),
        NodeSpec(
            package="introspect_control",
            executable="object_pose_node",
            name="object_pose_node",
            parameters=_ARM
            | _from_arguments("camera_pose", "camera_file")
            | {"objects": FromArgument("tags")},
            condition=When("objects", "tags"),
        ),
        *_policy_nodes({"real_gripper": _REAL_GRIPPER}),
        NodeSpec(
            package="introspect_sim",
            executable="task_node",
            name="task_node",
            parameters=_ARM
            | _from_arguments("task", "episodes", "seed", "timeout", "view")
            | {"reset": FromArgument("mock"), "rearm": _ARMED_AGAIN, "home": True},
            condition=_POLICY,
            on_exit=OnExit.FINISH,
        ),
        *_watching_nodes({}),
    ),
    hardware=When("mock", False),
)

CAPTURE = Graph(
    name="capture",
    summary="A recorder beside a system that runs already.",
    arguments=(
        _ARM_NAME,
        Argument("capture", "", "folder of a new bag; empty: record when capture/start asks"),
        Argument("images", "false", "record the camera, too", type=bool),
        _NAMESPACE,
        _LOG_LEVEL,
    ),
    nodes=(
        NodeSpec(
            package="introspect_control",
            executable="capture_node",
            name="capture_node",
            parameters=_ARM | _from_arguments("images") | {"bag": FromArgument("capture")},
            on_exit=OnExit.FINISH,
        ),
    ),
    beside=True,
)

GRAPHS = {graph.name: graph for graph in (SIM, REAL, CAPTURE)}
"""Every graph by its name."""


def find_graph(name: str) -> Graph:
    """The graph of this name.

    Raises:
        UsageError: if there is none, listing those that there are.
    """
    if name not in GRAPHS:
        hint = did_you_mean(name, GRAPHS)
        raise UsageError(f"there is no graph '{name}'.{hint} Graphs: {', '.join(GRAPHS)}.")
    return GRAPHS[name]
