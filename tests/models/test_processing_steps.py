"""Every step agrees with bioimageio.core's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from micrographia.arrays.errors import InputError
from micrographia.models.processing import STEPS, postprocess, preprocess
from micrographia.models.tensors import Axis, TensorSpec

AXES = ("batch", "channel", "y", "x")
YX = ["y", "x"]

CASES: list[tuple[str, dict[str, Any]]] = [
    ("binarize", {"threshold": 0.3}),
    ("clip", {"min": 0.2, "max": 0.7}),
    ("clip", {"max": 0.7}),
    ("clip", {"min_percentile": 5, "max_percentile": 95, "axes": YX}),
    ("clip", {"min_percentile": 5, "max_percentile": 95, "axes": ["channel", *YX]}),
    ("ensure_dtype", {"dtype": "uint8"}),
    ("ensure_dtype", {"dtype": "float64"}),
    ("fixed_zero_mean_unit_variance", {"mean": 0.5, "std": 0.2}),
    ("fixed_zero_mean_unit_variance", {"mean": [0.5, 0.1, 0.2], "std": [0.2, 1, 3], "axis": "channel"}),
    ("scale_linear", {"gain": 2.0, "offset": -1.0}),
    ("scale_linear", {"gain": [1.0, 2.0, 3.0], "offset": [0.0, 1.0, -1.0], "axis": "channel"}),
    ("scale_linear", {"gain": [1.0, 2.0, 3.0], "offset": 0.5, "axis": "channel"}),
    ("scale_range", {"min_percentile": 1, "max_percentile": 99.8, "axes": YX}),
    ("scale_range", {"min_percentile": 1, "max_percentile": 99.8, "axes": ["channel", *YX]}),
    ("scale_range", {"axes": ["batch", *YX]}),
    ("scale_range", {}),
    ("sigmoid", {}),
    ("softmax", {"axis": "channel"}),
    ("softmax", {"axis": "x"}),
    ("zero_mean_unit_variance", {"axes": YX}),
    ("zero_mean_unit_variance", {"axes": ["channel", *YX]}),
    ("zero_mean_unit_variance", {}),
]


def spec(*steps: dict[str, Any], id: str = "raw", dtype: str = "float32") -> TensorSpec:
    axes = [Axis.batch(), Axis.channel("a", "b", "c"), Axis.space("y", 20), Axis.space("x", 30)]
    return TensorSpec(id, axes, dtype=dtype, processing=steps)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).gamma(2, 0.3, (1, 3, 20, 30)).astype(np.float32)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_agrees_with_bioimageio_core(x: np.ndarray, name: str, kwargs: dict[str, Any]) -> None:
    pytest.importorskip("bioimageio.core")
    from bioimageio.core.common import MemberId
    from bioimageio.core.proc_ops import get_proc
    from bioimageio.core.sample import Sample
    from bioimageio.core.stat_calculators import compute_measures
    from bioimageio.core.tensor import Tensor
    from bioimageio.spec.model import v0_5

    rdf = spec({"id": name, "kwargs": kwargs} if kwargs else {"id": name}).to_rdf("input")
    described = v0_5.InputTensorDescr.model_validate(rdf)
    operator = get_proc(next(p for p in described.preprocessing if p.id == name and p.kwargs is not None), described)
    if name == "ensure_dtype":
        operator = get_proc(described.preprocessing[0], described)
    sample = Sample(members={MemberId("raw"): Tensor(x, dims=AXES)}, stat={}, id=None)
    sample.stat = compute_measures(operator.required_measures, [sample])
    operator(sample)
    want = sample.members[MemberId("raw")].data.to_numpy()
    got = STEPS[name](x, AXES, **kwargs)
    assert got.shape == want.shape
    np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=2e-5, atol=2e-5)


def test_all_names_of_the_specification_are_tried() -> None:
    assert {name for name, _ in CASES} | {"scale_mean_variance"} == set(STEPS)


def test_binarize_along_an_axis(x: np.ndarray) -> None:
    """By the specification; bioimageio.core 0.11 forgets the axis."""
    got = STEPS["binarize"](x, AXES, threshold=[0.1, 0.5, 2.0], axis="channel")
    for c, t in enumerate((0.1, 0.5, 2.0)):
        assert np.array_equal(got[:, c], x[:, c] > t)


def test_eps(x: np.ndarray) -> None:
    """By the specification; bioimageio.core 0.11 forgets it."""
    got = STEPS["zero_mean_unit_variance"](x, AXES, eps=0.1)
    np.testing.assert_allclose(got, (x - x.mean()) / (x.std() + 0.1), rtol=1e-4, atol=1e-5)
    got = STEPS["scale_range"](x, AXES, eps=0.1)
    np.testing.assert_allclose(got, (x - x.min()) / (np.ptp(x) + 0.1), rtol=1e-4, atol=1e-5)


def test_reference_tensors(x: np.ndarray) -> None:
    y = np.random.default_rng(1).normal(7, 3, x.shape).astype(np.float32)
    step = {"id": "scale_mean_variance", "kwargs": {"reference_tensor": "raw", "axes": YX}}
    got = postprocess({"out": y}, [spec(step, id="out")], {"raw": x}, [spec()])["out"]
    np.testing.assert_allclose(got.mean((2, 3)), x.mean((2, 3)), rtol=1e-4)
    np.testing.assert_allclose(got.std((2, 3)), x.std((2, 3)), rtol=1e-4)
    step = {"id": "scale_range", "kwargs": {"reference_tensor": "raw", "axes": YX, "max_percentile": 90}}
    got = postprocess({"out": y}, [spec(step, id="out")], {"raw": x}, [spec()])["out"]
    low, high = x.min((2, 3), keepdims=True), np.percentile(x, 90, (2, 3), keepdims=True)
    np.testing.assert_allclose(got, (y - low) / (high - low + 1e-6), rtol=1e-4)


def test_casts_are_added(x: np.ndarray) -> None:
    """As the specification says: to the described type first and last."""
    assert preprocess({"raw": (x * 100).astype(np.uint16)}, [spec()])["raw"].dtype == np.float32
    step = {"id": "scale_linear", "kwargs": {"gain": 100.0}}
    assert preprocess({"raw": x}, [spec(step, dtype="uint8")])["raw"].dtype == np.uint8
    assert preprocess({"raw": x}, [spec({"id": "binarize", "kwargs": {"threshold": 0.5}})])["raw"].dtype == bool


def test_float32_stays_float32(x: np.ndarray) -> None:
    for name, kwargs in CASES:
        if name not in ("ensure_dtype", "binarize"):
            assert STEPS[name](x, AXES, **kwargs).dtype == np.float32, name


def test_no_overflow() -> None:
    with np.errstate(all="raise"):
        assert np.allclose(STEPS["sigmoid"](np.float32([-1e4, 0, 1e4]), ("x",)), [0, 0.5, 1])
        assert np.allclose(STEPS["softmax"](np.float32([1e4, 1e4]), ("x",), axis="x"), 0.5)


@pytest.mark.parametrize(
    ("step", "match"),
    [
        ({"id": "stardist_postprocessing"}, "'stardist_postprocessing', which is not known"),
        ({"id": "sigmoid", "kwargs": {"surprise": 1}}, "'sigmoid' of this model cannot be run"),
        ({"id": "softmax", "kwargs": {"axis": "z"}}, "'softmax' of this model cannot be run"),
        ({"id": "scale_range", "kwargs": {"reference_tensor": "other"}}, "refers to an input 'other'"),
        ({"id": "ensure_dtype", "kwargs": {"dtype": "object"}}, "cannot be run"),
    ],
)
def test_steps_that_cannot_be_run(x: np.ndarray, step: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        preprocess({"raw": x}, [spec(step)])
