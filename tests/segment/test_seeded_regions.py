"""Random walker and graph cut over regions, and the graphs below them and below those over pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu

from micrographia.arrays.errors import InputError, RequestError
from micrographia.segment.seed_graph import first_reached, pixel_pairs, walking
from micrographia.segment.seeded import graph_cut, random_walker
from micrographia.segment.seeded_regions import graph_cut_in_blocks, random_walker_in_blocks
from micrographia.segment.supervoxels import supervoxels, supervoxels_in_blocks

SHAPES = st.sampled_from([(9, 11), (4, 5, 6)])


def picture(rng, shape, kinds=2):
    image = rng.random(shape) + (np.arange(shape[-1]) > shape[-1] // 2)
    seeds = np.zeros(shape, np.uint8)
    seeds.flat[rng.choice(image.size, 2 * kinds, replace=False)] = np.tile(np.arange(1, kinds + 1), 2)
    return image, seeds


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), SHAPES, st.integers(2, 12))
def test_regions_of_one_pixel_give_what_pixels_give(seed, shape, block):
    rng = np.random.default_rng(seed)
    regions, target = np.arange(1, np.prod(shape) + 1).reshape(shape), np.zeros(shape, np.int32)
    image, seeds = picture(rng, shape)
    graph_cut_in_blocks(image, regions, seeds, target, sharpness=20, block=block)
    cost = [cut_cost(image, found) for found in (target == 1, graph_cut(image, seeds, sharpness=20))]
    assert cost[0] == pytest.approx(cost[1], abs=0.001)  # equally cheap cuts may differ
    image, seeds = picture(rng, shape, kinds=3)
    random_walker_in_blocks(image, regions, seeds, target, block=block)
    assert np.mean(target == random_walker(image, seeds)) > 0.98  # but for ties


@pytest.mark.parametrize("shape", [(40, 50), (8, 20, 22)])
def test_a_large_offset_changes_nothing(shape):
    rng = np.random.default_rng(0)
    image, seeds = np.round(gaussian_filter(rng.normal(size=shape), 1.5) * 64) / 64, np.zeros(shape, int)
    seeds.flat[rng.choice(image.size, 4, replace=False)] = 1, 2, 1, 2
    np.testing.assert_array_equal(random_walker(image + 1e9, seeds), random_walker(image, seeds))
    np.testing.assert_array_equal(graph_cut(image + 1e9, seeds), graph_cut(image, seeds))
    np.testing.assert_array_equal(supervoxels(image + 1e9, 20), supervoxels(image, 20))
    near, far = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    assert supervoxels_in_blocks(image, near, 20, block=16) == supervoxels_in_blocks(image + 1e9, far, 20, block=16)
    np.testing.assert_array_equal(near, far)


def cut_cost(image, inside):
    scaled = (image - image.min()) / np.ptp(image)
    steps = [(np.diff(inside, axis=k) != 0, np.abs(np.diff(scaled, axis=k))) for k in range(image.ndim)]
    return sum(float(np.exp(-20 * step[cut]).sum()) for cut, step in steps)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), SHAPES)
def test_the_walker_is_that_of_scikit_image(seed, shape):
    walk = pytest.importorskip("skimage.segmentation").random_walker
    image, seeds = picture(np.random.default_rng(seed), shape, kinds=3)
    scaled = ((image - image.min()) / np.ptp(image)).astype(np.float32)
    chances = np.sort(walk(scaled, seeds.astype(int), beta=130, mode="bf", return_full_prob=True), axis=0)
    clear = chances[-1] - chances[-2] > 1e-4
    wanted = walk(scaled, seeds.astype(int), beta=130, mode="bf")
    assert (random_walker(image, seeds, beta=130) == wanted)[clear].all()


def test_the_walker_solves_its_equations():
    rng = np.random.default_rng(0)
    pairs = np.array([(a, b) for a in range(12) for b in range(a + 1, 12) if rng.random() < 0.4]).T
    weights = walking(rng.random(12), pairs, 5.0, 0.3)
    seeds = np.array([1, 2, 3, *[0] * 9])
    dense = np.zeros((12, 12))
    dense[tuple(pairs)] = dense[tuple(pairs[::-1])] = weights
    laplacian = np.diag(dense.sum(0)) - dense
    chance = np.linalg.solve(laplacian[3:, 3:], dense[3:, :3])
    assert first_reached(pairs, weights, seeds)[3:].tolist() == (1 + chance.argmax(axis=1)).tolist()


def test_where_no_way_leads_nothing_is_said():
    pairs = np.array([[0, 2], [1, 3]])
    assert first_reached(pairs, np.ones(2), np.array([7, 0, 0, 0])).tolist() == [7, 7, 0, 0]


def test_a_walk_that_does_not_settle_is_refused():
    pairs, seeds = np.stack([np.arange(49), np.arange(1, 50)]), np.array([1, *[0] * 48, 2])
    assert (first_reached(pairs, np.ones(49), seeds) == 1).sum() == 25
    pairs, seeds = pixel_pairs((10, 10)), np.array([1, *[0] * 98, 2])
    with pytest.raises(RequestError, match="settle"):
        first_reached(pairs, np.ones(180), seeds, most=1)


@pytest.mark.parametrize("shape", [(10, 5, 9), (5, 20, 20), (20, 20, 20)])
def test_a_walk_through_noise_settles_where_an_exact_one_does(shape):
    walk = pytest.importorskip("skimage.segmentation").random_walker
    rng, seeds = np.random.default_rng(1), np.zeros(shape, int)
    seeds[0, 0, 0], seeds[-1, -1, -1] = 1, 2
    for k in range(12):
        image = rng.random(shape)
        found = random_walker(image, seeds)
        if k < 3 or image.size < 1000:
            scaled = ((image - image.min()) / np.ptp(image)).astype(np.float32)
            chance = walk(scaled, seeds, beta=1000, mode="bf", return_full_prob=True)[0]
            clear = np.abs(chance - 0.5) > 1e-4  # the exact solution has errors of almost that itself
            assert clear.any() and ((found == 1) == (chance > 0.5))[clear].all()
            assert image.size > 1000 or clear.mean() > 0.9


@pytest.mark.parametrize("beta", [0, 130, 1000, 4000, 1e6])
def test_a_volume_is_solved_as_directly(data_dir, beta):
    from PIL import Image

    files = [data_dir / "isbi2012" / "images" / f"{k:02}.png" for k in range(6)]
    values = np.stack([np.asarray(Image.open(file))[:64, :64] for file in files]).astype(np.float32) / 255
    seeds = np.zeros(values.shape, int)
    seeds[0, 30, 20:30], seeds[2, 10, 40:60], seeds[-1, 2, :30] = 1, 2, 3
    pairs = pixel_pairs(values.shape)
    weights = walking(values.ravel(), pairs, beta, float(values.std()))
    found = first_reached(pairs, weights, seeds.ravel(), most=80)
    assert np.mean(found == directly(pairs, weights, seeds.ravel())) > 0.9999  # but for ties


def directly(pairs, weights, seeds):
    """The likeliest seed by sparse factors of the equations."""
    graph = coo_array((weights, tuple(pairs)), shape=(len(seeds),) * 2).tocsr()
    graph = graph + graph.T
    free = np.flatnonzero(seeds == 0)
    laplacian = (diags_array(graph.sum(axis=1)[free]) - graph[free][:, free]).tocsc()
    onto = np.stack([graph[free] @ (seeds == k).astype(float) for k in (1, 2, 3)], axis=1)
    found = seeds.copy()
    found[free] = 1 + splu(laplacian).solve(onto).argmax(axis=1)
    return found


@pytest.mark.parametrize("value", [-5, -1e-9, np.nan, np.inf])
def test_steps_in_intensity_never_ease_a_way(value):
    image, seeds = np.arange(36.0).reshape(6, 6), np.zeros((6, 6), int)
    seeds[0, 0], seeds[5, 5] = 1, 2
    regions, target = np.arange(1, 37).reshape(6, 6), np.zeros((6, 6), np.int32)
    with pytest.raises(RequestError, match="beta must be"):
        random_walker(image, seeds, beta=value)
    with pytest.raises(RequestError, match="sharpness must be"):
        graph_cut(image, seeds, sharpness=value)
    with pytest.raises(RequestError, match="beta must be"):
        random_walker_in_blocks(image, regions, seeds, target, beta=value)
    with pytest.raises(RequestError, match="sharpness must be"):
        graph_cut_in_blocks(image, regions, seeds, target, sharpness=value)
    assert not target.any()


def test_what_is_painted_stays_painted():
    image = np.zeros((6, 12))
    image[:, 6:] = 1
    regions = np.repeat([[0] * 2 + [1] * 4 + [2] * 4 + [3] * 2], 6, axis=0)
    seeds, target = np.zeros((6, 12), int), np.zeros((6, 12), np.int32)
    seeds[0, 2:4], seeds[1, 3], seeds[2, 11] = 5, 9, 9
    random_walker_in_blocks(image, regions, seeds, target, block=5)
    assert (target[:, :2] == 0).all()  # of no region
    assert target[1, 3] == 9 and (target[3:, 2:6] == 5).all() and (target[:, 6:] == 9).all()


def test_a_neuron_from_two_strokes_over_regions(data_dir, tmp_path):
    zarr = pytest.importorskip("zarr")
    from PIL import Image
    from scipy.ndimage import binary_erosion, label

    folder = data_dir / "isbi2012"
    image, truth = (np.asarray(Image.open(folder / kind / "09.png")) for kind in ("images", "labels"))
    cells = label(truth > 0)[0]
    rng = np.random.default_rng(0)
    kept = [zarr.create_array(tmp_path / name, shape=image.shape, chunks=(128, 128), dtype=np.int32) for name in "rst"]
    overlaps = []
    for number in np.argsort(-np.bincount(cells[cells > 0]))[:4]:
        cell = cells == number
        seeds = np.zeros(image.shape, np.int32)
        for kind, where, count in ((1, binary_erosion(cell, iterations=8), 20), (2, binary_erosion(~cell), 400)):
            seeds[tuple(rng.choice(np.argwhere(where), count).T)] = kind
        kept[1][:] = seeds
        supervoxels_in_blocks(image, kept[0], 60, block=256)
        for tool in (random_walker_in_blocks, graph_cut_in_blocks):
            tool(image, *kept, block=128)
            found = kept[2][:]
            overlaps.append(overlap(found == 1, cell))
            whole = np.zeros(image.shape, np.int32)
            tool(image, kept[0][:], seeds, whole, block=600)
            assert np.array_equal(found, whole)  # whatever the blocks
    assert np.mean(overlaps) > 0.8


def test_regions_resist_noise():
    rng = np.random.default_rng(0)
    truth = np.hypot(*np.mgrid[-40:40, -40:40]) < 25
    image = truth + rng.normal(0, 0.5, truth.shape)
    seeds, target = np.zeros(truth.shape, int), np.zeros(truth.shape, np.int32)
    seeds[38:42, 30:50], seeds[:2] = 1, 2
    graph_cut_in_blocks(image, supervoxels(image, 30), seeds, target)
    assert overlap(target == 1, truth) > max(0.85, overlap(graph_cut(image, seeds), truth))


def test_bad_regions_and_seeds():
    image, regions, seeds = np.arange(64.0).reshape(8, 8), np.ones((8, 8), int), np.zeros((8, 8), int)
    regions[:, 4:] = 2
    target = np.zeros((8, 8), np.int32)
    with pytest.raises(InputError, match="two kinds"):
        random_walker_in_blocks(image, regions, seeds, target)
    seeds[0, 0], seeds[0, 7] = 1, 2
    with pytest.raises(InputError, match="regions"):
        graph_cut_in_blocks(image, regions[:4], seeds, target)
    with pytest.raises(InputError, match="plane or a volume"):
        graph_cut_in_blocks(image[0], regions, seeds, target)
    with pytest.raises(InputError, match="NaN"):
        random_walker_in_blocks(image * np.nan, regions, seeds, target)
    with pytest.raises(InputError, match="constant"):
        random_walker_in_blocks(image * 0, regions, seeds, target)
    with pytest.raises(InputError, match="1 for the object"):
        graph_cut_in_blocks(image, regions, seeds * 2, target)
    with pytest.raises(InputError, match="whole numbers"):
        graph_cut_in_blocks(image, regions - 5, seeds, target)
    seeds[:, 4:], seeds[0, 7] = 0, 0
    seeds[1, 1] = 2  # both in one region
    with pytest.raises(InputError, match="two kinds"):
        random_walker_in_blocks(image, regions, seeds, target)
    assert not target.any()  # nothing half-written
