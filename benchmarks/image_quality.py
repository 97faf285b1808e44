"""Quality of images: blur in pixels, sharp or blurred, faults made on purpose, cells out of focus in MitoCheck.

    python benchmarks/image_quality.py                     numbers for the documentation
    python benchmarks/image_quality.py --only faults       that part alone; the others stay as they were measured
    python benchmarks/image_quality.py --choose            the constants of the package, from training images alone

Constants are chosen on dsb2018/train, those of debris also on wells of bbbc013 with even numbers. Numbers are reported
on dsb2018/dev and wells of bbbc013 with odd numbers, on which nothing was chosen, and on MitoCheck by groups of plate
and well.
"""

from __future__ import annotations

import argparse
import json

import mitocheck
import numpy as np
import pandas as pd
from image_faults import BLURS, FAULTS, blurred, good_images
from record import RESULTS, record
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler

from micrographia.features.blur import SHARP, BlurFit, calibrated, fit_spectrum
from micrographia.features.feature_table import feature_columns, feature_matrix, groups
from micrographia.features.focus import normalized_variance, power_log_log_slope
from micrographia.features.plane_quality import PREFIX, grey, plane_levels, plane_quality
from micrographia.features.quality import focus_score
from micrographia.features.quality_flags import FLAGS, find_flags

MOST = {"train": 30, "dev": None, "bbbc013": 12}
"""Images of each kind; bbbc013 has two kinds, the channels."""

FOCUS = ("BlurSigma", "PowerLogLogSlope", "LaplacianVariance", "FocusScore")
WITHIN = 0.2
MADE = [flag for flag in FLAGS if flag.name in {"out of focus", *FAULTS}]
STEPS = 3.0
"""Blur in pixels of the images out of focus from which the limit of that flag is chosen: 2 and 3 in equal parts."""


def blur_table(which: str) -> pd.DataFrame:
    """Every image, as it is and blurred, with and without camera noise after the blur: its focus measures."""
    rng = np.random.default_rng(0)
    rows = []
    for name, kind, image in good_images(which, MOST[which]):
        for sigma in (0.0, *BLURS):
            for noisy in (False, True) if sigma else (False,):
                plane = grey(blurred(image, sigma, rng if noisy else None) if sigma else image)
                plane = np.rint(plane)
                fit = fit_spectrum(plane)
                rows.append(
                    {
                        "name": name,
                        "kind": kind,
                        "added": sigma,
                        "noisy": noisy,
                        "sigma": fit.sigma,
                        "reach": fit.reach,
                        "BlurSigma": calibrated(fit),
                        "PowerLogLogSlope": power_log_log_slope(plane),
                        "LaplacianVariance": focus_score(plane),
                        "FocusScore": normalized_variance(plane),
                    }
                )
    table = pd.DataFrame(rows)
    own = table[table["added"] == 0].set_index("name")["BlurSigma"]
    return table.assign(own=table["name"].map(own))


def errors(table: pd.DataFrame) -> dict[str, float]:
    """Relative errors of the whole blur, and of the blur that was added, with the own blur unknown and known."""
    added, found, own = (table[name].to_numpy(float) for name in ("added", "BlurSigma", "own"))
    out: dict[str, float] = {"images": int(table["name"].nunique())}
    guesses = {
        "total": found / np.hypot(own, added),
        "added": np.sqrt(np.maximum(found**2 - SHARP**2, 0)) / added,
        "added_own_known": np.sqrt(np.maximum(found**2 - own**2, 0)) / added,
    }
    for name, ratio in guesses.items():
        off = np.abs(ratio - 1)
        out[f"{name}_median_error"] = round(float(np.median(off)), 4)
        out[f"{name}_within"] = round(float(np.mean(off <= WITHIN)), 4)
    return out


def blur_numbers(which: str) -> dict:
    """Errors and AUC on one set of images."""
    table = blur_table(which)
    sharp = table[table["own"] < limit("out of focus")]
    out: dict = {
        "images": int(table["name"].nunique()),
        "sharp_images": int(sharp["name"].nunique()),
        "own_sigma": round(float(table[table["added"] == 0]["BlurSigma"].median()), 3),
        "auc": {},
        "errors": {},
    }
    for column in FOCUS:
        sign = 1 if column == "BlurSigma" else -1
        good = sign * table[table["added"] == 0][column]
        out["auc"][column] = {
            f"{key}{', noise' if noisy else ''}": round(_auc(sign * rows[column], good), 4)
            for noisy in (False, True)
            for key, rows in _by_blur(table[table["noisy"] == noisy])
        }
    for noisy in (False, True):
        for key, rows in _by_blur(sharp[sharp["noisy"] == noisy]):
            out["errors"][f"{key}{', noise' if noisy else ''}"] = errors(rows)
    blurs = sharp[(sharp["added"] > 0) & ~sharp["noisy"]]
    out["errors_by_kind"] = {kind: errors(rows) for kind, rows in blurs.groupby("kind")}
    out["all_images"] = errors(table[(table["added"] > 0) & ~table["noisy"]])
    return out


def _by_blur(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    some = table[table["added"] > 0]
    return [("all", some), *((f"{sigma:g}", some[some["added"] == sigma]) for sigma in BLURS)]


def _auc(bad: pd.Series, good: pd.Series) -> float:
    return float(roc_auc_score([1] * len(bad) + [0] * len(good), np.r_[bad, good]))


def fault_table(which: str) -> pd.DataFrame:
    """Every image, as it is and with each fault: all columns of its quality."""
    rng = np.random.default_rng(1)
    rows = []
    for name, kind, image in good_images(which, MOST[which]):
        levels = plane_levels(image)
        made = {"": image, "out of focus": blurred(image, float(rng.choice([2.0, STEPS])), rng)}
        if np.isfinite(levels.objects.objects):
            dark_only = {"saturated"} if levels.bright else set()
            made |= {fault: make(image, rng) for fault, make in FAULTS.items() if fault not in dark_only}
        rows += [{"name": name, "kind": kind, "fault": fault} | plane_quality(pixels) for fault, pixels in made.items()]
    return pd.DataFrame(rows)


def fault_numbers(which: str) -> dict:
    """Share of the images with a fault that have its flag, and of the images as they are that have it."""
    table = fault_table(which)
    said = [{f.flag.name for f in find_flags(row)} for row in table.to_dict("records")]
    plain = table["fault"].to_numpy() == ""
    out: dict = {"images": int(plain.sum())}
    for flag in MADE:
        has = np.array([flag.name in names for names in said])
        with_fault = table["fault"].to_numpy() == flag.name
        column = table[PREFIX + flag.column].fillna(0) * (1 if flag.above else -1)
        out[flag.name] = {
            "made": int(with_fault.sum()),
            "found": round(float(has[with_fault].mean()), 4) if with_fault.any() else None,
            "false": round(float(has[plain].mean()), 4),
            "auc": round(_auc(column[with_fault], column[plain]), 4) if with_fault.any() else None,
        }
    out["no_flag"] = round(float(np.mean([not said[i] for i in np.flatnonzero(plain)])), 4)
    return out


def limit(flag: str) -> float:
    """Limit of a flag by name."""
    return next(f.limit for f in FLAGS if f.name == flag)


def mitocheck_numbers() -> dict:
    """Class OutOfFocus against the others: the best single feature, and a small model on unseen plates and wells."""
    images, keys = mitocheck.crops()
    table = pd.concat([keys, pd.DataFrame([plane_quality(image) for image in images])], axis=1)
    truth = (table["Class"] == "OutOfFocus").to_numpy()
    names = [name for name in feature_columns(table) if name.startswith(PREFIX) and table[name].nunique() > 1]
    matrix = np.nan_to_num(feature_matrix(table, names))
    single = {name: roc_auc_score(truth, matrix[:, k]) for k, name in enumerate(names)}
    order = sorted(single, key=lambda name: -abs(single[name] - 0.5))
    scores = np.full(len(truth), np.nan)
    folds = []
    splits = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(matrix, truth, groups(table))
    for train, test in splits:
        model = make_pipeline(RobustScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000))
        model.fit(_tamed(matrix[train]), truth[train])
        scores[test] = model.predict_proba(_tamed(matrix[test]))[:, 1]
        if truth[test].any():
            folds.append(round(float(roc_auc_score(truth[test], scores[test])), 4))
    return {
        "crops": len(truth),
        "out_of_focus": int(truth.sum()),
        "groups": len(set(groups(table))),
        "groups_out_of_focus": len(set(groups(table)[truth])),
        "auc_grouped": round(float(roc_auc_score(truth, scores)), 4),
        "auc_folds": folds,
        "single": {name: round(float(max(single[name], 1 - single[name])), 4) for name in order[:5]},
        "blur_sigma": round(float(single[f"{PREFIX}BlurSigma"]), 4),
    }


def _tamed(matrix: np.ndarray) -> np.ndarray:
    """Logarithms of what has a long tail; the sign is kept."""
    return np.sign(matrix) * np.log1p(1000 * np.abs(matrix))


def choose() -> None:
    """Print the constants: calibration of the blur, odds of being in focus, limits of the flags."""
    table = blur_table("train")
    own = table[table["added"] == 0].set_index("name")["sigma"]
    some = table[table["added"] > 0]
    sigma, reach = some["sigma"].to_numpy(), some["reach"].to_numpy()
    aim = np.log(np.hypot(some["name"].map(own), some["added"]).to_numpy() / sigma)
    terms = np.stack([np.ones(len(sigma)), np.log(sigma), np.log(np.clip(sigma * reach, 0.2, 5))], axis=1)
    counts = some.groupby("kind")["name"].nunique()
    weight = np.sqrt(counts.max() / some["kind"].map(counts)).to_numpy()
    found = np.zeros(3)
    for _ in range(20):  # least absolute deviations
        w = weight / np.maximum(np.abs(aim - terms @ found), 0.05)
        found = np.linalg.lstsq(terms * np.sqrt(w)[:, None], aim * np.sqrt(w), rcond=None)[0]
    print("CALIBRATION", np.round(found, 3))
    values = [calibrated(BlurFit(row.sigma, 0.0, row.reach)) for row in table[table["added"] == 0].itertuples()]
    print("SHARP", round(float(np.median(values)), 3))
    focus = table[table["added"] != 1]
    model = LogisticRegression(C=100, class_weight="balanced")
    model.fit(np.log(focus[["BlurSigma"]].to_numpy()), focus["added"] == 0)
    print("IN_FOCUS", round(float(model.intercept_[0]), 2), round(float(model.coef_[0, 0]), 2))
    faults = fault_table("train")
    for flag in MADE:
        print(flag.name, flag.column, *_limit(faults, flag.name, flag.column, flag.above))


def _limit(table: pd.DataFrame, fault: str, column: str, above: bool) -> tuple[float, float, float]:
    """The limit with the largest share found less five times the share false, since faults are rare; both shares."""
    sign = 1 if above else -1
    values = sign * table[PREFIX + column].fillna(0).to_numpy()
    good, bad = (values[table["fault"].to_numpy() == name] for name in ("", fault))
    places = np.unique(np.r_[good, bad])
    places = (places[1:] + places[:-1]) / 2
    found = np.array([[np.mean(bad > p), np.mean(good > p)] for p in places])
    gain = found[:, 0] - 5 * found[:, 1]
    best = np.flatnonzero(gain >= gain.max() - 1e-9)
    middle = best[len(best) // 2]
    return sign * float(places[middle]), float(found[middle, 0]), float(found[middle, 1])


PARTS = {
    "blur": lambda: {which: blur_numbers(which) for which in ("dev", "bbbc013")},
    "faults": lambda: {which: fault_numbers(which) for which in ("dev", "bbbc013")},
    "mitocheck": mitocheck_numbers,
}
"""What is measured."""


def main() -> None:
    """Measure and record, or choose."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", action="store_true", help="print the constants that training images suggest")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure")
    options = parser.parse_args()
    if options.choose:
        choose()
        return
    kept = RESULTS / "image_quality.json"
    earlier = json.loads(kept.read_text(encoding="utf-8"))["numbers"] if kept.exists() else {}
    numbers = {name: measure() if name in options.only else earlier[name] for name, measure in PARTS.items()}
    words = "dsb2018/dev (60 images, all kinds), 24 images of bbbc013 (12 of each channel), all crops of mitocheck"
    record("image_quality", words, numbers)


if __name__ == "__main__":
    main()
