"""Files that are channels, planes or times of one image."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io import find_images, write
from micrographia.io.joining import join, spread_images

CHANNEL = r"_w(?P<channel>\d)"


def files(folder: Path, **pictures: np.ndarray) -> list[Path]:
    return [write(folder / f"{name}.tif", picture) for name, picture in pictures.items()]


def test_channels_planes_and_times_find_their_place(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 5, 6), dtype=np.uint8)  # T C Z Y X
    for t, c, z in np.ndindex(2, 3, 4):
        write(tmp_path / f"T{t + 9}F7Z{z}C{c}.tif", truth[t, c, z])
    pattern = r"T(?P<t>\d+)(?P<field>F\d)Z(?P<z>\d)C(?P<channel>\d)"
    (found,) = spread_images(find_images(tmp_path), pattern)
    image = join(found)
    assert (found.name, image.axes, image.channels) == ("F7", "TCZYX", ("0", "1", "2"))
    np.testing.assert_array_equal(image.data, truth)  # 9 before 10


def test_volumes_of_channels(tmp_path: Path) -> None:
    volume = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    for c in (1, 2):
        write(tmp_path / f"a_w{c}.ome.tif", volume + c, axes="ZYX", pixel_size={"Z": 2.0, "Y": 0.5, "X": 0.5})
    image = join(*spread_images(find_images(tmp_path), CHANNEL), ("DNA", "GFP"))
    assert image.axes == "CZYX" and image.channels == ("DNA", "GFP") and image.pixel_size["Z"] == 2.0
    np.testing.assert_array_equal(image.data, np.stack([volume + 1, volume + 2]))


def test_images_are_told_apart_and_named(tmp_path: Path) -> None:
    found = spread_images(["p/B2_w1.tif", "p/B10_w1.tif", "p/B2_w2.tif", "p/B10_w2.tif"], CHANNEL)
    assert [image.name for image in found] == ["B2", "B10"]
    assert [image.name for image in spread_images(["Channel1-01-A-01.tif"], r"Channel(?P<channel>\d)-")] == ["01-A-01"]


@pytest.mark.parametrize(
    ("names", "pattern", "kind", "words"),
    [
        (["a_w1.tif"], "(", RequestError, "no regular expression"),
        (["a_w1.tif"], r"_w(?P<well>\d)", RequestError, "names no part"),
        (["a_w1.tif", "b.tif"], CHANNEL, InputError, "b.tif: the pattern"),
        (["w1.tif"], r"w(?P<channel>\d)", InputError, "takes the whole name"),
        (["x/a_w1.tif", "y/a_w1.tif"], CHANNEL, InputError, "are both channel 1 of the image a"),
    ],
)
def test_names_that_do_not_fit(names: list[str], pattern: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=re.escape(words)):
        spread_images(names, pattern)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    flat = np.zeros((4, 5), np.uint8)
    (tmp_path / "lost").mkdir()
    files(tmp_path / "lost", a_w1=flat, a_w2=flat, b_w2=flat)
    good, lost = spread_images(find_images(tmp_path / "lost"), CHANNEL)
    assert join(good).shape == (2, 4, 5)
    with pytest.raises(InputError, match="b: there is no file of channel 1"):
        join(lost)
    with pytest.raises(RequestError, match="1 channel name, but the files have 2: 1, 2"):
        join(good, ["DNA"])
    files(tmp_path, c_w1=flat, c_w2=flat.astype(np.uint16), d_w1=flat, d_w2=flat[1:])
    write(tmp_path / "e_w1.png", np.zeros((4, 5, 3), np.uint8), axes="YXS")
    write(tmp_path / "e_w2.png", flat)
    for image, words in zip(
        spread_images(find_images(tmp_path), CHANNEL),
        ("uint16 (4, 5), but", "(3, 5), but", "holds colours"),
        strict=True,
    ):
        with pytest.raises(InputError, match=re.escape(words)):
            join(image)
