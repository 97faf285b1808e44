"""The extra package that trains some classifiers; predicting never needs it."""

from __future__ import annotations

from importlib.util import find_spec

from micrographia.arrays.errors import RequestError


def need_scikit_learn(classifier: str) -> None:
    """Check that scikit-learn is there.

    Raises
    ------
    RequestError
        Where it is not installed, with what to type.
    """
    if find_spec("sklearn") is None:
        raise RequestError(
            f"Training the classifier '{classifier}' needs the package scikit-learn, which the plain installation "
            "leaves out: pip install 'micrographia[profile]'. The classifiers forest, boosting, logistic, lda and "
            "knn do not need it."
        )
