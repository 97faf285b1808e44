"""Image quality: numbers on images with known faults, and the sentences made of them."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from micrographia.arrays.errors import InputError
from micrographia.arrays.image import Image
from micrographia.features.image_checks import check_image
from micrographia.features.missed import missed_share
from micrographia.features.quality import background_level, edge_width, focus_score, saturated_fraction


def discs(radius=9, step=30, shape=(240, 300)):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    inside = np.hypot(yy % step - step // 2, xx % step - step // 2) < radius
    return np.where(inside, yy // step * (shape[1] // step) + xx // step + 1, 0)


@pytest.fixture
def labels():
    return discs()


@pytest.fixture
def image(labels):
    """Fluorescence, 12 bits, sharp."""
    rng = np.random.default_rng(0)
    light = gaussian_filter((labels > 0) * 2000.0, 1.2) + 200
    return rng.poisson(light).astype(np.uint16)


@pytest.mark.parametrize("side", [130, 640])
def test_an_object_that_nearly_fills_the_picture(side):
    found = np.ones((side, side), int)
    found[0] = 0
    pixels = np.random.default_rng(0).random((side, side))
    assert np.isnan(edge_width(pixels, found)) or edge_width(pixels, found) > 0
    assert isinstance(check_image(pixels, found), list)


def test_a_good_image_has_no_warnings(image, labels):
    assert check_image(image, labels, trained_diameter=(10, 40)) == []


def test_saturation(image, labels):
    bright = np.minimum(image.astype(int) * 2, 4095).astype(np.uint16)
    inside = labels > 0
    assert saturated_fraction(bright, inside) == pytest.approx((bright == 4095)[inside].mean())
    assert any(w.startswith("Saturated:") and "4095" in w for w in check_image(bright, labels))
    assert saturated_fraction(image) < 1e-4
    # Cut at a value that is no camera's, and as float.
    assert saturated_fraction(np.minimum(image, 1500), inside) > 0.1
    assert saturated_fraction(np.minimum(image, 1500) / 1500, inside) > 0.1


def test_few_grey_levels_are_not_saturation():
    rng = np.random.default_rng(0)
    assert saturated_fraction(rng.binomial(26, 0.8, (200, 200)).astype(np.uint8)) == 0


@pytest.mark.parametrize("constant", [np.zeros((5, 5)), np.full((5, 5), 255, np.uint8), np.full((3, 3), np.nan)])
def test_constant_images_are_not_saturated(constant):
    assert saturated_fraction(constant) == 0


def test_a_white_background_is_not_a_saturated_object(labels):
    tissue = np.where(labels[..., None] > 0, np.array([120, 60, 150]), 255).astype(np.uint8)
    tissue = gaussian_filter(tissue, (1, 1, 0))
    assert check_image(tissue, labels) == []


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_focus_does_not_depend_on_magnification_or_sign(image, labels, scale, invert):
    picture = image.max() - image.astype(float) if invert else image.astype(float)
    big, blurred = zoom(picture, scale, order=1), zoom(gaussian_filter(picture, 5), scale, order=1)
    marks = np.kron(labels, np.ones((scale, scale), int))
    assert edge_width(big, marks) < 0.4
    assert edge_width(blurred, marks) > 0.5
    assert any("Out of focus" in w for w in check_image(blurred, marks))


def test_best_plane_of_a_stack(image):
    rng = np.random.default_rng(1)
    stack = [gaussian_filter(image.astype(float), s) + rng.normal(0, 3, image.shape) for s in (4, 2, 0, 3, 6)]
    bleached = [p * f for p, f in zip(stack, (2, 1.5, 1, 0.9, 0.8))]
    assert np.argmax([focus_score(p) for p in bleached]) == 2
    assert focus_score(np.zeros((4, 4))) == 0


def test_background(image, labels):
    assert background_level(image, labels) == pytest.approx(200, abs=15)
    assert background_level(image) == pytest.approx(200, abs=10)
    assert background_level(np.full((4, 4), 7), np.ones((4, 4), int)) == pytest.approx(7, abs=0.01)
    assert np.isnan(background_level(np.full((2, 2), np.nan)))


def test_nothing_found(image):
    nothing = np.zeros(image.shape, int)
    assert check_image(image, nothing) == ["Nothing was found."]
    assert check_image(np.ones(image.shape), nothing) == ["All pixels have the same value: the image is empty."]


def test_sizes_the_model_does_not_know(image, labels):
    (larger,) = check_image(image, labels, trained_diameter=(4, 9))
    (smaller,) = check_image(image, labels, trained_diameter=(40, 90))
    assert "larger" in larger and "4 to 9 px" in larger and "18 px" in larger
    assert "smaller" in smaller
    assert check_image(image, labels, trained_diameter=(19, 40)) == []


@pytest.mark.parametrize("kind", ["dark", "bright", "colour"])
@pytest.mark.parametrize(("radius", "how"), [(3, "too small,"), (12, "too small or too large,"), (60, "too large,")])
@pytest.mark.parametrize("specks", [False, True])
def test_what_stands_out_and_was_not_found(radius, how, kind, specks):
    labels = discs(radius, 3 * radius, (480, 600))
    image = np.random.default_rng(0).poisson(gaussian_filter((labels > 0) * 150.0, 1) + 10).clip(0, 255)
    picture = {"dark": image, "bright": 255 - image, "colour": 255 - image[..., None] * [1, 1, 0.5]}[kind]
    found = np.where((labels > 0) & (discs(2, 40, labels.shape) > 0), labels, 0) if specks else labels * 0
    sentence = next(s for s in check_image(picture, found, trained_diameter=(10, 40)) if "stands out" in s)
    assert how in sentence
    assert "10 to 40 px" in sentence
    assert int(sentence.split(" px")[0].split()[-1]) == pytest.approx(2 * radius, rel=0.4)
    assert not any("stands out" in s for s in check_image(picture, labels, trained_diameter=(10, 40)))


def test_nothing_stands_out_of_noise_uneven_light_and_constant_images():
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[:300, :400]
    lights = {"flat": 100, "gradient": 100 + xx / 4, "vignette": 300 - np.hypot(yy - 150, xx - 200) ** 2 / 300}
    nothing = np.zeros(yy.shape, int)
    for light in lights.values():
        picture = light + rng.normal(0, 5, yy.shape)
        assert missed_share(picture[None], nothing)[0] == missed_share(-picture[None], nothing)[0] == 0
    for constant in (0, np.nan):
        assert missed_share(np.full((1, 30, 40), constant), nothing[:30, :40])[0] == 0


@pytest.mark.parametrize("bright", [False, True])
def test_cells_around_nuclei_were_not_missed(bright):
    nuclei, cells = discs(5, 60), discs(22, 60)
    picture = gaussian_filter((cells > 0) * 60.0 + (nuclei > 0) * 120.0, 1)
    picture = np.random.default_rng(0).poisson(250 - picture if bright else picture + 5)
    assert missed_share(picture[None], nuclei)[0] < 0.05
    assert missed_share(picture[None], nuclei * 0)[0] > 0.9


def test_a_black_frame_around_tissue_is_no_object(labels):
    picture = np.random.default_rng(0).poisson(240 - 150 * gaussian_filter((labels > 0) * 1.0, 1)).clip(1, 255)
    framed, found = np.pad(picture, 40), np.pad(labels, 40)
    assert missed_share(framed[None], found)[0] < 0.1
    assert missed_share(framed[None], found * 0)[0] > 0.9


def test_cut_objects(image, labels):
    few = np.where((labels == 1) | (labels == 2), labels, 0)
    few[:8] = few[14]
    assert any("2 of 2 objects touch the border" in w for w in check_image(image, few))


def test_channels_are_named(image, labels):
    two = Image(np.stack([image, np.minimum(image, 900)]), "CYX", {}, ("DAPI", "GFP"))
    (warning,) = check_image(two, labels)
    assert warning.startswith("Saturated in channel GFP")


def test_pixels_that_are_not_numbers(image, labels):
    broken = image.astype(float)
    broken[3, :4], broken[9, 9] = np.nan, np.inf
    assert check_image(broken, labels) == ["5 pixels are not numbers (NaN or infinite); they were left out."]


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 2)])
def test_tiny_images(shape):
    one = np.ones(shape, int)
    one.flat[0] = 0
    assert all(isinstance(w, str) for w in check_image(np.arange(one.size).reshape(shape), one))


def test_shapes_must_fit(image):
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        check_image(image, np.zeros((3, 3), int))


@pytest.mark.parametrize("axes", ["YX", "YXS"])
@pytest.mark.parametrize("fill", [np.nan, np.inf])
@pytest.mark.parametrize("found", [False, True])
def test_images_without_a_number_give_sentences_not_warnings(labels, axes, fill, found):
    pixels = np.full(labels.shape + (3,) * (axes == "YXS"), fill, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentences = check_image(Image(pixels, axes), labels if found else np.zeros_like(labels))
    assert sentences[0] == "The image holds no numbers: all pixels are NaN or infinite."
    assert ("Nothing was found." in sentences) is not found


def test_opposite_infinities_in_a_colour_and_gaps_in_a_saturated_image(labels):
    colours = np.random.default_rng(0).random((*labels.shape, 3)).astype(np.float32)
    colours[3, 4] = np.inf, -np.inf, 1
    grey = np.minimum((labels > 0) * 2.0, 1)
    grey[0, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_image(Image(colours, "YXS"), labels)
        sentences = check_image(grey, labels)
    assert any("have the largest value (1)" in sentence for sentence in sentences)
