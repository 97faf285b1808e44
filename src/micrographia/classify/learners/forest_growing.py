"""Growing a random forest (Breiman 2001) in a fraction of a second.

Every tree sees a bootstrap sample, balanced where samples have weights; at each node a random subset of the features is
tried, and nodes are split until they hold one class. Features are binned once (`binning`), trees are grown in threads,
and each tree has random numbers of its own, so that the forest depends on the seed but not on the number of threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np

from micrographia.classify.learners.binned_trees import forest_of, leaf_of
from micrographia.classify.learners.binning import bin_borders, binned
from micrographia.classify.learners.forest import Forest
from micrographia.classify.learners.forest_splits import find_cut
from micrographia.classify.learners.training_samples import checked_samples
from micrographia.models.runtime import thread_count

_FEWEST = 5
"""Where balance makes trees draw less, each draws about so many samples of the class of the least weight at least."""


@dataclass(frozen=True)
class GrownForest:
    """A forest and what its growing tells about it.

    Attributes
    ----------
    forest : Forest
        The trees.
    out_of_bag : (K, N) float32 array
        Class probabilities of each training sample by the trees that did not see it; NaN where every tree did.
    importance : (F,) float64 array
        Share of each feature in the decrease of impurity; the sum is 1. It is taken on the training samples and
        favours features with many different values over those with few (Strobl et al. 2007), and splits the
        merit among features that say the same: a low number does not prove that a feature is useless.
    """

    forest: Forest
    out_of_bag: np.ndarray
    importance: np.ndarray

    def out_of_bag_error(self, classes: np.ndarray) -> float:
        """Share of the training samples that the trees which did not see them put into another class."""
        return error_of(self.out_of_bag, classes)


def error_of(out_of_bag: np.ndarray, classes: np.ndarray) -> float:
    """Share of the samples whose likeliest class out of bag (K, N) is wrong; NaN where no sample was ever left out."""
    known = ~np.isnan(out_of_bag[0])
    if not known.any():
        return float("nan")
    return float(np.mean(out_of_bag[:, known].argmax(0) != np.asarray(classes)[known]))


def grow_forest(
    features: np.ndarray,
    classes: np.ndarray,
    n_classes: int,
    *,
    trees: int = 100,
    weights: np.ndarray | None = None,
    seed: int = 0,
    min_leaf: int = 1,
    features_per_split: int | None = None,
    threads: int | None = None,
) -> GrownForest:
    """Grow a random forest.

    Parameters
    ----------
    features : (F, N) float32 array
        Finite values, a row a feature.
    classes : (N,) integer array
        Class of each sample, 0 to K - 1.
    n_classes : int
        Number of classes K, at most 255.
    trees : int
        Number of trees.
    weights : (N,) array, optional
        Weight of each sample (see `training_samples.class_weights`); all 1 otherwise. 0 leaves a sample out. Samples
        are drawn in proportion to it; weighing the splits instead hardly counts, since leaves are pure. A tree draws
        no more than tells it something of every class: with balanced classes as many samples of each as the rarest has
        (Chen, Liaw & Breiman 2004), but at least five, one of them several times if need be: one or two examples of a
        class must not make a tree blind to the others, and are seldom found again themselves.
    seed : int
        The same seed gives the same forest, whatever the number of threads.
    min_leaf : int
        Fewest different samples in a leaf.
    features_per_split : int, optional
        Features tried at each node; the square root of F otherwise. Where none of them splits the node, more are tried.
    threads : int, optional
        Threads; as many as there are cores otherwise.

    Returns
    -------
    GrownForest
        The forest, its out-of-bag probabilities and the importance of each feature.

    Raises
    ------
    InputError
        Where there are fewer than two samples or classes, or where values are NaN or infinite.
    """
    features, classes, weights = checked_samples(features, classes, n_classes, weights)
    borders = bin_borders(features)
    bins = binned(features, borders)
    tried = features_per_split or max(1, int(np.sqrt(len(features))))
    states = np.random.SeedSequence(seed).generate_state(trees, np.uint64)
    draws, sums = _draws(classes, weights, n_classes)

    def one(state: np.uint64) -> tuple[np.ndarray, ...]:
        return _grow(bins, classes, sums, draws, n_classes, tried, min_leaf, state)

    parts, importance = [], np.zeros(len(features))
    out_of_bag, judges = np.zeros((n_classes, len(classes)), np.float32), np.zeros(len(classes), np.float32)
    with ThreadPoolExecutor(thread_count(threads)) as pool:
        for feature, cut, child, votes, decrease, leaf in pool.map(one, states):  # in the order of the trees
            parts.append((feature, cut, child, votes))
            importance += decrease
            _add_votes(votes, leaf, out_of_bag, judges)
    with np.errstate(invalid="ignore"):
        out_of_bag /= np.where(judges > 0, judges, np.float32(np.nan))
    total = importance.sum()
    return GrownForest(forest_of(parts, borders), out_of_bag, importance / total if total > 0 else importance)


@numba.njit(cache=True, nogil=True)
def _random(state, below):
    """A random whole number from 0 to ``below`` - 1; ``state`` is splitmix64's (Steele et al. 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.int64(((z >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32))


def _draws(classes: np.ndarray, weights: np.ndarray, n_classes: int) -> tuple[int, np.ndarray]:
    """How many samples a tree draws, and the sum of the weights up to each (N,); empty where all weigh the same.

    Without weights as many as there are. Otherwise the class that is drawn most often for what it holds, counting as
    many samples as say the same where all weigh alike (Kish 1965), is drawn as often as it holds samples.
    """
    if weights.min() == weights.max():
        return len(weights), np.zeros(0)
    share = weights.astype(np.float64) / weights.max()
    drawn, squares = (np.bincount(classes, w, n_classes)[np.unique(classes[weights > 0])] for w in (share, share**2))
    times = max((drawn / squares).min(), _FEWEST / drawn.min())
    most = np.count_nonzero(weights)
    return max(1, min(round(times * drawn.sum()), most)), np.cumsum(share)


@numba.njit(cache=True, nogil=True)
def _bootstrap(n, sums, draws, state):
    """Times that each of n samples is drawn, with replacement, and the drawn samples."""
    times = np.zeros(n, np.int32)
    for _ in range(draws):
        if len(sums) == 0:
            times[_random(state, n)] += 1
        else:
            place = (_random(state, 1 << 31) + 0.5) / (1 << 31) * sums[-1]
            times[np.searchsorted(sums, place, side="right")] += 1
    return times, np.flatnonzero(times > 0).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _split(bins, cut, samples, classes, weights):
    """Bring the samples with ``bins <= cut`` to the front; their number."""
    low, high = 0, len(samples) - 1
    while True:
        while low <= high and bins[low] <= cut:
            low += 1
        while low <= high and bins[high] > cut:
            high -= 1
        if low > high:
            return low
        samples[low], samples[high] = samples[high], samples[low]
        classes[low], classes[high] = classes[high], classes[low]
        weights[low], weights[high] = weights[high], weights[low]
        bins[low], bins[high] = bins[high], bins[low]


@numba.njit(cache=True, nogil=True)
def _grow(bins, classes, sums, draws, n_classes, tried, min_leaf, seed):
    """One tree: feature (-1: leaf), cut, first child, votes, decrease of impurity by feature, leaf of each
    unseen sample."""
    n_features, n = bins.shape
    state = np.array([seed], np.uint64)
    times, samples = _bootstrap(n, sums, draws, state)
    own_class = classes[samples]
    own_weight = times[samples].astype(np.float32)
    most = max(1, 2 * len(samples) - 1)
    feature, cut, child = np.full(most, -1, np.int32), np.zeros(most, np.int32), np.zeros(most, np.int32)
    votes = np.zeros((most, n_classes), np.float32)
    decrease = np.zeros(n_features)
    order = np.arange(n_features)
    column, best_column = np.empty(len(samples), np.uint8), np.empty(len(samples), np.uint8)
    histogram, counts, used = np.zeros((256, n_classes)), np.zeros(256, np.int32), np.zeros(4, np.uint64)
    total, left = np.zeros(n_classes), np.zeros(n_classes)
    open_nodes = [(0, 0, len(samples))]
    nodes = 1
    while len(open_nodes) > 0:
        node, start, stop = open_nodes.pop()
        total[:] = 0.0
        for i in range(start, stop):
            total[own_class[i]] += own_weight[i]
        everything, squares = total.sum(), (total * total).sum()
        score, chosen, at = -1.0, -1, -1
        if stop - start >= 2 * min_leaf and total.max() < everything:
            for t in range(n_features):
                if t >= tried and chosen >= 0:
                    break
                other = t + _random(state, n_features - t)
                order[t], order[other] = order[other], order[t]
                row = bins[order[t]]
                for i in range(start, stop):
                    column[i] = row[samples[i]]
                s, c = find_cut(
                    column[start:stop], own_class[start:stop], own_weight[start:stop], total, min_leaf,
                    histogram, counts, used, left,
                )  # fmt: skip
                if s > score:
                    score, chosen, at = s, order[t], c
                    column, best_column = best_column, column
        if chosen < 0:
            for k in range(n_classes):
                votes[node, k] = total[k] / everything
            continue
        middle = start + _split(
            best_column[start:stop], at, samples[start:stop], own_class[start:stop], own_weight[start:stop]
        )
        feature[node], cut[node], child[node] = chosen, at, nodes
        decrease[chosen] += score - squares / everything
        open_nodes.append((nodes + 1, middle, stop))
        open_nodes.append((nodes, start, middle))
        nodes += 2
    leaf = np.full(n, -1, np.int32)
    for i in range(n):
        if times[i] == 0:
            leaf[i] = leaf_of(bins, i, feature, cut, child)
    return feature[:nodes].copy(), cut[:nodes].copy(), child[:nodes].copy(), votes[:nodes].copy(), decrease, leaf


@numba.njit(cache=True, nogil=True)
def _add_votes(votes, leaf, out_of_bag, judges):
    for i in range(len(leaf)):
        if leaf[i] >= 0:
            judges[i] += 1
            for k in range(votes.shape[1]):
                out_of_bag[k, i] += votes[leaf[i], k]
