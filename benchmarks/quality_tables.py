"""The tables about the quality of images."""

from __future__ import annotations

from markdown_tables import Result, measured, reached, share, table, word

AUC_GOAL = 0.95
WITHIN = 0.20
"""Goal for the relative error of the blur."""

_SETS = {"dev": "dsb2018/dev", "bbbc013": "bbbc013"}


def image_quality(result: Result) -> str:
    """Blur in pixels, sharp or blurred, faults that were made, cells out of focus."""
    n = result["numbers"]
    blurs, aucs = [], []
    for key, name in _SETS.items():
        row = n["blur"][key]
        for blur, found in row["errors"].items():
            median = found["total_median_error"]
            goal = word(median <= WITHIN) if blur.startswith("all") else ""
            blurs.append(
                [f"{name}, σ {blur}", str(found["images"]), f"**{median:.1%}**", f"{found['total_within']:.0%}"]
                + [f"{found['added_median_error']:.1%}", f"{found['added_within']:.0%}"]
                + [f"{found['added_own_known_median_error']:.1%}", goal]
            )
        for measure, found in row["auc"].items():
            best = measure == "BlurSigma"
            aucs.append(
                [f"{name}, {measure}", *(share(found[b]) for b in ("1", "2", "3", "5", "all", "all, noise"))]
                + [word(found["all"] >= AUC_GOAL) if best else ""]
            )
    faults = []
    for key, name in _SETS.items():
        for fault, row in n["faults"][key].items():
            if isinstance(row, dict):
                some = [f"{row['found']:.0%}", share(row["auc"])] if row["made"] else ["", ""]
                faults.append([f"{name}, {fault}", str(row["made"]), *some, f"{row['false']:.1%}"])
        faults.append([f"{name}, any", "", "", "", f"{1 - n['faults'][key]['no_flag']:.1%}"])
    m = n["mitocheck"]
    feature, alone = next(iter(m["single"].items()))
    blur_header = ["", "images", "error of all blur, median", "within 20 %", "error of the added blur, median"]
    return "\n\n".join(
        [
            "## Quality of images",
            f"{measured(result)} Constants were chosen on dsb2018/train.",
            "Blur: images are blurred by a Gaussian of known σ (pixels) and rounded to 8 bits; *noise* means that "
            "camera noise as strong as the image's own comes after it. All blur is √(own² + added²), where own is "
            "what is found in the image as it is; the added blur alone is estimated as if every image had the own blur "
            "of the median training image, and with its own blur known. Images that are out of focus as they are "
            f"(σ above the flag's limit; {_left_out(n)}) are left out. Goal: median error ≤ 20 %.",
            table([*blur_header, "within 20 %", "own blur known, median", "reached"], blurs),
            f"Sharp or blurred: area under the ROC curve (goal ≥ {share(AUC_GOAL)}) of all images as they are against "
            "the same blurred by σ.",
            table(["", "σ 1", "2", "3", "5", "1 to 5", "1 to 5, noise", "reached"], aucs),
            "Faults made on purpose: share of the images with a fault that get its flag, and share of the images as "
            "they are that get it, which includes images that do have the fault; debris that was made is 6 to 10 times "
            "as bright as the objects. How much brighter than the brightest objects debris must be was chosen on "
            "dsb2018/train and on wells of bbbc013 that are not among these, so that dividing and dying cells are no "
            "debris; fainter debris is missed for it.",
            table(["", "made", "found", "AUC", "flagged as they are"], faults),
            f"MitoCheck's class OutOfFocus ({m['out_of_focus']} of {m['crops']:,} crops of 64 × 64 pixels, from "
            f"{m['groups_out_of_focus']} of {m['groups']} wells) against all others: AUC {share(m['auc_grouped'])} for "
            "a logistic regression on the columns of `measure --features quality`, each well judged by a model that "
            f"never saw it; {share(m['blur_sigma'])} for the blur alone and {share(alone)} for {feature}, the best "
            f"single column, without any training (goal ≥ {share(AUC_GOAL)}; {reached(m['auc_grouped'] >= AUC_GOAL)}).",
        ]
    )


def _left_out(numbers: dict) -> str:
    return ", ".join(
        f"{numbers['blur'][key]['images'] - numbers['blur'][key]['sharp_images']} of {numbers['blur'][key]['images']}"
        f" of {name}"
        for key, name in _SETS.items()
    )
