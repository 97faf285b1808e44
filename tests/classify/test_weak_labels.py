"""Labels that are few, wrong, disputed or known only of wells: what is found, against truths known by construction."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitotic_crops import CYCLE, mitotic_table

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.annotations import Annotations
from micrographia.classify.annotation.consensus import dawid_skene, votes_of
from micrographia.classify.annotation.object_rows import ObjectRows
from micrographia.classify.learners.classifiers import class_weights
from micrographia.classify.learners.logistic import fit_logistic
from micrographia.classify.objects.label_spreading import (
    nearest_neighbours,
    neighbour_graph,
    smooth_labels,
    spread_labels,
)
from micrographia.classify.objects.mislabels import expected_joint, find_mislabels, unseen_probabilities
from micrographia.classify.objects.multiple_instance import find_responders
from micrographia.classify.objects.object_learners import LEARNERS
from micrographia.classify.objects.semi_supervised import GUESSED, learn_semi_supervised
from micrographia.features.feature_table import feature_matrix, groups


def logistic(n_classes, strength=0.1):
    return lambda x, classes, weights: fit_logistic(x, classes, n_classes, weights=weights, strength=strength)


def moons(count, seed):
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 2, count)
    angle = np.pi * rng.random(count) + np.pi * which
    x = np.column_stack([np.cos(angle) + which, np.sin(angle) + which * 0.3]) + rng.normal(0, 0.08, (count, 2))
    return x.astype(np.float32), which


# Several annotators


def test_dawid_skene_weighs_annotators_by_their_skill():
    """One good annotator against three who call class 1 mostly 0: the majority is wrong, the estimate right."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 600)
    votes = []
    for right in ((0.97, 0.97), (0.97, 0.45), (0.97, 0.45), (0.97, 0.45)):
        sure = rng.random(600) < np.array(right)[truth]
        votes.append(np.where(sure, truth, 1 - truth))
    votes = np.array(votes)
    votes[rng.random(votes.shape) < 0.1] = -1
    found = dawid_skene(votes, 2)
    judged = found.classes >= 0
    majority = np.array([np.bincount(v[v >= 0], minlength=2).argmax() for v in votes.T])
    assert (found.classes == truth)[judged].mean() > 0.93 > (majority == truth)[judged].mean() + 0.05
    np.testing.assert_allclose(
        np.diagonal(found.confusion, axis1=1, axis2=2)[:2], [[0.97, 0.97], [0.97, 0.45]], atol=0.07
    )
    assert found.skill.argmax() == 0
    np.testing.assert_array_equal(judged, (votes >= 0).any(axis=0))


def test_skill_counts_only_classes_that_an_annotator_met():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 8, 300)
    others = [np.where(rng.random(300) < right, truth, rng.integers(0, 8, 300)) for right in (0.95, 0.9, 0.9)]
    some = truth < 3
    expert, wrong = np.where(some, truth, -1), np.where(some, (truth + 1) % 3, -1)
    skill = dawid_skene(np.stack([*others, expert, wrong, np.full(300, -1)]), 8).skill
    assert skill[3] > 0.95 and skill[4] < 0.05 and np.isnan(skill[5])


@pytest.mark.parametrize("count", [60, 300, 3000])
def test_skill_is_the_share_of_right_votes_however_many_there_are(count):
    """The mistakes of the others, who put objects into classes that one never saw, grow with the number of objects."""
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(10):
        truth = rng.integers(0, 4, count)
        other = (truth + rng.integers(1, 4, (5, count))) % 4
        votes = np.where(rng.random((5, count)) < np.array([0.9, 0.8, 0.8, 0.95, 0])[:, None], truth, other)
        votes[3:, truth > 1] = -1
        right = (votes == truth).sum(axis=1) / (votes >= 0).sum(axis=1)
        missed.append(dawid_skene(votes, 4).skill - right)
    np.testing.assert_allclose(np.mean(missed, axis=0), 0, atol=0.05)
    assert np.max(missed, axis=0)[4] < 0.1


def test_a_session_of_several_annotators_becomes_votes():
    rows = ObjectRows(pd.DataFrame({"ObjectNumber": [5, 6, 7]}))
    with Annotations(None, rows.keys) as session:
        session.add_class("a")
        session.add_class("b")
        session.annotate([(5,), (6,)], "a", "Anna")
        session.annotate([(6,)], "b", "Ben")
        votes, names = votes_of(session, rows)
    assert names == ("Anna", "Ben")
    np.testing.assert_array_equal(votes, [[0, 0, -1], [-1, 1, -1]])
    np.testing.assert_array_equal(dawid_skene(votes, 2).classes[[0, 2]], [0, -1])


def test_annotators_who_agree_are_believed():
    votes = np.tile([0, 1, 2, -1], (3, 1))
    found = dawid_skene(votes, 3)
    np.testing.assert_array_equal(found.classes, [0, 1, 2, -1])
    assert np.nanmin(found.probabilities.max(axis=0)[:3]) > 0.99
    with pytest.raises(InputError, match="Nobody"):
        dawid_skene(np.full((2, 3), -1), 2)


# Few labels


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 12))
def test_neighbours_are_the_nearest(seed, n, k):
    points = np.random.default_rng(seed).normal(0, 1, (n, 3))
    rows, distance = nearest_neighbours(points, k)
    every = np.sqrt(((points[:, None] - points) ** 2).sum(2))
    np.fill_diagonal(every, np.inf)
    np.testing.assert_allclose(np.sort(distance, 1), np.sort(every, 1)[:, : min(k, n - 1)], rtol=1e-4, atol=1e-5)
    assert (rows != np.arange(n)[:, None]).all()


def test_spreading_is_the_closed_form():
    """F = (1 - a) (I - a S)^-1 Y (equation 3 of the paper), with every class weighing the same."""
    x, which = moons(120, 0)
    classes = np.full(120, -1)
    classes[:9] = which[:9]
    graph = neighbour_graph(x, 6)
    w = graph.toarray()
    np.testing.assert_array_equal(w, w.T)
    root = 1 / np.sqrt(w.sum(1))
    y = np.eye(2)[np.where(classes < 0, 0, classes)] * (classes >= 0)[:, None]
    y /= y.sum(0)
    f = np.linalg.solve(np.eye(120) - 0.9 * root[:, None] * w * root, 0.1 * y)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(spread_labels(graph, classes, 2), (f / f.sum(1, keepdims=True)).T, atol=2e-3)


def test_smoothing_believes_given_classes_and_neighbours():
    x = np.concatenate([np.random.default_rng(0).normal(m, 0.1, (20, 2)) for m in (0, 5)])
    graph = neighbour_graph(x, 5)
    said = np.full((2, 40), 0.5)
    said[:, :20], said[:, 20:] = [[0.6], [0.4]], [[0.3], [0.7]]
    said[:, 7] = [0.1, 0.9]  # one dissenter
    p = smooth_labels(graph, np.full(40, -1), said)
    others = np.arange(20) != 7
    assert (p[0, :20][others] > 0.5).all() and (p[1, 20:] > 0.5).all() and p[0, 7] > 0.3
    np.testing.assert_allclose(p.sum(0), 1, rtol=1e-5)
    given = smooth_labels(graph, np.where(np.arange(40) < 10, 1, -1), said)
    assert (given[1, :10] > 0.5).all() and given[1, 15] > p[1, 15]


def test_spreading_is_scikit_learns_accuracy_on_moons():
    from sklearn.semi_supervised import LabelSpreading

    x, which = moons(400, 1)
    classes = np.full(400, -1)
    classes[[np.flatnonzero(which == k)[0] for k in (0, 1)]] = [0, 1]
    own = (spread_labels(neighbour_graph(x), classes, 2).argmax(0) == which).mean()
    theirs = (LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.9).fit(x, classes).transduction_ == which).mean()
    assert own > 0.97 and own >= theirs - 0.01


def test_objects_apart_from_all_labelled_ones_get_no_class():
    x = np.concatenate([np.random.default_rng(0).normal(m, 0.1, (15, 2)) for m in (0, 5, 100)])
    classes = np.full(45, -1)
    classes[[0, 15]] = [0, 1]
    p = spread_labels(neighbour_graph(x, 5), classes, 2)
    assert (p[0, :15] > 0.9).all() and (p[1, 15:30] > 0.9).all() and np.isnan(p[:, 30:]).all()
    with pytest.raises(InputError, match="No object has a class"):
        spread_labels(neighbour_graph(x, 5), np.full(45, -1), 2)


@pytest.mark.parametrize("way", ["spreading", "self-training"])
def test_unlabelled_objects_teach_any_classifier(way):
    x, which = moons(500, 2)
    classes = np.full(400, -1)
    # The labelled ones lie at one end of each moon.
    ends = [np.flatnonzero(which[:400] == k)[np.argsort(x[:400][which[:400] == k, 0])[:4]] for k in (0, 1)]
    classes[ends[0]], classes[ends[1]] = 0, 1

    def learn(features, labels, weights):
        return LEARNERS["knn"].learn(features, labels, 2, weights, 50, 0, k=3)

    def right(model):
        return (model.predict(x[400:].T).argmax(0) == which[400:]).mean()

    alone = learn_semi_supervised(learn, x[:400].T, classes, 2, way, guessed=0)
    both = learn_semi_supervised(learn, x[:400].T, classes, 2, way, guessed=1)
    assert right(both) > right(alone) + 0.03
    assert way != "spreading" or right(both) > 0.95
    supervised = learn(np.ascontiguousarray(x[:400].T[:, classes >= 0]), classes[classes >= 0], np.ones(8, np.float32))
    np.testing.assert_array_equal(alone.predict(x[400:].T), supervised.predict(x[400:].T))


@pytest.mark.parametrize("way", GUESSED)
def test_unlabelled_objects_help_where_features_are_many(way):
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(5):
        which = rng.integers(0, 2, 900)
        x = rng.normal(0, 1, (30, 900)).astype(np.float32)
        x[:4] += 2 * which - 1
        classes = np.full(600, -1)
        for k in (0, 1):
            classes[np.flatnonzero(which[:600] == k)[:6]] = k
        learn = logistic(2)
        scores = []
        for guessed in (0, None):
            model = learn_semi_supervised(learn, x[:, :600], classes, 2, way, guessed=guessed)
            scores.append((model.predict(x[:, 600:]).argmax(0) == which[600:]).mean())
        gains.append(scores[1] - scores[0])
    assert np.mean(gains) > 0.01


def test_semi_supervised_bad_requests():
    x, which = moons(20, 0)
    with pytest.raises(RequestError, match="spreading, smoothing, self-training"):
        learn_semi_supervised(logistic(2), x.T, which, 2, "hoping")
    with pytest.raises(InputError, match="No object has a class"):
        learn_semi_supervised(logistic(2), x.T, np.full(20, -1), 2)
    with pytest.raises(InputError, match="All labelled"):
        learn_semi_supervised(logistic(2), x.T, np.where(np.arange(20) < 3, 0, -1), 2)


# Wrong labels


def noisy(seed, classes=4, count=400, wrong=0.1):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    p = rng.dirichlet(np.full(classes, 0.4), count)
    p[np.arange(count), truth] += 1.5 * rng.random(count) + 0.5
    p /= p.sum(1, keepdims=True)
    flipped = rng.random(count) < wrong
    labels = np.where(flipped, (truth + rng.integers(1, classes, count)) % classes, truth)
    return p.T, labels, flipped


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_same_labels_as_cleanlab(seed):
    cleanlab = pytest.importorskip("cleanlab", reason="cleanlab, the reference implementation, is not installed")
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues

    assert cleanlab
    p, labels, _ = noisy(seed)
    joint = compute_confident_joint(labels, p.T, calibrate=True)
    np.testing.assert_allclose(expected_joint(p, labels), joint, atol=1.0)
    theirs = find_label_issues(labels, p.T, filter_by="prune_by_noise_rate", min_examples_per_class=0)
    own = np.zeros(len(labels), bool)
    own[find_mislabels(p, labels, "confident").rows] = True
    assert (own & theirs).sum() >= 0.8 * (own | theirs).sum()


@pytest.mark.parametrize(("way", "most"), [("noise", 1), ("confident", 2)])
def test_flipped_labels_are_found_worst_first(way, most):
    p, labels, flipped = noisy(0)
    found = find_mislabels(p, labels, way)
    assert flipped[found.rows].mean() > 0.8 and flipped[found.rows].sum() > 0.7 * flipped.sum()
    assert (np.diff(found.score) <= 0).all() and 0 < found.score.min() <= found.score.max() <= most
    assert found.estimated == pytest.approx(flipped.mean(), abs=0.04)
    np.testing.assert_array_equal(found.likely, p[:, found.rows].argmax(0))
    assert len(find_mislabels(0.9 * np.eye(3)[:, [0, 1, 2, 0] * 9] + 0.033, np.array([0, 1, 2, 0] * 9), way).rows) == 0
    hidden = p.copy()
    hidden[:, ::3] = np.nan
    assert (find_mislabels(hidden, labels, way).rows % 3 != 0).all()
    assert len(find_mislabels(np.full_like(p, np.nan), labels, way).rows) == 0
    with pytest.raises(InputError, match="do not fit"):
        find_mislabels(p, labels[:-1], way)
    with pytest.raises(InputError, match="do not fit"):
        find_mislabels(p[:2], labels, way)
    with pytest.raises(RequestError, match="noise or confident"):
        find_mislabels(p, labels, "guess")


def test_classes_that_are_often_confused_are_no_noise():
    """The classifier takes one class for another one half of the time; no label is wrong."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 800)
    p = np.full((4, 800), 0.02)
    like = rng.uniform(0.1, 0.84, 800)
    p[labels, np.arange(800)] = like
    p[labels ^ 1, np.arange(800)] = 0.96 - like
    assert len(find_mislabels(p, labels).rows) == 0 and find_mislabels(p, labels).estimated < 0.02


def test_no_object_is_judged_by_a_model_that_saw_its_well():
    wells = np.repeat([f"w{k}" for k in range(6)], 5)
    classes = np.tile([0, 1, 0, 1, 0], 6)
    seen = []

    class Noted:
        def __init__(self, mask):
            self.taught = set(wells[mask])

        def predict(self, features):
            seen.extend({wells[int(i)] for i in features[0]} & self.taught)
            return np.full((2, features.shape[1]), 0.5)

    p = unseen_probabilities(Noted, np.arange(30, dtype=np.float32)[None], classes, 2, wells, folds=3)
    assert not seen and np.isfinite(p).all()
    with pytest.raises(InputError, match="one well"):
        unseen_probabilities(Noted, np.zeros((1, 30)), classes, 2, np.full(30, "w"))


def test_flipped_labels_of_real_cells(data_dir):
    """Five classes of mitocheck, quick features, a tenth flipped, judged by other wells."""
    table = mitotic_table(data_dir)
    names, truth = np.unique(table["Class"], return_inverse=True)
    x = np.ascontiguousarray(feature_matrix(table).T)
    rng = np.random.default_rng(1)
    flipped = rng.random(len(truth)) < 0.1
    labels = np.where(flipped, (truth + rng.integers(1, len(names), len(truth))) % len(names), truth)

    def learn(mask):
        weights = class_weights(labels[mask], len(names))
        return fit_logistic(x[:, mask], labels[mask], len(names), weights=weights, strength=0.01)

    found = find_mislabels(unseen_probabilities(learn, x, labels, len(names), groups(table)), labels)
    assert flipped[found.rows].sum() > 0.5 * flipped.sum()
    assert flipped[found.rows].mean() > 0.6


@pytest.mark.parametrize("way", list(GUESSED))
def test_semi_supervised_refuses_what_does_not_fit(way):
    x, which = moons(20, 0)
    learn, classes = logistic(2), np.where(np.arange(20) < 12, which, -1)
    broken = x.copy()
    broken[15, 0] = np.nan
    for features, labels, said in (
        (broken, classes, "NaN or infinite, first object 15"),
        (x, classes[:10], "do not fit 20 objects"),
        (x, classes.astype(float), "whole numbers"),
        (x, classes.astype(str), "whole numbers"),
        (x, classes + 1, "numbered 0 to 1"),
        (x[:, 0], classes, "Features"),
    ):
        with pytest.raises(InputError, match=said):
            learn_semi_supervised(learn, features.T, labels, 2, way)
    with pytest.raises(InputError, match="5 points do not fit"):
        learn_semi_supervised(learn, x.T, classes, 2, way, points=x[:5])
    with pytest.raises(RequestError, match="at least 0, not -1"):
        learn_semi_supervised(learn, x.T, classes, 2, way, guessed=-1)


def test_graphs_refuse_what_does_not_fit():
    x, which = moons(20, 0)
    graph = neighbour_graph(x)
    with pytest.raises(InputError, match="NaN or infinite, first object 3"):
        neighbour_graph(np.where(np.arange(20)[:, None] == 3, np.inf, x))
    with pytest.raises(RequestError, match="at least one neighbour"):
        neighbour_graph(x, 0)
    for alpha in (-0.1, 1.0, np.nan):
        with pytest.raises(RequestError, match="alpha of 0 to below 1"):
            spread_labels(graph, which, 2, alpha=alpha)
        with pytest.raises(RequestError, match="alpha of 0 to below 1"):
            smooth_labels(graph, which, np.full((2, 20), 0.5), alpha=alpha)
    for p, said in ((np.full((20, 2), 0.5), "do not fit"), (np.full((1, 20), 1.0), "numbered 0 to 0"),
                    (np.full((2, 20), np.nan), "NaN")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            smooth_labels(graph, which, p)
    with pytest.raises(InputError, match="numbered 0 to 0"):
        spread_labels(graph, which, 1)


# Classes known of wells only


def test_responding_cells_are_found_in_treated_wells():
    rng = np.random.default_rng(0)
    wells = np.repeat([f"w{k}" for k in range(12)], 60)
    kind = np.repeat([0] * 6 + [1] * 6, 60)
    share = np.repeat([0] * 6 + [0.1, 0.2, 0.3, 0.5, 0.7, 0.9], 60)
    responds = rng.random(720) < share
    x = rng.normal(0, 1, (20, 720)).astype(np.float32)
    x[:3] += 2.0 * responds
    found = find_responders(logistic(2), x, kind, wells)
    treated = kind == 1
    assert ((found.probabilities > 0.5) == responds)[treated].mean() > 0.93
    assert (found.probabilities[~treated] == 0).all()
    truth = [responds[wells == well].mean() for well in found.shares]
    np.testing.assert_allclose(list(found.shares.values()), truth, atol=0.15)
    assert (found.model.predict(x[:, treated]).argmax(0) == responds[treated]).mean() > 0.93


def test_a_treatment_without_effect_finds_hardly_any():
    rng = np.random.default_rng(1)
    wells, kind = np.repeat([f"w{k}" for k in range(8)], 50), np.repeat([0] * 4 + [1] * 4, 50)
    found = find_responders(logistic(2), rng.normal(0, 1, (10, 400)).astype(np.float32), kind, wells)
    assert found.probabilities[kind == 1].mean() < 0.15


def test_real_cells_among_interphase_ones_are_found(data_dir):
    """Wells put together from mitocheck: 30 % prometaphase among interphase and polylobed cells (AUC 0.95)."""
    from sklearn.metrics import roc_auc_score

    table = mitotic_table(data_dir, ("Interphase", "Polylobed", "Prometaphase"), 240)
    x = feature_matrix(table).T
    rng = np.random.default_rng(0)
    quiet = rng.permutation(np.flatnonzero(table["Class"] != "Prometaphase"))
    mitotic = rng.permutation(np.flatnonzero(table["Class"] == "Prometaphase"))[:96]
    rows = np.concatenate([quiet[:240], quiet[240:464], mitotic])
    wells = np.array([f"c{k % 6}" for k in range(240)] + [f"t{k % 8}" for k in range(320)])
    kind = np.array([0] * 240 + [1] * 320)
    found = find_responders(logistic(2, 0.01), np.ascontiguousarray(x[:, rows]), kind, wells)
    responds = np.array([0] * 224 + [1] * 96)
    assert roc_auc_score(responds, found.probabilities[240:]) > 0.93
    assert np.mean(list(found.shares.values())) == pytest.approx(0.3, abs=0.1)


def test_shares_of_well_separated_cells_are_not_far_too_small():
    """Before ratios were scaled, 0.19 of 0.3 was found."""
    rng = np.random.default_rng(0)
    wells, kind = np.repeat([f"w{k}" for k in range(8)], 100), np.repeat([0] * 4 + [1] * 4, 100)
    responds = (kind == 1) & (rng.random(800) < 0.3)
    x = rng.normal(0, 1, (20, 800)).astype(np.float32)
    x[0] += 4 * responds
    found = find_responders(logistic(2, 0.01), x, kind, wells)
    assert np.mean(list(found.shares.values())) == pytest.approx(responds[kind == 1].mean(), abs=0.05)


def test_one_responding_well_of_several_is_found():
    """Without this well a fold holds no cell that responds, and nothing can be learned there."""
    rng = np.random.default_rng(13)
    wells, kind = np.repeat([f"w{k}" for k in range(8)], 60), np.repeat([0, 1], 240)
    responds = (rng.random(480) < 0.25) & (wells == "w5")
    x = rng.normal(0, 1, (6, 480))
    x[:3] += 3 * responds
    found = find_responders(logistic(2, 0.03), x.astype(np.float32), kind, wells)
    assert found.shares["w5"] > 0.2 > 0.05 > max(found.shares[well] for well in ("w4", "w6", "w7"))


def test_wells_that_cannot_tell_are_refused():
    x, wells = np.zeros((2, 8), np.float32), np.repeat(["a", "b", "c", "d"], 2)
    with pytest.raises(InputError, match="control wells and treated wells"):
        find_responders(logistic(2), x, np.zeros(8, int), wells)
    with pytest.raises(InputError, match="The well b has two classes"):
        find_responders(logistic(2), x, np.array([0, 0, 0, 1, 1, 1, 1, 1]), wells)
    with pytest.raises(InputError, match="one well of the controls"):
        find_responders(logistic(2), x, np.array([0, 0, 1, 1, 1, 1, 1, 1]), wells)
    with pytest.raises(InputError, match="whole number: 0 for controls"):
        find_responders(logistic(2), x, np.array([-1, -1, 0, 0, 1, 1, 1, 1]), wells)
    with pytest.raises(InputError, match="of the same cells"):
        find_responders(logistic(2), x, np.array([0, 0, 1, 1]), wells[:4])


def test_names_of_the_cycle_are_in_the_data(data_dir):
    assert set(mitotic_table(data_dir, most=2)["Class"]) == set(CYCLE)


def test_neighbours_do_not_depend_on_the_origin() -> None:
    points = np.random.default_rng(0).normal(size=(60, 4))
    near, far = nearest_neighbours(points, 5), nearest_neighbours(points + 1e5, 5)
    assert all(set(a) == set(b) for a, b in zip(near[0].tolist(), far[0].tolist(), strict=True))
