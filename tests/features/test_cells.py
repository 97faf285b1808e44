"""The table of nuclei, cells and cytoplasm: names, compartments, links, and inputs that are odd or wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cell_fields import field, volume
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from micrographia.arrays.errors import InputError, RequestError
from micrographia.features.cells import measure_cells
from micrographia.features.compartments import cytoplasm, parents, ring
from micrographia.features.feature_table import feature_columns, object_keys
from micrographia.features.label_objects import label_objects

FEW = ("shape", "intensity", "texture")


def two_nuclei() -> tuple[np.ndarray, np.ndarray]:
    """Nuclei 7 and 300000, of which the second touches the border; and a picture."""
    labels = np.zeros((40, 50), np.int64)
    labels[10:20, 8:20], labels[30:40, 35:45] = 7, 300_000
    return labels, np.random.default_rng(0).integers(10, 250, labels.shape).astype(np.uint8)


def test_names_keys_and_units():
    labels, image = two_nuclei()
    table = measure_cells(labels, np.stack([image, image // 2]), channels=["DNA", "ER"], pixel_size=0.5)
    assert table["ObjectNumber"].tolist() == [7, 300_000]
    assert table["touches_border"].tolist() == [False, True]
    for name in ("Nuclei_AreaShape_Area", "Nuclei_AreaShape_Zernike_4_2", "Nuclei_Intensity_MeanIntensity_DNA",
                 "Nuclei_Texture_AngularSecondMoment_DNA_3_00_256", "Nuclei_Granularity_16_ER",
                 "Nuclei_RadialDistribution_FracAtD_ER_1of4", "Nuclei_RadialDistribution_ZernikePhase_DNA_3_1",
                 "Nuclei_Correlation_Manders_ER_DNA", "Nuclei_Neighbors_NumberOfNeighbors_Expanded",
                 "Nuclei_AreaShape_MaxFeretDiameter", "Nuclei_Location_MaxIntensity_X_DNA"):  # fmt: skip
        assert name in table
    assert table["Nuclei_AreaShape_Area"].tolist() == [120, 100]
    np.testing.assert_allclose(table["Nuclei_Intensity_MeanIntensity_DNA"][0], image[labels == 7].mean() / 255)
    np.testing.assert_allclose(table["Nuclei_Location_Center_X"], [13.5, 39.5])
    assert table.attrs["pixel_size"] == {"Y": 0.5, "X": 0.5}
    units = table.attrs["units"]
    assert units["Nuclei_AreaShape_Area"] == "px²"
    assert units["Nuclei_AreaShape_Orientation"] == "°"
    assert units["Nuclei_RadialDistribution_ZernikePhase_DNA_3_1"] == "rad"
    assert "Nuclei_AreaShape_Solidity" not in units
    names = feature_columns(table)
    assert "Nuclei_AreaShape_Area" in names
    assert not [name for name in names if "Location" in name or "Center" in name or name == "ObjectNumber"]


def test_names_are_those_that_cellprofiler_writes(data_dir):
    """All of its own table but the planes' Z, and the endings for which CellProfiler has settings."""
    path = data_dir / "cellprofiler" / "ExampleFly" / "output" / "Nuclei.csv"
    theirs = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    labels, image = two_nuclei()
    table = measure_cells(labels, np.stack([image, image // 2]), channels=["CropBlue", "CropGreen"])
    wanted = []
    for name in theirs:
        if name.startswith(("AreaShape_", "Correlation_", "Intensity_", "Location_")) and not name.endswith("Center_Z"):
            wanted.append(f"Nuclei_{name}")
        elif name.startswith("Texture_"):
            wanted.append(f"Nuclei_{name}_256")
        elif name.startswith("Neighbors_"):
            wanted.append(f"Nuclei_{name.removesuffix('4')}Expanded")
    assert len(wanted) == 140
    assert set(wanted) <= set(table)


def test_an_object_measures_the_same_whatever_lies_elsewhere():
    """The neighbours aside (and granularity, whose background is that of the image)."""
    labels, one, _ = field()
    table = measure_cells(labels, one, only=("shape", "feret", "zernike", "intensity", "texture", "radial"))
    for number in (1, int(labels.max())):
        alone = measure_cells(
            np.where(labels == number, 9, 0), one, only=("shape", "feret", "zernike", "intensity", "texture", "radial")
        )
        row = table[table["ObjectNumber"] == number].drop(columns="ObjectNumber").reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.drop(columns="ObjectNumber"), row, check_names=False)


def test_cells_and_cytoplasm():
    labels, image = two_nuclei()
    labels[12:14, 30:32] = 9  # a nucleus outside any cell
    labels[16:18, 22:24] = 11  # a second one in the cell of the first
    cells = np.zeros_like(labels)
    cells[6:24, 4:26], cells[28:40, 33:47], cells[0:3, 0:3] = 5, 2, 8
    table = measure_cells(labels, image, cells=cells, channels=["DNA"], only=FEW).set_index("ObjectNumber")
    assert table.index.tolist() == [7, 9, 11, 300_000]
    assert table["Nuclei_Parent_Cells"].tolist() == [5, 0, 5, 2]
    assert table["Cells_Children_Nuclei_Count"].tolist() == [2, 0, 2, 1]
    np.testing.assert_array_equal(table["Cells_AreaShape_Area"], [396, np.nan, 396, 168])
    np.testing.assert_array_equal(table["Cytoplasm_AreaShape_Area"], [396 - 124, np.nan, 396 - 124, 68])
    outside = (cells == 5) & (labels == 0)
    np.testing.assert_allclose(table["Cytoplasm_Intensity_MeanIntensity_DNA"][7], image[outside].mean() / 255)
    assert not any("Cytoplasm_Neighbors" in name for name in table)


def test_a_cell_that_is_all_nucleus_has_no_cytoplasm():
    labels, image = two_nuclei()
    table = measure_cells(labels, image, cells=np.where(labels == 7, 1, 0), only=FEW)
    assert table["Cytoplasm_AreaShape_Area"].isna().all()
    assert table["Cells_AreaShape_Area"][0] == 120


SMALL = arrays(np.int32, (14, 15), elements=st.sampled_from([0, 0, 0, 0, 0, 3, 8, 500]))


@settings(deadline=None, max_examples=60)
@given(SMALL, st.floats(1, 6))
def test_rings_keep_apart(labels, width):
    nuclei = label_objects(labels)
    around = ring(nuclei, width)
    assert np.array_equal(around.ids, nuclei.ids)
    assert not (around.numbers[nuclei.numbers > 0]).any()
    place = np.indices(labels.shape)
    away = np.stack(
        [
            np.sqrt(((place[:, :, :, None] - np.argwhere(labels == k).T[:, None, None]) ** 2).sum(0)).min(-1)
            for k in nuclei.ids
        ]
        or [np.full(labels.shape, np.inf)]
    )
    inside = (away.min(0) <= width) & (labels == 0)
    assert np.array_equal(around.numbers > 0, inside)
    for k in range(len(nuclei)):  # a pixel of a ring is nearest to its own nucleus
        assert (away[k] <= away.min(0))[around.numbers == k + 1].all()


@settings(deadline=None, max_examples=60)
@given(SMALL, SMALL)
def test_parents_and_cytoplasm(labels, cells):
    nuclei, whole = label_objects(labels), label_objects(cells)
    found = parents(nuclei, whole)
    for i, number in enumerate(nuclei.ids):
        inside = cells[labels == number]
        counts = [np.count_nonzero(inside == cell) for cell in whole.ids]
        assert found[i] == (int(np.argmax(counts)) if counts and max(counts) > 0 else -1)
    rest = cytoplasm(whole, nuclei)
    assert np.array_equal(rest.area, [np.count_nonzero((cells == cell) & (labels == 0)) for cell in whole.ids])


def test_no_objects():
    image = np.zeros((20, 20), np.uint8)
    nothing = np.zeros((20, 20), int)
    full = measure_cells(two_nuclei()[0], two_nuclei()[1], ring=3)
    for table in (measure_cells(nothing, image, ring=3), measure_cells(nothing, image), measure_cells(nothing)):
        assert len(table) == 0
        assert set(table) <= set(full)
    assert set(measure_cells(nothing, image, ring=3)) == set(full)
    assert measure_cells(nothing, image, cells=np.eye(20, dtype=int)).shape[0] == 0


def test_pixels_that_are_not_numbers_spoil_only_their_object():
    labels, image = two_nuclei()
    clean = image / 255
    holed = clean.copy()
    holed[10, 8] = np.nan
    before, after = measure_cells(labels, clean, channels=["a"]), measure_cells(labels, holed, channels=["a"])
    local = [name for name in after if "Granularity" not in name]  # whose background is of the image
    pd.testing.assert_frame_equal(after.loc[[1], local], before.loc[[1], local])
    rest = holed[(labels == 7) & np.isfinite(holed)]
    np.testing.assert_allclose(after["Nuclei_Intensity_MeanIntensity_a"][0], rest.mean())
    assert np.isnan(after["Nuclei_RadialDistribution_ZernikeMagnitude_a_0_0"][0])
    assert np.isfinite(after["Nuclei_Granularity_1_a"]).all()


def test_a_single_pixel_and_a_constant_image():
    labels = np.zeros((32, 32), int)
    labels[5, 5], labels[10:25, 10:25] = 1, 2
    table = measure_cells(labels, np.full((2, 32, 32), 77, np.uint8), channels=["a", "b"])
    assert table["Nuclei_AreaShape_MaxFeretDiameter"][0] == 0
    assert np.isnan(table["Nuclei_Texture_Contrast_a_3_00_256"][0])
    assert table["Nuclei_Texture_Contrast_a_3_00_256"][1] == 0
    assert table["Nuclei_Intensity_StdIntensity_a"].tolist() == [0, 0]
    assert table["Nuclei_Correlation_Correlation_a_b"].isna().all()
    assert table["Nuclei_Correlation_Costes_a_b"].isna().all()
    np.testing.assert_allclose(table["Nuclei_RadialDistribution_RadialCV_a_2of4"][1], 0, atol=1e-12)


def test_an_object_that_fills_the_image():
    table = measure_cells(np.ones((24, 24), int), np.full((24, 24), 9, np.uint8), channels=["a"])
    assert table["touches_border"].tolist() == [True]
    assert table["Nuclei_AreaShape_Area"].tolist() == [576]
    assert table["Nuclei_Neighbors_PercentTouching_Expanded"].tolist() == [0]


def test_time_series_planes_and_volumes():
    labels, one, two = volume()
    planes = measure_cells(labels, one, axes="ZYX", only=("shape",))
    assert object_keys(planes) == ["Metadata_Z", "ObjectNumber"]
    middle = measure_cells(labels[8], one[8], only=("shape",))
    pd.testing.assert_frame_equal(
        planes[planes["Metadata_Z"] == 8].drop(columns="Metadata_Z").reset_index(drop=True), middle
    )
    whole = measure_cells(labels, np.stack([one, two]), axes="ZYX", volumes=True, channels=["a", "b"])
    assert whole["Nuclei_AreaShape_Volume"].tolist() == np.bincount(labels.ravel())[1:].tolist()
    assert "Nuclei_Correlation_Costes_a_b" in whole
    assert "Nuclei_Texture_Contrast_a_3_12_256" in whole
    moving = measure_cells(np.stack([labels, labels]), axes="TZYX", volumes=True, only=("shape",))
    assert moving["Metadata_T"].tolist() == [0] * len(whole) + [1] * len(whole)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": np.zeros((40, 51), np.uint8)}, "same field at the same size"),
        ({"image": np.full((40, 50), 300.0)}, "say which value counts as 1"),
        ({"white": 0}, "above 0"),
        ({"cells": np.zeros((40, 51), int)}, "the cells have shape"),
        ({"labels": np.zeros((40, 50), bool)}, "yes/no mask"),
        ({"volumes": True}, "volumes have an axis Z"),
        ({"channels": ["a", "b"]}, "1 channels but 2 channel names"),
        ({"cells": np.zeros((40, 50), int), "ring": 4}, "either the cells or a ring"),
        ({"ring": -1}, "width above 0"),
        ({"objects": "Cells", "ring": 3}, "cannot name the objects"),
        ({"objects": "my nuclei"}, "cannot name the objects"),
        ({"only": ("shapes",)}, "no measurement called shapes"),
    ],
)
def test_bad_input(change, sentence):
    labels, image = two_nuclei()
    with pytest.raises((InputError, RequestError), match=sentence):
        measure_cells(**{"labels": labels, "image": image, **change})


def test_white():
    labels, image = two_nuclei()
    deep = image.astype(np.uint16) * 16
    table = measure_cells(labels, deep, white=4095, only=("intensity",))
    np.testing.assert_allclose(table["Nuclei_Intensity_MaxIntensity_c0"][0], deep[labels == 7].max() / 4095)


def test_threads_change_nothing():
    labels, one, two = field()
    tables = [measure_cells(labels, np.stack([one, two]), threads=n, ring=3) for n in (1, 4)]
    pd.testing.assert_frame_equal(*tables)
