"""The files of a model package: one zip (or a folder before it is imported), read with distrust, written at once."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from micrographia.arrays.errors import InputError

LARGEST = 2**31  # bytes; an ONNX file cannot be larger without external data
_DATE = (2020, 1, 1, 0, 0, 0)  # the same files give the same zip, whenever it is written


def names(path: Path) -> list[str]:
    """Names of the files in a package, refusing anything that could reach outside it.

    Parameters
    ----------
    path : Path
        A ``.zip`` file or a folder.

    Raises
    ------
    InputError
        Where it is missing, not a zip, cut short, or holds a dangerous name.
    """
    if path.is_dir():
        return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    with _open(path) as archive:
        found: list[str] = []
        for info in archive.infolist():
            if info.is_dir():
                continue
            _refuse_dangerous(path, info)
            if info.filename in found:
                raise InputError(f"{path}: the file '{info.filename}' is in this package twice; it is not safe to use.")
            found.append(info.filename)
        return sorted(found)


def read(path: Path, name: str) -> bytes:
    """One file of a package.

    Raises
    ------
    InputError
        Where the package has no such file or the file is damaged.
    """
    if path.is_dir():
        if name not in names(path):
            raise InputError(f"{path}: this model package has no file '{name}'.")
        return (path / name).read_bytes()
    with _open(path) as archive:
        try:
            _refuse_dangerous(path, archive.getinfo(name))
            return archive.read(name)
        except KeyError:
            raise InputError(f"{path}: this model package has no file '{name}'.") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise InputError(
                f"{path}: '{name}' inside this model package is damaged ({error}); copy or download the file again."
            ) from error


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip beside ``path`` and rename it into place, so that no half-written package ever has the final name."""
    with _beside(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 9)


def copy(source: Path, path: Path) -> None:
    """Copy a file byte for byte, atomically."""
    with _beside(path) as beside, open(source, "rb") as reading, open(beside, "wb") as writing:
        while block := reading.read(1 << 20):
            writing.write(block)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file in the folder of ``path`` that takes its name where nothing went wrong."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}).") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except zipfile.BadZipFile as error:
        with open(path, "rb") as file:
            start = file.read(4)
        if start[:2] == b"PK":
            raise InputError(f"{path}: this model package is cut short; copy or download it again.") from error
        if path.suffix.lower() == ".ilp":
            raise InputError(
                f"{path} is an ilastik project; import it first: micrographia models import {path}"
            ) from error
        if path.suffix.lower() == ".onnx":
            raise InputError(
                f"{path} is a network alone: only 'micrographia measure --features learned -m' takes it as it is. For "
                "anything else make a bioimage.io model of it: put a description of what it takes and gives "
                "(rdf.yaml, format 0.5) into its folder, then import the folder: micrographia models import FOLDER"
            ) from error
        if path.suffix.lower() in (".yaml", ".yml"):
            raise InputError(f"{path} is a part of a model package; name its folder, {path.parent}.") from error
        raise InputError(f"{path}: this is not a model package (a bioimage.io model is a .zip file).") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


def _refuse_dangerous(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    parts = PurePosixPath(name).parts
    unsafe = not parts or name.startswith("/") or ".." in parts or "\\" in info.orig_filename or ":" in parts[0]
    if unsafe or stat.S_ISLNK(info.external_attr >> 16):
        raise InputError(f"{path}: the entry '{name}' points outside the package; it is not safe to use.")
    if info.flag_bits & 1:
        raise InputError(f"{path}: '{name}' is encrypted; a model package must not be.")
    if info.file_size > LARGEST:
        raise InputError(f"{path}: '{name}' is larger than 2 GB, more than a model package may hold.")
