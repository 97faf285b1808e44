"""The built-in model on planes: real data, tiles, odd input."""

import csv
from pathlib import Path

import numpy as np
import pytest

import micrographia as mg
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.metrics.matching import match
from micrographia.segment.predictor import Predictor, load_predictor

RECIPE = Path(__file__).parents[2] / "recipes" / "nuclei" / "test_images.csv"


@pytest.fixture(scope="module")
def predictor():
    return load_predictor("nuclei")


def _tiled(predictor, window):
    return Predictor(predictor.package, window=window)


def _mosaic(data_dir, side=1100):
    """A picture with hundreds of nuclei of very different sizes, among them some larger than a tile's core."""
    from tifffile import imread

    small = imread(data_dir / "stardist_samples" / "images" / "img2d.tif").astype(np.float32)
    large = np.kron(small[100:240, 200:340], np.ones((4, 4), np.float32))
    out = np.tile(small, (3, 3))
    out[200:760, 300:860] = large
    return out[:side, :side].astype(np.uint16)


def test_real_nuclei_that_were_never_trained_on(predictor, data_dir):
    from imagecodecs import imread

    scores = []
    rows = [row for row in csv.DictReader(RECIPE.open()) if row["kind"] == "fluorescence"]
    for row in rows[::4]:
        folder = data_dir / "dsb2018" / "train"
        image, labels = imread(folder / "images" / f"{row['id']}.png"), imread(folder / "labels" / f"{row['id']}.tif")
        scores.append(match(labels, predictor.segment(image).labels)[0].accuracy)
    assert np.mean(scores) > 0.8


def test_tiles_equal_the_whole(predictor, data_dir):
    image = _mosaic(data_dir)
    whole = predictor.segment(image)
    assert len(whole.label) > 300
    for window in (640, 704):
        tiled = _tiled(predictor, window).segment(image)
        np.testing.assert_array_equal(tiled.labels, whole.labels)
        np.testing.assert_array_equal(tiled.probability, whole.probability)


def test_zarr_in_and_out_equals_arrays(predictor, data_dir, tmp_path):
    zarr = pytest.importorskip("zarr")
    image = np.pad(_mosaic(data_dir, 880), ((15, 5), (0, 20)), constant_values=65535)  # a frame is seen alike, too
    lazy = zarr.create_array(tmp_path / "in.zarr", data=image, chunks=(256, 256))
    out = zarr.create_array(tmp_path / "out.zarr", shape=image.shape, dtype="int32", chunks=(128, 128))
    seen = {}

    def visit(labels, numbers, region, stars):
        for n in numbers:
            assert n not in seen
            seen[int(n)] = int((labels == n).sum())

    _tiled(predictor, 640).segment_to_zarr(Image(lazy, "YX"), out, scratch=tmp_path, visit=visit)
    expected = predictor.segment(image).labels
    np.testing.assert_array_equal(out[:], expected)
    areas = np.bincount(expected.ravel())
    assert all(area == areas[n] for n, area in seen.items() if n < len(areas))
    assert not list(tmp_path.glob(".foreground*"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int64", "float16", "float32", "float64", ">u2"])
def test_number_types_do_not_matter(predictor, data_dir, dtype):
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")[:256, :256]
    image = np.clip(image // 4, 0, 255)
    expected = predictor.segment(image.astype(np.float64)).labels.max()
    assert expected > 20
    assert abs(int(predictor.segment(image.astype(dtype)).labels.max()) - int(expected)) <= 1


def test_negative_values_and_offsets_do_not_matter(predictor, data_dir):
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")[:256, :256].astype(np.float32)
    first, second = (predictor.segment(image - shift).labels for shift in (0, 5000))
    assert abs(int(first.max()) - int(second.max())) <= 1


def test_inverted_and_coloured_pictures_are_recognised(predictor, data_dir):
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")
    low, high = np.percentile(image, [0, 99.9])
    image = np.clip((image - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    dark, bright = predictor.segment(image), predictor.segment(255 - image)
    assert (dark.kind, bright.kind) == ("dark background", "bright background")
    colour = predictor.segment(np.stack([image * 0, image * 0, image], -1))
    assert colour.kind == "dark background"
    assert abs(len(colour.label) - len(dark.label)) <= 3
    assert match(dark.labels, bright.labels)[0].f1 > 0.8


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (3, 5), (33, 47)])
def test_small_and_thin_pictures(predictor, shape):
    found = predictor.segment(np.random.default_rng(0).integers(0, 99, shape))
    assert found.labels.shape == shape and found.labels.dtype == np.int32


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_constant_picture_has_no_objects_and_a_note(predictor, value):
    found = predictor.segment(np.full((64, 64), value, np.uint16))
    assert not found.labels.any()
    assert any("constant" in note for note in found.notes)


def test_nan_and_infinity(predictor, data_dir):
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")[:256, :256].astype(np.float32)
    expected = int(predictor.segment(image).labels.max())
    image[:4, :4], image[-3:, -3:] = np.nan, np.inf
    assert abs(int(predictor.segment(image).labels.max()) - expected) <= 2
    assert not predictor.segment(np.full((40, 40), np.nan)).labels.any()


def test_what_cannot_be_segmented_is_refused(predictor):
    with pytest.raises(InputError, match="complex64"):
        predictor.segment(np.zeros((8, 8), np.complex64))
    with pytest.raises(InputError, match="axes"):
        predictor.segment(Image(np.zeros((2, 8, 8)), "ZYX"))
    with pytest.raises(InputError, match="2 channels"):
        predictor.segment(Image(np.zeros((2, 8, 8)), "CYX"))


def test_thresholds_can_be_changed(predictor, data_dir):
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")
    few, many = (len(predictor.segment(image, probability=p).label) for p in (0.85, 0.2))
    assert few < many


def test_three_lines(data_dir):
    image = mg.read(data_dir / "stardist_samples" / "images" / "img2d.tif")
    labels = mg.segment(image)
    table = mg.measure(labels, image)
    assert len(table) == labels.max() > 80
    truth = mg.read_labels(data_dir / "stardist_samples" / "images" / "mask2d.tif").array()
    assert match(truth, labels)[0].accuracy > 0.75


def test_stacks_and_named_axes(data_dir):
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")[:128, :128]
    with pytest.warns(UserWarning, match="z slices"):
        labels = mg.segment(np.stack([image, image]), axes="ZYX")
    assert labels.shape == (2, 128, 128)
    np.testing.assert_array_equal(labels[0], labels[1])
    with pytest.raises(InputError, match="name its axes"):
        mg.segment(np.zeros((5, 8, 9)))
