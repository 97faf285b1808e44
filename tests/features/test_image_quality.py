"""The table of image quality: CellProfiler's values, channels, stacks, tiles, large images, bad pixels; its flags."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

import micrographia as mg
from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features import image_quality as module
from micrographia.features.feature_table import feature_columns, feature_matrix, object_keys
from micrographia.features.image_quality import image_quality, tile_quality
from micrographia.features.plane_quality import plane_levels, plane_quality
from micrographia.features.quality_flags import FLAGS, find_flags

P = "ImageQuality_"


def cells(shape=(240, 320), number=60, seed=0, top=1000):
    """Fluorescence, 12 bits, sharp."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros(shape)
    for _ in range(number):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        image[np.hypot(y - cy, x - cx) < 9] = top * rng.uniform(0.7, 1.3)
    return rng.poisson(gaussian_filter(image, 1.0) + 100).astype(np.uint16)


def names(image):
    (row,) = image_quality(image).to_dict("records")
    return [f.flag.name for f in find_flags(row)]


@pytest.mark.parametrize("position", ["002", "218"])
def test_equal_to_the_tables_of_cellprofiler(data_dir, position):
    folder = data_dir / "cellprofiler" / "ExampleFly"
    table = pd.read_csv(folder / "output" / "Image.csv")
    planes = []
    for letter in "DFR":
        with Picture.open(folder / "images" / f"01_POS{position}_{letter}.TIF") as picture:
            planes.append(np.asarray(picture))
    found = image_quality(Image(np.stack(planes), "CYX", channels=("OrigBlue", "OrigGreen", "OrigRed")))
    row = table[table["FileName_OrigBlue"] == f"01_POS{position}_D.TIF"].iloc[0]
    wanted = [n for n in table.columns if n.startswith(P) and "Correlation" not in n and "Otsu" not in n]
    assert len(wanted) == 3 * 14
    for name in wanted:
        assert found[name].item() == pytest.approx(row[name], rel=2e-5, abs=1e-6), name


@pytest.mark.parametrize("axes", ["YX", "CYX"])
def test_the_name_of_the_only_channel_is_not_part_of_columns(axes):
    pixels = cells() if axes == "YX" else cells()[None]
    pd.testing.assert_frame_equal(image_quality(Image(pixels, axes, channels=("DAPI",))), image_quality(cells()))


def test_channels_stacks_and_keys():
    stack = np.stack([np.stack([cells(seed=c + 2 * z, shape=(64, 80), number=8) for c in (0, 1)]) for z in range(3)])
    table = image_quality(Image(stack, "ZCYX", channels=("DNA", "Actin stress")))
    assert list(table["Metadata_Z"]) == [0, 1, 2]
    one = image_quality(stack[1, 1])
    assert table[f"{P}BlurSigma_Actin_stress"][1] == one[f"{P}BlurSigma"][0]
    assert f"{P}LocalFocusScore_DNA_20" in table and f"{P}LocalFocusScore_20" in one
    assert object_keys(table) == ["Metadata_Z"]
    unnamed = image_quality(Image(stack[0], "CYX"))
    assert f"{P}MeanIntensity_Channel1" in unnamed


def test_columns_are_features_for_learning():
    table = image_quality(cells())
    assert feature_columns(table) == list(table.columns)
    assert np.isfinite(feature_matrix(table)).all()
    tiles = tile_quality(cells(), 100)
    assert object_keys(tiles) == ["Tile_Y", "Tile_X"]
    assert feature_columns(tiles) == list(table.columns)


@settings(max_examples=5, deadline=None)
@given(st.integers(40, 130), st.integers(0, 3))
def test_tiles_are_measured_from_their_pixels_and_the_levels_of_the_whole(side, seed):
    image = cells((150, 170), 25, seed)
    table = tile_quality(image, side)
    levels = plane_levels(image)
    assert len(table) == -(-150 // side) * -(-170 // side)
    for row in table.to_dict("records"):
        y, x = int(row.pop("Tile_Y")), int(row.pop("Tile_X"))
        alone = plane_quality(image[y : y + side, x : x + side], levels)
        alone[f"{P}LocalFocusScore_20"] = alone.pop(f"{P}LocalFocusScore")
        assert row == pytest.approx(alone, nan_ok=True)


def test_tiles_of_a_file_equal_those_of_the_array(tmp_path):
    image = np.stack([cells((300, 420), 100), cells((300, 420), 100, 1)])
    mg.write(tmp_path / "a.ome.zarr", Image(image, "CYX", channels=("a", "b")))
    lazy = mg.read(tmp_path / "a.ome.zarr")
    assert not isinstance(lazy.data, np.ndarray)
    pd.testing.assert_frame_equal(tile_quality(lazy, 128), tile_quality(Image(image, "CYX", channels=("a", "b")), 128))
    pd.testing.assert_frame_equal(image_quality(lazy), image_quality(Image(image, "CYX", channels=("a", "b"))))


class Counting:
    """An array that notes the largest piece that was read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.largest = array, array.shape, array.dtype, 0

    def __getitem__(self, key):
        piece = self.array[key]
        self.largest = max(self.largest, piece.size)
        return piece


def test_large_planes_are_streamed(monkeypatch):
    image = cells((600, 700), 250)
    image[100, 100] = 4095
    whole = image_quality(image).iloc[0]
    monkeypatch.setattr(module, "LARGEST", 100_000)
    monkeypatch.setattr(module, "TILE", 256)
    counted = Counting(image)
    parts = image_quality(Image(counted, "YX")).iloc[0]
    assert counted.largest <= 300 * 350  # the lattice; tiles have 256 x 256
    exact = ["MeanIntensity", "StdIntensity", "MinIntensity", "MaxIntensity", "TotalIntensity", "TotalArea", "Scaling",
             "PercentMaximal", "PercentMinimal", "PercentNotFinite"]  # fmt: skip
    for name in exact:
        assert parts[P + name] == pytest.approx(whole[P + name], rel=1e-9), name
    assert list(parts.index) == list(whole.index)
    assert parts[f"{P}BlurSigma"] == pytest.approx(whole[f"{P}BlurSigma"], rel=0.15)
    assert parts[f"{P}MedianIntensity"] == pytest.approx(whole[f"{P}MedianIntensity"], rel=0.02)
    assert parts[f"{P}BackgroundLevel"] == pytest.approx(whole[f"{P}BackgroundLevel"], rel=0.02)


def test_tiles_of_large_planes_without_any_number_do_not_count(monkeypatch):
    image = cells((200, 260), 40).astype(float)
    image[:, 128:] = np.nan
    monkeypatch.setattr(module, "LARGEST", 1000)
    monkeypatch.setattr(module, "TILE", 128)
    parts, left = image_quality(image).iloc[0], image[:, :128]
    assert parts[f"{P}MinIntensity"] == left.min() > 0
    assert parts[f"{P}MeanIntensity"] == pytest.approx(left.mean())
    assert parts[f"{P}PercentNotFinite"] == pytest.approx(100 * 132 / 260)
    nothing = image_quality(np.full((64, 64), np.nan)).iloc[0]
    assert np.isnan(nothing[f"{P}MeanIntensity"]) and nothing[f"{P}TotalArea"] == 64 * 64


def test_flags_of_made_faults():
    good = cells()
    assert names(good) == []
    assert names(gaussian_filter(good.astype(float), 3)) == ["out of focus"]
    assert names(np.minimum(good.astype(int) * 4, 4095).astype(np.uint16)) == ["saturated"]
    assert names(good + np.linspace(0, 600, 320)[None]) == ["uneven illumination"]
    dirty = good.copy()
    dirty[100:112, 150:162] = np.random.default_rng(0).poisson(12000, (12, 12))
    assert names(dirty) == ["debris"]
    assert names(np.random.default_rng(0).poisson(100, (240, 320)).astype(np.uint16)) == ["empty"]


def test_flags_name_the_channel_and_the_value():
    blurred = np.rint(gaussian_filter(cells().astype(float), 4)).astype(np.uint16)
    (row,) = image_quality(Image(np.stack([cells(), blurred]), "CYX", channels=("DNA", "ER"))).to_dict("records")
    (flag,) = find_flags(row)
    assert flag.text == "out of focus (ER)"
    assert flag.sentence.startswith("ER: out of focus: blurred by ")
    assert len({f.name for f in FLAGS}) == len({f.column for f in FLAGS}) == 6


def test_a_colour_picture_is_measured_as_grey_and_saturated_where_all_samples_are():
    tissue = np.full((120, 160, 3), 240.0)
    tissue[(cells((120, 160), 30) > 500)] = (120, 60, 150)
    tissue = np.rint(gaussian_filter(tissue, (1, 1, 0)) + np.random.default_rng(0).normal(0, 2, tissue.shape))
    tissue = tissue.clip(0, 255).astype(np.uint8)
    tissue[5:15, 5:15, 0] = 255
    (row,) = image_quality(tissue).to_dict("records")
    assert row[f"{P}MeanIntensity"] == pytest.approx(tissue.mean() / 255)
    assert row[f"{P}PercentSaturated"] == 0
    assert find_flags(row) == []
    with_alpha = np.concatenate([tissue, np.full((120, 160, 1), 255, np.uint8)], axis=-1)
    assert image_quality(with_alpha).to_dict("records") == [row]


def test_twelve_bits_in_sixteen_and_real_numbers_are_judged_alike():
    image = np.minimum(cells(top=4500), 4095).astype(np.uint16)
    (low,) = image_quality(image).to_dict("records")
    (real,) = image_quality(image / 65535).to_dict("records")
    for name in ("BlurSigma", "PercentObjectsSaturated", "BackgroundSpan", "Signal", "NoiseSigma", "MeanIntensity"):
        assert real[P + name] == pytest.approx(low[P + name], rel=1e-3), name
    assert low[f"{P}PercentObjectsSaturated"] > 20


def test_pixels_that_are_not_numbers():
    broken = cells().astype(float)
    broken[3, :16], broken[9, 9] = np.nan, np.inf
    (row,) = image_quality(broken).to_dict("records")
    assert row[f"{P}PercentNotFinite"] == pytest.approx(100 * 17 / broken.size)
    (good,) = image_quality(cells().astype(float)).to_dict("records")
    assert row[f"{P}MeanIntensity"] == pytest.approx(good[f"{P}MeanIntensity"], rel=1e-2)
    assert row[f"{P}MaxIntensity"] == good[f"{P}MaxIntensity"]
    (flag,) = find_flags(row)
    assert flag.sentence == "Pixels without a value: 0.022 % are NaN or infinite" and find_flags(good) == []
    assert names(np.full((64, 64), np.nan)) == ["pixels without a value"]


def stained(folder, start):
    (path,) = (folder / "dsb2018").glob(f"*/images/{start}*.png")
    return mg.read(path).array("YXS")[..., :3]


def test_tissue_that_fills_the_image_is_not_empty(data_dir):
    fields = [stained(data_dir, start) for start in ("8f27ebc7", "13f2bec0", "4193474b")]
    assert not any("empty" in names(field) for field in fields)


def test_a_smoothed_background_is_still_empty():
    noise = np.random.default_rng(0).poisson(100, (240, 320)).astype(np.float32)
    for sigma in (1, 2, 4):
        assert names(gaussian_filter(noise, sigma)) == ["empty"]


def test_a_noiseless_picture_of_cells_is_not_empty():
    disc = np.hypot(*np.mgrid[-60:60, -60:60]) < 12
    assert "empty" not in names(gaussian_filter(disc * 100.0, 1) + 1)


def test_cells_that_fill_the_image_are_not_empty(data_dir):
    with Picture.open(data_dir / "cellprofiler" / "ExampleFly" / "images" / "01_POS076_F.TIF") as picture:
        assert "empty" not in names(np.asarray(picture))


def test_dividing_and_very_bright_cells_are_no_debris(data_dir):
    def found(folder, *starts):
        paths = [next((data_dir / folder).glob(f"{start}*")) for start in starts]
        return ["debris" in names(mg.read(path).take(S=0).array("YX")) for path in paths]

    assert (
        found("bbbc013/images", *(f"Channel{c}-{well}-" for c in (1, 2) for well in ("01", "17", "25", "57")))
        == [False] * 8
    )
    assert found("dsb2018/dev/images", "150b0ffa", "6fe2df6d", "0280fa8f") == [False, False, False]
    assert found("dsb2018/dev/images", "193ffaa5") == [True]  # a fibre at its right side


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8), np.uint8), np.arange(64.0).reshape(8, 8), np.full((64, 64), np.nan), np.ones((1, 1)),
     np.full((64, 64), 255, np.uint8), np.eye(40, dtype=bool), np.arange(50.0)[None]],
)  # fmt: skip
def test_odd_images_are_measured(image):
    (row,) = image_quality(image).to_dict("records")
    assert not any(np.isinf(value) for value in row.values())
    assert all(isinstance(f.sentence, str) for f in find_flags(row))
    assert tile_quality(image, 4)[f"{P}TotalArea"].sum() == image.size


def test_a_constant_image_is_empty():
    assert names(np.full((64, 64), 7, np.uint8)) == ["empty"]


@pytest.mark.parametrize(
    ("image", "says"),
    [(np.zeros((0, 5)), "no pixels"), (np.zeros((2, 5, 7)), "dimensions"), (np.zeros((5, 5), complex), "complex")],
)
def test_what_is_refused(image, says):
    with pytest.raises(InputError, match=says):
        image_quality(image)
