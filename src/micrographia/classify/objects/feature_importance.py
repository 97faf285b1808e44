"""Which measurements a classifier needs: what its score loses when one of them is shuffled (Breiman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from micrographia.classify.objects.cross_validation import CrossValidation, labelled
from micrographia.features.feature_table import feature_matrix
from micrographia.metrics.calibration import log_loss

if TYPE_CHECKING:
    import pandas as pd


def permutation_importance(
    table: pd.DataFrame, validation: CrossValidation, *, most: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Shuffle each column among the examples of a fold that judges, and see how much the log-loss rises.

    Of several columns that say the same, none may seem to matter: each is made up for by the others.

    Parameters
    ----------
    table : pandas.DataFrame
        As for the cross-validation.
    validation : CrossValidation
        Its models and folds.
    most : int
        Most examples of a fold that are shuffled.
    seed : int
        Seed of the shuffling.

    Returns
    -------
    pandas.DataFrame
        ``feature`` and ``importance`` (rise of the mean log-loss, in nats), the most important first.
    """
    import pandas as pd

    examples, truth, names, *_ = labelled(table, validation.models[0])
    total: dict[str, float] = {}
    for k, model in enumerate(validation.models):
        rng = np.random.default_rng([seed, k])
        judged = rng.permutation(np.flatnonzero(validation.fold == k))[:most]
        matrix = feature_matrix(examples.iloc[judged], model.columns_)
        rows = [names.index(name) for name in model.classes_]

        def loss(values: np.ndarray, model=model, rows=rows, judged=judged) -> float:
            whole = np.zeros((len(names), len(values)))
            whole[rows] = model.fitted_.probabilities(model.features(values))
            return log_loss(truth[judged], whole)

        before, order = loss(matrix), rng.permutation(len(judged))
        for c, name in enumerate(model.columns_):
            own = matrix[:, c].copy()
            matrix[:, c] = own[order]
            total[name] = total.get(name, 0.0) + (loss(matrix) - before) / len(validation.models)
            matrix[:, c] = own
    found = pd.DataFrame({"feature": list(total), "importance": list(total.values())})
    return found.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
