"""TIFF in its dialects, and TIFF that is not all there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io import read, read_labels, read_pyramid, write
from micrographia.io import tiff as tiff_module

STACK = (np.arange(4 * 40 * 50) % 251).reshape(4, 40, 50).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(0, 60000, (6, 40, 50), dtype=np.uint16)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "lzw"},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"imagej": True, "metadata": {"axes": "ZYX", "Labels": list("abcdef")}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"rowsperstrip": 8},
        {"contiguous": False},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_truncation_is_noticed_wherever_it_is(tmp_path: Path, options: dict) -> None:
    """Every reader that fills with zeros would turn these into background."""
    path = tmp_path / "whole.tif"
    tifffile.imwrite(path, NOISE, **{"photometric": "minisblack", **options})
    content = path.read_bytes()
    np.testing.assert_array_equal(read(path).array("ZYX"), NOISE)
    cut = tmp_path / "cut.tif"
    for part in (0.001, 0.02, 0.1, 0.3, 0.5, 0.75, 0.9, 0.97):
        cut.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(InputError, match=r"cut short|is none|is empty|lacks") as caught:
            read(cut)
        assert str(cut) in str(caught.value)


def test_pages_before_and_after(tmp_path: Path) -> None:
    """Directories behind the pixels, as libtiff writes them: the chain breaks off."""
    from PIL import Image as Pillow

    path = tmp_path / "pillow.tif"
    pages = [Pillow.fromarray(plane) for plane in STACK]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read(path).array("CYX"), STACK)
    content = path.read_bytes()
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(content[: int(len(content) * part)])
        with pytest.raises(InputError, match="cut short"):
            read(path)


def test_large_imagej_stack_without_directories(tmp_path: Path) -> None:
    """ImageJ stacks beyond 4 GB have one directory and the planes one after the other."""
    path = tmp_path / "stack.tif"
    lines = "ImageJ=1.54f\nimages=6\nslices=6\nloop=false\n"
    tifffile.imwrite(path, NOISE[0], description=lines, metadata=None)
    with path.open("ab") as file:
        file.write(NOISE[1:].tobytes())
    image = read(path)
    assert image.axes == "ZYX"
    np.testing.assert_array_equal(image.data, NOISE)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"cut short|lacks"):
        read(path)


class TestOme:
    XML = (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'UUID="urn:uuid:00000000-0000-0000-0000-00000000000{own}"><Image ID="Image:0" Name="spread">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="50" SizeY="40" SizeZ="4" SizeC="1" SizeT="1" '
        'PhysicalSizeX="200" PhysicalSizeXUnit="nm" PhysicalSizeY="0.0002" PhysicalSizeYUnit="mm" PhysicalSizeZ="1">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )

    def planes(self) -> str:
        return "".join(
            f'<TiffData FirstZ="{z}" FirstC="0" FirstT="0" IFD="0" PlaneCount="1"><UUID FileName="z{z}.ome.tif">'
            f"urn:uuid:00000000-0000-0000-0000-00000000000{z}</UUID></TiffData>"
            for z in range(4)
        )

    def test_spread_over_files(self, tmp_path: Path) -> None:
        for z in range(4):
            xml = self.XML.format(own=z, planes=self.planes())
            tifffile.imwrite(tmp_path / f"z{z}.ome.tif", STACK[z], description=xml, metadata=None)
        image = read(tmp_path / "z2.ome.tif")
        assert image.axes == "ZYX"
        assert image.pixel_size == {"X": 0.2, "Y": 0.2, "Z": 1.0}
        np.testing.assert_array_equal(image.data, STACK)
        (tmp_path / "z3.ome.tif").write_bytes((tmp_path / "z3.ome.tif").read_bytes()[:-700])
        with pytest.raises(InputError, match="z3.ome.tif is cut short"):
            read(tmp_path / "z0.ome.tif")
        (tmp_path / "z3.ome.tif").unlink()
        with pytest.raises(InputError, match=r"lacks 1 of 4 planes.*z3\.ome\.tif"):
            read(tmp_path / "z0.ome.tif")

    def test_companion(self, tmp_path: Path) -> None:
        part = (
            '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            'UUID="urn:uuid:00000000-0000-0000-0000-00000000000{z}"><BinaryOnly MetadataFile="set.companion.ome" '
            'UUID="urn:uuid:00000000-0000-0000-0000-000000000009"/></OME>'
        )
        for z in range(4):
            xml = part.format(z=z)
            tifffile.imwrite(tmp_path / f"z{z}.ome.tif", STACK[z], description=xml, metadata=None)
        alone = read(tmp_path / "z1.ome.tif")
        np.testing.assert_array_equal(alone.data, STACK[1])
        assert "set.companion.ome describes, which is missing" in alone.notes[0]
        (tmp_path / "set.companion.ome").write_text(self.XML.format(own=9, planes=self.planes()), encoding="utf-8")
        image = read(tmp_path / "z1.ome.tif")
        assert image.axes == "ZYX"
        assert image.pixel_size["Z"] == 1.0
        np.testing.assert_array_equal(image.data, STACK)

    def test_several_images(self, tmp_path: Path) -> None:
        path = tmp_path / "two.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as new:
            new.write(STACK[0], metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5})
            new.write(STACK, metadata={"axes": "CYX", "Channel": {"Name": ["a", "b", "c", "d"]}})
        first, second = read(path), read(path, scene=1)
        assert (first.axes, first.pixel_size) == ("YX", {"X": 0.5, "Y": 0.5})
        assert "holds 2 images" in first.notes[0]
        assert (second.axes, second.channels) == ("CYX", ("a", "b", "c", "d"))
        with pytest.raises(RequestError, match="no number 2"):
            read(path, scene=2)

    @pytest.mark.parametrize("axes", ["YX", "ZYX"])
    def test_the_name_of_a_single_channel(self, tmp_path: Path, axes: str) -> None:
        data = STACK[0] if axes == "YX" else STACK
        tifffile.imwrite(tmp_path / "a.ome.tif", data, metadata={"axes": axes, "Channel": {"Name": ["DNA"]}})
        image = read(tmp_path / "a.ome.tif")
        assert (image.axes, image.channels) == (axes, ("DNA",))

    def test_time_step_from_planes(self, tmp_path: Path) -> None:
        path = tmp_path / "t.ome.tif"
        planes = {"DeltaT": [0.0, 2.0, 4.0, 6.0], "TheT": [0, 1, 2, 3], "TheZ": [0] * 4, "TheC": [0] * 4}
        tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "TYX", "Plane": planes})
        assert read(path).pixel_size == {"T": 2.0}

    def test_pyramid(self, tmp_path: Path) -> None:
        path = tmp_path / "pyramid.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as new:
            new.write(STACK[0], subifds=1, metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5})
            new.write(STACK[0, ::2, ::2], subfiletype=1)
        levels = read_pyramid(path)
        assert [level.shape for level in levels] == [(40, 50), (20, 25)]
        assert levels[1].pixel_size == {"X": 1.0, "Y": 1.0}


class TestImageJ:
    @pytest.mark.parametrize(
        ("unit", "factor"),
        [("micron", 1.0), ("\\u00B5m", 1.0), ("um", 1.0), ("nm", 1e-3), ("mm", 1e3), ("cm", 1e4), ("inch", 25400.0)],
    )
    def test_units(self, tmp_path: Path, unit: str, factor: float) -> None:
        metadata = {"axes": "TZYX", "unit": unit, "spacing": 3.0, "finterval": 5.0}
        data = STACK.reshape(2, 2, 40, 50)
        tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, resolution=(2.0, 4.0), metadata=metadata)
        image = read(tmp_path / "a.tif")
        assert image.axes == "TZYX"
        expected = {"X": factor / 2, "Y": factor / 4, "Z": factor * 3, "T": 5.0}
        assert image.pixel_size == pytest.approx(expected)

    @pytest.mark.parametrize("unit", ["pixel", "", "parsec"])
    def test_no_calibration(self, tmp_path: Path, unit: str) -> None:
        tifffile.imwrite(tmp_path / "a.tif", STACK[0], imagej=True, resolution=(2.0, 2.0), metadata={"unit": unit})
        assert read(tmp_path / "a.tif").pixel_size == {}

    def test_the_label_of_a_slice_is_no_channel(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", STACK[0], imagej=True, metadata={"Labels": ["A01_s1.tif"]})
        assert read(tmp_path / "a.tif").channels == ()

    def test_our_file_is_one_for_imagej(self, tmp_path: Path) -> None:
        """What ImageJ's decoder needs: strips, deflate without predictor, its description."""
        write(tmp_path / "a.tif", STACK.astype(np.int32), axes="ZYX", pixel_size={"Z": 2.0, "Y": 0.5, "X": 0.5})
        with tifffile.TiffFile(tmp_path / "a.tif") as tif:
            assert tif.is_imagej
            assert not tif.is_bigtiff
            assert len(tif.pages) == 4
            for page in tif.pages:
                assert int(page.compression) == 8
                assert int(page.predictor) == 1
                assert not page.is_tiled
            first = tif.pages.first
            assert (first.bitspersample, int(first.sampleformat)) == (32, 2)
            assert first.description.startswith("ImageJ=")
            assert tif.imagej_metadata["images"] == tif.imagej_metadata["slices"] == 4
            assert tif.imagej_metadata["spacing"] == 2.0
            assert first.tags["XResolution"].value[0] / first.tags["XResolution"].value[1] == 2.0


class TestPlain:
    def test_resolution_of_a_microscope(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", STACK[0], resolution=(20000, 20000), resolutionunit="CENTIMETER")
        image = read(tmp_path / "a.tif")
        assert image.pixel_size == {"Y": 0.5, "X": 0.5}
        assert "resolution tags" in image.notes[0]

    @pytest.mark.parametrize("dpi", [72, 96, 300])
    def test_resolution_of_a_printer(self, tmp_path: Path, dpi: int) -> None:
        tifffile.imwrite(tmp_path / "a.tif", STACK[0], resolution=(dpi, dpi), resolutionunit="INCH")
        assert read(tmp_path / "a.tif").pixel_size == {}

    def test_palette(self, tmp_path: Path) -> None:
        colours = np.zeros((3, 256), np.uint16)
        colours[0], colours[1] = np.arange(256) * 256, 7 * 256
        tifffile.imwrite(tmp_path / "a.tif", STACK[0], photometric="palette", colormap=colours)
        image = read(tmp_path / "a.tif")
        assert image.axes == "YXS"
        np.testing.assert_array_equal(image.data[..., 0], STACK[0])
        assert (image.data[..., 1] == 7).all()
        np.testing.assert_array_equal(read_labels(tmp_path / "a.tif").data, STACK[0])

    def test_white_is_zero(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", STACK[0], photometric="miniswhite")
        image = read(tmp_path / "a.tif")
        np.testing.assert_array_equal(image.data, 255 - STACK[0])
        assert "inverted" in image.notes[0]

    def test_transparency_and_cmyk(self, tmp_path: Path) -> None:
        four = np.dstack(STACK)
        tifffile.imwrite(tmp_path / "a.tif", four, photometric="rgb", extrasamples=["unassalpha"])
        image = read(tmp_path / "a.tif")
        np.testing.assert_array_equal(image.data, four[..., :3])
        assert "alpha" in image.notes[0]
        tifffile.imwrite(tmp_path / "b.tif", four, photometric="separated")
        cmyk = read(tmp_path / "b.tif")
        assert cmyk.shape == (40, 50, 3)
        assert "CMYK" in cmyk.notes[0]

    def test_samples_that_are_no_colours(self, tmp_path: Path) -> None:
        five = np.stack([STACK[i % 4] for i in range(5)])
        tifffile.imwrite(tmp_path / "a.tif", five, photometric="minisblack", planarconfig="separate")
        image = read(tmp_path / "a.tif")
        assert (image.axes, image.shape) == ("CYX", (5, 40, 50))

    def test_planes_that_a_writer_called_colours(self, tmp_path: Path) -> None:
        """tifffile writes three planes as red, green, blue, and four as that and one more."""
        tifffile.imwrite(tmp_path / "a.tif", STACK[:3], photometric="rgb", planarconfig="separate")
        image = read(tmp_path / "a.tif")
        assert image.axes == "SYX"
        assert "--axes CYX" in image.notes[0]
        assert read(tmp_path / "a.tif", axes="CYX").axes == "CYX"
        tifffile.imwrite(tmp_path / "b.tif", STACK, photometric="rgb", planarconfig="separate", extrasamples=[0])
        assert read(tmp_path / "b.tif").axes == "CYX"

    def test_five_dimensions(self, tmp_path: Path) -> None:
        data = np.zeros((2, 3, 4, 10, 12), np.uint8)
        tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack")
        with pytest.raises(InputError, match="--axes"):
            read(tmp_path / "a.tif")
        assert read(tmp_path / "a.tif", axes="TCZYX").shape == data.shape

    def test_colour_stack(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 10, 12, 3), np.uint8), photometric="rgb")
        image = read(tmp_path / "a.tif")
        assert image.axes == "ZYXS"
        assert "taken as z" in image.notes[0]

    def test_renamed_axes(self, tmp_path: Path) -> None:
        write(tmp_path / "a.tif", STACK, axes="ZYX", pixel_size={"Z": 2.0, "Y": 0.5, "X": 0.5})
        image = read(tmp_path / "a.tif", axes="TYX")
        assert image.axes == "TYX"
        assert image.pixel_size == {"Y": 0.5, "X": 0.5}
        with pytest.raises(InputError, match="names 2"):
            read(tmp_path / "a.tif", axes="YX")


def test_large_files_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", NOISE, tile=(16, 16), photometric="minisblack", metadata={"axes": "ZYX"})
    monkeypatch.setattr(tiff_module, "LAZY_BYTES", 1000)
    image = read(tmp_path / "a.tif")
    assert not isinstance(image.data, np.ndarray)
    np.testing.assert_array_equal(image.data[1:3, 5:20], NOISE[1:3, 5:20])
    np.testing.assert_array_equal(image.array("ZYX"), NOISE)
