"""ilastik's pixel classification projects as pixel classifiers: same features, same forest, same probabilities.

In ilastik a stage's features are in the order filter, scale, channel, eigenvalue; in our bank the channel comes first,
so the forest's features are renumbered. The second stage of an auto-context project sees the image's channels and then
the first stage's probabilities of all classes, these in the image's own type: for 8 bits times 255 and cut to whole
numbers (:attr:`micrographia.classify.pixels.stages.Stage.levels`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.arrays.image import Image
from micrographia.classify.ilastik.project_file import Lane, Project, ProjectStage, read_project
from micrographia.classify.ilastik.project_images import found_image, label_order, lane_image
from micrographia.classify.ilastik.stored_forest import forest_from_vigra
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.learning import learn_stages
from micrographia.classify.pixels.pixel_blocks import predict_whole
from micrographia.classify.pixels.pixel_classifier import PixelClassifier
from micrographia.classify.pixels.stages import Stage
from micrographia.classify.pixels.strokes import Strokes, painted
from micrographia.features.pixel_bank import Bank

_TREES = 100
"""Trees of a forest that is trained here, as many as ilastik's."""


@dataclass(frozen=True)
class Imported:
    """A project as a pixel classifier.

    Attributes
    ----------
    classifier : PixelClassifier
        Ready to predict and to save.
    project : Project
        What was in the file.
    notes : list of str
        What was assumed or done, in sentences.
    """

    classifier: PixelClassifier
    project: Project
    notes: list[str]


def import_project(path: str | Path, images: Sequence[str | Path] = ()) -> Imported:
    """Make a pixel classifier of an ilastik project.

    The stored forests are used as they are. A stage with strokes but no forest is trained, from images that are looked
    for in `images`, in the project, beside it, and where it says.

    Parameters
    ----------
    path : path
        An ``.ilp`` file of the workflow Pixel Classification or Autocontext (two stages).
    images : sequence of paths
        Images, folders or patterns.

    Returns
    -------
    Imported
        The classifier, the project and what was noticed.

    Raises
    ------
    InputError
        Where the project cannot be used: another workflow, no image, no features, neither strokes nor a forest, or
        damage.
    RequestError
        Where h5py is not installed.
    """
    project = read_project(path)
    dimensions = _dimensions(project)
    channels = {lane.size("C") for lane in project.lanes}
    if len(channels) > 1:
        raise InputError(f"{project.path}: its images have different numbers of channels ({sorted(channels)}).")
    seen = _seen(project, dimensions, images)
    names = seen.names if seen else _names(channels.pop())
    notes: list[str] = []
    stages: list[Stage] = []
    for number, stage in enumerate(project.stages):
        where = f"{project.path}" + (f" (stage {number + 1})" if len(project.stages) > 1 else "")
        bank = _bank(stage, dimensions)
        context = len(project.stages[number - 1].classes) if number else 0
        if stage.trees:
            levels = _levels(seen, notes) if context else 0
            order = bank.ilastik_order(len(names) + context)
            known = [label - 1 for label in stage.known]
            forest = forest_from_vigra(stage.trees, order, known, len(stage.classes), where)
            stages.append(Stage(bank, forest, len(stage.classes), context, levels))
        elif stage.painted:
            notes.append(
                f"{where} holds strokes but no forest; one was trained here, so ilastik's may differ a little."
            )
            stages.append(_trained(project, number, bank, stages, images))
        else:
            raise InputError(
                f"{where} holds neither strokes nor a trained forest; paint in ilastik, turn on Live Update, save."
            )
    last = project.stages[-1]
    classifier = PixelClassifier.learned(
        stages, last.classes, names,
        filters=tuple(dict.fromkeys(name for name, _, _ in last.selection)),
        sigmas=tuple(sorted({sigma for _, sigma, _ in last.selection})),
        trees=len(last.trees) or _TREES,
    )  # fmt: skip
    if seen:
        classifier.example_ = _example(seen)
    return Imported(classifier, project, notes)


def project_strokes(path: str | Path, images: Sequence[str | Path] = (), *, stage: int = 0) -> Strokes:
    """The strokes of a project with its images, to learn from them with other features or another classifier.

    Parameters
    ----------
    path, images
        As for `import_project`.
    stage : int
        Which stage's strokes, counted from 0.

    Returns
    -------
    Strokes

    Raises
    ------
    InputError
        Where an image with strokes is not found, else as for `import_project`.
    RequestError
        Where there is no such stage, else as for `import_project`.
    """
    project = read_project(path)
    if not 0 <= stage < len(project.stages):
        raise RequestError(f"{project.path}: there is no stage {stage}; it has {len(project.stages)}, counted from 0.")
    return _strokes(project, stage, _dimensions(project), images)


def _dimensions(project: Project) -> int:
    """Whether planes (2) or volumes (3) are looked at."""
    flat = all(flag for stage in project.stages for _, _, flag in stage.selection)
    return 2 if flat or all(lane.size("Z") == 1 for lane in project.lanes) else 3


def _bank(stage: ProjectStage, dimensions: int) -> Bank:
    selection = tuple((name, sigma) for name, sigma, _ in stage.selection)
    flat = sorted({sigma for _, sigma, flag in stage.selection if flag}) if dimensions == 3 else ()
    return Bank(selection, dimensions, flat=tuple(flat))


def _seen(project: Project, dimensions: int, images: Sequence[str | Path]) -> ImageChannels | None:
    """The first of the images that is found."""
    for lane in project.lanes:
        if image := lane_image(project, lane, images):
            return ImageChannels(image, dimensions)
    return None


def _example(seen: ImageChannels) -> np.ndarray:
    """A piece from the middle of an image, stored with the model to test it."""
    most = (64, 64) if len(seen.shape) == 2 else (16, 32, 32)
    starts = [max(0, (n - side) // 2) for n, side in zip(seen.shape, most, strict=True)]
    window = tuple(slice(a, min(a + side, n)) for a, side, n in zip(starts, most, seen.shape, strict=True))
    return seen.read(seen.positions[0], window)


def _names(count: int) -> tuple[str, ...]:
    return ("intensity",) if count == 1 else tuple(f"channel {i}" for i in range(count))


def _levels(seen: ImageChannels | None, notes: list[str]) -> int:
    """What the second stage was shown for a probability of 1: the largest value of the image's type."""
    if seen is None:
        notes.append("The project's images were not found; they are taken to have 8 bits, as most have.")
        return 255
    dtype = seen.image.dtype
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else 0


def _strokes(project: Project, number: int, dimensions: int, images: Sequence[str | Path]) -> Strokes:
    stage = project.stages[number]
    lanes = [k for k, blocks in enumerate(stage.strokes) if any(data.any() for _, data in blocks)]
    if not lanes:
        raise InputError(f"{project.path}: there are no strokes in this ilastik project.")
    painted_lanes: list[Lane] = [project.lanes[k] for k in lanes]
    return Strokes(
        [found_image(project, lane, images) for lane in painted_lanes],
        [label_order(stage.labels(k, project.lanes[k]), project.lanes[k], dimensions) for k in lanes],
        names=[lane.name for lane in painted_lanes],
        classes=stage.classes,
    )


def _trained(project: Project, number: int, bank: Bank, before: Sequence[Stage], images: Sequence[str | Path]) -> Stage:
    """A stage that learns from the project's strokes, after the stages before it."""
    strokes = _strokes(project, number, bank.dimensions, images)
    context = before[-1].classes if before else 0
    if before:
        pictures = [_with_context(before, image, bank.dimensions) for image in strokes.images]
        strokes = replace(strokes, images=pictures)
    learned = learn_stages(painted(strokes, bank.dimensions), bank, "forest", trees=_TREES)
    return replace(learned.stages[0], context=context)


def _with_context(stages: Sequence[Stage], image: Image | np.ndarray, dimensions: int) -> Image:
    """An image with the probabilities of the last of some stages as further channels."""
    channels = ImageChannels(image, dimensions)
    whole = tuple(slice(0, n) for n in channels.shape)
    pixels = np.stack([channels.read(at, whole) for at in channels.positions], axis=1)
    pixels = pixels.reshape(len(pixels), *channels.stack_shape, *channels.shape)
    both = np.concatenate([pixels, predict_whole(stages, channels)])
    return Image(both, f"C{channels.stack_axes}{channels.space}", name=channels.title)
