"""``micrographia evaluate``: how good a model, or a folder of label images, is against the truth."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli import flags
from micrographia.cli.batch import counted
from micrographia.cli.input_files import BACKGROUND
from micrographia.cli.labelled_planes import LabelledPlane
from micrographia.cli.seen_images import seen_images
from micrographia.method import Declared, parameter

if TYPE_CHECKING:
    from micrographia.metrics.instances import InstanceEvaluation
    from micrographia.segment.predictor import Predictor

DESCRIPTION = """
Compare what a model finds, or label images that exist already, with the true labels: average precision (AP) at IoU 0.5
to 0.9, precision, recall, F1, panoptic quality and count error, for each image, each group and all together with
bootstrap intervals, and pictures of the worst cases.
"""
EPILOG = """
examples:
  micrographia evaluate nuclei --images images/ --labels labels/ -o check
  micrographia evaluate my_nuclei.zip --images plates.csv -o check
  micrographia evaluate --predictions results/ --images images/ --labels labels/ -o check
"""


class Evaluate(Declared):
    """Options of ``micrographia evaluate``."""

    images: str | None = parameter(
        None, "Folder of images, or a CSV with the columns image and label (others, such as plate or well, are groups)"
    )
    labels: str | None = parameter(None, "Folder of true labels, matched to the images by name")
    predictions: str | None = parameter(None, "Folder of label images to check in place of a model, matched by name")
    out: str = parameter("micrographia-evaluation", "Folder for report and tables; made where it is missing")
    channel: str | None = parameter(None, "Channel to segment, by name or by number from 0")
    axes: str | None = parameter(None, "Axes of image files that do not name them, slowest first, for example TZCYX")
    probability: float | None = parameter(None, "Smallest object probability; otherwise the model's own", ge=0, le=1)
    overlap: float | None = parameter(None, "How much two objects may overlap; otherwise the model's own", ge=0, le=1)
    background: str = BACKGROUND
    unit: str | None = parameter(
        None,
        "Group column whose images are not independent, for the intervals; otherwise the coarsest of donor, plate, "
        "well and such that has five or more",
    )
    worst: int = parameter(6, "Pictures of the worst images in the report", ge=0)
    seed: int = parameter(0, "Seed of the bootstrap", ge=0)
    overwrite: bool = parameter(False, "Replace a report that exists")


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="name or path of a model")
    flags.add_flags(parser, Evaluate, short={"out": "-o"})


def run(args: Namespace) -> int:
    """Evaluate and report; 1 where some images could not be used."""
    options = flags.read(args, Evaluate)
    if (args.model is None) == (options.predictions is None):
        raise RequestError("Name a model, or give label images with --predictions; one of the two.")
    if options.images is None:
        raise RequestError("Say which images to check on: --images FOLDER --labels FOLDER, or --images TABLE.csv.")
    from micrographia.cli.labelled_planes import not_judged
    from micrographia.io.atomic import check_folder
    from micrographia.metrics.instances import evaluate_instances

    folder = Path(options.out).expanduser()
    check_folder(folder)
    if (folder / "report.html").exists() and not options.overwrite:
        raise RequestError(f"{folder / 'report.html'} exists already; choose another --out, or use --overwrite.")
    failures: list[str] = []
    said: dict[str, str] = {}
    doubts: dict[str, None] = {}
    names: list[str] = []
    groups: list[dict[str, str]] = []
    partly: list[bool] = []

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for plane, predicted in _predicted(args.model, options, failures):
            for note in plane.notes if args.model is not None else ():
                said.setdefault(note, plane.name)
            doubts.update(dict.fromkeys(plane.doubts))
            names.append(plane.name)
            groups.append(plane.groups)
            partly.append(plane.partly)
            yield plane.labels, predicted

    try:  # names and groups are read when all pairs have been seen: one pair is held at a time
        result = evaluate_instances(pairs(), names=names, groups=groups, unit=options.unit, seed=options.seed)
    except RequestError:
        if names or not failures:
            raise
        raise InputError(failures[0]) from None
    seen = [] if args.model is None else seen_images(args.model, _loaded(args.model).package.config, names)
    warnings = [*seen, *doubts, *not_judged(partly)]
    _write(folder, result, args.model, options, warnings)
    print(_summary(result))
    print(f"report: {folder / 'report.html'}")
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for note, name in said.items():
        print(f"{name}: {note}", file=sys.stderr)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _predicted(
    model: str | None, options: Evaluate, failures: list[str], only: Collection[str] | None = None
) -> Iterator[tuple[LabelledPlane, np.ndarray]]:
    """Every plane (or some, by name) with what was predicted for it; what cannot be used is noted and left out."""
    from micrographia.cli.labelled_planes import labelled_dataset, labelled_planes, labels_of_plane
    from micrographia.cli.result_names import result_names
    from micrographia.features.object_numbers import check_numbered
    from micrographia.io.reading import read_labels

    data = labelled_dataset(str(options.images), options.labels)
    names = result_names([item.image for item in data])
    predictor = None if model is None else _loaded(model)
    stored: dict[Path, Path] = {}
    if model is None:
        from micrographia.io.datasets import dataset

        matched = dataset([item.image for item in data], str(options.predictions))
        stored = {item.image: item.label for item in matched if item.label is not None}
    for item in data:
        try:
            all_channels = predictor.all_channels if predictor is not None else False
            for plane in labelled_planes(
                item,
                name=names[item.image],
                channel=options.channel,
                all_channels=all_channels,
                axes=options.axes,
                negative=True,
            ):
                if only is not None and plane.name not in only:
                    continue
                if predictor is not None:
                    found = predictor.segment(
                        plane.image,
                        probability=options.probability,
                        overlap=options.overlap,
                        background=options.background,
                    )
                    yield plane, found.labels
                else:
                    file = stored[item.image]
                    labels = read_labels(file)
                    if doubt := check_numbered(replace(labels, name=file.name)):
                        plane = replace(plane, doubts=(*plane.doubts, doubt))
                    yield (
                        plane,
                        labels_of_plane(labels, plane.image, plane.index, plane.sizes, file.name, item.image.name),
                    )
        except InputError as error:
            failures.append(str(error))


def _loaded(model: str) -> Predictor:
    """The predictor of a model; raises InputError where it is none, also for a folder of label images."""
    from micrographia.cli.image_results import predictor

    try:
        return predictor(model, 0)
    except InputError as error:
        if Path(model).expanduser().is_dir():
            raise InputError(f"{error} A folder of label images is checked with --predictions {model}.") from None
        raise


def _write(
    folder: Path,
    result: InstanceEvaluation,
    model: str | None,
    options: Evaluate,
    warnings: Sequence[str],
) -> None:
    """Tables, and the report with pictures of the worst images, for which the objects are found once more."""
    from micrographia.io.tables import write_table
    from micrographia.metrics.matching import without_unknown
    from micrographia.report.evaluation_report import write_evaluation_report

    for name in ("images", "matches", "overall", "groups", "counts"):
        table = getattr(result, name)
        if len(table):
            write_table(folder / f"evaluation_{name}.csv", table)
    worst = result.worst(options.worst)
    cases = {
        plane.name: (plane.image, plane.labels, without_unknown(plane.labels, found))
        for plane, found in _predicted(model, options, [], worst)
    }
    write_evaluation_report(
        folder / "report.html",
        result,
        {name: cases[name] for name in worst},
        settings={"model": model} | options.parameters(),
        command=shlex.join(["micrographia", *sys.argv[1:]]),
        title=f"Evaluation of {model or options.predictions}",
        warnings=warnings,
    )


def _summary(result: InstanceEvaluation) -> str:
    """The scores over all images as a small table."""
    lines = [f"{'IoU':>5}{'AP':>8}{'95 % interval':>18}{'precision':>11}{'recall':>8}{'F1':>7}{'PQ':>7}"]
    for row in result.overall.to_dict("records"):
        low, high = row["ap_image_mean_low"], row["ap_image_mean_high"]
        interval = f"{low:.3f} to {high:.3f}" if low == low else "–"
        scores = [row[f"{s}_pooled"] for s in ("precision", "recall", "f1", "pq")]
        lines.append(
            f"{row['iou']:>5.2f}{row['ap_image_mean']:>8.3f}{interval:>18}"
            f"{scores[0]:>11.3f}{scores[1]:>8.3f}{scores[2]:>7.3f}{scores[3]:>7.3f}"
        )
    every = result.counts.iloc[0]
    lines.append("AP is the mean over images; precision, recall, F1 and PQ are of all objects together")
    lines.append(
        f"{every['n_predicted']:,} objects found, {every['n_truth']:,} true, {counted(int(every['images']), 'image')}"
    )
    return "\n".join(lines)
