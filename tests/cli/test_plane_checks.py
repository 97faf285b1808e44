"""What is said of the planes of a stack and of large planes holds for all of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_pictures import spots

from micrographia.arrays.image import Image
from micrographia.cli import plane_checks
from micrographia.cli.plane_checks import check_large, said_together
from micrographia.cli.run_record import NAME
from micrographia.io import write
from micrographia.segment.lazy_planes import LazyPlane

EMPTY = "all pixels have the same value: the image is empty."


def outcome(folder):
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    return next(line["outcome"] for line in lines if "outcome" in line)


def test_sentences_of_planes_are_said_once_with_their_planes():
    same, blurred = "Taken for a dark image.", "Out of focus: edges are {}% wide."
    assert said_together([[same]]) == [same]
    assert said_together([[same], [same]]) == [same]
    assert said_together([[], [same], [same, same], [same], [], [same]]) == ["Planes 2–4, 6: taken for a dark image."]
    assert said_together([["Nothing was found."], [], []]) == ["Plane 1: nothing was found."]
    assert said_together([[blurred.format(n)] for n in (51, 62.5, 57)]) == [
        "Out of focus: edges are 62.5% wide. (The numbers are those of plane 2.)"
    ]


def test_the_same_is_said_of_each_channel():
    full = "Saturated in channel {}: {}% of the object pixels have the largest value."
    first, second = [full.format("c0", 5), full.format("c1", 7)], [full.format("c1", 9)]
    assert said_together([first]) == first
    together = said_together([first, second, []])
    assert together[0] == "Plane 1: saturated in channel c0: 5% of the object pixels have the largest value."
    assert together[1].startswith("Planes 1–2: saturated in channel c1: 9%")


@pytest.mark.parametrize("ending", [".tif", ".ome.zarr"])
@pytest.mark.parametrize(
    ("blank", "said"), [((1,), "Plane 2: "), ((2,), "Plane 3: "), ((0, 2), "Planes 1, 3: "), ((1, 2), "Planes 2–3: ")]
)
@pytest.mark.usefixtures("model")
def test_every_plane_of_a_stack_is_checked(run, tmp_path, blank, said, ending):
    stack = np.stack([spots() * 0 + 10 if k in blank else spots() for k in range(3)])
    write(tmp_path / f"s{ending}", stack, axes="TYX")
    assert run("segment", f"s{ending}", "-o", "out")[0] == 0
    found = outcome(tmp_path / "out")
    assert [w for w in found["warnings"] if "empty" in w] == [said + EMPTY]
    assert "Taken for a bright image." in found["notes"]


@pytest.mark.usefixtures("model")
def test_an_image_without_numbers_is_not_called_constant(run, tmp_path):
    write(tmp_path / "n.tif", np.full((64, 64), np.nan, np.float32), axes="YX")
    assert run("segment", "n.tif", "-o", "out")[0] == 0
    found = outcome(tmp_path / "out")
    assert found["warnings"] == ["The image holds no numbers: all pixels are NaN or infinite.", "Nothing was found."]
    assert found["notes"] == []


def large(pixels, labels, objects, step=4):
    plane = LazyPlane.of(Image(pixels, "YX"), {})
    thinned = plane.thinned(step), labels[::step, ::step]
    return check_large(plane, labels, *thinned, objects, step=step, trained_diameter=(5, 20))


@pytest.fixture
def top_only(monkeypatch):
    """A plane of 400² pixels, seen in windows of 100², with objects at its top alone."""
    monkeypatch.setattr(plane_checks, "_WINDOW", 100)
    labels = np.zeros((400, 400), int)
    yy, xx = np.mgrid[:100, :400]
    inside = np.hypot(yy % 20 - 10, xx % 20 - 10) < 6
    labels[:100] = np.where(inside, yy // 20 * 20 + xx // 20 + 1, 0)
    return np.random.default_rng(0).poisson(np.where(labels > 0, 150, 10)), labels


def test_a_large_plane_that_is_empty_in_the_middle_is_not_empty(top_only):
    pixels, labels = top_only
    assert large(pixels, labels, 100) == []
    assert large(pixels * 0, labels * 0, 0) == ["All pixels have the same value: the image is empty."]
    nothing, missed = large(pixels, labels * 0, 0)
    assert nothing == "Nothing was found."
    assert missed.startswith("100% of what stands out")


def test_a_single_artefact_does_not_speak_for_a_large_plane(top_only):
    pixels, labels = top_only
    pixels[220:280, 220:280] = 2000
    assert large(pixels, labels, 100) == []


def test_faults_of_a_large_plane_are_seen_where_its_objects_are(top_only):
    pixels, labels = top_only
    (saturated,) = large(np.where(labels > 0, 255, 10).astype(np.uint8), labels, 100)
    assert saturated.startswith("Saturated: 100%")
    gaps = pixels.astype(float)
    gaps[200:] = np.nan
    assert large(gaps, labels, 100) == [
        "About 50.0% of the pixels are not numbers (NaN or infinite); they were left out."
    ]
    assert large(gaps * np.nan, labels * 0, 0)[0] == "The image holds no numbers: all pixels are NaN or infinite."


@pytest.mark.parametrize("turned", [False, True])
def test_windows_of_a_long_thin_plane_are_where_its_objects_are(turned):
    labels = np.zeros((30, 40_000), int)
    labels[::20, 30_000:30_100] = 1
    labels = labels.T if turned else labels
    pixels = np.random.default_rng(0).poisson(10, labels.shape)
    thinned = Image(pixels[::20, ::20], "YX")
    windows = plane_checks._windows(labels.shape, thinned, labels[::20, ::20], 20)
    assert labels[windows[0]].any()
