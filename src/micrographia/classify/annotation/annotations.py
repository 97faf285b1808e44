"""Annotations of objects: classes, who gave which object which class when, and a way back.

Everything that happens is an event in a log that only grows
(:class:`micrographia.classify.annotation.event_log.EventLog`, one SQLite file): an undo is one more event, so nothing
is ever lost, a crash leaves whole events only, and several threads and processes may read and annotate at the same
time.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from micrographia.arrays.errors import InputError, RequestError
from micrographia.classify.annotation.annotation_history import History
from micrographia.classify.annotation.annotation_state import COLOURS
from micrographia.classify.annotation.event_log import Event, EventLog
from micrographia.classify.annotation.object_rows import Key, ObjectRows
from micrographia.features.feature_table import key_word

if TYPE_CHECKING:
    import pandas as pd

ANNOTATOR, TIME = "Annotator", "Time"
"""Columns of `Annotations.table` beside the keys and the class."""

_FORMAT = 1


@dataclass(frozen=True)
class AnnotationClass:
    """One class: its name, its colour (``#rrggbb``), and how many objects have it."""

    name: str
    colour: str
    count: int


class Annotations:
    """A session of annotating; safe in several threads, and several processes may open the same file.

    Parameters
    ----------
    path : path or None
        File (SQLite) that is made or opened; in memory only where None.
    keys : sequence of str, optional
        The columns that tell one object from another; needed for a new file, checked for an old one.

    Raises
    ------
    RequestError
        Where there is no such file and no keys are given.
    InputError
        Where the file is damaged, something else, or was made for objects with other keys.

    Examples
    --------
    >>> cells = Annotations(None, keys=["ImageNumber", "ObjectNumber"])
    >>> cells.add_class("mitotic")
    >>> cells.annotate([(1, 7), (1, 9)], "mitotic", who="Anna")
    >>> cells.undo("Anna")
    True
    >>> cells.count()
    0
    """

    def __init__(self, path: str | Path | None, keys: Sequence[str] | None = None) -> None:
        head = None if keys is None else {"format": _FORMAT, "keys": list(keys)}
        if keys is not None and not keys:
            raise InputError("Annotations need the columns that name an object, for example ImageNumber, ObjectNumber.")
        self._log = EventLog(path, head)
        if self._log.head.get("format") != _FORMAT:
            raise InputError(f"{path}: these annotations were written by a newer version.")
        self.keys: tuple[str, ...] = tuple(self._log.head["keys"])
        if keys is not None and tuple(keys) != self.keys:
            raise InputError(
                f"{path}: these annotations name their objects by {', '.join(self.keys)}, not by {', '.join(keys)}."
            )
        self._lock = threading.RLock()
        self._history = History()

    # What there is

    @property
    def version(self) -> int:
        """Grows with every change, whoever makes it in whichever process."""
        with self._lock:
            return self._catch_up().last

    @property
    def classes(self) -> tuple[AnnotationClass, ...]:
        """The classes in the order in which they were made."""
        with self._lock:
            history = self._catch_up()
            counts = Counter(one.number for one in history.newest().values())
            classes = history.state.classes.items()
            return tuple(AnnotationClass(name, colour, counts[number]) for number, (name, colour) in classes)

    @property
    def annotators(self) -> tuple[str, ...]:
        """Everybody who gave an object a class."""
        with self._lock:
            return tuple(sorted(who for who, of in self._catch_up().state.given.items() if of))

    def count(self) -> int:
        """Number of objects that have a class."""
        with self._lock:
            return len(self._catch_up().newest())

    def table(self) -> pd.DataFrame:
        """One row for each object and annotator: the keys (text), ``Class``, ``Annotator`` and ``Time`` (UTC, ISO)."""
        import pandas as pd

        with self._lock:
            state = self._catch_up().state
            rows = [
                (*key, state.classes[one.number][0], who, one.when)
                for who, of in state.given.items()
                for key, one in of.items()
            ]
        return pd.DataFrame(rows, columns=[*self.keys, "Class", ANNOTATOR, TIME], dtype=object)

    def numbers(self, rows: ObjectRows, who: str | None = None, *, skip_unknown: bool = False) -> np.ndarray:
        """The class of each row of a table, as a number.

        Parameters
        ----------
        rows : ObjectRows
            The table's objects, by the same keys.
        who : str, optional
            What this annotator said; otherwise the newest annotation of each object counts.
        skip_unknown : bool
            Leave out annotated objects that the table lacks; otherwise they are an error.

        Returns
        -------
        (N,) int64 array
            Place in `classes`, from 0; −1 where there is no annotation.

        Raises
        ------
        InputError
            Where annotated objects are not in the table; the first is named.
        """
        if rows.keys != self.keys:
            raise InputError(
                f"The annotations name their objects by {', '.join(self.keys)}, the table by {', '.join(rows.keys)}."
            )
        with self._lock:
            history = self._catch_up()
            place = {number: k for k, number in enumerate(history.state.classes)}
            of = history.newest() if who is None else history.state.given.get(who, {})
            objects, numbers = list(of), np.array([place[one.number] for one in of.values()], np.int64)
        found = rows.find(objects)
        if (found < 0).any() and not skip_unknown:
            raise unknown_objects(self.keys, [objects[i] for i in np.flatnonzero(found < 0)], len(objects))
        result = np.full(len(rows), -1, np.int64)
        result[found[found >= 0]] = numbers[found >= 0]
        return result

    # What can be done

    def add_class(self, name: str, colour: str | None = None, who: str = "") -> None:
        """Make a class; a colour (``#rrggbb``) is chosen where none is given."""
        with self._lock:
            used = [own for _, own in self._catch_up().state.classes.values()]
            fresh = [one for one in COLOURS if one not in used] or [COLOURS[len(used) % len(COLOURS)]]
            self._add("class", who, name=_named(name), colour=_coloured(colour or fresh[0]))

    def rename_class(self, name: str, to: str, who: str = "") -> None:
        """Give a class another name."""
        self._add("rename", who, name=name, to=_named(to))

    def colour_class(self, name: str, colour: str, who: str = "") -> None:
        """Give a class another colour, ``#rrggbb``."""
        self._add("colour", who, name=name, colour=_coloured(colour))

    def merge_classes(self, names: Sequence[str], into: str, who: str = "") -> None:
        """Make several classes one: their objects get the class `into`, and they are gone."""
        self._add("merge", who, names=list(names), into=into)

    def remove_class(self, name: str, who: str = "") -> None:
        """Remove a class with all its annotations."""
        self._add("remove", who, name=name)

    def annotate(
        self, objects: Sequence[Sequence[Any]], name: str | None, who: str = "", when: str | None = None
    ) -> None:
        """Give objects a class.

        Parameters
        ----------
        objects : sequence of keys
            Each with one value for every column of `keys`; :meth:`ObjectRows.names` gives those of rows.
        name : str or None
            The class; None takes away what this annotator said of them.
        who : str
            The annotator; each has one class for an object, the last one given.
        when : str, optional
            Time in ISO format, UTC where it names no zone; now, otherwise.

        Raises
        ------
        RequestError
            Where there is no such class.
        InputError
            For no objects, a key with too few or too many values, or a time that is not in ISO format.
        """
        plain = [tuple(map(key_word, one)) for one in objects]
        if not plain or any(len(one) != len(self.keys) for one in plain):
            wrong = next((one for one in plain if len(one) != len(self.keys)), None)
            raise InputError(f"An object is named by {', '.join(self.keys)}; got {wrong or 'no object'}.")
        self._add("annotate", who, name=name, objects=plain, when=utc(when) if when else None)

    def undo(self, who: str = "") -> bool:
        """Take back the last thing that this annotator did; False where there is none.

        Raises
        ------
        RequestError
            Where somebody else's work rests on it, for example annotations with the class that would go.
        """
        with self._lock:
            number = self._catch_up().to_undo(who)
            if number is not None:
                self._add("undo", who, of=number)
            return number is not None

    def redo(self, who: str = "") -> bool:
        """Do again what this annotator took back last; False where there is nothing."""
        with self._lock:
            number = self._catch_up().to_redo(who)
            if number is not None:
                self._add("redo", who, of=number)
            return number is not None

    def close(self) -> None:
        """Let go of the file; everything is in it already."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, do: str, who: str, when: str | None = None, **what: Any) -> None:
        event = {
            "do": do,
            "who": str(who),
            "when": when or datetime.now(UTC).isoformat(timespec="milliseconds"),
            **what,
        }
        with self._lock:

            def check(others: list[tuple[int, Event]]) -> None:
                for number, other in others:
                    self._history.happen(number, other)
                self._history.happen(self._history.last + 1, event)

            try:
                self._log.add(event, self._history.last, check)
            except RequestError:  # of `check`, which has changed nothing
                raise
            except BaseException:  # the event could not be stored: read everything anew
                self._history = History()
                raise

    def _catch_up(self) -> History:
        """The history with what others did since."""
        for number, event in self._log.since(self._history.last):
            self._history.happen(number, event)
        return self._history


def unknown_objects(keys: Sequence[str], objects: Sequence[Key], of: int) -> InputError:
    """The sentence for annotated objects that a table lacks."""
    first = ", ".join(f"{name} {text}" for name, text in zip(keys, objects[0]))
    return InputError(f"{len(objects):,} of {of:,} annotated objects are not in the table, first {first}.")


def utc(time: str) -> str:
    """A time in ISO format as one in UTC with milliseconds, so that the order of texts is the order of times.

    Raises
    ------
    InputError
        Where it is in no such format.
    """
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        raise InputError(f"The time '{time}' of an annotation is not in ISO format, as 2026-01-31T12:00:00.") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="milliseconds")


def _named(name: str) -> str:
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise RequestError(f"A class needs a name that can be printed, without blanks around it; got {name!r}.")
    return name


def _coloured(colour: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise RequestError(f"A colour is written as #rrggbb; got {colour!r}.")
    return colour.lower()
