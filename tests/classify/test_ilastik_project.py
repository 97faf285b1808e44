"""What is read from ilastik projects, what is written into them, and what is refused."""

import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from made_project import put_forest, square_project, squares, vigra_tree

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.ilastik.importing import import_project, project_strokes
from micrographia.classify.ilastik.project_file import read_project
from micrographia.classify.ilastik.project_writing import COLOURS, write_project
from micrographia.classify.pixels.strokes import Strokes
from micrographia.features.pixel_bank import Bank
from micrographia.io.reading import read
from micrographia.io.writing import write

BANK = Bank((("gaussian", 0.3), ("structure", 1.6), ("hessian", 0.9)))
STUMP = vigra_tree((0, 60.0, [9, 1], [0, 5]), 5)


def test_strokes_written_are_read_again(tmp_path):
    images, labels = zip(*(squares((40, 300), channels=2, seed=seed) for seed in range(2)), strict=True)
    labels[1][:] = 0  # an image without strokes stays in the project
    labels[0][39, 299] = 3
    strokes = Strokes(images, labels, names=["één", "two"], classes=("ground", "Kern", "µ", "empty"))
    path = write_project(tmp_path / "p.ilp", strokes, bank=BANK)
    project = read_project(path)
    assert [(lane.name, lane.axes, lane.shape) for lane in project.lanes] == [
        ("één", "CYX", (2, 40, 300)), ("two", "CYX", (2, 40, 300))
    ]  # fmt: skip
    stage = project.stages[0]
    assert stage.selection == (("gaussian", 0.3, True), ("structure", 1.6, True), ("hessian", 0.9, True))
    assert stage.classes == ("ground", "Kern", "µ", "empty") and stage.colours == COLOURS[:4]
    assert not stage.trees and stage.painted
    for number, lane in enumerate(project.lanes):
        np.testing.assert_array_equal(stage.labels(number, lane), labels[number])
    again = project_strokes(path)
    assert again.names == ["één"] and again.classes == strokes.classes
    np.testing.assert_array_equal(again.labels[0], labels[0])
    np.testing.assert_array_equal(again.images[0].data, images[0].data)


def test_volumes_and_time_series_keep_their_strokes_in_place(tmp_path):
    rng = np.random.default_rng(0)
    for axes, shape, dimensions in (("TZYX", (3, 4, 20, 24), 3), ("TYXS", (3, 20, 24, 3), 2), ("ZYX", (4, 20, 24), 2)):
        image = Image(rng.integers(0, 255, shape).astype(np.uint8), axes)
        labels = np.zeros([n for n, axis in zip(shape, axes, strict=True) if axis != "S"], np.uint8)
        labels.flat[rng.choice(labels.size, 50, replace=False)] = rng.integers(1, 3, 50)
        bank = Bank((("gaussian", 1.0), ("hessian", 1.6)), dimensions, flat=(1.6,) if dimensions == 3 else ())
        again = project_strokes(write_project(tmp_path / "p.ilp", Strokes([image], [labels]), bank=bank))
        np.testing.assert_array_equal(again.labels[0], labels)
        flags = [flag for _, _, flag in read_project(tmp_path / "p.ilp").stages[0].selection]
        assert flags == ([False, True] if dimensions == 3 else [True, True])


def test_image_files_are_named_relative_to_the_project_and_found_where_it_went(tmp_path):
    image, labels = squares()
    (tmp_path / "here").mkdir()
    file = tmp_path / "here" / "square.tif"
    write(file, image)
    known = Image(image.data, "YX", name="square", source=str(file))
    path = write_project(tmp_path / "p.ilp", Strokes([known], [labels]))
    assert read_project(path).lanes[0].file == "here/square.tif"
    np.testing.assert_array_equal(project_strokes(path).images[0].data, image.data)
    with h5py.File(path, "a") as project:  # made elsewhere
        project["Input Data/infos/lane0000/Raw Data/filePath"][()] = rb"D:\pictures\square.tif"
    with pytest.raises(InputError, match=r"D:\\pictures\\square.tif was not found; say where it is with --images"):
        project_strokes(path)
    np.testing.assert_array_equal(project_strokes(path, [tmp_path / "here"]).images[0].data, image.data)
    moved = path.rename(tmp_path / "here" / "p.ilp")
    np.testing.assert_array_equal(project_strokes(moved).images[0].data, image.data)
    write(tmp_path / "other.tif", Image(image.data[:20], "YX"))
    with pytest.raises(InputError, match="one of .40, 48. .YX."):
        project_strokes(moved, [tmp_path / "other.tif"])


@pytest.mark.parametrize(
    ("axes", "shape", "part"), [("CYX", (2, 40, 48), {"C": 1}), ("ZYX", (5, 40, 48), {"Z": 2}), ("YX", (40, 48), {})]
)
def test_a_part_of_an_image_file_is_stored(tmp_path, axes, shape, part):
    _, labels = squares()
    write(tmp_path / "a.ome.tif", Image(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8), axes))
    image = read(tmp_path / "a.ome.tif").take(**part)
    path = write_project(tmp_path / "p.ilp", Strokes([image], [labels]))
    again = project_strokes(path)
    assert read_project(path).lanes[0].file == ("" if part else "a.ome.tif")
    np.testing.assert_array_equal(np.squeeze(again.images[0].data), image.data)
    np.testing.assert_array_equal(again.labels[0], labels)
    second = write_project(tmp_path / "second.ilp", again)  # the image is in the first project
    np.testing.assert_array_equal(np.squeeze(project_strokes(second).images[0].data), image.data)


def test_pixels_that_are_not_those_of_the_file_are_stored(tmp_path):
    image, labels = squares()
    write(tmp_path / "a.tif", image)
    changed = Image(image.data // 2, "YX", source=str(tmp_path / "a.tif"))
    gone = Image(image.data, "YX", source=str(tmp_path / "gone.npy"))
    for one in (changed, gone):
        path = write_project(tmp_path / "p.ilp", Strokes([one], [labels]))
        np.testing.assert_array_equal(np.squeeze(project_strokes(path).images[0].data), one.data)


def test_a_damaged_array_file_is_refused(tmp_path):
    image, labels = squares()
    np.save(tmp_path / "a.npy", image.data)
    path = write_project(tmp_path / "p.ilp", Strokes([read(tmp_path / "a.npy")], [labels]))
    assert read_project(path).lanes[0].file == "a.npy"
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:500])
    with pytest.raises(InputError, match="damaged or cut short"):
        project_strokes(path)


def test_transparency_is_not_written(tmp_path):
    _, labels = squares()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 4)).astype(np.uint8)
    image = Image(pixels, "YXS")
    path = write_project(tmp_path / "p.ilp", Strokes([image], [labels]), bank=BANK)
    assert read_project(path).lanes[0].shape == (40, 48, 3)
    assert import_project(path).classifier.predict(image).shape == (2, 40, 48)


@pytest.mark.parametrize("name", ["topology", "parameters"])
@pytest.mark.parametrize("value", [np.float64(np.nan), np.int64(-5), np.full((2, 2), 2**31)])
def test_a_tree_that_is_no_row_of_numbers_is_refused(tmp_path, name, value):
    square_project(tmp_path / "p.ilp", bank=BANK, trees=[STUMP, STUMP])
    with h5py.File(tmp_path / "p.ilp", "a") as file:
        tree = file["PixelClassification/ClassifierForests/Forest0000/Tree_0"]
        del tree[name]
        tree[name] = value
    with pytest.raises(InputError, match=f"this ilastik project is damaged .*Tree_0/{name} has the shape"):
        import_project(tmp_path / "p.ilp")


def test_pixels_inside_another_hdf5_file(tmp_path):
    image, labels = square_project(tmp_path / "p.ilp")
    with h5py.File(tmp_path / "stack.h5", "w") as file:
        file["volume/data"] = image.data[..., None]
    with h5py.File(tmp_path / "p.ilp", "a") as file:
        raw = file["Input Data/infos/lane0000/Raw Data"]
        del raw["location"], raw["filePath"]
        raw["location"], raw["filePath"] = b"FileSystem", b"stack.h5/volume/data"
    again = project_strokes(tmp_path / "p.ilp").images[0]
    np.testing.assert_array_equal(again.data[..., 0], image.data)


def _without(path, *names):
    with h5py.File(path, "a") as file:
        for name in names:
            del file[name]


def test_another_workflow_is_named(tmp_path):
    square_project(tmp_path / "p.ilp")
    with h5py.File(tmp_path / "p.ilp", "a") as file:
        del file["workflowName"]
        file["workflowName"] = b"Carving"
    with pytest.raises(InputError, match="an ilastik project of the workflow 'Carving'"):
        import_project(tmp_path / "p.ilp")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("Input Data/infos/lane0000", "there is no image in this ilastik project"),
        ("PixelClassification/LabelSets", "holds neither strokes nor a trained forest"),
        ("PixelClassification", "holds neither strokes nor a trained forest"),
        ("FeatureSelections/SelectionMatrix", "no features are selected"),
        ("FeatureSelections", "no features are selected"),
        ("workflowName", "no ilastik project .it names no workflow."),
        ("Input Data/infos/lane0000/Raw Data/shape", "is damaged"),
    ],
)
def test_what_is_missing_is_said(tmp_path, gone, words):
    square_project(tmp_path / "p.ilp", bank=BANK)
    _without(tmp_path / "p.ilp", gone)
    with pytest.raises(InputError, match=words):
        import_project(tmp_path / "p.ilp")


def test_files_that_are_no_projects(tmp_path):
    path = tmp_path / "p.ilp"
    with pytest.raises(InputError, match="there is no such ilastik project"):
        read_project(path)
    path.write_bytes(b"PK\3\4 something else")
    with pytest.raises(InputError, match="it is not an HDF5 file"):
        read_project(path)
    square_project(path)
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match="this ilastik project is cut short"):
            read_project(path)


def test_strokes_outside_the_image_and_unknown_features(tmp_path):
    path = tmp_path / "p.ilp"
    square_project(path, bank=BANK)
    with h5py.File(path, "a") as file:
        file["FeatureSelections/FeatureIds"][0] = b"CoherenceOrientation"
    with pytest.raises(InputError, match="the feature 'CoherenceOrientation', which there is not here"):
        read_project(path)
    square_project(path)
    with h5py.File(path, "a") as file:
        block = file["PixelClassification/LabelSets/labels000/block0000"]
        rows, columns = block.shape[:2]
        block.attrs["blockSlice"] = f"[{90}:{90 + rows},0:{columns},0:1]"
    with pytest.raises(InputError, match="strokes outside the image"):
        read_project(path)


def test_a_forest_of_other_features_is_refused(tmp_path):
    square_project(tmp_path / "p.ilp", bank=Bank((("gaussian", 0.3),)), trees=[STUMP])
    with pytest.raises(InputError, match="trained on 5 features, but 1 are selected"):
        import_project(tmp_path / "p.ilp")


def test_stages_and_colours_that_there_are_not(tmp_path):
    path = tmp_path / "p.ilp"
    square_project(path, bank=BANK)
    for stage in (5, -1):
        with pytest.raises(RequestError, match=f"no stage {stage}; it has 1"):
            project_strokes(path, stage=stage)
    image, labels = squares()
    for colours in ((), ((1, 2),), ((0, 0, 256),)):
        with pytest.raises(RequestError, match="colours"):
            write_project(path, Strokes([image], [labels]), colours=colours)


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    image, strokes = square_project(tmp_path / "p.ilp")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RequestError, match=r"pip install micrographia\[formats\]"):
        read_project(tmp_path / "p.ilp")
    with pytest.raises(RequestError, match=r"pip install micrographia\[formats\]"):
        write_project(tmp_path / "q.ilp", Strokes([image], [strokes]))


def test_what_ilastik_cannot_hold_is_not_written(tmp_path):
    image, strokes = squares()
    with pytest.raises(RequestError, match="ilastik has no feature 'membrane'"):
        write_project(tmp_path / "p.ilp", Strokes([image], [strokes]), bank=Bank((("membrane", 1.0),)))
    assert not list(tmp_path.iterdir())


def test_pickles_are_never_read(tmp_path):
    path = tmp_path / "p.ilp"
    square_project(path, bank=BANK)
    put_forest(path, [STUMP])
    with h5py.File(path, "a") as file:
        file["PixelClassification/ClassifierFactory"] = np.void(b"cos\nsystem\n(S'false'\ntR.")
        file["PixelClassification/ClassifierForests/pickled_type"] = np.void(b"cos\nsystem\n(S'false'\ntR.")
    read = []
    original = h5py.Dataset.__getitem__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h5py.Dataset, "__getitem__", lambda self, *key: (read.append(self.name), original(self, *key))[1])
        read_project(path)
    assert read and not [name for name in read if "Factory" in name or "pickled" in name]


def test_pixels_that_are_not_those_of_an_image_on_disk_are_stored(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (2, 40, 48)).astype(np.uint8)
    write(tmp_path / "a.ome.zarr", Image(pixels, "CYX"))
    on_disk, labels = read(tmp_path / "a.ome.zarr"), squares()[1]
    changed = pixels.copy()
    changed[1, 39, 47] ^= 1
    for data, file in ((on_disk.data, "a.ome.zarr"), (pixels, "a.ome.zarr"), (changed, "")):
        path = write_project(tmp_path / "p.ilp", Strokes([replace(on_disk, data=data)], [labels]))
        assert read_project(path).lanes[0].file == file
        np.testing.assert_array_equal(project_strokes(path).images[0].data[...], data[...])
    write(tmp_path / "b.ome.zarr", Image(changed, "CYX"))
    other = replace(on_disk, data=read(tmp_path / "b.ome.zarr").data)
    path = write_project(tmp_path / "p.ilp", Strokes([other], [labels]))
    np.testing.assert_array_equal(project_strokes(path).images[0].data, changed)
