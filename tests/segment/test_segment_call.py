"""``mg.segment`` and ``mg.measure`` called in Python, and what is said of planes there and in a terminal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import micrographia as mg
from micrographia.arrays.image import Image
from micrographia.segment.planes import choose_planes


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_are_to_be_read_first(kind: type) -> None:
    with pytest.raises(mg.InputError, match=r'read it first: mg\.read\("cells\.tif"\)'):
        mg.segment(kind("cells.tif"))
    with pytest.raises(mg.InputError, match=r'l\.tif is a path.*mg\.read_labels\("l\.tif"\)'):
        mg.measure(kind("l.tif"), kind("a.tif"))
    with pytest.raises(mg.InputError, match=r'a\.tif is a path.*mg\.read\("a\.tif"\)'):
        mg.measure(np.ones((4, 4), int), kind("a.tif"))


@pytest.mark.parametrize(
    ("shape", "axes", "channels", "has"),
    [
        ((8, 8), "YX", (), "one channel, 0."),
        ((1, 8, 8), "CYX", ("GFP",), "one channel, 0 (GFP)."),
        ((2, 8, 8), "CYX", (), "2 channels, 0 and 1."),
        ((3, 8, 8), "CYX", ("GFP", "", "RFP"), "3 channels, 0 (GFP), 1 and 2 (RFP)."),
        ((9, 8, 8), "CYX", (), "9 channels, 0 to 8."),
        ((8, 8, 3), "YXS", (), "3 channels, 0 (red), 1 (green) and 2 (blue)."),
    ],
)
def test_a_channel_that_is_not_there(shape, axes, channels, has) -> None:
    image = Image(np.zeros(shape, np.uint8), axes, channels=channels)
    with pytest.raises(mg.InputError) as error:
        choose_planes(image, channel="DAPI")
    assert str(error.value).endswith(f"there is no channel 'DAPI'; it has {has}")


def test_hints_are_for_the_terminal_and_for_python() -> None:
    image = Image(np.zeros((2, 3, 8, 8), np.uint8), "CZYX")
    notes = " ".join(choose_planes(image)[1])
    assert "--z best-focus (z= in Python)" in notes
    assert "--channel (channel= in Python)" in notes
    chosen = " ".join(choose_planes(image, channel=1, z="max")[1])
    assert "--" not in chosen


def test_who_chose_a_scene_is_not_told_how(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(np.zeros((8, 8), np.uint8))
        tif.write(np.zeros((9, 8), np.uint8))
    assert "number 0 was read (another: --scene where" in " ".join(mg.read(path).notes)
    assert mg.read(path, scene=1).notes == ("the file holds 2 images; number 1 was read",)


def test_axes_in_small_letters_and_of_the_wrong_kind() -> None:
    assert mg.segment(np.zeros((2, 64, 64), np.uint8), axes="tyx").shape == (2, 64, 64)
    with pytest.raises(mg.InputError, match="a text such as 'ZYX', not 5"):
        mg.segment(np.zeros((64, 64), np.uint8), axes=5)


@pytest.mark.parametrize("name", ["probability", "overlap"])
@pytest.mark.parametrize("value", [2, -1, 1.001, float("nan"), float("inf"), "0.5"])
def test_thresholds_are_from_0_to_1(name: str, value: object) -> None:
    with pytest.raises(mg.RequestError, match=f"'{name}' must be a number from 0 to 1, not"):
        mg.segment(np.zeros((64, 64), np.uint8), **{name: value})


@pytest.mark.parametrize("value", [0, 1, np.float32(0.5)])
def test_the_bounds_themselves_are_thresholds(value: float) -> None:
    assert mg.segment(np.zeros((64, 64), np.uint8), probability=value, overlap=value).max() == 0


def test_the_background_can_be_named() -> None:
    import skimage

    tissue = skimage.data.immunohistochemistry()[:256, :256]
    found = {name: int(mg.segment(tissue, background=name).max()) for name in ("auto", "bright", "dark")}
    assert found["auto"] == found["bright"] != found["dark"]
    with pytest.raises(mg.RequestError, match="background is 'auto', 'dark' or 'bright', not 'white'"):
        mg.segment(tissue, background="white")


def test_a_black_frame_does_not_make_tissue_fluorescence() -> None:
    import skimage

    tissue = skimage.data.immunohistochemistry()[:256, :256]
    alone, framed = mg.segment(tissue), mg.segment(np.pad(tissue, ((200, 200), (200, 200), (0, 0))))
    assert framed.shape == (656, 656)
    assert framed.max() == pytest.approx(alone.max(), rel=0.15)


def test_a_white_border_leaves_saturated_nuclei(data_dir) -> None:
    from tifffile import imread

    image = imread(data_dir / "stardist_samples" / "images" / "img2d.tif")[:256, :256].astype(float)
    image = np.clip(image * (255 / np.percentile(image, 95)), 0, 255).astype(np.uint8)
    alone, framed = mg.segment(image), mg.segment(np.pad(image, 1, constant_values=255))[1:-1, 1:-1]
    both = np.count_nonzero((alone > 0) & (framed > 0)) / np.count_nonzero((alone > 0) | (framed > 0))
    assert both > 0.9 and framed.max() == pytest.approx(alone.max(), rel=0.1)
