"""Painting, erasing, undo and redo against a dense label image that is painted over again from the start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.painting.stroke_history import StrokeHistory
from micrographia.classify.painting.stroke_pieces import stroke_pieces

SHAPE = (6, 7)


def dense(history):
    labelled = history.labelled()
    image = np.zeros(SHAPE, int)
    image.reshape(-1)[labelled.pixels] = labelled.labels
    return image


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(["add", "add", "undo", "redo"]), st.integers(0, 3), st.integers(0, 999))))
def test_every_state_is_what_painting_over_gives(steps):
    history, done, undone = StrokeHistory(SHAPE), [], []
    versions = [history.version]
    for what, label, seed in steps:
        rng = np.random.default_rng(seed)
        before = len(done)
        if what == "add":
            where = np.stack([rng.integers(0, n, 5) for n in SHAPE], 1)
            history.add(where, label) if label else history.erase(where)
            done.append((where, label))
            undone.clear()
            before = -1
        elif what == "undo":
            history.undo()
            if done:
                undone.append(done.pop())
        else:
            history.redo()
            if undone:
                done.append(undone.pop())
        expected, stroke = np.zeros(SHAPE, int), np.full(SHAPE, -1)
        for number, (where, value) in enumerate(done):
            expected[tuple(where.T)] = value
            stroke[tuple(where.T)] = number
        np.testing.assert_array_equal(dense(history), expected)
        labelled = history.labelled()
        assert (np.diff(labelled.pixels) > 0).all()
        np.testing.assert_array_equal(labelled.strokes, stroke.reshape(-1)[labelled.pixels])
        assert labelled.version == history.version
        assert (history.version > versions[-1]) == (len(done) != before), "a version says that something changed"
        versions.append(history.version)


def test_a_version_never_comes_back():
    history = StrokeHistory(SHAPE)
    seen = [history.version, history.add(np.array([[1, 1]]), 1), history.undo(), history.redo(), history.undo()]
    seen.append(history.add(np.array([[2, 2]]), 2))
    assert len(set(seen)) == len(seen)
    assert history.redo() == seen[-1], "what was undone before a new stroke is gone"


@pytest.mark.parametrize(
    "where, label, message",
    [
        (np.array([[1, 7]]), 1, r"1 of 1 pixels of the stroke lie outside the image of 6 x 7 pixels, .* \(1, 7\)"),
        (np.array([[-1, 0], [0, 0]]), 1, "1 of 2 pixels"),
        (np.array([[1, 2, 3]]), 1, "2 whole numbers each"),
        (np.array([[1.5, 2]]), 1, "whole numbers"),
        (np.zeros((0, 2), int), 1, "whole numbers"),
        (np.array([[1, 2]]), 101, "no class 101; there are at most 100"),
        (np.array([[1, 2]]), 0, "no class 0"),
        (np.array([[1, 2]]), -1, "whole number from 1, not -1"),
        (np.array([[1, 2]]), 1.5, "whole number from 1, not 1.5"),
        (np.array([[1, 2]]), True, "whole number from 1, not True"),
        (np.array([[1, 2]]), "1", "whole number from 1, not '1'"),
    ],
)
def test_what_is_no_stroke_is_refused_and_changes_nothing(where, label, message):
    history = StrokeHistory(SHAPE)
    history.add(np.array([[0, 0]]), 1)
    with pytest.raises((InputError, RequestError), match=message):
        history.add(where, label)
    assert history.version == 1 and len(history.labelled().pixels) == 1


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9999), st.lists(st.integers(1, 6), min_size=2, max_size=4), st.sampled_from([0.1, 0.4, 0.9]))
def test_pieces_are_those_of_the_dense_label_image(seed, shape, share):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(shape) < share, rng.integers(1, 4, shape), 0)
    pixels = np.flatnonzero(labels)
    found = stroke_pieces(pixels, labels.reshape(-1)[pixels], shape)
    expected = []
    for label in np.unique(labels[labels > 0]):
        numbers, count = ndimage.label(labels == label, np.ones((3,) * labels.ndim))
        expected += [(np.flatnonzero(numbers == k + 1), label) for k in range(count)]
    assert [label for _, label in found] == [label for _, label in expected]
    for (one, _), (other, _) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
