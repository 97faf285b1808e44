"""Pixels that stay on disk: a damaged part is a sentence that names the image, wherever it is met."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec

from micrographia.arrays.errors import InputError
from micrographia.io import create_zarr, read, read_labels, write, write_labels

RAMP = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
COMPRESSIONS = {
    "v2 blosc": (2, numcodecs.Blosc()),
    "v2 zlib": (2, numcodecs.Zlib()),
    "v2 none": (2, None),
    "v3 gzip": (3, GzipCodec()),
    "v3 blosc": (3, BloscCodec()),
    "v3 none": (3, None),
}


def damage(folder: Path) -> None:
    """Replace one chunk of the finest level, which is the last of its files."""
    chunks = [file for file in folder.rglob("*") if file.is_file() and file.name[0].isdecimal()]
    max(chunks, key=lambda file: file.parts).write_bytes(np.random.default_rng(0).bytes(100))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("labels", [False, True])
def test_a_damaged_chunk(tmp_path: Path, version: str, labels: bool) -> None:
    path = tmp_path / "a.ome.zarr"
    with create_zarr(path, (64, 64), "YX", "int32", chunks=(32, 32), version=version, labels=labels) as new:
        new.array[...] = RAMP
    damage(path)
    image = (read_labels if labels else read)(path)
    np.testing.assert_array_equal(image.data[:32, :32], RAMP[:32, :32])  # the other parts are as they were
    for use in (
        lambda: image.data[40, 40:50],
        lambda: np.asarray(image.data),
        lambda: image.array("YX"),
        lambda: image.take(Y=63),
        lambda: write(tmp_path / "b.tif", image),
        lambda: write_labels(tmp_path / "b.ome.zarr", image),
    ):
        with pytest.raises(InputError, match=r"a\.ome\.zarr: a part of this image is damaged; export it again"):
            use()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ome.zarr"]


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_whatever_the_compression_raises(tmp_path: Path, kind: str) -> None:
    zarr_format, compressor = COMPRESSIONS[kind]
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        store=str(path), shape=RAMP.shape, chunks=(32, 32), dtype="uint16", zarr_format=zarr_format,
        compressors=compressor,
    )  # fmt: skip
    array[...] = RAMP
    damage(path)
    with pytest.raises(InputError, match="is damaged"):
        read(path, axes="YX").array()


def test_a_program_that_ends_there_says_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    with create_zarr(path, (1024, 1024), "YX", "uint16", chunks=(64, 64)) as new:
        new.array[...] = 7
    damage(path / "0" / "c" / "3")
    program = f"""
from micrographia.io import read
try:
    read({str(path)!r}).data[...]
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "is damaged" in done.stdout
    assert done.stderr == ""


def test_they_behave_like_an_array(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", RAMP)
    data = read(tmp_path / "a.zarr").data
    assert not isinstance(data, np.ndarray)
    assert (data.shape, data.dtype, data.ndim, len(data)) == (RAMP.shape, RAMP.dtype, 2, 64)
    assert isinstance(data.array, zarr.Array)
    np.testing.assert_array_equal(np.asarray(data, np.float32), RAMP)
    np.testing.assert_array_equal(data[::5, 3], RAMP[::5, 3])
    with pytest.raises(IndexError):  # the caller's fault, not the file's
        data[99, 0]


def test_values_that_float32_cannot_hold(tmp_path: Path) -> None:
    data = RAMP * 1.0
    data[50, 50] = 1e300
    for name in ("a.tif", "a.npy"):
        write(tmp_path / name, data)
        with pytest.raises(InputError, match=rf"{name} holds values that are too large \(1e\+300"):
            read(tmp_path / name)
    write(tmp_path / "a.zarr", data)
    stored = read(tmp_path / "a.zarr").data
    assert stored[3, 4] == RAMP[3, 4]
    with pytest.raises(InputError, match="too large"):
        stored[40:, 40:]
