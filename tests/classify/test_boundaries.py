"""The boundary workflow: regions, edges that a forest judges, objects."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.boundaries.boundary_examples import BoundaryExamples, edges_from_objects, edges_from_strokes
from micrographia.classify.boundaries.boundary_segmenter import BoundarySegmenter
from micrographia.classify.boundaries.held_out import held_out
from micrographia.classify.boundaries.region_joining import join_regions, oversegmentation
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes
from micrographia.features.region_edges import edge_feature_names, edge_features
from micrographia.geometry.distances import label_distance
from micrographia.geometry.region_graph import region_graph
from micrographia.geometry.watershed import watershed
from micrographia.metrics.rand import mean_rand_score, rand_score, thinned


def cells(seed, shape=(128, 128), count=20):
    """True cells, an image with dark membranes and false dark lines, and a poor membrane probability."""
    rng = np.random.default_rng(seed)
    seeds = np.zeros(shape, int)
    seeds[tuple(rng.integers(0, n, count) for n in shape)] = np.arange(1, count + 1)
    truth = watershed(gaussian_filter(rng.random(shape), 6), seeds)
    wall = label_distance(truth) < 2
    false = (np.indices(shape)[-1] % 17 == 0) & ~wall
    image = 1 - gaussian_filter(wall + 0.5 * false, 0.7) + rng.normal(0, 0.05, shape)
    probability = np.clip(gaussian_filter(wall + 0.6 * false, 1.0) + rng.normal(0, 0.08, shape), 0, 1)
    return truth, image.astype(np.float32), probability.astype(np.float32)


def strokes(truth, seed):
    """Membrane (1) and inside (2) on some lines through the image."""
    rng = np.random.default_rng(seed)
    wall = label_distance(truth) < 2
    painted = gaussian_filter(rng.random(truth.shape), 4)
    return np.where(painted > np.quantile(painted, 0.6), np.where(wall, 1, 2), 0).astype(np.uint8)


@pytest.fixture(scope="module")
def learned():
    fields = [cells(seed) for seed in (1, 2)]
    examples = BoundaryExamples(
        [image for _, image, _ in fields], [strokes(t, 5) for t, _, _ in fields], [p for _, _, p in fields]
    )
    return BoundarySegmenter(trees=40).fit(examples)


def test_false_lines_do_not_separate(learned):
    truth, image, probability = cells(3)
    regions = oversegmentation(probability)
    found = learned.predict(image, probability)
    assert found.dtype == np.int32 and found.min() == 1
    assert rand_score(truth, found).score > rand_score(truth, regions).score + 0.1
    assert rand_score(truth, found).score > 0.9
    none, boundary = learned.counts_
    assert none > 20 and boundary > 20 and learned.out_of_bag_error_ < 0.2
    assert set(learned.importance_) == set(edge_feature_names(learned.channels_))


def test_class_probabilities_stacks_and_threads(learned):
    fields = [cells(seed, (60, 70), 6) for seed in (4, 5)]
    stack = Image(np.stack([image for _, image, _ in fields]), "TYX")
    maps = np.stack([p for _, _, p in fields])
    found = learned.predict(stack, np.stack([maps, 1 - maps]), threads=2)
    assert found.shape == (2, 60, 70)
    for k, (_, image, probability) in enumerate(fields):
        np.testing.assert_array_equal(found[k], learned.predict(image, probability))


@pytest.mark.parametrize("kind", [np.uint8, ">u2"])
def test_stored_probabilities_teach_and_give_the_same(learned, kind):
    truth, image, probability = cells(6, (60, 70), 6)
    full = np.iinfo(kind).max
    stored = np.rint(probability * full).astype(kind)
    given = stored.astype(np.float32) / np.float32(full)
    np.testing.assert_array_equal(learned.predict(image, stored), learned.predict(image, given))
    fits = [
        BoundarySegmenter(trees=5).fit(BoundaryExamples([image], [truth], [p], objects=True)) for p in (stored, given)
    ]
    assert fits[0].importance_ == fits[1].importance_ and fits[0].counts_ == fits[1].counts_


def test_an_array_may_hold_the_probabilities_before_its_channels(learned):
    _, image, probability = cells(3, (40, 50), 4)
    both = np.stack([probability, image])
    np.testing.assert_array_equal(learned.predict(both), learned.predict(image, probability))
    assert learned.predict(both[..., :3]).shape == (40, 3)
    for alone in (image, image[:6], image[None], np.stack([image] * 3, axis=-1)):
        with pytest.raises(InputError, match="Give the boundary probabilities of the image, too"):
            learned.predict(alone)


def test_saved_and_loaded_it_predicts_the_same(learned, tmp_path):
    _, image, probability = cells(3)
    path = learned.save(tmp_path / "cells.zip")
    again = BoundarySegmenter.load(path)
    np.testing.assert_array_equal(again.predict(image, probability), learned.predict(image, probability))
    assert again.parameters() == learned.parameters() and again.counts_ == learned.counts_
    from micrographia.models.package import open_package

    arrays = open_package(path).arrays()
    np.testing.assert_array_equal(again.predict(arrays["test_input"]), arrays["test_output"])


def test_the_same_seed_gives_the_same_model(learned):
    truth, image, probability = cells(1)
    examples = BoundaryExamples([image], [truth], [probability], objects=True)
    one, two = (BoundarySegmenter(trees=10, seed=3).fit(examples, threads=k) for k in (1, 2))
    for key, array in one.forest_.arrays().items():
        np.testing.assert_array_equal(array, two.forest_.arrays()[key])


def test_volumes():
    truth, image, probability = cells(1, (16, 40, 40), 8)
    method = BoundarySegmenter(dimensions=3, trees=20, anisotropy=2.0)
    method.fit(BoundaryExamples([image], [truth], [probability], objects=True))
    other, image, probability = cells(2, (16, 40, 40), 8)
    assert rand_score(other, method.predict(image, probability)).score > 0.8


def test_what_strokes_and_objects_say_about_edges():
    regions = np.repeat([[1, 2, 3, 4]], 6, axis=0)
    graph = region_graph(regions)
    painted = np.zeros_like(regions)
    painted[:3, 1] = 1  # half of both edges of region 2
    painted[5, 2:] = 2  # across the last edge, and on one side of the second
    assert edges_from_strokes(graph, painted, 1).tolist() == [1, 1, 0]
    painted[4, 1:3] = 2  # contradicts on the second edge
    assert edges_from_strokes(graph, painted, 1).tolist() == [1, -1, 0]
    assert edges_from_objects(graph, regions, np.array([0, 7, 7, 8, 9])[regions]).tolist() == [0, 1, 1]
    assert edges_from_objects(graph, regions, np.array([0, 7, 0, 8, 8])[regions]).tolist() == [-1, -1, 0]


@pytest.mark.parametrize("linkage", ["sum", "mean"])
def test_bias_decides_how_much_is_joined(linkage):
    regions = np.arange(1, 6)[None].repeat(4, 0)
    graph = region_graph(regions)
    boundary = np.array([0.1, 0.4, 0.6, 0.9])
    counts = [
        join_regions(regions, graph.edges, graph.lengths, boundary, bias, linkage).max() for bias in (0.05, 0.5, 0.95)
    ]
    assert counts == [5, 3, 1]


def test_edge_features_of_a_known_edge():
    regions = np.repeat([[1, 1, 1, 2, 2, 2]], 4, axis=0).astype(np.int32)
    probability = np.tile(np.float32([0, 0, 0.2, 0.8, 0, 0]), (4, 1))
    graph = region_graph(regions)
    values = edge_features(graph, regions, probability, probability[None] * 3)
    names = edge_feature_names(["grey"])
    assert values.shape == (len(names), 1) and np.isfinite(values).all()
    row = dict(zip(names, values[:, 0], strict=True))
    assert row["boundary along the edge: mean"] == np.float32(0.8)
    assert row["length"] == 4 and row["length by the shorter outline"] == 1
    assert row["mean grey of the regions: difference"] == pytest.approx(0.6, abs=1e-5)
    assert edge_features(region_graph(0 * regions + 1), 0 * regions + 1, probability).shape[1] == 0


def test_neurons_from_darkness_alone(data_dir):
    """No pixel classifier: how dark a smoothed slice is stands for the membrane probability."""
    from PIL import Image as Picture

    folder = data_dir / "isbi2012"
    images = [np.asarray(Picture.open(folder / "images" / f"{n:02d}.png")) for n in (0, 5, 14)]
    truth = [label(np.asarray(Picture.open(folder / "labels" / f"{n:02d}.png")) > 0)[0] for n in (0, 5, 14)]
    maps = [np.clip((150 - gaussian_filter(image.astype(np.float32), 1.5)) / 120, 0, 1) for image in images]
    method = BoundarySegmenter(trees=60).fit(BoundaryExamples(images[:2], truth[:2], maps[:2], objects=True))
    found = mean_rand_score([(truth[2], method.predict(images[2], maps[2]))]).score
    simple = max(rand_score(truth[2], thinned(label(maps[2] < t)[0])).score for t in (0.2, 0.3, 0.4))
    assert found > 0.85 and found > simple + 0.02, (found, simple)  # the best threshold of this very slice


def small_pixels(folder):
    """A pixel classifier's file with settings that are quick to learn."""
    truth, image, _ = cells(7, (48, 48), 4)
    method = PixelClassifier(filters=("gaussian", "hessian"), sigmas=(0.7, 1.6), trees=10)
    return str(method.fit(Strokes([image], [strokes(truth, 1)])).save(folder / "pixels.zip"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The whole workflow, learned from strokes alone."""
    fields = [cells(seed) for seed in (1, 2)]
    examples = BoundaryExamples([image for _, image, _ in fields], [strokes(t, 5) for t, _, _ in fields])
    return BoundarySegmenter(trees=40, pixels=small_pixels(tmp_path_factory.mktemp("pixels"))).fit(examples)


def test_strokes_are_enough(whole, tmp_path):
    truth, image, _ = cells(3)
    found = whole.predict(image)
    assert rand_score(truth, found).score > 0.9
    assert whole.pixels_.filters == ("gaussian", "hessian") and whole.pixels_.seed == whole.seed
    np.testing.assert_array_equal(found, whole.predict(image, whole.pixels_.predict(image)))
    path = whole.save(tmp_path / "cells.zip")
    again = BoundarySegmenter.load(path)
    np.testing.assert_array_equal(again.predict(image), found)
    assert again.pixels is None  # no path of this machine travels with the model
    from micrographia.models.package import open_package

    arrays = open_package(path).arrays()
    np.testing.assert_array_equal(again.predict(arrays["test_input"]), arrays["test_output"])
    with pytest.raises(InputError, match="trained on"):
        again.predict(np.stack([image] * 3))


def test_without_settings_the_pixel_classifier_has_two_stages_and_membranes():
    truth, image, _ = cells(1, (72, 130), 12)
    method = BoundarySegmenter(trees=10).fit(BoundaryExamples([image], [strokes(truth, 5)], classes=("wall", "cell")))
    assert method.pixels_.stages == 2 and "membrane" in method.pixels_.filters
    assert method.pixels_.classes_ == ("wall", "cell")


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_stroke_is_held_out_once(count):
    fields = [cells(seed, (130, 130), 8) for seed in range(count)]
    layers = [strokes(truth, 5) for truth, _, _ in fields]
    settings = {"filters": ("gaussian",), "sigmas": (1.0,), "trees": 3}
    taught = []

    class Watched(PixelClassifier):
        def fit(self, strokes, **options):
            taught.append(sum(np.count_nonzero(labels) for labels in strokes.labels))
            return super().fit(strokes, **options)

    found = held_out(Strokes([image for _, image, _ in fields], layers), lambda: Watched(**settings))
    total = sum(np.count_nonzero(layer) for layer in layers)
    assert sum(np.count_nonzero(one.strokes) for one in found) == total
    for number, (_, image, _) in enumerate(fields):
        mine = [one.strokes for one in found if one.image is image]
        np.testing.assert_array_equal(np.sum(mine, axis=0), layers[number])
    folds = min(3, count) if count > 1 else 3
    assert len(taught) == folds and sum(taught) == (folds - 1) * total


def _quick():
    return PixelClassifier(filters=("gaussian",), sigmas=(1.0,), trees=3)


def _shown(found):
    return sum(np.count_nonzero(one.strokes) for one in found)


def test_no_images_cannot_be_held_out():
    with pytest.raises(InputError, match="Too little was painted"):
        held_out(Strokes([], []), PixelClassifier)


@pytest.mark.parametrize("painted", [(0, 3), (1, 2), (2,)])
def test_images_without_strokes_do_not_count(painted):
    fields = [cells(seed, (130, 130), 8) for seed in range(4)]
    layers = [strokes(truth, 5) * (number in painted) for number, (truth, _, _) in enumerate(fields)]
    found = held_out(Strokes([image for _, image, _ in fields], layers), _quick)
    assert len(found) == max(len(painted), 3 * (len(painted) == 1))
    assert _shown(found) == sum(np.count_nonzero(layer) for layer in layers)


@pytest.mark.parametrize("shape", [(60, 60), (65, 40), (24, 90), (3, 3)])
def test_a_small_image_has_three_squares_at_least(shape):
    layer = np.indices(shape).sum(axis=0) % 2 + 1
    found = held_out(Strokes([np.random.default_rng(0).random(shape)], [layer]), _quick)
    assert len(found) == 3 and _shown(found) == layer.size


@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_lies_above_and_below_is_held_out_too(dimensions):
    shape = (5, 130, 100)
    layer = np.indices(shape).sum(axis=0) % 2 + 1
    image = Image(np.random.default_rng(0).random(shape), "ZYX")
    method = {"filters": ("gaussian",), "sigmas": (1.0,), "trees": 3, "dimensions": dimensions}
    found = held_out(Strokes([image], [layer]), lambda: PixelClassifier(**method))
    assert len(found) == 3 and _shown(found) == layer.size
    for one in found:
        held = one.strokes > 0
        assert (held.all(axis=0) == held.any(axis=0)).all()


def test_too_little_to_hold_out():
    truth, image, _ = cells(1, (128, 128), 8)
    layer = strokes(truth, 5)
    layer[64:], layer[:, 64:] = 0, 0  # one square: what is left has no stroke
    with pytest.raises(InputError, match="Too little was painted"):
        held_out(Strokes([image], [layer]), PixelClassifier)


def test_bad_input(learned):
    truth, image, probability = cells(1)
    with pytest.raises(RequestError, match="say the number of the boundaries' class, not membrane"):
        BoundarySegmenter(boundary="membrane").fit(BoundaryExamples([image], [truth], [probability], objects=True))
    truth, image, probability = cells(1, (40, 40), 4)
    with pytest.raises(InputError, match="not learned"):
        BoundarySegmenter().predict(image, probability)
    with pytest.raises(InputError, match="none"):
        BoundarySegmenter().fit(BoundaryExamples([image], [0 * truth + 1], [probability], objects=True))
    with pytest.raises(RequestError, match="No stroke was painted"):
        BoundarySegmenter().fit(BoundaryExamples([image], [0 * truth], [probability]))
    with pytest.raises(RequestError, match=r"Class 1 .* there are 2 \(class 2\), 3 \(class 3\)"):
        BoundarySegmenter().fit(BoundaryExamples([image], [truth % 2 + 2], [probability]))
    with pytest.raises(InputError, match="there are 1, 1 and 2"):
        BoundaryExamples([image], [truth], [probability] * 2)
    with pytest.raises(InputError, match="NaN"):
        learned.predict(image, probability * np.nan)
    for wrong in (-probability, probability * 3, np.stack([probability * 255] * 2)):
        with pytest.raises(InputError, match="the boundary probabilities must lie between 0 and 1"):
            learned.predict(image, wrong)
    with pytest.raises(InputError, match="the boundary probabilities must lie between 0 and 1"):
        BoundarySegmenter().fit(BoundaryExamples([image], [truth], [probability * 3], objects=True))
    with pytest.raises(InputError, match="shape"):
        learned.predict(image, probability[:30])
    with pytest.raises(InputError, match="no class 1|shape"):
        learned.predict(image, np.zeros((0, 40, 40)))
    with pytest.raises(InputError, match="trained on"):
        learned.predict(np.stack([image] * 3), probability)
    with pytest.raises(InputError, match="probabilities"):
        learned.predict(Image(image, "YX"))
    with pytest.raises(InputError, match="or paint strokes"):
        BoundaryExamples([image], [truth], objects=True)
