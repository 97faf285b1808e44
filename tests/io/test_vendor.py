"""Makers' files, with the packages for them, without, and with stand-ins."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io import read
from micrographia.io.czi import _metadata


@pytest.mark.parametrize(("suffix", "package"), [(".czi", "czifile"), (".lif", "liffile"), (".nd2", "nd2")])
def test_missing_package_is_named(tmp_path: Path, suffix: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / f"a{suffix}").write_bytes(b"something")
    with pytest.raises(InputError, match=rf"{package}.*pip install micrographia\[formats\]"):
        read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(("suffix", "package"), [(".czi", "czifile"), (".lif", "liffile"), (".nd2", "nd2")])
def test_text_renamed(tmp_path: Path, suffix: str, package: str) -> None:
    pytest.importorskip(package, reason="needs the extra 'formats'")
    (tmp_path / f"a{suffix}").write_text("hello, this is text and no image at all " * 9)
    with pytest.raises(InputError, match="damaged or of an unknown variety|cannot be read|is none"):
        read(tmp_path / f"a{suffix}")


def test_truncated_czi(tmp_path: Path, data_dir: Path) -> None:
    pytest.importorskip("czifile", reason="needs the extra 'formats'")
    source = data_dir / "formats/czi/nuc_small.czi"
    if not source.exists():
        pytest.skip("formats/czi is not among the real data")
    content = source.read_bytes()
    for part in (0.00001, 0.05, 0.3, 0.6, 0.9, 0.999):
        (tmp_path / "a.czi").write_bytes(content[: int(len(content) * part)])
        with pytest.raises(InputError):
            read(tmp_path / "a.czi")


def _lif(path: Path, planes: np.ndarray) -> None:
    """A smallest LIF file: two channels, z, and 0.5 µm pixels, twice."""
    channels, depth, height, width = planes.shape
    size = planes.dtype.itemsize
    step = [size, size * width, size * width * height, size * width * height * depth]
    dimensions = "".join(
        f'<DimensionDescription DimID="{number}" NumberOfElements="{n}" Origin="0" Length="{(n - 1) * unit}" Unit="m" '
        f'BitInc="0" BytesInc="{inc}"/>'
        for number, n, unit, inc in (
            (1, width, 0.5e-6, step[0]),
            (2, height, 0.5e-6, step[1]),
            (3, depth, 2e-6, step[2]),
        )
    )
    described = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="{name}" Min="0" '
        f'Max="255" Unit="" LUTName="Green" IsLUTInverted="0" BytesInc="{i * step[3]}" BitInc="0"/>'
        for i, name in enumerate(("DAPI", "GFP")[:channels])
    )
    element = (
        '<Element Name="Series{i}" UniqueID="u{i}"><Data><Image><ImageDescription><Channels>' + described
        + "</Channels><Dimensions>" + dimensions + "</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{planes.nbytes}" MemoryBlockID="MemBlock_{{i}}"/><Children/></Element>'
    )  # fmt: skip
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="a" UniqueID="r"><Data><Experiment/></Data>'
        '<Memory Size="0" MemoryBlockID="MemBlock_99"/><Children>' + element.format(i=0) + element.format(i=1)
        + "</Children></Element></LMSDataContainerHeader>"
    )  # fmt: skip
    text = xml.encode("utf-16-le")
    content = struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(xml)) + text
    for i in range(2):
        name = f"MemBlock_{i}"
        pixels = (planes + i).tobytes()
        head = struct.pack("<BQBI", 0x2A, len(pixels), 0x2A, len(name)) + name.encode("utf-16-le")
        content += struct.pack("<II", 0x70, len(head)) + head + pixels
    path.write_bytes(content)


def test_lif(tmp_path: Path) -> None:
    pytest.importorskip("liffile", reason="needs the extra 'formats'")
    planes = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    _lif(tmp_path / "a.lif", planes)
    image = read(tmp_path / "a.lif")
    assert image.axes == "CZYX"
    assert image.pixel_size == pytest.approx({"X": 0.5, "Y": 0.5, "Z": 2.0})
    assert image.channels == ("DAPI", "GFP")
    assert "holds 2 images" in image.notes[0]
    np.testing.assert_array_equal(image.data, planes)
    np.testing.assert_array_equal(read(tmp_path / "a.lif", scene=1).data, planes + 1)
    with pytest.raises(RequestError, match="no number 2"):
        read(tmp_path / "a.lif", scene=2)


def test_nd2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with the interface of nd2.ND2File; there is no writer for real ones."""
    pixels = np.arange(2 * 3 * 2 * 4 * 5, dtype=np.uint16).reshape(2, 3, 2, 4, 5)

    class File:
        sizes = {"T": 2, "P": 3, "C": 2, "Y": 4, "X": 5}
        metadata = SimpleNamespace(channels=[SimpleNamespace(channel=SimpleNamespace(name=n)) for n in ("DAPI", "GFP")])
        experiment = [SimpleNamespace(type="TimeLoop", parameters=SimpleNamespace(periodMs=1500.0))]

        def __init__(self, path: str) -> None:
            assert Path(path).exists()

        def __enter__(self) -> File:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def asarray(self, position: int | None = None) -> np.ndarray:
            return pixels if position is None else pixels[:, position : position + 1]

        def voxel_size(self) -> SimpleNamespace:
            return SimpleNamespace(x=0.25, y=0.25, z=1.0)

    monkeypatch.setitem(sys.modules, "nd2", _module("nd2", ND2File=File))
    (tmp_path / "a.nd2").write_bytes(b"stand-in")
    image = read(tmp_path / "a.nd2", scene=2)
    assert image.axes == "TCYX"
    assert image.pixel_size == {"T": 1.5, "Y": 0.25, "X": 0.25}
    assert image.channels == ("DAPI", "GFP")
    np.testing.assert_array_equal(image.data, pixels[:, 2])


def test_bioio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Picture:
        scenes = ("one", "two")
        dims = SimpleNamespace(order="TCZYX")
        physical_pixel_sizes = SimpleNamespace(Z=None, Y=0.5, X=0.5)
        channel_names = ("a", "b")

        def __init__(self, path: str) -> None:
            if path.endswith(".bad"):
                raise RuntimeError("no plugin")
            self.value = 0

        def set_scene(self, scene: str) -> None:
            self.value = self.scenes.index(scene)

        @property
        def data(self) -> np.ndarray:
            return np.full((1, 2, 1, 4, 5), self.value, np.uint8)

    monkeypatch.setitem(sys.modules, "bioio", _module("bioio", BioImage=Picture))
    for name in ("a.oib", "a.bad"):
        (tmp_path / name).write_bytes(b"anything")
    image = read(tmp_path / "a.oib", scene=1)
    assert (image.axes, image.shape, image.channels) == ("CYX", (2, 4, 5), ("a", "b"))
    assert image.pixel_size == {"Y": 0.5, "X": 0.5}
    assert (image.data == 1).all()
    assert "read through bioio" in image.notes
    monkeypatch.setattr(Picture, "channel_names", ("a",))
    monkeypatch.setattr(Picture, "data", np.zeros((1, 1, 1, 4, 5), np.uint8))
    alone = read(tmp_path / "a.oib")
    assert (alone.axes, alone.channels) == ("YX", ("a",))
    with pytest.raises(InputError, match="no plugin"):
        read(tmp_path / "a.bad")


def test_without_bioio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / "a.oib").write_bytes(b"anything")
    with pytest.raises(InputError, match="pip install bioio"):
        read(tmp_path / "a.oib")


def _module(name: str, **content: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(content)
    return module


class TestChannelNamesOfCzi:
    """Those of the display setting, where the dimension has only numbers."""

    @pytest.mark.parametrize(
        ("dimension", "shown", "names"),
        [
            (("0 DAPI", "1 GFP"), ("0 a", "1 b"), ("DAPI", "GFP")),
            (("0 ", "1 "), ("1 GFP", "0 DAPI"), ("DAPI", "GFP")),
            (("0 ", "1 "), ("0 DAPI", "c15b6ce0 GFP"), ("DAPI", "GFP")),  # by its place
            (("0 ", "1 red"), ("0 DAPI", "1 b"), ("DAPI", "red")),
            (("0 ", "1 "), ("0 DAPI",), ()),
            (("0 ", "1 "), ("1 GFP", "x y"), ()),  # the place of the first belongs to another id
            (("0 ", "1 "), (), ()),
        ],
    )
    def test_sources(self, dimension: tuple[str, ...], shown: tuple[str, ...], names: tuple[str, ...]) -> None:
        def channels(entries: tuple[str, ...]) -> str:
            parts = [entry.split(" ") for entry in entries]
            return "".join(f'<Channel Id="{i}"' + (f' Name="{name}"' if name else "") + "/>" for i, name in parts)

        found = _metadata(
            f"<ImageDocument><Metadata><Information><Image><Dimensions><Channels>{channels(dimension)}</Channels>"
            f"</Dimensions></Image></Information><DisplaySetting><Channels>{channels(shown)}</Channels>"
            "</DisplaySetting></Metadata></ImageDocument>"
        )
        assert found[1] == names

    def test_real(self, data_dir: Path) -> None:
        pytest.importorskip("czifile", reason="needs the extra 'formats'")
        source = data_dir / "formats/czi/DAPI_GFP.czi"
        if not source.exists():
            pytest.skip("formats/czi is not among the real data")
        assert read(source).channels == ("DAPI", "GFP")
