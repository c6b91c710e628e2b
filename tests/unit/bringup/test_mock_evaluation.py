"""Episodes on the mock arm are counted from what the run says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from introspect.errors import IntrospectError
from introspect.graph import REAL
from introspect.mock_evaluation import MockEvaluation, evaluate_on_mock_arm, read_episodes
from introspect_learning.models import policy_hash, shipped

SAID = [
    "[introspect] real: 7 nodes in ROS domain 0, namespace /; Ctrl-C stops all\n",
    "[arm_bridge_node] [INFO] ACTIVE\n",
    "[task_node] episode 1 of 3 (seed 7): succeeded in 2.32 s (58 steps), 0.6 cm from the goal\n",
    "[task_node] episode 2 of 3 (seed 8): failed in 4.00 s (100 steps), 20.0 cm away: late\n",
    "[task_node] episode 3 of 3 (seed 9): succeeded in 1.00 s (25 steps), 1.0 cm from the goal\n",
    "[task_node] 2 of 3 succeeded (66.7 %), mean 1.7 s\n",
]


def test_each_episode_is_counted_once_with_its_steps() -> None:
    heard: list[tuple[float, str]] = []

    assert read_episodes(SAID, 3, lambda done, text: heard.append((done, text))) == [58, None, 25]
    assert heard[-1] == (1.0, "mock arm: 2 of 3")


def test_a_run_that_ends_early_is_an_error_with_its_last_words() -> None:
    with pytest.raises(IntrospectError, match=r"ended after 2 of 3 episodes: .*ACTIVE .*20\.0 cm"):
        read_episodes(SAID[:4], 3, lambda done, text: None)


TELLS_FOREVER = """
import time
print("episode 1 of 3 (seed 7): succeeded in 2.32 s (58 steps)", flush=True)
while True:
    print("waiting for guard/status", flush=True)
    time.sleep(0.02)
"""


@pytest.mark.parametrize(
    ("program", "patience", "problem"),
    [
        ("import time; time.sleep(60)", 0.5, "for 0.5 s, after 0 of 3: it said nothing"),
        (TELLS_FOREVER, 3.0, "for 3 s, after 1 of 3: waiting for .* waiting for guard/status"),
    ],
    ids=["silent", "waiting"],
)
def test_a_run_without_a_new_episode_is_given_up_with_its_last_words(
    program: str, patience: float, problem: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            with pytest.raises(IntrospectError, match=f"no new episode {problem}"):
                read_episodes(process.stdout, 3, lambda done, text: None, patience)
        finally:
            process.kill()


def test_the_result_names_the_policy_that_was_run_even_if_the_folder_changes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "model"
    shutil.copytree(shipped(), policy)
    digest = policy_hash(policy)
    said = tmp_path / "said.txt"
    said.write_text("".join(SAID))
    graph = tmp_path / "graph"
    graph.write_text(f"#!/bin/sh\nrm -r '{policy}'\ncat '{said}'\nexec sleep 60\n")
    graph.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(graph))

    result = evaluate_on_mock_arm(policy, MockEvaluation(episodes=3))

    assert result["model"] == digest
    assert (result["value"], result["median_steps"]) == (pytest.approx(2 / 3), 41.5)


def test_its_launch_arguments_are_ones_that_the_graph_has(tmp_path: Path) -> None:
    given = MockEvaluation(episodes=5, arm="fr3").launch_arguments(tmp_path)

    values = REAL.resolve(dict(word.split(":=", 1) for word in given))

    assert values["mock"] is True
    assert values["episodes"] == 5
    assert not REAL.moves_hardware(values)


@pytest.mark.parametrize(
    ("given", "problem"),
    [({"episodes": 0}, "episodes must be at least 1, got 0"), ({"seed": -1}, "seed must not be")],
)
def test_what_cannot_be_evaluated_is_refused(given: dict[str, int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        MockEvaluation(**given)  # type: ignore[arg-type]
