"""Ten labelled cells of each class: a network that saw nothing else, and the same network on an encoder without labels.

    python benchmarks/mitocheck_few.py

One division of the wells (that of ``mitocheck_learned.py``): fold 0 judges. The encoder learned, without labels, from
the crops of the other folds alone, to tell what is measured of each; the labelled cells are drawn from those, too, ten
times. Crops are cut to 48 x 48 pixels. Settings were chosen on other draws, from folds 1 to 3 and judged on fold 4.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import mitocheck
import numpy as np
import pandas as pd
from mitocheck_crops import cells, grouped_folds, some
from mitocheck_networks import FOLDER, encoder_file, examples

from micrographia.classify.crops.cell_images import CellCrops
from micrographia.classify.crops.crop_classifier import CropClassifier
from micrographia.classify.crops.encoder import CellEncoder
from micrographia.classify.crops.learned_features import feature_names
from micrographia.classify.objects.object_classifier import ObjectClassifier
from micrographia.metrics.classification import confusion_matrix, scores_of

EACH, DRAWS, JUDGED, SIDE = 10, 10, 0, 48
ENCODER_STEPS = 3000
SCRATCH, KEPT, TUNED = "network from scratch", "network, encoder kept as it is", "network, encoder trained further"
SETTINGS: dict[str, dict[str, Any]] = {
    SCRATCH: {"steps": 300},
    KEPT: {"frozen": True},
    TUNED: {"steps": 100, "learning_rate": 3e-4},
}
"""Of `CropClassifier`; all else is the same."""
BY_HAND = "hand-crafted features, logistic regression"
BOTH = "hand-crafted and the encoder's features, logistic regression"
AVERAGE = "hand-crafted features and network with the encoder kept, averaged"


def narrow(crops: CellCrops) -> CellCrops:
    """The middle of each crop."""
    edge = (crops.pixels.shape[-1] - SIDE) // 2
    inner = np.ascontiguousarray(crops.pixels[..., edge:-edge, edge:-edge])
    return CellCrops(inner, crops.images, crops.labels, crops.channels)


def draw(truth: np.ndarray, allowed: np.ndarray, seed: int) -> np.ndarray:
    """Rows of ten cells of each class."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.choice(np.flatnonzero((truth == k) & allowed), EACH, replace=False) for k in np.unique(truth)]
    )


def network(crops: CellCrops, keys: pd.DataFrame, taught: np.ndarray, start: Path | str, seed: int, **more: Any) -> Any:
    """A network that learned from some labelled cells."""
    method = CropClassifier(
        size=SIDE, mask=True, intensity="range", batch=64, validation_share=0.0, start=str(start), seed=seed, **more
    )
    return method.fit_crops(crops, examples(keys, np.isin(np.arange(len(keys)), taught)))


def probabilities(
    crops: CellCrops,
    keys: pd.DataFrame,
    taught: np.ndarray,
    judged: np.ndarray,
    start: Path | str,
    seed: int,
    setting: dict[str, Any],
) -> np.ndarray:
    """What a network says of the judged cells; kept in a file, for a run that is stopped and goes on."""
    said = "-".join(f"{key}-{value}" for key, value in sorted(setting.items()))
    path = FOLDER / f"few-{Path(start).stem or 'scratch'}-{said}-draw-{seed}.npy"
    if not path.exists():
        learned = network(crops, keys, taught, start, seed, **setting)
        np.save(path, learned.probabilities(some(crops, judged).pixels))
    return np.load(path)


def few_labels(crops: CellCrops, keys: pd.DataFrame, by_hand: pd.DataFrame, draws: int) -> dict[str, Any]:
    """Macro F1 of each way on the judged wells; and gains over training from scratch with intervals over draws."""
    names, truth = np.unique(keys["Class"], return_inverse=True)
    fold, crops = grouped_folds(keys), narrow(crops)
    judged = np.flatnonzero(fold == JUDGED)
    encoder = encoder_file(crops, fold != JUDGED, ENCODER_STEPS)
    features = CellEncoder.load(encoder).predict(crops.pixels.astype(np.float32))
    columns = pd.DataFrame(features, index=by_hand.index, columns=feature_names(features.shape[1]))
    tables = {BY_HAND: by_hand, BOTH: pd.concat([by_hand, columns], axis=1)}
    runs: dict[str, list[float]] = {}
    for seed in range(draws):
        taught = draw(truth, fold != JUDGED, seed)
        found = {}
        for name, table in tables.items():
            learned = ObjectClassifier(classifier="logistic", search=False, calibrate="none").fit(table.iloc[taught])
            found[name] = np.asarray(learned.probabilities(table.iloc[judged]))
        for name, setting in SETTINGS.items():
            start = "" if name == SCRATCH else encoder
            found[name] = probabilities(crops, keys, taught, judged, start, seed, setting)
        found[AVERAGE] = (found[BY_HAND] + found[KEPT]) / 2
        for name, p in found.items():
            confusion = confusion_matrix(truth[judged], p.argmax(axis=1), len(names))
            runs.setdefault(name, []).append(float(scores_of(confusion)["macro_f1"]))
        print(f"draw {seed}", {name: round(values[-1], 3) for name, values in runs.items()}, flush=True)
    return {
        "macro_f1": {name: round(float(np.mean(values)), 4) for name, values in runs.items()},
        "by_draw": {name: [round(value, 4) for value in values] for name, values in runs.items()},
        "gains": [_gain(runs, better, SCRATCH) for better in (KEPT, TUNED)]
        + [_gain(runs, better, BY_HAND) for better in (BOTH, AVERAGE)],
        "draws": draws,
        "judged": len(judged),
        "encoder": {"crops": int((fold != JUDGED).sum()), "steps": ENCODER_STEPS},
    }


def _gain(runs: dict[str, list[float]], better: str, worse: str) -> dict[str, Any]:
    from scipy.stats import t

    gain = np.subtract(runs[better], runs[worse])
    half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    values = [round(float(v), 4) for v in (gain.mean(), gain.mean() - half, gain.mean() + half)]
    return {"better": better, "worse": worse, **dict(zip(("gain", "low", "high"), values))}


def main() -> None:
    """Print what few labels are worth; recorded by ``mitocheck_learned.py``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of labelled cells, two or more")
    print(few_labels(*cells(), mitocheck.table(), parser.parse_args().draws))


if __name__ == "__main__":
    main()
