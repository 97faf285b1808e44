"""Would more annotations help? Scores with a part of the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from micrographia.classify.objects.cross_validation import CrossValidation, labelled
from micrographia.metrics.classification import confusion_matrix, scores_of

if TYPE_CHECKING:
    import pandas as pd

    from micrographia.classify.objects.object_classifier import ObjectClassifier

SHARES = (0.1, 0.25, 0.5, 1.0)


def learning_curve(
    method: ObjectClassifier,
    table: pd.DataFrame,
    validation: CrossValidation,
    *,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
) -> pd.DataFrame:
    """Teach with a random part of each class's examples, on the folds of a cross-validation.

    Parameters
    ----------
    method : ObjectClassifier
        Parameters; settings are not searched again for each part.
    table : pandas.DataFrame
        As for :func:`micrographia.classify.objects.cross_validation.cross_validate`.
    validation : CrossValidation
        Its folds are used; its own score stands for share 1.
    shares : sequence of float
        Parts of the examples, rising.
    seed : int
        Seed of the choice.

    Returns
    -------
    pandas.DataFrame
        One row a share: ``share``, ``examples`` (mean over the folds), ``weighted_f1``, ``macro_f1`` (all examples
        together).
    """
    import pandas as pd

    examples, truth, names, *_ = labelled(table, method)
    plain = type(method)(**(method.parameters() | {"search": False}))
    rows = []
    for share in shares:
        found, used = np.zeros(len(truth), int), []
        if share >= 1:
            found = validation.found
            used = [int((validation.fold != k).sum()) for k in np.unique(validation.fold)]
        for k in np.unique(validation.fold) if share < 1 else ():
            rng = np.random.default_rng([seed, int(k)])
            chosen: list[int] = []
            for c in range(len(names)):
                own = rng.permutation(np.flatnonzero((validation.fold != k) & (truth == c)))
                chosen += own[: max(1, round(share * len(own)))].tolist()
            model = plain.fit(examples.iloc[sorted(chosen)])
            judged = validation.fold == k
            back = np.array([names.index(name) for name in model.classes_])
            found[judged] = back[model.fitted_.probabilities(model.features(examples[judged])).argmax(axis=0)]
            used.append(len(chosen))
        scores = scores_of(confusion_matrix(truth, found, len(names)))
        rows.append(
            {
                "share": share,
                "examples": round(float(np.mean(used))),
                "weighted_f1": float(scores["weighted_f1"]),
                "macro_f1": float(scores["macro_f1"]),
            }
        )
    return pd.DataFrame(rows)
