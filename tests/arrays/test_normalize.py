"""Normalisation: statistics of the whole image, dark and bright backgrounds, any number type."""

import csv

import numpy as np
import pytest

from micrographia.arrays.normalize import (
    bright_background,
    bright_intensity,
    dark_intensity,
    normalise,
    sample,
)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int16, np.int64, np.float16, np.float64, bool])
def test_dark_background_becomes_zero_and_objects_one(dtype):
    image = np.zeros((1, 200, 200), dtype)
    image[0, 50:100, 50:100] = 1 if dtype is bool else 100
    out = normalise(image, dark_intensity(sample(image, (1, 2))))
    assert out.dtype == np.float32
    assert out[0, 0, 0] == 0 and out[0, 60, 60] == pytest.approx(1)


def test_percentiles_are_those_of_numpy():
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 1000):
        values = rng.normal(size=(1, size)).astype(np.float32)
        found = dark_intensity(values, (3.0, 99.8))
        assert (found.low[0], found.high[0]) == pytest.approx(np.percentile(values, (3, 99.8)), rel=1e-5)


def test_nan_and_infinity_become_background():
    image = np.full((1, 64, 64), 10, np.float32)
    image[0, 20:40, 20:40] = 50
    image[0, 0, :3] = np.nan, np.inf, -np.inf
    out = normalise(image, dark_intensity(sample(image, (1, 2))))
    assert np.isfinite(out).all()
    assert out[0, 0, 0] == 0


def test_constant_image_becomes_zero():
    image = np.full((1, 32, 32), 7, np.uint16)
    assert not normalise(image, dark_intensity(sample(image, (1, 2)))).any()


def test_bright_background_is_inverted():
    image = np.full((3, 64, 64), 230, np.uint8)
    image[:, 20:30, 20:30] = 30
    assert bright_background(sample(image, (1, 2)))
    out = normalise(image, bright_intensity(sample(image, (1, 2))))
    assert out[0, 0, 0] == pytest.approx(0) and out[0, 25, 25] == pytest.approx(1)


def test_kinds_of_all_real_images(data_dir):
    from imagecodecs import imread

    folder = data_dir / "dsb2018"
    wrong = []
    rows = list(csv.DictReader((folder / "split.csv").open()))
    for row in rows[::4]:
        image = imread(folder / row["split"] / "images" / f"{row['id']}.png")
        channels = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
        if bright_background(sample(channels, (1, 2))) != (row["kind"] != "fluorescence"):
            wrong.append(row["id"])
    assert wrong == []


def test_a_volume_is_sampled_along_z_too():
    assert sample(np.zeros((512, 512, 512), np.uint8), (0, 1, 2)).shape == (64, 64, 64)
    assert sample(np.zeros((2, 4000, 300), np.uint8), (1, 2)).shape == (2, 500, 300)
