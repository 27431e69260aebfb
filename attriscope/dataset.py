"""The user's dataset -> samples, pulled lazily: nothing is read that is not shown or kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

from attriscope import wire
from attriscope.export import (
    Exported,
    RandomState,
    ScoreFunc,
    check_arguments,
    describe,
    first_tensor,
    input_names,
    is_graph_input,
    random_state,
    set_random_state,
    untouched,
)
from attriscope.features import BaseFeature
from attriscope.spelling import checks_spelling


@dataclass(init=False)
class Batch:
    """One batch of the dataset.

    Parameters
    ----------
    inputs : tensor or tuple of tensors
        One per feature, the batch first, as they come before ``input_transforms``.
    labels : tensor, list, tuple, int or None
        The right classes, as indexes into ``classes``, one per sample.
    additional_args : None, tensor or tuple
        Further forward arguments; they are not attributed. Tensors are sliced per sample; 0-d tensors and other objects
        become constants of the exported model and must be the same in every batch.
    """

    inputs: Any
    labels: Any
    additional_args: Any

    @checks_spelling
    def __init__(self, inputs: Any, labels: Any = None, additional_args: Any = None):
        self.inputs = inputs
        self.labels = labels
        self.additional_args = additional_args


#: Stands among the constant arguments for one that every sample has its own of.
_OWN = object()


@dataclass
class _Evaluated:
    """What the model makes of a sample."""

    #: Transformed, by feature, without the batch dimension.
    inputs: list[torch.Tensor]
    #: By model.
    outputs: list[wire.Outputs]
    #: Index of the first model's highest score; None for an output without classes.
    predicted: int | None
    label: int | None
    #: Why the sample cannot be explained.
    error: str | None


@dataclass
class _Entry:
    """One sample of the dataset, kept as it was read; nothing has a batch dimension."""

    id: int
    batch: int
    raw: list[torch.Tensor]
    label: Any
    additional: list[torch.Tensor]
    evaluated: _Evaluated | None = None


class Samples:
    """The samples of a dataset, numbered from 0, with PyTorch's own outputs. What has been read stays.

    ``models``, by name, share features, classes and ``score_func``; the first one decides what passes a filter.
    """

    def __init__(
        self,
        dataset: Any,
        models: Mapping[str, nn.Module],
        features: Sequence[BaseFeature],
        classes: Sequence[str],
        score_func: ScoreFunc | None,
    ):
        self._models = models
        self._features = features
        self._classes = classes
        self._score_func = score_func
        self._source = _Source(dataset, features)
        self._entries: list[_Entry] = []
        #: The first batch's additional_args, with _OWN for what every sample has its own of.
        self._constants: list[Any] = []
        #: What ended the last scan, until the next one goes on there.
        self._pending: Exception | None = None
        #: By model, and the sample that they were exported with.
        self._exports: tuple[Mapping[str, Exported], _Entry] | None = None
        #: The batch read last, with its number, if it could not be used.
        self._left_out: tuple[int, Batch] | None = None

    def __len__(self) -> int:
        """How many have been read."""
        return len(self._entries)

    def refresh(self) -> None:
        """Forget the outputs: the model may have changed. What was read is kept; a batch just left out comes again."""
        self._exports = None
        for entry in self._entries:
            entry.evaluated = None
        if self._left_out:
            self._source.put_back(*self._left_out)
        self._left_out = self._pending = None

    def scan(self, request: wire.FetchRequest) -> wire.Scan:
        """Samples that pass the filter, from ``start`` on: at most ``count``, looking at no more than ``scan`` entries.

        An error of the dataset or the model ends the scan; it is raised if nothing was found before it, else by the
        scan that goes on there. What was read before it stays, and a batch that cannot be used is left out.
        """
        if request.start > len(self):
            raise ValueError(f"fetch.start: got {request.start}; expected at most {len(self)}, what was read so far")
        found: list[wire.Sample] = []
        position = request.start
        end = request.start + request.scan
        if self._pending and position == len(self):
            error, self._pending = self._pending, None
            raise error
        with self._evaluating():
            try:
                while len(found) < request.count and position < end:
                    if position == len(self) and not self._pull():
                        break
                    entry = self._entries[position]
                    if self._passes(self._evaluate(entry), request.filter):
                        found.append(self._sample(entry))
                    position += 1
            except Exception as error:
                if not found:
                    raise
                self._pending = error
        exhausted = position == len(self) and self._source.ended
        return wire.Scan(found, position - request.start, position, exhausted)

    def example(self, model: nn.Module) -> tuple[Any, ...]:
        """Forward's arguments for the sample with the longest texts, as a batch of one on the model's device."""
        with self._evaluating():
            longest = self._longest()
            return self._arguments(model, [(self._evaluate(longest).inputs, longest.additional)])

    def free(self) -> list[set[int]]:
        """By graph input, the dimensions besides the batch in which samples may differ.

        These are the tokens of a text, and what of the additional tensors is as long, a mask for one.
        """
        with self._evaluating():
            longest = self._longest()
            lengths = [length for _, length in self._lengths(self._evaluate(longest).inputs)]
        features = [{1} if _is_text(feature) else set() for feature in self._features]
        return features + [
            {i + 1 for i, size in enumerate(tensor.shape) if size in lengths} for tensor in longest.additional
        ]

    def keep_to(self, exports: Mapping[str, Exported]) -> None:
        """From now on a sample must fit into the exported models, too; raises a ValueError if one so far does not."""
        with self._evaluating():
            self._exports = exports, self._longest()
            for entry in self._entries:
                if entry.evaluated:
                    raws = [outputs.raw for outputs in entry.evaluated.outputs]
                    self._check_lengths(entry, entry.evaluated.inputs, raws)

    def input_names(self) -> list[str]:
        """Graph input names, for all models those of the first: one per feature, then the additional tensors."""
        first = next(iter(self._models.values()))
        with self._evaluating():
            entry = self._entries[0]
            return input_names(first, self._arguments(first, [(self._evaluate(entry).inputs, entry.additional)]))

    def baseline_names(self) -> list[list[str]]:
        """Per feature, the names of its baseline choices."""
        with self._evaluating():
            entry = next((e for e in self._entries if not self._evaluate(e).error), self._entries[0])
            inputs = self._evaluate(entry).inputs
            return [
                feature.baseline_names(feature.prepare(raw, x).baselines)
                for feature, raw, x in zip(self._features, entry.raw, inputs, strict=True)
            ]

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        with untouched(*self._models.values()), torch.no_grad():
            yield

    def _passes(self, evaluated: _Evaluated, filter: wire.Filter) -> bool:
        if filter == wire.Filter():
            return True
        if evaluated.error or evaluated.predicted is None:
            return False
        if filter.classes and self._classes[evaluated.predicted] not in filter.classes:
            return False
        if filter.labels and (evaluated.label is None or self._classes[evaluated.label] not in filter.labels):
            return False
        if filter.prediction == "all":
            return True
        is_correct = evaluated.predicted == evaluated.label
        return evaluated.label is not None and is_correct == (filter.prediction == "correct")

    def _pull(self) -> bool:
        """Read the next batch; False at the end."""
        read = self._source.next()
        if read is None:
            return False
        self._left_out = read
        self._add(*read)
        self._left_out = None
        return True

    def _add(self, number: int, batch: Batch) -> None:
        """A batch's samples, with the model's outputs."""
        place = f"dataset: batch {number}"
        tensors = self._tensors(batch, place)
        given = batch.additional_args
        additional = [] if given is None else _several(given)
        sizes = {f"feature '{f.name}'": len(t) for f, t in zip(self._features, tensors, strict=True)}
        sizes |= {f"additional_args[{i}]": len(a) for i, a in enumerate(additional) if is_graph_input(a)}
        if len(set(sizes.values())) > 1:
            text = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            raise ValueError(f"{place}: the batch sizes differ: {text}; expected one size")
        size = len(tensors[0])
        if size == 0:
            raise ValueError(f"{place} is empty; expected at least one sample")
        for model in self._models.values():
            check_arguments(model, [feature.name for feature in self._features], len(additional))
        labels = _split_labels(batch.labels, size, place)
        self._check_constants(additional, place)
        rows = ([a[i].detach() for a in additional if is_graph_input(a)] for i in range(size))
        group = [_Entry(len(self) + i, number, [t[i] for t in tensors], labels[i], row) for i, row in enumerate(rows)]
        self._run(group)
        self._entries += group

    def _tensors(self, batch: Batch, place: str) -> list[torch.Tensor]:
        inputs = _several(batch.inputs)
        if len(inputs) != len(self._features):
            names = ", ".join(f"'{feature.name}'" for feature in self._features)
            is_text = any(_is_text(feature) for feature in self._features)
            advice = ". Give texts of different lengths in batches of their own." if is_text else ""
            raise ValueError(
                f"{place} has {len(inputs)} inputs; expected {len(self._features)}, one a feature ({names}){advice}"
            )
        for i, (feature, value) in enumerate(zip(self._features, inputs, strict=True)):
            tensor = inputs[i] = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
            got = f"shape {list(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(value).__name__
            dims = tensor.dim() - 1 if isinstance(tensor, torch.Tensor) else -1
            if dims < 0 or (feature.dims and dims not in feature.dims):
                raise ValueError(f"{place}, feature '{feature.name}': got {got}; expected {feature.layout}")
        return [tensor.detach() for tensor in inputs]

    def _check_constants(self, additional: list[Any], place: str) -> None:
        constants = [_OWN if is_graph_input(value) else value for value in additional]
        if not self._entries:
            self._constants = constants
        if len(constants) != len(self._constants):
            raise ValueError(
                f"{place} has {len(constants)} additional_args; the first batch has {len(self._constants)}"
            )
        for i, (value, before) in enumerate(zip(constants, self._constants, strict=True)):
            if value is not before and (type(value) is not type(before) or not np.all(np.asarray(value == before))):
                raise ValueError(
                    f"{place}: additional_args[{i}] is {value!r}, in the first batch {before!r}; what is no "
                    "tensor with a batch dimension becomes a constant. Pass a tensor with one value per sample."
                )

    def _evaluate(self, entry: _Entry) -> _Evaluated:
        if entry.evaluated is None:
            self._run([e for e in self._entries if e.batch == entry.batch])
        assert entry.evaluated is not None
        return entry.evaluated

    def _run(self, group: list[_Entry]) -> None:
        """The models on the entries of one batch; input_transforms may have left texts of different lengths in it."""
        alike: dict[tuple[torch.Size, ...], list[tuple[_Entry, list[torch.Tensor]]]] = {}
        expected: list[torch.Tensor] | None = None
        for entry in group:
            inputs = [f.transform(raw) for f, raw in zip(self._features, entry.raw, strict=True)]
            expected = expected or inputs
            self._check_shapes(entry.id, inputs, expected)
            alike.setdefault(tuple(x.shape for x in inputs), []).append((entry, inputs))
        for rows in alike.values():
            self._run_alike(rows)

    def _run_alike(self, rows: Sequence[tuple[_Entry, list[torch.Tensor]]]) -> None:
        """The models on samples of one shape."""
        (first, inputs), (last, _) = rows[0], rows[-1]
        place = f"sample {first.id}" if first is last else f"samples {first.id} to {last.id}"
        batch = [(inputs, entry.additional) for entry, inputs in rows]
        outputs = {name: self._outputs(name, self._arguments(m, batch), place) for name, m in self._models.items()}
        sizes = {name: raw.shape[1] for name, (raw, _) in outputs.items()}
        if len(set(sizes.values())) > 1:
            text = ", ".join(f"{name} gives {size}" for name, size in sizes.items())
            raise ValueError(f"models: {text} outputs a sample; expected the same number, since they share the classes")
        self._check_lengths(first, inputs, [raw[0] for raw, _ in outputs.values()])
        for i, (entry, inputs) in enumerate(rows):
            own = [wire.Outputs(raw[i], scores[i]) for raw, scores in outputs.values()]
            entry.evaluated = self._judge(entry, inputs, own)

    def _outputs(self, name: str, arguments: tuple[Any, ...], place: str) -> tuple[wire.Array, wire.Array]:
        """Raw outputs and scores of the batch ``arguments``, [N, outputs] each."""
        try:
            output = self._models[name](*arguments)
        except Exception as error:
            raise RuntimeError(
                f"model {name}: forward fails on {place} ({describe(arguments)}): {type(error).__name__}: {error}"
            ) from error
        tensor = first_tensor(output)
        if tensor is None:
            raise TypeError(
                f"model {name} returns {type(output).__name__}; expected a tensor, or a tuple, list or dict"
            )
        size = len(arguments[0])
        raw = _rows(tensor, size, f"model {name}")
        try:
            scored = tensor if self._score_func is None else self._score_func(output)
        except Exception as error:
            raise RuntimeError(
                f"score_func fails on {self._whose(name)} output for {place}: {type(error).__name__}: {error}"
            ) from error
        scores = _rows(scored, size, "score_func")
        if raw.shape != scores.shape:
            raise ValueError(
                f"score_func gives {scores.shape[1]} values a sample, {self._whose(name)} output has {raw.shape[1]}; "
                "expected one score for each"
            )
        if 1 < raw.shape[1] > len(self._classes):
            raise ValueError(
                f"classes has {len(self._classes)} names, {self._whose(name)} output has {raw.shape[1]}: "
                "expected one name per output, in their order"
            )
        return raw, scores

    def _whose(self, model: str) -> str:
        return "the model's" if len(self._models) == 1 else f"{model}'s"

    def _judge(self, entry: _Entry, inputs: list[torch.Tensor], outputs: list[wire.Outputs]) -> _Evaluated:
        has_classes = outputs[0].raw.size > 1
        label, error = _label(entry.label, len(self._classes))
        if not has_classes:
            # One output is a number, or the logit of one of several classes.
            label, error = (label if len(self._classes) > 1 else None), None
        faults = (f.fault(r, x) for f, r, x in zip(self._features, entry.raw, inputs, strict=True))
        error = next((fault for fault in faults if fault), error)
        for name, of in zip(self._models, outputs, strict=True):
            if error is None and not (np.isfinite(of.raw).all() and np.isfinite(of.scores).all()):
                error = f"{self._whose(name)} output for this sample is NaN or infinite"
        predicted = int(outputs[0].scores.argmax()) if has_classes else None
        return _Evaluated(inputs, outputs, predicted, label, error)

    def _check_shapes(self, id: int, inputs: list[torch.Tensor], neighbours: list[torch.Tensor]) -> None:
        first = self._entries[0].evaluated if self._entries else None
        for feature, x, expected in zip(self._features, inputs, first.inputs if first else neighbours, strict=True):
            free = 1 if _is_text(feature) and x.dim() == expected.dim() else 0
            if x.shape[free:] != expected.shape[free:]:
                advice = " Resize or crop." if feature.visualization_type() == "image" else ""
                raise ValueError(
                    f"feature '{feature.name}': sample {id} has shape {list(x.shape)} after input_transforms, others "
                    f"have {list(expected.shape)}; expected one shape.{advice}"
                )

    def _check_lengths(self, entry: _Entry, inputs: list[torch.Tensor], raws: Sequence[wire.Array]) -> None:
        """Texts of other lengths than that of the export must give the models' outputs, ``raws``, in it as well."""
        if self._exports is None:
            return
        exports, example = self._exports
        lengths, known = self._lengths(inputs), self._lengths(self._evaluate(example).inputs)
        if lengths == known:
            return
        for (model, exported), raw in zip(exports.items(), raws, strict=True):
            if not exported.gives(raw, self._arguments(self._models[model], [(inputs, entry.additional)])):
                text = ", ".join(
                    f"feature '{name}' has {length} tokens in sample {entry.id}, {other} in sample {example.id}"
                    for (name, length), (_, other) in zip(lengths, known, strict=True)
                    if length != other
                )
                raise ValueError(
                    f"{text}; model {model} cannot be exported for both lengths. Pad or cut all texts to one length."
                )

    def _lengths(self, inputs: Sequence[torch.Tensor]) -> list[tuple[str, int]]:
        """Of each feature that is a text, its name, which others may have, too, and the number of its tokens."""
        return [(f.name, len(x)) for f, x in zip(self._features, inputs, strict=True) if _is_text(f)]

    def _longest(self) -> _Entry:
        """The sample, of those that have been run, with the longest texts: of one token, a model is traced for one."""
        self._evaluate(self._entries[0])
        known = [(entry, entry.evaluated) for entry in self._entries if entry.evaluated]
        return max(known, key=lambda pair: sum(length for _, length in self._lengths(pair[1].inputs)))[0]

    def _arguments(
        self, model: nn.Module, rows: Sequence[tuple[list[torch.Tensor], list[torch.Tensor]]]
    ) -> tuple[Any, ...]:
        """Samples, each its inputs and its additional tensors -> forward's arguments, on the model's device."""
        anchor = next(iter([*model.parameters(), *model.buffers()]), None)
        device = None if anchor is None else anchor.device
        columns = zip(*([*inputs, *additional] for inputs, additional in rows), strict=True)
        tensors = iter([torch.stack(column).to(device) for column in columns])
        arguments: list[Any] = [next(tensors) for _ in self._features]
        for constant in self._constants:
            arguments.append(next(tensors) if constant is _OWN else constant)
        return tuple(arguments)

    def _sample(self, entry: _Entry) -> wire.Sample:
        evaluated = self._evaluate(entry)
        prepared = [f.prepare(r, x) for f, r, x in zip(self._features, entry.raw, evaluated.inputs, strict=True)]
        names = self.input_names()[len(self._features) :] if entry.additional else []
        return wire.Sample(
            id=entry.id,
            label=evaluated.label,
            display=[p.display for p in prepared],
            inputs=[_array(x, np.float32) for x in evaluated.inputs],
            baselines=[[_array(b, np.float32) for b in p.baselines] for p in prepared],
            feature_masks=[p.feature_mask for p in prepared],
            additional={name: _array(a) for name, a in zip(names, entry.additional, strict=True)},
            outputs=evaluated.outputs,
            error=evaluated.error or next((p.error for p in prepared if p.error), None),
        )


class _Source:
    """Whatever the user gave as dataset, as numbered batches."""

    def __init__(self, dataset: Any, features: Sequence[BaseFeature]):
        self._dataset = dataset
        #: The first feature of which one can tell a sample from a batch by its dimensions: which, and a sample's.
        self._telling = next(((i, f.dims[0]) for i, f in enumerate(features) if f.dims), None)
        self._iterator: Iterator[Any] | None = None
        self._count = 0
        self._stopped = False
        self._failure: Exception | None = None
        self._returned: tuple[int, Batch] | None = None
        # What the dataset draws goes on where it was, without a trace in the user's random state.
        self._random: RandomState | None = None
        hint = "expected an iterable of Batch or of pairs (inputs, labels), a DataLoader or a Dataset"
        if isinstance(dataset, Batch):
            raise TypeError(f"dataset is one Batch; {hint}. Put it in a list: [batch]")
        is_data = isinstance(dataset, (str, bytes, dict, torch.Tensor, np.ndarray))
        has_items = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
        has_items = has_items and not isinstance(dataset, IterableDataset)
        if is_data or not (has_items or hasattr(dataset, "__iter__")):
            raise TypeError(f"dataset is a {type(dataset).__name__}; {hint}")
        self._is_map = has_items and (isinstance(dataset, Dataset) or not hasattr(dataset, "__iter__"))
        is_loader = isinstance(dataset, DataLoader)
        #: Whether a pair holds one sample; None where its dimensions must tell.
        self._single = True if isinstance(dataset, Dataset) else False if is_loader and dataset.batch_sampler else None
        is_sized = has_items if not is_loader else not isinstance(dataset.dataset, IterableDataset)
        self._length = len(dataset) if is_sized else None

    @property
    def ended(self) -> bool:
        """Nothing is left, as far as can be known without reading."""
        return self._returned is None and (self._stopped or self._count == self._length)

    def put_back(self, number: int, batch: Batch) -> None:
        """Give this batch out next, once more."""
        self._returned = number, batch

    def next(self) -> tuple[int, Batch] | None:
        """The next batch and its number; None at the end. An error of the iterator is raised again by every call."""
        if self._returned:
            returned, self._returned = self._returned, None
            return returned
        if self._failure:
            raise self._failure
        if self._stopped:
            return None
        outer = random_state()
        try:
            if self._random is not None:
                set_random_state(self._random)
            if self._iterator is None:
                data = self._dataset
                self._iterator = (data[i] for i in range(len(data))) if self._is_map else iter(data)
            item = next(self._iterator)
        except StopIteration:
            self._stopped = True
            return None
        except Exception as error:
            text = f"dataset: batch {self._count} cannot be read: {type(error).__name__}: {error}"
            if "equal size" in str(error) and isinstance(self._dataset, DataLoader):
                text += ". Samples of different shapes: pass the Dataset itself, or a collate_fn that pads."
            self._failure = RuntimeError(text)
            raise self._failure from error
        finally:
            self._random = random_state()
            set_random_state(outer)
        number = self._count
        self._count += 1
        return number, self._batch(item, number)

    def _batch(self, item: Any, number: int) -> Batch:
        if hasattr(item, "inputs") and hasattr(item, "labels"):
            return Batch(item.inputs, item.labels, getattr(item, "additional_args", None))
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            got = f"a {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, (tuple, list)) else "")
            raise TypeError(f"dataset: batch {number} is {got}; expected attriscope.Batch or a pair (inputs, labels)")
        inputs, label = item
        parts = [torch.from_numpy(p) if isinstance(p, np.ndarray) else p for p in _several(inputs)]
        if not all(isinstance(part, torch.Tensor) for part in parts):
            got = ", ".join(type(part).__name__ for part in parts)
            raise TypeError(f"dataset: the inputs of batch {number} are {got}; expected tensors (e.g. by ToTensor)")
        if self._single or (self._single is None and self._is_sample(parts)):
            return Batch(tuple(part[None] for part in parts), [label])
        return Batch(tuple(parts), label)

    def _is_sample(self, parts: Sequence[torch.Tensor]) -> bool:
        if self._telling is None or self._telling[0] >= len(parts):
            return False
        i, dims = self._telling
        return parts[i].dim() == dims


def _is_text(feature: BaseFeature) -> bool:
    """Whether samples may differ in the number of tokens, the first dimension."""
    return feature.visualization_type() == "text"


def _several(inputs: Any) -> list[Any]:
    return list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]


def _split_labels(labels: Any, size: int, place: str) -> list[Any]:
    if labels is None:
        return [None] * size
    if isinstance(labels, (torch.Tensor, np.ndarray)):
        split = labels.reshape(-1).tolist()
    else:
        split = list(labels) if isinstance(labels, (list, tuple)) else [labels]
    if len(split) != size:
        raise ValueError(f"{place} has {len(split)} labels for {size} samples; expected one label a sample, or None")
    scalar = (torch.Tensor, np.ndarray, np.generic)
    return [label.item() if isinstance(label, scalar) and np.prod(label.shape) == 1 else label for label in split]


def _label(value: Any, classes: int) -> tuple[int | None, str | None]:
    """A label as an index into the classes, or why it is none."""
    if value is None:
        return None, None
    expected = f"expected 0 to {classes - 1}, an index into classes"
    if not isinstance(value, (int, float)) or value != value // 1:
        return None, f"label {value!r} is no integer; {expected}"
    if not 0 <= value < classes:
        return None, f"label {value} is out of range; {expected}"
    return int(value), None


def _rows(output: Any, size: int, place: str) -> wire.Array:
    """An output as float32 [size, values per sample]."""
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"{place} returns {type(output).__name__}; expected a tensor")
    if output.numel() != size and (output.dim() == 0 or output.shape[0] != size):
        raise ValueError(f"{place} returns shape {list(output.shape)} for {size} samples; expected the batch first")
    return _array(output.reshape(size, -1), np.float32)


def _array(tensor: torch.Tensor, dtype: Any = None) -> wire.Array:
    # numpy has no bfloat16, and the page no float16.
    wide = tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
    return wide.detach().cpu().numpy().astype(dtype or wide.numpy(force=True).dtype)
