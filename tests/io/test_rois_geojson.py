"""Outlines, ImageJ regions and GeoJSON."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.draw import polygon2mask

from micrographia.arrays.errors import InputError, RequestError
from micrographia.io import label_outlines, read_rois, write_geojson, write_rois
from micrographia.io.outlines import ring_area

LABELS = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3))


class TestOutlines:
    @given(labels=LABELS)
    @settings(max_examples=200, deadline=None)
    def test_rings_enclose_exactly_their_object(self, labels: np.ndarray) -> None:
        rings = label_outlines(labels)
        assert list(rings) == [label for label in np.unique(labels) if label]
        for label, parts in rings.items():
            assert sum(ring_area(part) for part in parts) == np.count_nonzero(labels == label)
            filled = sum(
                polygon2mask(labels.shape, part).astype(int) * (1 if ring_area(part) > 0 else -1) for part in parts
            )
            np.testing.assert_array_equal(filled, labels == label)
            for part in parts:  # corners only, at halves, without the first again
                assert (part % 1 == 0.5).all()
                assert ((part != np.roll(part, 1, axis=0)).sum(axis=1) == 1).all()

    def test_one_pixel(self) -> None:
        (ring,) = label_outlines(np.array([[0, 0], [0, 100_000]]))[100_000]
        assert sorted(ring.tolist()) == [[0.5, 0.5], [0.5, 1.5], [1.5, 0.5], [1.5, 1.5]]

    def test_nothing(self) -> None:
        assert label_outlines(np.zeros((4, 5), int)) == {}
        with pytest.raises(ValueError, match="label image"):
            label_outlines(np.zeros((2, 4, 5), int))


class TestImageJ:
    def test_beyond_the_integers(self, tmp_path: Path) -> None:
        """ImageJ's own integers wrap above 32,767; sub-pixel coordinates do not."""
        outlines = [
            np.array([(39_990.25, 70_000.5), (39_999.75, 70_000.5), (39_995.0, 70_009.25)]),
            np.eye(3)[:, :2] * 9,
        ]
        write_rois(tmp_path / "a.zip", outlines, ["far", "near"])
        found, names = read_rois(tmp_path / "a.zip")
        assert names == ["far", "near"]
        for one, other in zip(found, outlines, strict=True):
            np.testing.assert_allclose(one, other, atol=0.01)
        roi = roifile.roiread(tmp_path / "a.zip")[0]
        assert roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION in roi.options
        np.testing.assert_allclose(roi.coordinates()[0], (70_001.0, 39_990.75))  # x, y from the pixel's corner

    def test_from_labels_with_places(self, tmp_path: Path) -> None:
        labels = np.zeros((8, 9), np.int32)
        labels[1:4, 2:6], labels[6, 1] = 70_000, 3
        write_rois(tmp_path / "a.zip", labels, z=4, t=[0, 1])
        outlines, names = read_rois(tmp_path / "a.zip")
        assert names == ["3", "70000"]
        assert abs(ring_area(outlines[1])) == 12
        regions = roifile.roiread(tmp_path / "a.zip")
        assert [(region.z_position, region.t_position) for region in regions] == [(5, 1), (5, 2)]

    def test_names(self, tmp_path: Path) -> None:
        square = np.array([(0.0, 0.0), (0.0, 3.0), (3.0, 3.0)])
        write_rois(tmp_path / "a.zip", [square] * 3, ["a/b", "a/b", "ü µ"])
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            assert archive.namelist() == ["a_b.roi", "a_b-2.roi", "ü µ.roi"]
        assert read_rois(tmp_path / "a.zip")[1] == ["a/b", "a/b", "ü µ"]
        with pytest.raises(RequestError, match="2 names for 3"):
            write_rois(tmp_path / "b.zip", [square] * 3, ["a", "b"])

    def test_bad_files(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not exist"):
            read_rois(tmp_path / "a.zip")
        (tmp_path / "a.zip").write_text("text")
        with pytest.raises(InputError, match="no ImageJ regions"):
            read_rois(tmp_path / "a.zip")

    def test_none(self, tmp_path: Path) -> None:
        write_rois(tmp_path / "a.zip", [])
        assert zipfile.is_zipfile(tmp_path / "a.zip")


class TestGeoJson:
    def test_what_qupath_expects(self, tmp_path: Path) -> None:
        outlines = [np.array([(1.0, 2.0), (1.0, 6.0), (4.0, 6.0)]), np.array([(10.0, 2.0), (10.0, 6.0), (14.0, 6.0)])]
        properties = [
            {"area": 3.5, "count": np.int64(2), "bad": float("nan"), "name": "first", "classification": "Tumour"},
            {"area": np.float32(1.5)},
        ]
        write_geojson(tmp_path / "a.geojson", outlines, properties, classification="Nucleus", colour=(1, 2, 3))
        document = json.loads((tmp_path / "a.geojson").read_text("utf-8"))
        assert document["type"] == "FeatureCollection"
        first, second = document["features"]
        assert first["type"] == "Feature"
        assert first["geometry"] == {
            "type": "Polygon", "coordinates": [[[2.5, 1.5], [6.5, 1.5], [6.5, 4.5], [2.5, 1.5]]],
        }  # fmt: skip
        assert first["properties"] == {
            "objectType": "detection", "name": "first",
            "classification": {"name": "Tumour", "color": [1, 2, 3]}, "measurements": {"area": 3.5, "count": 2},
        }  # fmt: skip
        assert second["properties"]["classification"]["name"] == "Nucleus"
        assert second["properties"]["name"] == "2"
        assert first["id"] != second["id"]

    def test_rings_drawn_the_other_way_round(self, tmp_path: Path) -> None:
        square = np.array([(0.0, 0.0), (0.0, 4.0), (4.0, 4.0), (4.0, 0.0)])
        for rings in ([square, square + 9], [square[::-1], square[::-1] + 9]):
            write_geojson(tmp_path / "a.geojson", [rings])
            (one,) = json.loads((tmp_path / "a.geojson").read_text())["features"]
            assert one["geometry"]["type"] == "MultiPolygon" and len(one["geometry"]["coordinates"]) == 2
        with pytest.raises(RequestError, match="outline 2 has no points"):
            write_geojson(tmp_path / "b.geojson", [square, []])

    def test_holes_and_parts(self, tmp_path: Path) -> None:
        labels = np.zeros((12, 20), int)
        labels[1:6, 1:6] = 1
        labels[3, 3] = 0
        labels[1:10, 10:19] = 2
        labels[3:8, 12:17] = 0
        labels[5, 14] = 2  # an island in the hole
        labels[11, 0] = 2
        write_geojson(tmp_path / "a.geojson", labels)
        write_geojson(tmp_path / "rings.geojson", list(label_outlines(labels).values()))
        written = [json.loads((tmp_path / name).read_text())["features"] for name in ("a.geojson", "rings.geojson")]
        assert [one["geometry"] for one in written[0]] == [one["geometry"] for one in written[1]]
        assert not {one["id"] for one in written[0]} & {one["id"] for one in written[1]}
        one, two = json.loads((tmp_path / "a.geojson").read_text())["features"]
        assert one["geometry"]["type"] == "Polygon"
        assert len(one["geometry"]["coordinates"]) == 2
        assert two["geometry"]["type"] == "MultiPolygon"
        assert sorted(len(part) for part in two["geometry"]["coordinates"]) == [1, 1, 2]
        for feature in (one, two):
            polygons = feature["geometry"]["coordinates"]
            for polygon in polygons if feature is two else [polygons]:
                assert all(ring[0] == ring[-1] for ring in polygon)

    def test_slices_and_time_points(self, tmp_path: Path) -> None:
        triangles = [np.array([(1.0, 2.0), (1.0, 6.0), (4.0, 6.0)])] * 2
        write_geojson(tmp_path / "a.geojson", triangles, planes=[(0, 0), (3, 1)])
        first, second = (one["geometry"] for one in json.loads((tmp_path / "a.geojson").read_text())["features"])
        assert "plane" not in first and second["plane"] == {"c": -1, "z": 3, "t": 1}
        with pytest.raises(RequestError, match="planes of 1 objects"):
            write_geojson(tmp_path / "a.geojson", triangles, planes=[(0, 0)])

    def test_one_property_for_each(self, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="1 objects for 2"):
            write_geojson(tmp_path / "a.geojson", [np.eye(3)[:, :2]] * 2, [{}])

    def test_none(self, tmp_path: Path) -> None:
        write_geojson(tmp_path / "a.geojson", [])
        assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []
