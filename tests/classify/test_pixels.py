"""The method: learns, predicts the same whole and in parts, is saved and read, refuses what it cannot use."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from painted_pictures import blobs, strokes_of

from micrographia import Image, InputError, RequestError, get_method, write
from micrographia.classify.learners.classifiers import CLASSIFIERS
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.strokes import Strokes
from micrographia.io import create_zarr, read
from micrographia.models.package import open_package
from micrographia.models.verify import test_model as run_test
from micrographia.models.write import write_arrays_package

SMALL = {"filters": ("gaussian", "gradient", "hessian"), "sigmas": (0.7, 1.6, 3.5), "trees": 20}


def learned(channels: int = 1, dimensions: int = 2, **parameters) -> PixelClassifier:
    shape = (90, 130) if dimensions == 2 else (14, 30, 36)
    picture, truth = blobs(shape, channels=channels)
    strokes = Strokes([picture], [strokes_of(truth)], classes=("back", "blob"))
    return PixelClassifier(dimensions=dimensions, **(SMALL | parameters)).fit(strokes, threads=2)


@pytest.fixture(scope="module")
def plain() -> PixelClassifier:
    return learned()


@pytest.fixture(scope="module")
def two_stages() -> PixelClassifier:
    return learned(channels=2, stages=2)


@pytest.mark.parametrize(
    "parameters",
    [
        *({"classifier": kind} for kind in CLASSIFIERS),
        {"stages": 2},
        {"select": True, "balance": True},
        {"filters": ("entropy", "gaussian"), "stages": 2},
    ],
)
def test_learns_what_was_painted(parameters):
    method = learned(**parameters)
    picture, truth = blobs(seed=1)
    probabilities = method.predict(picture)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (2, 90, 130)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-5)
    assert (probabilities.argmax(axis=0) + 1 == truth).mean() > 0.95
    if method.classifier == "forest":
        assert 0 <= method.out_of_bag_error_ < 0.15
        assert sum(method.importance_.values()) == pytest.approx(1)
    assert method.counts_["image"][1] > 20


def test_volumes_and_channels():
    method = learned(channels=2, dimensions=3)
    picture, truth = blobs((14, 30, 36), seed=1, channels=2)
    probabilities = method.predict(picture)
    assert probabilities.shape == (2, 14, 30, 36)
    assert (probabilities.argmax(axis=0) + 1 == truth).mean() > 0.95
    names = method.stages_[0].names(method.channels_, method.classes_)
    assert len(names) == len(set(names)) == len(method.importance_)
    assert any("channel 1" in name for name in names)


@pytest.mark.parametrize("region", [(90, 130), (33, 50), (7, 130)])
@pytest.mark.parametrize("block", [(90, 130), (16, 33), (1, 64)])
def test_in_parts_equals_whole(two_stages, region, block):
    picture, _ = blobs(channels=2, seed=2)
    whole = two_stages.predict(picture, threads=1)
    parts = np.zeros_like(whole)
    shares = []
    two_stages.predict_to(picture, parts, region=region, block=block, threads=3, progress=shares.append)
    np.testing.assert_array_equal(parts, whole)
    assert shares[-1] == pytest.approx(1)
    assert shares == sorted(shares)


def test_volume_in_parts_equals_whole():
    method = learned(dimensions=3, stages=2)
    picture, _ = blobs((14, 30, 36), seed=2)
    whole = method.predict(picture[0], threads=1)
    parts = np.zeros_like(whole)
    method.predict_to(picture[0], parts, region=(5, 20, 36), block=(2, 9, 13))
    np.testing.assert_array_equal(parts, whole)


def test_from_disk_to_disk_equals_whole(two_stages, tmp_path, monkeypatch):
    picture, _ = blobs(channels=2, seed=3)
    stack = np.stack([picture, picture[:, ::-1]])
    write(tmp_path / "a.ome.zarr", stack, axes="TCYX")
    monkeypatch.setattr("micrographia.classify.pixels.pixel_blocks.REGION", {2: (64, 64)})
    monkeypatch.setattr("micrographia.classify.pixels.pixel_blocks._IN_MEMORY", 1000)
    with create_zarr(tmp_path / "p.zarr", (2, 2, 90, 130), "TCYX", np.float32, chunks=(1, 1, 64, 64)) as new:
        for part in two_stages.predict_blocks(read(tmp_path / "a.ome.zarr")):
            new.array[(part.at[0], slice(None), *part.region)] = part.probabilities
    found = read(tmp_path / "p.zarr").array("TCYX")
    for t in range(2):
        np.testing.assert_array_equal(found[t], two_stages.predict(stack[t]))
    together = two_stages.predict(Image(stack, "TCYX"))
    np.testing.assert_array_equal(together, found.swapaxes(0, 1))


class Endless:
    """Pixels made where they are read: an image that is never in memory."""

    shape, dtype, ndim = (1500, 2000), np.dtype(np.uint16), 2

    def __getitem__(self, key):
        y, x = np.ogrid[key]
        return ((y * 7 + x * 13) % 251).astype(np.uint16)


def test_memory_does_not_grow_with_the_image():
    picture, truth = blobs()
    method = PixelClassifier(filters=("gaussian",), sigmas=(1.0,), trees=2, stages=2)
    method.fit(Strokes([picture], [strokes_of(truth)]))
    seen = []
    tracemalloc.start()
    for part in method.predict_blocks(Image(Endless(), "YX"), region=(256, 512), threads=2):
        seen.append(part.probabilities[0, 0, 0])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(seen) == 6 * 4
    assert most < 25e6  # 12 MB are the context of the second stage; pixels and probabilities would be 36 MB more


def test_the_number_of_threads_and_the_seed(plain):
    picture, truth = blobs()
    again = learned()
    np.testing.assert_array_equal(plain.predict(picture), again.predict(picture))
    one = PixelClassifier(**SMALL).fit(Strokes([picture], [strokes_of(truth)]), threads=1)
    np.testing.assert_array_equal(plain.predict(picture), one.predict(picture))
    assert (learned(seed=1).predict(picture) != plain.predict(picture)).any()


def test_only_blocks_with_strokes_are_looked_at(monkeypatch):
    picture = np.zeros((2000, 3000), np.float32)
    picture[40:60] = 9
    labels = np.zeros(picture.shape, np.int8)
    labels[45:50, 100:110], labels[70:75, 100:110] = 1, 2
    seen = []
    compute = type(PixelClassifier().features([])).compute
    monkeypatch.setattr(
        "micrographia.features.pixel_bank.Bank.compute",
        lambda self, pixels, core=None, **more: seen.append(pixels.size) or compute(self, pixels, core, **more),
    )
    PixelClassifier(**SMALL).fit(Strokes([picture], [labels]))
    assert sum(seen) < 100_000


def test_save_load_predict(two_stages, tmp_path):
    picture, _ = blobs(channels=2, seed=4)
    path = two_stages.save(tmp_path / "blobs.zip")
    again = get_method("pixels").load(path)
    np.testing.assert_array_equal(again.predict(picture), two_stages.predict(picture))
    assert again.parameters() == two_stages.parameters()
    assert (again.classes_, again.channels_) == (("back", "blob"), ("channel 0", "channel 1"))
    assert again.importance_ == two_stages.importance_
    assert again.out_of_bag_error_ == two_stages.out_of_bag_error_
    twice = again.save(tmp_path / "again.zip")
    np.testing.assert_array_equal(get_method("pixels").load(twice).predict(picture), two_stages.predict(picture))
    package = open_package(path)
    assert package.has_tests
    report = run_test(path)
    assert report.passed
    assert report.differences == {"output": 0}
    for words in ("| image |", "Out-of-bag error", "Most important features", "back and blob", "auto-context"):
        assert words in package.documentation


def test_what_is_wrong_with_the_images_is_noted_and_kept(tmp_path):
    picture, truth = blobs((40, 50))
    labels = strokes_of(truth)
    broken, constant = picture[0].copy(), np.full((40, 50), 0.3, np.float32)
    broken[4, 5] = np.nan
    method = PixelClassifier(**SMALL)
    assert method.fit(Strokes([picture[0]], [labels])).notes_ == ()
    (note,) = method.fit(Strokes([picture[0], broken, broken], [labels] * 3)).notes_
    assert note.startswith("image 1 and 1 more: Pixels that are not numbers")
    assert method.fit(Strokes([constant, picture[0]], [labels] * 2)).notes_ == ()
    for classifier in CLASSIFIERS:
        (note,) = PixelClassifier(**SMALL, classifier=classifier).fit(Strokes([constant], [labels])).notes_
        assert note.startswith("The images are alike under all strokes")
    first, second = method.fit(Strokes([constant * np.nan], [labels])).notes_
    assert "Pixels that are not numbers" in first and "alike under all strokes" in second
    path = method.save(tmp_path / "m.zip")
    assert PixelClassifier.load(path).notes_ == (first, second)
    assert f"Note: {first}" in open_package(path).documentation


def test_the_class_of_the_objects_was_painted():
    picture, truth = blobs((40, 50))
    method = PixelClassifier(**SMALL).fit(Strokes([picture], [strokes_of(truth)], classes=("a", "b", "c")))
    assert method.class_of_objects() == 1
    assert method.class_of_objects("C") == method.class_of_objects("3") == 2
    with pytest.raises(RequestError, match=r"no class 'd'; there are 1 \(a\), 2 \(b\), 3 \(c\)"):
        method.class_of_objects("d")
    method.counts_ = {}  # learned by another program
    assert method.class_of_objects() == 2


def test_what_is_no_strokes_is_refused():
    picture, truth = blobs((40, 50))
    with pytest.raises(RequestError, match=r"learns from Strokes\(images, labels\).* not from a tuple"):
        PixelClassifier().fit(([picture], [truth]))


def test_packages_that_are_none_of_ours(two_stages, plain, tmp_path):
    other = write_arrays_package(tmp_path / "a.zip", method="umap", parameters={}, arrays={"a": np.zeros(2)})
    with pytest.raises(RequestError, match="was made by the method 'umap' and does not classify pixels"):
        PixelClassifier.load(other.path)
    hollow = write_arrays_package(tmp_path / "b.zip", method="pixels", parameters={}, arrays={"a": np.zeros(2)})
    with pytest.raises(InputError, match="damaged"):
        PixelClassifier.load(hollow.path)
    with pytest.raises(InputError, match="holds no test"):
        run_test(hollow)
    with pytest.raises(InputError, match="has not learned anything"):
        PixelClassifier().save(tmp_path / "c.zip")
    with pytest.raises(InputError, match="has not learned anything"):
        PixelClassifier().predict(np.zeros((4, 5)))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((30, 40)), r"has 1 channel \(intensity\), but the model was trained on 2 channels"),
        (np.zeros((30, 40, 3)), r"has 3 channels \(red, green, blue\), but the model was trained on 2"),
        (Image(np.zeros((3, 30, 40)), "CYX", channels=("DAPI", "actin", "GFP"), name="a.tif"),
         r"a.tif has 3 channels \(DAPI, actin, GFP\), but .* trained on 2 channels \(channel 0, channel 1\)"),
        (Image(np.zeros((30, 40)), "ZX"), "Y and X"),
        (np.zeros((30, 40), complex), "not intensities"),
    ],
)  # fmt: skip
def test_images_that_do_not_fit_the_model(two_stages, image, says):
    with pytest.raises(InputError, match=says):
        two_stages.predict(image)


def test_channels_are_chosen_by_name_or_number(two_stages):
    picture, _ = blobs(channels=2, seed=5)
    three = Image(np.stack([picture[1], picture[1] * 0, picture[0]]), "CYX", channels=("a", "b", "c"))
    np.testing.assert_array_equal(two_stages.predict(three, channels=("c", "0")), two_stages.predict(picture))


def test_unusual_pixels(plain):
    constant = plain.predict(np.full((20, 30), 7, np.uint8))
    assert (constant == constant[:, :1, :1]).all()
    picture, _ = blobs()
    broken = picture[0].copy()
    broken[3, 4] = np.nan
    mended = picture[0].copy()
    mended[3, 4] = 0
    np.testing.assert_array_equal(plain.predict(broken), plain.predict(mended))
    assert plain.predict(np.full((1, 1), 7, np.uint8)).shape == (2, 1, 1)
    assert plain.predict(np.full((1, 50), 7, np.float64)).shape == (2, 1, 50)
    whole = np.rint(picture[0]).astype(np.uint16)
    np.testing.assert_array_equal(plain.predict(whole), plain.predict(whole.astype(np.float64)))


def test_parameters_are_checked():
    with pytest.raises(RequestError, match="filters must be some of gaussian"):
        PixelClassifier(filters=("sobel",))
    with pytest.raises(RequestError, match="sigmas must be"):
        PixelClassifier(sigmas=(0.0,))
    with pytest.raises(RequestError, match="dimensions must be one of 2, 3"):
        PixelClassifier(dimensions=4)
    picture, truth = blobs()
    with pytest.raises(RequestError, match="at least one filter"):
        PixelClassifier(filters=()).fit(Strokes([picture], [strokes_of(truth)]))


def test_auto_context_learns_from_what_was_held_out():
    """Pure noise teaches nothing: the second stage must not learn to trust a first one that knows it by heart."""
    rng = np.random.default_rng(0)
    images = [rng.normal(0, 1, (64, 64)).astype(np.float32) for _ in range(4)]
    labels = [strokes_of(rng.integers(1, 3, (64, 64)), step=4) for _ in range(4)]
    method = PixelClassifier(stages=2, **SMALL).fit(Strokes(images, labels))
    assert method.out_of_bag_error_ == pytest.approx(0.5, abs=0.1)
    truth = [strokes_of(rng.integers(1, 3, (64, 64)), step=4) for _ in range(4)]
    right = np.concatenate([(method.predict(i).argmax(0) + 1)[t > 0] == t[t > 0] for i, t in zip(images, truth)])
    assert right.mean() == pytest.approx(0.5, abs=0.1)
