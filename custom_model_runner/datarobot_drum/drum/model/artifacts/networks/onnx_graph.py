"""Which classes an ONNX classifier knows, read from its graph.

A session does not show its nodes, and the ``onnx`` package is for those who make models, not for
those who run them. So the few fields that matter are read here, in the wire format of protobuf:
https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = int | memoryview

# Numbers of fields in onnx.proto.
_MODEL_GRAPH: Final = 7
_GRAPH_NODE, _GRAPH_CONSTANT = 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATION, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS, _ATTRIBUTE_STRINGS = 1, 5, 8, 9
_TENSOR_TYPE, _TENSOR_INT32, _TENSOR_STRING, _TENSOR_INT64 = 2, 5, 6, 7
_TENSOR_NAME, _TENSOR_RAW = 8, 9
_BYTES_OF: Final = {6: 4, 7: 8}  # of a number, by type: INT32, INT64

_CLASSES: Final = ("classlabels_strings", "classlabels_ints", "classlabels_int64s")
# What may stand between a classifier and the graph's output without changing which class is which.
_PASSES: Final = frozenset(
    {"Cast", "Flatten", "Identity", "Normalizer", "Reshape", "Softmax", "Squeeze", "Unsqueeze"}
)
_LOOK_UPS: Final = frozenset({"ArrayFeatureExtractor", "Gather"})


@dataclass(frozen=True, slots=True)
class _Node:
    operation: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, memoryview]


@dataclass(frozen=True, slots=True)
class _Graph:
    makers: Mapping[str, _Node]
    constants: Mapping[str, memoryview]


def class_names(model: bytes | memoryview, outputs: Iterable[str]) -> tuple[str, ...] | None:
    """The classes of a model, as text, in the order of its probabilities.

    Args:
        model: what the file holds; anything else than a ``ModelProto`` has no classes.
        outputs: outputs of the graph, of which the first that leads to classes counts.
    """
    try:
        graph = _graph(memoryview(model))
        found = (_classes(graph, output) for output in outputs)
        return next((names for names in found if names), None)
    except (IndexError, UnicodeDecodeError, ValueError):
        return None


def _classes(graph: _Graph, value: str) -> tuple[str, ...] | None:
    """Go back from an output to the node that has the classes, or that looks them up."""
    seen: set[str] = set()
    while value in graph.makers and value not in seen:
        seen.add(value)
        node = graph.makers[value]
        for key in _CLASSES:
            if key in node.attributes:
                return _attribute_items(node.attributes[key])
        if not node.inputs:
            return None
        if node.operation in _LOOK_UPS:
            return _constant(graph, node.inputs[0])
        if node.operation not in _PASSES:
            return None
        value = node.inputs[0]
    return None


def _constant(graph: _Graph, value: str) -> tuple[str, ...] | None:
    node = graph.makers.get(value)
    if value in graph.constants:
        return _tensor_items(graph.constants[value])
    if node is None:
        return None
    if node.operation in _PASSES:
        return _constant(graph, node.inputs[0])
    for attribute in node.attributes.values() if node.operation == "Constant" else ():
        tensor = next((v for k, v in _fields(attribute) if k == _ATTRIBUTE_TENSOR), None)
        items = _attribute_items(attribute) if tensor is None else _tensor_items(_bytes(tensor))
        if items:
            return items
    return None


def _graph(model: memoryview) -> _Graph:
    makers: dict[str, _Node] = {}
    constants: dict[str, memoryview] = {}
    for number, graph in _fields(model):
        for field, value in _fields(_bytes(graph)) if number == _MODEL_GRAPH else ():
            if field == _GRAPH_NODE:
                node, outputs = _node(_bytes(value))
                makers |= dict.fromkeys(outputs, node)
            elif field == _GRAPH_CONSTANT:
                constants[_name(_bytes(value), _TENSOR_NAME)] = _bytes(value)
    return _Graph(makers, constants)


def _node(data: memoryview) -> tuple[_Node, list[str]]:
    texts: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_OPERATION: []}
    attributes: dict[str, memoryview] = {}
    for field, value in _fields(data):
        if field in texts:
            texts[field].append(_text(value))
        elif field == _NODE_ATTRIBUTE:
            attributes[_name(_bytes(value), _ATTRIBUTE_NAME)] = _bytes(value)
    operation = "".join(texts[_NODE_OPERATION])
    return _Node(operation, tuple(texts[_NODE_INPUT]), attributes), texts[_NODE_OUTPUT]


def _attribute_items(attribute: memoryview) -> tuple[str, ...]:
    items: list[str] = []
    for field, value in _fields(attribute):
        if field == _ATTRIBUTE_STRINGS:
            items.append(_text(value))
        elif field == _ATTRIBUTE_INTS:
            items += map(str, _integers(value))
    return tuple(items)


def _tensor_items(tensor: memoryview) -> tuple[str, ...]:
    """The items of a tensor of texts or integers; none of any other."""
    items: list[str] = []
    size = 0
    raw = memoryview(b"")
    for field, value in _fields(tensor):
        if field == _TENSOR_TYPE and isinstance(value, int):
            size = _BYTES_OF.get(value, 0)
        elif field == _TENSOR_STRING:
            items.append(_text(value))
        elif field in (_TENSOR_INT32, _TENSOR_INT64):
            items += map(str, _integers(value))
        elif field == _TENSOR_RAW:
            raw = _bytes(value)
    places = range(0, len(raw), size) if size else ()
    items += [str(int.from_bytes(raw[at : at + size], "little", signed=True)) for at in places]
    return tuple(items)


def _name(message: memoryview, number: int) -> str:
    return next((_text(value) for field, value in _fields(message) if field == number), "")


def _text(value: Value) -> str:
    return str(_bytes(value), "utf-8")


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message has to be")
    return value


def _integers(value: Value) -> Iterator[int]:
    """Signed integers of 64 bits: one, or several packed together."""
    numbers: Iterable[int] = (value,) if isinstance(value, int) else _packed(value)
    return (number - 2**64 if number >= 2**63 else number for number in numbers)


def _packed(data: memoryview) -> Iterator[int]:
    place = 0
    while place < len(data):
        number, place = _varint(data, place)
        yield number


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message: number and value, which is bytes unless it is an integer."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            integer, place = _varint(message, place)
            yield number, integer
            continue
        if kind == 2:
            length, place = _varint(message, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("not a field of protobuf")
        if place + length > len(message):
            raise ValueError("a field that is cut off")
        yield number, message[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[place]
        place += 1
        result |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return result, place
