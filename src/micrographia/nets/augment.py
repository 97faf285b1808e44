"""Augmentations of image patches: small functions of arrays and a random generator.

Images are (C, Y, X) float32, normalised (background near 0); labels are (Y, X) int32 with -1 where the
patch reaches beyond the image.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def _warp(image, labels, matrix, centre, size):
    channels, height, width = image.shape
    out = np.zeros((channels, size, size), np.float32)
    out_labels = np.full((size, size), -1, np.int32)
    half = np.float32((size - 1) / 2)
    for i in range(size):
        for j in range(size):
            v = i - half
            u = j - half
            y = matrix[0, 0] * v + matrix[0, 1] * u + centre[0]
            x = matrix[1, 0] * v + matrix[1, 1] * u + centre[1]
            ny = int(np.floor(y + 0.5))
            nx = int(np.floor(x + 0.5))
            if 0 <= ny < height and 0 <= nx < width:
                out_labels[i, j] = labels[ny, nx]
            # outside, the picture is mirrored and its labels are ignored
            if y < 0:
                y = -y
            if x < 0:
                x = -x
            if y > height - 1:
                y = max(0.0, 2 * (height - 1) - y)
            if x > width - 1:
                x = max(0.0, 2 * (width - 1) - x)
            y = min(y, np.float64(height - 1))
            x = min(x, np.float64(width - 1))
            y0 = int(y)
            x0 = int(x)
            y1 = min(y0 + 1, height - 1)
            x1 = min(x0 + 1, width - 1)
            fy = np.float32(y - y0)
            fx = np.float32(x - x0)
            for c in range(channels):
                top = image[c, y0, x0] * (1 - fx) + image[c, y0, x1] * fx
                bottom = image[c, y1, x0] * (1 - fx) + image[c, y1, x1] * fx
                out[c, i, j] = top * (1 - fy) + bottom * fy
    return out, out_labels


def random_window(
    image: np.ndarray,
    labels: np.ndarray,
    centre: tuple[float, float],
    size: int,
    scale: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """A square window around `centre`: flipped, turned by quarter turns, half of the time also rotated and scaled.

    Parameters
    ----------
    image, labels : (C, Y, X) float32, (Y, X) int32
        Whole picture and its label image.
    centre : (float, float)
        Wanted middle of the window (y, x); moved so that the window stays inside where it fits.
    size : int
        Side of the result in pixels.
    scale : float
        Largest zoom factor in either direction; 1 switches scaling off.
    """
    matrix = np.eye(2)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        zoom = np.exp(rng.uniform(-1, 1, 2) * np.log(scale) * (0.85, 0.15)) if scale > 1 else np.ones(2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.diag([zoom[0] * zoom[1], zoom[0] / zoom[1]])
    for _ in range(rng.integers(4)):
        matrix = matrix @ np.array([[0.0, -1.0], [1.0, 0.0]])
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([-1.0, 1.0])
    middle = np.empty(2)
    for axis, length in enumerate(labels.shape):
        reach = np.abs(matrix[axis]).sum() * (size - 1) / 2
        low, high = reach, length - 1 - reach
        middle[axis] = (length - 1) / 2 if low > high else min(max(centre[axis], low), high)
    # a window without rotation samples pixel centres exactly
    if np.allclose(np.abs(matrix).max(0), 1) and size % 2 == 0:
        middle = np.floor(middle) + 0.5
    return _warp(image, labels, matrix, middle, size)


@numba.njit(cache=True, nogil=True)
def blur(image, kernel):
    """Each channel (C, Y, X) filtered with the same kernel (2r + 1,) along Y and X; the border is repeated."""
    channels, height, width = image.shape
    reach = len(kernel) // 2
    rows = np.empty((height, width), np.float32)
    out = np.empty_like(image)
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                total = np.float32(0)
                for k in range(-reach, reach + 1):
                    total += kernel[k + reach] * image[c, i, min(max(j + k, 0), width - 1)]
                rows[i, j] = total
        for i in range(height):
            for j in range(width):
                total = np.float32(0)
                for k in range(-reach, reach + 1):
                    total += kernel[k + reach] * rows[min(max(i + k, 0), height - 1), j]
                out[c, i, j] = total
    return out


def random_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Defocus: a Gaussian of σ between .3 and 1.5 pixels."""
    sigma = rng.uniform(0.3, 1.5)
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return blur(image, (kernel / kernel.sum()).astype(np.float32))


def random_object_brightness(image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some objects dimmer or a little brighter than they are, so that dim ones beside bright ones are learned too.

    Parameters
    ----------
    image : (C, Y, X) float32 array
    labels : (Y, X) int32 array
        Negative labels count as background.
    """
    objects = np.maximum(labels, 0)
    factors = np.exp(rng.uniform(-1.2, 0.25, int(objects.max()) + 1)).astype(np.float32)
    factors[rng.random(len(factors)) < 0.5] = 1
    factors[0] = 1
    return image * blur(factors[objects][None], np.array([0.25, 0.5, 0.25], np.float32))


def random_noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Camera noise: Gaussian plus shot noise that grows with the square root of the signal."""
    steady, shot = rng.uniform(0, 0.05), rng.uniform(0, 0.06)
    deviation = steady + shot * np.sqrt(np.clip(image, 0, None))
    return image + deviation * rng.standard_normal(image.shape, dtype=np.float32)


def random_contrast(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and gamma, the same for all channels."""
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    image = np.sign(image) * np.abs(image) ** np.float32(gamma)
    return image * np.float32(np.exp(rng.uniform(-0.35, 0.35))) + np.float32(rng.uniform(-0.05, 0.05))


def random_stain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another stain: channels mixed with each other, weighted anew and sometimes turned grey; (3, Y, X)."""
    mix = np.eye(3) + rng.uniform(-0.15, 0.15, (3, 3))
    mix *= np.exp(rng.uniform(-0.25, 0.25, (3, 1)))
    if rng.random() < 0.15:
        mix = mix[rng.permutation(3)]
    if rng.random() < 0.25:
        mix = np.broadcast_to(mix.mean(0) * 0.97, (3, 3))
    return np.tensordot(mix.astype(np.float32), image, axes=1)


def augment_intensity(image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All intensity augmentations, each with its own probability; colour only for three channels."""
    if rng.random() < 0.35:
        image = random_object_brightness(image, labels, rng)
    if len(image) == 3:
        image = random_stain(image, rng)
    if rng.random() < 0.7:
        image = random_contrast(image, rng)
    if rng.random() < 0.25:
        image = random_blur(image, rng)
    if rng.random() < 0.4:
        image = random_noise(image, rng)
    return np.ascontiguousarray(image, dtype=np.float32)
