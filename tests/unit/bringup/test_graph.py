"""The graph of the simulated system, and the rules of its launch arguments."""

from __future__ import annotations

import pytest

from introspect.errors import UsageError
from introspect.graph import GRAPHS, REAL, SIM, find_graph
from introspect.specification import (
    AnyOf,
    Argument,
    FromArgument,
    Graph,
    NodeSpec,
    OnExit,
    When,
    absolute_namespace,
)

COMMON = (Argument("namespace", "", "names"), Argument("log_level", "info", "messages"))


def names(**given: str) -> list[str]:
    return [node.name for node in SIM.chosen(SIM.resolve(given))]


def test_the_simulated_system_starts_the_control_path_the_policy_and_the_page() -> None:
    assert names() == [
        "sim_node",
        "state_publisher_node",
        "arm_bridge_node",
        "behaviour_node",
        "choreographer_node",
        "internal_state_node",
        "task_node",
        "dashboard_node",
    ]


def test_conditions_add_and_remove_nodes() -> None:
    assert "dashboard_node" not in names(view="false")
    assert "internal_state_node" not in names(internal_states="false")
    assert "choreographer_node" in names(internal_states="false")
    assert "rviz" in names(rviz="true")
    assert "capture_node" not in names()
    assert "capture_node" in names(capture="bags/first")
    assert names(policy="none", view="false") == [
        "sim_node",
        "state_publisher_node",
        "arm_bridge_node",
    ]


def test_only_watchers_may_end_without_ending_the_run() -> None:
    policies = {node.name: node.on_exit for node in SIM.nodes}
    assert policies.pop("dashboard_node") is OnExit.REPORT
    assert policies.pop("rviz") is OnExit.REPORT
    assert policies.pop("capture_node") is OnExit.REPORT
    assert policies.pop("internal_state_node") is OnExit.REPORT
    assert policies.pop("task_node") is OnExit.FINISH
    assert set(policies.values()) == {OnExit.FAIL}


def test_every_node_follows_simulated_time_but_its_maker_and_those_that_need_no_clock() -> None:
    followers = {node.name for node in SIM.nodes if node.parameters.get("use_sim_time")}
    without = {"sim_node", "choreographer_node", "internal_state_node", "task_node"}
    without |= {"capture_node"}
    assert followers == {node.name for node in SIM.nodes} - without


def test_arguments_reach_the_parameters_with_their_types() -> None:
    values = SIM.resolve({"realtime": "0", "seed": "7", "camera": "true"})
    sim_node = SIM.nodes[0]
    assert sim_node.parameter_values(values) == {
        "arm": "panda",
        "backend": "mujoco",
        "task": "pick_and_place",
        "seed": 7,
        "realtime": 0.0,
        "camera": True,
    }
    assert isinstance(sim_node.parameter_values(values)["realtime"], float)


def test_a_misspelt_argument_is_named_with_the_nearest_one() -> None:
    with pytest.raises(
        UsageError, match=r"graph sim has no argument 'backnd'\. Did you mean 'backend'\?"
    ):
        SIM.resolve({"backnd": "mujoco"})


def test_a_misspelt_value_is_named_with_the_nearest_one_and_all_allowed_ones() -> None:
    with pytest.raises(UsageError) as refusal:
        SIM.resolve({"backend": "pybulet"})
    assert str(refusal.value) == (
        "backend:=pybulet is not allowed. Did you mean 'pybullet'? Allowed: mujoco, pybullet."
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("seed", "-1", "a whole number, 0 or more"),
        ("seed", "1.5", "a whole number, 0 or more"),
        ("episodes", "many", "a whole number, 0 or more"),
        ("realtime", "nan", "a number, 0 to 20"),
        ("realtime", "inf", "a number, 0 to 20"),
        ("realtime", "fast", "a number, 0 to 20"),
        ("realtime", "-1", "a number, 0 to 20"),
        ("realtime", "20.1", "a number, 0 to 20"),
        ("camera", "yes", "true, false"),
        ("retry_above", "1.1", "a number, 0 to 1"),
        ("on_alarm", "brake", "none, slow, stop"),
        ("port", "80", "a whole number, 1024 to 65535"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        SIM.resolve({name: value})
    assert str(refusal.value) == f"{name}:={value} is not allowed. Allowed: {allowed}."


@pytest.mark.parametrize("namespace", ["1arm", "my arm", "a//b", "a/", "a-b", "~a"])
def test_a_namespace_that_ros_would_refuse_is_refused_before_any_node_starts(
    namespace: str,
) -> None:
    with pytest.raises(UsageError, match="namespace:="):
        SIM.resolve({"namespace": namespace})


@pytest.mark.parametrize(
    ("given", "absolute"), [("", "/"), ("left", "/left"), ("/left", "/left"), ("a/b", "/a/b")]
)
def test_a_namespace_is_made_absolute(given: str, absolute: str) -> None:
    assert absolute_namespace(str(SIM.resolve({"namespace": given})["namespace"])) == absolute


def test_an_unknown_graph_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"no graph 'simm'\. Did you mean 'sim'\? Graphs: sim"):
        find_graph("simm")
    assert all(find_graph(name) is graph for name, graph in GRAPHS.items())


def test_a_graph_that_refers_to_an_argument_it_lacks_cannot_be_made() -> None:
    node = NodeSpec("p", "e", "n", parameters={"speed": FromArgument("speed")})
    with pytest.raises(ValueError, match="graph g: no argument speed"):
        Graph("g", "", COMMON, (node,))
    with pytest.raises(ValueError, match="graph g: no argument log_level"):
        Graph("g", "", COMMON[:1], (NodeSpec("p", "e", "n"),))
    with pytest.raises(ValueError, match="graph g: no argument extra"):
        Graph("g", "", COMMON, (NodeSpec("p", "e", "n", condition=When("extra")),))
    both = When("namespace", "", also=When("extra"))
    with pytest.raises(ValueError, match="graph g: no argument extra"):
        Graph("g", "", COMMON, (NodeSpec("p", "e", "n", condition=both),))


def test_a_graph_with_one_name_twice_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="graph g: node n comes twice"):
        Graph("g", "", COMMON, (NodeSpec("p", "e", "n"), NodeSpec("p", "f", "n")))


def test_a_default_that_the_argument_itself_refuses_cannot_be_declared() -> None:
    with pytest.raises(UsageError, match="mode:=slow is not allowed"):
        Argument("mode", "slow", "", choices=("fast", "faster"))


def test_the_parameters_of_a_node_cannot_be_changed_afterwards() -> None:
    with pytest.raises(TypeError):
        SIM.nodes[0].parameters["backend"] = "other"  # type: ignore[index]


def test_a_parameter_can_be_true_for_any_of_several_arguments() -> None:
    arguments = (
        *COMMON,
        Argument("mock", "false", "mock", type=bool),
        Argument("armed", "false", "armed", type=bool),
    )
    node = NodeSpec("p", "e", "n", parameters={"armed": AnyOf((When("armed"), When("mock")))})
    graph = Graph("g", "s", arguments, (node,))

    for given in ({}, {"mock": "true"}, {"armed": "true"}, {"mock": "true", "armed": "true"}):
        assert node.parameter_values(graph.resolve(given)) == {"armed": bool(given)}
    with pytest.raises(ValueError, match="no argument armed, mock"):
        Graph("g", "s", COMMON, (node,))


@pytest.mark.parametrize(
    ("given", "armed", "again"),
    [
        ({}, False, False),
        ({"mock": "true"}, True, True),
        ({"mock": "true", "armed": "false"}, False, False),
        ({"armed": "true"}, True, False),
    ],
)
def test_only_the_mock_arm_is_armed_by_itself_and_not_where_that_is_to_be_rehearsed(
    given: dict[str, str], armed: bool, again: bool
) -> None:
    values = REAL.resolve({"arm": "fr3"} | given)
    nodes = {node.name: node.parameter_values(values) for node in REAL.nodes}
    assert nodes["arm_bridge_node"]["armed"] is armed
    assert nodes["task_node"]["rearm"] is again
