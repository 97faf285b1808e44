"""ilastik projects as pixel classifiers: made ones, and real ones against what ilastik exported."""

import h5py
import numpy as np
import pytest
from made_project import put_forest, square_project, vigra_tree

from micrographia.arrays.errors import InputError
from micrographia.classify.ilastik.importing import import_project, project_strokes
from micrographia.classify.ilastik.project_writing import write_project
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.cli import main
from micrographia.features.pixel_bank import Bank
from micrographia.io.reading import read


def test_features_of_several_channels_are_found_in_ilastiks_order(tmp_path):
    """In ilastik: gaussian of channels 0 and 1, then both hessian eigenvalues of channel 0, then those of channel 1."""
    bank = Bank((("gaussian", 0.3), ("hessian", 1.0)))
    trees = [vigra_tree((number, 1.0, [1, 0], [0, 1]), 6) for number in range(6)]
    image, _ = square_project(tmp_path / "p.ilp", bank=bank, channels=2, trees=trees)
    found = import_project(tmp_path / "p.ilp")
    assert found.notes == [] and found.classifier.channels_ == ("channel 0", "channel 1")
    probabilities = found.classifier.predict(image)
    maps = bank.compute(image.data.astype(np.float32))
    ours = [maps[k] for k in (0, 3, 1, 2, 4, 5)]
    np.testing.assert_allclose(probabilities[0], np.mean([m < 1.0 for m in ours], axis=0), atol=1e-6)


def test_classes_that_the_forest_does_not_know_have_probability_0(tmp_path):
    image, _ = square_project(tmp_path / "p.ilp", bank=Bank((("gaussian", 0.3),)))
    with h5py.File(tmp_path / "p.ilp", "a") as file:
        del file["PixelClassification/LabelNames"]
        file["PixelClassification/LabelNames"] = np.array([b"a", b"b", b"c", b"d"])
    put_forest(tmp_path / "p.ilp", [vigra_tree((0, 60.0, [1, 0], [0, 1]), 1)], labels=(2, 4))
    classifier = import_project(tmp_path / "p.ilp").classifier
    probabilities = classifier.predict(image)
    assert classifier.classes_ == ("a", "b", "c", "d")
    assert not probabilities[[0, 2]].any()
    np.testing.assert_array_equal(probabilities[3] == 1, np.asarray(image.data) > 60)


def test_a_project_with_strokes_but_no_forest_is_trained(tmp_path):
    image, strokes = square_project(tmp_path / "p.ilp", bank=Bank((("gaussian", 0.7), ("gaussian", 1.0))))
    found = import_project(tmp_path / "p.ilp")
    assert "one was trained here" in found.notes[0]
    inside = np.asarray(image.data) > 60
    assert ((found.classifier.predict(image)[1] > 0.5) == inside).mean() > 0.95


def test_a_second_stage_without_forest_is_trained_on_what_the_first_says(tmp_path):
    bank = Bank((("gaussian", 0.7), ("gradient", 1.6)))
    path = tmp_path / "p.ilp"
    image, _ = square_project(path, bank=bank, trees=[vigra_tree((0, 60.0, [1, 0], [0, 1]), 2)])
    with h5py.File(path, "a") as file:
        file["workflowName"][()] = b"AutocontextTwoStage"
        file.copy("FeatureSelections", "FeatureSelections01")
        file.copy("PixelClassification", "PixelClassification01")
        del file["PixelClassification01/ClassifierForests"]
    found = import_project(path)
    first, second = found.classifier.stages_
    assert (first.context, second.context, second.levels) == (0, 2, 0)
    inside = np.asarray(image.data) > 60
    assert ((found.classifier.predict(image)[1] > 0.5) == inside).mean() > 0.95
    with h5py.File(path, "a") as file:
        del file["PixelClassification01"]
    with pytest.raises(InputError, match="stage 2.* holds neither strokes nor a trained forest"):
        import_project(path)


def test_planes_and_volumes_may_be_mixed_as_in_ilastik(tmp_path):
    bank = Bank((("gaussian", 0.7), ("hessian", 0.7), ("hessian", 1.0)), 3, flat=(0.7,))
    trees = [vigra_tree((number, 0.0, [1, 0], [0, 1]), 6) for number in range(6)]
    image, _ = square_project(tmp_path / "p.ilp", bank=bank, shape=(6, 20, 24), trees=trees)
    classifier = import_project(tmp_path / "p.ilp").classifier
    maps = bank.compute(np.asarray(image.data, np.float32)[None])
    np.testing.assert_allclose(classifier.predict(image)[0], (maps < 0).mean(axis=0), atol=1e-6)


def test_the_command_makes_a_model_that_classifies(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MICROGRAPHIA_MODELS", str(tmp_path / "models"))
    image, _ = square_project(
        tmp_path / "My squares.ilp", bank=Bank((("gaussian", 0.3),)), trees=[vigra_tree((0, 60.0, [1, 0], [0, 1]), 1)]
    )
    assert main(["models", "import", str(tmp_path / "My squares.ilp")]) == 0
    assert (
        "imported as my-squares; use it with: micrographia classify pixels IMAGE -m my-squares"
        in capsys.readouterr().out
    )
    loaded = PixelClassifier.load("my-squares")
    np.testing.assert_array_equal(
        loaded.predict(image), import_project(tmp_path / "My squares.ilp").classifier.predict(image)
    )
    assert main(["models", "test", "my-squares"]) == 0
    assert main(["models", "import", str(tmp_path / "My squares.ilp")]) == 2  # the name is taken
    assert main(["models", "import", str(tmp_path / "models/my-squares.zip"), "--images", "x"]) == 2
    (tmp_path / "broken.ilp").write_bytes(b"no project")
    assert main(["models", "import", str(tmp_path / "broken.ilp")]) == 1


@pytest.fixture
def ilastik(data_dir):
    if not (data_dir / "ilastik").is_dir():
        pytest.skip("no ilastik projects among the real data")
    return data_dir / "ilastik"


def compared(probabilities, exported):
    """Mean absolute difference, and share of pixels with the same class."""
    probabilities = np.moveaxis(probabilities, 0, -1)
    assert probabilities.shape == exported.shape
    same = probabilities.argmax(axis=-1) == exported.argmax(axis=-1)
    return float(np.abs(probabilities - exported).mean()), float(same.mean())


def test_both_stages_of_a_real_autocontext_project(ilastik):
    classifier = import_project(ilastik / "Autocontext_2D.ilp").classifier
    image = read(ilastik / "Data_1channel.png")
    first = PixelClassifier.learned(classifier.stages_[:1], classifier.classes_, classifier.channels_)
    for method, name in ((first, "res-Data_1channel_ac2ds1.npy"), (classifier, "res-Data_1channel_ac2ds2.npy")):
        difference, same = compared(method.predict(image), np.load(ilastik / name))
        assert difference < 1e-4 and same > 0.9998


def test_a_real_project_of_a_volume(ilastik):
    classifier = import_project(ilastik / "PixelClass3D.ilp").classifier
    volume = np.load(ilastik / "Data_3D.npy")[..., 0]
    near = tuple(slice(0, 48) for _ in range(3))  # a corner, wider than the filters reach, to be fast
    exported = np.load(ilastik / "res-Data_3D_pc3d.npy")[:24, :24, :24]
    difference, same = compared(classifier.predict(volume[near])[:, :24, :24, :24], exported)
    assert difference < 1e-3 and same > 0.999


def test_a_real_forest_divides_between_its_own_training_pixels(ilastik):
    """Thresholds lie half-way between feature values of two training pixels, so they know ilastik's features.

    The export of this project (``..._pc1xyc.npy``) is not among the data: ``..._pc1xy.npy`` was made with
    ``2464_PixelClassification_xy_input.ilp``, as the table ``TestResultsLookup`` of ilastik's own tests says.
    """
    found = import_project(ilastik / "PixelClass.ilp", [ilastik])
    strokes = project_strokes(ilastik / "PixelClass.ilp", [ilastik])
    (stage,) = found.classifier.stages_
    values = stage.bank.compute(np.asarray(strokes.images[0].data, np.float32)[None])[:, strokes.labels[0] > 0]
    forest, far = stage.model, []
    for node in np.flatnonzero(forest.feature >= 0):
        value = np.unique(values[forest.feature[node]].astype(np.float64))
        middles = (value[:, None] + value)[np.triu_indices(len(value), 1)] / 2
        far.append(np.abs(middles - forest.threshold[node]).min() / np.ptp(value))
    assert np.median(far) < 1e-6 and max(far) < 1e-4
    labelled = found.classifier.predict(strokes.images[0])[:, strokes.labels[0] > 0]
    assert (labelled.argmax(axis=0) + 1 == strokes.labels[0][strokes.labels[0] > 0]).all()


@pytest.mark.parametrize("name", ["PixelClass", "PixelClass3D"])
def test_what_we_write_is_laid_out_as_what_ilastik_writes(ilastik, tmp_path, name):
    def layout(path):
        found = {}

        def see(name, node):
            kind = (
                "text"
                if isinstance(node, h5py.Dataset) and node.dtype.kind in "SO"
                else str(getattr(node, "dtype", ""))
            )
            found[name] = (kind, getattr(node, "ndim", None), sorted(node.attrs))

        with h5py.File(path) as file:
            file.visititems(see)
        trained = ("Classifier", "Bookmarks", "labels000/block")
        return {name: what for name, what in found.items() if not any(word in name for word in trained)}

    strokes = project_strokes(ilastik / f"{name}.ilp", [ilastik])
    written = write_project(tmp_path / "p.ilp", strokes, bank=import_project(ilastik / f"{name}.ilp").classifier.bank_)
    assert layout(written) == layout(ilastik / f"{name}.ilp")
    with h5py.File(written) as ours, h5py.File(ilastik / f"{name}.ilp") as theirs:
        for key in ("FeatureSelections/SelectionMatrix", "FeatureSelections/Scales", "FeatureSelections/ComputeIn2d"):
            np.testing.assert_array_equal(ours[key], theirs[key])
        for block in ours["PixelClassification/LabelSets/labels000"].values():
            real = theirs["PixelClassification/LabelSets/labels000/block0000"]
            assert (block.dtype, block.ndim, sorted(block.attrs)) == (real.dtype, real.ndim, sorted(real.attrs))
            assert block.attrs["axistags"] == real.attrs["axistags"]
