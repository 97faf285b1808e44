"""Scores of classes, folds that keep groups together, calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import RequestError
from micrographia.metrics.calibration import brier_score, calibration_error, log_loss, reliability
from micrographia.metrics.classification import confusion_matrix, evaluate_classes, scores_of
from micrographia.metrics.stratified_folds import stratified_folds


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_scores_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, found = np.array(pairs).T
    scores = scores_of(confusion_matrix(truth, found, 5))
    known = sorted(set(truth) | set(found))
    p, r, f, _ = metrics.precision_recall_fscore_support(truth, found, labels=known, zero_division=0)
    for ours, theirs in ((scores["precision"], p), (scores["recall"], r), (scores["f1"], f)):
        np.testing.assert_allclose(ours[known], theirs)
        assert np.isnan(np.delete(ours, known)).all()
    for name, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        assert scores[name] == pytest.approx(metrics.f1_score(truth, found, average=average, zero_division=0))
    assert scores["accuracy"] == pytest.approx(np.mean(truth == found))


def test_intervals_over_groups_are_wider_where_groups_differ() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 50).astype(str)
    truth = rng.integers(0, 2, 1000)
    good = np.repeat(rng.random(20) < 0.5, 50)  # in half of the wells everything is right, elsewhere nothing
    found = np.where(good, truth, 1 - truth)
    by_group = evaluate_classes(truth, found, ("a", "b"), groups).overall
    by_object = evaluate_classes(truth, found, ("a", "b")).overall
    assert by_group["accuracy"] == by_object["accuracy"] == np.mean(good)
    widths = [o["accuracy_high"] - o["accuracy_low"] for o in (by_group, by_object)]
    assert widths[0] > 4 * widths[1]
    assert by_group["accuracy_low"] < np.mean(good) < by_group["accuracy_high"]


def test_a_draw_without_a_class_says_nothing_of_it() -> None:
    """A class of two wells is missing in some of the draws: it is always found, so its interval ends at 1."""
    truth = np.r_[np.tile([0, 1], 40), np.full(10, 2)]
    groups = np.r_[np.repeat(np.arange(8), 10), np.repeat([8, 9], 5)].astype(str)
    found = evaluate_classes(truth, truth, ("a", "b", "c"), groups)
    of_class = found.table.set_index("class").loc["c"]
    assert of_class["recall_low"] == of_class["f1_low"] == of_class["precision_low"] == 1
    assert found.overall["macro_f1_low"] == 1
    assert evaluate_classes(truth, np.minimum(truth, 1), ("a", "b", "c"), groups).table["recall_high"].tolist()[2] == 0


def test_the_interval_of_macro_f1_is_of_all_classes() -> None:
    """A rare class is taken for one that no object has: the macro F1 is 1/2 whatever is drawn."""
    truth = np.r_[np.tile([0, 1], 50), [2, 2]]
    groups = np.r_[np.repeat(np.arange(10), 10), [0, 5]].astype(str)
    found = np.where(truth == 2, 3, truth)
    overall = evaluate_classes(truth, found, ("a", "b", "c", "d"), groups).overall
    assert overall["macro_f1"] == overall["macro_f1_low"] == overall["macro_f1_high"] == 0.5


def test_one_well_or_one_example_gives_no_interval() -> None:
    truth, groups = np.r_[np.tile([0, 1], 50), [2, 2, 2]], np.r_[np.repeat(np.arange(10), 10), [0] * 3].astype(str)
    for rows, of in ((slice(None), groups), (slice(0, 101), None)):
        found = evaluate_classes(truth[rows], truth[rows], ("a", "b", "c"), None if of is None else of[rows])
        table = found.table.set_index("class")
        for score in ("precision", "recall", "f1"):
            assert table.loc["c", score] == 1 and table.loc["a", f"{score}_low"] == 1
            assert np.isnan([table.loc["c", f"{score}_low"], table.loc["c", f"{score}_high"]]).all()
        assert found.overall["macro_f1_low"] == 1


def test_table_by_class() -> None:
    truth, found = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    found_scores = evaluate_classes(truth, found, ("a", "b", "c"), ["w1", "w1", "w2", "w2", "w2", "w3"])
    table = found_scores.table.set_index("class")
    assert table["objects"].tolist() == [3, 2, 1] and table["groups"].tolist() == [2, 1, 1]
    assert table.loc["a", "precision"] == pytest.approx(2 / 3) and table.loc["c", "f1"] == 0
    assert found_scores.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert found_scores.units == "6 objects"
    assert found_scores.doubt.startswith("3 groups are too few to draw from: objects were drawn")


def test_nothing_to_score() -> None:
    with pytest.raises(RequestError, match="at least one"):
        evaluate_classes(np.zeros(0, int), np.zeros(0, int), ("a", "b"))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(6, 30), st.integers(2, 5))
def test_folds_never_divide_a_group(seed: int, folds: int, groups: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    of_row = np.concatenate([np.arange(groups), rng.integers(0, groups, 80)])
    truth = rng.integers(0, classes, len(of_row))
    fold = stratified_folds(truth, of_row.astype(str), folds, seed)
    assert set(fold) == set(range(folds))
    assert all(len(set(fold[of_row == g])) == 1 for g in range(groups))
    assert (fold == stratified_folds(truth, of_row.astype(str), folds, seed)).all()


def test_folds_share_classes_evenly() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 10)
    truth = np.repeat(np.arange(60) % 3, 10)  # each group holds one class
    fold = stratified_folds(truth, groups.astype(str), 5, 3)
    assert all((np.bincount(truth[fold == k]) == 40).all() for k in range(5))
    alone = rng.permutation(np.repeat([0, 1], [15, 85]))
    fold = stratified_folds(alone, None, 5)
    assert [int((alone[fold == k] == 0).sum()) for k in range(5)] == [3] * 5


@pytest.mark.parametrize("groups", [None, ["a", "b", "c"]])
def test_more_folds_than_groups(groups: list[str] | None) -> None:
    with pytest.raises(RequestError, match="must be 2 to 3"):
        stratified_folds(np.array([0, 1, 0]), groups, 4)


def test_calibration_scores_by_hand() -> None:
    p = np.array([[0.9, 0.6, 0.2], [0.1, 0.4, 0.8]])
    truth = np.array([0, 1, 1])
    assert brier_score(truth, p) == pytest.approx((0.02 + 0.72 + 0.08) / 3)
    assert log_loss(truth, p) == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.8])))
    found = reliability(truth, p, bins=2)
    assert found["objects"].tolist() == [0, 3] and found["accuracy"][1] == pytest.approx(2 / 3)
    assert calibration_error(truth, p, bins=2) == pytest.approx(abs((0.9 + 0.6 + 0.8) / 3 - 2 / 3))
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 50_000)
    right = (rng.random(50_000) > sure).astype(int)
    assert calibration_error(right, np.stack([sure, 1 - sure])) < 0.01
    assert calibration_error(right, np.stack([sure**0.2, 1 - sure**0.2])) > 0.1
