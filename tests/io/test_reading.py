"""Pictures, arrays and bad input."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io import read, read_labels, read_pyramid, write

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8)


def refused(path: Path, match: str, **options: object) -> None:
    """Reading fails with one sentence that names the file."""
    with pytest.raises(InputError, match=match) as caught:
        read(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "nothing here.tif", "does not exist")


@pytest.mark.parametrize("suffix", [".tif", ".png", ".npy", ".ome.tif", ".jpg", ".czi", ".xyz"])
def test_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    refused(path, "is empty")


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".png", ".jpg", ".npy", ".txt", ""])
def test_text_renamed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Gewebe é{suffix}"
    path.write_text("this is a list of samples\n" * 20, encoding="utf-8")
    refused(path, "is none|damaged|no image")


def test_folder_and_zarr_without_image(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")
    (tmp_path / "empty.zarr").mkdir()
    (tmp_path / "empty.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    refused(tmp_path / "empty.zarr", "without an image")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    refused(tmp_path / "broken.zarr", "export it again")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.tif"
    tifffile.imwrite(path, RAMP)

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    refused(path, "Permission denied")


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_complex(tmp_path: Path, dtype: str, suffix: str) -> None:
    path = tmp_path / f"wave{suffix}"
    if suffix == ".npy":
        np.save(path, RAMP.astype(dtype))
    else:
        tifffile.imwrite(path, RAMP.astype(dtype))
    refused(path, "complex")


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float64"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_types_and_byte_orders(tmp_path: Path, dtype: str, order: str) -> None:
    data = RAMP.astype(np.dtype(dtype).newbyteorder(order))
    np.save(tmp_path / "a.npy", data)
    tifffile.imwrite(tmp_path / "a.tif", data, byteorder=order)
    for name in ("a.npy", "a.tif"):
        image = read(tmp_path / name)
        assert image.dtype == np.dtype(dtype)
        assert image.dtype.isnative
        np.testing.assert_array_equal(image.data, RAMP.astype(dtype))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1)])
@pytest.mark.parametrize("suffix", [".tif", ".npy", ".png", ".ome.tif", ".ome.zarr"])
def test_one_pixel_and_one_row(tmp_path: Path, shape: tuple[int, int], suffix: str) -> None:
    data = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)
    write(tmp_path / f"a{suffix}", data, axes="YX")
    image = read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.array("YX"), data)


@pytest.mark.parametrize("shape", [(0, 5), (0, 0), (3, 0, 4)])
def test_no_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape))
    refused(tmp_path / "a.npy", "no pixels")


def test_nan_and_infinity_are_kept(tmp_path: Path) -> None:
    data = np.array([[np.nan, np.inf], [-np.inf, -1]], np.float32)
    write(tmp_path / "a.tif", data)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").data, data)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"x": 1}, None], dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npy", "could run code")


def test_truncated_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RAMP)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-10])
    refused(tmp_path / "a.npy", "cut short|damaged")


def test_npy_of_text_and_of_one_dimension(tmp_path: Path) -> None:
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    refused(tmp_path / "text.npy", "not numbers")
    np.save(tmp_path / "line.npy", np.arange(5))
    refused(tmp_path / "line.npy", "needs at least y and x")


@pytest.mark.parametrize(
    ("shape", "axes", "kept", "note"),
    [
        ((6, 8), "YX", (6, 8), ""),
        ((6, 8, 3), "YXS", (6, 8, 3), "colour"),
        ((6, 8, 4), "YXS", (6, 8, 4), "colour"),
        ((6, 8, 2), "YXC", (6, 8, 2), "channels"),
        ((3, 6, 8), "CYX", (3, 6, 8), "channels"),
        ((5, 6, 8), "ZYX", (5, 6, 8), "taken as z"),
        ((1, 6, 8), "YX", (6, 8), "length 1"),
        ((1, 5, 1, 6, 8), "ZYX", (5, 6, 8), "length 1"),
        ((6, 8, 1), "YX", (6, 8), "length 1"),
        ((1, 1, 8), "YX", (1, 8), "length 1"),
    ],
)
def test_assumed_axes(tmp_path: Path, shape: tuple[int, ...], axes: str, kept: tuple[int, ...], note: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    image = read(tmp_path / "a.npy")
    assert (image.axes, image.shape) == (axes, kept)
    assert note in " ".join(image.notes)
    assert bool(note) == bool(image.notes)


def test_axes_given(tmp_path: Path) -> None:
    data = np.zeros((2, 3, 4, 6, 8), np.uint8)
    np.save(tmp_path / "a.npy", data)
    refused(tmp_path / "a.npy", "--axes")
    image = read(tmp_path / "a.npy", axes="tczyx")
    assert image.axes == "TCZYX"
    assert not image.notes
    refused(tmp_path / "a.npy", "5 dimensions", axes="ZYX")
    for nonsense in ("TTZYX", "ABCYX", "TCZS", ""):
        with pytest.raises(RequestError, match="make no sense"):
            read(tmp_path / "a.npy", axes=nonsense)
    np.save(tmp_path / "b.npy", np.zeros((1, 5, 6, 8)))
    assert read(tmp_path / "b.npy", axes="TYX").shape == (5, 6, 8)
    assert read(tmp_path / "b.npy", axes="CTYX").shape == (1, 5, 6, 8)


def test_scene_of_a_file_with_one(tmp_path: Path) -> None:
    write(tmp_path / "a.png", RAMP)
    with pytest.raises(RequestError, match="one image"):
        read(tmp_path / "a.png", scene=1)


def _saved(picture: Pillow.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def test_palette_png(tmp_path: Path) -> None:
    picture = Pillow.fromarray(RAMP % 4).convert("P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    picture.putdata((RAMP % 4).ravel().tolist())
    path = _saved(picture, tmp_path / "a.png")
    image = read(path)
    assert image.axes == "YXS"
    assert image.data[0, 1].tolist() == [40, 50, 60]
    assert "palette" in image.notes[0]
    np.testing.assert_array_equal(read_labels(path).data, RAMP % 4)  # numbers, not colours


def test_transparency(tmp_path: Path) -> None:
    colours = np.dstack([RAMP, RAMP + 1, RAMP + 2, np.full_like(RAMP, 9)])
    image = read(_saved(Pillow.fromarray(colours, "RGBA"), tmp_path / "a.png"))
    np.testing.assert_array_equal(image.data, colours[..., :3])
    assert "alpha" in image.notes[0]
    grey = read(_saved(Pillow.fromarray(colours[..., [0, 3]], "LA"), tmp_path / "b.png"))
    assert grey.axes == "YX"
    np.testing.assert_array_equal(grey.data, RAMP)
    one_bit = read(_saved(Pillow.fromarray(RAMP > 20), tmp_path / "c.png"))
    assert one_bit.shape == (6, 8)
    assert len(np.unique(one_bit.data)) == 2


def test_sixteen_bit_colour_png(tmp_path: Path) -> None:
    data = (np.arange(6 * 8 * 3).reshape(6, 8, 3) * 400).astype(np.uint16)
    write(tmp_path / "a.png", data)
    image = read(tmp_path / "a.png")
    assert image.axes == "YXS"
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_jpeg(tmp_path: Path, adobe: bool) -> None:
    colour = (200, 50, 20)
    picture = Pillow.new("RGB", (32, 32), colour).convert("CMYK")
    buffer = io.BytesIO()
    picture.save(buffer, "jpeg", quality=95)
    content = buffer.getvalue()
    if not adobe:  # rename the marker's content: then inks are stored as they are
        import imagecodecs

        content = content.replace(b"Adobe", b"other")
        stored = imagecodecs.jpeg_decode(content)
        expected = np.rint((1 - stored[..., :3] / 255.0) * (1 - stored[..., 3:] / 255.0) * 255)
    else:
        expected = np.broadcast_to(np.array(colour, float), (32, 32, 3))
    (tmp_path / "a.jpg").write_bytes(content)
    image = read(tmp_path / "a.jpg")
    assert image.axes == "YXS"
    assert "CMYK" in image.notes[0]
    np.testing.assert_allclose(image.data, expected, atol=4)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "jp2"])
def test_colour_pictures(tmp_path: Path, suffix: str) -> None:
    y, x = np.mgrid[:40, :50]
    colours = np.dstack([x * 4, y * 4, x + y]).astype(np.uint8)
    image = read(_saved(Pillow.fromarray(colours), tmp_path / f"a.{suffix}"))
    assert (image.axes, image.shape) == ("YXS", (40, 50, 3))
    assert np.abs(image.data.astype(int) - colours).mean() < 12


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.97])
def test_truncated_pictures(tmp_path: Path, suffix: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 70, 3), dtype=np.uint8)
    path = _saved(Pillow.fromarray(noise), tmp_path / f"a.{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    refused(path, "cut short|damaged")


def test_picture_under_another_name(tmp_path: Path) -> None:
    _saved(Pillow.fromarray(RAMP), tmp_path / "a.png").rename(tmp_path / "a.dat")
    np.testing.assert_array_equal(read(tmp_path / "a.dat").data, RAMP)
    tifffile.imwrite(tmp_path / "b.tif", RAMP)
    (tmp_path / "b.tif").rename(tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png").data, RAMP)


def test_names_with_spaces_and_letters(tmp_path: Path) -> None:
    path = tmp_path / "Zellkern µ ü 核.tif"
    write(path, RAMP)
    image = read(str(path))
    assert image.name == "Zellkern µ ü 核"
    assert image.source == str(path)


class TestLabels:
    def test_floats(self, tmp_path: Path) -> None:
        np.save(tmp_path / "whole.npy", RAMP.astype(np.float32))
        assert read_labels(tmp_path / "whole.npy").dtype == np.int32
        for name, data in (("half", RAMP / 2), ("nan", np.full((3, 4), np.nan)), ("vast", np.full((3, 4), 1e30))):
            np.save(tmp_path / f"{name}.npy", data)
            with pytest.raises(InputError, match="fractions|too large"):
                read_labels(tmp_path / f"{name}.npy")

    def test_large_numbers(self, tmp_path: Path) -> None:
        for top, dtype in ((70_000, np.int32), (2**31 - 1, np.int32), (2**31, np.int64), (2**40, np.int64)):
            np.save(tmp_path / "a.npy", np.array([[0, top]], np.uint64))
            labels = read_labels(tmp_path / "a.npy")
            assert labels.dtype == dtype
            assert labels.data.max() == top
        np.save(tmp_path / "a.npy", np.array([[0, 2**63 + 5]], np.uint64))
        with pytest.raises(InputError, match="too large"):
            read_labels(tmp_path / "a.npy")

    def test_mask(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", RAMP > 20)
        assert read_labels(tmp_path / "a.npy").data.tolist() == (RAMP > 20).astype(int).tolist()

    def test_colours_and_channels(self, tmp_path: Path) -> None:
        write(tmp_path / "a.png", np.dstack([RAMP] * 3))
        with pytest.raises(InputError, match="colour picture"):
            read_labels(tmp_path / "a.png")
        write(tmp_path / "b.tif", np.stack([RAMP] * 2), axes="CYX")
        with pytest.raises(InputError, match="2 channels"):
            read_labels(tmp_path / "b.tif")
        np.save(tmp_path / "c.npy", RAMP[None])
        assert read_labels(tmp_path / "c.npy", axes="CYX").axes == "YX"


def test_arguments_of_the_wrong_kind_are_not_blamed_on_the_file(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", RAMP)
    for open_ in (read, read_labels, read_pyramid):
        with pytest.raises(RequestError, match="are a text such as 'TCYX', not 5"):
            open_(tmp_path / "a.tif", axes=5)
        for scene in ("a", 1.5, None):
            with pytest.raises(RequestError, match="a whole number, counted from 0, not"):
                open_(tmp_path / "a.tif", scene=scene)
        with pytest.raises(RequestError, match="from the path of its file, not from int"):
            open_(5)
    assert read(tmp_path / "a.tif", scene=np.int64(0)).shape == RAMP.shape
