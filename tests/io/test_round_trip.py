"""What is written is what is read: pixels, axes, types, sizes, names."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import RequestError
from micrographia.io import read, read_labels, write, write_labels

TYPES = ["uint8", "uint16", "uint32", "int16", "int32", "int64", "float16", "float32", "float64", "bool"]
SIZES = st.floats(1e-3, 50).map(lambda size: float(f"{size:.6g}"))


@st.composite
def pictures(draw: st.DrawFn, letters: str = "TCZ") -> tuple[np.ndarray, str, dict[str, float], tuple[str, ...]]:
    axes = "".join(draw(st.permutations([*draw(st.sets(st.sampled_from(letters))), "Y", "X"])))
    shape = [draw(st.integers(2, 3)) if a in "TCZ" else draw(st.integers(2, 9)) for a in axes]
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    data = rng.integers(0, 2 if dtype.kind == "b" else 250, shape).astype(dtype)
    if draw(st.booleans()):
        data = data.astype(dtype.newbyteorder(">"))
    known = draw(st.booleans())
    sizes = {a: draw(SIZES) for a in axes if a != "C"} if known else {}
    names = ("DAPI", "Alexa 488 µ", "c") if draw(st.booleans()) else ()
    return data, axes, sizes, names[: shape[axes.index("C")] if "C" in axes else 1]


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr"])
@given(picture=pictures())
@settings(max_examples=25, deadline=None)
def test_images(suffix: str, picture: tuple) -> None:
    data, axes, sizes, channels = picture
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a b{suffix}"
        if suffix == ".ome.tif" and data.dtype.itemsize == 8 and data.dtype.kind == "i":
            with pytest.raises(RequestError, match="OME-TIFF cannot hold int64"):
                write(path, data, axes=axes)
            return
        assert write(path, data, axes=axes, pixel_size=sizes, channels=channels) == path
        image = read(path)
        assert set(image.axes) == set(axes)
        stored = {".tif": {"bool": "uint8"}, ".ome.tif": {"bool": "uint8", "float16": "float32"}, ".ome.zarr": {}}[
            suffix
        ]
        assert image.dtype == stored.get(data.dtype.name, data.dtype.name)
        assert image.dtype.isnative
        np.testing.assert_array_equal(image.array(axes), data)
        assert image.pixel_size == pytest.approx(sizes, rel=1e-5)
        assert image.channels == channels
        assert image.notes == ()
        assert [entry.name for entry in Path(folder).iterdir()] == [path.name]
        again = Path(folder) / f"again{suffix}"
        write(again, image)  # an Image brings all of it
        assert read(again).pixel_size == pytest.approx(sizes, rel=1e-5)
        assert read(again).channels == channels


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr", ".npy", ".png"])
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    top=st.sampled_from([1, 255, 65_535, 65_536, 70_000, 2**24 + 1, 2**31 - 1, 2**31, 2**45]),
    dtype=st.sampled_from(["uint16", "int32", "uint32", "int64"]),
)
@settings(max_examples=15, deadline=None)
def test_labels(suffix: str, shape: tuple[int, int], top: int, dtype: str) -> None:
    top = min(top, np.iinfo(dtype).max, 65_535 if suffix == ".png" else 2**62)
    labels = np.linspace(0, top, shape[0] * shape[1]).astype(dtype).reshape(shape)
    labels[-1, -1] = top
    if suffix == ".ome.tif" and top >= 2**31:
        return  # OME-TIFF has no 64-bit integers
    with tempfile.TemporaryDirectory() as folder:
        path = write_labels(Path(folder) / f"a{suffix}", labels, pixel_size={"Y": 0.5, "X": 0.25})
        found = read_labels(path)
        assert found.axes == "YX"
        assert found.dtype == (np.int32 if top < 2**31 else np.int64)
        np.testing.assert_array_equal(found.array(), labels)
        assert found.pixel_size == ({} if suffix in (".npy", ".png") else {"Y": 0.5, "X": 0.25})


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("axes", ["ZYX", "TYX", "TZYX"])
def test_label_stacks(tmp_path: Path, suffix: str, axes: str) -> None:
    labels = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)[: 2 if "T" in axes else 1] * 1000
    labels = labels if axes == "TZYX" else labels[0] if axes == "ZYX" else labels[:, 0]
    size = {"T": 3.0, "Z": 2.0, "Y": 0.5, "X": 0.5}
    write_labels(tmp_path / f"a{suffix}", labels, axes=axes, pixel_size=size)
    found = read_labels(tmp_path / f"a{suffix}")
    assert found.axes == axes
    np.testing.assert_array_equal(found.array(), labels)
    assert found.pixel_size == {a: size[a] for a in axes}


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr", ".png"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colours(tmp_path: Path, suffix: str, dtype: str) -> None:
    data = np.random.default_rng(0).integers(0, 255, (12, 9, 3)).astype(dtype)
    write(tmp_path / f"a{suffix}", data)
    image = read(tmp_path / f"a{suffix}")
    assert set(image.axes) == set("YXS")
    np.testing.assert_array_equal(image.array("YXS"), data)
