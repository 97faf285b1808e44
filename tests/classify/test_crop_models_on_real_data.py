"""Crops and images of real experiments: phases of mitosis, and a translocation on a plate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from micrographia.classify.crops.cell_images import CellImages
from micrographia.classify.crops.image_classifier import ImageClassifier
from micrographia.classify.objects.class_tables import ClassifiedImages
from micrographia.io import read


@pytest.mark.slow
def test_phases_of_mitosis_on_wells_never_seen(data_dir):
    """Metaphase against interphase and apoptosis; a third of the wells judges (89.5 % when written)."""
    folder = data_dir / "mitocheck"
    if not folder.is_dir():
        pytest.skip("no mitocheck in the data folder")
    index = pd.read_csv(folder / "index.csv", dtype=str)
    index = index[index["class"].isin(["Metaphase", "Interphase", "Apoptosis"])].dropna(subset=["well"])
    index = index.groupby("class").head(110).reset_index(drop=True)
    images = [read(folder / "images" / kind / name) for kind, name in zip(index["class"], index["file"])]
    table = pd.DataFrame(
        {"Metadata_Image": index["file"], "Class": index["class"], "Metadata_Plate": index["plate"],
         "Metadata_Well": index["well"]}
    )  # fmt: skip
    wells = (index["plate"] + index["well"]).to_numpy()
    judged = np.isin(wells, np.random.default_rng(0).permutation(np.unique(wells))[::3])
    method = ImageClassifier(
        size=32, widths=(12, 24, 48), intensity="range", steps=150, batch=32, learning_rate=4e-3, validation_share=0.0,
        views=4, device="cpu",
    )  # fmt: skip
    used = np.flatnonzero(~judged)
    method.fit(ClassifiedImages([images[i] for i in used], table.iloc[used], names=list(index["file"][used])))
    at = np.flatnonzero(judged)
    found = method.predict(CellImages([images[i] for i in at], names=list(index["file"][at])))
    assert (found["Class"].to_numpy() == index["class"].to_numpy()[at]).mean() >= 0.85


@pytest.mark.slow
def test_translocation_on_rows_of_a_plate_never_seen(data_dir):
    """Learned from the controls of rows A to D; those of E to H are told apart, and the response follows the dose.

    All 12 controls were right when written, and the rank correlation with the dose .90.
    """
    folder = data_dir / "bbbc013"
    if not folder.is_dir():
        pytest.skip("no bbbc013 in the data folder")
    wells = pd.read_csv(folder / "1049_Metadata.csv")
    files = {tuple(p.stem.split("-")[2:]): p for p in (folder / "images").glob("Channel1-*.tif")}
    pairs = [files[row, f"{int(column):02d}"] for row, column in zip(wells["Row"], wells["Column"])]
    images = [
        np.stack([read(p).array("YX"), read(next(p.parent.glob(f"Channel2-{p.stem[9:]}.tif"))).array("YX")])
        for p in pairs
    ]
    names = [p.stem for p in pairs]
    control = wells["SBS_Controls"].to_numpy()
    early = wells["Row"].isin(list("ABCD")).to_numpy()
    table = pd.DataFrame({"Metadata_Image": names, "Class": np.where(control > 0, "nuclear", "cytoplasmic")})
    used = np.flatnonzero(early & (control != 0))
    method = ImageClassifier(
        size=64, tiles=5, widths=(12, 24, 48), steps=120, batch=32, learning_rate=4e-3, validation_share=0.0, views=2,
        balance=1.0, device="cpu",
    )  # fmt: skip
    method.fit(ClassifiedImages([images[i] for i in used], table.iloc[used], names=[names[i] for i in used]))
    late = np.flatnonzero(~early)
    found = method.predict(CellImages([images[i] for i in late], names=[names[i] for i in late]))
    judged = control[late] != 0
    assert (found["Class"][judged] == table["Class"].to_numpy()[late][judged]).mean() >= 0.9
    doses = wells["SBS_Doses"].to_numpy()[late][~judged]
    rank = pd.Series(found["Probability_nuclear"].to_numpy()[~judged]).corr(pd.Series(doses), method="spearman")
    assert rank >= 0.7
