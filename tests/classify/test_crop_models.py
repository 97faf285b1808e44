"""Encoders and classifiers of crops: learned, stored, read again, applied; and what they refuse."""

from __future__ import annotations

import shutil
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.crops import crop_measurements as measuring
from micrographia.classify.crops.cell_images import CellImages, cell_crops
from micrographia.classify.crops.crop_card import crop_card
from micrographia.classify.crops.crop_classifier import CropClassifier
from micrographia.classify.crops.crop_measurements import crop_measurements
from micrographia.classify.crops.encoder import CellEncoder
from micrographia.classify.crops.image_classifier import ImageClassifier
from micrographia.classify.crops.learned_features import learned_table, open_features
from micrographia.classify.objects.class_tables import (
    SINGLE_OBJECTS,
    WHOLE_IMAGES,
    WHOLE_WELLS,
    Classified,
    ClassifiedImages,
    held_out,
    join_classes,
    with_classes,
)
from micrographia.features.crops import CropPlan
from micrographia.models.package import open_package

SMALL = {"size": 16, "widths": (4, 8), "batch": 16, "device": "cpu", "intensity": "range"}


def field(seed: int, channels: int = 1) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Six objects: bright discs and dim squares."""
    rng = np.random.default_rng(seed)
    image = np.full((channels, 64, 96), 20.0)
    labels = np.zeros((64, 96), np.int32)
    y, x = np.mgrid[:64, :96]
    kinds = []
    for k in range(6):
        cy, cx = 16 + 32 * (k // 3), 16 + 32 * (k % 3)
        disc = (k + seed) % 2 == 0
        inside = np.hypot(y - cy, x - cx) < 6 if disc else np.maximum(abs(y - cy), abs(x - cx)) < 4
        labels[inside] = 2 * k + 1
        image[:, inside] = 220 if disc else 90
        kinds.append("disc" if disc else "square")
    return (image + rng.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8), labels, kinds


def test_a_channel_without_any_number_is_refused():
    image, labels, _ = field(0, channels=2)
    image = image.astype(np.float32)
    image[1, :30] = np.nan
    images = CellImages([Image(image, "CYX", channels=("DNA", "GFP"), name="a")], [labels])
    assert len(cell_crops(images, CropPlan(16))) == 6
    image[1] = np.inf
    with pytest.raises(InputError, match="a: all pixels of the channel GFP are NaN or infinite"):
        cell_crops(images, CropPlan(16))


def examples(count: int = 8) -> ClassifiedImages:
    images, labels, rows = [], [], []
    for i in range(count):
        image, label, kinds = field(i)
        images.append(Image(image[0], "YX", name=f"f{i}"))
        labels.append(label)
        rows += [(f"f{i}.tif", 2 * k + 1, kind, f"W{i % 4}") for k, kind in enumerate(kinds)]
    table = pd.DataFrame(rows, columns=["Metadata_Image", "ObjectNumber", "Class", "Metadata_Well"])
    return ClassifiedImages(images, table, labels)


@pytest.fixture(scope="module")
def encoder() -> CellEncoder:
    given = examples()
    return CellEncoder(**SMALL, mask=True, steps=6, every=3).fit(CellImages(given.images, given.labels))


@pytest.fixture(scope="module")
def classifier() -> CropClassifier:
    return CropClassifier(**SMALL, steps=60, every=20, learning_rate=1e-2, views=2).fit(examples())


def test_crops_are_measured_for_the_encoder(encoder):
    image, labels, _ = field(99)
    crops = cell_crops(CellImages([image], [labels]), encoder.plan)
    targets = crop_measurements(crops.pixels, threads=1)
    assert targets.shape[0] == len(crops) and targets.dtype == np.float32
    assert np.isfinite(targets).all() and np.abs(targets).max() <= 4
    np.testing.assert_array_equal(crop_measurements(crops.pixels), targets)
    turned = crop_measurements(np.concatenate([crops.pixels, np.rot90(crops.pixels, 1, (2, 3))]))
    assert np.corrcoef(turned[: len(crops), 0], turned[len(crops) :, 0])[0, 1] > 0.95


def test_an_encoder_may_learn_from_views_or_without_the_mask():
    given = examples()
    images = CellImages(given.images, given.labels)
    for more in ({"task": "views", "mask": True}, {"mask": False}):
        learned = CellEncoder(**SMALL, steps=3, every=3, **more).fit(images)
        assert learned.encoder_.channels == 1 + more["mask"] and learned.history_.steps == 3
    crops = cell_crops(images, learned.plan)
    with pytest.raises(RequestError, match="without a mask cannot be measured"):
        learned.fit_crops(crops)


def test_an_encoder_is_stored_and_gives_the_same_features(encoder, tmp_path):
    import torch

    image, labels, _ = field(99)
    before = encoder.predict(image, labels)
    assert before.shape == (6, 8) and np.isfinite(before).all() and before.std(0).max() > 0
    path = encoder.save(tmp_path / "cells.zip")
    read = CellEncoder.load(path)
    np.testing.assert_array_equal(read.predict(image, labels), before)
    assert read.parameters() == encoder.parameters()
    crops = cell_crops(CellImages([image], [labels]), encoder.plan).pixels
    with torch.no_grad():
        wanted = encoder.encoder_(torch.from_numpy(crops.astype(np.float32))).numpy()
    np.testing.assert_allclose(before, wanted, atol=1e-4)
    again = read.save(tmp_path / "copy.zip")
    assert again.read_bytes() == path.read_bytes()


def test_stored_packages_pass_their_own_test(encoder, classifier, tmp_path):
    from micrographia.models.package import open_package
    from micrographia.models.verify import test_model

    for method in (encoder, classifier):
        assert test_model(open_package(method.save(tmp_path / "model.zip"))).passed


def test_a_classifier_learns_is_stored_and_predicts_the_same(classifier, tmp_path):
    import torch

    image, labels, kinds = field(50)
    table = classifier.predict(Image(image[0], "YX", name="new"), labels)
    assert table["Class"].tolist() == kinds
    assert table["ObjectNumber"].tolist() == [1, 3, 5, 7, 9, 11] and set(table["Metadata_Image"]) == {"new"}
    np.testing.assert_allclose(table[["Probability_disc", "Probability_square"]].sum(axis=1), 1, atol=1e-5)
    read = CropClassifier.load(classifier.save(tmp_path / "model.zip"))
    pd.testing.assert_frame_equal(read.predict(Image(image[0], "YX", name="new"), labels), table)
    crops = cell_crops(CellImages([image], [labels]), classifier.plan).pixels.astype(np.float32)
    with torch.no_grad():
        logits = [classifier.network_(torch.from_numpy(np.rot90(crops, k, (2, 3)).copy())) for k in (0, 1)]
    wanted = np.mean([torch.softmax(one, 1).numpy() for one in logits], axis=0)
    np.testing.assert_allclose(classifier.probabilities(crops), wanted, atol=1e-4)


def test_the_same_seed_gives_the_same_classifier():
    found = [CropClassifier(**SMALL, steps=3, seed=seed).fit(examples(4)).network_.state_dict() for seed in (0, 0, 1)]
    assert all(np.array_equal(found[0][key], found[1][key]) for key in found[0])
    assert not np.array_equal(found[0]["head.weight"], found[2]["head.weight"])


def test_transfer_takes_weights_and_crops_from_the_encoder(encoder, tmp_path):
    path = encoder.save(tmp_path / "cells.zip")
    method = CropClassifier(start=str(path), size=48, steps=1, batch=8, learning_rate=1e-6, device="cpu")
    method.fit(examples(4))
    assert method.plan == encoder.plan and method.plan.mask
    np.testing.assert_allclose(
        method.network_.encoder.stem.weight.detach(), encoder.encoder_.stem.weight.detach(), atol=1e-4
    )
    two = [Image(np.repeat(image.data[None], 2, 0), "CYX", name=image.name) for image in examples(4).images]
    with pytest.raises(InputError, match="f0 has 2 channels .* but cells.zip was trained on 1 channel .intensity."):
        method.fit(ClassifiedImages(two, examples(4).table, examples(4).labels))


def two_colours(order: tuple[str, str]) -> ClassifiedImages:
    """Objects in the channel DNA, nothing but noise in GFP."""
    given = examples(4)
    noise = np.random.default_rng(0).integers(0, 9, (64, 96), np.uint8)
    pixels = [{"DNA": image.data, "GFP": noise} for image in given.images]
    images = [
        Image(np.stack([one[name] for name in order]), "CYX", channels=order, name=image.name)
        for one, image in zip(pixels, given.images, strict=True)
    ]
    return ClassifiedImages(images, given.table, given.labels)


def test_a_start_finds_its_channels_by_name_whatever_their_order(tmp_path):
    first = two_colours(("GFP", "DNA"))
    learned = CellEncoder(**SMALL, steps=3, every=3, mask=True).fit(CellImages(first.images, first.labels))
    start = {"start": str(learned.save(tmp_path / "e.zip")), "frozen": True, "device": "cpu", "views": 1}
    same, swapped = (CropClassifier(**start).fit(two_colours(order)) for order in (("GFP", "DNA"), ("DNA", "GFP")))
    assert same.channels_ == swapped.channels_ == ("GFP", "DNA") and swapped.notes_[0].startswith("crops are cut as")
    np.testing.assert_array_equal(same.network_.head.weight.detach(), swapped.network_.head.weight.detach())
    table = swapped.predict(CellImages(first.images, first.labels))
    assert (table["Class"].to_numpy() == first.table["Class"].to_numpy()).mean() > 0.9
    other = CropClassifier(**start)
    renamed = [Image(image.data, "CYX", channels=("A", "B"), name=image.name) for image in first.images]
    other.fit(ClassifiedImages(renamed, first.table, first.labels))
    assert other.channels_ == ("A", "B") and "A, B took the place of GFP, DNA" in other.notes_[0]


def test_what_a_training_judged_goes_onto_the_card(classifier, tmp_path):
    from micrographia.models.package import open_package

    scores = classifier.judged_.scores
    assert scores is not None and len(scores.truth) == 12 and set(scores.groups) < {f"W{k}" for k in range(4)}
    card = open_package(classifier.save(tmp_path / "m.zip")).read("README.md").decode()
    assert "12 examples (whole wells) were set aside" in card and "macro F1, wells set aside" in card
    assert "Too few examples of disc (24) and square (24)" in card and "Cross-entropy" in card


def test_folds_judge_every_object_and_a_stopped_training_keeps_those_it_finished(tmp_path):
    given = examples()
    method = CropClassifier(**SMALL, steps=4, every=2, folds=2, views=1, validation_share=0)
    steps = []

    def stop(row):
        steps.append(row["step"])
        if len(steps) == 5:  # in the second fold; the network of all examples came first
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        method.fit(given, folder=tmp_path, report=stop)
    steps.clear()
    method.fit(given, folder=tmp_path, report=lambda row: steps.append(row["step"]))
    assert steps == [2, 4]  # the second fold, which had no checkpoint yet
    whole = CropClassifier(**method.parameters()).fit(given)
    scores = method.judged_.scores
    assert len(scores.truth) == 48 and len(scores.fold_scores()["accuracy"]) == 2
    np.testing.assert_array_equal(scores.probabilities, whole.judged_.scores.probabilities)
    assert "nor any other of its well: 2 further networks" in whole.judged_.told
    assert "2 further networks" in crop_card(method, "m")
    CropClassifier(**method.parameters() | {"folds": 0}).fit(given, folder=tmp_path)  # the checkpoints are its own, too
    with pytest.raises(RequestError, match="a single fold cannot judge"):
        CropClassifier(**SMALL, folds=1).fit(given)


def test_folds_with_other_settings_are_refused_at_once_by_the_outer_folder(tmp_path):
    given, folder = examples(), tmp_path / "t"
    small = dict(**SMALL, steps=2, every=2, folds=2, views=1)
    CropClassifier(**small).fit(given, folder=folder)
    for other in ({"learning_rate": 0.01}, {"seed": 3}):
        with pytest.raises(RequestError, match=f"{folder} holds checkpoints of a training with other settings"):
            CropClassifier(**small | other).fit(given, folder=folder, report=lambda row: pytest.fail("it learns"))
    shutil.rmtree(folder)
    CropClassifier(**small | {"seed": 3}).fit(given, folder=folder)


def test_folds_that_cannot_be_are_refused_before_anything_is_learned():
    given = examples()
    given.table["Class"] = np.where(given.table["Metadata_Well"] == "W0", "a", "b")
    with pytest.raises(InputError, match="cannot be divided by wells"):
        CropClassifier(**SMALL, folds=2).fit(given, report=lambda row: pytest.fail("it learns"))


def test_a_fold_is_said_only_where_it_is_asked_for_and_pixels_are_digested_once(tmp_path, capsys, monkeypatch):
    from micrographia.nets import lesson

    digested, said, before = [], [], lesson.lesson_of
    monkeypatch.setattr(lesson, "lesson_of", lambda *parts: digested.append(parts) or before(*parts))
    method = CropClassifier(**SMALL, steps=2, every=2, folds=2, views=1)
    method.fit(examples(), report=lambda row: None)
    assert capsys.readouterr().err == ""
    alone = len(digested)
    method.say_fold = said.append
    method.fit(examples(), folder=tmp_path)
    assert said == ["fold 1 of 2", "fold 2 of 2"]
    assert len(digested) - 2 * alone == 3  # the pixels once, and what each fold learns and judges


def test_a_card_shows_a_class_whose_name_has_a_bar_in_one_cell(tmp_path):
    given = examples()
    given.table["Class"] = given.table["Class"].replace("disc", "disc|dim")
    card = crop_card(CropClassifier(**SMALL, steps=2, every=2).fit(given), "m")
    assert r"| disc\|dim | 24 |" in card


def test_a_frozen_encoder_is_not_judged_on_what_it_learned_from(encoder, tmp_path):
    start = str(encoder.save(tmp_path / "e.zip"))
    judged = CropClassifier(start=start, frozen=True, validation_share=0.25, device="cpu").fit(examples()).judged_
    assert judged.scores is None and "because the last layer of a frozen encoder is fitted to all" in judged.told


class Watched:
    """A sequence of images that remembers which were read."""

    def __init__(self, images):
        self.images, self.read = images, []

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.read.append(index)
        return self.images[index]


def test_only_images_that_the_table_names_are_read_one_after_the_other():
    given = examples(6)
    images = Watched(given.images)
    table = given.table[given.table["Metadata_Image"].isin(["f1.tif", "f4.tif"])]
    names = [f"f{k}" for k in range(6)]
    CropClassifier(**SMALL, steps=1).fit(ClassifiedImages(images, table, given.labels, names))
    assert images.read == [1, 4]
    with pytest.raises(InputError, match="2 of the 2 images that the table gives a class are not there, first f1"):
        CropClassifier(**SMALL, steps=1).fit(ClassifiedImages(images, table, given.labels, list("abcdef")))
    with pytest.raises(InputError, match="to none of them"):
        CropClassifier(**SMALL, steps=1).fit(ClassifiedImages(images, table[:0], given.labels, names))
    assert images.read == [1, 4]
    seen = []
    whole = ImageClassifier(**SMALL | {"batch": 4})
    squares = cell_crops  # the crops are cut of one image after the other

    def watched(found, plan, **more):
        seen.append(len(images.read))
        return squares(found, plan, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("micrographia.classify.crops.image_classifier.cell_crops", watched)
        whole._crops(CellImages(images, names=names))
    assert seen == [2] and images.read[2:] == list(range(6))


def test_models_of_images_say_what_they_look_at(encoder, tmp_path):
    from micrographia.models.package import open_package

    given = bands((32, 64), 12)
    small = {**SMALL, "steps": 2, "every": 2, "batch": 4}
    for tiles, seen in ((1, "whole images, scaled to 16 x 16"), (2, "2 x 2 tiles of each image, scaled to 16 x 16")):
        package = open_package(ImageClassifier(**small, tiles=tiles).fit(given).save(tmp_path / f"m{tiles}.zip"))
        card = package.read("README.md").decode()
        assert f"apart by {seen} pixels" in card and "crops" not in card
        assert package.description["description"].startswith("Tells 2 classes of whole images apart;")
    plain = CellEncoder(**SMALL, steps=2, every=2, task="views").fit(CellImages(examples().images, examples().labels))
    started = ImageClassifier(start=str(plain.save(tmp_path / "e.zip")), frozen=True, device="cpu").fit(given)
    assert started.notes_[-1] == "whole images, scaled to 16 x 16 pixels: the size that e.zip looks at"


def test_a_kept_encoder_gives_its_features_to_a_fitted_layer(encoder, tmp_path):
    path = encoder.save(tmp_path / "cells.zip")
    method = CropClassifier(start=str(path), frozen=True, device="cpu", views=8).fit(examples())
    image, labels, kinds = field(50)
    table = method.predict(image[0], labels)
    assert table["Class"].tolist() == kinds
    read = CropClassifier.load(method.save(tmp_path / "model.zip"))
    pd.testing.assert_frame_equal(read.predict(image[0], labels), table)
    np.testing.assert_allclose(
        read.model()(cell_crops(CellImages([image], [labels]), encoder.plan).pixels)["features"],
        encoder.predict(image, labels),
        atol=1e-4,
    )
    with pytest.raises(RequestError, match="frozen keeps an encoder as it is; name one with start"):
        CropClassifier(**SMALL, frozen=True).fit(examples(4))


def test_whole_images_and_tiles_have_classes(tmp_path):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :60]
    images = [np.where(i % 2, 120 + 100 * np.sin(x / 2), 120) + rng.normal(0, 9, x.shape) for i in range(24)]
    images = [image.clip(0, 255).astype(np.uint8) for image in images]
    names = [f"site{i}" for i in range(24)]
    table = pd.DataFrame({"image": [f"{n}.png" for n in names], "Class": ["flat", "waves"] * 12})
    for tiles in (1, 2):
        method = ImageClassifier(**(SMALL | {"size": 24}), tiles=tiles, steps=40, every=20, learning_rate=1e-2, views=1)
        method.fit(ClassifiedImages(images[4:], table[4:], names=names[4:]))
        found = method.predict(CellImages(images[:4], names=names[:4]))
        assert found["Class"].tolist() == ["flat", "waves"] * 2
        assert list(found.columns) == [
            "Metadata_Image",
            "Class",
            "Class_Probability",
            "Probability_flat",
            "Probability_waves",
        ]
        read = ImageClassifier.load(method.save(tmp_path / "images.zip"))
        pd.testing.assert_frame_equal(read.predict(CellImages(images[:4], names=names[:4])), found)


def test_learned_features_of_encoders_and_classifiers(encoder, classifier, tmp_path):
    image, labels, _ = field(7)
    for method, count in ((encoder, 8), (classifier, 8)):
        model = open_features(method.save(tmp_path / "model.zip"))
        table = learned_table(model, image, labels, name="a", objects="Cells")
        assert list(table.columns[1:4]) == ["Cells_Location_Center_X", "Cells_Location_Center_Y", "Cells_Learned_000"]
        assert model.count == count and table.shape == (6, 3 + count)
        assert open_features(tmp_path / "model.zip").plane(image, labels * 0)[1].shape == (0, count)
    with pytest.raises(RequestError, match="leave the layer out"):
        open_features(tmp_path / "model.zip", "stem")


def test_a_package_names_authors_and_licence_only_where_they_were_given(encoder, classifier, tmp_path):
    for method in (encoder, classifier):
        plain = open_package(method.save(tmp_path / "plain.zip")).description
        assert not plain.get("license") and not plain.get("authors")
        said = open_package(method.save(tmp_path / "given.zip", authors=["R. Hooke"], license="MIT")).description
        assert said["license"] == "MIT" and said["authors"] == [{"name": "R. Hooke"}]


def test_a_device_that_is_not_there_is_refused_before_any_crop_is_cut(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for method in (CropClassifier, CellEncoder, ImageClassifier):
        with pytest.raises(RequestError, match="No CUDA graphics card was found; use --device auto"):
            method(device="cuda").fit(None)


def test_wrong_input_is_named(encoder, classifier, tmp_path):
    image, labels, _ = field(3)
    with pytest.raises(InputError, match="image 0 has 2 channels .channel 0, channel 1., but the model .* 1 channel"):
        classifier.predict(np.repeat(image, 2, axis=0), labels)
    with pytest.raises(InputError, match="No label image holds an object"):
        classifier.predict(image, labels * 0)
    with pytest.raises(InputError, match="No label image holds an object"):
        CellEncoder(**SMALL).fit(CellImages([image], [labels * 0]))
    with pytest.raises(InputError, match="There are no images"):
        CellEncoder(**SMALL).fit(CellImages([]))
    with pytest.raises(InputError, match="1 images but 2 label images"):
        CellEncoder(**SMALL).fit(CellImages([image], [labels, labels]))
    with pytest.raises(InputError, match="several planes"):
        CellEncoder(**SMALL).fit(CellImages([Image(np.zeros((3, 9, 9)), "ZYX", name="v")]))
    with pytest.raises(InputError, match="b has 2 channels, but a has 1"):
        CellEncoder(**SMALL).fit(CellImages([image, np.repeat(image, 2, 0)], [labels, labels], ["a", "b"]))
    with pytest.raises(InputError, match="has not learned anything"):
        CropClassifier().save(tmp_path / "no.zip")
    with pytest.raises(RequestError, match="two levels or more"):
        CellEncoder(**(SMALL | {"widths": (4,)})).fit(CellImages([image], [labels]))
    path = encoder.save(tmp_path / "cells.zip")
    with pytest.raises(RequestError, match="made by the method 'encoder'"):
        CropClassifier.load(path)
    with pytest.raises(RequestError, match="classifies and is no encoder"):
        CellEncoder.load(classifier.save(tmp_path / "classes.zip"))
    with pytest.raises(RequestError, match="does not look at crops"):
        CellEncoder.load("nuclei")
    with pytest.raises(InputError, match="looks at crops of shape .2, 16, 16., not .1, 16, 16."):
        encoder.predict(np.zeros((2, 1, 16, 16), np.float32))


def test_one_class_is_refused_and_few_examples_are_told():
    given = examples(4)
    alike = given.table.assign(Class="cell")
    with pytest.raises(RequestError, match="All examples are of the class cell"):
        CropClassifier(**SMALL, steps=1).fit(ClassifiedImages(given.images, alike, given.labels))
    rare = given.table.assign(Class=["rare", *["cell"] * 23])
    method = CropClassifier(**SMALL, steps=1).fit(ClassifiedImages(given.images, rare, given.labels))
    assert "Too few examples of cell (23) and rare (1)" in method.judged_.warnings[0]


def test_tables_of_classes():
    images, labels = np.array(["a", "a", "b"]), np.array([1, 2, 1])
    table = pd.DataFrame({"image": ["a.tif", "b.tif", "a.tif"], "label": [2, 1, 1], "Class": ["x", "y", None]})
    found = join_classes(table, images, labels)
    assert found.rows.tolist() == [1, 2] and found.classes.tolist() == [0, 1] and found.names == ("x", "y")
    assert found.groupings[WHOLE_IMAGES].tolist() == ["a", "b"] and found.counts == {"x": 1, "y": 1}
    with pytest.raises(InputError, match="gives a, object 2 a class twice"):
        join_classes(pd.concat([table, table[:1]]), images, labels)
    with pytest.raises(InputError, match="classes to 1 that are not there, first object 9 of a"):
        join_classes(table.assign(label=[9, 1, 1]), images, labels)
    with pytest.raises(InputError, match="object 2 of 3. Its ImageNumber is taken for the name of an image"):
        join_classes(table.drop(columns="image").assign(ImageNumber=[3, 4, 5]), images, labels)
    with pytest.raises(RequestError, match="no column that names the object"):
        join_classes(table.drop(columns="label"), images, labels)
    with pytest.raises(RequestError, match="no column 'Class'"):
        join_classes(table.drop(columns="Class"), images, labels)
    with pytest.raises(InputError, match="to none of them"):
        join_classes(table[2:], images, labels)


def test_what_is_held_out_keeps_groups_together_and_leaves_an_example_of_each_class():
    wells, rows = np.repeat([f"w{i}" for i in range(20)], 5), np.arange(100)
    classes = np.tile([0, 0, 0, 1, 1], 20)
    kinds = {WHOLE_WELLS: wells, SINGLE_OBJECTS: rows}
    held, whole = held_out(Classified(rows, classes, ("a", "b"), kinds), 0.2, 0)
    assert whole == WHOLE_WELLS and held.sum() == 20
    assert all(len(set(held[wells == w])) == 1 for w in np.unique(wells))
    alone, _ = held_out(Classified(rows, np.where(rows == 3, 2, classes), ("a", "b", "c"), kinds), 0.2, 1)
    assert not alone[3]
    five = Classified(rows, classes, ("a", "b"), {WHOLE_WELLS: rows // 20, SINGLE_OBJECTS: rows})
    assert held_out(five, 0.02, 0)[0].sum() == 20  # at least one whole well
    few = Classified(rows[:3], classes[:3], ("a", "b"), {SINGLE_OBJECTS: rows[:3]})
    assert held_out(few, 0.2, 0)[1] == "" and not held_out(few, 0.2, 0)[0].any()


@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_one_well_does_not_keep_other_wells_from_being_held_out(seed):
    rows, wells = np.arange(40), np.repeat(list("ABCD"), 10)
    kinds = {WHOLE_WELLS: wells, WHOLE_IMAGES: np.char.add("i", (rows // 5).astype(str)), SINGLE_OBJECTS: rows}
    held, whole = held_out(Classified(rows, np.where(wells == "D", 2, rows % 2), ("a", "b", "c"), kinds), 0.25, seed)
    assert whole == WHOLE_WELLS and held.sum() == 10 and not held[wells == "D"].any()
    # A class a well: none can be set aside, but images can.
    held, whole = held_out(Classified(rows, rows // 10, tuple("abcd"), kinds), 0.25, seed)
    assert whole == WHOLE_IMAGES and held.any() and set(rows[~held] // 10) == {0, 1, 2, 3}
    # A class an image, and no other example of it: nothing can.
    held, whole = held_out(Classified(rows, rows, tuple(map(str, rows)), {WHOLE_IMAGES: rows}), 0.25, seed)
    assert whole == "" and not held.any()


@given(wells=st.integers(1, 12), images=st.integers(1, 5), cells=st.integers(1, 6), seed=st.integers(0, 99))
def test_what_is_held_out_shares_no_well_else_no_image_with_what_is_learned_from(wells, images, cells, seed):
    well = np.repeat(np.arange(wells), images * cells)
    image, rows = np.repeat(np.arange(wells * images), cells), np.arange(wells * images * cells)
    kinds = {WHOLE_WELLS: well, WHOLE_IMAGES: image, SINGLE_OBJECTS: rows}
    held, whole = held_out(Classified(rows, rows % 2, ("a", "b"), kinds), 0.15, seed)
    expected = WHOLE_WELLS if wells >= 4 else WHOLE_IMAGES if wells * images >= 4 else SINGLE_OBJECTS
    assert whole == (expected if len(rows) >= 14 else "") and held.any() == (whole != "")
    if whole:
        assert held.mean() <= 0.5
        assert not set(kinds[whole][held]) & set(kinds[whole][~held]) and set(rows[~held] % 2) == {0, 1}


def test_a_table_takes_many_classes_at_once_and_keeps_its_rows():
    table = pd.DataFrame({"Metadata_Image": ["a", "b"]}, index=[7, 3])
    names = [f"c{k}" for k in range(150)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = with_classes(table, np.eye(150)[[1, 149]], names)
    assert found.index.tolist() == [7, 3] and found["Class"].tolist() == ["c1", "c149"]
    assert found.columns[:3].tolist() == ["Metadata_Image", "Class", "Class_Probability"] and found.shape == (2, 153)
    assert found["Probability_c149"].tolist() == [0, 1] and with_classes(table[:0], np.zeros((0, 2)), list("ab")).empty


def test_plates_without_wells_do_not_keep_images_together():
    images = np.array([f"i{k}" for k in range(8)])
    table = pd.DataFrame(
        {"Metadata_Image": images, "Metadata_Plate": ["P", "Q"] * 4, "Class": ["x", "x", "y", "y"] * 2}
    )
    assert list(join_classes(table, images, None).groupings) == [WHOLE_IMAGES]


def test_tiles_of_an_image_are_one_example_and_stay_together():
    images = np.repeat([f"i{k}" for k in range(16)], 9)
    table = pd.DataFrame({"image": [f"i{k}" for k in range(16)], "Class": ["x", "y"] * 8})
    found = join_classes(table, images, None)
    assert found.counts == {"x": 8, "y": 8}
    held, whole = held_out(found, 0.15, 0)
    assert whole == WHOLE_IMAGES and not set(images[held]) & set(images[~held])
    assert len(held) == 144 and held.sum() in (18, 27)


def test_images_whose_channels_come_in_another_order_are_put_in_that_of_the_first(classifier):
    image, labels, _ = field(3, channels=2)
    one, two = Image(image, "CYX", channels=("DAPI", "GFP")), Image(image[::-1], "CYX", channels=("GFP", "DAPI"))
    crops = cell_crops(CellImages([one, two], [labels, labels], ["a", "b"]), classifier.plan)
    assert crops.channels == ("DAPI", "GFP")
    np.testing.assert_array_equal(crops.pixels[crops.images == "a"], crops.pixels[crops.images == "b"])


def test_only_so_many_crops_are_kept_and_each_has_the_same_chance():
    image, labels, _ = field(0)
    plan = CropPlan(8)
    kept = [
        cell_crops(CellImages([image] * 3, [labels] * 3, list("abc")), plan, most=4, seed=seed) for seed in range(200)
    ]
    assert all(len(one) == 4 for one in kept)
    shares = [np.mean([np.mean(one.images == name) for one in kept]) for name in "abc"]
    assert np.abs(np.array(shares) - 1 / 3).max() < 0.06


def bands(shape: tuple[int, int], count: int = 24) -> ClassifiedImages:
    """Noise; images of class b have a bright band at both ends."""
    rng = np.random.default_rng(0)
    images, rows = [], []
    for k in range(count):
        pixels = rng.integers(0, 60, shape, np.uint8)
        if k % 2:
            pixels[:, :20] = pixels[:, -20:] = 250
        images.append(Image(pixels, "YX", name=f"i{k}"))
        rows.append((f"i{k}", "ab"[k % 2]))
    return ClassifiedImages(images, pd.DataFrame(rows, columns=["Metadata_Image", "Class"]))


def test_a_wide_image_is_seen_to_both_ends():
    given = bands((64, 256))
    method = ImageClassifier(size=32, widths=(8, 16), steps=40, every=10, batch=8, intensity="range", device="cpu")
    crops = method._crops(CellImages(given.images))
    assert [round(float(crop.max()), 2) > 0.5 for crop in crops.pixels[:4]] == [False, True, False, True]
    found = method.fit(given).predict(CellImages(given.images))
    assert (found["Class"].to_numpy() == given.table["Class"].to_numpy()).mean() > 0.9
    with pytest.raises(InputError, match="Several images are called i0"):
        method.predict(CellImages(given.images[:1] * 2))


def test_images_are_seen_wholly_by_a_network_that_saw_cells(encoder, tmp_path):
    plain = CellEncoder(**SMALL, steps=3, every=3, task="views").fit(CellImages(examples().images, examples().labels))
    started = ImageClassifier(start=str(plain.save(tmp_path / "e.zip")), size=48, intensity="range")
    image = np.zeros((256, 256), np.uint8)
    image[:, :40] = 200
    crops = started._crops(CellImages([image]))
    assert crops.pixels.shape[2:] == (16, 16) and crops.pixels[0, 0, 8, 0] > crops.pixels[0, 0, 8, 8]


def test_checkpoints_of_another_lesson_are_refused(tmp_path):
    small = dict(**SMALL, steps=4, every=2)
    CropClassifier(**small).fit(examples(), folder=tmp_path)
    again = CropClassifier(**small).fit(examples(), folder=tmp_path)  # the same goes on
    assert again.history_.steps == 4
    changed = examples()
    changed.table["Class"] = changed.table["Class"].map({"disc": "square", "square": "disc"})
    with pytest.raises(RequestError, match="with other images or classes"):
        CropClassifier(**small).fit(changed, folder=tmp_path)
    with pytest.raises(RequestError, match="size was 16 and is now 24"):
        CropClassifier(**small | {"size": 24}).fit(examples(), folder=tmp_path)


def test_a_training_does_not_go_on_with_other_settings(encoder, tmp_path):
    small, given = dict(**SMALL, steps=4, every=2), CellImages(examples().images, examples().labels)
    CropClassifier(**small).fit(examples(), folder=tmp_path / "classes")
    CellEncoder(**small, task="views").fit(given, folder=tmp_path / "features")
    for other in ({"learning_rate": 0.01}, {"batch": 8}, {"every": 4}):
        (name,) = other
        with pytest.raises(RequestError, match=f"other settings .{name} was .* and is now {other[name]}[)]"):
            CropClassifier(**small | other).fit(examples(), folder=tmp_path / "classes")
        with pytest.raises(RequestError, match=f"other settings .{name} was .* and is now {other[name]}[)]"):
            CellEncoder(**small | other, task="views").fit(given, folder=tmp_path / "features")
    started = small | {"start": str(encoder.save(tmp_path / "e.zip"))}
    with pytest.raises(RequestError, match="start was '' and is now"):
        CropClassifier(**started).fit(examples(), folder=tmp_path / "classes")
    longer = small | {"steps": 6, "patience": 2, "views": 2}
    assert CropClassifier(**longer).fit(examples(), folder=tmp_path / "classes").history_.steps == 6


def test_an_encoder_goes_on_where_its_targets_differ_in_the_last_digits(tmp_path, monkeypatch):
    small, given = dict(**SMALL, steps=2, every=2), CellImages(examples().images, examples().labels)
    CellEncoder(**small).fit(given, folder=tmp_path)
    module = "micrographia.classify.crops.encoder.crop_measurements"
    monkeypatch.setattr(module, lambda pixels, **_: np.nextafter(crop_measurements(pixels), np.float32(9)))
    assert CellEncoder(**small | {"steps": 4}).fit(given, folder=tmp_path).history_.steps == 4
    other = CellImages(given.images, [np.where(label == 1, 0, label) for label in given.labels])
    with pytest.raises(RequestError, match="with other images"):
        CellEncoder(**small).fit(other, folder=tmp_path)


def test_what_is_measured_is_kept_block_by_block_and_not_measured_again(tmp_path, monkeypatch):
    given = CellImages(examples(3).images, examples(3).labels)
    crops = cell_crops(given, CropPlan(16, mask=True, intensity="range")).pixels
    monkeypatch.setattr(measuring, "_BLOCK", 7)
    seen, sizes = [], []
    before = measuring.measure_cells
    monkeypatch.setattr(measuring, "measure_cells", lambda *given, **more: seen.append(1) or before(*given, **more))

    def watch(blocks):
        for number, block in enumerate(blocks):
            if number == 2:
                raise KeyboardInterrupt
            sizes.append(len(block))
            yield block

    with pytest.raises(KeyboardInterrupt):
        crop_measurements(crops, folder=tmp_path, watch=watch)
    kept = sorted(tmp_path.rglob("*.npz"))
    assert sizes == [7, 7] and len(seen) == 14 and len(kept) == 2
    kept[0].write_bytes(kept[0].read_bytes()[:-40])
    found = crop_measurements(crops, folder=tmp_path)
    assert len(seen) == 14 + 7 + 4  # the damaged block and the last
    np.testing.assert_array_equal(crop_measurements(crops, folder=tmp_path), found)
    assert len(seen) == 25
    whole = bytearray(kept[1].read_bytes())
    whole[whole.index(b"PK\x01\x02") + 10] = 99  # a compression that zipfile does not know
    kept[1].write_bytes(whole)
    np.testing.assert_array_equal(crop_measurements(crops, folder=tmp_path), found)
    with zipfile.ZipFile(kept[0], "w") as archive:
        archive.writestr("features.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4' ")  # a bracket is open
    np.testing.assert_array_equal(crop_measurements(crops, folder=tmp_path), found)
    del seen[25:]
    np.testing.assert_array_equal(crop_measurements(crops), found)
    crops[0, 0, 8, 8] += 0.25
    crop_measurements(crops, folder=tmp_path)
    assert len(seen) == 25 + 18 + 7


def test_a_training_does_not_go_on_from_another_encoder_of_the_same_name(encoder, tmp_path):
    start = encoder.save(tmp_path / "e.zip")
    small = dict(**SMALL, steps=2, every=2, start=str(start))
    CropClassifier(**small).fit(examples(), folder=tmp_path / "t")
    CropClassifier(**small).fit(examples(), folder=tmp_path / "t")
    frozen = small | {"frozen": True, "folds": 2, "views": 1}
    first = CropClassifier(**frozen).fit(examples(), folder=tmp_path / "f").judged_.scores
    given = CellImages(examples().images, examples().labels)
    CellEncoder(**SMALL, steps=2, every=2, task="views", seed=5).fit(given).save(start)
    with pytest.raises(RequestError, match="other settings .start was '.*e.zip, SHA-256 .*' and is now '.*e.zip, SHA"):
        CropClassifier(**small).fit(examples(), folder=tmp_path / "t")
    other = CropClassifier(**frozen).fit(examples(), folder=tmp_path / "f").judged_.scores
    assert not np.array_equal(first.probabilities, other.probabilities)


@pytest.mark.parametrize("task", ["measurements", "views"])
@pytest.mark.parametrize("mask", [True, False])
def test_an_encoder_of_images_that_show_nothing_is_refused_before(tmp_path, task, mask):
    labels = [field(k)[1] for k in range(2)]
    plain = CellImages([np.full(label.shape, 70, np.uint8) for label in labels], labels)
    method = CellEncoder(**SMALL, steps=2, every=2, task=task, mask=mask)
    with pytest.raises(InputError, match="No crop shows anything"):
        method.fit(plain, folder=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    method.fit(CellImages([plain.images[0], field(1)[0][0]], labels))


def test_empty_images_may_come_first_and_deep_networks_are_refused_before(tmp_path):
    given = bands((32, 32), 10)
    dark = [Image(np.zeros((32, 32), np.uint8), "YX", name=image.name) for image in given.images[:4]]
    given = ClassifiedImages(dark + list(given.images[4:]), given.table)
    method = ImageClassifier(size=16, widths=(4, 8), steps=2, every=2, batch=4, intensity="range", device="cpu")
    assert method.fit(given).save(tmp_path / "m.zip").exists()
    with pytest.raises(RequestError, match="at most 4 for crops of 16 pixels"):
        CropClassifier(**SMALL | {"widths": (4,) * 5}).fit(examples())


@pytest.mark.parametrize("number", [np.nan, "x", 1.5])
def test_a_label_that_is_no_number_is_named(number):
    given = examples(2)
    given.table["ObjectNumber"] = given.table["ObjectNumber"].astype(object)
    given.table.loc[3, "ObjectNumber"] = number
    with pytest.raises(InputError, match="ObjectNumber holds .* for an object of f0.tif"):
        CropClassifier(**SMALL, steps=2).fit(given)


def test_models_of_former_versions_that_had_more_parameters_open(tmp_path, monkeypatch):
    stored = {"mask": False, "diameter": 0.0, **ImageClassifier(**SMALL, tiles=2).parameters()}
    method = ImageClassifier(**SMALL | {"steps": 2, "every": 2, "batch": 4}).fit(bands((32, 64), 12))
    monkeypatch.setattr(method, "parameters", lambda: stored)
    assert ImageClassifier.load(method.save(tmp_path / "m.zip")).tiles == 2
