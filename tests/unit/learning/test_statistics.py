"""Means over seeds, their intervals, and rankings."""

import math

import numpy as np
import pytest

from introspect_learning.evaluation.statistics import auroc, bootstrap, iqm


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    assert iqm(np.array([0.0, 1.0, 2.0, 99.0])) == 1.5
    assert iqm(np.arange(10.0)) == pytest.approx(4.5)
    assert iqm(np.array([7.0])) == 7.0


def test_one_dead_run_of_ten_does_not_move_the_interquartile_mean() -> None:
    assert iqm(np.array([0.0] + [0.9] * 9)) == pytest.approx(0.9)


def test_an_interval_holds_the_statistic_and_narrows_with_more_values() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=10), rng.normal(size=1000)
    low, high = bootstrap(iqm, few)
    assert low < iqm(few) < high
    narrow = bootstrap(iqm, many)
    assert narrow[1] - narrow[0] < 0.3 * (high - low)


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    positive = np.array([False, False, True, True])
    assert auroc(scores, positive) == 0.75
    assert auroc(np.zeros(4), positive) == 0.5
    assert auroc(-scores, positive) == 0.25
    assert math.isnan(auroc(scores, np.ones(4, dtype=bool)))
