"""Scores over many images: definitions, groups, intervals, empty images."""

import numpy as np
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.metrics.instances import THRESHOLDS, evaluate_instances


def field(*objects):
    """One row of pixels with objects given as (start, stop)."""
    labels = np.zeros((1, 40), int)
    for i, (start, stop) in enumerate(objects, 1):
        labels[0, start:stop] = i
    return labels


PERFECT = (field((0, 10), (20, 30)), field((0, 10), (20, 30)))
MISSED = (field((0, 10), (20, 30)), field((20, 30)))
EXTRA = (field((0, 10)), field((0, 10), (15, 18), (20, 22)))
EMPTY = (field(), field())


def test_image_mean_and_pooled_ap_are_both_given():
    result = evaluate_instances([PERFECT, MISSED, EXTRA])
    first = result.overall.iloc[0]
    assert first.iou == 0.5
    assert first.ap_image_mean == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert first.ap_pooled == pytest.approx(4 / 7)
    assert first.precision_pooled == pytest.approx(4 / 6)
    assert first.recall_pooled == pytest.approx(4 / 5)
    assert first.f1_pooled == pytest.approx(8 / 11)
    assert first.pq_pooled == pytest.approx(4 / 5.5)
    assert result.overall.iou.tolist() == list(THRESHOLDS)


def test_count_errors():
    result = evaluate_instances([PERFECT, MISSED, EXTRA, EMPTY])
    assert result.images.count_error.tolist() == [0, -1, 2, 0]
    assert result.images.count_error_relative.tolist()[:3] == [0, -0.5, 2]
    assert np.isnan(result.images.count_error_relative.iloc[3])
    total = result.counts.iloc[0]
    assert (total.n_truth, total.n_predicted) == (5, 6)
    assert total.count_error_mean == 0.25
    assert total.count_error_mean_absolute == 0.75
    assert total.count_error_relative == pytest.approx(0.2)


def test_an_empty_image_found_empty_is_perfect():
    result = evaluate_instances([EMPTY])
    assert (result.overall.filter(regex="(ap|precision|recall|f1|pq)_.*(mean|pooled)$") == 1).all(axis=None)
    assert result.images.ap.item() == 1


def test_groups_and_worst():
    groups = [{"kind": "a", "plate": 1}, {"kind": "a", "plate": 2}, {"kind": "b", "plate": 2}]
    result = evaluate_instances(iter([PERFECT, MISSED, EXTRA]), names=["x", "y", "z"], groups=groups)
    at_half = result.groups[result.groups.iou == 0.5].set_index(["group", "value"]).ap_image_mean
    assert at_half["kind", "a"] == pytest.approx(0.75)
    assert at_half["kind", "b"] == pytest.approx(1 / 3)
    assert at_half["plate", "2"] == pytest.approx(5 / 12)
    assert result.worst(2) == ["z", "y"]
    assert result.images.kind.tolist() == ["a", "a", "b"]
    assert len(result.matches) == 3 * len(THRESHOLDS)


def test_intervals_repeat_with_the_seed_and_hold_the_estimate():
    pairs = [PERFECT, MISSED, EXTRA] * 8
    one, two, other = (evaluate_instances(pairs, seed=s) for s in (3, 3, 4))
    assert one.overall.equals(two.overall)
    assert not one.overall.equals(other.overall)
    row = one.overall.iloc[0]
    assert row.ap_image_mean_low < row.ap_image_mean < row.ap_image_mean_high
    assert "24 images" in one.interval and "95%" in one.interval


def test_images_of_one_well_are_drawn_together():
    pairs = [PERFECT] * 30 + [EXTRA] * 30
    wells = [{"plate": "p", "well": f"w{i // 10}"} for i in range(60)]
    together, alone = evaluate_instances(pairs, groups=wells), evaluate_instances(pairs)
    width = [r.overall.ap_image_mean_high[0] - r.overall.ap_image_mean_low[0] for r in (together, alone)]
    assert width[0] > 2 * width[1]
    assert "6 units by plate and well (60 images)" in together.interval
    few = evaluate_instances(pairs, groups=[{"plate": str(i % 2)} for i in range(60)])
    assert "too few" in few.interval
    forced = evaluate_instances(pairs, groups=[{"plate": str(i % 2)} for i in range(60)], unit="plate")
    assert "2 units by plate (60 images); these are too few to draw from" in forced.interval


def test_the_coarsest_units_that_are_enough_are_drawn():
    """Wells of two plates are told apart by the plate, and six plates are drawn rather than their wells."""
    groups = [{"Well": f"w{i % 6}", "plate": f"p{i // 10}"} for i in range(60)]
    pairs = [PERFECT, MISSED] * 30
    assert "of 6 units by plate (60 images)." in evaluate_instances(pairs, groups=groups).interval
    two = [{**group, "plate": f"p{i % 2}", "Well": f"w{i // 20}"} for i, group in enumerate(groups)]
    assert "of 6 units by plate and Well (60 images)." in evaluate_instances(pairs, groups=two).interval


def test_a_group_of_one_unit_has_no_interval():
    groups = [{"plate": f"p{i // 4}", "kind": "ab"[i % 2]} for i in range(24)]
    result = evaluate_instances([PERFECT, MISSED, EXTRA] * 8, groups=groups)
    for table in (result.groups, result.counts):
        limits = table[table["group"] == "plate"].filter(regex="_(low|high)$")
        assert limits.shape[0] >= 6 and limits.isna().all(axis=None)
        assert (
            table[table["group"] != "plate"]
            .filter(regex="(ap_image_mean|count_error_mean)_low$")
            .notna()
            .all(axis=None)
        )
    assert result.groups["ap_image_mean"].notna().all()
    single = evaluate_instances([PERFECT, MISSED], groups=[{"plate": "p"}] * 2, unit="plate")
    assert np.isnan(single.overall["ap_image_mean_low"]).all()
    assert single.interval == "There are no intervals: nothing can be drawn from 1 unit by plate (2 images)."
    assert evaluate_instances([PERFECT]).interval == "There are no intervals: nothing can be drawn from 1 image."


def test_coverage_of_the_interval():
    """About 95 of 100 intervals cover the truth (here at least 50 of 60, for 40 images each)."""
    rng = np.random.default_rng(0)
    expected, hits = (1 + 1 / 2 + 1 / 3) / 3, 0
    for i in range(60):
        pairs = [(PERFECT, MISSED, EXTRA)[k] for k in rng.integers(0, 3, 40)]
        row = evaluate_instances(pairs, thresholds=[0.5], draws=200, seed=i).overall.iloc[0]
        hits += row.ap_image_mean_low <= expected <= row.ap_image_mean_high
    assert hits >= 50


def test_refusals():
    with pytest.raises(RequestError, match="no image"):
        evaluate_instances([])
    with pytest.raises(InputError, match=r"second: .*\(1, 40\).*\(2, 2\)"):
        evaluate_instances([PERFECT, (field(), np.zeros((2, 2), int))], names=["first", "second"])
    with pytest.raises(RequestError, match="names"):
        evaluate_instances([PERFECT], names=["a", "b"])
    with pytest.raises(RequestError, match="'donor'"):
        evaluate_instances([PERFECT], unit="donor")
    with pytest.raises(RequestError, match="confidence"):
        evaluate_instances([PERFECT], confidence=2)
