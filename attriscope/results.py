"""What the page has computed, as numpy arrays: sent by it in parts, because servers cut long messages off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Results:
    """What the explorer shows of N samples, in its order and without those that cannot be explained.

    Attributes
    ----------
    method, arguments : str, dict
        As in Captum.
    baseline : str or None
        What the samples are compared with; None for methods that compare with nothing, or with several baselines.
    model : str
        Which one is explained.
    ids : int64 [N]
        Positions in the dataset.
    targets, predictions : int64 [N] or None
        Classes explained and predicted, as indexes into ``classes``; None for a model without classes.
    scores : float32 [N, classes] or None
        What ``score_func`` gives.
    attributions : dict of float32 [N, ...], or of a list of N float32 [...]
        By feature, without those that the method says nothing of; in the shape of the model's input, of a layer method
        in the layer's. A list with one array for each sample where their shapes differ, as those of texts may.
    delta : float32 [N]
        Convergence delta; NaN for methods that promise none.
    deletion, insertion : float32 [N]
        Areas under the two curves; NaN where they were not measured.
    """

    method: str
    arguments: dict[str, Any]
    baseline: str | None
    model: str
    ids: Indexes
    targets: Indexes | None
    predictions: Indexes | None
    scores: Floats | None
    attributions: dict[str, Floats | list[Floats]]
    delta: Floats
    deletion: Floats
    insertion: Floats

    def __repr__(self) -> str:
        maps = ", ".join(f"{name!r} {_described(values)}" for name, values in self.attributions.items())
        return f"<Results of {self.method}, {self.model}: samples {self.ids.tolist()}, attributions {maps}>"


def _described(maps: Floats | list[Floats]) -> str:
    """In shapes."""
    return " ".join(str(list(values.shape)) for values in ([maps] if isinstance(maps, np.ndarray) else maps))


@dataclass
class Parts:
    """Puts together the messages of one page; a new one's replace what has not arrived in full."""

    sender: str = ""
    data: list[bytes] = field(default_factory=list)

    def add(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> list[Results] | None:
        """The columns once all parts are here. Raises ValueError for what does not fit together."""
        if content["part"] == 0:
            self.sender, self.data = content["from"], []
        if content["from"] != self.sender or content["part"] != len(self.data):
            return None
        self.data.append(b"".join(bytes(buffer) for buffer in buffers))
        return _columns(content["columns"], b"".join(self.data)) if len(self.data) == content["parts"] else None


def _columns(columns: Sequence[Mapping[str, Any]], data: bytes) -> list[Results]:
    """Of every column ``data`` holds the maps of all samples by feature, then their scores."""
    shapes = [shape for column in columns for shape in _shapes(column)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    values = np.frombuffer(data, "<f4").astype(np.float32)
    if values.size != sum(sizes):
        raise ValueError(f"results: got {values.size} values for {shapes}; expected {sum(sizes)}")
    pieces = zip(np.split(values, np.cumsum(sizes)[:-1]), shapes, strict=True)
    arrays = iter([piece.reshape(shape) for piece, shape in pieces])
    return [_results(column, [next(arrays) for _ in _shapes(column)]) for column in columns]


def _shapes(column: Mapping[str, Any]) -> list[tuple[int, ...]]:
    maps = [tuple(shape) for shapes in column["shapes"] for shape in shapes]
    return [*maps, (len(column["samples"]), column["scores"])]


def _results(column: Mapping[str, Any], arrays: Sequence[Floats]) -> Results:
    samples = column["samples"]
    maps = [arrays[i : i + len(samples)] for i in range(0, len(arrays) - 1, max(1, len(samples)))]

    def indexes(name: str) -> Indexes | None:
        found = [sample[name] for sample in samples]
        return None if None in found else np.array(found, np.int64)

    def numbers(name: str) -> Floats:
        return np.array([sample[name] for sample in samples], np.float32)  # None becomes NaN

    return Results(
        **{name: column[name] for name in ("method", "arguments", "baseline", "model")},
        ids=np.array([sample["id"] for sample in samples], np.int64),
        targets=indexes("target"),
        predictions=indexes("prediction"),
        scores=arrays[-1] if column["scores"] else None,
        attributions={name: _joined(own) for name, own in zip(column["features"], maps, strict=True)},
        delta=numbers("delta"),
        deletion=numbers("deletion"),
        insertion=numbers("insertion"),
    )


def _joined(maps: Sequence[Floats]) -> Floats | list[Floats]:
    return np.stack(maps) if len({values.shape for values in maps}) == 1 else list(maps)
