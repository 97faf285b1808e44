"""Every real file opens as a person sees it, or the error says why not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.io import read, read_labels

EXPECTED = {
    "bioimageio/unet2d_nuclei_broad/cover0.png": ("YXS", (512, 1024, 3), "uint8", {}),
    "bioimageio/unet2d_nuclei_broad/test_input.npy": ("YX", (512, 512), "float32", {}),
    "bioimageio/unet2d_nuclei_broad/test_input.png": ("YX", (512, 512), "uint8", {}),
    "bioimageio/unet2d_nuclei_broad/test_output.npy": ("YX", (512, 512), "float32", {}),
    "bioimageio/unet2d_nuclei_broad/test_output.png": ("YX", (512, 512), "uint8", {}),
    "formats/cpa_BSD3/32-bit-grayscale.tif": ("YX", (1, 10), "float32", {}),
    "formats/czi/100x100.czi": ("YX", (10, 10), "uint8", {"Y": 0.1, "X": 0.1}),
    "formats/czi/DAPI_GFP.czi": ("CYX", (2, 640, 640), "uint8", {}),
    "formats/czi/newCZI_compressed.czi": ("YX", (512, 512), "uint16", {}),
    "formats/czi/nuc_small.czi": ("YX", (240, 320), "uint8", {"Y": 0.45715, "X": 0.45715}),
    "formats/czi/nuc_small_new_red.czi": ("YX", (240, 320), "uint8", {"Y": 0.1, "X": 0.1}),
    "formats/instanseg_Apache2/Fluorescence_example.tif": ("CYX", (2, 450, 450), "uint8", {}),
    "formats/instanseg_Apache2/HE_example.tif": ("YXS", (1484, 1380, 3), "uint8", {"Y": 0.50008, "X": 0.50008}),
    "formats/labkit_BSD2/blobs.tif": ("YX", (254, 256), "uint8", {}),
    "formats/labkit_BSD2/blobs_probability_map.tif": ("CYX", (2, 254, 256), "float32", {}),
    "formats/labkit_BSD2/blobs_segmentation.tif": ("YX", (254, 256), "uint8", {}),
    "formats/labkit_BSD2/leaf.tif": ("YXS", (446, 507, 3), "uint8", {}),
    "formats/labkit_BSD2/leaf_probability_map.tif": ("CYX", (2, 446, 507), "float32", {}),
    "formats/labkit_BSD2/leaf_segmentation.tif": ("YX", (446, 507), "int16", {}),
    "formats/labkit_BSD2/test.tif": ("TZCYX", (2, 2, 2, 2, 2), "uint8", {"T": 1.0}),
    "formats/nyxus_MIT/data/fractal_blob512_seg.ome.tif": ("YX", (512, 512), "uint16", {}),
    "formats/nyxus_MIT/data/omezarr/multi.ome.zarr": ("TCZYX", (1, 1, 1, 1500, 1200), "uint16", {}),
    "formats/nyxus_MIT/data/omezarr/test.ome.zarr": ("TCZYX", (1, 1, 1, 512, 512), "uint16", {}),
    "formats/nyxus_MIT/python/data/int/p0_y1_r1_c0.ome.tif": ("YX", (256, 256), "uint16", {}),
    "formats/nyxus_MIT/python/data/int/p0_y1_r1_c1.ome.tif": ("YX", (256, 256), "uint16", {}),
    "formats/nyxus_MIT/python/data/seg/p0_y1_r1_c0.ome.tif": ("YX", (256, 256), "uint16", {}),
    "formats/nyxus_MIT/python/data/seg/p0_y1_r1_c1.ome.tif": ("YX", (256, 256), "uint16", {}),
    "formats/omezarr_v04_axes/images/test_image_c1yx.zarr": ("CZYX", (2, 1, 64, 64), "uint8", {"Z": 1.0, "X": 0.5}),
    "formats/omezarr_v04_axes/images/test_image_cyx.zarr": ("CYX", (2, 64, 64), "uint8", {"Y": 0.5, "X": 0.5}),
    "formats/omezarr_v04_axes/images/test_image_czyx.zarr": ("CZYX", (2, 3, 64, 64), "uint8", {"Z": 2.0, "Y": 0.5}),
    "formats/omezarr_v04_axes/images/test_image_tcyx.zarr": ("TCYX", (4, 2, 64, 64), "uint8", {"T": 4.0, "Y": 0.5}),
    "formats/omezarr_v04_axes/images/test_image_tczyx.zarr": (
        "TCZYX", (4, 2, 3, 64, 64), "uint8", {"T": 4.0, "Z": 2.0, "Y": 0.5, "X": 0.5},
    ),
    "formats/omezarr_v04_axes/images/test_image_tyx.zarr": ("TYX", (4, 64, 64), "uint8", {"T": 4.0, "Y": 0.5}),
    "formats/omezarr_v04_axes/images/test_image_tzyx.zarr": ("TZYX", (4, 3, 64, 64), "uint8", {"T": 4.0, "Z": 2.0}),
    "formats/omezarr_v04_axes/images/test_image_yx.zarr": ("YX", (64, 64), "uint8", {"Y": 0.5, "X": 0.5}),
    "formats/omezarr_v04_axes/images/test_image_zyx.zarr": ("ZYX", (3, 64, 64), "uint8", {"Z": 2.0, "Y": 0.5}),
    "formats/viv_MIT/bioformats-zarr/data.zarr": ("TCZYX", (1, 3, 1, 167, 439), "int8", {}),
    "formats/viv_MIT/multi-channel.ome.tif": ("CYX", (3, 167, 439), "int8", {}),
    "formats/viv_MIT/multi-tiff/Channel_0.tif": ("YX", (167, 439), "uint8", {}),
    "formats/viv_MIT/multi-tiff/Channel_1.tif": ("YX", (167, 439), "uint8", {}),
    "formats/viv_MIT/multi-tiff/Channel_2.tif": ("YX", (167, 439), "uint8", {}),
    **{f"formats/viv_MIT/multifile-Z{z}.ome.tiff": ("YX", (24, 18), "uint8", {}) for z in range(1, 6)},
    "formats/viv_MIT/ome-zarr/blobs_image_v04.ome.zarr": ("CYX", (3, 12, 12), "float64", {}),
    "formats/viv_MIT/ome-zarr/blobs_image_v05.ome.zarr": ("CYX", (3, 12, 12), "float64", {}),
}  # fmt: skip
"""Path below the data folder: axes, shape, type, pixel sizes."""

NOTED = {
    "formats/labkit_BSD2/blobs_probability_map.tif": "taken as channels",
    "formats/viv_MIT/multifile-Z1.ome.tiff": "multifile.companion.ome",
    "bioimageio/unet2d_nuclei_broad/cover0.png": "palette",
    "bioimageio/unet2d_nuclei_broad/test_input.npy": "length 1",
}
"""What the user is told was assumed."""


@pytest.mark.parametrize("name", EXPECTED)
def test_opens_as_it_should(data_dir: Path, name: str) -> None:
    path = data_dir / name
    if not path.exists():
        pytest.skip(f"{name} is not among the real data")
    if path.suffix == ".czi":
        pytest.importorskip("czifile", reason="needs the extra 'formats'")
    axes, shape, dtype, pixel_size = EXPECTED[name]
    image = read(path)
    assert (image.axes, image.shape, image.dtype) == (axes, shape, np.dtype(dtype))
    assert set(pixel_size) <= set(image.pixel_size)
    assert bool(pixel_size) == bool(image.pixel_size)
    for axis, size in pixel_size.items():
        assert image.pixel_size[axis] == pytest.approx(size, rel=1e-4)
    assert NOTED.get(name, "") in " ".join(image.notes)
    assert image.array().shape == shape  # and the pixels themselves can be read


@pytest.mark.parametrize("top", ["formats", "bioimageio"])
def test_everything_else_says_why_not(data_dir: Path, top: str) -> None:
    if not (data_dir / top).is_dir():
        pytest.skip(f"{top} is not among the real data")
    others = 0
    for path in _files(data_dir / top):
        if path.relative_to(data_dir).as_posix() in EXPECTED:
            continue
        others += 1
        with pytest.raises(InputError, match="no image that micrographia can read") as caught:
            read(path)
        assert str(path) in str(caught.value)
    assert others


@pytest.mark.parametrize(
    ("name", "total"),
    [("test.ome.zarr", 133955584), ("multi.ome.zarr", 12681000000)],
)
def test_zarr_pixels_are_right(data_dir: Path, name: str, total: int) -> None:
    """The sums that the data's own README gives."""
    path = data_dir / "formats/nyxus_MIT/data/omezarr" / name
    if not path.exists():
        pytest.skip(f"{name} is not among the real data")
    image = read(path)
    assert not isinstance(image.data, np.ndarray)  # lazy
    assert int(image.array().sum(dtype=np.int64)) == total


def test_same_field_in_two_formats(data_dir: Path) -> None:
    folder = data_dir / "formats/viv_MIT"
    if not folder.is_dir():
        pytest.skip("viv_MIT is not among the real data")
    tiff, zarr = read(folder / "multi-channel.ome.tif"), read(folder / "bioformats-zarr/data.zarr")
    np.testing.assert_array_equal(tiff.array("CYX"), zarr.array("CYX"))


def test_two_versions_of_one_zarr(data_dir: Path) -> None:
    folder = data_dir / "formats/viv_MIT/ome-zarr"
    if not folder.is_dir():
        pytest.skip("viv_MIT is not among the real data")
    old, new = (read(folder / f"blobs_image_v0{version}.ome.zarr") for version in (4, 5))
    assert old.channels == new.channels == ("0", "1", "2")
    assert old.array().std() > 0
    assert new.array().std() > 0


def test_label_image_of_an_image(data_dir: Path) -> None:
    path = data_dir / "formats/omezarr_v04_axes/images/test_image_czyx.zarr"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the real data")
    through_image, outright = read_labels(path), read_labels(path / "labels" / "label")
    assert through_image.axes == outright.axes == "ZYX"
    assert through_image.pixel_size == outright.pixel_size == {"Z": 2.0, "Y": 0.5, "X": 0.5}
    assert "label image 'label'" in " ".join(through_image.notes)


def test_label_files(data_dir: Path) -> None:
    path = data_dir / "stardist_samples/images/mask2d.tif"
    if not path.exists():
        pytest.skip("stardist_samples are not among the real data")
    labels = read_labels(path)
    assert (labels.axes, labels.dtype) == ("YX", np.int32)
    assert len(np.unique(labels.data)) - 1 == 125  # 37 + 88 objects


def test_label_file_that_holds_colours(data_dir: Path) -> None:
    path = data_dir / "formats/labkit_BSD2/leaf.tif"
    if not path.exists():
        pytest.skip("labkit_BSD2 is not among the real data")
    with pytest.raises(InputError, match="colour picture"):
        read_labels(path)


def _files(folder: Path) -> list[Path]:
    """Files, and Zarr folders as one."""
    found = []
    for place, folders, names in os.walk(folder):
        zarrs = [name for name in folders if name.endswith(".zarr")]
        folders[:] = [name for name in folders if name not in zarrs]
        found += [Path(place) / name for name in [*zarrs, *names]]
    return sorted(found)
