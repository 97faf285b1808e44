"""OME-Zarr: written blockwise with valid metadata, read back, and the layouts of others."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import ome_zarr_models.v04 as v04
import ome_zarr_models.v05 as v05
import pytest
import zarr

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io import create_zarr, read, read_labels, read_pyramid, write, write_labels
from micrographia.io.zarr_writer import halved

SIZE = {"T": 2.0, "Z": 1.5, "Y": 0.25, "X": 0.5}


def group(path: Path) -> zarr.Group:
    return zarr.open_group(str(path), mode="r")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["YX", "CYX", "ZYX", "TYX", "CZYX", "TCYX", "TZYX", "TCZYX"])
@pytest.mark.parametrize("labels", [False, True])
def test_valid_metadata(tmp_path: Path, version: str, axes: str, labels: bool) -> None:
    shape = [{"T": 2, "C": 3, "Z": 2, "Y": 1100, "X": 530}[a] for a in axes]
    path = tmp_path / "a.ome.zarr"
    with create_zarr(
        path, shape, axes, "int32", pixel_size=SIZE, version=version, labels=labels, channels=("DAPI", "GFP", "red")
    ) as new:
        new.array[...] = 7
    models = v04 if version == "0.4" else v05
    model = models.ImageLabel if labels else models.Image
    checked = model.from_zarr(group(path))
    attributes = checked.attributes if version == "0.4" else checked.attributes.ome
    assert len(attributes.multiscales[0].datasets) == 3
    assert group(path).metadata.zarr_format == (2 if version == "0.4" else 3)
    levels = read_pyramid(path)
    assert [level.shape[-2:] for level in levels] == [(1100, 530), (550, 265), (275, 133)]
    assert levels[0].pixel_size == {a: SIZE[a] for a in axes if a in SIZE}
    assert levels[2].pixel_size["Y"] == 1.0
    assert all((level.array() == 7).all() for level in levels)
    if "C" in axes and not labels:
        assert levels[0].channels == ("DAPI", "GFP", "red")


def test_sizes_that_are_unknown_get_no_unit(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", np.zeros((4, 5), np.uint8))
    assert read(tmp_path / "a.zarr").pixel_size == {}
    v05.Image.from_zarr(group(tmp_path / "a.zarr"))


class TestBlockwise:
    def test_nothing_under_the_final_name_before_it_is_finished(self, tmp_path: Path) -> None:
        path = tmp_path / "out" / "a.ome.zarr"
        new = create_zarr(path, (3000, 2500), "YX", "int32", labels=True)
        blocks = [(y, x) for y in range(0, 3000, 1024) for x in range(0, 2500, 1024)]
        threads = [
            threading.Thread(target=new.array.__setitem__, args=((slice(y, y + 1024), slice(x, x + 1024)), i + 70_000))
            for i, (y, x) in enumerate(blocks)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not path.exists()
        assert new.finish() == path
        assert new.finish() == path  # twice does no harm
        assert [entry.name for entry in path.parent.iterdir()] == ["a.ome.zarr"]
        labels = read_labels(path)
        assert labels.dtype == np.int32
        assert set(np.unique(labels.array())) == {i + 70_000 for i in range(len(blocks))}
        assert set(np.unique(read_pyramid(path)[-1].array())) <= {i + 70_000 for i in range(len(blocks))}

    def test_discard(self, tmp_path: Path) -> None:
        new = create_zarr(tmp_path / "a.zarr", (20, 30), "YX", "uint8")
        new.array[...] = 1
        new.discard()
        new.discard()
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(KeyboardInterrupt), create_zarr(tmp_path / "a.zarr", (20, 30), "YX", "uint8"):
            raise KeyboardInterrupt
        assert list(tmp_path.iterdir()) == []

    def test_full_disk(self, tmp_path: Path) -> None:
        with (
            pytest.raises(InputError, match=r"a\.zarr could not be written: the disk is full"),
            create_zarr(tmp_path / "a.zarr", (20, 30), "YX", "uint8"),
        ):
            raise OSError(28, "No space left on device")
        assert list(tmp_path.iterdir()) == []

    def test_replaces_an_older_zarr_but_nothing_else(self, tmp_path: Path) -> None:
        for value in (1, 2):
            write(tmp_path / "a.zarr", np.full((4, 5), value, np.uint8))
        assert (read(tmp_path / "a.zarr").array() == 2).all()
        (tmp_path / "b.zarr").mkdir()
        (tmp_path / "b.zarr" / "my notes.txt").write_text("keep")
        with pytest.raises(InputError, match="something else"):
            write(tmp_path / "b.zarr", np.zeros((4, 5), np.uint8))
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]
        assert (tmp_path / "b.zarr" / "my notes.txt").read_text() == "keep"

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"axes": "XY"}, "order"),
            ({"axes": "CYX"}, "does not fit"),
            ({"axes": "YXS", "shape": (4, 5, 3)}, "order"),
            ({"shape": (0, 5)}, "no pixels"),
            ({"dtype": "complex64"}, "cannot be the type"),
            ({"dtype": "float32", "labels": True}, "type of labels"),
            ({"version": "0.3"}, "0.3"),
            ({"path": "a.tif"}, "ends in .zarr"),
        ],
    )
    def test_nonsense(self, tmp_path: Path, options: dict, match: str) -> None:
        given = {"path": "a.zarr", "shape": (4, 5), "axes": "YX", "dtype": "uint8", **options}
        with pytest.raises(RequestError, match=match):
            create_zarr(tmp_path / given.pop("path"), **given)
        assert list(tmp_path.iterdir()) == []


def test_pyramid_of_an_image_is_its_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(0, 60000, (1024, 601), dtype=np.uint16)
    write(tmp_path / "a.zarr", data, pixel_size={"Y": 0.5, "X": 0.5})
    coarse = read_pyramid(tmp_path / "a.zarr")[1].array().astype(float)
    padded = np.pad(data.astype(float), ((0, 0), (0, 1)), mode="edge")
    mean = padded.reshape(512, 2, 301, 2).mean(axis=(1, 3))
    assert np.abs(coarse - mean).max() <= 1
    assert abs((coarse - mean).mean()) < 0.1  # rounded down once and up once
    level = group(tmp_path / "a.zarr").attrs["ome"]["multiscales"][0]["datasets"][1]
    assert level["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 1.0]},
        {"type": "translation", "translation": [0.25, 0.25]},
    ]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64", "int64", "float16", "float32", "bool"])
def test_halving_never_overflows(dtype: str) -> None:
    kind = np.dtype(dtype)
    top = True if kind.kind == "b" else np.iinfo(kind).max if kind.kind in "iu" else np.finfo(kind).max
    for value in (top, kind.type(0) if kind.kind in "bu" else -top):
        data = np.full((5, 4), value, kind)
        half = halved(data, (0, 1), nearest=False)
        assert half.shape == (3, 2)
        assert half.dtype == kind
        assert (half == value).all()


def test_pyramid_of_labels_keeps_numbers(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 90_000, (700, 520))
    write_labels(tmp_path / "a.zarr", labels)
    levels = read_pyramid(tmp_path / "a.zarr")
    np.testing.assert_array_equal(levels[1].array(), labels[::2, ::2])
    level = group(tmp_path / "a.zarr").attrs["ome"]["multiscales"][0]["datasets"][1]
    assert level["coordinateTransformations"] == [{"type": "scale", "scale": [2.0, 2.0]}]


def test_colours(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write(tmp_path / "a.zarr", data)
    v05.Image.from_zarr(group(tmp_path / "a.zarr"))
    image = read(tmp_path / "a.zarr")
    assert image.axes == "SYX"
    assert "red, green, blue" in image.notes[0]
    np.testing.assert_array_equal(image.array("YXS"), data)
    assert read(tmp_path / "a.zarr", axes="CYX").axes == "CYX"


def test_any_order_of_axes(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (7, 2, 5, 3), dtype=np.uint8)
    write(tmp_path / "a.zarr", data, axes="XCYT")
    image = read(tmp_path / "a.zarr")
    assert image.axes == "TCYX"
    np.testing.assert_array_equal(image.array("XCYT"), data)


class TestLayouts:
    """What others write."""

    def image(self, path: Path, value: int) -> None:
        write(path.with_suffix(".zarr"), np.full((4, 5), value, np.uint8), pixel_size={"Y": 0.5, "X": 0.5})
        path.with_suffix(".zarr").rename(path)

    def test_collection(self, tmp_path: Path) -> None:
        root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
        root.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
        for i in range(11):
            self.image(tmp_path / "a.zarr" / str(i), i)
        image = read(tmp_path / "a.zarr")
        assert (image.array() == 0).all()
        assert "a collection with 11 images" in image.notes[0]
        assert (read(tmp_path / "a.zarr", scene=10).array() == 10).all()
        assert read(tmp_path / "a.zarr" / "3").name == "a_3"
        with pytest.raises(RequestError, match="no number 11"):
            read(tmp_path / "a.zarr", scene=11)
        (tmp_path / "a.zarr" / "OME").mkdir()
        listing = zarr.open_group(str(tmp_path / "a.zarr" / "OME"), mode="w")
        listing.attrs["ome"] = {"version": "0.5", "series": ["5", "6"]}
        assert (read(tmp_path / "a.zarr").array() == 5).all()

    def test_metadata_beside_a_collection(self, tmp_path: Path) -> None:
        root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
        root.attrs["ome"] = {"version": "0.5", "bioformats2raw.layout": 3}
        write(tmp_path / "b.zarr", np.zeros((2, 4, 5), np.uint8), axes="CYX")
        (tmp_path / "b.zarr").rename(tmp_path / "a.zarr" / "0")
        (tmp_path / "a.zarr" / "OME").mkdir()
        (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text(
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image><Pixels PhysicalSizeX="0.5" '
            'PhysicalSizeY="500" PhysicalSizeYUnit="nm"><Channel Name="DAPI"/><Channel Name="GFP"/></Pixels>'
            "</Image></OME>"
        )
        image = read(tmp_path / "a.zarr")
        assert image.pixel_size == {"Y": 0.5, "X": 0.5}
        assert image.channels == ("DAPI", "GFP")

    def test_plate_and_well(self, tmp_path: Path) -> None:
        plate = tmp_path / "plate.zarr"
        root = zarr.open_group(str(plate), mode="w", zarr_format=2)
        root.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}], "version": "0.4"}
        for i, well in enumerate(("A/1", "B/2")):
            fields = zarr.open_group(str(plate / well), mode="w", zarr_format=2)
            fields.attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}], "version": "0.4"}
            for j in range(2):
                self.image(plate / well / str(j), i * 10 + j)
        image = read(plate)
        assert (image.array() == 0).all()
        assert "a plate of 2 wells with 4 images; A/1/0 was read" in image.notes[0]
        assert (read(plate, scene=3).array() == 11).all()
        assert (read(plate / "B" / "2", scene=1).array() == 11).all()
        assert read(plate / "B" / "2" / "0").name == "plate_B_2_0"
        root.attrs["plate"] = {"wells": [], "version": "0.4"}
        with pytest.raises(InputError, match="without images"):
            read(plate)

    def test_label_image_beside_an_image(self, tmp_path: Path) -> None:
        self.image(tmp_path / "a.zarr", 3)
        folder = zarr.open_group(str(tmp_path / "a.zarr" / "labels"), mode="w")
        folder.attrs["ome"] = {"version": "0.5", "labels": ["nuclei"]}
        write_labels(tmp_path / "b.zarr", np.full((4, 5), 99))
        (tmp_path / "b.zarr").rename(tmp_path / "a.zarr" / "labels" / "nuclei")
        assert (read(tmp_path / "a.zarr").array() == 3).all()
        labels = read_labels(tmp_path / "a.zarr")
        assert (labels.array() == 99).all()
        assert "label image 'nuclei'" in labels.notes[0]
        assert (read(tmp_path / "a.zarr" / "labels").array() == 99).all()

    def test_bare_arrays(self, tmp_path: Path) -> None:
        zarr.create_array(str(tmp_path / "a.zarr"), shape=(2, 4, 5), dtype="u1", dimension_names=["t", "y", "x"])
        assert read(tmp_path / "a.zarr").axes == "TYX"
        zarr.create_array(str(tmp_path / "b.zarr"), shape=(6, 4, 5), dtype="u1")
        image = read(tmp_path / "b.zarr")
        assert image.axes == "ZYX"
        assert "taken as z" in image.notes[0]
        zarr.create_array(str(tmp_path / "c.zarr"), shape=(2, 6, 4, 5), dtype="u1")
        with pytest.raises(InputError, match="--axes"):
            read(tmp_path / "c.zarr")
        assert read(tmp_path / "c.zarr", axes="CZYX").axes == "CZYX"

    def test_strange_axes_and_types(self, tmp_path: Path) -> None:
        self.image(tmp_path / "a.zarr", 1)
        root = zarr.open_group(str(tmp_path / "a.zarr"), mode="r+")
        ome = dict(root.attrs["ome"])
        ome["multiscales"][0]["axes"] = [{"name": "angle"}, {"name": "x"}]
        root.attrs["ome"] = ome
        with pytest.raises(InputError, match="angle, x"):
            read(tmp_path / "a.zarr")
        zarr.create_array(str(tmp_path / "b.zarr"), shape=(4, 5), dtype="c8")
        with pytest.raises(InputError, match="complex"):
            read(tmp_path / "b.zarr")

    def test_missing_level(self, tmp_path: Path) -> None:
        import shutil

        self.image(tmp_path / "a.zarr", 1)
        shutil.rmtree(tmp_path / "a.zarr" / "0")
        with pytest.raises(InputError, match="no readable Zarr|lacks the array"):
            read(tmp_path / "a.zarr")


class TestRenamedAxes:
    """What the user calls the dimensions of a file that names them: a size goes with its dimension and unit."""

    SIZES = {"T": 4.0, "Z": 2.0, "Y": 0.5, "X": 0.25}

    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    @pytest.mark.parametrize(
        ("stored", "axes", "sizes"),
        [
            ("TCZYX", "ZCTYX", {"Y": 0.5, "X": 0.25}),  # 4 s are no 4 µm
            ("TYX", "ZYX", {"Y": 0.5, "X": 0.25}),
            ("TCZYX", "TCYZX", {"T": 4.0, "Y": 2.0, "Z": 0.5, "X": 0.25}),
            ("ZYX", "CYX", {"Y": 0.5, "X": 0.25}),
            ("TCZYX", "TCZYX", SIZES),
        ],
    )
    def test_sizes(self, tmp_path: Path, version: str, stored: str, axes: str, sizes: dict) -> None:
        with create_zarr(tmp_path / "a.zarr", (2,) * len(stored), stored, "uint8", pixel_size=self.SIZES,
                         version=version):  # fmt: skip
            pass
        assert read(tmp_path / "a.zarr", axes=axes).pixel_size == sizes

    def test_lengths_under_the_name_of_time(self, tmp_path: Path) -> None:
        write(tmp_path / "a.zarr", np.zeros((2, 4, 5), np.uint8), axes="TYX", pixel_size=self.SIZES)
        document = tmp_path / "a.zarr" / "zarr.json"
        document.write_text(document.read_text().replace('"second"', '"micrometer"'))
        assert read(tmp_path / "a.zarr", axes="ZYX").pixel_size == {"Z": 4.0, "Y": 0.5, "X": 0.25}

    def test_channel_names_stay_with_the_channels(self, tmp_path: Path) -> None:
        write(tmp_path / "a.zarr", np.zeros((2, 2, 4, 5), np.uint8), axes="CZYX", channels=("DAPI", "GFP"))
        assert read(tmp_path / "a.zarr", axes="CTYX").channels == ("DAPI", "GFP")
        assert read(tmp_path / "a.zarr", axes="ZCYX").channels == ()

    def test_names_that_are_no_letters(self, tmp_path: Path) -> None:
        write(tmp_path / "a.zarr", np.zeros((2, 4, 5), np.uint8), axes="ZYX", pixel_size=self.SIZES)
        document = tmp_path / "a.zarr" / "zarr.json"
        document.write_text(document.read_text().replace('"name": "z"', '"name": "depth"'))
        with pytest.raises(InputError, match="depth.*name one letter"):
            read(tmp_path / "a.zarr")
        assert read(tmp_path / "a.zarr", axes="ZYX").pixel_size == {"Z": 2.0, "Y": 0.5, "X": 0.25}
