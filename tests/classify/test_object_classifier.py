"""The object classifier: learns from a table, says the same after saving, and says what is wrong with a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mitotic_crops import mitotic_table

from made_tables import KINDS, made_table
from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.standardising import Standardiser
from micrographia.classify.objects.cross_validation import cross_validate
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.classify.objects.object_learners import LEARNERS
from micrographia.classify.objects.turned_features import combined, combined_names
from micrographia.models.package import open_package
from micrographia.models.verify import test_model

QUICK = {"trees": 20, "folds": 2, "search": False}


@pytest.mark.parametrize("classifier", [*LEARNERS, "average"])
def test_save_load_predict(classifier: str, tmp_path: Path) -> None:
    if classifier in ("svm", "mlp", "average"):
        pytest.importorskip("sklearn")
    taught, new = made_table(), made_table(seed=1)
    method = ObjectClassifier(classifier=classifier, **QUICK).fit(taught)
    found = method.predict(new)
    assert (found["Class"] == new["Class"]).mean() > 0.7
    assert list(found.columns[:4]) == ["Metadata_Plate", "Metadata_Well", "Metadata_Image", "ObjectNumber"]
    p = found[[f"Probability_{kind}" for kind in KINDS]].to_numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found["Class_Probability"], p.max(axis=1))
    assert (np.array(KINDS)[p.argmax(axis=1)] == found["Class"]).all()
    path = method.save(tmp_path / "phenotypes.zip")
    again = ObjectClassifier.load(path)
    pd.testing.assert_frame_equal(again.predict(new), found)
    assert again.parameters() == method.parameters() and again.dropped_ == method.dropped_
    assert test_model(path).passed


def test_what_is_standardised_stays_as_it_is() -> None:
    for shape in ((1, 3), (4, 1), (4, 3), (1, 1)):
        given = np.full(shape, np.nan, np.float32)
        names = tuple(str(f) for f in range(shape[1]))
        Standardiser(names, np.ones(shape[1], np.float32), np.ones(shape[1], np.float32), {})(given)
        assert np.isnan(given).all()


@pytest.mark.parametrize("select", [0, 1, 2])
def test_a_single_row_without_measurements_gets_no_class(select: int) -> None:
    table = made_table()
    method = ObjectClassifier(classifier="lda", select=select, **QUICK).fit(table)
    table.loc[:2, list(method.columns_)] = np.nan
    whole = method.probabilities(table)
    assert np.isnan(whole[:3]).all() and np.isfinite(whole[3:]).all()
    for k in range(5):
        np.testing.assert_allclose(method.probabilities(table[k : k + 1]), whole[k : k + 1], atol=1e-6)
    assert method.predict(table[:1])["Class"].item() == ""


def test_examples_without_the_selected_features_are_named() -> None:
    table = made_table()
    method = ObjectClassifier(classifier="lda", select=2, **QUICK).fit(table)
    assert not any("selected" in note for note in method.notes_)
    used = list(method.columns_)
    table.loc[:5, used] = np.nan
    again = ObjectClassifier(classifier="lda", select=2, **QUICK).fit(table)
    assert list(again.columns_) == used
    assert any(note.startswith("6 of 240 examples lack more than half of the selected") for note in again.notes_)


def test_parts_equal_the_whole() -> None:
    table = made_table()
    for classifier in ("forest", "logistic", "knn"):
        method = ObjectClassifier(classifier=classifier, **QUICK).fit(table)
        whole = method.probabilities(table)
        parts = [method.probabilities(table.iloc[i : i + 37]) for i in range(0, len(table), 37)]
        np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_the_same_seed_gives_the_same_classifier() -> None:
    table = made_table()
    one, same = (ObjectClassifier(classifier="forest", seed=3, **QUICK).fit(table).probabilities(table) for _ in "ab")
    np.testing.assert_array_equal(one, same)


def test_settings_are_chosen_and_probabilities_calibrated() -> None:
    table = made_table(rows=400, apart=1.0)
    method = ObjectClassifier(classifier="knn", folds=3).fit(table)
    assert method.fitted_.members[0].setting in LEARNERS["knn"].settings
    raw = ObjectClassifier(classifier="knn", folds=3, calibrate="none").fit(table)
    assert raw.fitted_.members[0].calibration.temperature == 1 != method.fitted_.members[0].calibration.temperature
    new = made_table(rows=2000, apart=1.0, seed=5)
    truth = np.array([KINDS.index(kind) for kind in new["Class"]])

    def loss(m: ObjectClassifier) -> float:
        return float(-np.log(np.maximum(m.probabilities(new)[np.arange(len(new)), truth], 1e-7)).mean())

    assert loss(method) < loss(raw)


def test_select_keeps_what_tells_apart() -> None:
    table = made_table(rows=600)
    method = ObjectClassifier(select=3, directions=True, **QUICK).fit(table)
    assert len(method.columns_) == 3 and "Noise" not in method.columns_
    assert "Nuclei_AreaShape_Orientation" not in method.columns_


def test_real_cells_of_wells_never_seen(data_dir: Path) -> None:
    table = mitotic_table(data_dir)
    found = cross_validate(ObjectClassifier(classifier="lda", folds=3), table)
    assert found.grouped and found.evaluation.overall["weighted_f1"] > 0.8
    assert found.calibration()["calibration_error"] < 0.1


# What is learned from, and how gaps are filled.


def test_directions_are_averaged_and_positions_are_no_features() -> None:
    names = [
        "A_Texture_Contrast_DNA_3_00_256",
        "A_Texture_Contrast_DNA_3_01_256",
        "A_AreaShape_Orientation",
        "A_AreaShape_SpatialMoment_0_1",
        "A_RadialDistribution_ZernikePhase_DNA_2_2",
        "A_AreaShape_Area",
    ]
    plan = combined_names(names)
    assert plan == {"A_AreaShape_Area": [5], "A_Texture_Contrast_DNA_3_256_mean": [0, 1],
                    "A_Texture_Contrast_DNA_3_256_range": [0, 1]}  # fmt: skip
    matrix = np.array([[1, 3, 9, 9, 9, 7], [1, np.nan, 9, 9, 9, 8]], np.float32)
    np.testing.assert_array_equal(combined(matrix, plan), [[7, 2, 2], [8, np.nan, np.nan]])
    method = ObjectClassifier(**QUICK).fit(made_table())
    assert "changes when the object is turned" in method.dropped_["Nuclei_AreaShape_Orientation"]
    assert "Nuclei_Location_Center_X" not in method.columns_


def test_outliers_and_gaps_are_held_back() -> None:
    matrix = np.array([[1, 5], [2, np.nan], [3, 5], [4, 6], [1e9, 7]], np.float32)
    standard = Standardiser.of(matrix, ["a", "b"])
    out = standard(matrix)
    assert out[0, 4] == 8 and out[1, 1] == 0 and standard.median[0] == 3
    rare = Standardiser.of(np.array([[0]] * 9 + [[1]], np.float32), ["mostly zero"])  # the quartiles are equal
    assert rare.spread[0] == pytest.approx(0.3)


def test_useless_features_are_left_out_by_name(tmp_path: Path) -> None:
    table = made_table()
    table["Empty"], table["Constant"], table["Words"] = np.nan, 4.0, "x"
    table.loc[:30, "Noise"] = np.nan
    table.loc[40, "Noise"] = np.inf
    method = ObjectClassifier(**QUICK).fit(table)
    assert method.dropped_["Empty"] == "no value at all" and method.dropped_["Constant"] == "the same value everywhere"
    assert method.dropped_["Words"] == "no numbers" and "Noise" in method.columns_
    assert np.isfinite(method.probabilities(table)).all()
    # A table without them can be classified.
    assert len(method.predict(table.drop(columns=["Empty", "Constant", "Words", "Class"]))) == len(table)


# Bad input.


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.drop(columns="Class"), RequestError, "no column 'Class'"),
        (lambda t: t.assign(Class="Interphase"), RequestError, "only the class 'Interphase'"),
        (lambda t: t.assign(Class=None), RequestError, "no class at all"),
        (lambda t: t[["Metadata_Well", "ObjectNumber", "Class"]], InputError, "no features"),
        (lambda t: t.assign(ObjectNumber=1), InputError, "repeat the key of another one"),
        (lambda t: t.assign(**dict.fromkeys(t.columns[6:], np.nan)), InputError, "No feature is left"),
    ],
)
def test_tables_that_cannot_teach(change, error: type[ValueError], message: str) -> None:
    with pytest.raises(error, match=message):
        ObjectClassifier(**QUICK).fit(change(made_table()))


def test_tables_that_do_not_fit_the_model() -> None:
    table = made_table()
    method = ObjectClassifier(**QUICK).fit(table)
    with pytest.raises(InputError, match="lacks the columns Nuclei_AreaShape_Area, Noise"):
        method.predict(table.drop(columns=["Nuclei_AreaShape_Area", "Noise"]))
    with pytest.raises(InputError, match="Noise of the table holds no numbers"):
        method.predict(table.assign(Noise="many"))
    with pytest.raises(InputError, match="An array of"):
        method.predict(np.zeros((4, 2)))


def test_a_class_with_one_example() -> None:
    table = made_table(rows=60)
    table["Class"] = np.where(np.arange(60) == 7, "Rare", table["Class"])
    method = ObjectClassifier(folds=3).fit(table)
    assert method.counts_["Rare"] == 1 and "Rare" in method.classes_
    assert np.isfinite(method.probabilities(table)).all()


def test_two_examples_are_enough_to_be_told_what_was_not_done() -> None:
    table = made_table(rows=60).drop_duplicates("Class").head(2)
    method = ObjectClassifier().fit(table)
    assert "too few for inner folds" in method.notes_[0]
    assert set(method.predict(table)["Class"]) == set(table["Class"])


def test_classes_that_are_numbers_keep_their_names() -> None:
    table = made_table()
    table["Class"] = table["Class"].map({"Anaphase": 1, "Interphase": 2, "Metaphase": np.nan})
    assert ObjectClassifier(**QUICK).fit(table).classes_ == ("1", "2")


def test_a_package_of_another_method_is_refused(tmp_path: Path) -> None:
    path = ObjectClassifier(**QUICK).fit(made_table()).save(tmp_path / "model.zip")
    from micrographia.classify.pixels.pixel_classifier import PixelClassifier

    with pytest.raises(RequestError, match="does not classify pixels"):
        PixelClassifier.load(path)


@pytest.mark.parametrize("wells", [2, 3, 4])
def test_few_wells_are_kept_whole_in_inner_folds(wells: int) -> None:
    """Classes look different in each well: divided at random, objects of one well would seem easy."""
    rng = np.random.default_rng(0)
    kind, well = rng.integers(0, 3, 400), rng.integers(0, wells, 400)
    shift = rng.normal(0, 1.5, (wells, 3, 10))
    values = rng.normal(0, 1.2, (3, 10))[kind] + shift[well, kind] + rng.normal(size=(400, 10))
    table = pd.DataFrame(values, columns=[f"F{k}" for k in range(10)])
    table = table.assign(
        Class=np.array(KINDS)[kind], Metadata_Well=[f"A{w}" for w in well], ObjectNumber=np.arange(400)
    )
    unsure = ObjectClassifier(folds=5).fit(table)
    assert unsure.notes_ == ()
    sure = ObjectClassifier(folds=5).fit(table.drop(columns="Metadata_Well"))
    assert sharpness(unsure, table) < sharpness(sure, table) - 0.02


def sharpness(method: ObjectClassifier, table: pd.DataFrame) -> float:
    return float(method.probabilities(table).max(axis=1).mean())


@pytest.mark.parametrize(("wells", "calibrate"), [(2, "temperature"), (2, "isotonic"), (6, "temperature")])
def test_a_class_of_one_well_does_not_blur_the_others(wells: int, calibrate: str) -> None:
    table, new = made_table(rows=400, wells=wells), made_table(rows=1000, wells=50, seed=5)
    table = table[(table["Class"] != "Anaphase") | (table["Metadata_Well"] == "00")]
    method = ObjectClassifier(calibrate=calibrate).fit(table)
    found = method.predict(new)
    own = found.to_numpy()[np.arange(1000), [found.columns.get_loc(f"Probability_{kind}") for kind in new["Class"]]]
    assert -np.log(own.astype(float)).mean() < 0.6
    assert bool(method.notes_) == (calibrate == "isotonic")


def test_wells_that_separate_classes_cannot_be_kept_whole() -> None:
    table = made_table(wells=3)
    table["Class"] = np.array(KINDS)[table["Metadata_Well"].astype(int)]
    assert "Classes are missing without some groups" in ObjectClassifier(classifier="lda").fit(table).notes_[0]


def test_nothing_is_said_before_something_is_learned(tmp_path: Path) -> None:
    for ask in (lambda m: m.predict(made_table()), lambda m: m.save(tmp_path / "m.zip")):
        with pytest.raises(InputError, match="has not learned anything yet: call fit or load first"):
            ask(ObjectClassifier())


@pytest.mark.parametrize("name", ["Noise", "Class"])
def test_columns_of_one_name_are_refused(name: str) -> None:
    table = made_table()
    with pytest.raises(InputError, match=f"Two columns of the table have the name {name}"):
        ObjectClassifier().fit(pd.concat([table, table[[name]]], axis=1))


def test_inner_folds_keep_the_groups_of_a_column_and_it_is_not_learned_from(tmp_path: Path) -> None:
    table = made_table()
    table["batch"] = table["Metadata_Well"].astype(int) // 6
    method = ObjectClassifier(classifier="lda", group="batch", **QUICK).fit(table)
    assert "batch" not in (*method.columns_, *method.dropped_)
    assert "All examples are from one" in ObjectClassifier(group="batch", **QUICK).fit(table.assign(batch=1)).notes_[0]
    assert ObjectClassifier.load(method.save(tmp_path / "m.zip")).group == "batch"
    with pytest.raises(RequestError, match="no column 'dose'"):
        ObjectClassifier(group="dose").fit(table)


def test_a_class_named_with_a_bar_stays_one_cell_of_the_card(tmp_path):
    table = made_table(rows=60)
    table["Class"] = table["Class"].replace("Anaphase", "late|ana")
    path = ObjectClassifier(classifier="lda", search=False, folds=2).fit(table).save(tmp_path / "m.zip")
    count = int((table["Class"] == "late|ana").sum())
    assert rf"| late\|ana | {count} |" in open_package(path).documentation
