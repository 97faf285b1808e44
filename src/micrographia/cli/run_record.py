"""What a run did, kept in its output folder, so that the same command goes on where it stopped.

The record is a text file with one JSON object a line: first the settings, then for each input a line when its
results begin to be written and one when they are complete, with the size of each file. Other settings follow as one
more line. Lines are only ever appended, so that a run that is killed at any moment leaves a record that says what can
be trusted, and which files are its own.
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
from micrographia.io.atomic import write_problem

NAME = "micrographia-run.jsonl"
"""File name of the record."""

_WHOLE = 64 * 2**20
_PART = 4 * 2**20


class RunRecord:
    """The record of one output folder.

    Parameters
    ----------
    folder : Path
        Output folder; made where it is missing.
    settings : mapping
        Everything that decides what the results look like, as JSON values.

    Raises
    ------
    InputError
        Where the folder cannot be made or written to.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.path = folder / NAME
        self.settings = json.loads(json.dumps(settings))
        self.earlier: dict[str, Any] | None = None
        self.begun: dict[str, dict[str, Any]] = {}
        self.done: dict[str, dict[str, Any]] = {}
        self.old: dict[str, dict[str, int | None]] = {}  # of each input: file names and, where known, their sizes
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
        """Result name of each input of earlier runs, as long as some of its results are there."""
        folder = self.path.parent
        return {
            Path(source): line["name"]
            for source, line in self.begun.items()
            if not line["files"] or any((folder / name).exists() for name in line["files"])
        }

    @property
    def files(self) -> set[str]:
        """Names of all files that this run and earlier ones wrote or began to write."""
        return {name for source in (*self.begun, *self.done) for name in self._files(source)}.union(*self.old.values())

    def files_of(self, source: Path) -> set[str]:
        """Names of the files that were written or begun for one input with these settings."""
        return self._files(str(source))

    def replaced(self, source: Path) -> set[str]:
        """Names of the files that earlier runs made of an input, and that belong to no input of this run."""
        return {name for name in self.old.get(str(source), ()) if not self._current[name]}

    def altered(self, source: Path) -> list[str]:
        """Names of the files of an input that somebody changed: of another size than when they were written.

        Those that earlier runs made are among them.
        """
        sizes = self.old.get(str(source), {}) | self.done.get(str(source), {}).get("sizes", {})
        paths = {name: self.path.parent / name for name, size in sizes.items() if size is not None}
        return [name for name, path in paths.items() if path.is_file() and _size(path) not in (0, sizes[name])]

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

    def start(self) -> None:
        """Write the settings; forget an earlier run with others."""
        if self.earlier is None or self.changed_settings():
            self._take({"settings": self.settings})
            self._append({"settings": self.settings})

    def finished(self, source: Path, print_: str) -> dict[str, Any] | None:
        """What was noted when this very input was finished, if its results are still there, and none was emptied."""
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
        sizes = {name: _size(folder / name) for name in files if (folder / name).exists()}
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
        elif "begin" in line or "done" in line:
            source = line["begin"] if "begin" in line else line["done"]
            self._current.subtract(self._files(source))
            if "begin" in line:
                self._keep_old(source, line["files"])
                self.begun[source] = line
                self.done.pop(source, None)
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


def _size(path: Path) -> int:
    """Bytes of a file, number of files in a folder."""
    return sum(len(files) for _, _, files in os.walk(path)) if path.is_dir() else path.stat().st_size


def _is_there(path: Path, size: int) -> bool:
    """Whether a result exists; a file has not been emptied, a folder (OME-Zarr) has lost none of its files."""
    return path.exists() and _size(path) >= (size if path.is_dir() else min(size, 1))


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _text(value: Any) -> str:
    return "not set" if value is None else str(value)
