"""A run over many inputs into one output folder: resumed, refused where it would replace something, summed up."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from micrographia.arrays.errors import InputError, RequestError
from micrographia.cli.batch import Progress, counted, run_batch
from micrographia.cli.result_names import result_names
from micrographia.cli.run_record import NAME, RunRecord, fingerprint
from micrographia.io.find import image_stem
from micrographia.report.durations import duration

T = TypeVar("T")
Outcome = dict[str, Any]
Problem = dict[str, str]


@dataclass(frozen=True)
class InputTask:
    """One input and everything needed to make its results, in this process or in another.

    Attributes
    ----------
    source, folder : Path
        Input and output folder.
    name : str
        What the results are called.
    options : dict
        Values of the declared options of the command.
    threads : int
        Threads; 0 for all cores.
    """

    source: Path
    folder: Path
    name: str
    options: dict[str, Any]
    threads: int = 0

    @property
    def sources(self) -> list[Path]:
        """Every file that the results are made from; where one changes, an earlier result counts no more."""
        return [self.source]

    def picture(self, what: str, kind: str) -> Path:
        """A result that is an image: OME-Zarr or TIFF as `kind` says, with ``"auto"`` like the input."""
        zarr = kind == "zarr" or (kind == "auto" and self.source.is_dir())
        return self.folder / f"{self.name}_{what}.{'ome.zarr' if zarr else 'tif'}"


@dataclass(frozen=True)
class FolderRun(Generic[T]):
    """What a command does with each input, and how it speaks of it.

    Attributes
    ----------
    command : str
        Name of the command.
    folder : Path
        Output folder.
    settings : mapping
        Everything that decides what the results look like, as JSON values.
    task : callable
        Makes the task of an input from its path and the name of its results: an `InputTask` with ``files``, the names
        of all results.
    work : callable
        Does a task and returns JSON values, among them ``source``, ``notes`` and ``warnings``.
    jobs : callable
        Number of processes for some tasks.
    cores : int
        Cores to share between them.
    say : callable
        One outcome, or several together, in a few words.
    doing : str
        What the progress bar says.
    report : callable, optional
        Writes ``report.html`` into the folder from all outcomes and problems.
    within : bool
        Whether `work` takes ``progress``, a callable that is told the share of one input that is done.
    record : str
        File name of the run's record; results of runs with other records may lie in the same folder.
    """

    command: str
    folder: Path
    settings: Mapping[str, Any]
    task: Callable[[Path, str], T]
    work: Callable[..., Outcome]
    jobs: Callable[[Sequence[T]], int]
    cores: int
    say: Callable[[Sequence[Outcome]], str]
    doing: str
    report: Callable[[list[Outcome], list[Problem]], None] | None = None
    within: bool = False
    record: str = NAME


def run_folder(images: Sequence[str | Path], run: FolderRun[Any], *, overwrite: bool = False) -> int:
    """Do the work for every input, with resume; prints what it does.

    Parameters
    ----------
    images : sequence of paths
        Files, folders or patterns.
    run : FolderRun
        What to do.
    overwrite : bool
        Replace results that exist.

    Returns
    -------
    int
        0 where all inputs are finished, 1 where some failed, 130 where it was stopped.

    Raises
    ------
    RequestError
        Where the folder holds results that this run would replace.
    InputError
        Where the folder cannot be written to.
    """
    from micrographia.io.find import find_images

    start = time.monotonic()
    missing: list[InputError] = []
    paths = [path.absolute() for path in find_images(images, errors=missing)]
    problems = [{"source": "", "problem": str(error)} for error in missing]
    if not paths:
        return _closing(run, [], 0, problems, start)
    record = RunRecord(run.folder, {"command": run.command, **run.settings}, run.record)
    tasks, kept = _plan(paths, run, record, overwrite)
    record.start({task.source: (task.name, task.files) for task in tasks} if overwrite else None)
    _remove_partial_files(run.folder, record)
    coming = {name for task in tasks for name in task.files}
    jobs = run.jobs(tasks)
    tasks = [replace(task, threads=0 if jobs == 1 else max(1, run.cores // jobs)) for task in tasks]
    outcomes, prints, inputs = list(kept), {}, set(paths)
    left: list[Path] = []

    def before(task: Any) -> None:
        prints[task.source] = _fingerprint(task)
        record.begin(task.source, task.name, task.files)

    bar = Progress(len(tasks), run.doing)
    work = partial(run.work, progress=bar.within) if run.within and jobs == 1 else run.work
    try:
        ends = run_batch(tasks, work, jobs=jobs, before=before)
        with bar() as progress, closing(ends):
            for end in ends:
                source = end.task.source
                if end.outcome is None:
                    problems.append({"source": str(source), "problem": end.problem, "details": end.details})
                    progress.advance(f"{source.name}: failed")
                else:
                    outcome = end.outcome | {"fingerprint": prints[source]}
                    replaced, edited = record.replaced(source) - coming, set(record.altered(source))
                    left += [run.folder / name for name in sorted(replaced & edited)]
                    _remove_replaced(run.folder, replaced - edited, inputs)
                    record.finish(source, prints[source], end.task.files, outcome)
                    outcomes.append(outcome)
                    progress.advance(f"{source.name}: {run.say([outcome])}")
    except KeyboardInterrupt:
        _remove_partial_files(run.folder, record)
        _say_edited(left)
        again = f"the same command again: {command_line()}"
        if overwrite:
            again = f"the command without --overwrite, which would start anew: {command_line(without='--overwrite')}"
        print(
            f"\nStopped. {len(outcomes)} of {len(paths)} images are finished; their results stay in {run.folder}.\n"
            f"To go on, type {again}",
            file=sys.stderr,
        )
        return 130
    _say_edited(left)
    order = {str(path): i for i, path in enumerate(paths)}
    outcomes.sort(key=lambda outcome: order.get(outcome["source"], 0))
    unwritten = None
    if run.report is not None:
        try:
            run.report(outcomes, problems)
        except InputError as error:  # what became of the images is said first
            unwritten, run = error, replace(run, report=None)
    code = _closing(run, outcomes, len(kept), problems, start)
    if unwritten is not None:
        raise unwritten
    return code


def command_line(without: str | None = None) -> str:
    """The command as it was typed, or without one of its flags."""
    return shlex.join(["micrographia", *(word for word in sys.argv[1:] if word != without)])


def _plan(
    paths: list[Path], run: FolderRun[Any], record: RunRecord, overwrite: bool
) -> tuple[list[Any], list[Outcome]]:
    """What there is to do, and what an earlier run of the same command has finished.

    Raises
    ------
    RequestError
        Where results of other settings, results that were edited, or files that are no results, would be replaced
        without being asked to.
    """
    # Nothing is lost where every input failed; some inputs have no files of their own, only rows of a table.
    written = bool(record.done) or any((run.folder / name).exists() for name in record.files)
    if written and not overwrite and (refusal := record.refusal()):
        raise RequestError(refusal)
    names = result_names(paths, record.names)
    tasks, kept, edited, altered = [], [], [], []
    in_the_way = [run.folder / "report.html"] if record.earlier is None and run.report is not None else []
    for path in paths:
        task = run.task(path, names[path])
        done = None if overwrite else record.finished(path, _fingerprint(task))
        changed_files = [run.folder / name for name in record.altered(path)]
        if done is not None:
            kept.append(done)
            edited += changed_files
            continue
        tasks.append(task)
        altered += [file for file in changed_files if file.name in task.files]
        own = record.own(path)
        in_the_way += [run.folder / name for name in task.files if name not in own]
    in_the_way = [path for path in in_the_way if path.exists()]
    if in_the_way and not overwrite:
        raise RequestError(
            f"{in_the_way[0]}{_more(in_the_way)} would be replaced, but this command, with these settings, did "
            "not make it of the same input. Choose another folder with --out, or replace it with --overwrite."
        )
    if altered and not overwrite:
        raise RequestError(
            f"{altered[0]}{_more(altered)} was edited since this command wrote it, and would be replaced, since its "
            "input has changed, or another result of that input is missing, empty or of other settings. Move it away "
            "or delete it, and it is made again; or replace all with --overwrite."
        )
    _say_edited(edited)
    inputs = set(paths)
    if lost := next((run.folder / f for task in tasks for f in task.files if run.folder / f in inputs), None):
        raise RequestError(f"{lost} is an input and would be replaced by a result; choose another folder with --out.")
    return tasks, kept


def _say_edited(paths: Sequence[Path]) -> None:
    if paths:
        print(f"note: {paths[0]}{_more(paths)} was edited since this command wrote it; it stays as it is")


def _more(paths: Sequence[Path]) -> str:
    return f" and {len(paths) - 1} more" if len(paths) > 1 else ""


def _fingerprint(task: InputTask) -> str:
    try:
        return "-".join(fingerprint(path) for path in task.sources)
    except OSError:  # reading it will say what is wrong
        return ""


def _remove_replaced(folder: Path, names: set[str], inputs: set[Path]) -> None:
    """Delete results that other settings gave under other names, now that the new ones are there."""
    from micrographia.io.atomic import remove

    for path in (folder / name for name in names):
        if path.parent == folder and path not in inputs:
            remove(path)


def _remove_partial_files(folder: Path, record: RunRecord) -> None:
    """Delete what a run that was stopped left under hidden names."""
    from micrographia.io.atomic import remove

    ours = {name[:100] for name in (*record.files, "report.html")}
    for path in folder.glob(".*"):
        match = _PARTIAL.fullmatch(path.name)
        if path.name.startswith(".foreground-") or (match and match[1] in ours):
            remove(path)


_PARTIAL = re.compile(r"\.(.+)\.[0-9a-f]{8}\.partial.*")


def _closing(run: FolderRun[Any], outcomes: list[Outcome], kept: int, problems: list[Problem], start: float) -> int:
    """Say what was assumed, what failed and where the results are; returns the exit code."""
    said: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        for note in (*outcome["notes"], *outcome["warnings"]):
            said[note].append(Path(outcome["source"]).name)
    for note, names in said.items():
        where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        print(f"{where}: {note}", file=sys.stderr)
    for failed in problems:
        name = Path(failed["source"]).name
        text = failed["problem"].removeprefix(f"{image_stem(name)}: ")
        print(f"failed: {text if not name or name in text else f'{name}: {text}'}", file=sys.stderr)
    if outcomes:
        earlier = f" ({kept} from an earlier run)" if kept else ""
        images = counted(len(outcomes), "image")
        print(f"{images}{earlier}, {run.say(outcomes)}, {duration(time.monotonic() - start)}")
        print(f"results: {run.folder}")
        if run.report is not None:
            print(f"report:  {run.folder / 'report.html'}")
    if problems:
        print(f"{counted(len(problems), 'input')} failed.", file=sys.stderr)
    return 1 if problems else 0
