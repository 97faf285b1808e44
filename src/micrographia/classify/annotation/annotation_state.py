"""What annotations say after a number of events: the classes, and who gave which object which class when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from micrographia.arrays.errors import RequestError
from micrographia.classify.annotation.object_rows import Key

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#999999",
           "#8c564b", "#9467bd", "#17becf", "#bcbd22", "#e377c2", "#2ca02c", "#d62728", "#1f77b4")  # fmt: skip
"""Colours of classes that were given none; the first eight can be told apart by colour-blind people (Okabe and Ito)."""


@dataclass(frozen=True)
class Given:
    """A class that somebody gave to an object; the classes are those of `State.classes` by their number."""

    number: int
    when: str


@dataclass
class State:
    """Classes and annotations.

    Attributes
    ----------
    classes : dict of int to [name, colour]
        By a number that a class keeps when it is renamed, in the order in which they were made.
    given : dict of str to dict of Key to Given
        For each annotator the objects that have a class.
    """

    classes: dict[int, list[str]] = field(default_factory=dict)
    given: dict[str, dict[Key, Given]] = field(default_factory=dict)
    _next: int = 0

    def apply(self, event: dict[str, Any]) -> None:
        """Let one event happen.

        Raises
        ------
        RequestError
            Where it cannot: a class that is unknown or there already. Nothing is changed then.
        """
        getattr(self, f"_{event['do']}")(event)

    def number(self, name: str) -> int:
        """Number of a class.

        Raises
        ------
        RequestError
            Where there is no such class.
        """
        for number, (own, _) in self.classes.items():
            if own == name:
                return number
        names = ", ".join(own for own, _ in self.classes.values()) or "none yet"
        raise RequestError(f"There is no class '{name}'; there are: {names}.")

    def _class(self, event: dict[str, Any]) -> None:
        self._free(event["name"])
        self.classes[self._next] = [event["name"], event["colour"]]
        self._next += 1

    def _rename(self, event: dict[str, Any]) -> None:
        number = self.number(event["name"])
        if event["to"] != event["name"]:
            self._free(event["to"])
        self.classes[number][0] = event["to"]

    def _colour(self, event: dict[str, Any]) -> None:
        self.classes[self.number(event["name"])][1] = event["colour"]

    def _merge(self, event: dict[str, Any]) -> None:
        into = self.number(event["into"])
        sources = {self.number(name) for name in event["names"]} - {into}
        for of in self.given.values():
            of.update({key: Given(into, one.when) for key, one in of.items() if one.number in sources})
        for number in sources:
            del self.classes[number]

    def _remove(self, event: dict[str, Any]) -> None:
        gone = self.number(event["name"])
        for who, of in self.given.items():
            self.given[who] = {key: one for key, one in of.items() if one.number != gone}
        del self.classes[gone]

    def _annotate(self, event: dict[str, Any]) -> None:
        objects = map(tuple, event["objects"])
        if event["name"] is None:
            of = self.given.get(event["who"], {})
            for key in objects:
                of.pop(key, None)
            return
        one = Given(self.number(event["name"]), event["when"])
        self.given.setdefault(event["who"], {}).update(dict.fromkeys(objects, one))

    def _free(self, name: str) -> None:
        if any(own == name for own, _ in self.classes.values()):
            raise RequestError(f"There is a class '{name}' already; choose another name, or merge the two.")
