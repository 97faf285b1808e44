"""The kernels of the cell measurements equal plain NumPy, SciPy or scikit-image on any small label image."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from micrographia.features.colocalisation import linear_relations, weighted_overlaps
from micrographia.features.convex_outline import convex_corners, feret_diameters
from micrographia.features.edge_distance import squared_edge_distances
from micrographia.features.enclosing_circle import enclosing_circles
from micrographia.features.granularity import object_means, sampled_means
from micrographia.features.haralick import DIRECTIONS_2D, haralick
from micrographia.features.label_objects import LabelObjects, label_objects
from micrographia.features.neighbours import expand, expanded_outlines, neighbour_counts
from micrographia.features.object_intensity import intensity
from micrographia.features.radial_distribution import rings
from micrographia.features.shape_moments import plane_moments
from micrographia.features.size_shape import outline_patterns
from micrographia.features.zernike import INDEXES, zernike_intensity
from micrographia.geometry.reconstruction import reconstruct, shrink

SHAPES = st.tuples(st.integers(2, 12), st.integers(2, 12))
LABELS = SHAPES.flatmap(lambda shape: arrays(np.int32, shape, elements=st.integers(0, 3)))
SEEDS = st.integers(0, 2**32 - 2)
ANY = settings(deadline=None, max_examples=60)  # the first call compiles


def masks(objects: LabelObjects) -> list[np.ndarray]:
    return [objects.numbers == i + 1 for i in range(len(objects))]


def image(labels: np.ndarray, seed: int, levels: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, levels, labels.shape) / (levels - 1)


@ANY
@given(LABELS)
def test_objects_know_their_pixels_and_boxes(labels):
    objects = label_objects(labels * 1000)
    assert objects.ids.tolist() == [i * 1000 for i in np.unique(labels) if i > 0]
    for i, mask in enumerate(masks(objects)):
        here = objects.place[:, objects.first[i] : objects.first[i + 1]]
        assert np.array_equal(here, np.argwhere(mask).T)
        assert objects.box[i].tolist() == [*here.min(1), *(here.max(1) + 1)]


@ANY
@given(LABELS)
def test_edge_distances(labels):
    objects = label_objects(labels)
    for i, mask in enumerate(masks(objects)):
        y0, x0, y1, x1 = objects.box[i]
        framed = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1][y0:y1, x0:x1]
        found = squared_edge_distances(objects.index, i + 1, y0, x0, y1, x1, True)
        assert np.array_equal(found, np.rint(framed**2))
        if not mask.all():
            free = distance_transform_edt(mask)[y0:y1, x0:x1]
            found = squared_edge_distances(objects.index, i + 1, y0, x0, y1, x1, False)
            assert np.array_equal(found, np.rint(free**2))


@ANY
@given(LABELS)
def test_rings_follow_the_shortest_paths(labels):
    objects = label_objects(labels)
    if any(mask.all() for mask in masks(objects)):
        return
    ring, wedge = rings(objects.index, objects.box, objects.first, objects.position, 4)
    for i, mask in enumerate(masks(objects)):
        edge = distance_transform_edt(mask)
        middle = np.unravel_index(np.argmax(edge), mask.shape)
        length = shortest_paths(mask, middle)
        for k in range(objects.first[i], objects.first[i + 1]):
            y, x = objects.place[:, k]
            if length[y, x] == np.inf:
                assert ring[k] == -1
                continue
            assert ring[k] == int(4 * length[y, x] / (length[y, x] + edge[y, x] + 0.001))
            dy, dx = y - middle[0], x - middle[1]
            assert wedge[k] == (dy > 0) + 2 * (dx > 0) + 4 * (abs(dy) > abs(dx))


def shortest_paths(mask: np.ndarray, start: tuple[int, ...]) -> np.ndarray:
    """Dijkstra's algorithm with steps of 1 and the root of 2."""
    length = np.full(mask.shape, np.inf)
    length[start] = 0
    heap = [(0.0, *start)]
    while heap:
        d, y, x = heapq.heappop(heap)
        for v in range(max(y - 1, 0), min(y + 2, mask.shape[0])):
            for u in range(max(x - 1, 0), min(x + 2, mask.shape[1])):
                longer = d + np.hypot(v - y, u - x)
                if mask[v, u] and longer < length[v, u] - 1e-9:
                    length[v, u] = longer
                    heapq.heappush(heap, (longer, v, u))
    return length


@ANY
@given(LABELS, SEEDS)
def test_haralick_features(labels, seed):
    objects = label_objects(labels)
    grey = (image(labels, seed, 6) * 5).astype(np.uint8)
    zero = np.zeros(len(objects), np.int64)
    box = np.stack([zero, *objects.box[:, :2].T, zero + 1, *objects.box[:, 2:].T], axis=1)
    found = haralick(objects.index[None], grey[None], box, DIRECTIONS_2D)
    for i, mask in enumerate(masks(objects)):
        tables = [co_occurrences(np.where(mask, grey, 0), *step[1:]) for step in DIRECTIONS_2D]
        if any(table.sum() == 0 for table in tables):
            assert np.isnan(found[i]).all()
            continue
        for d, table in enumerate(tables):
            np.testing.assert_allclose(found[i, d], haralick_reference(table), rtol=1e-9, atol=1e-7)


def co_occurrences(grey: np.ndarray, dy: int, dx: int) -> np.ndarray:
    size = int(grey.max()) + 1
    table = np.zeros((size, size))
    for y, x in np.argwhere(grey > 0):
        v, u = y + dy, x + dx
        if 0 <= v < grey.shape[0] and 0 <= u < grey.shape[1] and grey[v, u] > 0:
            table[grey[y, x], grey[v, u]] += 1
            table[grey[v, u], grey[y, x]] += 1
    return table


def haralick_reference(table: np.ndarray) -> list[float]:
    """The features as the paper writes them."""
    p = table / table.sum()
    n = len(p)
    i, j = np.mgrid[:n, :n]
    px = p.sum(1)
    plus = np.array([p[i + j == k].sum() for k in range(2 * n)])
    minus = np.array([p[abs(i - j) == k].sum() for k in range(n)])
    levels = np.arange(n)
    mean = (levels * px).sum()
    variance = ((levels - mean) ** 2 * px).sum()

    def entropy(q: np.ndarray) -> float:
        return float(-(q[q > 0] * np.log2(q[q > 0])).sum())

    cross = np.outer(px, px)
    hxy1 = -(p[cross > 0] * np.log2(cross[cross > 0])).sum()
    sums = np.arange(2 * n)
    average = (sums * plus).sum()
    return [
        (p**2).sum(),
        (levels**2 * minus).sum(),
        1 if np.isclose(variance, 0) else ((i * j * p).sum() - mean**2) / variance,
        variance,
        (p / (1 + (i - j) ** 2)).sum(),
        average,
        ((sums - average) ** 2 * plus).sum(),
        entropy(plus),
        entropy(p),
        minus.var(),
        entropy(minus),
        0 if entropy(px) == 0 else (entropy(p) - hxy1) / entropy(px),
        np.sqrt(max(0, 1 - np.exp(-2 * (entropy(cross) - entropy(p))))),
    ]


@ANY
@given(LABELS)
def test_moments(labels):
    objects = label_objects(labels)
    raw, central = plane_moments(objects.first, objects.place, objects.box)
    for i, mask in enumerate(masks(objects)):
        y, x = np.nonzero(mask)
        for p in range(4):
            for q in range(4):
                local = (y - y.min()) ** p * (x - x.min()) ** q
                assert raw[i, p, q] == local.sum()
                about = ((y - y.mean()) ** p * (x - x.mean()) ** q).sum()
                np.testing.assert_allclose(central[i, p, q], about, rtol=1e-9, atol=1e-9)


@ANY
@given(LABELS)
def test_patterns_and_holes(labels):
    from skimage.measure import euler_number, perimeter_crofton, regionprops

    from micrographia.features.size_shape import _CROFTON, _EULER

    objects = label_objects(labels)
    patterns, filled = outline_patterns(objects.index, objects.box)
    for i, (mask, region) in enumerate(zip(masks(objects), regionprops(objects.numbers.copy()))):
        assert patterns[i] @ _EULER == euler_number(mask, 2)
        np.testing.assert_allclose(patterns[i] @ _CROFTON, perimeter_crofton(mask))
        assert filled[i] == region.area_filled


@ANY
@given(LABELS)
def test_hull_corners_and_feret_diameters(labels):
    from scipy.spatial import ConvexHull, QhullError

    objects = label_objects(labels)
    corners, start = convex_corners(objects.index, objects.box)
    diameters = feret_diameters(corners, start)
    for i, mask in enumerate(masks(objects)):
        points = np.argwhere(mask)
        found = corners[start[i] : start[i + 1]]
        try:
            expected = points[ConvexHull(points).vertices]
        except (QhullError, ValueError):  # a point or a line
            assert len(found) == min(len(points), 2)
        else:
            assert set(map(tuple, found.tolist())) == set(map(tuple, expected.tolist()))
        apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).max()
        np.testing.assert_allclose(diameters[i, 1], apart)
        assert diameters[i, 0] <= diameters[i, 1] + 1e-12
        if len(found) > 2:  # calipers may skip the narrowest pair, so theirs is not narrower than the least width
            sides = np.roll(found, -1, axis=0) - found
            normals = np.stack([sides[:, 1], -sides[:, 0]], 1) / np.hypot(*sides.T)[:, None]
            assert diameters[i, 0] >= np.ptp(points @ normals.T, axis=0).min() - 1e-9 or diameters[i, 0] == 0


@ANY
@given(LABELS)
def test_enclosing_circles_hold_every_pixel_and_cannot_shrink(labels):
    objects = label_objects(labels)
    centre, radius = enclosing_circles(*convex_corners(objects.index, objects.box))
    for i, mask in enumerate(masks(objects)):
        points = np.argwhere(mask)
        away = np.sqrt(((points - centre[i]) ** 2).sum(1))
        assert (away <= radius[i] + 1e-9).all()
        on = points[away > radius[i] - 1e-9] - centre[i]
        if len(points) > 1:  # those on the circle are not all on one side of any diameter
            for angle in np.linspace(0, 2 * np.pi, 73):
                assert (on @ [np.sin(angle), np.cos(angle)]).max() >= -1e-9


@ANY
@given(LABELS, SEEDS)
def test_zernike_moments(labels, seed):
    objects, pixels = label_objects(labels), image(labels, seed)
    found = zernike_intensity(objects, pixels)
    centre, radius = enclosing_circles(*convex_corners(objects.index, objects.box))
    for i, mask in enumerate(masks(objects)):
        y, x = (np.argwhere(mask) - centre[i]).T / (radius[i] or np.nan)
        z, r = y + 1j * x, np.hypot(x, y)
        if (abs(r - 1) < 1e-12).sum() > 0:
            keep = x * x + y * y <= 1
        else:
            keep = r <= 1
        for n, m in INDEXES:
            value = found[f"RadialDistribution_ZernikeMagnitude_{{}}_{n}_{m}"][i]
            if mask.sum() == 1:
                assert np.isnan(value)
                continue
            total = (radial(n, m, r) * np.exp(1j * m * np.angle(z)) * pixels[mask])[keep].sum()
            np.testing.assert_allclose(value, abs(total) / mask.sum(), rtol=1e-8, atol=1e-10)


def radial(n: int, m: int, r: np.ndarray) -> np.ndarray:
    from math import factorial as f

    total = np.zeros_like(r)
    for k in range((n - m) // 2 + 1):
        total += (-1) ** k * f(n - k) / (f(k) * f((n + m) // 2 - k) * f((n - m) // 2 - k)) * r ** (n - 2 * k)
    return total


@ANY
@given(LABELS, SEEDS)
def test_intensities(labels, seed):
    objects, pixels = label_objects(labels), image(labels, seed)
    pixels[0, 0] = np.nan
    found = intensity(objects, pixels)
    padded = np.pad(objects.numbers, 1, mode="edge")
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edge = np.any([side != objects.numbers for side in sides], axis=0)
    for i, mask in enumerate(masks(objects)):
        mask = mask & np.isfinite(pixels)
        values = pixels[mask]
        if not len(values):
            continue
        expected = {"MeanIntensity": values.mean(), "StdIntensity": values.std(), "MinIntensity": values.min(),
                    "LowerQuartileIntensity": np.percentile(values, 25), "MedianIntensity": np.median(values),
                    "MADIntensity": np.median(abs(values - np.median(values)))}  # fmt: skip
        if (mask & edge).any():
            expected |= {"StdIntensityEdge": pixels[mask & edge].std(), "MaxIntensityEdge": pixels[mask & edge].max()}
        for name, value in expected.items():
            np.testing.assert_allclose(found[f"Intensity_{name}_{{}}"][i], value, rtol=1e-9, atol=1e-12)
        first = np.argwhere(mask)[np.argmax(values)]
        assert [found[f"Location_MaxIntensity_{axis}_{{}}"][i] for axis in "YX"] == first.tolist()


@ANY
@given(LABELS, SEEDS)
def test_colocalisation(labels, seed):
    objects = label_objects(labels)
    one, two = image(labels, seed), image(labels, seed + 1)
    linear = linear_relations(objects.first, objects.of(one), objects.of(two))
    weighted = weighted_overlaps(objects.first, objects.of(one), objects.of(two))
    for i, mask in enumerate(masks(objects)):
        a, b = one[mask], two[mask]
        if len(a) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0:
            expected = np.corrcoef(a, b)[0, 1], np.polyfit(a, b, 1)[0]
            np.testing.assert_allclose(linear[i], expected, rtol=1e-6, atol=1e-9)
        both = (a >= 0.15 * a.max()) & (b >= 0.15 * b.max())
        ranks = [np.unique(v, return_inverse=True)[1] for v in (a, b)]
        most = max(rank.max() for rank in ranks) + 1
        weight = (most - abs(ranks[0] - ranks[1])) / most
        with np.errstate(all="ignore"):
            expected = [
                a[both].sum() / a[a >= 0.15 * a.max()].sum(), b[both].sum() / b[b >= 0.15 * b.max()].sum(),
                (a * weight)[both].sum() / a[a >= 0.15 * a.max()].sum(),
                (b * weight)[both].sum() / b[b >= 0.15 * b.max()].sum(),
            ] if both.any() else [0] * 4  # fmt: skip
        np.testing.assert_allclose(weighted[i, 3:], expected, rtol=1e-9)


@ANY
@given(LABELS)
def test_neighbours(labels):
    objects = label_objects(labels)
    n = len(objects)
    if n == 0:
        return
    expanded = expand(objects.numbers)
    counts = neighbour_counts(expanded, objects.numbers, n)
    centres, outline, touching = expanded_outlines(expanded, n)
    for i in range(n):
        mask = expanded == i + 1
        grown = np.pad(mask, 1)
        cross = grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:] | mask
        assert counts[i] == len(set(objects.numbers[cross].tolist()) - {0, i + 1})
        np.testing.assert_allclose(centres[i], np.argwhere(mask).mean(0))
        ring = [
            [expanded[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] for x in range(mask.shape[1])]
            for y in range(mask.shape[0])
        ]
        beside = np.array([[(around != i + 1).any() for around in row] for row in ring]) & mask
        border = np.ones_like(mask)
        border[1:-1, 1:-1] = False
        assert touching[i] == beside.sum()
        assert outline[i] == (beside | (mask & border)).sum()


@ANY
@given(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)), SEEDS)
def test_reconstruction(shape, seed):
    from skimage.morphology import ball, erosion, reconstruction

    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 6, shape).astype(float)
    cross = ball(1)
    assert np.array_equal(shrink(mask), erosion(mask, cross))
    marker = np.where(rng.random(shape) < 0.2, mask, 0)
    assert np.array_equal(reconstruct(marker, mask), reconstruction(marker, mask, footprint=cross))


def test_reconstruction_along_a_path_that_turns_more_often_than_there_are_sweeps():
    mask = np.zeros((1, 401, 9))
    mask[0, ::2] = 5.0
    mask[0, 1::4, -1], mask[0, 3::4, 0] = 4.0, 4.0
    marker = np.zeros_like(mask)
    marker[0, 0, 0] = 5.0
    expected = np.minimum(mask, 4.0)
    expected[0, 0] = 5.0
    assert np.array_equal(reconstruct(marker, mask), expected)


@ANY
@given(LABELS, SEEDS)
def test_interpolated_means(labels, seed):
    from scipy.ndimage import map_coordinates

    objects = label_objects(labels)
    small = np.random.default_rng(seed).random((1, 3, 4))
    place = np.concatenate([np.zeros((1, objects.place.shape[1])), objects.place * [[0.17], [0.26]]])
    inside = (place[1] <= 2) & (place[2] <= 3)
    values = np.where(inside, map_coordinates(small[0], place[1:], order=1), 0)
    expected = object_means(objects.first, values)
    np.testing.assert_allclose(sampled_means(objects.first, place, small), expected, rtol=1e-12)
