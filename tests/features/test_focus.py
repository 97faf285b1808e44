"""Focus measures: equal to CellProfiler's tables, and to its formulas written out plainly."""

import numpy as np
import pytest
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

from micrographia.features.focus import in_focus, local_normalized_variance, normalized_variance, power_log_log_slope


def plain_slope(image):
    """CellProfiler's steps, one after the other (centrosome.radial_power_spectrum, measureimagequality)."""
    rows, columns = (np.arange(n) for n in image.shape)
    squared = rows[:, None] ** 2 + columns**2
    squared = np.minimum(squared, np.flipud(squared))
    squared = np.minimum(squared, np.fliplr(squared))
    image = image / np.median(np.abs(image - image.mean()))
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    ring = np.floor(np.sqrt(squared)).astype(int) + 1
    radii = np.arange(2, np.floor(min(image.shape) / 8)).astype(int)
    total = np.array([power[ring == r].sum() for r in radii])
    terms = np.stack([np.log(radii), np.ones(len(radii))], axis=1)
    return np.linalg.lstsq(terms, np.log(total), rcond=None)[0][0]


@pytest.mark.parametrize("shape", [(64, 64), (97, 130), (130, 97), (75, 75), (256, 40)])
def test_slope_is_that_of_the_plain_formula(shape):
    image = gaussian_filter(np.random.default_rng(0).random(shape), 1.5)
    assert power_log_log_slope(image) == pytest.approx(plain_slope(image), abs=1e-9)


@pytest.mark.parametrize("position", ["002", "076", "218"])
@pytest.mark.parametrize(("channel", "letter"), [("Blue", "D"), ("Green", "F"), ("Red", "R")])
def test_equal_to_the_tables_of_cellprofiler(data_dir, position, channel, letter):
    import pandas as pd

    folder = data_dir / "cellprofiler" / "ExampleFly"
    table = pd.read_csv(folder / "output" / "Image.csv")
    name = f"01_POS{position}_{letter}.TIF"
    row = table[table[f"FileName_Orig{channel}"] == name].iloc[0]
    with Picture.open(folder / "images" / name) as picture:
        image = np.asarray(picture) / 255
    assert power_log_log_slope(image) == pytest.approx(row[f"ImageQuality_PowerLogLogSlope_Orig{channel}"], abs=1e-6)
    assert normalized_variance(image) == pytest.approx(row[f"ImageQuality_FocusScore_Orig{channel}"], rel=1e-5)
    local = row[f"ImageQuality_LocalFocusScore_Orig{channel}_20"]
    assert local_normalized_variance(image) == pytest.approx(local, rel=1e-5)


def test_blur_makes_the_slope_steeper():
    image = np.random.default_rng(0).random((128, 128))
    slopes = [power_log_log_slope(gaussian_filter(image, s)) for s in (0, 3, 6)]
    assert slopes[0] > 0 > slopes[1] > slopes[2]


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.full((64, 64), 7), np.full((9, 9), np.nan), np.eye(8)])
def test_images_without_structure_or_too_small(image):
    assert power_log_log_slope(image) == 0
    assert np.isfinite(normalized_variance(image)) and np.isfinite(local_normalized_variance(image))


def test_probability_falls_with_the_blur():
    assert np.isnan(in_focus(float("nan")))
    found = [in_focus(s) for s in (0.5, 1, 1.5, 2, 4)]
    assert np.all(np.diff(found) < 0) and found[0] > 0.95 and found[-1] < 0.05
