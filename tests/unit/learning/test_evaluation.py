"""Policies are scored on fixed episodes, beside baselines, with honest intervals."""

import pytest

from introspect_learning.evaluation.pick_and_place import EvaluationConfig, evaluate
from introspect_learning.evaluation.statistics import wilson
from introspect_learning.models import shipped


def test_the_shipped_policy_succeeds_where_blind_choices_do_not() -> None:
    config = EvaluationConfig(episodes=12, batch=12)
    result = evaluate(shipped(), config, baselines=True)
    assert result["value"] >= 11 / 12
    assert result["baselines"]["scripted"]["value"] >= 11 / 12
    assert result["baselines"]["random_choreographer"]["value"] <= 0.75
    assert {"what", "metric", "value", "ci95", "n", "seed", "seconds"} <= result.keys()
    assert result["n"] == 12


def test_the_same_seed_gives_the_same_result() -> None:
    def steps(batch: int) -> object:
        return evaluate(shipped(), EvaluationConfig(episodes=4, batch=batch))["median_steps"]

    assert steps(4) == steps(4)


def test_an_interval_holds_the_share_and_narrows_with_trials() -> None:
    few, many = wilson(9, 10), wilson(900, 1000)
    assert few[0] < 0.9 < few[1]
    assert many[1] - many[0] < 0.25 * (few[1] - few[0])
    assert wilson(10, 10)[1] == pytest.approx(1.0)
    assert wilson(10, 10)[0] == pytest.approx(0.7225, abs=1e-3)
    with pytest.raises(ValueError, match="got 3 of 2"):
        wilson(3, 2)


def test_what_cannot_be_evaluated_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="episodes must be at least 1, got 0"):
        EvaluationConfig(episodes=0)
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        EvaluationConfig(seed=-1)
