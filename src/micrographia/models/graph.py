"""Look into an ONNX file without the onnx package: operators, their domains, opsets, inputs, outputs, external data.

ONNX is a protocol buffer; only its wire format is needed here (https://protobuf.dev/programming-guides/encoding/,
field numbers from onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Weights are skipped, so
even a large file takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from micrographia.arrays.errors import InputError

KNOWN_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"}
"""Domains that ONNX Runtime implements itself; operators of any other domain would need somebody's code."""


@dataclass
class Graph:
    """What :func:`read_graph` found."""

    opsets: dict[str, int] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    functions: set[tuple[str, str]] = field(default_factory=set)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    external_data: bool = False

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        return self.opsets.get("", self.opsets.get("ai.onnx", 0))

    @property
    def foreign_operators(self) -> list[str]:
        """Operators of a domain that ONNX Runtime does not implement and the file does not define."""
        unknown = {(d, o) for d, o in self.operators if d not in KNOWN_DOMAINS} - self.functions
        return sorted(f"{d}.{o}" for d, o in unknown)


def read_graph(onnx: bytes) -> Graph:
    """Operators, opsets, inputs and outputs of an ONNX model.

    Raises
    ------
    InputError
        Where the bytes are not an ONNX model.
    """
    graph = Graph()
    initialised: set[str] = set()
    try:
        for number, value in fields(memoryview(onnx)):
            if number == 8:  # opset_import
                opset = dict(fields(_bytes(value)))
                graph.opsets[_text(opset.get(1, b""))] = _int(opset.get(2, 0))
            elif number == 7:
                for part, content in fields(_bytes(value)):
                    if part in (11, 12):  # input, output
                        name = _text(dict(fields(_bytes(content))).get(1, b""))
                        (graph.inputs if part == 11 else graph.outputs).append(name)
                    elif part == 5:
                        initialised.add(_text(_first(_bytes(content), 8)))
                _graph(_bytes(value), graph)
            elif number == 25:
                _function(_bytes(value), graph)
    except (ValueError, IndexError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("the weights are not an ONNX model, or the file is damaged.") from error
    if not graph.opsets or not graph.outputs:
        raise InputError("the weights are not an ONNX model, or the file is damaged.")
    graph.inputs = [i for i in graph.inputs if i not in initialised]  # weights may be listed as inputs
    return graph


def _graph(data: memoryview, found: Graph) -> None:
    for number, value in fields(data):
        if number == 1:
            _node(_bytes(value), found)
        elif number == 5:
            _tensor(_bytes(value), found)
        elif number == 15:
            _sparse(_bytes(value), found)


def _node(data: memoryview, found: Graph) -> None:
    operator = domain = ""
    for number, value in fields(data):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5:
            _attribute(_bytes(value), found)
    found.operators.add((domain, operator))


def _attribute(data: memoryview, found: Graph) -> None:
    for number, value in fields(data):
        if number in (6, 11):  # a subgraph: If, Loop, Scan
            _graph(_bytes(value), found)
        elif number in (5, 10):
            _tensor(_bytes(value), found)
        elif number in (22, 23):
            _sparse(_bytes(value), found)


def _tensor(data: memoryview, found: Graph) -> None:
    for number, value in fields(data):
        if number == 13 or (number == 14 and value == 1):
            found.external_data = True


def _sparse(data: memoryview, found: Graph) -> None:
    for number, value in fields(data):
        if number in (1, 2):
            _tensor(_bytes(value), found)


def _function(data: memoryview, found: Graph) -> None:
    name = domain = ""
    for number, value in fields(data):
        if number == 1:
            name = _text(value)
        elif number == 10:
            domain = _text(value)
        elif number == 7:
            _node(_bytes(value), found)
    found.functions.add((domain, name))


def fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Field numbers and raw values of one message."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if not number:
            raise ValueError("field 0")
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > end:
            raise ValueError("cut short")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 63:
            raise ValueError("varint too long")


def _bytes(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")
    return value


def _int(value: memoryview | int) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number belongs")
    return value


def _text(value: memoryview | bytes | int) -> str:
    if isinstance(value, int):
        raise ValueError("a number where text belongs")
    return bytes(value).decode()


def _first(data: memoryview, number: int) -> memoryview | bytes | int:
    return next((value for n, value in fields(data) if n == number), b"")
