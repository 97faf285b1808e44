"""Scores on wells never seen, and the warnings that they give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from made_tables import made_table
from micrographia.arrays.errors import InputError
from micrographia.classify.objects.cross_validation import cross_validate
from micrographia.classify.objects.example_warnings import example_warnings
from micrographia.classify.objects.feature_importance import permutation_importance
from micrographia.classify.objects.learning_curve import learning_curve
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.classify.objects.score_lines import score_lines
from micrographia.report.classification_report import classification_numbers, write_classification_report

LDA = ObjectClassifier(classifier="lda", search=False, folds=2)


def test_no_well_is_on_both_sides() -> None:
    table = made_table()
    found = cross_validate(LDA, table)
    assert found.grouped and len(found.models) == 5
    for well in table["Metadata_Well"].unique():
        assert len(set(found.fold[(table["Metadata_Well"] == well).to_numpy()])) == 1
    # Each example has the probabilities of the model of its fold.
    for k, model in enumerate(found.models):
        at = found.fold == k
        np.testing.assert_array_equal(found.probabilities[:, at].T, model.probabilities(table[at]))
    assert found.evaluation.overall["accuracy"] == np.mean(found.truth == found.found)
    assert np.mean(found.fold_scores()["weighted_f1"]) == pytest.approx(0.87, abs=0.1)


def test_noise_scores_by_chance() -> None:
    table = made_table(rows=600, apart=0.0, shift=0.0)
    assert cross_validate(ObjectClassifier(folds=2), table).evaluation.overall["accuracy"] == pytest.approx(
        1 / 3, abs=0.08
    )


def test_leakage_is_said() -> None:
    """Classes differ between wells, and wells differ; nothing tells the classes themselves apart."""
    table = made_table(rows=480, wells=24, shift=4.0, apart=0.0)
    well = table["Metadata_Well"].astype(int)
    table["Class"] = np.array(["a", "b"])[well % 2]
    method = ObjectClassifier(classifier="knn", search=False, folds=2)
    grouped, random = cross_validate(method, table), cross_validate(method, table, grouped=False)
    assert random.evaluation.overall["accuracy"] > grouped.evaluation.overall["accuracy"] + 0.15
    assert any(
        "falls apart under grouping" in warning and "wells (or images)" in warning
        for warning in example_warnings(grouped, random)
    )
    fair = made_table(shift=0.0)
    assert example_warnings(cross_validate(LDA, fair), cross_validate(LDA, fair, grouped=False)) == []


def test_few_examples_and_one_well_are_said() -> None:
    table = made_table()
    table.loc[(table["Class"] == "Anaphase") & (table["Metadata_Well"] != "03"), "Class"] = None
    warnings = example_warnings(cross_validate(LDA, table))
    assert any("Too few examples of Anaphase" in warning and "is uncertain" in warning for warning in warnings)
    assert any("Anaphase are from one well or image (P1/03)" in warning for warning in warnings)


def test_examples_without_measurements_neither_teach_nor_judge() -> None:
    table = made_table()
    features = [name for name in table if name.startswith(("Nuclei_A", "Nuclei_I", "Nuclei_T", "Noise"))]
    whole = cross_validate(LDA, table[40:])
    gaps = table.assign(**{name: table[name].where(table.index >= 40) for name in features})
    found = cross_validate(LDA, gaps)
    np.testing.assert_array_equal(found.probabilities, whole.probabilities)
    assert example_warnings(found)[0].startswith("Examples that lack more than half") and len(found.truth) == 200
    pd.testing.assert_frame_equal(permutation_importance(gaps, found), permutation_importance(table[40:], whole))
    assert len(learning_curve(LDA, gaps, found, shares=(0.5, 1.0))) == 2


def test_a_class_of_one_well_has_a_dash_for_its_interval(tmp_path: Path) -> None:
    table = made_table()
    table.loc[(table["Class"] == "Anaphase") & (table["Metadata_Well"] != "03"), "Class"] = None
    found = cross_validate(LDA, table)
    line = next(line for line in score_lines(found, "wells never seen") if line.startswith("Anaphase"))
    assert line.endswith("(–)")
    page = write_classification_report(tmp_path / "r.html", classification_numbers(found)).read_text(encoding="utf-8")
    assert page.count('<span class="small">–</span>') == 3 and "– – –" not in page


def test_without_wells_folds_are_random_and_it_is_said() -> None:
    table = made_table().drop(columns=["Metadata_Plate", "Metadata_Well", "Metadata_Image"])
    found = cross_validate(LDA, table)
    assert not found.grouped and "neither plate and well nor image" in example_warnings(found)[0]
    one = made_table().assign(Metadata_Well="01")
    assert "from one plate, well or image, so folds are random" in example_warnings(cross_validate(LDA, one))[0]


def test_classes_that_wells_separate_cannot_be_judged() -> None:
    table = made_table(rows=120, wells=2)
    table["Class"] = np.where(table["Metadata_Well"] == "00", "a", "b")
    with pytest.raises(InputError, match="cannot be divided by plate and well"):
        cross_validate(LDA, table)


def test_more_examples_help() -> None:
    table = made_table(rows=600, apart=1.5)
    curve = learning_curve(LDA, table, cross_validate(LDA, table), shares=(0.03, 1.0))
    assert curve["examples"].tolist()[1] == 480 and curve["examples"][0] < 30
    assert curve["weighted_f1"][1] > curve["weighted_f1"][0] + 0.02


def test_importance_finds_what_matters() -> None:
    table = made_table(rows=600)
    found = permutation_importance(table, cross_validate(LDA, table)).set_index("feature")["importance"]
    assert set(found.index[:2]) == {"Nuclei_AreaShape_Area", "Nuclei_Intensity_MeanIntensity"}
    assert abs(found["Noise"]) < 0.05 < found["Nuclei_AreaShape_Area"]


def test_the_notes_of_the_classifiers_that_were_judged_are_told() -> None:
    table = made_table(wells=2)
    warnings = example_warnings(cross_validate(LDA, table))
    assert any(w.startswith("In 2 of the 2 folds that judge: All examples are from one ") for w in warnings)
    assert LDA.fit(table).notes_ == ()


def compounds() -> pd.DataFrame:
    """Profiles: every row its own well; classes are those of compounds, and compounds differ for themselves, too."""
    rng = np.random.default_rng(0)
    compound = np.arange(96) % 12
    table = pd.DataFrame(rng.normal(0, 1, (96, 8)) + 6 * rng.normal(0, 1, (12, 8))[compound])
    table.columns = [f"F{k}" for k in range(8)]
    names = np.array([f"c{k}" for k in compound], object)
    names[compound == 11] = None
    return table.assign(
        Metadata_Well=np.arange(96), Metadata_Compound=names, Class=np.where(compound % 2, "odd", "even")
    )


def test_groups_of_a_column_are_kept_together() -> None:
    table, knn = compounds(), {"classifier": "knn", "search": False, "folds": 2}
    method = ObjectClassifier(**knn, group="Metadata_Compound")
    wells = cross_validate(ObjectClassifier(**knn), table)
    assert "Folds by wells are the same as random folds" in example_warnings(wells)[0]
    assert "--group" in example_warnings(wells)[0]
    found = cross_validate(method, table)
    assert found.kind == "groups of Compound" and len(np.unique(found.groups)) == 12
    for name in np.unique(found.groups):
        assert len(set(found.fold[found.groups == name])) == 1
    assert wells.evaluation.overall["accuracy"] > 0.9 > found.evaluation.overall["accuracy"] + 0.1
    warnings = example_warnings(found, cross_validate(method, table, grouped=False))
    assert any("when groups of Compound are kept together" in warning for warning in warnings)
    assert not any("well" in warning or "--group" in warning for warning in warnings)
    assert len(learning_curve(method, table, found, shares=(0.1, 1.0))) == 2
    one = cross_validate(method, table.assign(Metadata_Compound="taxol"))
    assert "from one group of Compound, so folds are random" in example_warnings(one)[0]
    with pytest.raises(InputError, match="divided by groups of Compound"):
        cross_validate(method, table.assign(Metadata_Compound=table["Class"]))
    with pytest.raises(InputError, match="has no values"):
        cross_validate(method, table.assign(Metadata_Compound=None))
