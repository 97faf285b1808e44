"""Object tables: columns, units, channels, axes, regions of large images, refusals."""

import time

import numpy as np
import pandas as pd
import pytest
from skimage.measure import regionprops

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.features.objects import measure, measure_region
from micrographia.features.volumes import measure_volumes


def squares(shape=(200, 240), step=20, side=12, first=1, stride=1):
    labels = np.zeros(shape, np.int64)
    corners = [(y, x) for y in range(0, shape[0] - side, step) for x in range(0, shape[1] - side, step)]
    for i, (y, x) in enumerate(corners):
        labels[y : y + side, x : x + side - i % 3] = first + i * stride
    return labels


def test_units_follow_the_pixel_size():
    labels = squares()
    plain, sized = measure(labels), measure(labels, pixel_size=0.5)
    assert not any("_um" in c for c in plain.columns)
    assert np.allclose(sized.area_um2, sized.area_px / 4)
    for name in ("perimeter", "major_axis", "minor_axis", "equivalent_diameter", "centroid_y", "centroid_x"):
        assert np.allclose(sized[f"{name}_um"], sized[f"{name}_px"] / 2)
    units = sized.attrs["units"]
    assert units["area_px"] == "px" and units["area_um2"] == "µm²" and units["perimeter_um"] == "µm"
    assert "label" not in units and sized.attrs["pixel_size"] == {"Y": 0.5, "X": 0.5}


def test_pixels_that_are_not_square():
    labels = squares()
    table = measure(labels, pixel_size=(0.5, 0.25))
    assert "perimeter_um" not in table
    assert np.allclose(table.area_um2, table.area_px / 8)
    expected = regionprops(labels, spacing=(0.5, 0.25))
    assert np.allclose(table.major_axis_um, [r.axis_major_length for r in expected])
    assert np.allclose(table.minor_axis_um, [r.axis_minor_length for r in expected])


def test_ids_may_be_sparse_and_large():
    a, b = measure(squares()), measure(squares(first=70_000, stride=1_000_003))
    assert b.label.max() > 65_535
    pd.testing.assert_frame_equal(a.drop(columns="label"), b.drop(columns="label"))


def test_pixel_size_and_channels_come_from_the_image():
    labels = squares()
    pixels = np.stack([labels, labels * 2]).astype(np.float32)
    image = Image(pixels, "CYX", {"Y": 0.5, "X": 0.5}, ("DAPI", "Alexa 488"))
    table = measure(labels, image)
    assert np.allclose(table["intensity_mean_DAPI"], table.label)
    assert np.allclose(table["intensity_max_Alexa_488"], 2 * table.label)
    assert "area_um2" in table
    other_order = Image(np.moveaxis(pixels, 0, -1), "YXC", {}, ("DAPI", "Alexa 488"))
    assert np.allclose(measure(labels, other_order)["intensity_mean_DAPI"], table.label)


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((200, 240), [""]),
        ((1, 200, 240), [""]),
        ((2, 200, 240), ["_c0", "_c1"]),
        ((200, 240, 3), ["_red", "_green", "_blue"]),
        ((200, 240, 4), ["_red", "_green", "_blue"]),
        ((200, 240, 5), ["_c0", "_c1", "_c2", "_c3", "_c4"]),
    ],
)
def test_plain_arrays_of_every_layout(shape, names):
    table = measure(squares(), np.ones(shape, np.uint8))
    assert [c.removeprefix("intensity_mean") for c in table if c.startswith("intensity_mean")] == names


def test_channel_names_are_safe_and_unique():
    table = measure(squares(), np.ones((3, 200, 240)), channels=["a b", "a/b", "β-Actin"])
    assert {"intensity_mean_a_b", "intensity_mean_a_b_2", "intensity_mean_β_Actin"} <= set(table)


def test_time_and_depth():
    labels = np.stack([squares(), squares(step=30)])
    table = measure(Image(labels, "TYX", {"T": 60, "Y": 1, "X": 1}), Image(np.stack([labels, labels], axis=1), "TCYX"))
    assert table.t.tolist() == sorted(table.t) and set(table.t) == {0, 1}
    assert table.t_s.max() == 60
    later = table[table.t == 1].reset_index(drop=True)
    alone = measure(labels[1], pixel_size=1)
    pd.testing.assert_series_equal(later.area_px, alone.area_px)
    assert np.allclose(table.intensity_mean_c1, table.label)
    assert measure(labels[:, None], axes="TZYX").columns[:3].tolist() == ["label", "t", "z"]


def test_probability():
    labels = np.array([[3, 0, 8, 0, 9]])
    assert measure(labels, probability={8: 0.5, 3: 0.25, 1: 1}).probability.tolist()[:2] == [0.25, 0.5]
    objects = {"label": np.array([9, 8, 3]), "y": np.zeros(3), "probability": np.array([0.9, 0.8, 0.3])}
    assert measure(labels, probability=objects).probability.tolist() == [0.3, 0.8, 0.9]
    both = Image(np.stack([labels, labels]), "TYX")
    table = measure(both, probability={"label": [3, 3], "t": [1, 0], "probability": [0.1, 0.2]})
    assert table.probability[table.label == 3].tolist() == [0.2, 0.1]


def test_border():
    labels = np.zeros((10, 10), int)
    labels[0, 5], labels[5, 5], labels[9, 2], labels[4, 9] = 1, 2, 3, 4
    assert measure(labels).touches_border.tolist() == [True, False, True, True]


def test_nothing_found_has_the_same_columns():
    image = np.ones((3, 200, 240), np.uint16)
    nothing = measure(np.zeros((200, 240), np.int32), image, pixel_size=1, probability={})
    something = measure(squares(), image, pixel_size=1, probability={})
    assert len(nothing) == 0
    assert nothing.dtypes.to_dict() == something.dtypes.to_dict()


def test_pixels_that_are_not_numbers_are_left_out():
    labels = np.array([[1, 1, 1, 2, 2]])
    table = measure(labels, np.array([[1, np.nan, 3, np.inf, np.nan]]))
    assert table.intensity_mean.tolist()[0] == 2 and table.intensity_sum.tolist()[0] == 4
    assert np.isnan(table.intensity_mean[1])


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, ">u2", np.int64, np.float16, np.uint64])
def test_pixel_types(kind):
    labels = squares()
    assert measure(labels, (labels > 0).astype(kind)).intensity_mean.eq(1).all()


def test_regions_of_a_large_image_add_up():
    rng = np.random.default_rng(0)
    labels, image = squares((200, 240), 18, 11), rng.integers(0, 9999, (2, 200, 240))
    whole = measure(labels, image, pixel_size=0.3)
    parts = []
    for y in range(0, 200, 64):
        for x in range(0, 240, 64):
            mine = whole.label[(whole.bbox_y0_px // 64 == y // 64) & (whole.bbox_x0_px // 64 == x // 64)]
            top, left = max(0, y - 5), max(0, x - 7)
            window = np.s_[top : y + 80, left : x + 80]
            parts.append(
                measure_region(
                    labels[window],
                    image[:, window[0], window[1]],
                    offset=(top, left),
                    full_shape=labels.shape,
                    only_labels=mine,
                    pixel_size=0.3,
                )
            )
    together = pd.concat(parts).sort_values("label").reset_index(drop=True)
    pd.testing.assert_frame_equal(together, whole)


def test_volumes():
    labels = np.zeros((5, 30, 30), np.int32)
    labels[1:3, 4:10, 5:9], labels[0:5, 20:22, 20:29] = 70_000, 4
    image = np.arange(labels.size, dtype=float).reshape(labels.shape)
    table = measure_volumes(labels, image, pixel_size={"Z": 2, "Y": 0.5, "X": 0.5})
    for row, expected in zip(table.itertuples(), regionprops(labels, image), strict=True):
        assert (row.label, row.volume_px) == (expected.label, expected.area)
        assert row.volume_um3 == row.volume_px / 2
        assert (row.centroid_z_px, row.centroid_y_px, row.centroid_x_px) == pytest.approx(expected.centroid)
        box = (row.bbox_z0_px, row.bbox_y0_px, row.bbox_x0_px, row.bbox_z1_px, row.bbox_y1_px, row.bbox_x1_px)
        assert box == expected.bbox
        assert row.intensity_mean == pytest.approx(expected.intensity_mean)
        assert row.equivalent_diameter_px == pytest.approx(expected.equivalent_diameter_area)
    assert table.touches_border.tolist() == [True, False]
    assert len(measure_volumes(np.zeros((2, 3, 4), int))) == 0


def test_refusals():
    labels = squares()
    with pytest.raises(InputError, match=r"\(200, 240\).*\(200, 241\)"):
        measure(labels, np.ones((200, 241)))
    with pytest.raises(InputError, match=r"\(200, 240\).*\(4, 4\)"):
        measure(labels, Image(np.ones((4, 4)), "YX"))
    with pytest.raises(InputError, match="axes='TYX'"):
        measure(labels[None])
    with pytest.raises(InputError, match="mask"):
        measure(labels > 0)
    with pytest.raises(InputError, match="whole numbers"):
        measure(labels + 0.5)
    assert len(measure(labels.astype(float))) == len(measure(labels))
    with pytest.raises(InputError, match="complex"):
        measure(labels, labels * 1j)
    with pytest.raises(InputError, match="2 channels but 3"):
        measure(labels, np.ones((2, 200, 240)), channels=["a", "b", "c"])
    with pytest.raises(InputError, match="fits labels"):
        measure(np.ones((3, 3), int), np.ones((3, 3, 3)))
    with pytest.raises(InputError, match="above 0"):
        measure(labels, pixel_size=0)
    with pytest.raises(InputError, match="ZYX"):
        measure_volumes(Image(np.ones((2, 2, 2), int), "TYX"))


def test_axes_and_keys_of_the_pixel_size_may_be_small_letters():
    labels = squares()
    pd.testing.assert_frame_equal(
        measure(labels, axes="yx", pixel_size={"y": 0.5, "x": 0.5}), measure(labels, pixel_size=0.5)
    )
    with pytest.raises(InputError, match="once at most"):
        measure(labels, pixel_size={"W": 1})
    with pytest.raises(InputError, match="a text such as 'ZYX', not 0"):
        measure(labels, axes=0)


class Lazy:
    """An array on disk: no NumPy array, read by parts."""

    def __init__(self, data, chunks):
        self.data, self.shape, self.dtype, self.chunks = data, data.shape, data.dtype, chunks

    def __getitem__(self, key):
        return self.data[key]


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.float64])
@pytest.mark.parametrize("chunks", [None, (64, 64), ((64, 36), (100,))], ids=["array", "zarr", "dask"])
def test_negative_labels_are_refused(kind, chunks):
    labels = np.ones((100, 100), kind)
    labels[90, 90] = -3
    with pytest.raises(InputError, match="the negative number -3 is no label.*write 0 there"):
        measure(Image(Lazy(labels, chunks) if chunks else labels, "YX"))


@pytest.mark.parametrize(
    "labels",
    [np.array([[0, 2**63 + 5]], np.uint64), np.array([[0, 2.0**63]]), np.array([[0, np.inf]])],
    ids=["uint64", "float", "infinite"],
)
def test_labels_beyond_int64_are_refused(labels):
    with pytest.raises(InputError, match="is too large \\(at most 9,223,372,036,854,775,807\\)"):
        measure(labels)
    assert measure(np.array([[0, 2**63 - 1]], np.uint64)).label.tolist() == [2**63 - 1]


@pytest.mark.parametrize(
    "probability",
    [
        [1, 2],
        0.5,
        "high",
        {1: "high"},
        {"label": [1]},
        {"label": [1, 2], "probability": [0.5]},
        pd.DataFrame({"label": [1]}),
    ],
    ids=repr,
)
def test_probabilities_of_another_kind_are_refused(probability):
    with pytest.raises(InputError, match="a dict \\(label to probability\\), or a table"):
        measure(squares(), probability=probability)


def test_speed():
    labels = np.kron(np.arange(1, 1601).reshape(40, 40), np.ones((51, 51), np.int32))
    labels[::51], labels[:, ::51] = 0, 0
    image = np.ones(labels.shape, np.uint16)
    measure(labels, image)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        measure(labels, image)
        times.append(time.perf_counter() - start)
    assert min(times) < 1  # 0.2 s on an idle machine with every pixel in an object; generous for busy ones


def test_the_name_of_the_only_channel_is_not_part_of_columns():
    labels = np.zeros((12, 12), np.int32)
    labels[2:6, 2:6] = 1
    pixels = np.arange(144.0).reshape(12, 12)
    tables = [measure(labels, Image(pixels, "YX", channels=names)) for names in ((), ("DAPI",), ("Hoechst",))]
    assert all(list(table) == list(tables[0]) and "intensity_mean" in table for table in tables)
    assert "intensity_mean_DAPI" in measure(labels, Image(pixels, "YX"), channels=["DAPI"])
    assert "intensity_mean" in measure(labels, Image(pixels[None], "CYX", channels=("DAPI",)))


def test_labels_of_one_plane_of_a_stack():
    labels = squares()
    stack = np.random.default_rng(0).integers(0, 999, (3, *labels.shape)).astype(np.uint16)
    image = Image(stack, "ZYX", {"Z": 2.0, "Y": 0.5, "X": 0.5})
    with pytest.raises(InputError, match="3 z slices and the labels are of one plane; say which one"):
        measure(labels, image)
    expected = [measure(labels, Image(plane, "YX", {"Y": 0.5, "X": 0.5})) for plane in (stack[1], stack.max(axis=0))]
    for z, table in zip((1, "max"), expected, strict=True):
        pd.testing.assert_frame_equal(measure(labels, image, z=z), table)
        pd.testing.assert_frame_equal(measure(labels, stack, axes="ZYX", z=z, pixel_size=0.5), table)
    pd.testing.assert_frame_equal(measure(labels, image, z=np.int16(1)), expected[0])
    for z in (3, -1, "best", True, 1.5, 1.0, float("nan"), np.True_, np.array([1, 2])):
        with pytest.raises(RequestError, match='z must be 0 to 2, a slice of image, or "max"'):
            measure(labels, image, z=z)


@pytest.mark.parametrize("z", [0, 99, "max"])
def test_a_slice_is_refused_where_there_is_none_to_choose(z):
    labels = squares()
    stack = np.zeros((3, *labels.shape), np.uint16)
    for image, message in (
        (None, "there is no image; leave z out"),
        (stack[0], "and no z slices; leave z out"),
        (Image(stack, "CYX"), "the image has the axes CYX and no z slices; leave z out"),
        (stack, 'name the axes of the image, for example axes="ZYX"'),
        (stack.tolist(), 'name the axes of the image, for example axes="ZYX"'),
    ):
        with pytest.raises(RequestError, match=message):
            measure(labels, image, z=z)
    with pytest.raises(RequestError, match="the labels have the axis Z, so each slice"):
        measure(Image(np.stack([labels] * 3), "ZYX"), Image(stack, "ZYX"), z=z)
    with pytest.raises(RequestError, match='for example axes="TZYX"'):
        measure(Image(labels[None], "TYX"), stack[None], z=z)


def test_axes_may_be_those_of_the_image():
    labels = squares()
    stack = np.random.default_rng(0).random((2, *labels.shape)).astype(np.float32)
    pd.testing.assert_frame_equal(measure(labels, stack, axes="CYX"), measure(labels, stack))
    series, pixels = np.stack([labels] * 3), np.stack([stack] * 3)
    table = measure(series, pixels, axes="TCYX")
    assert table["t"].max() == 2 and "intensity_mean_c1" in table
    pd.testing.assert_frame_equal(
        measure(series, pixels[:, 0], axes="TYX"), measure(Image(series, "TYX"), Image(pixels[:, 0], "TYX"))
    )
