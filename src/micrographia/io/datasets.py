"""Images with their labels: a pair of folders matched by name, or a table that lists them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from micrographia.arrays.errors import InputError
from micrographia.io.find import find_images, image_stem, is_zarr
from micrographia.io.table_parts import table_kind

LABEL_ENDINGS = ("_labels", "_label", "_masks", "_mask", "_seg", "_segmentation", "_instances", "_strokes", "_classes")
"""What the name of a label image may add to its image's."""

NO_LABELS = ("_overlay", "_probabilities", "_uncertainty")
"""Endings of Micrographia's own pictures, which lie beside its labels and are none."""


@dataclass(frozen=True)
class Item:
    """One image of a dataset.

    Parameters
    ----------
    image : Path
        The image.
    label : Path or None
        Its labels.
    groups : dict
        Name of a group (plate, well, experiment, ...) to its value.
    """

    image: Path
    label: Path | None = None
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset(Sequence[Item]):
    """Images in order, each with its labels and groups.

    Parameters
    ----------
    items : tuple of Item
        The images.
    unlabelled : tuple of Path
        Images that were left out since they have no labels.
    imageless : tuple of Path
        Labels that were left out since a folder of images has none of their name.
    numbers : tuple of int
        Number of each image, from 1; those that were left out count, so that labels which come later change nothing.
    """

    items: tuple[Item, ...]
    unlabelled: tuple[Path, ...] = ()
    imageless: tuple[Path, ...] = ()
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.numbers:
            object.__setattr__(self, "numbers", tuple(range(1, len(self.items) + 1)))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return Dataset(self.items[index]) if isinstance(index, slice) else self.items[index]

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the groups, in the order of the table's columns."""
        return tuple(dict.fromkeys(name for item in self.items for name in item.groups))

    def groups(self, name: str) -> list[str]:
        """The value of one group for every image; empty text where it has none."""
        return [item.groups.get(name, "") for item in self.items]


def dataset(
    images: str | Path | Iterable[str | Path],
    labels: str | Path | Iterable[str | Path] | None = None,
    *,
    some: bool = False,
    strokes: bool = False,
) -> Dataset:
    """Find the images of a dataset and the labels that belong to them.

    Images and labels are matched by their names without suffix, never by order; a label image's
    name may end in ``_labels``, ``_mask``, ``_seg`` and the like (``LABEL_ENDINGS``). Where objects
    (``_labels``), classes (``_classes``) and strokes (``_strokes``) lie beside each other, the objects are the labels.

    Parameters
    ----------
    images : path or iterable of paths
        A folder; a CSV file with the columns ``image``, optionally ``label``, and any others as
        groups (paths count from the CSV's folder); or files and patterns. A folder that holds the
        folders ``images`` and ``labels`` stands for both.
    labels : path or iterable of paths, optional
        The folder of labels; it may be the folder of images, where the endings tell them apart.
    some : bool
        As long as one image has labels, images without labels and labels without image are left out; the data set
        names them.
    strokes : bool
        Labels are strokes, which not every image needs; they come before objects that lie beside them.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        For an image without labels, labels without image, two of the same name, a file that a
        table lists and that is missing.
    """
    if isinstance(images, (str, Path)):
        path = Path(images).expanduser()
        if path.suffix.lower() == ".csv":
            if labels is not None:
                raise InputError(
                    f"{path} is a table, which names the labels itself, in a column 'label'; leave out --labels "
                    "(labels= in Python)."
                )
            return _labelled_only(_from_table(path)) if some or strokes else _from_table(path)
        if labels is None and not is_zarr(path) and (path / "images").is_dir():
            images = path / "images"
            labels = path / "labels" if (path / "labels").is_dir() else None
    if labels is None:
        return Dataset(tuple(Item(found) for found in find_images(images)))
    if isinstance(images, (str, Path)) and isinstance(labels, (str, Path)) and _same(images, labels):
        # our own results are left out otherwise, but their labels are wanted here
        found_labels = [p for p in find_images(images, results=True) if _without_ending(image_stem(p)) is not None]
        taken = set(found_labels)
        found_images = [path for path in find_images(images) if path not in taken]
    else:
        found_images = find_images(images)
        taken = {path.resolve() for path in found_images}  # they may lie beside their labels
        offered = [p for p in find_images(labels, results=True) if not image_stem(p).endswith(NO_LABELS)]
        found_labels = [path for path in offered if path.resolve() not in taken]
        if offered and not found_labels:
            raise InputError(f"{labels}: these are the images themselves, and there are no labels beside them.")
    whole = isinstance(images, (str, Path)) and Path(images).expanduser().is_dir() and not is_zarr(Path(images))
    found = _matched(found_images, found_labels, some, strokes)
    return found if whole else replace(found, imageless=())  # labels of images that were not asked for are no loss


def _matched(images: list[Path], labels: list[Path], some: bool, strokes: bool) -> Dataset:
    by_stem = _by_stem(images)
    candidates: dict[str, list[Path]] = {}
    strangers = []
    for path in labels:
        stem: str | None = image_stem(path)
        if stem not in by_stem:
            stem = _without_ending(image_stem(path))
        if stem is None or stem not in by_stem:
            strangers.append(path)
        else:
            candidates.setdefault(stem, []).append(path)
    found = {stem: _meant(stem, paths, by_stem[stem], strokes) for stem, paths in candidates.items()}
    missing = [path for stem, path in by_stem.items() if stem not in found]
    problems = []
    if missing and not ((some or strokes) and found):
        problems.append(f"no labels for {_some(missing)}")
    if strangers and not (some and found):
        problems.append(f"no image for the labels {_some(strangers)}")
    if problems:
        raise InputError(
            f"Images and labels do not match: {'; '.join(problems)}. Give a label image the name of its image "
            "(an ending like _labels is allowed), or list the pairs in a CSV with the columns image and label."
        )
    items = tuple(Item(path, found[stem]) for stem, path in by_stem.items() if stem in found)
    numbers = tuple(number for number, stem in enumerate(by_stem, 1) if stem in found)
    return Dataset(items, tuple(missing), tuple(strangers), numbers)


def _meant(stem: str, paths: list[Path], image: Path, strokes: bool) -> Path:
    """Which of several label images of one image is meant, where their endings tell."""
    if len(paths) == 1:
        return paths[0]
    by_ending = {image_stem(path).removeprefix(stem): path for path in paths}
    best = by_ending.get("_strokes" if strokes else "_labels")
    if best is None or len(by_ending) < len(paths) or not by_ending.keys() <= {"_labels", "_classes", "_strokes"}:
        raise InputError(f"{paths[0]} and {paths[1]} are both labels of {image}; keep one of them.")
    return best


def _labelled_only(data: Dataset) -> Dataset:
    labelled = tuple(item for item in data if item.label is not None)
    numbers = tuple(number for number, item in zip(data.numbers, data) if item.label is not None)
    unlabelled = tuple(item.image for item in data if item.label is None)
    return Dataset(labelled, unlabelled, (), numbers) if labelled else data


def _from_table(path: Path) -> Dataset:
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the spelling and the folder.")
    _, layout = table_kind(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(islice(file, layout["skiprows"], None), delimiter=layout["sep"])
            names = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = names
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV table in UTF-8 ({error}); save it again as CSV UTF-8.") from error
    if "image" not in names:
        raise InputError(f"{path} has no column 'image' (its columns: {', '.join(names) or 'none'}); name it so.")
    if not rows:
        raise InputError(f"{path} lists no images.")
    items: list[Item] = []
    seen: dict[Path, int] = {}
    for number, row in enumerate(rows, start=2 + layout["skiprows"]):
        cells = {name: (row.get(name) or "").strip() for name in names}
        if not cells["image"]:
            raise InputError(f"{path}, line {number}: the column 'image' is empty.")
        image = _listed(path, cells["image"], number)
        label = _listed(path, cells["label"], number) if cells.get("label") else None
        if image in seen:
            raise InputError(f"{path}, line {number}: {cells['image']} is listed already in line {seen[image]}.")
        seen[image] = number
        groups = {name: cells[name] for name in names if name not in ("image", "label") and cells[name]}
        items.append(Item(image, label, groups))
    return Dataset(tuple(items))


def _listed(table: Path, name: str, number: int) -> Path:
    found = table.parent / Path(name).expanduser()
    if not found.exists():
        raise InputError(f"{table}, line {number}: {name} does not exist (paths count from the table's folder).")
    return found


def _by_stem(images: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in images:
        other = found.setdefault(image_stem(path), path)
        if other is not path:
            raise InputError(f"{other} and {path} are two images of the same name; rename one of them.")
    return found


def _without_ending(stem: str) -> str | None:
    return next(
        (stem[: -len(end)] for end in LABEL_ENDINGS if stem.lower().endswith(end) and len(stem) > len(end)), None
    )


def _same(first: str | Path, second: str | Path) -> bool:
    return Path(first).resolve() == Path(second).resolve()


def _some(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:5])
    return names if len(paths) <= 5 else f"{names} and {len(paths) - 5} more"
