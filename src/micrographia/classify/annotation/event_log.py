"""Events in the order in which they happened, in one SQLite file: each whole or not at all, also after a crash."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from micrographia.arrays.errors import InputError, RequestError

Event = dict[str, Any]

_PATIENCE = 30.0
"""Seconds to wait while another process writes."""


class EventLog:
    """A list of events that only grows; several threads and processes may read and add.

    Parameters
    ----------
    path : path or None
        File of the log; in memory where None.
    head : dict, optional
        What the log is about (JSON values), stored when it is new. Without it the file must exist.

    Raises
    ------
    RequestError
        Where the file is missing and no head is given.
    InputError
        Where the file is something else, damaged or cannot be written.
    """

    def __init__(self, path: str | Path | None, head: Event | None = None) -> None:
        self.path = None if path is None else Path(path)
        if self.path is not None and head is None and not self.path.is_file():
            raise RequestError(f"{path}: there is no such annotation file.")
        self._lock = threading.RLock()
        with self._speaking():
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(
                ":memory:" if self.path is None else self.path,
                timeout=_PATIENCE,
                check_same_thread=False,
                isolation_level=None,
            )
            if not self._tables() and head is not None:
                with self._transaction():
                    self._file.execute("CREATE TABLE IF NOT EXISTS head (content TEXT NOT NULL)")
                    self._file.execute(
                        "CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, content TEXT NOT NULL)"
                    )
                    if not self._file.execute("SELECT count(*) FROM head").fetchone()[0]:
                        self._file.execute("INSERT INTO head VALUES (?)", (json.dumps(head),))
            if self._tables() != {"head", "events"}:
                raise InputError(f"{path}: this file holds something else than annotations.")
            self.head: Event = json.loads(self._file.execute("SELECT content FROM head").fetchone()[0])

    def since(self, number: int) -> list[tuple[int, Event]]:
        """The events after one, with their numbers; the first event has number 1."""
        with self._lock, self._speaking():
            rows = self._file.execute("SELECT number, content FROM events WHERE number > ? ORDER BY number", (number,))
            return [(n, json.loads(content)) for n, content in rows.fetchall()]

    def add(self, event: Event, number: int, check: Callable[[list[tuple[int, Event]]], None]) -> int:
        """Add an event; its number.

        Parameters
        ----------
        event : dict
            JSON values.
        number : int
            The last event that the caller knows.
        check : callable
            Is given the events after that one, and raises where the new event cannot follow them: then nothing is
            added. Nobody else can add an event in between.
        """
        text = json.dumps(event, ensure_ascii=False)
        with self._lock, self._speaking(), self._transaction():
            check(self.since(number))
            added = self._file.execute("INSERT INTO events (content) VALUES (?)", (text,)).lastrowid
        return int(added or 0)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tables(self) -> set[str]:
        return {name for (name,) in self._file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """SQLite's errors as sentences."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise InputError(f"{self.path}: the annotations cannot be read or written: {error}.") from error
        except (sqlite3.DatabaseError, json.JSONDecodeError, TypeError) as error:
            raise InputError(f"{self.path}: this is no annotation file, or it is damaged ({error}).") from error
        except OSError as error:
            raise InputError(f"{self.path}: the folder cannot be written to: {error.strerror}.") from error
