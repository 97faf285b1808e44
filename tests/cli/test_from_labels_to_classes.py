"""Label images, a table with appearance, a classifier, classes: the whole way on the command line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import ndimage

from micrographia.io import write, write_labels
from micrographia.io.tables import read_table


def well(seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Discs of one size: ``ring`` is bright at its edge, ``dots`` has as much light in four places."""
    rng = np.random.default_rng(seed)
    labels, image, kinds = np.zeros((100, 200), np.int32), np.zeros((100, 200)), []
    y, x = np.mgrid[:100, :200]
    for k in range(18):
        cy, cx = 16 + 33 * (k // 6), 16 + 33 * (k % 6)
        distance, angle = np.hypot(y - cy, x - cx), np.arctan2(y - cy, x - cx) + rng.uniform(0, 6)
        kinds.append(str(rng.choice(["ring", "dots"])))
        light = (distance > 4) & (distance < 7) if kinds[-1] == "ring" else (distance < 6) & (np.sin(4 * angle) > 0)
        labels[distance < 8] = k + 1
        image += light * rng.uniform(80, 120) + (distance < 8) * 40
    noisy = ndimage.gaussian_filter(image, 0.8) + rng.normal(20, 5, image.shape)
    return labels, np.clip(noisy, 0, 255).astype(np.uint8), kinds


def test_measure_train_and_classify(run, tmp_path):
    truth = []
    for k, name in enumerate(("A01", "A02", "A03", "A04", "B01", "B02")):
        labels, image, kinds = well(k)
        write_labels(tmp_path / "labels" / f"{name}_labels.tif", labels)
        write(tmp_path / "images" / f"{name}.png", image)
        truth += [(name, number + 1, kind) for number, kind in enumerate(kinds)]
    known = pd.DataFrame(truth, columns=["Metadata_Image", "ObjectNumber", "Class"])
    known[known["Metadata_Image"] < "B"].to_csv(tmp_path / "annotations.csv", index=False)
    code, out, err = run(
        "measure", "--features", "cellprofiler", "--appearance", "--only", "shape", "intensity", "--labels", "labels",
        "--images", "images", "--names", r"(?P<well>[AB]\d\d)", "--table", "parquet", "-o", "tables",
    )  # fmt: skip
    assert code == 0 and "108 objects of 6 images" in out, err
    table = "tables/Nuclei_cellprofiler.parquet"
    code, out, err = run(
        "train", "objects", "--table", table, "--annotations", "annotations.csv", "--classifier", "logistic",
        "--outer-folds", "2", "--folds", "2", "-o", "phenotypes.zip",
    )  # fmt: skip
    assert code == 0, err
    code, out, err = run("classify", "objects", table, "-m", "phenotypes.zip", "-o", "classes")
    assert code == 0, err
    found = read_table(tmp_path / "classes" / "Nuclei_cellprofiler_classes.parquet")
    rows = ["Metadata_Image", "ImageNumber", "Metadata_Well", "ObjectNumber"]
    place = ["Nuclei_Location_Center_X", "Nuclei_Location_Center_Y"]
    classes = [f"Probability_{name}" for name in sorted(set(known["Class"]))]
    assert list(found.columns) == [*rows, *place, "Class", "Class_Probability", *classes]
    both = found.merge(known, on=["Metadata_Image", "ObjectNumber"], suffixes=("", "_true"))
    new = both[both["Metadata_Image"] > "B"]
    assert len(both) == 108 and len(new) == 36
    assert (new["Class"] == new["Class_true"]).mean() > 0.95

    code, out, err = run(
        "measure", "--features", "cellprofiler", "--only", "shape", "intensity", "--labels", "labels",
        "--images", "images", "-o", "plain",
    )  # fmt: skip
    code, out, err = run("classify", "objects", "plain/Nuclei_cellprofiler.csv", "-m", "phenotypes.zip", "-o", "none")
    assert code == 1 and "Nuclei_Appearance_" in err and "Measure the objects as for the training" in err
