"""The payload: values -> MessagePack bytes. Twin of `src/wire.ts`; both are tested on the same fixture bytes.

Fields, shapes and units are described there. Arrays are numpy arrays, C order; on the wire they are little-endian.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import msgpack
import numpy as np
from numpy.typing import NDArray

from attriscope.spelling import meant

#: Raised whenever a field changes its meaning; both twins refuse another number.
PROTOCOL = 1

DTYPES = ("float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")

Array = NDArray[Any]
Prediction = Literal["all", "correct", "incorrect"]
#: As features call themselves.
Kind = Literal["image", "text", "general", "empty"]
#: A picture, tokens, the values of a row, or nothing.
Display = Array | list[str | float] | None


@dataclass
class FeatureSpec:
    name: str
    kind: Kind
    input: str
    baselines: list[str]
    categories: list[str]


@dataclass
class ModelSpec:
    name: str
    size: int
    onnx: bytes | None


@dataclass
class Outputs:
    raw: Array
    scores: Array


@dataclass
class Sample:
    id: int
    label: int | None
    display: list[Display]
    inputs: list[Array]
    baselines: list[list[Array]]
    feature_masks: list[Array | None]
    additional: dict[str, Array]
    outputs: list[Outputs]
    error: str | None


@dataclass
class Scan:
    samples: list[Sample]
    scanned: int
    next: int
    exhausted: bool


@dataclass(kw_only=True)
class Payload:
    protocol: int = PROTOCOL
    version: str
    classes: list[str]
    features: list[FeatureSpec]
    models: list[ModelSpec]
    use_label_for_attr: bool
    show: int
    choice: dict[str, Any] = field(default_factory=dict)
    scan: Scan


@dataclass
class Filter:
    classes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    prediction: Prediction = "all"


@dataclass
class FetchRequest:
    filter: Filter
    start: int
    count: int
    scan: int


def encode(value: Payload | Scan) -> bytes:
    """The same bytes for the same values."""
    # Half of a surrogate pair, as in tokens decoded with "surrogateescape", is no Unicode text: "?" travels instead.
    packed: bytes = msgpack.packb(value, default=_plain, unicode_errors="replace")
    return packed


def fetch_request(content: Mapping[str, Any]) -> FetchRequest:
    """The page's "fetch" message, checked; raises ValueError."""
    filter = checked_filter(content.get("filter"), "fetch.filter")
    numbers: dict[str, int] = {}
    for name, least in (("start", 0), ("count", 1), ("scan", 1)):
        value = content.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"fetch.{name}: got {value!r}; expected an integer >= {least}")
        numbers[name] = value
    return FetchRequest(filter, **numbers)


def checked_filter(value: Any, place: str, known: Collection[str] | None = None) -> Filter:
    """A filter, whose class names must be ``known`` ones if given; what is missing keeps all. Raises ValueError."""
    names = [entry.name for entry in fields(Filter)]
    if not isinstance(value, Mapping) or value.keys() - set(names):
        raise ValueError(f"{place}: got {value!r}; expected a map with {', '.join(names[:-1])} and {names[-1]}")
    filter = Filter(**value)
    for name in ("classes", "labels"):
        given = getattr(filter, name)
        if not isinstance(given, list) or not all(isinstance(entry, str) for entry in given):
            raise ValueError(f"{place}.{name}: got {given!r}; expected a list of class names")
        for entry in given:
            if known is not None and entry not in known:
                raise ValueError(f"{place}.{name}: got {entry!r}, which is no class; {meant(entry, known)}")
    if filter.prediction not in ("all", "correct", "incorrect"):
        raise ValueError(f"{place}.prediction: got {filter.prediction!r}; expected 'all', 'correct' or 'incorrect'")
    return filter


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES:
            raise TypeError(f"an array of dtype {value.dtype} cannot travel; expected one of {', '.join(DTYPES)}")
        data = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False)).tobytes()
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": data}
    if is_dataclass(value):
        return vars(value)
    raise TypeError(f"{type(value).__name__} cannot travel in the payload")
