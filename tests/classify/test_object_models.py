"""Each classifier predicts from stored arrays what scikit-learn predicts."""

from __future__ import annotations

import numpy as np
import pytest

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.learners.discriminant import fit_discriminant
from micrographia.classify.learners.neighbours import Neighbours, fit_neighbours
from micrographia.classify.learners.perceptron import Perceptron, fit_perceptron
from micrographia.classify.learners.recalibration import Recalibration, fit_isotonic, fit_temperature
from micrographia.classify.learners.support_vectors import SupportVectors, fit_support_vectors
from micrographia.classify.objects.feature_scores import best_features, variance_ratios
from micrographia.classify.objects.object_learners import LEARNERS, stored_model
from micrographia.metrics.calibration import calibration_error, log_loss

pytest.importorskip("sklearn")


def blobs(n_classes: int, seed: int = 0, n: int = 150, features: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds, features (F, N) float32 on one scale."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, n_classes, n)
    centres = rng.normal(size=(n_classes, features))
    return (centres[classes] + rng.normal(size=(n, features))).T.astype(np.float32), classes


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_support_vectors_are_scikit_learns(n_classes: int) -> None:
    from sklearn.svm import SVC

    (x, y), (new, _) = blobs(n_classes), blobs(n_classes, 1)
    weights = np.random.default_rng(2).uniform(0.5, 2, len(y)).astype(np.float32)
    model = fit_support_vectors(x, y, n_classes, weights=weights, strength=3)
    theirs = SVC(C=3, gamma=model.gamma, decision_function_shape="ovo").fit(x.T, y, sample_weight=weights)
    wanted = theirs.decision_function(new.T).reshape(len(new.T), -1).T
    wanted = -wanted if n_classes == 2 else wanted  # positive for the first class of the pair
    np.testing.assert_allclose(model.decisions(new), wanted, atol=1e-5)
    again = SupportVectors.from_arrays(model.arrays())
    np.testing.assert_array_equal(again.predict(new), model.predict(new))
    np.testing.assert_allclose(model.predict(new).sum(axis=0), 1, rtol=1e-5)
    # Probabilities do not vote as scikit-learn's machines do; they must not be worse.
    assert np.mean(model.predict(x).argmax(axis=0) == y) >= np.mean(theirs.predict(x.T) == y) - 0.03


@pytest.mark.parametrize("n_classes", [2, 4])
def test_perceptron_is_scikit_learns(n_classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import neural_network

    kept = []

    class Kept(neural_network.MLPClassifier):
        def fit(self, *args, **kwargs):
            kept.append(self)
            return super().fit(*args, **kwargs)

    monkeypatch.setattr(neural_network, "MLPClassifier", Kept)
    (x, y), (new, _) = blobs(n_classes), blobs(n_classes, 1)
    model = fit_perceptron(x, y, n_classes, seed=4)
    np.testing.assert_allclose(model.predict(new).T, kept[0].predict_proba(new.T), atol=1e-5)
    np.testing.assert_array_equal(Perceptron.from_arrays(model.arrays()).predict(new), model.predict(new))


@pytest.mark.parametrize("k", [1, 7])
def test_neighbours_are_scikit_learns(k: int) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    (x, y), (new, _) = blobs(3), blobs(3, 1)
    model = fit_neighbours(x, y, 3, k=k)
    both = np.concatenate([new, x[:, :5]], axis=1)  # examples themselves are at distance 0
    theirs = KNeighborsClassifier(k, weights="distance").fit(x.T.astype(float), y)
    np.testing.assert_allclose(model.predict(both).T, theirs.predict_proba(both.T.astype(float)), atol=1e-5)
    np.testing.assert_array_equal(Neighbours.from_arrays(model.arrays()).predict(new), model.predict(new))


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("shrinkage", [0.0, 0.2])
def test_discriminant_is_scikit_learns(n_classes: int, shrinkage: float) -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    (x, y), (new, _) = blobs(n_classes), blobs(n_classes, 1)
    mean, spread = x.mean(axis=1, keepdims=True), x.std(axis=1, keepdims=True)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(((x - mean) / spread).T, y)
    wanted = theirs.predict_proba(((new - mean) / spread).T).T
    np.testing.assert_allclose(fit_discriminant(x, y, n_classes, shrinkage=shrinkage).predict(new), wanted, atol=1e-5)


@pytest.mark.parametrize("kind", list(LEARNERS))
def test_a_class_without_examples_is_never_found(kind: str) -> None:
    x, y = blobs(3)
    learner = LEARNERS[kind]
    model = learner.learn(x, 2 * (y > 0), 4, np.ones(len(y), np.float32), 10, 0, **learner.settings[0])
    p = stored_model(kind, model.arrays()).predict(x)
    assert p.shape == (4, len(y)) and not np.isin(p.argmax(axis=0), (1, 3)).any()
    assert np.mean(p.argmax(axis=0) == 2 * (y > 0)) > 0.8


@pytest.mark.parametrize("kind", list(LEARNERS))
def test_damaged_arrays_are_refused(kind: str) -> None:
    x, y = blobs(3)
    model = LEARNERS[kind].learn(x, y, 3, np.ones(len(y), np.float32), 5, 0, **LEARNERS[kind].settings[0])
    arrays = model.arrays()
    first = next(iter(arrays))
    with pytest.raises(InputError, match="incomplete"):
        stored_model(kind, {name: array for name, array in arrays.items() if name != first})
    with pytest.raises(InputError, match="damaged|incomplete"):
        stored_model(kind, arrays | {first: np.zeros((3, 2, 2, 2))})


def test_missing_scikit_learn_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micrographia.classify.learners.scikit_learn.find_spec", lambda name: None)
    x, y = blobs(2)
    for fit in (fit_support_vectors, fit_perceptron):
        with pytest.raises(RequestError, match=r"pip install 'micrographia\[profile\]'"):
            fit(x, y, 2)


def test_temperature_and_curves_calibrate() -> None:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet([0.6, 0.6, 0.6], 8000).T
    truth = (rng.random(8000) > np.cumsum(honest, axis=0)).sum(axis=0).clip(0, 2)
    bold = honest**3 / (honest**3).sum(axis=0)
    for fit in (fit_temperature, fit_isotonic):
        changed = fit(truth, bold)
        assert calibration_error(truth, changed(bold)) < 0.03 < calibration_error(truth, bold)
        assert log_loss(truth, changed(bold)) < log_loss(truth, bold)
        np.testing.assert_array_equal(Recalibration.from_arrays(changed.arrays())(bold), changed(bold))
    assert fit_temperature(truth, bold).temperature == pytest.approx(3, rel=0.1)


def test_features_are_ranked_as_scikit_learn_ranks_them() -> None:
    from sklearn.feature_selection import f_classif

    x, y = blobs(4)
    np.testing.assert_allclose(variance_ratios(x, y), f_classif(x.T.astype(float), y)[0], rtol=1e-4)
    noise = np.random.default_rng(3).normal(size=x.shape).astype(np.float32)
    assert best_features(np.concatenate([noise, x]), y, 4).min() >= len(noise)
