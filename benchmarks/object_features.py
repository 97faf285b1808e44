"""Features of objects: processor seconds for one image of 2048 x 2048 pixels with two channels, beside cp_measure.

    python benchmarks/object_features.py

Both measure the same nuclei in the same process, one after the other, group by group; the program is warm (compiled
code loaded). Seconds are those that the processor worked for it, over all threads, so that other work on the machine
does not count and threads are no advantage. The second channel is a blurred mixture of the first with noise. Values
of both are compared as well. Costes' search makes up much of cp_measure's time and is not among its defaults for
floating-point images, so the total is given without it, too (cp_measure's without, ours with).
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from fields import mosaics
from record import record
from scipy.ndimage import gaussian_filter

from micrographia.features.cell_measurements import CHANNELS, PAIRS, SHAPES
from micrographia.features.cells import measure_cells
from micrographia.features.label_objects import LabelObjects, label_objects
from micrographia.models.runtime import usable_cores

SIDE = 2048
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


def theirs(labels: np.ndarray, one: np.ndarray, two: np.ndarray) -> dict[str, Callable[[], Any]]:
    """cp_measure's work for each of our groups, on both channels where a group has channels."""
    from cp_measure import bulk
    from cp_measure.core.measurecolocalization import get_correlation_overlap

    core, pairs = bulk.get_core_measurements(), bulk.get_correlation_measurements()
    neighbours = bulk.get_multimask_measurements()["neighbors"]

    def colocalisation() -> None:
        for name in ("pearson", "manders_fold", "rwc"):
            pairs[name](one, two, labels)
        get_correlation_overlap(one, two, labels)

    calls: dict[str, Callable[[], Any]] = {group: _over(core[THEIRS[group]], labels, (one,)) for group in SHAPES
                                           if group in THEIRS}  # fmt: skip
    calls["neighbours"] = lambda: neighbours(labels, labels)
    calls |= {group: _over(core[THEIRS[group]], labels, (one, two)) for group in CHANNELS}
    calls["colocalisation"] = colocalisation
    calls["costes"] = lambda: pairs["costes"](one, two, labels, scale_max=65535)
    return calls


def _over(function: Callable[..., Any], labels: np.ndarray, channels: tuple[np.ndarray, ...]) -> Callable[[], Any]:
    return lambda: [function(labels, channel) for channel in channels]


def ours(objects: LabelObjects, one: np.ndarray, two: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Our groups, one after the other on one thread; colocalisation with Costes."""
    calls: dict[str, Callable[[], Any]] = {group: _over_shapes(function, objects) for group, function in SHAPES.items()}
    calls |= {group: _over_channels(function, objects, (one, two)) for group, function in CHANNELS.items()}
    calls["colocalisation"] = lambda: PAIRS["colocalisation"](objects, one, two)
    return calls


def _over_shapes(function: Callable[..., Any], objects: LabelObjects) -> Callable[[], Any]:
    return lambda: function(objects)


def _over_channels(
    function: Callable[..., Any], objects: LabelObjects, channels: tuple[np.ndarray, ...]
) -> Callable[[], Any]:
    return lambda: [function(objects, channel) for channel in channels]


def seconds(call: Callable[[], Any], repeats: int) -> float:
    """Median of the processor time of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            call()
        times.append(time.process_time() - start)
    return float(np.median(times))


def different(labels: np.ndarray, one: np.ndarray, table: Any) -> dict[str, float]:
    """Share of the values of the first channel that differ by more than a part in a million, for some groups."""
    from cp_measure import bulk

    core, out = bulk.get_core_measurements(), {}
    for group in ("shape", "intensity", "texture", "granularity", "radial", "zernike"):
        with np.errstate(all="ignore"):
            found = core[THEIRS[group]](labels, one)
        bad, count = 0, 0
        for name, column in found.items():
            ends = (name, f"AreaShape_{name}", f"{name}_one", f"Texture_{name}")
            key = next((f"Nuclei_{end}" for end in ends if f"Nuclei_{end}" in table), None)
            if key is None:  # the channel stands in the middle of the name
                head = f"Texture_{name}" if group == "texture" else name
                parts = head.split("_")
                key = f"Nuclei_{'_'.join([*parts[:2], 'one', *parts[2:]])}"
            same = np.isclose(table[key], np.asarray(column, float), rtol=1e-6, atol=1e-8, equal_nan=True)
            bad, count = bad + int((~same).sum()), count + len(same)
        out[group] = bad / count
    return out


def main() -> None:
    """Measure both, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="of ours; cp_measure is measured once")
    parser.add_argument("--side", type=int, default=SIDE)
    options = parser.parse_args()
    (image,), (labels,), words = mosaics(1, options.side)
    rng = np.random.default_rng(0)
    second = 0.5 * gaussian_filter(image.astype(float), 3) + 0.3 * image + rng.normal(0, 400, image.shape)
    second = np.clip(second, 0, 65535).astype(np.uint16)
    one, two = image / 65535, second / 65535

    def whole() -> Any:
        return measure_cells(labels, np.stack([image, second]), channels=["one", "two"])

    table = whole()
    objects = label_objects(labels)
    mine = ours(objects, one, two)
    for call in mine.values():
        seconds(call, 1)  # warm
    cp = theirs(labels, one, two)
    total = seconds(whole, options.repeats)
    rows = {group: {"ours": seconds(call, options.repeats), "cp_measure": seconds(cp[group], 1)}
            for group, call in mine.items()}  # fmt: skip
    costes = seconds(cp["costes"], 1)
    without = sum(row["cp_measure"] for row in rows.values())
    rows["colocalisation"]["cp_measure"] += costes
    for row in rows.values():
        row["ratio"] = round(row["cp_measure"] / row["ours"], 1)
    numbers = {
        "cores": usable_cores(),
        "objects": len(objects),
        "features": len(table.columns),
        "ours": round(total, 2),
        "cp_measure": round(without + costes, 2),
        "ratio": round((without + costes) / total, 1),
        "cp_measure_without_costes": round(without, 2),
        "ratio_without_costes": round(without / total, 1),
        "groups": {name: {key: round(value, 3) for key, value in row.items()} for name, row in rows.items()},
        "share_of_values_that_differ": different(labels, one, table),
    }
    record("object_features", words, numbers)


if __name__ == "__main__":
    main()
