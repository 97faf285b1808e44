"""One fold of a comparison: a method learns from the other folds, then this one is predicted."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import InputError
from micrographia.cli.candidates import Candidate
from micrographia.cli.labelled_planes import LabelledPlane, labelled_planes
from micrographia.cli.result_names import result_names
from micrographia.cli.run_record import RunRecord, fingerprint
from micrographia.cli.train import learn
from micrographia.io.datasets import Dataset
from micrographia.segment.plane_pixels import Plane
from micrographia.segment.star_examples import as_colour, channels_of, in_colour


@dataclass
class Material:
    """The images with their groups and folds, read when they are first needed."""

    data: Dataset
    groups: list[str]
    folds: list[int]
    channel: str | None = None
    all_channels: bool = False
    seed: int = 0
    _prints: list[str] = field(default_factory=list)
    _planes: dict[bool, list[list[LabelledPlane]]] = field(default_factory=dict)

    def planes(self, all_channels: bool) -> list[list[LabelledPlane]]:
        """The planes of each image."""
        if all_channels not in self._planes:
            names = result_names([item.image for item in self.data])
            read = partial(labelled_planes, channel=self.channel, all_channels=all_channels, negative=True)
            self._planes[all_channels] = [list(read(item, name=names[item.image])) for item in self.data]
        return self._planes[all_channels]

    def taught(self) -> list[list[LabelledPlane]]:
        """The same for learning: where some are in colour, grey ones are made so, that every fold has the same."""
        items = self.planes(self.all_channels)
        if not any(in_colour(plane.image) for planes in items for plane in planes):
            return items
        return [[replace(plane, image=as_colour(plane.image)) for plane in planes] for planes in items]

    def prints(self) -> list[str]:
        """What changes when an image or its labels change."""
        self._prints = self._prints or [fingerprint(i.image) + fingerprint(i.label or i.image) for i in self.data]
        return self._prints

    def refuse_channels(self) -> None:
        """Raise InputError where no method can learn from the images together: their channels are different."""
        planes = [plane for planes in self.planes(self.all_channels) for plane in planes]
        images = [plane.image for plane in planes]
        counts = [Plane(image).count for image in images]
        channels_of(counts, [in_colour(image) for image in images], [plane.name for plane in planes])

    def refuse_copies(self) -> None:
        """Raise InputError where one image is in two folds under two names: it would be learned and judged."""
        first: dict[str, int] = {}
        for i, item in enumerate(self.data):
            k = first.setdefault(fingerprint(item.image), i)
            if self.folds[k] != self.folds[i]:
                raise InputError(f"{self.data[k].image} and {item.image} hold the same image; leave one of them out.")


def run_fold(one: Candidate, fold: int, material: Material, record: RunRecord) -> dict[str, Any]:
    """Learn from the other folds and predict this one, unless that is done already.

    Parameters
    ----------
    one : Candidate
        Method or model; a model only predicts.
    fold : int
        From 1.
    material : Material
        Images and folds.
    record : RunRecord
        What is done; its folder gets the models and the predictions.

    Returns
    -------
    dict
        ``files``: the label files of each image of this fold, by the image's position as text;
        ``seconds_train`` (with those of stopped runs) and ``seconds_predict``.

    Raises
    ------
    InputError
        Where there is nothing to learn from, or an image cannot be used; the message names method and fold.
    """
    tested = [i for i, k in enumerate(material.folds) if k == fold]
    used = [i for i, k in enumerate(material.folds) if k != fold]
    made_of = [one.parameters, fingerprint(one.model) if one.model else used, tested, material.prints()]
    print_ = hashlib.sha256(json.dumps(made_of, default=str).encode()).hexdigest()[:32]
    key = Path(f"{one.text} fold {fold}")
    if (done := record.finished(key, print_)) is not None:
        return done
    out = record.path.parent
    folder = out / "folds" / f"{re.sub(r'[^A-Za-z0-9=,.+-]+', '_', one.text)[:60]}-{fold}-{print_[:8]}"
    model, training = one.model or folder / "model.zip", 0.0
    if one.method is not None:
        try:
            training = _train(one, used, material, folder)
        except InputError as error:
            raise InputError(f"{one.text}, fold {fold}: {error}") from None
    from micrographia.io.writing import write_labels
    from micrographia.segment.predictor import load_predictor

    predictor = load_predictor(model)
    files: dict[str, list[str]] = {}
    seconds = 0.0
    for i in tested:
        for number, plane in enumerate(material.planes(predictor.all_channels)[i]):
            start = time.monotonic()
            found = predictor.segment(plane.image)
            seconds += time.monotonic() - start
            path = write_labels(folder / f"{i + 1:04d}_{number}_labels.tif", found.labels)
            files.setdefault(str(i), []).append(path.relative_to(out).as_posix())
    outcome = {"files": files, "seconds_train": round(training, 2), "seconds_predict": round(seconds, 3)}
    record.finish(key, print_, [name for names in files.values() for name in names], outcome)
    shutil.rmtree(folder / "training", ignore_errors=True)
    times = f"{training:.0f} s to train, {seconds:.1f} s to predict"
    print(f"{one.text}: fold {fold} of {max(material.folds)}, {times}", flush=True)
    return outcome


def _train(one: Candidate, used: list[int], material: Material, folder: Path) -> float:
    """Train on the images `used`, some of which only judge; the seconds that it took, with those of stopped runs."""
    from micrographia.metrics.folds import set_aside
    from micrographia.segment.star_examples import Examples

    assert one.method is not None
    share = one.parameters.get("validation_share", 0.15)
    held = {used[k] for k in set_aside([material.groups[i] for i in used], share, material.seed)}
    items = material.taught()
    planes = [(i, plane) for i in used for plane in items[i]]
    examples = Examples(
        [plane.image for _, plane in planes],
        [plane.labels for _, plane in planes],
        [k for k, (i, _) in enumerate(planes) if i in held] if held else None,
        [plane.name for _, plane in planes],
    )
    clock = folder / "seconds.txt"
    spent = float(clock.read_text()) if clock.exists() else 0.0
    if (folder / "model.zip").exists():
        return spent
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    try:
        learn(one.method(**one.parameters), examples, folder / "training", folder / "model.zip")
    finally:
        spent += time.monotonic() - start
        clock.write_text(f"{spent:.2f}")
    return spent
