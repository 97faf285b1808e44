"""A thread that works on the newest task only: whatever is asked later ends what is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

Outdated = Callable[[], bool]
"""Says whether a task is no longer wanted; work asks it often, and raises `GivenUp` or returns when it says yes."""


class GivenUp(Exception):
    """Work was ended because it is no longer wanted."""


class NewestTask:
    """Does one task at a time in a thread of its own, always the newest.

    Parameters
    ----------
    work : callable
        Called with the task and an `Outdated`. What it raises is raised again by `wait`.
    name : str
        Name of the thread, which starts with the first task.
    """

    def __init__(self, work: Callable[[Any, Outdated], None], name: str) -> None:
        self._work, self._name = work, name
        self._changed = threading.Condition()
        self._newest: object = None
        self._finished: object = None
        self._failure: Exception | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, task: Any) -> None:
        """Work on this from now on. Each task is an object of its own; asked twice it is done twice."""
        with self._changed:
            if self._closed:
                return
            self._newest, self._finished, self._failure = task, None, None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the newest task is done; False where that took more than `timeout` seconds or never will be.

        Raises
        ------
        Exception
            What the work raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._finished is self._newest, timeout)
            if self._failure is not None:
                raise self._failure
            return self._finished is self._newest

    def close(self) -> None:
        """End the work; returns when the thread has ended (unless it is called by the thread itself)."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._finished is not self._newest)
                if self._closed:
                    return
                task = self._newest
            failure: Exception | None = None
            try:
                self._work(task, partial(self._outdated, task))
            except GivenUp:
                continue
            except Exception as error:
                failure = error
            with self._changed:
                if self._newest is task and not (self._closed and failure):  # what the closing broke off is no failure
                    self._finished, self._failure = task, failure
                    self._changed.notify_all()

    def _outdated(self, task: object) -> bool:
        return self._closed or self._newest is not task
