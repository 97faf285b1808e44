"""Features from the inner layers of networks that look at planes."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import immunohistochemistry

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.crops import layer_features
from micrographia.classify.crops.layer_features import LayerModel
from micrographia.classify.crops.learned_features import open_features
from micrographia.models.library import find_model
from micrographia.models.package import open_package
from micrographia.segment.experts import prepare
from micrographia.segment.predictor import load_predictor


@pytest.fixture(scope="module")
def model() -> LayerModel:
    found = open_features("nuclei")
    assert isinstance(found, LayerModel)
    return found


def spots(shape: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    image, labels = rng.normal(20, 3, shape), np.zeros(shape, np.int32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for k, (cy, cx) in enumerate(rng.uniform(10, np.array(shape) - 10, (25, 2))):
        inside = (np.hypot(y - cy, x - cx) < rng.uniform(4, 9)) & (labels == 0)
        labels[inside] = 3 * k + 1
        image[inside] += rng.uniform(40, 180)
    return image, labels


def test_the_layer_is_chosen_or_named(model):
    assert (model.layer.channels, model.layer.stride, model.count) == (64, 8, 64)
    package = open_package(find_model("nuclei"))
    named = LayerModel(package, "up.1.1")
    assert named.layer.name.endswith("up.1.1.2/Relu_output_0") and named.count == 32
    with pytest.raises(RequestError, match="there is no layer 'other'; it has .*stem.* .16 channels, stride 2."):
        LayerModel(package, "other")


def test_features_are_means_inside_the_objects(model):
    image, labels = spots((64, 96))
    ids, features = model.plane(image, labels)
    np.testing.assert_array_equal(ids, np.unique(labels[labels > 0]))
    prepared = model._prepared(image[None], ("intensity",), "image")[1]
    layer = model._networks[0](prepared[None])[0][0]
    fine = layer.repeat(8, axis=1).repeat(8, axis=2)
    wanted = np.stack([fine[:, labels == k].mean(axis=1) for k in ids])
    np.testing.assert_allclose(features, wanted, rtol=1e-4, atol=1e-5)


def test_tiles_give_what_the_whole_gives(model, monkeypatch):
    image, labels = spots((1100, 90))
    whole = model.plane(image, labels)
    monkeypatch.setattr(layer_features, "_WINDOW", 256)
    tiled = model.plane(image, labels)
    np.testing.assert_array_equal(tiled[0], whole[0])
    np.testing.assert_allclose(tiled[1], whole[1], rtol=1e-3, atol=1e-4)


def test_other_networks_and_wrong_images(model, tmp_path):
    image, labels = spots((64, 64))
    with pytest.raises(InputError, match="has 2 channels .channel 0, channel 1., but the model .* takes 3"):
        model.plane(np.stack([image, image]), labels)
    with pytest.raises(InputError, match="the image is .64, 64. pixels, its label image .60, 64."):
        model.plane(image, labels[4:])
    assert model.plane(image, labels * 0)[1].shape == (0, 64)
    colour = np.repeat(image[..., None], 3, axis=2)
    assert model.plane(colour, labels)[1].shape == (len(np.unique(labels)) - 1, 64)


def test_colours_are_seen_as_segmentation_sees_them(model):
    """On a dark background their mean is looked at; of a brown stain nothing is left."""
    image, labels = spots((96, 96))
    colour = np.stack([image * 0.5, image * 2, image * 0.5])
    np.testing.assert_allclose(model.plane(colour, labels)[1], model.plane(image, labels)[1], rtol=1e-3, atol=1e-3)
    picture = np.moveaxis(immunohistochemistry(), -1, 0)
    which, prepared = model._prepared(picture, ("red", "green", "blue"), "picture")
    predictor = load_predictor("nuclei")
    seen = prepare(immunohistochemistry(), predictor.experts, predictor.channels, predictor.percentiles)
    assert which == 1 and seen.expert.bright
    window = (slice(0, picture.shape[1]), slice(0, picture.shape[2]))
    np.testing.assert_array_equal(prepared, seen.preparation.applied(seen.plane.read(window)))


def test_features_tell_nuclei_from_background_on_real_images(data_dir):
    """By the nearest mean of the others, at least 90 % of nuclei and of background regions of the same shapes."""
    from micrographia.io import read, read_labels

    folder = data_dir / "dsb2018" / "dev"
    if not folder.is_dir():
        pytest.skip("no dsb2018 in the data folder")
    model = LayerModel(open_package(find_model("nuclei")), "up.1.1")
    right = []
    for image in sorted((folder / "images").iterdir())[:3]:
        labels = read_labels(next(p for p in folder.rglob(f"{image.stem}*") if p != image)).array("YX")
        beside = np.roll(labels, 24, axis=1)
        parts = [model.plane(read(image), part)[1] for part in (labels, np.where(labels == 0, beside, 0))]
        features, kind = np.vstack(parts), np.repeat([0, 1], [len(part) for part in parts])
        for i in range(len(kind)):
            others = np.arange(len(kind)) != i
            means = [features[others & (kind == k)].mean(axis=0) for k in (0, 1)]
            right.append(np.argmin([np.linalg.norm(features[i] - mean) for mean in means]) == kind[i])
    assert np.mean(right) >= 0.9
