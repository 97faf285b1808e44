"""The tables of the documentation, made from the results that are kept.

    python benchmarks/tables.py

Writes ``benchmarks/results/tables.md``, which ``docs/benchmarks.md`` includes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from annotation_tables import mitocheck_annotation
from cell_feature_tables import object_features
from class_tables import mitocheck_classes, object_scoring
from learned_tables import mitocheck_learned
from markdown_tables import Result, measured, reached, share, table, word
from pixel_tables import active_learning, isbi2012, painting, pixel_memory, pixel_speed, seeded
from quality_tables import image_quality

RESULTS = Path(__file__).parent / "results"
TABLES = RESULTS / "tables.md"

FLUORESCENCE_GOAL = (0.885, 0.865, 0.848, 0.815, 0.765, 0.680, 0.600, 0.480, 0.260)
BEST_PUBLISHED = (0.8641, 0.8361, 0.8043, 0.7545, 0.6850, 0.5974, 0.4910, 0.3738, 0.2258)
"""At each IoU the best of StarDist, Mask R-CNN and a 3-class U-Net (Schmidt et al. 2018)."""

FIRST_GOALS = {"stained": 0.68, "brightfield": 0.65}
SPEED_GOAL = 8.0
MEMORY_GOAL_GB = 1.5
GROWTH_GOAL = 1.15
START_GOAL = 0.4
SIZE_GOAL_MB = 850


def accuracy(result: Result) -> str:
    """Mean AP at each IoU, by kind of image."""
    numbers = result["numbers"]
    header = ["", "images", *(f"{iou:.2f}".lstrip("0") for iou in numbers["iou"])]
    rows = []
    for kind, row in numbers["kinds"].items():
        rows.append([f"**{kind}**", str(row["images"]), *(f"**{share(v)}**" for v in row["ap"])])
        spans = (f"{share(a)}–{share(b)}" for a, b in zip(row["ap_low"], row["ap_high"], strict=True))
        rows.append(["95 % interval", "", *spans])
        if kind == "fluorescence":
            rows.append(["goal", "", *map(share, FLUORESCENCE_GOAL)])
            rows.append(["best published", "", *map(share, BEST_PUBLISHED)])
            reached = [v >= goal for v, goal in zip(row["ap"], FLUORESCENCE_GOAL, strict=True)]
            rows.append(["goal reached", "", *map(word, reached)])
            specks = numbers["without_specks"]
            rows.append([f"without objects below {specks['pixels']} pixels", "", *map(share, specks["ap"])])
        else:
            goal = FIRST_GOALS[kind]
            blank = [""] * (len(row["ap"]) - 1)
            rows.append(["goal", "", share(goal), *blank])
            rows.append(["goal reached", "", word(row["ap"][0] >= goal), *blank])
    counts = []
    for kind, row in numbers["kinds"].items():
        error = f"{row['count_error_relative']:+.1%}"
        counts.append(
            [kind, f"{row['nuclei']:,}", f"{row['found']:,}", error, f"{row['count_error_mean_absolute']:.1f}"]
        )
    return "\n\n".join(
        [
            "## Accuracy of the built-in model",
            "The package as a user runs it: mean over images of TP / (TP + FP + FN) at each IoU, as in the StarDist "
            "paper. "
            f"{measured(result)} {numbers['intervals']}",
            "Best published: at each IoU the best of StarDist, Mask R-CNN and a 3-class U-Net, trained and tested on a "
            "random 447/50 split of fluorescence images of the same source (Schmidt et al. 2018), which are other test "
            "images than these.",
            table(header, rows),
            "Nuclei counted on the same images:",
            table(["", "true", "found", "error of the sum", "mean absolute error an image"], counts),
        ]
    )


def decoding(result: Result) -> str:
    """What each step of the decoding is worth."""
    n = result["numbers"]
    header = ["", "images", *(f"{iou:.2f}".lstrip("0") for iou in n["iou"])]
    rows = [
        [name, kind, *map(share, values)]
        for kind in next(iter(n["ap"].values()))
        for name, kinds in n["ap"].items()
        for values in [kinds[kind]]
    ]
    return "\n\n".join(
        [
            "## What each step of the decoding is worth",
            "The built-in model with one step left out; mean AP at each IoU. These images chose the thresholds: the "
            f"numbers compare decodings, and do not say how good the model is. {measured(result)}",
            table(header, rows),
        ]
    )


def speed(result: Result) -> str:
    """Seconds per megapixel beside StarDist's."""
    n = result["numbers"]
    low, high = n["ratio_low_high"]
    versions = n["versions"]
    peer = f"StarDist {versions['stardist']}, TensorFlow {versions['tensorflow']}"
    rows = [
        ["Micrographia", f"**{n['ours']:.3f}**", f"{n['ours_fastest']:.3f}", _stages(n["ours_stages"])],
        [peer, f"{n['stardist']:.3f}", f"{n['stardist_fastest']:.3f}", _stages(n["stardist_stages"])],
    ]
    return "\n\n".join(
        [
            "## Speed on the CPU",
            f"From array to labels on {n['cores']} cores, both warm, the same images in turn, median of {n['runs']} "
            f"runs each. {measured(result)}",
            table(["", "seconds per megapixel", "fastest run", "of which (profiled)"], rows),
            f"StarDist takes **{n['ratio']:.1f} times** as long (pair by pair; 5th to 95th percentile {low:.1f} to "
            f"{high:.1f}); goal: {SPEED_GOAL:.0f} times; {reached(n['ratio'] >= SPEED_GOAL)}.",
            "StarDist runs the configuration of its pretrained 2D_versatile_fluo with untrained weights, since the "
            "pretrained ones would have to be downloaded; the network's time does not depend on them. Its candidates, "
            "suppression and polygons then work on probabilities and distances made from the true labels, as a well "
            "trained network gives them.",
        ]
    )


def large(result: Result) -> str:
    """Memory and time of an image larger than memory."""
    n = result["numbers"]
    rows = [
        ["peak memory (GB)", f"{n['small_peak_gb']:.2f}", f"**{n['peak_gb']:.2f}**", f"< {MEMORY_GOAL_GB}"],
        _growth("seconds per megapixel, all", n["small_seconds_per_megapixel"], n["seconds_per_megapixel"]),
        _growth(
            "of which objects found and written",
            n["found_small_seconds_per_megapixel"], n["found_seconds_per_megapixel"],
        ),
    ]  # fmt: skip
    reached = (n["peak_gb"] < MEMORY_GOAL_GB, n["ratio"] <= GROWTH_GOAL, n["found_ratio"] <= GROWTH_GOAL)
    rows = [[*row, word(yes)] for row, yes in zip(rows, reached, strict=True)]
    return "\n\n".join(
        [
            "## Images larger than memory",
            "OME-Zarr to label OME-Zarr by what `micrographia segment` does with one input: objects found, measured "
            f"and written, with pyramid, table and overlay. {n['objects']:,} objects in {n['seconds']:.0f} s. "
            f"{measured(result)}",
            table(["", f"{n['small_side']:,}²", f"{n['side']:,}²", "goal", "reached"], rows),
        ]
    )


def _growth(name: str, small: float, large: float) -> list[str]:
    return [name, f"{small:.3f}", f"**{large:.3f}**", f"≤ {small * GROWTH_GOAL:.3f}"]


def startup(result: Result) -> str:
    """Seconds before anything happens."""
    n = result["numbers"]
    names = {"import": "`import micrographia`", "help": "`micrographia --help`", "python": "Python alone"}
    rows = []
    for key, name in names.items():
        goal = [f"< {START_GOAL}", word(n[key] < START_GOAL)] if key != "python" else ["", ""]
        rows.append([name, f"{n[key]:.2f}", f"{n[f'{key}_slowest']:.2f}", *goal])
    return "\n\n".join(
        [
            "## Starting",
            measured(result),
            table(["", "seconds", "slowest", "goal", "reached"], rows),
        ]
    )


def install_size(result: Result) -> str:
    """Megabytes of a plain install."""
    n = result["numbers"]
    total = n["total_mb"]
    most = list(n["packages_mb"].items())[:10]
    rest = total - sum(size for _, size in most)
    rows = [[name, f"{size:.0f}"] for name, size in most]
    rows += [["all others", f"{rest:.0f}"], ["**in all**", f"**{total:.0f}**"]]
    return "\n\n".join(
        [
            "## Installed size",
            f"{measured(result)} Megabytes (2²⁰ bytes) on disk as `du -m` counts them; goal: < {SIZE_GOAL_MB}; "
            f"{reached(total < SIZE_GOAL_MB)}.",
            table(["package", "MB"], rows),
        ]
    )


SECTIONS: dict[str, Callable[[Result], str]] = {
    "accuracy": accuracy,
    "decoding": decoding,
    "speed": speed,
    "large": large,
    "startup": startup,
    "install_size": install_size,
    "pixel_speed": pixel_speed,
    "pixel_memory": pixel_memory,
    "painting": painting,
    "seeded": seeded,
    "active_learning": active_learning,
    "isbi2012": isbi2012,
    "image_quality": image_quality,
    "object_features": object_features,
    "mitocheck_classes": mitocheck_classes,
    "mitocheck_learned": mitocheck_learned,
    "mitocheck_annotation": mitocheck_annotation,
    "object_scoring": object_scoring,
}


def tables(folder: Path = RESULTS) -> str:
    """The Markdown of all results in a folder, in the order of `SECTIONS`, and where they were measured."""
    parts, machines = [], []
    for name, section in SECTIONS.items():
        path = folder / f"{name}.json"
        if path.exists():
            result = json.loads(path.read_text(encoding="utf-8"))
            parts.append(section(result))
            machines.append([parts[-1].splitlines()[0].removeprefix("## "), *_where(result)])
    if not parts:
        return "There are no results yet.\n"
    places = table(["", "version", "date", "processor", "cores", "memory", "Python", "system"], machines)
    return "\n\n".join([*parts, "## Where this was measured", places]) + "\n"


def _where(result: Result) -> list[str]:
    at = result["machine"]
    memory = f"{at['memory_gb']:.0f} GB"
    return [result["version"], result["date"], at["cpu"], str(at["cores"]), memory, at["python"], at["os"]]


def _stages(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in seconds.items())


if __name__ == "__main__":
    TABLES.write_text(tables(), encoding="utf-8")
    print(TABLES.read_text(encoding="utf-8"), end="")
