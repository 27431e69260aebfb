"""Write lengths.json: models that take texts of any length, and what torch and Captum say where it is not the export's.

    python tests/engine/lengths.make.py

    {name: {onnx (base64), calls: [{inputs {name: array}, baselines {name: array}, target [int per sample], raw,
            cases: [{method, arguments, attributions {input: array}}]}]}}

Arrays as in tests/fixtures.
"""

from __future__ import annotations

import base64
import copy
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fixtures")]

from captum_calls import Request, attribute  # noqa: E402
from records import array  # noqa: E402

from attriscope.export import export, input_names  # noqa: E402

WORDS, WIDTH, CLASSES = 20, 8, 3
EXPORTED = 6
LENGTHS = (1, 4, 9)
PAD = 0


class Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.relu = nn.ReLU()
        self.linear = nn.Linear(WIDTH, CLASSES)

    def forward(self, text: Tensor) -> Tensor:
        return self.linear(self.relu(self.hidden(self.embedding(text))).mean(1))


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(WORDS, WIDTH, mode="mean", padding_idx=PAD)
        self.linear = nn.Linear(WIDTH, CLASSES)

    def forward(self, text: Tensor) -> Tensor:
        return self.linear(torch.tanh(self.embedding(text)))


class BagByLookups(nn.Module):
    def __init__(self, bag: Bag) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(bag.embedding.weight)
        self.linear = bag.linear

    def forward(self, text: Tensor) -> Tensor:
        kept = (text != PAD)[..., None].float()
        mean = (self.embedding(text) * kept).sum(1) / kept.sum(1).clamp(min=1)
        return self.linear(torch.tanh(mean))


class Recurrent(nn.Module):
    """An LSTM, or a GRU that has the tokens first: its states are turned, or the ids before they are looked up."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], turned: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.rnn = kind(WIDTH, 5, num_layers=2, batch_first=kind is nn.LSTM, bidirectional=True)
        self.linear = nn.Linear(10, CLASSES)
        self.turned = turned

    def forward(self, text: Tensor) -> Tensor:
        if self.rnn.batch_first:
            return self.linear(self.rnn(self.embedding(text))[0].mean(1))
        x = self.embedding(text.T) if self.turned else self.embedding(text).transpose(0, 1)
        return self.linear(self.rnn(x)[0][-1])


class Encoder(nn.Module):
    """Padding is masked, by the ids themselves or by what comes beside them."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH, padding_idx=PAD)
        self.position = nn.Embedding(16, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.linear = nn.Linear(WIDTH, CLASSES)
        self.batch_first = batch_first

    def forward(self, text: Tensor, mask: Tensor | None = None) -> Tensor:
        padding = text == PAD if mask is None else mask == 0
        x = self.embedding(text) + self.position(torch.arange(text.shape[1], device=text.device))
        if self.batch_first:
            x = self.encoder(x, src_key_padding_mask=padding)
        else:
            x = self.encoder(x.transpose(0, 1), src_key_padding_mask=padding).transpose(0, 1)
        kept = (~padding)[..., None].float()
        return self.linear((x * kept).sum(1) / kept.sum(1))


class Pair(nn.Module):
    """Two texts, each of a length of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.question = Recurrent(nn.GRU)
        self.answer = Mean()

    def forward(self, question: Tensor, answer: Tensor) -> Tensor:
        return self.question(question) * self.answer(answer)


def texts(length: int, padded: bool = True) -> Tensor:
    """Two; the second one ends in padding."""
    ids = torch.randint(1, WORDS, (2, length))
    if padded and length > 2:
        ids[1, -2:] = PAD
    return ids


def masked(length: int) -> tuple[Tensor, Tensor]:
    ids = texts(length)
    return ids, (ids != PAD).float()


NETS: dict[str, tuple[Any, Any]] = {
    "mean": (Mean, lambda length: (texts(length),)),
    "bag": (Bag, lambda length: (texts(length),)),
    "lstm": (lambda: Recurrent(nn.LSTM), lambda length: (texts(length),)),
    "gru, tokens first": (lambda: Recurrent(nn.GRU, turned=True), lambda length: (texts(length),)),
    "encoder": (lambda: Encoder(True), lambda length: (texts(length),)),
    "encoder, tokens first": (lambda: Encoder(False), lambda length: (texts(length),)),
    "encoder with a mask": (lambda: Encoder(True), masked),
    "pair": (Pair, lambda length: (texts(length), texts(length + 3))),
}


def seen_by_captum(model: nn.Module) -> nn.Module:
    """The same, with each sample's lookups in a row of their own."""
    if isinstance(model, Bag):
        return BagByLookups(model)
    if isinstance(model, Recurrent) and model.turned:
        model = copy.deepcopy(model)
        model.turned = False
    return model


def record(name: str) -> dict[str, Any]:
    torch.manual_seed(zlib.crc32(name.encode()))
    make, sample = NETS[name]
    model = make().eval()
    example = sample(EXPORTED)
    names = input_names(model, example)
    exported = export(model, example, free=[{1} for _ in example])
    return {
        "onnx": base64.b64encode(exported.onnx).decode(),
        "calls": [call(model, dict(zip(names, sample(length), strict=True))) for length in LENGTHS],
    }


def call(model: nn.Module, inputs: dict[str, Tensor]) -> dict[str, Any]:
    seen = seen_by_captum(model).eval()
    with torch.no_grad():
        raw = model(*inputs.values())
        torch.testing.assert_close(seen(*inputs.values()), raw)
    target = raw.argmax(1).tolist()
    texts = {name: ids for name, ids in inputs.items() if not ids.is_floating_point()}
    mask = [values for values in inputs.values() if values.is_floating_point()]
    if mask:
        seen = Given(seen, mask[0])
    baselines = {name: torch.randint(1, WORDS, ids.shape) for name, ids in texts.items()}
    runs: list[tuple[str, dict[str, Any], bool]] = [
        ("Saliency", {"abs": False}, False),
        ("Input X Gradient", {}, False),
        ("Integrated Gradients", {"n_steps": 6}, True),
        ("Feature Ablation", {}, True),
    ]
    if seen is model and hasattr(seen, "embedding"):
        runs.append(("Layer Integrated Gradients", {"layer": "embedding", "n_steps": 6}, True))
    cases = []
    for method, arguments, compares in runs:
        request = Request(method, texts, target, arguments, baselines if compares else None)
        attributions, _ = attribute(seen, request)
        answer = {name: array(values.float()) for name, values in attributions.items()}
        cases.append({"method": method, "arguments": arguments, "attributions": answer})
    return {
        "inputs": {name: array(values) for name, values in inputs.items()},
        "baselines": {name: array(values) for name, values in baselines.items()},
        "target": target,
        "raw": array(raw),
        "cases": cases,
    }


class Given(nn.Module):
    """A model of texts and a mask, as one of texts: all that is compared with a sample has the sample's own mask."""

    def __init__(self, model: nn.Module, mask: Tensor) -> None:
        super().__init__()
        self.model = model
        self.mask = mask

    def forward(self, text: Tensor) -> Tensor:
        return self.model(text, self.mask[torch.arange(len(text)) % len(self.mask)])


def main() -> None:
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)
    lines = [f"{json.dumps(name)}: {json.dumps(record(name))}" for name in NETS]
    (HERE.parent / "lengths.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
