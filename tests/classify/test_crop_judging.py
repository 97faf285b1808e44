"""How networks that look at crops are judged: on what was set aside, or on folds with a network each."""

from __future__ import annotations

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.classify.crops.crop_judging import (
    averaged,
    judge_folds,
    judge_held,
    keep_probabilities,
    kept_probabilities,
)
from micrographia.classify.objects.class_tables import SINGLE_OBJECTS, WHOLE_IMAGES, WHOLE_WELLS, Classified

ROWS = np.arange(120)
WELLS, IMAGES = np.char.add("W", (ROWS // 15).astype(str)), np.char.add("i", (ROWS // 5).astype(str))
CELLS = Classified(
    ROWS, ROWS % 2, ("a", "b"), {WHOLE_WELLS: WELLS, WHOLE_IMAGES: IMAGES, SINGLE_OBJECTS: ROWS}
)  # fmt: skip
FOUR = np.repeat(np.arange(15), 4)
TILES = Classified(np.arange(60), FOUR % 2, ("a", "b"), {WHOLE_IMAGES: np.char.add("i", FOUR.astype(str))})


def right(classified: Classified):
    """What gives every crop its class with probability 0.8."""
    return lambda rows: np.where(np.eye(2)[classified.classes[rows]] == 1, 0.8, 0.2)


def test_examples_that_were_set_aside_are_judged_and_it_is_said_what_they_also_did():
    held = np.isin(WELLS, ["W1", "W4"])
    judged = judge_held(CELLS, held, WHOLE_WELLS, right(CELLS), 0)
    assert len(judged.scores.truth) == 30 and judged.scores.evaluation.overall["macro_f1"] == 1
    assert judged.scores.calibration()["calibration_error"] == pytest.approx(0.2, abs=1e-6)
    assert set(judged.scores.groups) == {"W1", "W4"} and judged.scores.grouped
    assert "30 examples (whole wells) were set aside" in judged.told and "also chose when to stop" in judged.told
    assert "macro F1, wells set aside: 1.000" in "\n".join(judged.lines()) and judged.warnings == ()
    assert "also chose" in judged.card() and "precision" in judged.card()


def test_tiles_are_averaged_by_image():
    given = np.tile([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]], (15, 1))  # three of four tiles would say b
    judged = judge_held(TILES, np.arange(60) < 20, WHOLE_IMAGES, lambda rows: given[rows], 0)
    assert judged.scores.probabilities.shape == (2, 5) and judged.scores.found.tolist() == [0] * 5
    np.testing.assert_allclose(averaged(given[:4], np.zeros(4, int)), [[0.525, 0.475]])
    assert any("names no wells" in warning for warning in judged.warnings)
    assert any("Too few examples of a (8) and b (7)" in warning for warning in judged.warnings)
    assert "5 images" in judged.scores.evaluation.units


def test_where_nothing_is_set_aside_it_says_so_and_warns_all_the_same():
    judged = judge_held(TILES, np.zeros(60, bool), "", right(TILES), 0)
    assert judged.scores is None and judged.lines() == [] and "--folds 5" in judged.card()
    assert "Too few examples" in judged.warnings[0]


def test_a_class_that_was_not_set_aside_and_a_single_well_are_said():
    held = (ROWS % 2 == 0) & (WELLS == "W1")
    assert "No example of b was set aside" in judge_held(CELLS, held, WHOLE_WELLS, right(CELLS), 0).warnings[0]
    one = Classified(ROWS, ROWS % 2, ("a", "b"), CELLS.groupings | {WHOLE_WELLS: np.full(120, "W1")})
    assert "from one well (W1)" in judge_held(one, ROWS < 15, WHOLE_IMAGES, right(one), 0).warnings[0]


def test_folds_never_judge_a_well_that_taught():
    taught_of = {}

    def learned(fold, taught, rows):
        assert not set(WELLS[taught.rows]) & set(WELLS[rows])
        taught_of[fold] = rows
        return right(CELLS)(rows)

    judged = judge_folds(CELLS, 3, learned, 0)
    assert list(taught_of) == ["fold 1 of 3", "fold 2 of 3", "fold 3 of 3"]
    assert sorted(np.concatenate(list(taught_of.values()))) == ROWS.tolist()
    assert judged.how == "wells never seen" and "nor any other of its well: 3 further networks" in judged.told
    assert judged.scores.evaluation.overall["accuracy"] == 1 and judged.scores.kind == "wells"
    assert len(judged.scores.fold_scores()["accuracy"]) == 3


def test_folds_of_images_and_of_the_objects_of_one_image():
    judged = judge_folds(TILES, 3, lambda fold, taught, rows: right(TILES)(rows), 0)
    assert judged.how == "images never seen" and len(judged.scores.truth) == 15 and "nor any" not in judged.told
    cells = Classified(ROWS, ROWS % 2, ("a", "b"), {WHOLE_IMAGES: np.full(120, "i"), SINGLE_OBJECTS: ROWS})
    judged = judge_folds(cells, 3, lambda fold, taught, rows: right(cells)(rows), 0)
    assert "random folds" in judged.how and not judged.scores.grouped
    assert "All examples are from one" in judged.warnings[0]


def test_a_class_of_one_well_is_unknown_to_the_network_that_judges_it():
    three = Classified(ROWS, np.where(WELLS == "W2", 2, ROWS % 2), ("a", "b", "c"), CELLS.groupings)
    names = []

    def learned(fold, taught, rows):
        names.append(taught.names)
        return np.eye(3)[[0] * len(rows)]

    judged = judge_folds(three, 4, learned, 0)
    assert sorted(names)[0] == ("a", "b") and names.count(("a", "b", "c")) == 3
    assert any("All 15 examples of c are from one" in warning for warning in judged.warnings)
    apart = Classified(ROWS, (ROWS >= 60).astype(int), ("a", "b"), {WHOLE_WELLS: np.where(ROWS < 60, "W1", "W2")})
    with pytest.raises(InputError, match="cannot be divided by wells or images"):
        judge_folds(apart, 2, learned, 0)


def test_what_a_fold_gave_is_kept_for_the_same_lesson_alone(tmp_path):
    keep_probabilities(tmp_path, "lesson", np.eye(2))
    np.testing.assert_array_equal(kept_probabilities(tmp_path, "lesson"), np.eye(2))
    assert kept_probabilities(tmp_path, "another") is None and kept_probabilities(tmp_path / "none", "lesson") is None
    kept = next(tmp_path.iterdir())
    for damaged in (b"", kept.read_bytes()[:100], b"PK\x03\x04 no"):
        kept.write_bytes(damaged)
        assert kept_probabilities(tmp_path, "lesson") is None
