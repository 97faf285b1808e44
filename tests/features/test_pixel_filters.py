"""Filters at every scale: against SciPy in float64, and against VIGRA's values on ilastik's own sample images."""

import math

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from micrographia.features.pixel_bank import ILASTIK_FILTERS, SIGMAS, Bank
from micrographia.geometry.convolution import gaussian_weights
from micrographia.geometry.derivatives import DIFFERENCE, GRADIENT, HESSE, LAPLACE, SMOOTHED, TENSOR
from micrographia.geometry.derivatives_reference import filter_numpy

SLOTS = {
    "gaussian": SMOOTHED,
    "laplacian": LAPLACE,
    "gradient": GRADIENT,
    "difference": DIFFERENCE,
    "structure": TENSOR,
    "hessian": HESSE,
}

# python3-vigra 1.11.1, the structure tensor at scales s/2 and s: gaussian, laplacian, gradient magnitude, difference,
# eigenvalues of structure tensor and Hessian at a pixel
VIGRA_2D = {
    (0.7, (0, 0)): (6.9913, 0.465102, 0.0, 0.0486512, 0.0751252, 0.0369475, 0.836855, -0.371753),
    (0.7, (127, 60)): (14.2313, -0.101576, 0.0313694, -0.01721, 0.191556, 0.0256489, 0.57159, -0.673166),
    (1.6, (127, 60)): (14.1563, 0.0805623, 0.25155, 0.0115099, 0.185085, 0.0460463, 0.341391, -0.260829),
    (1.6, (64, 101)): (7.09616, 0.1562, 0.107835, 0.0493326, 0.0157643, 0.00388608, 0.101599, 0.0546012),
    (10.0, (0, 0)): (12.8231, 0.13724, 0.0, 0.0367422, 0.00768189, 0.0015222, 0.0852637, 0.0519767),
    (10.0, (127, 60)): (24.1032, 0.19765, 0.973774, 0.0529823, 0.966001, 0.013606, 0.181478, 0.0161722),
    (10.0, (64, 101)): (8.57779, 0.033115, 0.0337141, 0.00887775, 0.00146121, 0.00075107, 0.0339803, -0.000865303),
}
VIGRA_3D = {
    (0.7, (0, 0, 0)): (251.255, -4.12994, 0.0, -0.856537, 62.072, 1.94544, 1.0573, 3.10926, 2.9483, -10.1875),
    (3.5, (0, 0, 0)): (229.734, -4.25148, 0, -1.15005, 4.84287, 1.35649, 0.292515, -0.723994, -1.57737, -1.95011),
    (3.5, (31, 63, 20)): (202.57, -4.58752, 6.20124, -1.23882, 42.7608, 1.85793, 0.229058, -0.3415, -2.0329, -2.2131),
}  # fmt: skip


@pytest.mark.parametrize("shape", [(61, 83), (24, 19, 27)])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_filters_equal_float64(shape, sigma):
    rng = np.random.default_rng(3)
    image = (rng.random(shape) * 200 + 50).astype(np.float32)
    half = gaussian_weights(math.sqrt(sigma**2 - 1) if sigma > 1 else sigma, 3.5)
    smoothed = image.astype(np.float64)
    for axis in range(image.ndim):
        # SciPy's "mirror" goes on mirroring where the kernel is longer than the image
        smoothed = correlate1d(smoothed, np.concatenate([half[:0:-1], half]), axis, mode="mirror")
    expected = filter_numpy(smoothed, min(sigma, 1.0))
    bank = Bank(tuple((name, sigma) for name in ILASTIK_FILTERS), image.ndim)
    maps = iter(bank.compute(image[None]))
    for name in ILASTIK_FILTERS:
        for k in range(image.ndim if name in ("structure", "hessian") else 1):
            largest = max(np.abs(expected[SLOTS[name]]).max(), image.max())
            np.testing.assert_allclose(next(maps), expected[SLOTS[name] + k], atol=2e-6 * largest)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_values_of_vigra_on_ilastiks_images(data_dir, dimensions):
    if dimensions == 2:
        from PIL import Image

        image = np.asarray(Image.open(data_dir / "ilastik" / "Data_1channel.png"))
    else:
        image = np.load(data_dir / "ilastik" / "Data_3D.npy")[..., 0]
    table = VIGRA_2D if dimensions == 2 else VIGRA_3D
    sigmas = sorted({sigma for sigma, _ in table})
    maps = {s: Bank(tuple((f, s) for f in ILASTIK_FILTERS), dimensions).compute(image[None]) for s in sigmas}
    for (sigma, pixel), values in table.items():
        np.testing.assert_allclose(maps[sigma][(slice(None), *pixel)], values, rtol=3e-4, atol=2e-5)
