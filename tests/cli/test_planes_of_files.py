"""What ``train``, ``evaluate`` and ``compare`` make of files: names, groups, lines without a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micrographia.cli import training_lines
from micrographia.cli.fold_runs import Material
from micrographia.cli.labelled_planes import labelled_dataset
from micrographia.cli.training_examples import make_examples
from micrographia.io import write, write_labels
from micrographia.segment.stardist import StarDist

sys.path.insert(0, str(Path(__file__).parents[1]))
from made_pictures import spots

from synthetic_fields import field

TINY = ("--steps", 4, "--every", 2, "--patch", 64, "--batch", 2, "--widths", 8, 8, "--rays", 8, "--device", "cpu")


@pytest.fixture
def two_plates(tmp_path: Path) -> Path:
    """Two images of one file name: all spots of plate1 are labelled, of plate2 none, where there are others."""
    rows = ["image,label,plate"]
    for plate, count in (("plate1", 3), ("plate2", 1)):
        write(tmp_path / plate / "B02.tif", spots(n=count))
        truth = spots(n=3) > 100
        truth = np.cumsum(np.diff(truth.astype(int), axis=1, prepend=0) == 1, axis=1) * truth
        write_labels(tmp_path / plate / "truth" / "B02.tif", truth.astype(np.int32))
        rows.append(f"{plate}/B02.tif,{plate}/truth/B02.tif,{plate}")
    (tmp_path / "both.csv").write_text("\n".join(rows))
    return tmp_path


@pytest.mark.usefixtures("model")
def test_images_of_one_file_name_are_told_apart(run, two_plates, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        "micrographia.report.evaluation_report.write_evaluation_report",
        lambda path, result, worst, **more: shown.update(worst),
    )
    code, _, err = run("evaluate", "nuclei", "--images", "both.csv", "-o", "out", "--worst", 1)
    assert code == 0, err
    images = pd.read_csv(two_plates / "out" / "evaluation_images.csv")
    assert images["image"].tolist() == ["plate1_B02", "plate2_B02"]
    assert images["ap_50"].round(2).tolist() == [1, 0.33]
    assert set(pd.read_csv(two_plates / "out" / "evaluation_matches.csv")["image"]) == {"plate1_B02", "plate2_B02"}
    ((name, (image, truth, found)),) = shown.items()
    assert name == "plate2_B02" and (truth.max(), found.max()) == (3, 1)
    np.testing.assert_array_equal(image.array("YX"), spots(n=1))
    compared = Material(labelled_dataset("both.csv", None), [], []).planes(False)
    assert [plane.name for item in compared for plane in item] == ["plate1_B02", "plate2_B02"]
    assert list(make_examples(StarDist, "both.csv", None).names) == ["plate1_B02", "plate2_B02"]


@pytest.mark.usefixtures("model")
def test_one_image_has_no_interval(run, two_plates):
    (two_plates / "one.csv").write_text("image,label\nplate1/B02.tif,plate1/truth/B02.tif")
    code, out, err = run("evaluate", "nuclei", "--images", "one.csv", "-o", "out")
    assert code == 0, err
    assert "nan" not in out and "–" in out
    assert "nan" not in (two_plates / "out" / "report.html").read_text().split("<main", 1)[-1].split("data:image")[0]


def test_files_say_to_which_groups_their_planes_belong(two_plates):
    examples = make_examples(StarDist, str(two_plates / "both.csv"), None)
    assert [group["plate"] for group in examples.groups] == ["plate1", "plate2"]
    assert [Path(group["file"]).parent.name for group in examples.groups] == ["plate1", "plate2"]


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Three files of four time points each."""
    for k in range(3):
        made = [field(10 * k + t, size=64, count=4) for t in range(4)]
        write(tmp_path / "images" / f"{k}.tif", np.stack([image for image, _ in made]), axes="TYX")
        write_labels(tmp_path / "labels" / f"{k}.tif", np.stack([labels for _, labels in made]), axes="TYX")
    return tmp_path


def test_planes_of_one_stack_do_not_both_teach_and_judge(run, stacks):
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    from micrographia.models.package import open_package

    code, out, err = run("train", "stardist", "--images", "images", "--labels", "labels", "-o", "many.zip", *TINY)
    assert code == 0, err
    sides = open_package(stacks / "many.zip").config["data"]
    files = [{name.split()[0] for name in sides[side]} for side in ("training", "validation")]
    assert files[0].isdisjoint(files[1]) and len(sides["validation"]) == 4
    assert "not independent" not in out
    steps = [line for line in err.splitlines() if line.startswith("step ")]
    assert [line.split(",")[0] for line in steps] == ["step 2 of 4", "step 4 of 4"]
    assert "validation loss " in steps[-1]
    (stacks / "one.csv").write_text("image,label\nimages/1.tif,labels/1.tif")
    code, out, err = run("train", "stardist", "--images", "one.csv", "-o", "one.zip", *TINY)
    assert code == 0, err
    assert "note: validation is not independent: images of the same file were learned from" in out
    assert "validation is not independent" in run("models", "show", "one.zip")[1]


def test_lines_without_a_terminal_are_no_more_than_one_in_half_a_minute(monkeypatch, capsys):
    clock = iter((100.0, 110.0, 131.0, 132.0))
    monkeypatch.setattr(training_lines.time, "monotonic", lambda: next(clock))
    tell = training_lines.training_lines(StarDist(steps=4000, minutes=30))
    for step in (1000, 2000, 3000, 4000):
        tell({"step": step, "minutes": step / 200, "train_loss": 0.25, "validation_loss": 0.5})
    assert capsys.readouterr().err.splitlines() == [
        "step 1,000 of 4,000, loss 0.25, validation loss 0.5, at most 15 min left",
        "step 3,000 of 4,000, loss 0.25, validation loss 0.5, at most 5 min left",
        "step 4,000 of 4,000, loss 0.25, validation loss 0.5",
    ]
