"""Classes known only of whole wells: which cells of a treated well respond (multiple-instance learning)?

Cells of control wells are background, for certain. A cell of a treated well is background or responds. A classifier
that tells treated from control cells knows the ratio r of their densities; where no cell responds r is 1 - s, with s
the share of responding cells, so that a cell responds with probability 1 - (1 - s) / r (learning from positive and
unlabelled examples, Elkan and Noto 2008, KDD, turned round), and 1 - s is what controls have. From there it goes on as
mi-SVM does (Andrews, Tsochantaridis and Hofmann 2003, NIPS 15), with probabilities: a classifier learns responding
cells against background, each treated cell counting for both; the share of every well follows from its cells (Saerens,
Latinne and Decaestecker 2002, Neural Computation 14), and the probability of every cell from both.

A classifier with many features would simply remember which cells come from treated wells. So every cell is judged by a
classifier that has not learned from its well. Such a classifier is too sure or not sure enough, which shifts the
shares; so its ratios are scaled, halfway to the slope and offset that fit these cells best (Platt 1999): the whole way
would believe the probabilities too much from which slope and offset are learned.

Shares are rough. In wells put together from mitocheck cells, true shares of 0.3 and 0.35 are found as 0.26 to 0.39; of
0.1 a half to nine tenths are found, or nothing where responding cells differ little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.classify.learners.logistic import fit_logistic
from micrographia.metrics.stratified_folds import stratified_folds

_ROUNDS = 10
_STEPS = 100
_ENOUGH = 0.01
_FEWEST = 3.0
_HARDLY = 1e-3


@dataclass(frozen=True)
class Responders:
    """What was found.

    Attributes
    ----------
    probabilities : (N,) float32 array
        That a cell is of its well's class and not background; 0 for cells of control wells.
    shares : dict of str to float
        For each treated well the share of its cells that respond; rough, see the module.
    model : object
        Learned from all wells with these probabilities: ``predict((F, n)) -> (K, n)``, class 0 being background; None
        where no cell responds at all.
    """

    probabilities: np.ndarray
    shares: dict[str, float]
    model: Any


def find_responders(
    learn: Callable[[np.ndarray, np.ndarray, np.ndarray], Any],
    features: np.ndarray,
    well_classes: np.ndarray,
    wells: np.ndarray,
    *,
    folds: int = 4,
    seed: int = 0,
) -> Responders:
    """Find the cells that respond to a treatment.

    Parameters
    ----------
    learn : callable
        Teaches any classifier: ``learn(features (F, n), classes (n,), weights (n,))`` gives a model with
        ``predict((F, n)) -> (K, n)``.
    features : (F, N) float32 array
        Of all cells, finite.
    well_classes : (N,) int array
        The class of each cell's well: 0 for controls, 1 and above for treatments.
    wells : (N,) array of str
        The well of each cell.
    folds : int
        Parts into which the wells are divided; fewer where there are fewer wells.
    seed : int
        Seed of the division.

    Returns
    -------
    Responders

    Raises
    ------
    InputError
        Where there are no controls or no treatment, one of them comes from a single well, or a well has two classes;
        where the three do not tell of the same cells.
    """
    well_classes, wells = np.asarray(well_classes), np.asarray(wells)
    if not features.shape[1:] == well_classes.shape == wells.shape or not wells.size:
        raise InputError(
            f"Features of cells {features.shape[1:]}, classes {well_classes.shape} and wells {wells.shape} must be of "
            "the same cells, one or more."
        )
    if well_classes.dtype.kind not in "iu" or well_classes.min() < 0:
        raise InputError("The class of a well is a whole number: 0 for controls, 1 and above for treatments.")
    names, first, of = np.unique(wells, return_index=True, return_inverse=True)
    if (well_classes != well_classes[first][of]).any():
        mixed = names[of[well_classes != well_classes[first][of]][0]]
        raise InputError(f"The well {mixed} has two classes; a well is either a control or has one treatment.")
    counts = np.bincount(well_classes[first])
    if len(counts) < 2 or not counts[0]:
        raise InputError("Both control wells and treated wells are needed to find the cells that respond.")
    if (few := np.flatnonzero(counts == 1)).size:
        what = "the controls" if few[0] == 0 else f"treatment {few[0]}"
        raise InputError(f"There is one well of {what}: its cells cannot be judged without having been learned from.")
    fold = stratified_folds(well_classes, wells, min(folds, int(counts[counts > 0].min())), seed)
    treated = well_classes > 0
    ratios = _ratios(learn, features, well_classes, treated.astype(np.float32), fold)
    p = np.where(_differs(ratios, well_classes)[well_classes], _first(ratios, well_classes), 0).astype(np.float32)
    for _ in range(_ROUNDS):
        if p.sum() < _FEWEST:
            break  # hardly any cell responds: nothing to learn
        ratios = _scaled(_ratios(learn, features, well_classes, p, fold), well_classes, p)
        own = ratios[well_classes, np.arange(len(p))]
        last, p = p, _posterior(own, p, of, treated & (p > 0))
        if np.abs(p - last)[treated].mean() < _ENOUGH:
            break
    model = _taught(learn, features, well_classes, p, np.ones(len(p), bool)) if (p > _HARDLY).any() else None
    shares = {str(names[w]): float(p[of == w].mean()) for w in np.flatnonzero(well_classes[first] > 0)}
    return Responders(p, shares, model)


def _ratios(
    learn: Callable[..., Any], features: np.ndarray, well_classes: np.ndarray, p: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Density (K, N) of each class over that of background, by classifiers that have not seen the cell's well.

    It is 1 where the other wells hold no responding cell of the class: they do not tell what these look like.
    """
    found = np.ones((int(well_classes.max()) + 1, len(p)))
    for one in np.unique(fold):
        judged = fold == one
        learned = np.unique(well_classes[~judged & (p > _HARDLY)])
        if not len(learned):
            continue
        model = _taught(learn, features, well_classes, p, ~judged)
        own = np.maximum(model.predict(np.ascontiguousarray(features[:, judged])).astype(np.float64), 1e-9)
        found[np.ix_(learned, judged)] = own[learned] / own[0]
    return found


def _scaled(ratios: np.ndarray, well_classes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The ratios of each class, scaled halfway to those that tell its responding cells from background best."""
    scaled = ratios.copy()
    for k in np.unique(well_classes[p > _HARDLY]):
        at = np.flatnonzero((well_classes == 0) | (well_classes == k))
        known = np.log(ratios[k, at], dtype=np.float32)[None]
        model = _taught(_slope, known, (well_classes[at] > 0).astype(int), p[at], np.ones(len(at), bool))
        background, responding = np.maximum(model.predict(known).astype(np.float64), 1e-9)
        scaled[k, at] = np.sqrt(ratios[k, at] * responding / background)
    return scaled


def _slope(known: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> Any:
    return fit_logistic(known, classes, 2, weights=weights, strength=100.0)


def _differs(ratios: np.ndarray, well_classes: np.ndarray) -> np.ndarray:
    """For each class whether its wells can be told from controls: the area under the curve is more than chance."""
    from scipy.stats import rankdata

    found = np.zeros(len(ratios), bool)
    control = ratios[:, well_classes == 0]
    for k in np.unique(well_classes[well_classes > 0]):
        own = ratios[k, well_classes == k]
        rank = rankdata(np.concatenate([own, control[k]]))[: len(own)]
        area = (rank.sum() - len(own) * (len(own) + 1) / 2) / (len(own) * control.shape[1])
        found[k] = area > 0.5 + 2 * np.sqrt((1 / len(own) + 1 / control.shape[1]) / 12)
    return found


def _first(ratios: np.ndarray, well_classes: np.ndarray) -> np.ndarray:
    """That a cell responds, where all cells of treated wells were learned as one class."""
    quiet = np.minimum(np.median(ratios[:, well_classes == 0], axis=1), 1)
    own = ratios[well_classes, np.arange(len(well_classes))]
    return np.where(well_classes > 0, np.clip(1 - quiet[well_classes] / own, 0, 1), 0).astype(np.float32)


def _posterior(own: np.ndarray, p: np.ndarray, wells: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """That a cell responds, given the ratio of its densities and the share of its well, the mean over its cells."""
    sizes = np.maximum(np.bincount(wells), 1)
    for _ in range(_STEPS):
        share = np.clip(np.bincount(wells, p) / sizes, 1e-6, 1 - 1e-6)[wells]
        last, p = p, np.where(treated, share * own / (share * own + 1 - share), 0)
        if np.abs(p - last).max() < 1e-4:
            break
    return p.astype(np.float32)


def _taught(
    learn: Callable[..., Any], features: np.ndarray, well_classes: np.ndarray, p: np.ndarray, used: np.ndarray
) -> Any:
    """A model that learns each treated cell twice: as its well's class with weight p, as background with 1 - p.

    Every class has the same weight in all, so that the model says ratios of densities.
    """
    responding, quiet = np.flatnonzero(used & (p > _HARDLY)), np.flatnonzero(used & (p < 1 - _HARDLY))
    rows = np.concatenate([responding, quiet])
    classes = np.concatenate([well_classes[responding], np.zeros(len(quiet), well_classes.dtype)])
    weights = np.concatenate([p[responding], 1 - p[quiet]]).astype(np.float64)
    total = np.bincount(classes, weights)
    weights *= len(rows) / (total[classes] * np.count_nonzero(total))
    return learn(np.ascontiguousarray(features[:, rows]), classes, weights.astype(np.float32))
