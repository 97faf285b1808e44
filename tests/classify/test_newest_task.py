"""The thread that works on the newest task: every order of events is forced, nothing is left to timing."""

import threading

import pytest

from micrographia.classify.painting.newest_task import GivenUp, NewestTask

PATIENCE = 20.0


class Work:
    """Work that can be held; notes what was begun, finished and given up."""

    def __init__(self):
        self.begun, self.finished, self.given_up = [], [], []
        self.hold, self.arrived = threading.Event(), threading.Event()
        self.hold.set()

    def __call__(self, task, outdated):
        self.begun.append(task)
        self.arrived.set()
        assert self.hold.wait(PATIENCE)
        if outdated():
            self.given_up.append(task)
            raise GivenUp
        if task == "broken":
            raise ValueError("no such thing")
        self.finished.append(task)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def newest(work):
    thread = NewestTask(work, "test")
    yield thread
    work.hold.set()
    thread.close()


def test_a_task_is_done_once(newest, work):
    newest.ask("a")
    assert newest.wait(PATIENCE)
    newest.ask("b")
    assert newest.wait(PATIENCE)
    assert work.begun == work.finished == ["a", "b"]


def test_a_newer_task_ends_the_one_under_way_and_what_lies_between_is_never_begun(newest, work):
    work.hold.clear()
    newest.ask("a")
    assert work.arrived.wait(PATIENCE)
    for task in "bcd":
        newest.ask(task)
    work.hold.set()
    assert newest.wait(PATIENCE)
    assert (work.begun, work.given_up, work.finished) == (["a", "d"], ["a"], ["d"])


def test_waiting_ends_when_time_is_up(newest, work):
    work.hold.clear()
    newest.ask("a")
    assert newest.wait(0.01) is False


def test_a_failure_is_raised_to_who_waits_and_the_next_task_is_done(newest, work):
    newest.ask("broken")
    with pytest.raises(ValueError, match="no such thing"):
        newest.wait(PATIENCE)
    newest.ask("a")
    assert newest.wait(PATIENCE)
    assert work.finished == ["a"]


def test_the_failure_of_outdated_work_concerns_nobody(newest, work):
    def stubborn(task, outdated):
        work.arrived.set()
        assert work.hold.wait(PATIENCE)
        if task == "a":
            raise ValueError("too late")

    newest._work = stubborn
    work.hold.clear()
    newest.ask("a")
    assert work.arrived.wait(PATIENCE)
    newest.ask("b")
    work.hold.set()
    assert newest.wait(PATIENCE)


def test_closing_ends_work_and_waiting(newest, work):
    work.hold.clear()
    newest.ask("a")
    assert work.arrived.wait(PATIENCE)
    closing = threading.Thread(target=newest.close)
    closing.start()
    assert newest.wait(PATIENCE) is False, "the task will never be done"
    work.hold.set()
    closing.join(PATIENCE)
    assert not closing.is_alive() and work.given_up == ["a"]
    newest.ask("b")
    assert newest.wait(PATIENCE) is False
    assert work.begun == ["a"]


def test_the_thread_itself_may_close():
    ended = threading.Event()

    def work(task, outdated):
        newest.close()
        ended.set()

    newest = NewestTask(work, "test")
    newest.ask("a")
    assert ended.wait(PATIENCE)
