"""Texts of different lengths: which samples are taken, what is exported for them, and what is said where that fails."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from nets import Words, images, seeded, softmax
from onnx.reference import ReferenceEvaluator
from torch import nn

from attriscope import AttributionVisualizer, Batch, page, wire
from attriscope.features import EmptyFeature, ImageFeature, TextFeature

CLASSES = ["bad", "good"]
REVIEW = TextFeature("Review", None, None)


class Recurrent(nn.Module):
    """torch takes texts of any length; traced, nn.RNN is as many steps as there are tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 4)
        self.rnn = nn.RNN(4, 6, batch_first=True)
        self.linear = nn.Linear(6, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.linear(self.rnn(self.embedding(ids))[0].mean(1))


class Cut(Words):
    """Reads six tokens at most."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return super().forward(ids[:, :6] if ids.shape[1] > 6 else ids)


class Masked(nn.Module):
    """The mean of the tokens that the mask keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 4)
        self.linear = nn.Linear(4, 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        weights = mask / mask.sum(1, keepdim=True)
        return self.linear(torch.tanh(self.embedding(ids)).mul(weights[..., None]).sum(1))


class Question(nn.Module):
    """A picture, and a question about it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = Words()

    def forward(self, image: torch.Tensor, question: torch.Tensor) -> torch.Tensor:
        return self.text(question) * image.mean((1, 2, 3))[:, None]


class Means(nn.Module):
    """Of the last dimension's first two places, all others taken together."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x).flatten(1, -2).mean(1)[:, :2]


TABLE = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))


def text(length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(1, 20, (1, length), generator=torch.Generator().manual_seed(seed + length))


def batches(*lengths: int) -> list[Batch]:
    return [Batch(text(length), [0]) for length in lengths]


def make(dataset: Any, models: Any = None, features: Any = REVIEW) -> AttributionVisualizer:
    return AttributionVisualizer(models or seeded(Words), CLASSES, features, dataset, softmax)


def fetch(of: AttributionVisualizer, start: int) -> wire.Scan:
    return of.fetch(wire.FetchRequest(wire.Filter(), start, count=4, scan=512))


def dimensions(data: bytes) -> list[list[int | str]]:
    inputs = onnx.load_from_string(data).graph.input
    return [[dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim] for value in inputs]


def check(of: AttributionVisualizer, scan: wire.Scan, model: nn.Module, *additional: str) -> None:
    """Torch's outputs for each sample alone are what came with it, and what the exported model gives."""
    evaluator = ReferenceEvaluator(onnx.load_from_string(of.onnx(0)))
    names = [name for name in evaluator.input_names if name not in additional]
    for sample in scan.samples:
        given = [*sample.inputs, *(sample.additional[name] for name in additional)]
        arrays = [torch.from_numpy(array[None]) for array in given]
        arguments = [a if a.dim() == 4 or i >= len(names) else a.long() for i, a in enumerate(arrays)]
        with torch.no_grad():
            expected = model(*arguments)[0]
        np.testing.assert_allclose(sample.outputs[0].raw, expected, atol=1e-5)
        feeds = {name: a.numpy() for name, a in zip([*names, *additional], arguments, strict=True)}
        np.testing.assert_allclose(evaluator.run(["raw"], feeds)[0][0], expected, atol=1e-5)


class TestAnyLength:
    def test_shown_and_fetched(self, shell) -> None:
        of = make(batches(5, 7, 3, 9, 1))
        of.render(num_examples=3)
        assert dimensions(of.onnx(0)) == [["batch", "length"]]
        scan = fetch(of, 0)
        assert [sample.inputs[0].shape for sample in scan.samples] == [(5,), (7,), (3,), (9,)]
        assert [len(sample.display[0]) for sample in scan.samples] == [5, 7, 3, 9]
        check(of, scan, seeded(Words))
        check(of, fetch(of, 4), seeded(Words))

    def test_one_token_comes_first(self, shell) -> None:
        of = make(batches(1, 4))
        of.render(num_examples=2)
        check(of, fetch(of, 0), seeded(Words))

    def test_padding_that_transforms_take_off(self, shell) -> None:
        padded = torch.zeros(3, 6, dtype=torch.int64)
        for i, length in enumerate((6, 2, 4)):
            padded[i, :length] = text(length)[0]
        feature = TextFeature("Review", None, lambda ids: ids[ids != 0], lambda ids: [str(i) for i in ids[ids != 0]])
        of = make([Batch(padded, [0, 1, 0])], features=feature)
        of.render(num_examples=3)
        scan = fetch(of, 0)
        assert [(sample.id, len(sample.inputs[0]), sample.label) for sample in scan.samples] == [
            (0, 6, 0),
            (1, 2, 1),
            (2, 4, 0),
        ]
        check(of, scan, seeded(Words))

    def test_embeddings(self, shell) -> None:
        of = make(batches(5, 8), Means(), TextFeature("Review", None, lambda ids: TABLE[ids]))
        of.render(num_examples=2)
        assert dimensions(of.onnx(0)) == [["batch", "length", 4]]
        assert [sample.inputs[0].shape for sample in fetch(of, 0).samples] == [(5, 4), (8, 4)]

    def test_a_mask_is_as_long(self, shell) -> None:
        model = seeded(Masked)
        dataset = [Batch(text(n), [0], torch.tensor([[1.0] * (n - 1) + [0.0]])) for n in (4, 7)]
        of = make(dataset, model)
        of.render(num_examples=1)
        assert dimensions(of.onnx(0)) == [["batch", "length"], ["batch", "length"]]
        check(of, fetch(of, 0), model, "mask")

    def test_beside_a_picture(self, shell) -> None:
        model = seeded(Question)
        # A text as long as the picture is high does not free the picture.
        dataset = [Batch((images(1), text(n)), [0]) for n in (8, 5)]
        of = make(dataset, model, [ImageFeature("Photo", None, None), TextFeature("Question", None, None)])
        of.render(num_examples=2)
        assert dimensions(of.onnx(0)) == [["batch", 3, 8, 8], ["batch", "length"]]
        check(of, fetch(of, 0), model)


class TestOneLength:
    text = (
        r"^feature 'Review' has [57] tokens in sample 1, [57] in sample 0; model Recurrent cannot be exported for both "
        r"lengths\. Pad or cut all texts to one length\.$"
    )

    def test_is_exported_as_it_is(self, shell) -> None:
        of = make(batches(5, 5), seeded(Recurrent))
        of.render(num_examples=2)
        assert dimensions(of.onnx(0)) == [["batch", 5]]
        check(of, fetch(of, 0), seeded(Recurrent))

    def test_others_among_the_first_samples(self, shell) -> None:
        with pytest.raises(ValueError, match=self.text):
            make(batches(7, 5), seeded(Recurrent)).render(num_examples=2)
        state = shell.shown[-1][-1][page.MIME]
        assert state["state"] == "stopped"
        assert "Pad or cut all texts to one length" in state["message"]

    def test_another_one_later(self, shell) -> None:
        of = make(batches(5, 7, 5), seeded(Recurrent))
        of.render(num_examples=1)
        with pytest.raises(ValueError, match=self.text):
            fetch(of, 1)
        # What is left out is no sample, and the scan goes on behind it.
        assert [(sample.id, len(sample.inputs[0])) for sample in fetch(of, 1).samples] == [(1, 5)]

    def test_another_one_behind_some_that_fit(self, shell) -> None:
        of = make(batches(5, 5, 7), seeded(Recurrent))
        of.render(num_examples=1)
        assert [sample.id for sample in fetch(of, 0).samples] == [0, 1]
        with pytest.raises(ValueError, match="7 tokens in sample 2, 5 in sample 0"):
            fetch(of, 2)

    def test_a_branch_on_the_length(self, shell) -> None:
        of = make(batches(5, 6, 2, 7), seeded(Cut))
        of.render(num_examples=1)
        assert dimensions(of.onnx(0)) == [["batch", "length"]]
        check(of, fetch(of, 0), seeded(Cut))
        with pytest.raises(ValueError, match=r"7 tokens in sample 3, 5 in sample 0; model Cut cannot be exported for"):
            fetch(of, 3)

    def test_the_model_that_cannot_is_named(self, shell) -> None:
        of = make(batches(5, 7), [seeded(Words), seeded(Recurrent)])
        of.render(num_examples=1)
        with pytest.raises(ValueError, match=self.text):
            fetch(of, 1)

    def test_features_of_one_name_are_told_apart(self, shell) -> None:
        class Both(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.second = Recurrent(), Words()

            def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
                return self.first(first) + self.second(second)

        pairs = [Batch((text(length), text(6)), [0]) for length in (5, 7)]
        of = make(pairs, seeded(Both), [REVIEW, TextFeature("Review", None, None)])
        of.render(num_examples=1)
        with pytest.raises(ValueError, match=r"^feature 'Review' has 7 tokens in sample 1, 5 in sample 0; model Both"):
            fetch(of, 1)

    def test_rendering_again_starts_anew(self, shell) -> None:
        model = seeded(Recurrent)
        of = make(batches(5, 7), model)
        of.render(num_examples=1)
        with pytest.raises(ValueError, match=self.text):
            fetch(of, 1)
        model.rnn = nn.LSTM(4, 6, batch_first=True)
        of.render(num_examples=2)
        scan = fetch(of, 0)
        assert [len(sample.inputs[0]) for sample in scan.samples] == [5, 7]
        check(of, scan, model)

    def test_several_in_one_batch(self, shell) -> None:
        text = r"^dataset: batch 0 has 2 inputs; expected 1, .* Give texts of different lengths in batches of their"
        with pytest.raises(ValueError, match=text):
            make([Batch([torch.tensor([1, 2]), torch.tensor([3])], [0, 1])]).render()


class TestOtherSizes:
    @pytest.mark.parametrize(
        ("feature", "advice"),
        [(ImageFeature("Photo", None, None), r" Resize or crop\."), (EmptyFeature("Photo"), "")],
        ids=["image", "empty"],
    )
    def test_are_one(self, shell, feature, advice: str) -> None:
        of = make([Batch(images(1), [0]), Batch(images(1, 3, 9, 8), [0])], Means(), feature)
        text = (
            r"^feature 'Photo': sample 1 has shape \[3, 9, 8\] after input_transforms, others have \[3, 8, 8\]; "
            rf"expected one shape\.{advice}$"
        )
        of.render(num_examples=1)
        with pytest.raises(ValueError, match=text):
            fetch(of, 1)

    def test_the_width_of_embeddings(self, shell) -> None:
        feature = TextFeature("Review", None, lambda ids: TABLE[ids][:, : 4 if len(ids) == 5 else 3])
        of = make(batches(5, 6), Means(), feature)
        of.render(num_examples=1)
        with pytest.raises(ValueError, match=r"shape \[6, 3\] after .* have \[5, 4\]; expected one shape\.$"):
            fetch(of, 1)
