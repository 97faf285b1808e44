"""A table of images without labels: what it says does not lead to the next error."""

from __future__ import annotations

from made_pictures import spots

from micrographia.cli.labelled_planes import labelled_dataset
from micrographia.io import write, write_labels


def test_the_column_is_asked_for(run, tmp_path):
    write(tmp_path / "a.tif", spots(), axes="YX")
    write_labels(tmp_path / "a_labels.tif", (spots() > 100).astype("int32"))
    table = tmp_path / "images.csv"
    table.write_text("image\na.tif\n")
    code, _, err = run("evaluate", "nuclei", "--images", table, "-o", "out")
    assert code == 1
    assert "no labels for a.tif; name the label image of each image in the table's column 'label'" in err
    assert "--labels" not in err
    code, _, err = run("evaluate", "nuclei", "--images", table, "--labels", tmp_path, "-o", "out")
    assert code == 1
    assert "leave out --labels" in err
    table.write_text("image,label\na.tif,a_labels.tif\n")
    assert [item.label.name for item in labelled_dataset(str(table), None)] == ["a_labels.tif"]
