"""Brown stain: recognised where it dominates, removed, and never seen in the purple stains of real images."""

import csv

import numpy as np
import pytest

from micrographia.arrays.stains import brown_stain

WHITE, BROWN, BLUE = (240, 240, 240), (140, 95, 60), (130, 140, 190)


def _picture(tissue):
    picture = np.empty((3, 60, 60), np.uint8)
    picture[:] = np.reshape(WHITE, (3, 1, 1))
    picture[:, 10:50, 10:50] = np.reshape(tissue, (3, 1, 1))
    picture[:, 20:28, 20:28] = np.reshape(BLUE, (3, 1, 1))
    return picture


def test_brown_is_taken_out_and_blue_stays():
    picture = _picture(BROWN)
    brown = brown_stain(picture)
    assert brown is not None
    clean = brown.removed(picture)
    assert clean.dtype == np.float32
    assert clean[:, 40, 40].min() > 200  # the brown tissue is nearly white
    assert clean[0, 24, 24] < 180  # the nucleus is not


def test_blue_tissue_and_grey_pictures_are_left_alone():
    assert brown_stain(_picture(BLUE)) is None
    assert brown_stain(np.zeros((3, 5, 5), np.uint8)) is None
    assert brown_stain(np.full((3, 5, 5), 200, np.uint8)) is None


def test_demo_picture_is_recognised():
    data = pytest.importorskip("skimage.data", reason="scikit-image comes with the extra 'demo'")
    assert brown_stain(np.moveaxis(data.immunohistochemistry(), -1, 0)) is not None


def test_no_purple_stain_is_taken_for_brown(data_dir):
    from imagecodecs import imread

    folder = data_dir / "dsb2018"
    rows = [r for r in csv.DictReader((folder / "split.csv").open()) if r["kind"] == "stained"]
    for row in rows:
        image = imread(folder / row["split"] / "images" / f"{row['id']}.png")[..., :3]
        assert brown_stain(np.moveaxis(image, -1, 0)) is None
    assert len(rows) == 87
