"""Every kind of dataset becomes the same samples, read no further than needed, whatever goes wrong."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from nets import Captioned, Rows, Tiny, TwoImages, Words, images, rows, seeded, softmax, texts
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from attriscope import Batch, wire
from attriscope.dataset import Samples
from attriscope.features import EmptyFeature, GeneralFeature, ImageFeature, TextFeature

CLASSES = ["cat", "dog", "owl"]
X = images(10)
Y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])


def samples(
    dataset: Any, model: nn.Module | None = None, features=None, classes=CLASSES, score_func=softmax, others=()
) -> Samples:
    models = {f"Net {i}": model for i, model in enumerate([model or seeded(Tiny), *others], 1)}
    return Samples(dataset, models, features or [ImageFeature("Photo", None, None)], classes, score_func)


def scan(
    of: Samples, start: int = 0, count: int = 4, limit: int = 512, classes=(), labels=(), prediction="all"
) -> wire.Scan:
    return of.scan(wire.FetchRequest(wire.Filter(list(classes), list(labels), prediction), start, count, limit))


def ids(found: wire.Scan) -> list[int]:
    return [sample.id for sample in found.samples]


def predictions(x: torch.Tensor) -> list[int]:
    with torch.no_grad():
        return seeded(Tiny)(x).argmax(1).tolist()


class Counted:
    """An endless generator of batches that knows how many it has given."""

    def __init__(self, size: int = 2):
        self.given = 0
        self.size = size

    def __iter__(self) -> Iterator[Batch]:
        while True:
            at = self.given * self.size % 10
            self.given += 1
            yield Batch(X[at : at + self.size], Y[at : at + self.size])


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield X[0], 0


class Sized(IterableDataset):
    """May be iterated only, though it tells its length."""

    def __len__(self) -> int:
        return 10

    def __iter__(self):
        return iter([(X[i], int(Y[i])) for i in range(10)])


class Mapped(Dataset):
    """Like many a Dataset, raises no IndexError at its end."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, i: int):
        return X[i % 10], int(Y[i % 10])


class TestKinds:
    @pytest.mark.parametrize(
        "dataset",
        [
            [Batch(X[:4], Y[:4]), Batch(X[4:], Y[4:])],
            (Batch(X[i : i + 1], Y[i : i + 1]) for i in range(10)),
            DataLoader(TensorDataset(X, Y), batch_size=3),
            DataLoader(TensorDataset(X, Y), batch_size=None),
            TensorDataset(X, Y),
            Mapped(),
            Sized(),
            [(X[i], int(Y[i])) for i in range(10)],
            [(X[i], Y[i]) for i in range(10)],
            [(X[:6], Y[:6]), (X[6:], Y[6:])],
            ((X[i : i + 5], Y[i : i + 5].tolist()) for i in (0, 5)),
            [Batch((X,), tuple(Y.tolist()))],
            [Batch(X.numpy(), Y.numpy())],
        ],
        ids=[
            "batches",
            "generator",
            "loader",
            "unbatched loader",
            "dataset",
            "dataset without end",
            "iterable dataset",
            "samples",
            "samples, tensor labels",
            "pairs",
            "generated pairs, list labels",
            "tuples",
            "numpy",
        ],
    )
    def test_same_samples(self, dataset) -> None:
        found = scan(samples(dataset), count=100)
        assert (ids(found), found.scanned, found.next, found.exhausted) == (list(range(10)), 10, 10, True)
        with torch.no_grad():
            raw = seeded(Tiny)(X)
        for i, sample in enumerate(found.samples):
            assert sample.label == Y[i]
            assert sample.error is None
            np.testing.assert_array_equal(sample.inputs[0], X[i])
            np.testing.assert_allclose(sample.outputs[0].raw, raw[i], atol=1e-6)
            np.testing.assert_allclose(sample.outputs[0].scores, softmax(raw)[i], atol=1e-6)
            assert sample.outputs[0].raw.dtype == np.float32

    @pytest.mark.parametrize("make", [texts, rows])
    @pytest.mark.parametrize(
        "dataset_of",
        [
            lambda x: [Batch(x[:4], Y[:4]), Batch(x[4:], Y[4:])],
            lambda x: DataLoader(TensorDataset(x, Y), batch_size=3),
            lambda x: DataLoader(TensorDataset(x, Y), batch_size=None),
            lambda x: TensorDataset(x, Y),
            lambda x: [(x[i], int(Y[i])) for i in range(10)],
            lambda x: ((x[i].numpy(), Y[i]) for i in range(10)),
            lambda x: [(x[:6], Y[:6]), (x[6:], Y[6:])],
            lambda x: [(x[i : i + 1], Y[i : i + 1]) for i in range(10)],
        ],
        ids=[
            "batches",
            "loader",
            "unbatched loader",
            "dataset",
            "samples",
            "generated samples, numpy",
            "pairs",
            "pairs of batches of one",
        ],
    )
    def test_texts_and_rows(self, make, dataset_of) -> None:
        x = make(10)
        model = seeded(Words, 3) if make is texts else seeded(Rows, 3, 3)
        feature = TextFeature("Review", None, None) if make is texts else GeneralFeature("Row", ["a", "b", "c"])
        found = scan(samples(dataset_of(x), model, [feature], score_func=None), count=100)
        assert ids(found) == list(range(10))
        with torch.no_grad():
            raw = model(x)
        for i, sample in enumerate(found.samples):
            assert (sample.label, sample.error) == (Y[i], None)
            assert sample.display[0] == (list(map(str, x[i].tolist())) if make is texts else x[i].tolist())
            assert sample.inputs[0].dtype == np.float32
            np.testing.assert_array_equal(sample.inputs[0], x[i])
            assert not sample.baselines[0][0].any()
            np.testing.assert_allclose(sample.outputs[0].raw, raw[i], atol=1e-6)

    @pytest.mark.parametrize(
        "dataset_of",
        [
            lambda x, t, w: [Batch((x, t), Y, w)],
            lambda x, t, w: [Batch((x[i : i + 5], t[i : i + 5]), Y[i : i + 5], (w[i : i + 5],)) for i in (0, 5)],
        ],
        ids=["one batch", "two batches"],
    )
    def test_a_picture_a_text_and_additional_arguments(self, dataset_of) -> None:
        model = seeded(Captioned)
        caption, weight = texts(10), torch.linspace(0.1, 1, 10)
        words = TextFeature(
            "Caption", lambda t: torch.full_like(t, 1), None, lambda t: [f"w{i}" for i in t[0].tolist()]
        )
        of = samples(dataset_of(X, caption, weight), model, [ImageFeature("Photo", None, None), words], score_func=None)
        found = scan(of, count=10)
        with torch.no_grad():
            raw = model(X, caption, weight)
        for i, sample in enumerate(found.samples):
            np.testing.assert_array_equal(sample.display[0], X[i])
            assert sample.display[1] == [f"w{id}" for id in caption[i].tolist()]
            assert [list(x.shape) for x in sample.inputs] == [[3, 8, 8], [5]]
            assert sample.baselines[1][0].tolist() == [1] * 5
            assert sample.additional["weight"] == weight[i]
            np.testing.assert_allclose(sample.outputs[0].raw, raw[i], atol=1e-6)
        assert of.input_names() == ["image", "caption", "weight"]
        assert of.baseline_names() == [["zero"], ["constant"]]
        image, ids_of_first, _ = of.example(model)
        assert (list(image.shape), ids_of_first.dtype, ids_of_first.tolist()) == (
            [1, 3, 8, 8],
            torch.int64,
            [caption[0].tolist()],
        )

    def test_a_text_that_comes_as_embeddings(self) -> None:
        class Mean(nn.Linear):
            def forward(self, x):
                return super().forward(x.mean(1))

        model = seeded(Mean, 4, 3)
        x = images(10)[:, 0, :5, :4]
        feature = TextFeature("Review", None, None, lambda raw: ["a"] * raw.shape[1])
        for dataset in ([Batch(x, Y)], TensorDataset(x, Y), [(x, Y)]):
            found = scan(samples(dataset, model, [feature]), count=10)
            np.testing.assert_array_equal([sample.inputs[0] for sample in found.samples], x)
            assert found.samples[9].display == [["a"] * 5]

    def test_pairs_of_several_inputs(self) -> None:
        class Both(nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden, self.row = nn.Linear(4, 3), Rows(3, 3)

            def forward(self, hidden, row):
                return self.hidden(hidden.sum(1)) + self.row(row)

        hidden, row = images(10)[:, 0, :2, :4], rows(10)  # only of the row one can tell a sample from a batch
        features = [EmptyFeature("Hidden"), GeneralFeature("Row", ["a", "b", "c"])]
        for dataset in ([((hidden[i], row[i]), Y[i]) for i in range(10)], [((hidden, row), Y)]):
            found = scan(samples(dataset, seeded(Both), features), count=10)
            assert [sample.display for sample in found.samples] == [[None, values] for values in row.tolist()]
            np.testing.assert_array_equal([sample.inputs[0] for sample in found.samples], hidden)

    @pytest.mark.parametrize(
        ("labels", "expected"),
        [(None, [None, None]), ([1, None], [1, None]), ((1, 2), [1, 2]), (torch.tensor([[1], [2]]), [1, 2])],
    )
    def test_labels(self, labels, expected) -> None:
        assert [sample.label for sample in scan(samples([Batch(X[:2], labels)])).samples] == expected

    @pytest.mark.parametrize("label", [2, torch.tensor(2), torch.tensor([2]), np.int64(2), (2,), [2.0]])
    def test_label_of_a_batch_of_one(self, label) -> None:
        assert scan(samples([Batch(X[:1], label)])).samples[0].label == 2

    def test_several_inputs_and_additional_arguments(self) -> None:
        model = seeded(TwoImages)
        right, length = images(4, 1), torch.tensor([3, 1, 2, 5])
        features = [ImageFeature("Left", None, None), ImageFeature("Right", None, None)]
        batch = Batch((X[:4], right), Y[:4], (length, 0.5))
        of = samples([batch], model, features, score_func=None)
        found = scan(of)
        with torch.no_grad():
            raw = model(X[:4], right, length, 0.5)
        for i, sample in enumerate(found.samples):
            assert [list(x.shape) for x in sample.inputs] == [[3, 8, 8], [1, 8, 8]]
            assert list(sample.additional) == ["length"]
            assert sample.additional["length"].dtype == np.int64
            assert sample.additional["length"].item() == length[i]
            np.testing.assert_allclose(sample.outputs[0].raw, raw[i], atol=1e-6)
        assert of.input_names() == ["left", "right", "length"]
        left, _, _, scale = of.example(model)
        assert list(left.shape) == [1, 3, 8, 8]
        assert scale == 0.5

    @pytest.mark.parametrize("constant", [None, 0.5, torch.tensor(0.5), np.array([0.5, 1])], ids=repr)
    def test_constant_arguments(self, constant) -> None:
        class Given(Tiny):
            def forward(self, x, option):
                seen.append(option)
                return super().forward(x)

        seen: list = []
        batches = [Batch(X[i : i + 1], [0], (constant,)) for i in range(2)]
        found = scan(samples(batches, seeded(Given)))
        assert (ids(found), seen) == ([0, 1], [constant, constant])
        assert found.samples[0].additional == {}

    def test_what_is_no_dataset(self) -> None:
        with pytest.raises(TypeError, match=r"dataset is one Batch; .* Put it in a list: \[batch\]"):
            samples(Batch(X, Y))
        with pytest.raises(TypeError, match=r"dataset is a Tensor; expected an iterable of Batch"):
            samples(X)
        with pytest.raises(TypeError, match=r"dataset is a int; expected"):
            samples(3)


class TestLazy:
    def test_nothing_is_read_beforehand(self) -> None:
        dataset = Counted()
        samples(dataset)
        assert dataset.given == 0

    def test_no_more_batches_than_needed(self) -> None:
        dataset = Counted()
        of = samples(dataset)
        assert ids(scan(of, count=3)) == [0, 1, 2]
        assert dataset.given == 2
        assert ids(scan(of, start=3, count=1)) == [3]
        assert dataset.given == 2
        assert ids(scan(of, start=4, count=1)) == [4]
        assert dataset.given == 3

    def test_what_was_read_is_kept(self) -> None:
        dataset = Counted()
        of = samples(dataset)
        first = scan(of)
        again = scan(of)
        assert dataset.given == 2
        np.testing.assert_array_equal(first.samples[3].inputs[0], again.samples[3].inputs[0])
        assert len(of) == 4

    def test_one_forward_pass_per_batch(self) -> None:
        sizes = []

        class Watched(Tiny):
            def forward(self, x):
                sizes.append(len(x))
                return super().forward(x)

        of = samples([Batch(X[:4], Y[:4]), Batch(X[4:], Y[4:])], seeded(Watched))
        scan(of, count=2)
        scan(of, count=10)
        scan(of, count=10)
        assert sizes == [4, 6]
        of.refresh()
        scan(of, count=10)
        assert sizes == [4, 6, 4, 6]

    def test_the_end_is_known_where_it_can_be(self) -> None:
        assert scan(samples([Batch(X[:4], Y[:4])]), count=4).exhausted
        assert not scan(samples(iter([Batch(X[:4], Y[:4])])), count=4).exhausted
        assert not scan(samples([Batch(X[:4], Y[:4])]), count=2).exhausted
        assert not scan(samples(Endless()), count=2).exhausted

    def test_empty(self) -> None:
        found = scan(samples([]))
        assert (found.samples, found.scanned, found.exhausted) == ([], 0, True)

    def test_start_beyond_what_was_read(self) -> None:
        of = samples(Counted())
        with pytest.raises(ValueError, match=r"fetch.start: got 5; expected at most 0, what was read so far"):
            scan(of, start=5)


class TestFilter:
    def test_classes_are_predicted_ones(self) -> None:
        found = predictions(X)
        index = max(set(found), key=found.count)
        result = scan(samples([Batch(X, Y)]), count=10, classes=[CLASSES[index]])
        assert ids(result) == [i for i, p in enumerate(found) if p == index]
        assert result.scanned == 10

    def test_labels_are_true_ones(self) -> None:
        found = scan(samples([Batch(X, Y)]), labels=["dog", "owl"], count=10)
        assert ids(found) == [1, 2, 4, 5, 7, 8]
        assert ids(scan(samples([Batch(X, None)]), labels=["dog"], count=10)) == []
        both = scan(samples([Batch(X, Y)]), labels=["dog"], prediction="correct", count=10)
        assert ids(both) == [i for i, predicted in enumerate(predictions(X)) if predicted == Y[i] == 1]

    @pytest.mark.parametrize("prediction", ["correct", "incorrect"])
    def test_prediction(self, prediction) -> None:
        expected = [i for i, p in enumerate(predictions(X)) if (p == Y[i]) == (prediction == "correct")]
        assert 0 < len(expected) < 10
        of = samples([Batch(X, Y)])
        assert ids(scan(of, count=10, prediction=prediction)) == expected
        assert ids(scan(of, count=1, prediction=prediction)) == expected[:1]

    def test_samples_without_label_are_neither(self) -> None:
        of = samples([Batch(X, None)])
        for prediction in ("correct", "incorrect"):
            result = scan(of, count=10, prediction=prediction)
            assert (ids(result), result.scanned) == ([], 10)

    def test_an_endless_dataset_is_scanned_to_the_limit(self) -> None:
        dataset = Counted(size=5)
        of = samples(dataset)
        result = scan(of, limit=20, classes=["nothing"])
        assert (ids(result), result.scanned, result.next, result.exhausted) == ([], 20, 20, False)
        assert dataset.given == 4
        result = scan(of, start=20, limit=7, classes=["nothing"])
        assert (result.scanned, result.next, dataset.given) == (7, 27, 6)

    def test_a_single_output_has_no_classes(self) -> None:
        of = samples([Batch(X, [0.5] * 10)], seeded(Tiny, 3, 1), classes=[], score_func=None)
        found = scan(of, count=10)
        assert ids(found) == list(range(10))
        assert {(sample.label, sample.error) for sample in found.samples} == {(None, None)}
        assert list(found.samples[0].outputs[0].raw.shape) == [1]
        assert ids(scan(of, count=10, prediction="correct")) == []


class TestSeveralModels:
    def test_every_model_on_every_sample(self) -> None:
        first, second = seeded(Tiny), Tiny().eval()
        found = scan(samples([Batch(X, Y)], first, others=[second]), count=10).samples
        for model, outputs in ((first, 0), (second, 1)):
            with torch.no_grad():
                expected = model(X)
            np.testing.assert_allclose([s.outputs[outputs].raw for s in found], expected, atol=1e-6)
            np.testing.assert_allclose([s.outputs[outputs].scores for s in found], softmax(expected), atol=1e-6)

    def test_the_first_one_decides(self) -> None:
        found = scan(samples([Batch(X, Y)], others=[Tiny().eval()]), classes=["cat"], count=10)
        assert ids(found) == [i for i, predicted in enumerate(predictions(X)) if predicted == 0]

    def test_they_share_the_classes(self) -> None:
        text = r"models: Net 1 gives 3, Net 2 gives 2 outputs a sample; expected the same number, since they share"
        with pytest.raises(ValueError, match=text):
            scan(samples([Batch(X, Y)], others=[seeded(Tiny, 3, 2)]))
        with pytest.raises(ValueError, match="classes has 3 names, Net 2's output has 4"):
            scan(samples([Batch(X, Y)], others=[seeded(Tiny, 3, 4)]))

    def test_the_one_that_fails_is_named(self) -> None:
        with pytest.raises(RuntimeError, match=r"model Net 2: forward fails on samples 0 to 9"):
            scan(samples([Batch(X, Y)], others=[seeded(Tiny, 1)]))
        broken = seeded(Tiny)
        with torch.no_grad():
            broken.linear.bias[0] = torch.inf
        found = scan(samples([Batch(X, Y)], others=[broken])).samples
        assert found[0].error == "Net 2's output for this sample is NaN or infinite"

    def test_modes(self) -> None:
        others = [seeded(Tiny).train()]
        scan(samples([Batch(X, Y)], others=others))
        assert all(module.training for module in others[0].modules())


class TestUntouched:
    def test_modes_and_random_state(self) -> None:
        model = seeded(Tiny).train()
        model.relu.eval()
        modes = [module.training for module in model.modules()]
        seen = []

        class Watching(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = model

            def forward(self, x):
                seen.append((model.training, torch.is_grad_enabled()))
                return self.net(x) + 0 * torch.rand(3)

        def random_dataset():
            while True:
                random.random()
                np.random.rand()
                yield Batch(torch.rand(2, 3, 8, 8), [0, 1])

        def drawn() -> tuple:
            return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()

        before = drawn()
        of = samples(random_dataset(), Watching())
        first, second = scan(of, count=2), scan(of, start=2, count=2)
        assert drawn() == before
        assert [module.training for module in model.modules()] == modes
        assert seen == [(False, False)] * 2
        # A dataset that draws goes on drawing, whatever is restored outside.
        assert not np.array_equal(first.samples[0].inputs[0], second.samples[0].inputs[0])

    def test_a_shuffled_loader_leaves_the_random_state(self) -> None:
        before = torch.get_rng_state().tolist()
        scan(samples(DataLoader(TensorDataset(X, Y), batch_size=2, shuffle=True)))
        assert torch.get_rng_state().tolist() == before

    def test_the_users_objects(self) -> None:
        x, additional = X[:2].clone().requires_grad_(), [torch.ones(2), 0.5]
        model = seeded(TwoImages)
        batch = Batch([x, images(2, 1)], [0, 1], additional)
        features = [ImageFeature("Left", lambda x: x.zero_(), lambda x: x.mul_(3)), ImageFeature("Right", None, None)]
        scan(samples([batch], model, features))
        torch.testing.assert_close(x, X[:2], check_stride=False)
        assert x.grad is None
        assert isinstance(batch.inputs, list)
        assert len(additional) == 2
        assert all(p.grad is None for p in model.parameters())


class TestFaultySamples:
    """What is wrong with one sample is said of that sample; the others stay."""

    def errors(self, batch: Batch, **more) -> list[str | None]:
        return [sample.error for sample in scan(samples([batch], **more)).samples]

    def test_loader_of_several_shapes(self) -> None:
        items = [(torch.zeros(3), 0), (torch.zeros(5), 1)]
        of = samples(DataLoader(items, batch_size=2), features=[TextFeature("Review", None, None)])
        text = r"dataset: batch 0 cannot be read: .*equal size.* pass the Dataset itself, or a collate_fn that pads\."
        with pytest.raises(RuntimeError, match=text):
            scan(of)

    def test_label_out_of_range(self) -> None:
        text = "label {} is out of range; expected 0 to 2, an index into classes"
        assert self.errors(Batch(X[:3], [0, 3, -1])) == [None, text.format(3), text.format(-1)]

    @pytest.mark.parametrize(("classes", "expected"), [(["price"], None), (["cheap", "dear"], 0)])
    def test_one_output(self, classes, expected) -> None:
        features = [GeneralFeature("house", ["rooms", "age", "area"])]
        of = samples([Batch(torch.rand(1, 3), [0.0])], seeded(Rows, 3, 1), features, classes, None)
        (sample,) = scan(of).samples
        assert (sample.label, sample.error) == (expected, None)

    @pytest.mark.parametrize("label", [0.5, "cat", float("nan"), torch.tensor([1.0, 0.0])])
    def test_label_no_integer(self, label) -> None:
        (error,) = self.errors(Batch(X[:1], [label]))
        assert error == f"label {label!r} is no integer; expected 0 to 2, an index into classes"

    def test_nan_input(self) -> None:
        x = X[:3].clone()
        x[1, 0, 0, 0] = float("nan")
        found = scan(samples([Batch(x, [0, 1, 2])])).samples
        assert [sample.error for sample in found] == [
            None,
            "Photo: 1 of 192 values of the raw input are NaN or infinite",
            None,
        ]
        assert found[1].label == 1
        assert np.isfinite(found[1].display[0]).all()

    def test_infinite_baseline(self) -> None:
        feature = ImageFeature("Photo", lambda x: x / 0, None)
        (error,) = self.errors(Batch(X[:1] + 1, [0]), features=[feature])
        assert error == "Photo: 192 of 192 values of the baseline 'constant' are NaN or infinite"

    def test_infinite_output(self) -> None:
        (error,) = self.errors(Batch(X[:1], [0]), score_func=lambda output: output / 0)
        assert error == "the model's output for this sample is NaN or infinite"

    def test_they_pass_no_filter(self) -> None:
        of = samples([Batch(X, [7] * 10)])
        for prediction in ("correct", "incorrect"):
            assert ids(scan(of, count=10, prediction=prediction)) == []
        assert ids(scan(of, count=10)) == list(range(10))


class TestFaultyBatches:
    def fails(self, dataset: Any, text: str, kind: type[Exception] = ValueError, **more) -> None:
        with pytest.raises(kind, match=text):
            scan(samples(dataset, **more), count=100)

    @pytest.mark.parametrize(
        ("item", "got"),
        [
            ({"x": X}, "a dict"),
            (X, "a Tensor"),
            ((X, Y, Y), "a tuple of 3"),
            (None, "a NoneType"),
            ([X], "a list of 1"),
        ],
    )
    def test_no_batch(self, item, got: str) -> None:
        text = rf"dataset: batch 0 is {got}; expected attriscope.Batch or a pair \(inputs, labels\)"
        self.fails([item], text, TypeError)

    def test_inputs_that_are_no_tensors(self) -> None:
        self.fails([("cat.png", 0)], r"dataset: the inputs of batch 0 are str; expected tensors", TypeError)
        self.fails([Batch([[1, 2]], None)], r"batch 0, feature 'Photo': got list; expected a tensor \[N, C, H, W\]")

    def test_inputs_of_another_rank(self) -> None:
        text = r"batch 0, feature 'Photo': got shape \[3, 8, 8\]; expected a tensor \[N, C, H, W\]"
        self.fails([Batch(X[0], [0])], text)

    @pytest.mark.parametrize(
        ("feature", "x", "text"),
        [
            (TextFeature("Review", None, None), texts(4)[0], r"'Review': got shape \[5\]; expected token ids \[N, T\]"),
            (
                TextFeature("Review", None, None),
                X,
                r"'Review': got shape \[10, 3, 8, 8\]; expected token ids \[N, T\]",
            ),
            (
                GeneralFeature("Row", ["a", "b"]),
                rows(4)[0],
                r"'Row': got shape \[3\]; expected numbers \[N, 2\], one for each category",
            ),
            (GeneralFeature("Row", ["a", "b"]), X, r"'Row': got shape \[10, 3, 8, 8\]; expected numbers \[N, 2\]"),
            (
                EmptyFeature("Hidden"),
                torch.tensor(1.0),
                r"'Hidden': got shape \[\]; expected a tensor, the batch first",
            ),
            (EmptyFeature("Hidden"), [1.0], r"'Hidden': got float; expected a tensor, the batch first"),
        ],
    )
    def test_dimensions_of_texts_and_rows(self, feature, x, text: str) -> None:
        self.fails([Batch(x, None)], f"batch 0, feature {text}", model=seeded(Rows), features=[feature])

    def test_number_of_categories(self) -> None:
        text = r"feature 'Row': the transformed input has shape \[3\]; expected \[2\], one number for each of its categ"
        self.fails([Batch(rows(4), None)], text, model=seeded(Rows), features=[GeneralFeature("Row", ["a", "b"])])

    def test_ids_beyond_the_vocabulary(self) -> None:
        text = r"model Net 1: forward fails on samples 0 to 3 \(\[4, 5\] int64\): IndexError: index out of range"
        self.fails(
            [Batch(texts(4) + 20, None)],
            text,
            RuntimeError,
            model=seeded(Words),
            features=[TextFeature("Review", None, None)],
        )

    def test_number_of_inputs(self) -> None:
        text = r"batch 0 has 2 inputs; expected 1, one a feature \('Photo'\)"
        self.fails([Batch((X, X), Y)], text)

    def test_batch_sizes_differ(self) -> None:
        features = [ImageFeature("Left", None, None), ImageFeature("Right", None, None)]
        batch = Batch((X[:4], images(3, 1)), None, torch.ones(4))
        text = (
            r"batch 0: the batch sizes differ: feature 'Left' has 4, feature 'Right' has 3, additional_args\[0\] has 4"
        )
        self.fails([batch], text, model=seeded(TwoImages), features=features)

    def test_number_of_labels(self) -> None:
        text = r"batch 0 has 3 labels for 10 samples; expected one label a sample, or None"
        self.fails([Batch(X, [0, 1, 2])], text)
        self.fails([Batch(X, 1)], r"batch 0 has 1 labels for 10 samples")

    def test_empty_batch(self) -> None:
        self.fails([Batch(X[:0], [])], r"dataset: batch 0 is empty; expected at least one sample")

    def test_constants_that_change(self) -> None:
        batches = [Batch((X[:1], images(1, 1)), None, (torch.ones(1), scale)) for scale in (1.0, 2.0)]
        features = [ImageFeature("Left", None, None), ImageFeature("Right", None, None)]
        of = samples(batches, seeded(TwoImages), features)
        assert ids(scan(of)) == [0]
        text = (
            r"batch 1: additional_args\[1\] is 2.0, in the first batch 1.0; .* Pass a tensor with one value per sample"
        )
        with pytest.raises(ValueError, match=text):
            scan(of, start=1)

    def test_transforms_that_change_the_shape_from_sample_to_sample(self) -> None:
        sizes = iter([8, 8, 7, 7])
        feature = ImageFeature("Photo", None, lambda x: x[:, : next(sizes)])
        text = r"feature 'Photo': sample 2 has shape \[3, 7, 8\] after input_transforms, others have \[3, 8, 8\]"
        self.fails([Batch(X[:3], None)], text, features=[feature])

    def test_forward_that_raises(self) -> None:
        text = r"model Net 1: forward fails on samples 0 to 9 \(\[10, 1, 8, 8\] float32\): RuntimeError: .*channels"
        self.fails([Batch(images(10, 1), Y)], text, RuntimeError)

    def test_too_few_arguments(self) -> None:
        text = (
            r"model TwoImages: there are 1 features \(Photo\), but forward takes \(left, right, length, scale\); "
            r"expected at least 3\. .*additional_args"
        )
        self.fails([Batch(X, Y)], text, model=seeded(TwoImages))

    def test_too_many_arguments(self) -> None:
        text = r"there are 1 features \(Photo\) and 2 additional_args, but forward takes \(x\); expected at most 1"
        self.fails([Batch(X, Y, (1, 2))], text)

    def test_score_func(self) -> None:
        self.fails(
            [Batch(X, Y)],
            r"score_func fails on the model's output for samples 0 to 9: IndexError",
            RuntimeError,
            score_func=lambda o: o[99],
        )
        text = r"score_func gives 1 values a sample, the model's output has 3; expected one score for each"
        self.fails([Batch(X, Y)], text, score_func=lambda o: o.max(1).values)
        self.fails(
            [Batch(X, Y)], r"score_func returns list; expected a tensor", TypeError, score_func=lambda o: o.tolist()
        )

    def test_classes(self) -> None:
        text = r"classes has 2 names, the model's output has 3: expected one name per output, in their order"
        self.fails([Batch(X, Y)], text, classes=["cat", "dog"])
        assert len(scan(samples([Batch(X, Y)], classes=[*CLASSES, "more"])).samples) == 4

    def test_output_without_batch(self) -> None:
        class Summed(Tiny):
            def forward(self, x):
                return super().forward(x).sum(0)

        text = r"model Net 1 returns shape \[3\] for 10 samples; expected the batch first"
        self.fails([Batch(X, Y)], text, model=seeded(Summed))


class TestErrorsOnTheWay:
    def test_an_iterator_that_breaks(self) -> None:
        def breaking():
            yield Batch(X[:2], Y[:2])
            raise OSError("disk full")

        of = samples(breaking())
        assert ids(scan(of)) == [0, 1]
        for _ in range(2):
            with pytest.raises(RuntimeError, match="dataset: batch 1 cannot be read: OSError: disk full") as caught:
                scan(of, start=2)
            assert isinstance(caught.value.__cause__, OSError)
        assert ids(scan(of)) == [0, 1]

    def test_a_batch_left_out_comes_again_when_the_model_was_mended(self) -> None:
        model = seeded(Tiny, 1)
        of = samples([Batch(X[:2], Y[:2])], model)
        with pytest.raises(RuntimeError, match="forward fails on samples 0 to 1"):
            scan(of)
        assert scan(of).samples == []
        model.conv = seeded(Tiny).conv
        of.refresh()
        result = scan(of)
        assert (ids(result), result.exhausted) == ([0, 1], True)

    def test_a_batch_that_cannot_be_used(self) -> None:
        of = samples(iter([Batch(X[:2], Y[:2]), "rubbish", Batch(images(1, 1), [0]), Batch(X[2:4], Y[2:4])]))
        assert ids(scan(of)) == [0, 1]
        with pytest.raises(TypeError, match="dataset: batch 1 is a str"):
            scan(of, start=2)
        with pytest.raises(ValueError, match=r"sample 2 has shape \[1, 8, 8\]"):
            scan(of, start=2)
        result = scan(of, start=2)
        assert ids(result) == [2, 3]
        np.testing.assert_array_equal(result.samples[0].inputs[0], X[2])
        assert ids(scan(of)) == [0, 1, 2, 3]
