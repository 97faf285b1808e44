"""Somebody else's model on an image of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_onnx import smoother, specs, write_smoother

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.models.foreign import run_foreign
from micrographia.models.package import open_package


def test_reproduces_the_authors_result(broad: Path) -> None:
    package = open_package(broad)
    tensors, expected = package.test_tensors()
    got = run_foreign(package, tensors["raw"][0, 0], axes="YX")["probability"]
    assert (got.axes, got.channels) == ("CYX", ("probability",))
    np.testing.assert_allclose(got.data, expected["probability"][0], atol=1e-5)


def test_a_fixed_size_is_tiled(broad: Path) -> None:
    package = open_package(broad)
    picture = package.test_tensors()[0]["raw"][0, 0]
    picture = np.concatenate([picture, picture[::-1, :200]], axis=1)[:500]
    got = run_foreign(package, picture, axes="YX")["probability"]
    assert got.shape == (1, 500, 712)
    assert np.isfinite(got.data).all() and got.data.max() > 0.9


@pytest.mark.parametrize("shape", [(150, 201), (16, 300), (1, 1), (64, 64)])
@pytest.mark.parametrize("stride", [1, 2])
def test_tiled_equals_whole(tmp_path: Path, shape: tuple[int, int], stride: int) -> None:
    package = write_smoother(
        tmp_path / "a.zip",
        smoother(stride),
        **specs(stride, halo=8 // stride, pre=({"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}},)),
    )
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    whole = run_foreign(package, x, axes="YX")["smooth"]
    tiled = run_foreign(package, x, axes="YX", tile=64)["smooth"]
    assert whole.shape == (1, *(-(-n // stride) for n in shape))
    np.testing.assert_allclose(tiled.data, whole.data, atol=1e-6)


def test_a_network_that_shrinks_its_output(tmp_path: Path) -> None:
    package = write_smoother(tmp_path / "a.zip", smoother(padded=False), **specs(halo=0, offset=-4))
    x = np.random.default_rng(0).random((100, 90), dtype=np.float32)
    whole = run_foreign(package, x, axes="YX")["smooth"].data[0]
    tiled = run_foreign(package, x, axes="YX", tile=48)["smooth"].data[0]
    assert whole.shape == x.shape
    np.testing.assert_allclose(tiled, whole, atol=1e-6)
    inner = package.network()({"raw": x[None, None]})["smooth"][0, 0]
    np.testing.assert_allclose(whole[2:-2, 2:-2], inner, atol=1e-6)


def test_no_halo_is_said(tmp_path: Path) -> None:
    package = write_smoother(tmp_path / "a.zip", **specs(halo=0))
    x = np.random.default_rng(0).random((200, 200), dtype=np.float32)
    whole = run_foreign(package, x, axes="YX")["smooth"]
    tiled = run_foreign(package, x, axes="YX", tile=64)["smooth"]
    assert whole.notes == () and "names no halo" in tiled.notes[0]
    # the border differs: mirrored for tiles, as the network pads for one piece
    np.testing.assert_allclose(tiled.data[:, 2:-2, 2:-2], whole.data[:, 2:-2, 2:-2], atol=1e-6)


def test_axes_and_pixel_size(tmp_path: Path) -> None:
    package = write_smoother(tmp_path / "a.zip", smoother(2), **specs(2))
    picture = Image(np.ones((64, 1, 48), np.uint16), "XCY", {"Y": 0.5, "X": 0.5}, name="cells")
    got = run_foreign(package, picture)["smooth"]
    assert (got.axes, got.shape, got.name) == ("CYX", (1, 24, 32), "cells_smooth")
    assert got.pixel_size == {"Y": 1.0, "X": 1.0}


@pytest.mark.parametrize(
    ("data", "axes", "match"),
    [
        (np.ones((3, 40, 40)), "CYX", "has 3 channels, but the model Tiny smoother takes 1"),
        (np.ones((40, 40, 3)), "YXS", "has 3 channels"),
        (np.ones((2, 40, 40)), "TYX", "axis T has 2 entries"),
        (np.ones((40, 40)), None, "Name the axes"),
    ],
)
def test_images_that_do_not_fit(smoother_zip: Path, data: np.ndarray, axes: str | None, match: str) -> None:
    with pytest.raises(InputError, match=match):
        run_foreign(open_package(smoother_zip), data, axes=axes)


def test_unknown_steps(tmp_path: Path) -> None:
    package = open_package(write_smoother(tmp_path / "a.zip").path)
    out = package.outputs[0]
    object.__setattr__(out, "processing", ({"id": "cellpose_flow_dynamics"},))
    with pytest.raises(InputError, match="cellpose_flow_dynamics"):
        run_foreign(package, np.ones((40, 40)), axes="YX")
