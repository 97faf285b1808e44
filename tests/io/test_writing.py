"""Whole files or none, and what cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.io import read, read_labels, write, write_geojson, write_labels, write_rois, write_table

DATA = np.arange(600, dtype=np.uint8).reshape(20, 30)
TABLE = pd.DataFrame({"label": [1, 2], "area [µm²]": [1.5, 2.5]})
SQUARE = [np.array([(1.0, 1.0), (1.0, 4.0), (4.0, 4.0), (4.0, 1.0)])]

WRITERS = {
    "a.tif": lambda path: write(path, DATA),
    "a.ome.tif": lambda path: write(path, DATA),
    "a.png": lambda path: write(path, DATA),
    "a.npy": lambda path: write(path, DATA),
    "a.ome.zarr": lambda path: write(path, DATA),
    "a_labels.tif": lambda path: write_labels(path, DATA),
    "a_labels.ome.zarr": lambda path: write_labels(path, DATA),
    "a.csv": lambda path: write_table(path, TABLE),
    "a.parquet": lambda path: write_table(path, TABLE),
    "a.zip": lambda path: write_rois(path, SQUARE),
    "a.geojson": lambda path: write_geojson(path, SQUARE),
}


@pytest.mark.parametrize("name", WRITERS)
def test_whole_file_in_a_new_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new é" / "deeper" / name
    assert WRITERS[name](path) == path
    assert path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == [name]
    WRITERS[name](path)  # again: replaced
    assert [entry.name for entry in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("older", [False, True])
def test_disk_full_at_the_end(tmp_path: Path, name: str, older: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    if older:
        WRITERS[name](path)
    before = _everything(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="the disk is full") as caught:
        WRITERS[name](path)
    assert str(path) in str(caught.value)
    assert _everything(tmp_path) == before


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a_labels.tif"])
@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_failing_half_way(tmp_path: Path, name: str, problem: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, *_: object, **__: object) -> None:
        Path(path).write_bytes(b"II*\0 half a file")
        raise problem

    monkeypatch.setattr(tifffile, "imwrite", half)
    with pytest.raises((InputError, KeyboardInterrupt)):
        WRITERS[name](tmp_path / name)
    assert _everything(tmp_path) == {}


@pytest.mark.parametrize("name", WRITERS)
def test_folder_that_cannot_be_written_to(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="could not be written"):
        WRITERS[name](tmp_path / "file" / name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="no permission"):
            write(tmp_path / "a.tif", DATA)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(InputError, match="holds something else"):
        write(tmp_path / "a.tif", DATA)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize(
    ("name", "image", "options", "match"),
    [
        ("a.jpg", DATA, {}, "ends in .tif"),
        ("a", DATA, {}, "ends in .tif"),
        ("a.tif", np.zeros((5, 6, 7)), {}, "name the axes"),
        ("a.tif", DATA, {"axes": "ZYX"}, "do not fit"),
        ("a.tif", DATA, {"axes": "QX"}, "make no sense"),
        ("a.tif", DATA.astype(complex), {}, "cannot be stored"),
        ("a.tif", np.zeros((0, 5)), {}, "no pixels"),
        ("a.png", DATA.astype(np.float32), {}, "PNG holds"),
        ("a.png", np.stack([DATA] * 2), {"axes": "CYX"}, "PNG holds"),
        ("a.zarr", np.zeros((2, 4, 5, 3), np.uint8), {"axes": "CYXS"}, "colours and channels"),
        ("a.ome.tif", DATA, {"channels": ["DAPI", "GFP"]}, r"2 channel names \(DAPI, GFP\) for 1 channels"),
        ("a.ome.tif", np.stack([DATA] * 2), {"axes": "CYX", "channels": "DAPI"}, "1 channel names"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, name: str, image: np.ndarray, options: dict, match: str) -> None:
    with pytest.raises(RequestError, match=match):
        write(tmp_path / name, image, **options)
    assert _everything(tmp_path) == {}


def test_labels_that_are_none(tmp_path: Path) -> None:
    for wrong in (DATA / 2, np.dstack([DATA] * 3)):
        with pytest.raises(RequestError, match="whole numbers|do not fit"):
            write_labels(tmp_path / "a.tif", wrong)
    with pytest.raises(RequestError, match="up to 65,535"):
        write_labels(tmp_path / "a.png", np.array([[0, 70_000]]))
    assert _everything(tmp_path) == {}


def test_one_plane_of_an_image_as_png(tmp_path: Path) -> None:
    write(tmp_path / "a.png", Image(DATA[None, None], "CZYX"))
    np.testing.assert_array_equal(read(tmp_path / "a.png").data, DATA)


class TestTables:
    def test_csv(self, tmp_path: Path) -> None:
        write_table(tmp_path / "a.csv", TABLE)
        assert (tmp_path / "a.csv").read_text("utf-8") == "label,area [µm²]\n1,1.5\n2,2.5\n"
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.csv"), TABLE)

    def test_parquet(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
        write_table(tmp_path / "a.parquet", TABLE)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), TABLE)

    def test_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
        with pytest.raises(RequestError, match=r"pip install micrographia\[parquet\]"):
            write_table(tmp_path / "a.parquet", TABLE)

    def test_other_endings(self, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match=r"\.csv, \.parquet or \.h5ad"):
            write_table(tmp_path / "a.xlsx", TABLE)


def _everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.npy", "a.png", "a.ome.zarr"])
@pytest.mark.parametrize("lazy", [False, True])
def test_labels_above_those_of_int64(tmp_path: Path, name: str, lazy: bool) -> None:
    labels: Image | np.ndarray = np.array([[0, 7], [2**63 + 5, 1]], np.uint64)
    if lazy:
        write(tmp_path / "source.zarr", labels)
        labels = read(tmp_path / "source.zarr")
    before = _everything(tmp_path)
    with pytest.raises(InputError, match=rf"{name}: label 9,223,372,036,854,775,813 is too large"):
        write_labels(tmp_path / name, labels)
    assert _everything(tmp_path) == before


def test_largest_label(tmp_path: Path) -> None:
    labels = np.array([[0, 2**63 - 1]], np.uint64)
    for name in ("a.tif", "a.npy", "a.ome.zarr"):
        assert int(read_labels(write_labels(tmp_path / name, labels)).array().max()) == 2**63 - 1


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.ome.zarr"])
def test_pixel_size_in_any_form(tmp_path: Path, name: str) -> None:
    for given in (0.5, (0.5, 0.5), {"y": 0.5, "x": 0.5}):
        write(tmp_path / name, DATA, pixel_size=given)
        assert read(tmp_path / name).pixel_size == {"Y": 0.5, "X": 0.5}
        write_labels(tmp_path / name, DATA, pixel_size=given)
        assert read_labels(tmp_path / name).pixel_size == {"Y": 0.5, "X": 0.5}


@pytest.mark.parametrize("given", [0, {"Y": 0, "X": 0}, {"Y": np.inf}, {"W": 1}, "half"], ids=repr)
def test_pixel_sizes_that_make_no_sense(tmp_path: Path, given: object) -> None:
    for store in (write, write_labels):
        with pytest.raises(InputError, match=r"[Pp]ixel size"):
            store(tmp_path / "a.tif", DATA, pixel_size=given)
    assert not list(tmp_path.iterdir())


def test_one_channel_name_as_a_text(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.ome.tif", DATA, channels="DAPI")).channels == ("DAPI",)


def test_axes_that_are_no_text(tmp_path: Path) -> None:
    for store in (write, write_labels):
        with pytest.raises(RequestError, match="are a text such as 'TCYX', not 3"):
            store(tmp_path / "a.tif", DATA, axes=3)
