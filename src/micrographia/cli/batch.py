"""Many inputs, one after the other or in several processes: progress, failures listed, safe to interrupt."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from typing import Any, Generic, TypeVar

from micrographia.arrays.errors import InputError, RequestError
from micrographia.report.durations import duration

T = TypeVar("T")

Work = Callable[[T], dict[str, Any]]


@dataclass(frozen=True)
class Finished(Generic[T]):
    """One task that ended: with an outcome, or with a sentence that says why it failed."""

    task: T
    outcome: dict[str, Any] | None
    problem: str = ""
    details: str = ""


def run_batch(
    tasks: Sequence[T], work: Work[T], *, jobs: int = 1, before: Callable[[T], None] = lambda task: None
) -> Generator[Finished[T], None, None]:
    """Do the work for every task and give each back as soon as it is finished.

    Parameters
    ----------
    tasks : sequence
        With more than one job they and the outcomes travel between processes.
    work : callable
        A function of a module (so that another process can import it) that takes a task and returns JSON values.
    jobs : int
        Number of processes; 1 works in this one.
    before : callable
        Called in this process with each task just before it begins.

    Yields
    ------
    Finished
        In the order in which they end. A failure never stops the others; a process that dies (out of memory) fails only
        the task that killed it.
    """
    if jobs <= 1 or len(tasks) <= 1:
        for task in tasks:
            before(task)
            yield _guarded(task, work)
        return
    doubtful: list[T] = []
    yield from _in_pool(tasks, work, jobs, doubtful, before)
    for task in doubtful:  # a process died while these were under way: find out which of them kills it
        again: list[T] = []
        yield from _in_pool([task], work, 1, again, before)
        for lost in again:
            yield Finished(lost, None, "the process died, most likely for lack of memory; try --jobs 1")


def _in_pool(
    tasks: Iterable[T], work: Work[T], jobs: int, doubtful: list[T], before: Callable[[T], None]
) -> Iterator[Finished[T]]:
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_begin_worker)
    waiting = list(reversed(list(tasks)))
    running: dict[Future[Finished[T]], T] = {}
    try:
        while waiting or running:
            while waiting and len(running) < 2 * jobs:
                task = waiting.pop()
                before(task)
                try:
                    with undisturbed():
                        running[pool.submit(_guarded, task, work)] = task
                except BrokenProcessPool:
                    doubtful.append(task)
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                task = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    doubtful.append(task)
    except BaseException:
        with undisturbed():  # an impatient second Ctrl-C must not leave the pool half closed
            for process in list((pool._processes or {}).values()):
                process.kill()
        raise
    finally:
        with undisturbed():
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits for the end of the block; processes that are started in it never see it (but on Windows)."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler in (None, signal.SIG_IGN):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    # Children inherit what is blocked; other threads of this process do not.
    block = getattr(signal, "pthread_sigmask", None)
    mask = block(signal.SIG_BLOCK, {signal.SIGINT}) if block else None
    try:
        yield
    finally:
        if block:
            block(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _begin_worker() -> None:
    """Ctrl-C reaches every process of the terminal; the first one decides what happens. Without it this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _guarded(task: T, work: Work[T]) -> Finished[T]:
    try:
        return Finished(task, work(task))
    except (InputError, RequestError) as error:
        return Finished(task, None, str(error))
    except MemoryError:
        return Finished(task, None, "not enough memory; try --jobs 1, or store the image as OME-Zarr")
    except Exception as error:  # a fault of ours must not stop the other inputs
        sentence = f"an unexpected error ({type(error).__name__}: {error}); please report it"
        return Finished(task, None, sentence, traceback.format_exc())


def automatic_jobs(tasks: int, cores: int) -> int:
    """Number of processes for so many tasks: none beside this one for a few, else one a core up to sixteen."""
    return 1 if tasks < 4 else max(1, min(cores, tasks, 16))


class Progress:
    """A bar with an estimate on a terminal; one line an input elsewhere.

    Parameters
    ----------
    total : int
        Number of inputs that will be worked on.
    doing : str
        What is done with them.
    """

    def __init__(self, total: int, doing: str = "working") -> None:
        self.total, self.doing, self.done, self.start = total, doing, 0, time.monotonic()
        self._bar: Any = None

    @contextmanager
    def __call__(self) -> Iterator[Progress]:
        """Show the progress inside a ``with`` block."""
        if not sys.stderr.isatty() or self.total == 0:
            yield self
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"),
            TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        with bar:
            self._bar = (bar, bar.add_task(self.doing, total=self.total))
            try:
                yield self
            finally:
                self._bar = None

    def within(self, share: float) -> None:
        """A share of the input that is worked on is done."""
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=self.done + min(share, 1.0))

    def advance(self, line: str) -> None:
        """One input has ended; ``line`` says how."""
        self.done += 1
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=self.done)
            return
        left = (time.monotonic() - self.start) / self.done * (self.total - self.done)
        estimate = f", about {duration(left)} left" if self.done < self.total and self.done > 1 else ""
        print(f"[{self.done}/{self.total}] {line}{estimate}", file=sys.stderr, flush=True)


def counted(count: int, what: str) -> str:
    """A number of things: 1 object, 2,345 objects."""
    return f"{count:,} {what}{'s' * (count != 1)}"
