"""Blur in pixels: on edges of known blur, on real images blurred by known amounts, and where it cannot be known."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

import micrographia as mg
from micrographia.features.blur import blur_sigma, grey_step, power_rings


def nuclei(shape=(256, 256), radius=9, number=60, seed=0):
    """Discs of different sizes at random places, without blur but for their pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: 2 * shape[0], : 2 * shape[1]] / 2
    image = np.full(y.shape, 200.0)
    for _ in range(number):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        image[np.hypot(y - cy, x - cx) < radius * rng.uniform(0.6, 1.4)] = rng.uniform(1000, 3000)
    return image.reshape(shape[0], 2, shape[1], 2).mean(axis=(1, 3))


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0, 4.0, 5.0])
def test_known_blur(sigma):
    rng = np.random.default_rng(1)
    image = rng.poisson(gaussian_filter(nuclei(), sigma)).astype(np.uint16)
    assert blur_sigma(image) == pytest.approx(sigma, rel=0.2)


def test_more_blur_is_more():
    found = [blur_sigma(gaussian_filter(nuclei(), s)) for s in (0, 1, 2, 4, 8)]
    assert np.all(np.diff(found) > 0)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 500), st.floats(-1000, 1000), st.integers(0, 3))
def test_neither_brightness_nor_contrast_nor_turning_counts(factor, offset, turns):
    image = gaussian_filter(nuclei((96, 128), number=20), 2.0)
    changed = np.rot90(image, turns) * factor + offset
    assert blur_sigma(changed, step=0) == pytest.approx(blur_sigma(image, step=0), rel=0.02)


def test_a_negative_is_as_blurred():
    image = gaussian_filter(nuclei(), 2.0)
    assert blur_sigma(-image) == pytest.approx(blur_sigma(image), rel=1e-3)


def test_rings_of_white_noise_have_its_variance():
    frequency, power, number = power_rings(np.random.default_rng(0).normal(50, 3, (120, 200)))
    assert np.all(np.diff(frequency) > 0) and frequency[-1] <= np.pi
    assert np.average(power, weights=number) == pytest.approx(9, rel=0.05)
    assert power[number > 500] == pytest.approx(9, rel=0.25)


def test_step_of_grey_values():
    ramp = np.arange(4096).reshape(64, 64)
    assert grey_step(ramp.astype(np.uint16)) == 1
    assert grey_step((16 * ramp).astype(np.uint16)) == 16
    assert grey_step(ramp / 4095) == pytest.approx(1 / 4095)
    assert grey_step(np.full((5, 5), 3)) == 0
    assert grey_step(np.full((5, 5), np.nan)) == 0


def test_twelve_bits_in_sixteen():
    image = np.rint(gaussian_filter(nuclei(), 3.0) / 3)
    low, high = image.astype(np.uint16), (16 * image).astype(np.uint16)
    assert blur_sigma(high) == pytest.approx(blur_sigma(low), rel=1e-6)
    assert blur_sigma(low / 4095) == pytest.approx(blur_sigma(low), rel=1e-3)


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8)), np.ones((64, 64)), np.full((64, 64), np.nan), np.random.default_rng(0).random((15, 300))],
)
def test_where_blur_cannot_be_known(image):
    assert np.isnan(blur_sigma(image))


def test_pixels_that_are_not_numbers():
    image = gaussian_filter(nuclei(), 2.0)
    broken = image.copy()
    broken[100, 50:53] = np.nan
    assert blur_sigma(broken) == pytest.approx(blur_sigma(image), rel=0.3)


def auc(bad, good):
    """Share of pairs in which the blurred image has the larger value."""
    bad, good = np.asarray(bad)[:, None], np.asarray(good)
    return float(np.mean((bad > good) + 0.5 * (bad == good)))


def test_cells_out_of_focus_need_no_training(data_dir):
    """MitoCheck's class OutOfFocus, crops of 64 x 64 pixels, against all other classes; every fifth crop."""
    from PIL import Image as Picture

    with (data_dir / "mitocheck" / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::5]
    found: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        with Picture.open(data_dir / "mitocheck" / "images" / row["class"] / row["file"]) as picture:
            found[row["class"] == "OutOfFocus"].append(blur_sigma(np.asarray(picture)))
    assert len(found[True]) > 30
    assert auc(found[True], found[False]) > 0.97


def test_a_plate_of_other_cells_blurred_by_known_amounts(data_dir):
    """bbbc013: cytoplasm and nuclei of another microscope, of which nothing was chosen."""
    paths = sorted((data_dir / "bbbc013" / "images").glob("*.tif"))[::32]
    sharp = {path: mg.read(path).array("YX").astype(float) for path in paths}
    own = {path: blur_sigma(np.rint(image)) for path, image in sharp.items()}
    soft = {(path, s): blur_sigma(np.rint(gaussian_filter(sharp[path], s))) for path in paths for s in (1, 3, 5)}
    assert auc(list(soft.values()), list(own.values())) == 1
    errors = [abs(found / np.hypot(own[path], s) - 1) for (path, s), found in soft.items()]
    assert np.median(errors) < 0.1 and np.mean(np.array(errors) < 0.2) > 0.9


def test_real_images_blurred_by_known_amounts(data_dir):
    """Images that neither the calibration nor any limit has seen; the numbers are those of the benchmark in small."""
    with (data_dir / "dsb2018" / "split.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "dev"]
    errors, sharp, soft = [], [], []
    for row in rows[::5]:
        image = mg.read(data_dir / "dsb2018" / "dev" / "images" / f"{row['id']}.png")
        pixels = image.array("YXS")[..., :3].mean(axis=-1) if "S" in image.axes else image.array("YX")
        own = blur_sigma(np.rint(pixels))
        sharp.append(own)
        for sigma in (2, 3, 5):
            found = blur_sigma(np.rint(gaussian_filter(pixels.astype(float), sigma)))
            soft.append(found)
            errors.append(abs(found / np.hypot(own, sigma) - 1))
    assert np.median(errors) < 0.1
    assert np.mean(np.array(errors) < 0.2) > 0.85
    assert np.mean(np.array(sharp)[:, None] < np.array(soft)) > 0.98
