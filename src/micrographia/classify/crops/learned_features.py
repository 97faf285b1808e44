"""Learned features of objects: what a network says of the crop of each object, or of the pixels inside its mask.

A network that looks at crops (methods ``encoder``, ``crops``, ``images``) gives its features for each crop. Any other
network that looks at planes gives a layer: its channels, averaged over the pixels of each object. A bare ONNX file
gives the one or the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from micrographia.arrays.errors import RequestError
from micrographia.arrays.image import Image
from micrographia.classify.crops.cell_images import plane_of
from micrographia.classify.crops.crop_package import METHODS, CropModel
from micrographia.classify.crops.layer_features import LayerModel
from micrographia.classify.crops.onnx_features import open_onnx_features
from micrographia.features.crops import cut_crops

if TYPE_CHECKING:
    import pandas as pd


class FeatureModel(Protocol):
    """What gives features to the objects of a plane."""

    count: int
    all_channels: bool
    """Whether it looks at all channels of an image together; otherwise at one, or at a colour picture."""
    note: str
    """What was assumed of the model; empty where it says everything itself."""

    def plane(self, image: Any, labels: Any, name: str = "image") -> tuple[np.ndarray, np.ndarray]:
        """Labels (N,) int64 and features (N, F) float32 of the objects."""


class CropFeatures:
    """Features by a network that looks at crops."""

    all_channels = True
    note = ""

    def __init__(self, model: CropModel) -> None:
        self.model, self.count = model, model.count

    def plane(self, image: Any, labels: Any, name: str = "image") -> tuple[np.ndarray, np.ndarray]:
        """As `features_of_plane`."""
        return features_of_plane(self.model, image, labels, name)


def open_features(model: str | Path, layer: str = "", *, threads: int | None = None) -> FeatureModel:
    """A model that gives features, by name or path.

    Parameters
    ----------
    model : str or Path
        A model package with a network: an encoder, a classifier of crops, a StarDist, or any bioimage.io model whose
        input is a plane. Or a bare ONNX file whose first input is a picture (N, C, Y, X).
    layer : str
        Layer of a network that looks at planes, by its name or the end of it, or an output of an ONNX file that is a
        row, by its name; chosen where not given.
    threads : int, optional
        Threads for one call.

    Raises
    ------
    InputError
        Where the model holds no such network or layer.
    RequestError
        Where a layer is named for a network that looks at crops, which has no choice.
    """
    from micrographia.models.library import find_model
    from micrographia.models.package import open_package

    path = find_model(model)
    if path.suffix.lower() == ".onnx":
        return open_onnx_features(path, layer, threads)
    package = open_package(path)
    if package.config.get("method") in METHODS:
        if layer:
            raise RequestError(f"{model} looks at crops and has one row of features; leave the layer out.")
        return CropFeatures(CropModel(package, threads))
    return LayerModel(package, layer, threads)


def features_of_plane(
    model: CropModel, image: Any, labels: Any = None, name: str = "image"
) -> tuple[np.ndarray, np.ndarray]:
    """What a network says of the crops of one plane.

    Parameters
    ----------
    model : CropModel
        The network.
    image : Image or array
        (Y, X), (Y, X, 3) or (C, Y, X).
    labels : (Y, X) integer array or Image, optional
        The objects; without them the whole image is one.
    name : str
        The image, for messages.

    Returns
    -------
    labels : (N,) int64 array
        In ascending order.
    features : (N, F) float32 array

    Raises
    ------
    InputError
        Where image and labels do not fit each other, or the image has other channels than the model.
    """
    pixels, channels = plane_of(image, name)
    pixels = pixels[model.match(channels, name)]
    labels = labels.array("YX") if isinstance(labels, Image) else labels
    crops = cut_crops(pixels, labels, model.plan, name)
    return crops.labels, model(crops.pixels)["features"]


def feature_names(count: int, objects: str = "Nuclei") -> list[str]:
    """Names of the columns: ``Nuclei_Learned_000`` and so on."""
    return [f"{objects}_Learned_{i:03d}" for i in range(count)]


def learned_table(
    model: FeatureModel, image: Any, labels: Any, *, name: str = "image", objects: str = "Nuclei"
) -> pd.DataFrame:
    """Learned features of the objects of one plane as a table.

    Parameters
    ----------
    model : FeatureModel
        What `open_features` gave.
    image : Image or array
        (Y, X), (Y, X, 3) or (C, Y, X).
    labels : (Y, X) integer array or Image
        The objects.
    name : str
        The image, for messages.
    objects : str
        Name of the objects, with which the columns begin.

    Returns
    -------
    pandas.DataFrame
        ``ObjectNumber`` (the label), the centre of the object in pixels (``Nuclei_Location_Center_X`` and ``_Y``) and
        the features, a row an object.
    """
    import pandas as pd
    from scipy.ndimage import center_of_mass

    ids, features = model.plane(image, labels, name)
    table = pd.DataFrame(features, columns=feature_names(features.shape[1], objects))
    marks = np.asarray(labels.data if isinstance(labels, Image) else labels)
    centres = np.array(center_of_mass(marks > 0, marks, ids)).reshape(-1, 2)
    places = {f"{objects}_Location_Center_X": centres[:, 1], f"{objects}_Location_Center_Y": centres[:, 0]}
    for at, (column, values) in enumerate({"ObjectNumber": ids, **places}.items()):
        table.insert(at, column, values)
    return table
