"""Confident learning against a plain reading of the paper, and strokes that were given the wrong class on purpose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.contradictions import (
    confident_joint,
    confident_thresholds,
    contradicting,
    contradictions,
)


def noisy(seed, classes, count=200, wrong=0.1):
    """Probabilities (K, N), and labels of which some are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    p = rng.dirichlet(np.full(classes, 0.5), count)
    p[np.arange(count), truth] += 2 * rng.random()
    p /= p.sum(1, keepdims=True)
    labels = np.where(rng.random(count) < wrong, rng.integers(0, classes, count), truth)
    return p.T, labels


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_the_joint_is_counted_as_the_paper_says(seed, classes):
    p, labels = noisy(seed, classes)
    thresholds = [p[j, labels == j].mean() if (labels == j).any() else np.inf for j in range(classes)]
    joint, issues = np.zeros((classes, classes), int), []
    for n, given_label in enumerate(labels):
        reached = [j for j in range(classes) if p[j, n] >= thresholds[j] - 1e-6]
        if reached:
            likely = max(reached, key=lambda j: p[j, n])
            joint[given_label, likely] += 1
            if likely != given_label and p[:, n].argmax() != given_label:
                issues.append(n)
    np.testing.assert_allclose(confident_thresholds(p, labels), thresholds)
    np.testing.assert_array_equal(confident_joint(p, labels), joint)
    assert sorted(contradicting(p, labels)) == issues


def test_pixels_that_were_never_out_of_bag_are_not_judged():
    p, labels = noisy(1, 3)
    hidden = p.copy()
    hidden[:, ::4] = np.nan
    kept = np.arange(len(labels)) % 4 != 0
    np.testing.assert_array_equal(confident_joint(hidden, labels), confident_joint(p[:, kept], labels[kept]))
    assert not set(contradicting(hidden, labels)) & set(range(0, len(labels), 4))


def test_a_class_without_a_label_is_nobodys_likely_class():
    p, labels = noisy(2, 3)
    labels[labels == 2] = 0
    assert confident_joint(p, labels)[:, 2].sum() == 0


def test_the_wrong_stroke_is_named_first():
    strokes = np.repeat(np.arange(10, 20), 8)
    truth = np.repeat(np.arange(10) % 2, 8)
    labels = truth.copy()
    labels[strokes == 14] = 1 - truth[strokes == 14]
    sure = np.where(strokes == 14, 0.9, np.linspace(0.7, 0.9, 80))
    p = np.where(truth == np.arange(2)[:, None], sure, 1 - sure)
    (found,) = contradictions(p, labels, strokes)
    assert (found.stroke, found.given, found.likely, found.share) == (14, labels[32] + 1, truth[32] + 1, 1)
    assert sorted(found.pixels) == list(range(32, 40))
    assert found.confidence == pytest.approx(0.8)


def test_agreeing_strokes_are_left_alone():
    labels = np.repeat([0, 1, 2], 20)
    p = np.where(labels == np.arange(3)[:, None], 0.9, 0.05)
    assert contradictions(p, labels, np.arange(60) // 5) == []


@pytest.mark.parametrize(
    "labels, strokes, message",
    [
        ([0, 1], [1, 1, 2], "one label and one stroke for each pixel"),
        ([0, 1, 1], [1, 1, 2], "Stroke 1 has pixels of two classes"),
        ([0, 2, 1], [1, 2, 3], "there are 2 classes"),
    ],
)
def test_what_does_not_belong_together_is_refused(labels, strokes, message):
    with pytest.raises(InputError, match=message):
        contradictions(np.full((2, 3), 0.5), np.array(labels), np.array(strokes))
