"""Every measurement equals that of cp_measure 0.3, to a part in a million."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from cell_fields import field, volume

from micrographia.features.cell_measurements import CHANNELS, PAIRS, SHAPES, VOLUME_CHANNELS, VOLUME_SHAPES
from micrographia.features.label_objects import label_objects

pytest.importorskip("cp_measure", reason="cp_measure is not installed (pip install cp_measure==0.3)")


THEIRS = {
    "shape": "sizeshape",
    "feret": "feret",
    "zernike": "zernike",
    "intensity": "intensity",
    "texture": "texture",
    "granularity": "granularity",
    "radial": "radial_distribution",
    "radial-zernike": "radial_zernikes",
}


def reference(group: str, labels: np.ndarray, one: np.ndarray, two: np.ndarray) -> dict[str, np.ndarray]:
    """cp_measure's columns under our names."""
    from cp_measure import bulk
    from cp_measure.core.measurecolocalization import get_correlation_overlap

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if group == "neighbours":
            found = bulk.get_multimask_measurements()["neighbors"](labels, labels)
        elif group == "colocalisation":
            theirs = bulk.get_correlation_measurements()
            found = dict(zip(("Correlation", "Slope"), theirs["pearson"](one, two, labels).values()))
            found |= dict(zip(("Overlap", "K_1", "K_2"), get_correlation_overlap(one, two, labels).values()))
            for name, key in (("Manders", "manders_fold"), ("RWC", "rwc"), ("Costes", "costes")):
                more = {"scale_max": 65535} if name == "Costes" else {}
                found |= dict(zip((f"{name}_1", f"{name}_2"), theirs[key](one, two, labels, **more).values()))
            ends = {"1": "_{0}_{1}", "2": "_{1}_{0}"}
            return {
                f"Correlation_{k.split('_')[0]}{ends[k.split('_')[1]] if '_' in k else ends['1']}": np.asarray(v, float)
                for k, v in found.items()
            }
        else:
            core = bulk.get_core_measurements() if labels.ndim == 2 else bulk.get_core_measurements_3d()
            found = core[THEIRS[group]](labels, one)
    prefix = {"shape": "AreaShape_", "feret": "AreaShape_", "zernike": "AreaShape_", "texture": "Texture_"}
    return {prefix.get(group, "") + name: np.asarray(column, float) for name, column in found.items()}


def unequal(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns that are not equal, each with the objects where; phases count where there is something to have one."""
    bad = {}
    plain = {name.replace("_{}", ""): column for name, column in ours.items()}
    for name, expected in theirs.items():
        close = np.isclose(plain[name], expected, rtol=1e-6, atol=1e-8, equal_nan=True)
        if "Phase" in name:
            close |= theirs[name.replace("Phase", "Magnitude")] < 1e-9
        if not close.all():
            bad[name] = np.flatnonzero(~close)
    return bad


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("group", [*SHAPES, *CHANNELS, *PAIRS])
def test_plane(group, seed):
    labels, one, two = field(seed=seed)
    objects = label_objects(labels)
    function = (SHAPES | CHANNELS | PAIRS)[group]
    channels = () if group in SHAPES else (one,) if group in CHANNELS else (one, two)
    with np.errstate(all="ignore"):
        ours = function(objects, *channels)
    theirs = reference(group, labels, one, two)
    assert {name.replace("_{}", "") for name in ours} == set(theirs)
    assert not unequal(ours, theirs)


@pytest.mark.parametrize("group", [*VOLUME_SHAPES, *VOLUME_CHANNELS, *PAIRS])
def test_volume(group):
    labels, one, two = volume()
    objects = label_objects(labels)
    function = (VOLUME_SHAPES | VOLUME_CHANNELS | PAIRS)[group]
    channels = () if group in VOLUME_SHAPES else (one,) if group in VOLUME_CHANNELS else (one, two)
    theirs = reference(group, labels, one, two)
    assert not unequal(function(objects, *channels), theirs)


def test_images_of_other_sizes_and_constant_ones():
    for shape in ((64, 64), (61, 83), (7, 40)):
        labels = np.zeros(shape, np.int32)
        labels[1:6, 2:30] = 1
        labels[1:6, 31:38] = 2
        objects = label_objects(labels)
        for pixels in (np.full(shape, 0.25), np.zeros(shape)):
            for group, function in CHANNELS.items():
                with np.errstate(all="ignore"):
                    assert not unequal(function(objects, pixels), reference(group, labels, pixels, pixels)), group


def test_real_nuclei(data_dir):
    """Four real fields: all values equal, but Zernike's of objects whose circle rounding decides (in both)."""
    from micrographia.io.reading import read, read_labels

    folder = data_dir / "dsb2018" / "dev"
    different, count = 0, 0
    for path in sorted((folder / "images").glob("*.png"))[:4]:
        image = read(path)
        pixels = image.array().reshape(*image.array().shape[:2], -1)[..., 0] / 255.0
        labels = np.unique(read_labels(folder / "labels" / f"{path.stem}.tif").array("YX"), return_inverse=True)[1]
        labels = np.ascontiguousarray(labels.reshape(pixels.shape).astype(np.int32))
        objects = label_objects(labels)
        count += len(objects)
        for group, function in (SHAPES | CHANNELS).items():
            with np.errstate(all="ignore"):
                ours = function(objects, *(() if group in SHAPES else (pixels,)))
            bad = unequal(ours, reference(group, labels, pixels, pixels))
            assert not bad or group in ("zernike", "radial-zernike"), (path.name, group, bad)
            if group == "zernike":
                different += len(set(np.concatenate(list(bad.values())).tolist())) if bad else 0
    assert count > 150
    assert different <= 0.01 * count


@pytest.mark.parametrize("seed", range(4))
def test_costes_where_rounding_decides(seed):
    """Few grey levels of 8 bits: correlations of the background are often exactly 0, and their sign is rounding."""
    from cp_measure import bulk

    from micrographia.features.costes import costes

    rng = np.random.default_rng(seed)
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((5, 5), np.int32)).astype(np.int32)
    base = rng.integers(0, 3, labels.shape)
    one, two = ((base + rng.integers(0, 3, labels.shape)) / 255 for _ in range(2))
    objects = label_objects(labels)
    ours = costes(objects.first, one.ravel()[objects.position], two.ravel()[objects.position], 255.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = bulk.get_correlation_measurements()["costes"](one, two, labels, scale_max=255)
    np.testing.assert_allclose(ours.T, list(theirs.values()), rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("other", ["itself", "half", "share", "line"])
def test_costes_of_proportional_channels_is_equal_and_computes_few_correlations_again(seed, other, monkeypatch):
    """Every pixel lies on the regression line: all objects are searched again, but hardly a correlation is near 0."""
    from cp_measure import bulk

    from micrographia.features import costes as module

    again = []
    pearson = module._pearson
    monkeypatch.setattr(module, "_pearson", lambda x, y: again.append(1) or pearson(x, y))
    rng = np.random.default_rng(seed)
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((7, 7), np.int32)).astype(np.int32)
    one = rng.integers(0, (4, 256)[seed], labels.shape) / 255
    two = {"itself": one.copy(), "half": one / 2, "share": one * 0.3, "line": one * 0.37 + 0.1}[other]
    objects = label_objects(labels)
    ours = module.costes(objects.first, one.ravel()[objects.position], two.ravel()[objects.position], 255.0)
    assert len(again) <= len(objects) / 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = bulk.get_correlation_measurements()["costes"](one, two, labels, scale_max=255)
    np.testing.assert_allclose(ours.T, list(theirs.values()), rtol=1e-6, equal_nan=True)


def test_correlations_are_those_of_scipy_to_the_last_bit():
    from scipy.stats import pearsonr

    from micrographia.features.costes import _pearson

    rng = np.random.default_rng(0)
    for _ in range(300):
        x, y = rng.integers(0, rng.integers(2, 300), (2, rng.integers(3, 700))) / 255
        if np.ptp(x) > 0 and np.ptp(y) > 0:
            assert _pearson(x, y) == pearsonr(x, y)[0]
