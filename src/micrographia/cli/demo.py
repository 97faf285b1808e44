"""``micrographia demo``: the whole way from pictures to a report, with nothing to download."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from micrographia.cli import flags
from micrographia.method import Declared, parameter

DESCRIPTION = """
Segment two images with the built-in model: stained tissue under a real microscope (it comes with scikit-image) and a
synthetic fluorescence picture, for which the true objects are known. Prints where the results are.
"""
EPILOG = """
examples:
  micrographia demo
  micrographia demo -o /tmp/demo
"""


class Demo(Declared):
    """Options of ``micrographia demo``."""

    out: str = parameter("micrographia-demo", "Folder for pictures and results")
    model: str = parameter("nuclei", "Model by name or path")
    seed: int = parameter(0, "Seed of the synthetic picture", ge=0)


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    flags.add_flags(parser, Demo, short={"out": "-o", "model": "-m"})


def run(args: Namespace) -> int:
    """Make the pictures, segment them, compare with the truth and say where everything is."""
    from micrographia.cli.segment import Segment, segment_files
    from micrographia.io.reading import read_labels
    from micrographia.io.writing import write, write_labels
    from micrographia.metrics.matching import match

    options = flags.read(args, Demo)
    folder = Path(options.out).expanduser()
    results = folder / "results"
    picture, truth = synthetic_nuclei(seed=options.seed)
    synthetic = write(folder / "images" / "synthetic_nuclei.tif", picture, axes="YX", pixel_size={"Y": 0.5, "X": 0.5})
    write_labels(folder / "truth" / "synthetic_nuclei_labels.tif", truth)
    images = [synthetic]
    tissue = _stained_tissue()
    if tissue is not None:
        images.insert(0, write(folder / "images" / "stained_tissue.png", tissue, axes="YXS"))
    else:
        print("The picture of stained tissue comes with scikit-image: pip install scikit-image", file=sys.stderr)
    code = segment_files(images, Segment(out=str(results), model=options.model))
    if code:
        return code
    found = read_labels(results / "synthetic_nuclei_labels.tif").array("YX")
    scores = match(truth, found, (0.5, 0.75, 0.9))
    said = ", ".join(f"{score.accuracy:.2f} at IoU {score.threshold:g}" for score in scores)
    print(f"synthetic picture: {len(np.unique(truth)) - 1} true objects, {found.max()} found; AP {said}")
    for image in images:
        print(f"{image.stem}:")
        print(f"  labels:  {results / f'{image.stem}_labels.tif'}")
        print(f"  table:   {results / f'{image.stem}_objects.csv'}")
        print(f"  overlay: {results / f'{image.stem}_overlay.png'}")
    print(f"report:    {results / 'report.html'}")
    return 0


def _stained_tissue() -> np.ndarray | None:
    """Colon tissue, haematoxylin and DAB, 512 x 512 RGB; it is a file of the scikit-image wheel."""
    if find_spec("skimage") is None:
        return None
    from skimage.data import immunohistochemistry

    return np.asarray(immunohistochemistry())


def synthetic_nuclei(
    shape: tuple[int, int] = (512, 512), count: int = 110, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A fluorescence picture of nuclei with known truth: textured ellipses, blur, uneven background, camera noise.

    Parameters
    ----------
    shape : (Y, X)
        Pixels.
    count : int
        Nuclei that are tried; those that would lie upon another are left out.
    seed : int
        The same seed gives the same picture.

    Returns
    -------
    picture : (Y, X) uint16 array
    labels : (Y, X) int32 array
    """
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    light = np.zeros(shape, np.float64)
    texture = gaussian_filter(rng.standard_normal(shape), 2.5)
    texture /= texture.std()
    rows, columns = np.indices(shape)
    for _ in range(count):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        a, b, turn = rng.uniform(9, 17), rng.uniform(7, 12), rng.uniform(0, np.pi)
        u = (rows - y) * np.cos(turn) + (columns - x) * np.sin(turn)
        v = (columns - x) * np.cos(turn) - (rows - y) * np.sin(turn)
        inside = (u / a) ** 2 + (v / b) ** 2 <= 1
        if inside.sum() < 60 or np.count_nonzero(labels[inside]) > 0.06 * inside.sum():
            continue
        inside &= labels == 0
        labels[inside] = labels.max() + 1
        light[inside] = rng.uniform(350, 1600) * (1 + 0.12 * texture[inside])
    background = 90 + 60 * gaussian_filter(rng.standard_normal(shape), 80) * 80
    expected = gaussian_filter(np.maximum(light, 0) + np.maximum(background, 20), 1.2)
    picture = rng.poisson(expected) + rng.normal(100, 8, shape)
    return np.clip(np.round(picture), 0, 65535).astype(np.uint16), labels
