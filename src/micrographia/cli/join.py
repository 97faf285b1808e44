"""``micrographia join``: channels, planes and times that are files of their own become one image each."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import RequestError
from micrographia.cli import flags
from micrographia.cli.folder_run import FolderRun, InputTask, run_folder
from micrographia.cli.input_files import with_pixel_size
from micrographia.cli.run_record import NAME, RunRecord
from micrographia.method import Declared, parameter

DESCRIPTION = """
Put channels, planes of Z and times that are files of their own together, into one OME-TIFF for each image. A regular
expression says which part of a file's name is the channel, z or t; what is left of the name is the image's.
"""
EPILOG = r"""
examples:
  micrographia join plate/ --names 'Channel(?P<channel>\d)-' --channels GFP DNA -o images
  micrographia join plate/ --names '_w(?P<channel>\d)' --pixel-size 0.65 -o images
  micrographia join run/ --names 'T(?P<t>\d+)(?P<field>F\d+)Z(?P<z>\d+)C(?P<channel>\d+)' -o images
"""


class Join(Declared):
    """Options of ``micrographia join``."""

    names: str = parameter(
        "", r"Regular expression with groups named channel, z or t, searched for in each name: '_w(?P<channel>\d)'"
    )
    channels: tuple[str, ...] = parameter(
        (), "Names of the channels, in the order of what the files call them; otherwise that"
    )
    out: str = parameter("micrographia-results", "Folder for the images; made where it is missing")
    pixel_size: float | None = parameter(None, "Size of a pixel where the files do not know it", ge=1e-9, unit="µm")
    jobs: int = parameter(0, "Images worked on at the same time; 0 chooses", ge=0)
    overwrite: bool = parameter(False, "Replace images that exist")


class JoinTask(InputTask):
    """One image and the files that it is spread over."""

    @property
    def files(self) -> list[str]:
        """The image."""
        return [f"{self.name}.ome.tif"]

    @property
    def sources(self) -> list[Path]:
        """All files of the image."""
        return list(self.options["image"].files.values())


def add_arguments(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files, folders or patterns")
    flags.add_flags(parser, Join, short={"out": "-o"})


def run(args: Namespace) -> int:
    """Join; 1 where some images failed."""
    from micrographia.cli.batch import automatic_jobs
    from micrographia.io.find import find_images
    from micrographia.io.joining import spread_images
    from micrographia.models.runtime import usable_cores

    options = flags.read(args, Join)
    if not options.names:
        raise RequestError(r"Say how the files are named, for example --names '_w(?P<channel>\d)'.")
    folder = Path(options.out).expanduser().absolute()
    own = RunRecord(folder, {}).files if (folder / NAME).exists() else set()
    paths = [path.absolute() for path in find_images(args.images)]
    paths = [path for path in paths if path.parent != folder or path.name not in own]
    if not paths:
        raise RequestError(f"{folder} holds nothing but what was joined before; name the files to join.")
    images = {next(iter(image.files.values())): image for image in spread_images(paths, options.names)}
    cores = usable_cores()
    values: dict[str, Any] = {"channels": list(options.channels), "pixel_size": options.pixel_size}
    folder_run: FolderRun[JoinTask] = FolderRun(
        "join",
        folder,
        {"join": options.names, **values},
        task=lambda path, name: JoinTask(path, folder, images[path].name, values | {"image": images[path]}),
        work=join_files,
        jobs=lambda tasks: options.jobs or automatic_jobs(len(tasks), cores),
        cores=cores,
        say=lambda outcomes: f"{sum(outcome['parts'] for outcome in outcomes):,} files joined",
        doing="joining",
    )
    return run_folder(list(images), folder_run, overwrite=options.overwrite)


def join_files(task: JoinTask) -> dict[str, Any]:
    """Join the files of one image and write it.

    Returns
    -------
    dict
        JSON values: source, name, number of parts, notes, warnings, seconds.

    Raises
    ------
    InputError
        Where a file is missing or does not fit the others, or the image cannot be written.
    """
    from micrographia.io.joining import join
    from micrographia.io.writing import write

    start = time.perf_counter()
    image = with_pixel_size(join(task.options["image"], task.options["channels"]), task.options["pixel_size"])
    write(task.folder / task.files[0], image)
    return {
        "source": str(task.source),
        "name": task.name,
        "parts": len(task.sources),
        "notes": [],
        "warnings": [],
        "seconds": round(time.perf_counter() - start, 2),
    }
