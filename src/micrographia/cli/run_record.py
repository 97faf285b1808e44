"""What a run did, kept in its output folder, so that the same command goes on where it stopped.

The record is a text file with one JSON object a line: first the settings, then for each input a line when its
results begin to be written and one when they are complete, with the state of each file. Other settings follow as one
more line. A run that was told to replace results says which inputs it comes for before it begins. Lines are only ever
appended, so that a run that is killed at any moment leaves a record that says what can be trusted, and which files are
its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from micrographia.arrays.errors import RequestError
from micrographia.io.atomic import ZARR_MARKERS, write_problem

NAME = "micrographia-run.jsonl"
"""File name of the record."""

_WHOLE = 64 * 2**20
_PART = 4 * 2**20
_READ = 2**30

State = int | list[Any]
"""Bytes of a file; of a folder its number of files with metadata, and two short texts: one changes with what it holds,
one also with the times of its files, which is faster to ask.

Former versions noted the number of files of a folder.
"""


class RunRecord:
    """The record of one output folder.

    Parameters
    ----------
    folder : Path
        Output folder; made where it is missing.
    settings : mapping
        Everything that decides what the results look like, as JSON values.
    name : str
        File name of the record.

    Raises
    ------
    InputError
        Where the folder cannot be made or written to.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], name: str = NAME) -> None:
        self.path = folder / name
        self.settings = json.loads(json.dumps(settings))
        self.earlier: dict[str, Any] | None = None
        self.begun: dict[str, dict[str, Any]] = {}
        self.done: dict[str, dict[str, Any]] = {}
        self.old: dict[str, dict[str, State | None]] = {}  # of each input: file names and, where known, their states
        self.to_replace: (
            dict[str, dict[str, Any]] | None
        ) = {}  # not begun yet; None where a former version said nothing
        self._current: Counter[str] = Counter()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                self._read()
            with self.path.open("a", encoding="utf-8"):
                pass  # tells whether the folder can be written to, before any work is done
        except OSError as error:
            raise write_problem(folder, error) from error

    @property
    def names(self) -> dict[Path, str]:
        """Result name of each input of earlier runs, as long as some of its results are there or to be replaced."""
        folder = self.path.parent
        return {Path(source): plan["name"] for source, plan in (self.to_replace or {}).items()} | {
            Path(source): line["name"]
            for source, line in self.begun.items()
            if not line["files"] or any((folder / name).exists() for name in line["files"])
        }

    @property
    def files(self) -> set[str]:
        """Names of all files that this run and earlier ones wrote or began to write."""
        return {name for source in (*self.begun, *self.done) for name in self._files(source)}.union(*self.old.values())

    def own(self, source: Path) -> set[str]:
        """Names of the files of an input that this run may replace without being asked to.

        They were written or begun with these settings, or are what a run that was asked to did not come to.
        """
        asked = self.to_replace is None or str(source) in self.to_replace
        return self._files(str(source)).union(self.old.get(str(source), ()) if asked else ())

    def replaced(self, source: Path) -> set[str]:
        """Names of the files that earlier runs made of an input, and that belong to no input of this run."""
        return {name for name in self.old.get(str(source), ()) if not self._current[name]}

    def altered(self, source: Path) -> list[str]:
        """Names of the results of an input that somebody changed since they were written.

        Those that earlier runs made are among them. A file is known by its size, a folder by what it holds.
        """
        states = self.old.get(str(source), {}) | self.done.get(str(source), {}).get("sizes", {})
        folder = self.path.parent
        return [name for name, state in states.items() if state is not None and _is_altered(folder / name, state)]

    def changed_settings(self) -> list[str]:
        """What differs from the settings of the earlier run, in words; empty where nothing does."""
        if self.earlier is None:
            return []
        keys = [*self.settings, *(k for k in self.earlier if k not in self.settings)]
        return [
            f"{key} was {_text(self.earlier.get(key))} and is now {_text(self.settings.get(key))}"
            for key in keys
            if self.earlier.get(key) != self.settings.get(key)
        ]

    def refusal(self) -> str:
        """Why results of this run must not go into the folder, in a sentence; empty where they may."""
        if not (changed := self.changed_settings()) or self.earlier is None:
            return ""
        made = self.earlier.get("command")
        other = made is not None and made != self.settings.get("command")
        what = f"'micrographia {made}'" if other else f"a run with other settings ({'; '.join(changed)})"
        return (
            f"{self.path.parent} holds the results of {what}. Choose another folder with --out, or replace them with "
            "--overwrite."
        )

    def start(self, replacing: Mapping[Path, tuple[str, Sequence[str]]] | None = None) -> None:
        """Write the settings; forget an earlier run with others.

        Parameters
        ----------
        replacing : mapping of Path to (str, sequence of str), optional
            The inputs whose results this run was asked to replace: what they are called, and the names of the files.
        """
        folder = self.path.parent
        plans = {
            str(source): {"name": name, "sizes": {f: _state(folder / f) for f in files if (folder / f).exists()}}
            for source, (name, files) in (replacing or {}).items()
        }
        line: dict[str, Any] = {"replace": plans}
        if self.earlier is None or self.changed_settings():
            line = {"settings": self.settings, **line}
        elif not plans:
            return
        self._take(line)
        self._append(line)

    def finished(self, source: Path, print_: str) -> dict[str, Any] | None:
        """What was noted when this very input was finished, if its results are still there, and none is damaged."""
        line = self.done.get(str(source))
        if line is None or line["fingerprint"] != print_:
            return None
        folder, sizes = self.path.parent, line.get("sizes", {})
        there = all(_is_there(folder / name, sizes.get(name, 0)) for name in line["files"])
        return line["outcome"] if there else None

    def begin(self, source: Path, name: str, files: Sequence[str]) -> None:
        """Note that the results of an input are about to be written."""
        line = {"begin": str(source), "name": name, "files": list(files)}
        self._take(line)
        self._append(line)

    def finish(self, source: Path, print_: str, files: Sequence[str], outcome: Mapping[str, Any]) -> None:
        """Note that the results of an input are complete."""
        folder = self.path.parent
        sizes = {name: _state(folder / name) for name in files if (folder / name).exists()}
        line = {"done": str(source), "fingerprint": print_, "files": list(files), "sizes": sizes}
        line["outcome"] = dict(outcome)
        self._take(line)
        self._append(line)

    def _read(self) -> None:
        for text in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # the last line of a run that was killed
            if isinstance(line, dict):
                self._take(line)
        if self.earlier is None and self.path.stat().st_size:
            raise RequestError(f"{self.path} is not a record of a run; move it away or choose another output folder.")

    def _take(self, line: dict[str, Any]) -> None:
        """What a line of the record says."""
        if "settings" in line:
            for source in {*self.begun, *self.done}:
                self._keep_old(source)
            self.earlier, self.begun, self.done = line["settings"], {}, {}
            self._current.clear()
            self.to_replace = {} if "replace" in line else None
        if "replace" in line:
            self.to_replace = (self.to_replace or {}) | line["replace"]
            for source, plan in line["replace"].items():
                self._current.subtract(self._files(source))
                self._keep_old(source)
                self.old[source].update(plan["sizes"])  # what is there now may go, but not what somebody makes of it
                self.done.pop(source, None)
                self._current.update(self._files(source))
        elif "begin" in line or "done" in line:
            source = line["begin"] if "begin" in line else line["done"]
            self._current.subtract(self._files(source))
            if "begin" in line:
                self._keep_old(source, line["files"])
                self.begun[source] = line
                self.done.pop(source, None)
                (self.to_replace or {}).pop(source, None)
            else:
                self.done[source] = line
                self.old.pop(source, None)
            self._current.update(self._files(source))

    def _keep_old(self, source: str, coming: Sequence[str] = ()) -> None:
        """Remember the files of an input, and the sizes of those that are not about to be written again."""
        sizes = self.done.get(source, {}).get("sizes", {})
        old = self.old.setdefault(source, {})
        old.update({name: sizes.get(name) for name in self._files(source)})
        old.update({name: None for name in coming if name in old})

    def _files(self, source: str) -> set[str]:
        return {name for lines in (self.begun, self.done) for name in lines.get(source, {}).get("files", ())}

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            cut = self.path.exists() and self.path.stat().st_size and not _ends_with_newline(self.path)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(("\n" if cut else "") + json.dumps(line) + "\n")  # in ASCII: any name of a file
        except OSError as error:
            raise write_problem(self.path, error) from error


def fingerprint(path: Path) -> str:
    """Short text that changes when a file, or a Zarr folder, changes.

    Files up to 64 MiB are read whole; of larger ones the size, the time of the last change and the first and last
    4 MiB count. Of a folder the names, sizes and times of its files count.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders.sort()
            for name in sorted(files):
                stat = os.stat(os.path.join(folder, name))
                line = f"{os.path.relpath(folder, path)}/{name} {stat.st_size} {stat.st_mtime_ns}\n"
                digest.update(line.encode(errors="surrogatepass"))
        return digest.hexdigest()[:32]
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE:
            digest.update(file.read())
        else:
            digest.update(f"{size} {path.stat().st_mtime_ns}".encode() + file.read(_PART))
            file.seek(-_PART, os.SEEK_END)
            digest.update(file.read())
    return digest.hexdigest()[:32]


def _state(path: Path) -> State:
    """What is noted of a result; the same for a copy of it, except of folders above 1 GiB, where times count."""
    if not path.is_dir():
        return path.stat().st_size
    files = _files_in(path)
    digest, whole = hashlib.sha256(), sum(file.stat().st_size for file in files) <= _READ
    for file in files:
        stat = file.stat()
        line = f"{file.relative_to(path).as_posix()} {stat.st_size} {0 if whole else stat.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogatepass"))
        if whole:  # a chunk in which two objects were joined often has the size that it had
            digest.update(file.read_bytes())
    return [_metadata(files), digest.hexdigest()[:32], fingerprint(path)]


def _is_altered(path: Path, noted: State) -> bool:
    """Whether somebody changed a result; not where it is gone or damaged, so that nothing of it could be lost."""
    if not _is_there(path, noted):
        return False
    if path.is_dir() and isinstance(noted, int):
        return len(_files_in(path)) != noted
    if path.is_dir() and isinstance(noted, list):
        return fingerprint(path) != noted[-1] and _state(path)[:2] != noted[:2]  # type: ignore[index]
    return _state(path) != noted


def _is_there(path: Path, noted: State) -> bool:
    """Whether a result exists; a file has not been emptied, a folder (OME-Zarr) has lost none of its metadata.

    A chunk in which everything was erased has no file.
    """
    if path.is_dir():
        return _metadata(_files_in(path)) >= (1 if isinstance(noted, int) else noted[0])
    return path.exists() and (noted == 0 or path.stat().st_size > 0)


def _files_in(folder: Path) -> list[Path]:
    """The files of a folder, without what a file browser leaves there."""
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sorted(file for file in files if file.name in ZARR_MARKERS or not file.name.startswith("."))


def _metadata(files: Sequence[Path]) -> int:
    return sum(file.name in ZARR_MARKERS for file in files)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _text(value: Any) -> str:
    return "not set" if value is None else str(value)
