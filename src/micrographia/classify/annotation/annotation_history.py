"""Annotation events in their order: what they add up to, with those left out that were taken back."""

from __future__ import annotations

from micrographia.arrays.errors import RequestError
from micrographia.classify.annotation.annotation_state import Given, State
from micrographia.classify.annotation.event_log import Event
from micrographia.classify.annotation.object_rows import Key


class History:
    """What happened so far; an undo or a redo is one more event, which names that of which it is one.

    Attributes
    ----------
    state : State
        The classes and annotations now.
    last : int
        Number of the last event; the first has number 1.
    """

    def __init__(self) -> None:
        self.state, self.last = State(), 0
        self._done: dict[int, Event] = {}
        self._undone: dict[str, list[int]] = {}
        self._events: dict[int, Event] = {}
        self._newest: tuple[int, dict[Key, Given]] = (-1, {})

    def happen(self, number: int, event: Event) -> None:
        """Let the next event happen.

        Raises
        ------
        RequestError
            Where it cannot; nothing is changed then.
        """
        if event["do"] in ("undo", "redo"):
            self._turn(event)
        else:
            self.state.apply(event)
            self._done[number] = self._events[number] = event
            self._undone.pop(event["who"], None)
        self.last = number

    def to_undo(self, who: str) -> int | None:
        """Number of the last event of an annotator that was not taken back."""
        return max((number for number, event in self._done.items() if event["who"] == who), default=None)

    def to_redo(self, who: str) -> int | None:
        """Number of the event that an annotator took back last."""
        undone = self._undone.get(who)
        return undone[-1] if undone else None

    def newest(self) -> dict[Key, Given]:
        """Of each object the class that was given last, by whomever."""
        version, newest = self._newest
        if version != self.last:
            newest = {}
            for of in self.state.given.values():
                if newest:
                    of = {key: one for key, one in of.items() if key not in newest or one.when >= newest[key].when}
                newest.update(of)
            self._newest = self.last, newest
        return newest

    def _turn(self, event: Event) -> None:
        """Replay without, or again with, one event."""
        done = dict(self._done)
        if event["do"] == "undo":
            done.pop(event["of"], None)
        else:
            done[event["of"]] = self._events[event["of"]]
        state = State()
        try:
            for _, one in sorted(done.items()):
                state.apply(one)
        except RequestError as error:
            raise RequestError(f"This cannot be taken back or done again: other work rests on it. {error}") from None
        self.state, self._done = state, dict(sorted(done.items()))
        stack = self._undone.setdefault(event["who"], [])
        stack.append(event["of"]) if event["do"] == "undo" else stack.remove(event["of"])
