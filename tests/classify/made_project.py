"""Tiny ilastik projects made on the spot, with forests as vigra stores them."""

import h5py
import numpy as np

from micrographia.arrays.image import Image
from micrographia.classify.ilastik.project_writing import write_project
from micrographia.classify.ilastik.stored_forest import LEAF
from micrographia.classify.pixels.strokes import Strokes


def vigra_tree(root, columns, classes=2):
    """Topology and parameters of a tree: a split is (feature, threshold, left, right), a leaf its class votes."""
    topology, parameters = [columns, classes], []

    def add(node):
        at = len(topology)
        topology.extend([0] * (2 if isinstance(node, list) else 5))
        topology[at + 1] = len(parameters)
        if isinstance(node, list):
            topology[at] = LEAF
            parameters.extend([sum(node), *np.divide(node, sum(node))])
        else:
            feature, threshold, left, right = node
            parameters.extend([1.0, threshold])
            topology[at + 4] = feature
            topology[at + 3] = add(right)  # vigra, too, writes the second child first
            topology[at + 2] = add(left)
        return at

    add(root)
    return np.array(topology, np.int32), np.array(parameters, np.float64)


def put_forest(path, trees, labels=(1, 2), stage=""):
    """Store trees as one forest of a project."""
    with h5py.File(path, "a") as file:
        forest = file.create_group(f"PixelClassification{stage}/ClassifierForests/Forest0000")
        forest["_ext_param/labels"] = np.array(labels, np.uint32)
        forest["_options/predict_weighted_"] = np.zeros(1)
        for number, (topology, parameters) in enumerate(trees):
            forest[f"Tree_{number}/topology"] = topology
            forest[f"Tree_{number}/parameters"] = parameters


def squares(shape=(40, 48), channels=1, seed=0):
    """An image of a bright square on a dark ground with noise, and strokes: 1 outside, 2 inside."""
    rng = np.random.default_rng(seed)
    image = rng.integers(10, 30, (channels, *shape)).astype(np.uint8)
    middle = tuple(slice(n // 4, 3 * n // 4) for n in shape)
    image[(slice(None), *middle)] += 100
    strokes = np.zeros(shape, np.uint8)
    strokes[(*(n // 2 for n in shape[:-2]), shape[-2] // 2, slice(shape[-1] // 3, shape[-1] // 2))] = 2
    strokes[(*(n // 2 for n in shape[:-2]), 2, slice(3, -3))] = 1
    axes = "CYX" if len(shape) == 2 else "CZYX"
    return (Image(image, axes), strokes) if channels > 1 else (Image(image[0], axes[1:]), strokes)


def square_project(path, *, bank=None, channels=1, shape=(40, 48), trees=()):
    """A project with one image of `squares` in it, its strokes, and a forest where trees are given."""
    image, strokes = squares(shape, channels)
    write_project(path, Strokes([image], [strokes], names=["square"], classes=("ground", "square")), bank=bank)
    if trees:
        put_forest(path, trees)
    return image, strokes
