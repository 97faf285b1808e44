"""The sections of the tables that are about pixel classification."""

from __future__ import annotations

from markdown_tables import Result, measured, reached, share, table, word

VIGRA_GOAL, SCIKIT_GOAL = 6.0, 4.0
PIXEL_MEMORY_GOAL_GB = 1.5
COARSE_GOAL, FULL_GOAL, FIRST_GOAL = 0.15, 0.5, 1.2
LEARNING_GOAL = 0.5
RAND_GOAL = 0.90


def pixel_speed(result: Result) -> str:
    """Features and forest beside ilastik's engine and scikit-learn's."""
    n = result["numbers"]
    rows, right = [], []
    for name, of in n["seconds"].items():
        ratios = n["ratios"][name]
        rows.append(
            [name, f"**{of['ours']['both']:.2f}**", f"{of['vigra']['both']:.2f}", f"**{ratios['vigra']:.1f}**"]
            + [word(ratios["vigra"] >= VIGRA_GOAL), f"**{ratios['scikit_features']:.1f}**"]
            + [f"**{ratios['scikit_forest']:.1f}**"]
            + [word(min(ratios["scikit_features"], ratios["scikit_forest"]) >= SCIKIT_GOAL)]
        )
    for name, of in n["right"].items():
        more = [
            f"{100 * of[f'more than {p}'][0]:+.2f} ± {100 * of[f'more than {p}'][1]:.2f}" for p in ("vigra", "scikit")
        ]
        right.append([name, *(f"{100 * of[p]:.2f}" for p in ("ours", "vigra", "scikit")), *more])
    return "\n\n".join(
        [
            "## Classifying pixels beside ilastik's engine",
            f"{n['maps']} feature maps and {n['trees']} trees on 1,024 × 1,024 pixels, {n['threads']} threads, median "
            f"of {n['rounds']} rounds in turn. ilastik's engine is vigra {n['vigra']}: its filters and its forest. "
            f"scikit-image's {n['scikit_maps']} maps are compared for each map, scikit-learn's forest for each tree. "
            f"Growing our forest from 10,000 painted pixels took {max(n['growing'].values()):.2f} s. "
            f"{measured(result)}",
            table(
                ["", "ours (s)", "vigra (s)", f"vigra takes (goal ≥ {VIGRA_GOAL:.0f} ×)", "reached"]
                + [f"scikit-image takes (goal ≥ {SCIKIT_GOAL:.0f} ×)", "scikit-learn takes", "reached"],
                rows,
            ),
            "Pixels in the right class, %, mean over ten sets of strokes, each on other images of the same source; "
            "differences with their standard error:",
            table(["", "ours", "vigra", "scikit", "ours − vigra", "ours − scikit"], right),
        ]
    )


def pixel_memory(result: Result) -> str:
    """Peak memory and time of large images and volumes."""
    n = result["numbers"]
    image, volume = n["image"], n["volume_result"]
    rows = [
        [name, f"**{row['peak_gb']:.2f}**", word(row["peak_gb"] < PIXEL_MEMORY_GOAL_GB), f"{row['seconds']:.0f}"]
        for name, row in ((f"{n['side']:,}² pixels", image), (f"{n['volume']}³ voxels", volume))
    ]
    return "\n\n".join(
        [
            "## Classifying pixels of images larger than memory",
            "OME-Zarr to probabilities as OME-Zarr with their pyramid, 7 scales and 6 filters, 100 trees, by what "
            f"`micrographia classify pixels` does with one input. {measured(result)}",
            table(["", f"peak memory (GB, goal < {PIXEL_MEMORY_GOAL_GB})", "reached", "seconds"], rows),
        ]
    )


def painting(result: Result) -> str:
    """Seconds from a stroke to what is seen."""
    n = result["numbers"]
    few, many, first = n["few"], n["many"], n["very_first"]
    rows = []
    for name, row in (
        (f"{few['pixels']:,.0f} painted pixels", few),
        (f"{many['pixels']:,.0f} painted pixels", many),
    ):
        yes = row["coarse"] < COARSE_GOAL and row["full"] < FULL_GOAL
        rows.append(
            [f"features cached, {name}", f"{row['coarse']:.3f}", f"**{row['full']:.3f}**", f"{row['slowest']:.3f}"]
            + [f"< {COARSE_GOAL}, < {FULL_GOAL}", word(yes)]
        )
    rows.append(
        ["the very first time", f"{first['first']:.3f} (a tile)", f"**{first['full']:.3f}**", f"{first['slowest']:.3f}"]
        + [f"< {FIRST_GOAL}", word(first["full"] < FIRST_GOAL)]
    )
    return "\n\n".join(
        [
            "## Painting: from a stroke to what is seen",
            f"A viewport of {n['side']:,} × {n['side']:,} pixels of a larger image, default features and forest, "
            f"{n['cores']} cores, medians of {n['repeats']} strokes, in seconds. The features of its tiles take "
            f"{few['memory_mb']:.0f} MB. {measured(result)}",
            table(["", "first view", "full quality", "slowest", "goal", "reached"], rows),
        ]
    )


def seeded(result: Result) -> str:
    """Random walker and graph cut beside other programs."""
    n = result["numbers"]
    rows = []
    for name, row in n["rows"].items():
        own = n["rows"][name.split(",")[0]]["seconds"]
        times = f"{row['seconds'] / own:.1f}" if "," in name else ""
        rows.append([name, f"{row['seconds']:.2f}", f"{row['slowest']:.2f}", times, f"{row['iou']:.3f}"])
    return "\n\n".join(
        [
            "## Random walker and graph cut from strokes",
            f"512 × 512 pixels, strokes on 2 % of them, median of {n['slices']} slices; IoU of one neuron, "
            f"mean. Noise instead of a picture, between two borders, is cut in {n['noise']['graph cut']:.1f} s, by "
            f"scipy in {n['noise']['graph cut, scipy']:.1f} s. {measured(result)}",
            table(["", "seconds", "slowest", "times as long as ours", "IoU"], rows),
        ]
    )


def active_learning(result: Result) -> str:
    """Stroke pixels at suggested and at random places."""
    n = result["numbers"]
    rows = []
    for name, row in n["sets"].items():
        numbers = [f"{row['full_accuracy']:.3f}", f"{row['random']:.0f}", f"**{row['suggested']:.0f}**"]
        part = f"{row['share']:.2f}; {reached(row['share'] <= LEARNING_GOAL)}"
        missed = f"{row['not_reached']['random']}, {row['not_reached']['suggested']}"
        rows.append([name, *numbers, part, missed])
    header = ["", "accuracy with all labels", "random places", "suggested places", "share (goal ≤ .50)", "not reached"]
    return "\n\n".join(
        [
            "## Where to paint next",
            f"Painted pixels until 95 % of the accuracy with all labels is reached and held, mean of "
            f"{next(iter(n['sets'].values()))['seeds']} seeds; a simulated user takes the true labels under strokes of "
            f"{n['length']} pixels, one after the other. Runs that did not reach it (last column: random, "
            f"suggested) count with what they had painted when they were ended. {measured(result)}",
            table(header, rows),
        ]
    )


def isbi2012(result: Result) -> str:
    """Rand scores of neurons from strokes."""
    n = result["numbers"]
    seeds = n["seeds"]
    rows = []
    for name, row in n["rows"].items():
        means = {key: sum(values) / len(values) for key, values in row.items()}
        goal = ["", ""]
        if name == "auto-context, boundary workflow":
            goal = [f"≥ {share(RAND_GOAL)}", word(means["score"] >= RAND_GOAL)]
        span = f"{share(min(row['score']))}–{share(max(row['score']))}"
        rows.append(
            [name, f"**{share(means['score'])}**", span, share(means["split"]), share(means["merge"])]
            + [share(means["pixels"]), *goal]
        )
    header = ["", "Rand score", "over seeds", "split score", "merge score", "pixels right", "goal", "reached"]
    return "\n\n".join(
        [
            "## Neurons in electron microscopy from strokes",
            f"Simulated strokes on at most {n['painted']:.0%} of the pixels of each training slice, {seeds} sets of "
            "them; nothing else is learned from. Foreground-restricted Rand score of the ISBI 2012 challenge, mean "
            "over slices. The threshold of the plain segmentation and all settings were chosen on slices 14 to 17. "
            f"{measured(result)}",
            table(header, rows),
        ]
    )
