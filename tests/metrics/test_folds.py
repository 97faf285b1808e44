"""Folds that never divide a group, and differences on the same images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrographia.arrays.errors import RequestError
from micrographia.metrics.folds import assign_folds, hold_out, nested_units, set_aside, shared_column
from micrographia.metrics.instances import evaluate_instances
from micrographia.metrics.paired import paired_difference


@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60), st.integers(2, 8), st.integers(0, 99))
def test_folds_keep_groups_together_and_are_all_used(groups, folds, seed):
    if folds > len(set(groups)):
        with pytest.raises(RequestError, match="number of folds"):
            assign_folds(groups, folds, seed)
        return
    found = assign_folds(groups, folds, seed)
    assert set(found) == set(range(1, folds + 1))
    assert len(set(zip(groups, found))) == len(set(groups))
    assert found == assign_folds(groups, folds, seed)


def test_folds_of_single_images_have_one_size():
    found = assign_folds([str(i) for i in range(22)], 5)
    assert sorted(np.bincount(found)[1:]) == [4, 4, 4, 5, 5]
    assert found != assign_folds([str(i) for i in range(22)], 5, seed=1)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.floats(0.05, 0.5), st.integers(0, 99))
def test_some_are_set_aside_and_some_remain(groups, share, seed):
    chosen = set_aside(groups, share, seed)
    if len(groups) < 2:
        assert chosen == []
        return
    assert 0 < len(chosen) < len(groups)
    smallest = min(groups.count(g) for g in groups)
    if smallest <= len(groups) / 3:
        assert {groups[i] for i in chosen}.isdisjoint(g for i, g in enumerate(groups) if i not in chosen)


def test_nothing_set_aside_where_nothing_is_wanted():
    assert set_aside(["a", "b", "c"], 0) == []


def test_units_are_nested_from_the_coarsest_on():
    groups = [{"well": "A1", "Plate": "P1", "kind": "x"}, {"well": "A1", "Plate": "P2"}, {"Plate": "P2"}]
    assert list(nested_units(groups)) == [
        (["Plate"], [("P1",), ("P2",), ("P2",)]),
        (["Plate", "well"], [("P1", "A1"), ("P2", "A1"), ("P2", "")]),
    ]
    assert list(nested_units([{}, {"kind": "x"}])) == []


@pytest.mark.parametrize(
    ("columns", "kept", "shared"),
    (
        ({"plate": 4, "file": 2}, "plate", ""),  # plates that are few enough stay whole
        ({"plate": 20, "well": 4, "file": 2}, "well", "plate"),  # of one plate, whole wells
        ({"file": 4}, "file", ""),
        ({"file": 20}, None, "file"),  # a single stack
        ({"plate": 10}, None, "plate"),  # two plates, and nothing finer
        ({}, None, ""),
    ),
)
def test_what_is_not_independent_judges_together(columns, kept, shared):
    groups = [{name: f"{name}{i // size}" for name, size in columns.items()} for i in range(20)]
    held = hold_out(groups, 0.15, seed=3)
    assert 0 < len(held) < 10
    if kept:
        judging = {groups[i][kept] for i in held}
        assert judging.isdisjoint(group[kept] for i, group in enumerate(groups) if i not in held)
    assert shared_column(groups, held) == shared


@given(st.integers(2, 60), st.floats(0.05, 0.5), st.integers(0, 99), st.booleans())
def test_independent_images_are_drawn_in_their_order(count, share, seed, files):
    """Names of files, which each hold one image, change nothing."""
    groups = [{"file": f"{(7 * i) % 61}.tif"} if files else {} for i in range(count)]
    drawn = np.random.default_rng(seed).permutation(count)[: max(1, round(share * count))]
    assert hold_out(groups, share, seed) == sorted(drawn.tolist())
    assert hold_out(groups, 0, seed) == hold_out(groups[:1], share, seed) == []


def squares(*starts: int) -> np.ndarray:
    labels = np.zeros((20, 40), np.int32)
    for number, start in enumerate(starts, 1):
        labels[5:15, start : start + 10] = number
    return labels


def test_paired_difference():
    truth = [squares(0, 20)] * 6
    first = evaluate_instances(zip(truth, [squares(0)] * 6))
    other = evaluate_instances(zip(truth, [*[squares(0, 20)] * 5, squares()]))
    table = paired_difference(first, other).set_index("iou")
    assert table.loc["mean", "difference"] == pytest.approx((5 * 0.5 - 0.5) / 6)
    assert (table.loc["mean", "better"], table.loc["mean", "worse"]) == (5, 1)
    assert table.loc[0.5, "low"] < table.loc[0.5, "difference"] < table.loc[0.5, "high"]
    same = paired_difference(first, first)
    assert (same[["difference", "low", "high"]] == 0).all(axis=None)


def test_paired_difference_draws_groups_together():
    truth = [squares(0, 20)] * 6
    first = evaluate_instances(zip(truth, [squares(0)] * 6))
    other = evaluate_instances(zip(truth, [*[squares(0, 20)] * 3, *[squares()] * 3]))
    groups = [{"lab": "A"}] * 3 + [{"lab": "B"}] * 3
    low, high = paired_difference(first, other, groups=groups, unit="lab").iloc[-1][["low", "high"]]
    assert (low, high) == pytest.approx((-0.5, 0.5))


def test_paired_difference_refuses_other_images():
    first = evaluate_instances([(squares(0), squares(0))])
    other = evaluate_instances([(squares(0), squares(0))], names=["other"])
    with pytest.raises(RequestError, match="same images"):
        paired_difference(first, other)


def test_columns_without_values_are_no_groups():
    groups = [{"plate": (None, "", float("nan"))[i % 3], "well": f"w{i % 4}"} for i in range(12)]
    assert [columns for columns, _ in nested_units(groups)] == [["well"]]
    assert shared_column([{"plate": group["plate"]} for group in groups], [0, 1]) == ""
    assert shared_column([{"plate": group["plate"], "file": "a"} for group in groups], [0, 1]) == "file"
    some = [{"plate": "p"}, {"plate": None}, {"plate": float("nan")}, {}]
    assert list(nested_units(some)) == [(["plate"], [("p",), ("",), ("",), ("",)])]


def test_images_without_a_group_are_drawn_one_by_one():
    groups = [{"well": "A"}] * 3 + [{"well": None}] * 9
    held = [hold_out(groups, 0.25, seed) for seed in range(10)]
    assert len({tuple(one) for one in held}) > 5
    for one in held:
        assert {0, 1, 2} <= set(one) or not {0, 1, 2} & set(one)
        assert shared_column(groups, one) == ""
    assert shared_column(groups, [0, 5]) == "well"


def test_planes_of_a_file_stay_together_where_only_other_images_have_a_plate():
    groups = [{"plate": f"P{i // 2}", "file": f"{i}"} for i in range(6)] + [{"file": f"f{i // 2}"} for i in range(12)]
    for seed in range(10):
        held = hold_out(groups, 0.25, seed)
        assert {i // 2 for i in held}.isdisjoint(i // 2 for i in range(18) if i not in held)
        assert shared_column(groups, held) == ""
    assert shared_column(groups, [6]) == "file" and shared_column(groups, [0, 6]) == "plate"


def test_whole_plates_judge_where_only_other_images_have_a_donor():
    some = [{"donor": f"D{i // 2}", "plate": f"P{i // 2}", "well": f"A{i}"} for i in range(6)]
    others = [{"donor": None, "plate": f"P{8 + i // 3}", "well": f"A{i}"} for i in range(6)]
    for seed in range(20):
        held = hold_out(some + others, 0.25, seed)
        assert shared_column(some + others, held) == ""
    assert shared_column(some + others, [6]) == "plate"


@pytest.mark.parametrize(
    "gone", [("donor",), ("donor", "plate"), ("plate", "file"), ("donor", "plate", "well", "file")]
)
def test_what_is_known_stays_whole_whatever_is_missing(gone):
    whole = [
        {"donor": f"D{i // 8}", "plate": f"P{i // 4}", "well": f"A{i // 2 % 2}", "file": f"{i // 2}.tif"}
        for i in range(48)
    ]
    for seed in range(20):
        missing = np.random.default_rng(seed).random((len(whole), len(gone))) < 0.4
        groups = [{**group, **dict.fromkeys(np.array(gone)[lack], None)} for group, lack in zip(whole, missing)]
        held = hold_out(groups, 0.25, seed)
        assert held and shared_column(groups, held) == ""
        for column in ("donor", "plate", "file"):
            judging = {groups[i][column] for i in held} - {None}
            assert judging.isdisjoint(group[column] for i, group in enumerate(groups) if i not in held)


def test_an_image_has_the_donor_of_its_plate():
    groups = [{"donor": "D1", "plate": "P1"}, {"plate": "P1", "file": "a"}, {"file": "a"}, {"plate": "P2"}]
    assert (shared_column(groups, [0]), shared_column(groups, [2])) == ("plate", "file")
    assert shared_column(groups, [3]) == ""
    assert {tuple(hold_out(groups, 0.5, seed)) for seed in range(20)} == {(3,)}
    # A name that occurs in two plates says of no other image that it is of one of them.
    wells = [{"plate": "P1", "well": "A1"}, {"plate": "P2", "well": "A1"}, {"well": "A1"}]
    assert [shared_column(wells, [i]) for i in range(3)] == ["", "", ""]
    assert shared_column(wells[1:], [0]) == "well"


def test_there_is_no_interval_of_a_single_unit():
    first = evaluate_instances([(squares(0, 20), squares(0))] * 3)
    other = evaluate_instances([(squares(0, 20), squares(0, 20))] * 3)
    for table in (
        paired_difference(first, other, groups=[{"lab": "A"}] * 3, unit="lab"),
        paired_difference(*(evaluate_instances([pair]) for pair in [(squares(0), squares(20)), (squares(0),) * 2])),
    ):
        assert table[["low", "high"]].isna().all(axis=None) and (table["difference"] > 0).all()
