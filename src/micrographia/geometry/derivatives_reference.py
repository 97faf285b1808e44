"""Plain reference of the compiled filters in ``derivatives`` and ``structure_tensor``, on whole images in float64."""

from __future__ import annotations

import numpy as np

from micrographia.geometry.convolution import gaussian_weights, mirrored
from micrographia.geometry.derivatives import DIFFERENCE, GRADIENT, HESSE, LAPLACE, SMOOTHED, TENSOR
from micrographia.geometry.eigenvalues import eigenvalues_numpy


def convolve(image: np.ndarray, axis: int, half: np.ndarray, order: int = 0) -> np.ndarray:
    """Image convolved along one axis with a kernel of which ``half`` is given; the border is mirrored."""
    radius, size = len(half) - 1, image.shape[axis]
    kernel = np.concatenate([(-1) ** order * half[:0:-1], half])
    shifts = range(-radius, radius + 1)
    return np.sum([w * image.take(mirrored(t, t + size, size), axis) for w, t in zip(kernel, shifts)], axis=0)


def filter_numpy(image: np.ndarray, sigma: float, window: float = 2.0) -> dict[int, np.ndarray]:
    """All maps of an image (Y, X) or (Z, Y, X) at one scale: slot → map of the image's shape.

    Parameters
    ----------
    image : ([Z,] Y, X) array
        The image, smoothed before.
    sigma : float
        Scale of the filters and of the smoothing of the structure tensor; its gradient has half of it.
    window : float
        Reach of the kernels in standard deviations.
    """
    image = image.astype(np.float64)
    axes = range(image.ndim)
    halves = [gaussian_weights(sigma, window, order) for order in (0, 1, 2)]

    def derivative(*along: int) -> np.ndarray:
        out = image
        for axis in axes:
            order = along.count(axis)
            out = convolve(out, axis, halves[order], order)
        return out

    narrow, smoothed = image, derivative()
    for axis in axes:
        narrow = convolve(narrow, axis, gaussian_weights(0.66 * sigma, window))
    gradient = [derivative(axis) for axis in axes]
    fine = []
    for along in axes:
        out = image
        for axis in axes:
            order = int(axis == along)
            out = convolve(out, axis, gaussian_weights(0.5 * sigma, window, order), order)
        fine.append(out)
    hesse = np.moveaxis(np.array([[derivative(i, j) for j in axes] for i in axes]), (0, 1), (-2, -1))
    tensor = np.moveaxis(np.array([[a * b for b in fine] for a in fine]), (0, 1), (-2, -1))
    for axis in axes:
        tensor = convolve(tensor, axis, gaussian_weights(sigma, window))
    maps = {
        SMOOTHED: smoothed,
        LAPLACE: np.trace(hesse, axis1=-2, axis2=-1),
        GRADIENT: np.linalg.norm(gradient, axis=0),
        DIFFERENCE: smoothed - narrow,
    }
    for k in axes:
        maps[TENSOR + k] = eigenvalues_numpy(tensor)[..., k]
        maps[HESSE + k] = eigenvalues_numpy(hesse)[..., k]
    return maps
