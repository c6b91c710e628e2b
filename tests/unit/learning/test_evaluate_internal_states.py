"""What the internal states know is scored against what was so, on fresh episodes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from introspect.cli import main
from introspect_learning.evaluation import internal_states as scoring
from introspect_learning.evaluation.internal_states import (
    StatesEvaluationConfig,
    Watched,
    evaluate_internal_states,
)
from introspect_learning.models import shipped

N, STEPS = 60, 100


def watched(disturbed: bool, seeing: bool) -> Watched:
    """Episodes that somebody watched who sees everything, or nothing."""
    rng = np.random.default_rng(1 + disturbed)
    phase = np.tile(np.repeat([0, 1, 2], [30, 30, 40]), (N, 1))
    success = rng.random(N) < 0.6
    at = rng.integers(10, 70, N) if disturbed else np.full(N, -1)
    failure, surprise = rng.random((N, STEPS)), rng.random((N, STEPS))
    if seeing:
        late = np.arange(STEPS) >= STEPS - 1 - 20  # foresees, but only from 0.8 s before the end on
        failure = np.where(late & ~success[:, None], 2.0, failure)
        if disturbed:
            surprise[np.arange(N), at] = 5.0
    told = phase if seeing else rng.integers(3, size=phase.shape)
    kind = np.zeros(N, dtype=np.int64) if disturbed else np.full(N, -1)
    noise, end = rng.random((N, STEPS)), np.full(N, STEPS)
    return Watched(phase, told, failure, surprise, noise, noise, end, success, at, kind)


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    state = {"open": True}

    def watch(policy: object, config: object, disturbed: float, progress: object) -> Watched:
        return watched(disturbed > 0.0, state["open"])

    monkeypatch.setattr(scoring, "watch", watch)
    return state


@pytest.mark.parametrize("metric", scoring.METRICS)
def test_who_sees_everything_scores_one_and_who_guesses_does_not(
    eyes: dict[str, bool], metric: str
) -> None:
    config = StatesEvaluationConfig()
    assert evaluate_internal_states(shipped(), config, metric)["value"] == 1.0
    eyes["open"] = False
    guessed = evaluate_internal_states(shipped(), config, metric)
    assert guessed["value"] < 0.7
    low, high = guessed["ci95"]
    assert low <= guessed["value"] <= high


def test_false_alarms_are_counted_where_nothing_happens(eyes: dict[str, bool]) -> None:
    metrics = evaluate_internal_states(shipped(), StatesEvaluationConfig())["metrics"]
    assert metrics["false_alarms"]["value"] == 0.0
    assert metrics["failure_auroc_0.5s"]["positives"] > 10


def test_failure_is_asked_for_at_its_lead_and_no_later(eyes: dict[str, bool]) -> None:
    metrics = evaluate_internal_states(shipped(), StatesEvaluationConfig())["metrics"]
    assert metrics["failure_auroc_0.8s"]["value"] == 1.0
    assert metrics["failure_auroc_1.2s"]["value"] < 0.7


def test_baselines_stand_beside_and_too_little_to_tell_is_no_number(
    eyes: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = evaluate_internal_states(shipped(), StatesEvaluationConfig())
    assert result["baselines"]["phase_accuracy"]["most_frequent_phase"]["value"] == 0.4
    assert result["baselines"]["failure_auroc"]["object_goal_distance"]["value"] < 0.7
    monkeypatch.setattr(scoring, "watch", lambda *_: watched(False, True))
    metrics = evaluate_internal_states(shipped(), StatesEvaluationConfig())["metrics"]
    assert metrics["disturbance_auroc"] == {"value": None, "ci95": None, "n": 0}
    json.dumps(metrics, allow_nan=False)


def test_nothing_is_scored_that_comes_after_the_end_of_an_attempt() -> None:
    calm, rough = watched(False, True), watched(True, True)
    # Whatever is said after step 60 is wrong, and so are disturbances and failures then.
    late = np.arange(STEPS) >= 60
    early = replace(rough, end=np.where(rough.success, 60, STEPS))
    calm = replace(calm, end=np.full(N, 60), surprise=np.where(late, 9.0, calm.surprise))
    assert scoring._false_alarms(calm)["value"] == 0.0
    found = scoring._disturbances(calm, early, "surprise")
    assert found["value"] == 1.0
    assert found["positives"] == (rough.disturbed_at < early.end).sum() < N
    asked = scoring._failures(early, early.failure, 0.5)
    assert asked["n"] == (rough.disturbed_at < early.end).sum()


def test_an_arm_that_waits_at_its_goal_is_not_asked_for_its_phase() -> None:
    seen = watched(False, True)
    wrong = replace(seen, told_phase=1 - seen.told_phase, end=np.full(N, 60))
    assert scoring._phases(wrong)["value"] == 0.0
    assert scoring._phases(replace(wrong, told_phase=seen.phase))["value"] == 1.0


@pytest.mark.slow
def test_the_shipped_internal_states_know_phases_failures_and_disturbances() -> None:
    config = StatesEvaluationConfig(episodes=24, batch=24)
    metrics = evaluate_internal_states(shipped(), config)["metrics"]
    assert metrics["phase_accuracy"]["value"] > 0.95
    assert metrics["disturbance_auroc"]["value"] > 0.85
    assert metrics["false_alarms"]["value"] < 0.005


def test_an_unknown_metric_is_refused_with_those_that_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["eval", "internal-states", "--metric", "luck"]) == 2
    said = capsys.readouterr().err
    assert "must be of phase_accuracy, failure_auroc, disturbance_auroc, got 'luck'" in said


def test_the_result_is_one_json_object(
    eyes: dict[str, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "internal-states", "--metric", "failure_auroc", "--json"]) == 0
    row = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"what", "metric", "value", "ci95", "n", "seed", "seconds"} <= row.keys()
    assert row["metric"] == "failure_auroc"
