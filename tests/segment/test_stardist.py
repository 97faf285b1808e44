"""StarDist as a method: fit, predict, save, load, bad input."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.metrics.matching import match
from micrographia.segment.predictor import Predictor
from micrographia.segment.star_examples import channels_of
from micrographia.segment.stardist import Examples, StarDist

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from synthetic_fields import fields  # noqa: E402

SMALL = {"widths": (8, 16, 16), "patch": 64, "batch": 4, "every": 80, "device": "cpu", "rays": 16}


@pytest.fixture(scope="module")
def trained():
    images, labels = fields(6)
    return StarDist(steps=160, **SMALL).fit(Examples(images, labels))


def test_it_finds_what_it_was_shown(trained):
    image, labels = (x[0] for x in fields(1))
    found = trained.predict(image)
    assert match(labels, found.labels)[0].accuracy > 0.6
    assert len(found.label) == len(found.outlines) == len(found.probability)
    assert set(found.label) == set(np.unique(found.labels)) - {0}
    assert ((found.probability > 0) & (found.probability <= 1)).all()


def test_saved_and_loaded_it_predicts_the_same(trained, tmp_path):
    image = fields(1)[0][0]
    path = trained.save(tmp_path / "modèle à moi.zip", name="Ellipses")
    loaded = StarDist.load(path)
    assert loaded.parameters() == trained.parameters()
    np.testing.assert_array_equal(loaded.predict(image).labels, trained.predict(image).labels)
    again = StarDist.load(loaded.save(tmp_path / "copy.zip"))
    np.testing.assert_array_equal(again.predict(image).labels, trained.predict(image).labels)


def test_package_tells_how_it_was_made(trained, tmp_path):
    from micrographia.models.package import open_package
    from micrographia.models.verify import test_model as check_model

    package = open_package(trained.save(tmp_path / "model.zip"))
    assert package.config["training"]["steps"] == 160
    assert len(package.config["data"]["validation"]) == 1
    assert set(package.config["data"]["validation"]).isdisjoint(package.config["data"]["training"])
    assert check_model(package).passed


def test_the_image_whose_channels_do_not_fit_is_named():
    assert channels_of([3, 1, 3], [True, False, True], "abc") == channels_of([3, 3], [True, False], "ab") == 3
    for counts, colour in (([3, 1, 3], [True, False, False]), ([1, 3, 2], [False, True, False])):
        with pytest.raises(InputError, match="^c has . channels that are not those of a colour picture and [ab] has"):
            channels_of(counts, colour, "abc")


def test_training_goes_on_from_a_package(trained, tmp_path):
    path = trained.save(tmp_path / "first.zip")
    images, labels = fields(3)
    further = StarDist(steps=2, start=str(path), **SMALL).fit(Examples(images, labels))
    other = StarDist(steps=2, **SMALL).fit(Examples(images, labels))
    truth = trained.model_.state_dict()["experts.0.stem.0.weight"]
    again = StarDist(steps=2, start=str(further.save(tmp_path / "second.zip")), **SMALL).fit(Examples(images, labels))
    taught = again.start_["start"]["data"]["start"]["data"]
    assert taught == trained.sides_, "what taught the first is known of the third"
    near, far = (m.model_.state_dict()["experts.0.stem.0.weight"] - truth for m in (further, other))
    assert near.abs().mean() < 0.5 * far.abs().mean()
    with pytest.raises(RequestError, match="same architecture"):
        StarDist(steps=2, start=str(path), **{**SMALL, "rays": 8}).fit(Examples(images, labels))


def test_one_level_is_no_network():
    with pytest.raises(RequestError, match="two levels"):
        StarDist(widths=(16,)).fit(Examples(*fields(1)))


def test_what_was_learned_last_counts(trained, tmp_path):
    image = fields(1)[0][0]
    method = StarDist.load(trained.save(tmp_path / "first.zip"))
    assert method.predictor() is method.predictor()
    images, labels = fields(3)
    method.steps = 2
    method.fit(Examples(images, labels))
    again = StarDist.load(method.save(tmp_path / "second.zip"))
    np.testing.assert_array_equal(again.predict(image).probability, method.predict(image).probability)
    assert again.package_.config["training"]["steps"] == 2


def test_learned_predictor_outlives_a_run_that_drops_its_network(trained, tmp_path):
    zarr = pytest.importorskip("zarr")
    image = fields(1)[0][0]
    out = zarr.create_array(tmp_path / "out.zarr", shape=image.shape, dtype="int32", chunks=(64, 64))
    predictor = trained.predictor()
    for _ in range(2):
        predictor.segment_to_zarr(Image(image, "YX"), out)
    np.testing.assert_array_equal(out[:], trained.predict(image).labels)


def test_pictures_of_one_plate_do_not_both_teach_and_judge(tmp_path):
    from micrographia.models.package import open_package

    images, labels = fields(6)
    plates = [{"plate": f"P{k // 2}"} for k in range(6)]
    method = StarDist(steps=2, **SMALL).fit(Examples(images, labels, groups=plates))
    assert len(method.sides_["validation"]) == 2 and "plate" not in " ".join(method.notes_)
    assert len({int(name.split()[1]) // 2 for name in method.sides_["validation"]}) == 1
    method.fit(Examples(images, labels, groups=[{"plate": "P1"}] * 6))
    assert "images of the same plate were learned from" in method.notes_[0]
    assert method.notes_[0] in open_package(method.save(tmp_path / "model.zip")).documentation
    with pytest.raises(InputError, match="groups of 2"):
        method.fit(Examples(images, labels, groups=plates[:2]))


@pytest.mark.parametrize(
    ("other", "said"),
    (
        ({"learning_rate": 0.01}, r"learning_rate was 0.002 and is now 0.01\)"),
        ({"batch": 2, "every": 3}, "batch was 4 and is now 2; every was 2 and is now 3"),
        ({"start": "START"}, "start was '' and is now"),
        ({"widths": (8, 8, 16)}, r"widths was \[8, 16, 16\] and is now \[8, 8, 16\]"),
    ),
)
def test_a_training_does_not_go_on_with_other_settings(trained, tmp_path, other, said):
    def stop(row):
        if row["step"] == 4:  # the checkpoint is that of step 2
            raise KeyboardInterrupt

    examples = Examples(*fields(3))
    small = {**SMALL, "steps": 4, "every": 2}
    with pytest.raises(KeyboardInterrupt):
        StarDist(**small).fit(examples, folder=tmp_path / "training", report=stop)
    if "start" in other:
        other = {"start": str(trained.save(tmp_path / "start.zip"))}
    with pytest.raises(RequestError, match=said):
        StarDist(**small | other).fit(examples, folder=tmp_path / "training")
    with pytest.raises(RequestError, match="other images or classes"):
        StarDist(**small).fit(Examples(*fields(4)), folder=tmp_path / "training")
    again = StarDist(**small | {"steps": 6, "minutes": 5.0, "patience": 3})
    assert again.fit(examples, folder=tmp_path / "training").history_.steps == 6


def test_a_training_does_not_go_on_from_another_start_of_the_same_name(trained, tmp_path):
    def stop(row):
        if row["step"] == 4:  # the checkpoint is that of step 2
            raise KeyboardInterrupt

    examples, start = Examples(*fields(3)), tmp_path / "start.zip"
    trained.save(start)
    method = StarDist(**SMALL | {"steps": 4, "every": 2, "start": str(start)})
    with pytest.raises(KeyboardInterrupt):
        method.fit(examples, folder=tmp_path / "training", report=stop)
    StarDist(**SMALL, steps=2, seed=5).fit(examples).save(start)
    with pytest.raises(RequestError, match="start was '.*start.zip, digest .* and is now"):
        StarDist(**SMALL | {"steps": 4, "every": 2, "start": str(start)}).fit(examples, folder=tmp_path / "training")


def test_same_seed_same_model():
    images, labels = fields(3)
    first, second = (StarDist(steps=5, seed=3, **SMALL).fit(Examples(images, labels)) for _ in range(2))
    for a, b in zip(first.model_.state_dict().values(), second.model_.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_two_channels():
    images, labels = fields(3)
    pairs = [np.stack([image, image[::-1]]) for image in images]
    method = StarDist(steps=3, **SMALL).fit(Examples([Image(p, "CYX") for p in pairs], labels))
    assert method.predict(Image(pairs[0], "CYX")).labels.shape == labels[0].shape
    with pytest.raises(InputError, match="1 channels, but the model was trained on 2"):
        method.predict(pairs[0][0])


def test_grey_and_colour_pictures_are_learned_together_and_both_are_read(tmp_path):
    images, labels = fields(4)
    mixed = [np.stack([x] * 3, axis=2) if k % 2 else x for k, x in enumerate(images)]
    method = StarDist(steps=3, **SMALL).fit(Examples(mixed, labels))
    loaded = StarDist.load(method.save(tmp_path / "model.zip"))
    assert loaded.predictor().channels == 3
    for picture in mixed[:2]:
        assert loaded.predict(picture).labels.shape == labels[0].shape
    np.testing.assert_array_equal(loaded.predict(images[1]).labels, loaded.predict(mixed[1]).labels)
    channels = StarDist(steps=3, **SMALL).fit(Examples([Image(np.stack([images[0]] * 3), "CYX")], labels[:1]))
    with pytest.raises(InputError, match="1 channels, but the model was trained on 3"):
        channels.predict(images[0])


def test_it_says_how_good_it_is_and_on_how_many_images(trained, tmp_path):
    from micrographia.models.package import open_package

    said = f"accuracy {trained.accuracy_:.3f} on 1 image set aside, which also chose the thresholds"
    assert trained.judgement().startswith(said) and not trained.notes_
    assert said[1:] in open_package(trained.save(tmp_path / "model.zip")).documentation
    images, labels = fields(1)
    poor = StarDist(steps=1, **SMALL).fit(Examples(images, labels))
    assert "no image was set aside" in poor.judgement()
    assert "train longer, or check the labels" in poor.notes_[0]
    with pytest.raises(InputError, match="not learned anything"):
        StarDist().judgement()


def test_a_package_names_authors_and_licence_only_where_they_were_given(trained, tmp_path):
    from micrographia.models.package import open_package

    plain = open_package(trained.save(tmp_path / "plain.zip")).description
    assert not plain.get("license") and not plain.get("authors")
    given = open_package(trained.save(tmp_path / "given.zip", authors=["R. Hooke"], license="CC-BY-4.0")).description
    assert given["license"] == "CC-BY-4.0" and given["authors"] == [{"name": "R. Hooke"}]


def test_a_device_that_is_not_there_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    images, labels = fields(1)
    with pytest.raises(RequestError, match="No CUDA graphics card was found; use --device auto"):
        StarDist(steps=1, **{**SMALL, "device": "cuda"}).fit(Examples(images, labels), folder=tmp_path / "training")
    assert not (tmp_path / "training").exists()


@pytest.mark.parametrize(
    ("entry", "value", "says"),
    (
        ("grid", 0, "the entry 'grid' of this model package is 0; its network has 2"),
        ("rays", 64, "'rays' .* is 64; its network has 16"),
        ("stride", None, "the entry 'stride' is missing"),
        ("halo", -5, "'halo' .* is -5; its network needs 80 to"),
        ("halo", 79, "'halo' .* is 79"),
        ("halo", 5000, "'halo' .* is 5000"),
        ("percentiles", [99, 1], "'percentiles' .* from 0 to 100"),
        ("experts", [], "'experts' .* there is 1"),
        ("decoding", {"probability": "abc"}, "'experts: decoding: probability' .* is 'abc'; .* from 0 to 1"),
        ("decoding", {"overlap": float("nan")}, "'experts: decoding: overlap'"),
        ("diameters", [1, 2], "'experts: diameters'"),
        ("bright", "no", "'experts: bright'"),
    ),
)
def test_a_config_that_cannot_be_is_refused_naming_the_entry(trained, entry, value, says):
    package = trained.predictor().package
    config = copy.deepcopy(package.config)
    expert = config["experts"][0]
    if entry == "decoding":
        expert["decoding"] |= value
    elif entry in expert:
        expert[entry] = value
    else:
        config[entry] = value
        if value is None:
            del config[entry]
    with pytest.raises(InputError, match=says):
        Predictor(replace(package, config=config))


def test_bad_examples_are_refused():
    images, labels = fields(2)
    method = StarDist(steps=1, **SMALL)
    with pytest.raises(InputError, match="2 images but 1 label"):
        method.fit(Examples(images, labels[:1]))
    with pytest.raises(InputError, match="no images"):
        method.fit(Examples([], []))
    with pytest.raises(InputError, match="its label image"):
        method.fit(Examples(images, [labels[0], labels[1][:50]]))
    with pytest.raises(InputError, match="whole numbers"):
        method.fit(Examples(images, [x.astype(float) for x in labels]))
    with pytest.raises(InputError, match="holds an object"):
        method.fit(Examples(images, [x * 0 for x in labels]))
    with pytest.raises(InputError, match="image 1 has 2 channels and image 0 has 1 channel; .* choose one"):
        method.fit(Examples([images[0], np.stack([images[1]] * 2)], labels))
    with pytest.raises(InputError, match="stack has 3 channels and image 0 has 1 channel"):
        method.fit(Examples([images[0], Image(np.stack([images[1]] * 3), "CYX", name="stack")], labels))
    with pytest.raises(InputError, match="not learned anything"):
        StarDist().predict(images[0])
    with pytest.raises(RequestError, match="rays"):
        StarDist(rays=2)
