"""The pre- and postprocessing steps of bioimage.io 0.5, in NumPy.

Each step is a pure function of an array, its axis ids and the step's arguments. Steps run one after the other, and each
takes its statistics from the array it gets; only a ``reference_tensor`` names an unprocessed input. What the steps mean
is in the specification, https://bioimage-io.github.io/spec-bioimage-io (model 0.5, ``preprocessing`` and
``postprocessing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from micrographia.arrays.errors import InputError
from micrographia.models.tensors import TensorSpec

Step = Callable[..., np.ndarray]

_DTYPES = ("float32", "float64", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool")


def preprocess(tensors: Mapping[str, np.ndarray], specs: Sequence[TensorSpec]) -> dict[str, np.ndarray]:
    """What the network gets.

    Parameters
    ----------
    tensors : dict
        Tensor id to array with the axes of its spec.
    specs : sequence of TensorSpec
        The package's inputs.

    Raises
    ------
    InputError
        Where the package asks for a step that is not known.
    """
    return {s.id: _run(tensors[s.id], s, _steps(s, first=True), tensors, specs) for s in specs}


def postprocess(
    results: Mapping[str, np.ndarray],
    specs: Sequence[TensorSpec],
    tensors: Mapping[str, np.ndarray],
    inputs: Sequence[TensorSpec],
) -> dict[str, np.ndarray]:
    """What the user gets.

    Parameters
    ----------
    results : dict
        Tensor id to the network's output.
    specs : sequence of TensorSpec
        The package's outputs.
    tensors : dict
        The unprocessed inputs, which some steps refer to.
    inputs : sequence of TensorSpec
        The package's inputs.

    Raises
    ------
    InputError
        Where the package asks for a step that is not known.
    """
    return {s.id: _run(results[s.id], s, _steps(s, first=False), tensors, inputs) for s in specs}


def check_steps(specs: Sequence[TensorSpec]) -> None:
    """Raise InputError where a tensor asks for a step that is not among :data:`STEPS`."""
    for spec in specs:
        for step in spec.processing:
            if step.get("id") not in STEPS:
                raise InputError(f"this model asks for the processing step '{step.get('id')}', which is not known.")


def _steps(spec: TensorSpec, first: bool) -> list[Mapping[str, Any]]:
    """The steps with the casts that the specification adds by itself."""
    cast = {"id": "ensure_dtype", "kwargs": {"dtype": spec.dtype}}
    steps = list(spec.processing)
    if first and (not steps or steps[0].get("id") != "ensure_dtype"):
        steps.insert(0, cast)
    if not steps or steps[-1].get("id") not in ("ensure_dtype", "binarize"):
        steps.append(cast)
    return steps


def _run(
    array: np.ndarray,
    spec: TensorSpec,
    steps: Sequence[Mapping[str, Any]],
    tensors: Mapping[str, np.ndarray],
    inputs: Sequence[TensorSpec],
) -> np.ndarray:
    check_steps([spec])
    for step in steps:
        kwargs = dict(step.get("kwargs") or {})
        reference = kwargs.pop("reference_tensor", None)
        if reference is not None:
            axes = next((s.axis_ids for s in inputs if s.id == reference), None)
            if axes is None:
                raise InputError(f"the step '{step['id']}' refers to an input '{reference}' that does not exist.")
            kwargs["reference"] = (tensors[reference], axes)
        try:
            array = STEPS[step["id"]](array, spec.axis_ids, **kwargs)
        except (TypeError, ValueError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"the processing step '{step['id']}' of this model cannot be run: {error}.") from error
    return array


def binarize(x: np.ndarray, axes: Sequence[str], *, threshold: Any, axis: str | None = None) -> np.ndarray:
    """``x > threshold``; several thresholds run along ``axis``."""
    return x > _along(threshold, axes, axis, x)


def clip(
    x: np.ndarray,
    ids: Sequence[str],
    *,
    min: float | None = None,
    max: float | None = None,
    min_percentile: float | None = None,
    max_percentile: float | None = None,
    axes: Sequence[str] | None = None,
) -> np.ndarray:
    """Limit values to a range, given directly or by percentiles of the array.

    As in the reference implementation, percentiles of single samples (``axes`` without the batch) are values that
    occur in the array; percentiles of everything are interpolated.
    """
    whole = axes is None or "batch" in axes
    method = "linear" if whole else "inverted_cdf"
    if min_percentile is not None:
        x = np.maximum(x, _percentile(x, ids, axes, min_percentile, method).astype(x.dtype))
    if max_percentile is not None:
        x = np.minimum(x, _percentile(x, ids, axes, max_percentile, method).astype(x.dtype))
    return np.clip(x, min, max) if min is not None or max is not None else x


def ensure_dtype(x: np.ndarray, axes: Sequence[str], *, dtype: str) -> np.ndarray:
    """Cast to another type of number."""
    if dtype not in _DTYPES:
        raise ValueError(f"unknown type {dtype}")
    return x.astype(dtype, copy=False)


def fixed_zero_mean_unit_variance(
    x: np.ndarray, axes: Sequence[str], *, mean: Any, std: Any, axis: str | None = None, eps: float = 1e-6
) -> np.ndarray:
    """``(x - mean) / (std + eps)`` with numbers from the package, one for all or one for each entry of ``axis``."""
    return (_floating(x) - _along(mean, axes, axis, x)) / (_along(std, axes, axis, x) + _same(eps, x))


def scale_linear(
    x: np.ndarray, axes: Sequence[str], *, gain: Any = 1.0, offset: Any = 0.0, axis: str | None = None
) -> np.ndarray:
    """``x × gain + offset``, one for all or one for each entry of ``axis``."""
    return _floating(x) * _along(gain, axes, axis, x) + _along(offset, axes, axis, x)


def scale_mean_variance(
    x: np.ndarray,
    ids: Sequence[str],
    *,
    reference: tuple[np.ndarray, Sequence[str]],
    axes: Sequence[str] | None = None,
    eps: float = 1e-6,
) -> np.ndarray:
    """Give the array the mean and the standard deviation of an unprocessed input."""
    mean, std = _moments(x, ids, axes)
    to_mean, to_std = _moments(*reference, axes)
    return (_floating(x) - _same(mean, x)) / _same(std + eps, x) * _same(to_std + eps, x) + _same(to_mean, x)


def scale_range(
    x: np.ndarray,
    ids: Sequence[str],
    *,
    axes: Sequence[str] | None = None,
    min_percentile: float = 0.0,
    max_percentile: float = 100.0,
    eps: float = 1e-6,
    reference: tuple[np.ndarray, Sequence[str]] | None = None,
) -> np.ndarray:
    """``(x - low) / (high - low + eps)`` with percentiles of the array, or of an unprocessed input."""
    source, source_ids = reference or (x, ids)
    low, high = _percentile(source, source_ids, axes, np.array([min_percentile, max_percentile]), "linear")
    return (_floating(x) - _same(low, x)) / _same(high - low + eps, x)


def sigmoid(x: np.ndarray, axes: Sequence[str]) -> np.ndarray:
    """``1 / (1 + exp(-x))``, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * _floating(x)))


def softmax(x: np.ndarray, axes: Sequence[str], *, axis: str = "channel") -> np.ndarray:
    """Exponentials divided by their sum along an axis."""
    at = list(axes).index(axis)
    e = np.exp(_floating(x) - x.max(axis=at, keepdims=True))
    return e / e.sum(axis=at, keepdims=True)


def zero_mean_unit_variance(
    x: np.ndarray, ids: Sequence[str], *, axes: Sequence[str] | None = None, eps: float = 1e-6
) -> np.ndarray:
    """``(x - mean) / (std + eps)`` with the array's own mean and standard deviation over ``axes`` (all if None)."""
    mean, std = _moments(x, ids, axes)
    return (_floating(x) - _same(mean, x)) / _same(std + eps, x)


STEPS: dict[str, Step] = {
    "binarize": binarize,
    "clip": clip,
    "ensure_dtype": ensure_dtype,
    "fixed_zero_mean_unit_variance": fixed_zero_mean_unit_variance,
    "scale_linear": scale_linear,
    "scale_mean_variance": scale_mean_variance,
    "scale_range": scale_range,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "zero_mean_unit_variance": zero_mean_unit_variance,
}
"""Every step that is known, by its bioimage.io name."""


def _floating(x: np.ndarray) -> np.ndarray:
    return x if x.dtype.kind == "f" else x.astype(np.float32)


def _same(value: Any, x: np.ndarray) -> np.ndarray:
    """Statistics (taken in double precision) in the type of the array, so that large arrays don't double in size."""
    return np.asarray(value, dtype=x.dtype if x.dtype.kind == "f" else np.float32)


def _reduced(ids: Sequence[str], axes: Sequence[str] | None) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(len(ids)))
    return tuple(list(ids).index(a) for a in axes if a in ids)


def _moments(x: np.ndarray, ids: Sequence[str], axes: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    over = _reduced(ids, axes)
    return (
        np.asarray(np.mean(x, axis=over, keepdims=True, dtype=np.float64)),
        np.asarray(np.std(x, axis=over, keepdims=True, dtype=np.float64)),
    )


def _percentile(x: np.ndarray, ids: Sequence[str], axes: Sequence[str] | None, q: Any, method: str) -> np.ndarray:
    return np.percentile(x, q, axis=_reduced(ids, axes), keepdims=True, method=method)  # type: ignore[call-overload]


def _along(value: Any, ids: Sequence[str], axis: str | None, x: np.ndarray) -> np.ndarray:
    """A number, or one number for each entry of an axis, shaped to broadcast against the array."""
    values = np.asarray(value, dtype=x.dtype if x.dtype.kind == "f" else np.float32)
    if axis is None or values.ndim == 0:
        return values.reshape(()) if values.size == 1 else values
    shape = [1] * x.ndim
    shape[list(ids).index(axis)] = values.size
    return values.reshape(shape)
