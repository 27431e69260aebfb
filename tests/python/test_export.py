"""The exported graph against torch, by ONNX's reference evaluator; what it says of the modules, what it leaves out."""

import ast
import getpass
import logging
import random
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cifar_tutorial import Tutorial
from nets import Mixed, Tiny, TwoImages, images, seeded, softmax
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch._decomp import decomposition_table
from torch.nn import functional as F

from attriscope import ExportError, export_onnx
from attriscope.export import Exported, export


def exported(model, example, score_func=None) -> onnx.ModelProto:
    graph = onnx.load_from_string(export_onnx(model, example, score_func))
    onnx.checker.check_model(graph, full_check=True)
    return graph


def metadata(node: onnx.NodeProto, key: str) -> list[str]:
    return ast.literal_eval({prop.key: prop.value for prop in node.metadata_props}[f"pkg.torch.onnx.{key}"])


def shapes(graph: onnx.GraphProto) -> dict[str, list]:
    return {
        value.name: [dim.dim_value or dim.dim_param or None for dim in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.value_info, *graph.output]
        if value.type.tensor_type.HasField("shape")
    }


@pytest.fixture(scope="module")
def tutorial() -> onnx.ModelProto:
    return exported(seeded(Tutorial), images(1, 3, 32, 32), softmax)


@pytest.fixture(scope="module")
def mixed() -> onnx.ModelProto:
    return exported(seeded(Mixed), images(4), softmax)


class TestNumbers:
    @pytest.mark.parametrize(
        ("make", "x"),
        [(Tutorial, images(2, 3, 32, 32)), (Mixed, images(5))],
    )
    def test_equal_torch(self, make, x, request) -> None:
        graph = request.getfixturevalue(make.__name__.lower())
        model = seeded(make)
        raw, scores = ReferenceEvaluator(graph).run(["raw", "scores"], {graph.graph.input[0].name: x.numpy()})
        with torch.no_grad():
            expected = model(x)
        np.testing.assert_allclose(raw, expected, atol=1e-5)
        np.testing.assert_allclose(scores, softmax(expected), atol=1e-5)

    def test_several_inputs(self) -> None:
        model = seeded(TwoImages)
        left, right, length = images(3), images(3, 1), torch.tensor([1, 2, 3])
        graph = exported(model, (left[:1], right[:1], length[:1], 0.5))
        assert [value.name for value in graph.graph.input] == ["left", "right", "length"]
        feed = {"left": left.numpy(), "right": right.numpy(), "length": length.numpy()}
        raw, scores = ReferenceEvaluator(graph).run(None, feed)
        with torch.no_grad():
            np.testing.assert_allclose(raw, model(left, right, length, 0.5), atol=1e-5)
        np.testing.assert_array_equal(raw, scores)

    def test_tuple_output(self) -> None:
        class Pair(Tiny):
            def forward(self, x):
                y = super().forward(x)
                return y, {"doubled": y * 2}

        model = seeded(Pair)
        graph = exported(model, images(1), lambda output: output[1]["doubled"])
        x = images(2)
        raw, scores = ReferenceEvaluator(graph).run(["raw", "scores"], {"x": x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(raw, model(x)[0], atol=1e-5)
        np.testing.assert_allclose(scores, raw * 2, atol=1e-5)

    @pytest.mark.parametrize("flat", [False, True], ids=["[N,1]", "[N]"])
    def test_one_output(self, flat: bool) -> None:
        class One(Tiny):
            def forward(self, x):
                y = super().forward(x)
                return y.squeeze(1) if flat else y

        model = seeded(One, 3, 1)
        x = images(4)
        (raw, _) = ReferenceEvaluator(exported(model, x)).run(None, {"x": x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(raw, model(x), atol=1e-5)

    def test_training_mode_exports_as_evaluation(self) -> None:
        model = seeded(Mixed)
        expected = export_onnx(model, images(2))
        assert export_onnx(model.train(), images(2)) == expected


class TestGraph:
    def test_outputs_and_opset(self, tutorial) -> None:
        assert [value.name for value in tutorial.graph.output] == ["raw", "scores"]
        assert [(entry.domain, entry.version) for entry in tutorial.opset_import] == [("", 18)]
        assert not tutorial.functions

    def test_nodes_of_the_tutorial(self, tutorial) -> None:
        found = [(node.op_type, *metadata(node, "name_scopes")[:-1]) for node in tutorial.graph.node]
        assert found == [
            ("Conv", "", "conv1"),
            ("Relu", "", "relu1"),
            ("MaxPool", "", "pool1"),
            ("Conv", "", "conv2"),
            ("Relu", "", "relu2"),
            ("MaxPool", "", "pool2"),
            ("Reshape", ""),
            ("Gemm", "", "fc1"),
            ("Relu", "", "relu3"),
            ("Gemm", "", "fc2"),
            ("Relu", "", "relu4"),
            ("Gemm", "", "fc3"),
            ("Softmax",),
        ]

    def test_batch_norm_and_plumbing(self, mixed) -> None:
        expected = "Conv BatchNormalization Clip AveragePool Relu ReduceMean Mul Concat AveragePool Reshape Gemm"
        assert [node.op_type for node in mixed.graph.node] == [*expected.split(), "BatchNormalization", "Softmax"]

    def test_modules_are_told_from_functions(self, mixed) -> None:
        classes = {node.op_type: metadata(node, "class_hierarchy") for node in mixed.graph.node}
        assert classes["Clip"][-2:] == ["torch.nn.modules.activation.ReLU6", "aten.hardtanh.default"]
        assert classes["Relu"] == ["nets.Mixed", "aten.relu.default"]
        scopes = {node.op_type: metadata(node, "name_scopes") for node in mixed.graph.node}
        assert scopes["Clip"][:-1] == ["", "block", "block.2"]

    def test_initialisers_are_named_as_in_the_state_dict(self, mixed) -> None:
        parameters = {name for name in seeded(Mixed).state_dict() if "num_batches" not in name}
        initialisers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in mixed.graph.initializer}
        assert parameters <= initialisers.keys()
        for name in parameters:
            np.testing.assert_array_equal(initialisers[name], seeded(Mixed).state_dict()[name])

    @pytest.mark.parametrize("name", ["tutorial", "mixed"])
    def test_every_value_has_a_shape_with_a_free_batch(self, name: str, request) -> None:
        graph = request.getfixturevalue(name).graph
        found = shapes(graph)
        for node in graph.node:
            for output in node.output:
                assert found[output][0] == "batch"
                assert all(isinstance(dim, int) for dim in found[output][1:])
        assert found[graph.input[0].name][0] == "batch"

    def test_a_reshape_by_the_batch_is_constant(self, mixed) -> None:
        reshape = next(node for node in mixed.graph.node if node.op_type == "Reshape")
        shape = next(tensor for tensor in mixed.graph.initializer if tensor.name == reshape.input[1])
        assert onnx.numpy_helper.to_array(shape).tolist() == [-1, 64]

    def test_parameters_without_a_name(self) -> None:
        class Starred(Tiny):
            def forward(self, *inputs):
                return super().forward(inputs[0])

        assert [value.name for value in exported(seeded(Starred), images(1)).graph.input] == ["input_0"]

    def test_an_input_called_like_an_output(self) -> None:
        class Raw(Tiny):
            def forward(self, raw):
                return super().forward(raw)

        assert [value.name for value in exported(seeded(Raw), images(1)).graph.input] == ["input_0"]

    def test_same_bytes_again(self) -> None:
        assert export_onnx(seeded(Tiny), images(1), softmax) == export_onnx(seeded(Tiny), images(1), softmax)

    def test_a_model_with_a_submodule_called_model(self) -> None:
        class Outer(nn.Module):
            def __init__(self):
                super().__init__()
                self.model = Tiny()

            def forward(self, x):
                return self.model(x)

        graph = exported(seeded(Outer), images(1), softmax).graph
        assert metadata(graph.node[0], "name_scopes")[:-1] == ["", "model", "model.conv"]
        assert "model.conv.weight" in {tensor.name for tensor in graph.initializer}


class Reader(nn.Module):
    """Token ids [N, T] of a vocabulary of 20, looked up and read by what a subclass does with them."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8, padding_idx=0)
        self.linear = nn.Linear(8, 3)

    def read(self, x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """[N, T, 8] -> [N, 8]"""
        return torch.tanh(x).mean(1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.linear(self.read(self.embedding(ids), ids))


class Recurrences(Reader):
    """An LSTM, then a GRU that has the tokens first and both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 8, num_layers=2, batch_first=True)
        self.gru = nn.GRU(8, 4, bidirectional=True)

    def read(self, x, ids):
        return self.gru(self.lstm(x)[0].transpose(0, 1))[0][-1]


class Transformer(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Embedding(16, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def read(self, x, ids):
        x = x + self.position(torch.arange(ids.shape[1]))
        return self.encoder(x, src_key_padding_mask=ids == 0)[:, 0]


class Convolution(Reader):
    """Takes no fewer tokens than three."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 8, 3)

    def read(self, x, ids):
        return self.conv(x.transpose(1, 2)).amax(2)


class Steps(Reader):
    """torch takes any number of tokens, and is traced for one."""

    def read(self, x, ids):
        state = torch.zeros_like(x[:, 0])
        for token in x.unbind(1):
            state = torch.tanh(state + token)
        return state


class Halves(Reader):
    """Traced for any number of tokens, the halves would be a sequence."""

    def read(self, x, ids):
        first, second = x.chunk(2, 1)
        return first.mean(1) - second.mean(1)


class Short(Reader):
    """Long texts are read in another way."""

    def read(self, x, ids):
        return x.sum(1) if ids.shape[1] > 8 else torch.tanh(x).mean(1)


class Flat(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(48, 8)

    def read(self, x, ids):
        return self.hidden(x.flatten(1))


def texts(length: int, size: int = 2) -> torch.Tensor:
    """The second one ends in padding."""
    ids = torch.randint(1, 20, (size, length), generator=torch.Generator().manual_seed(length))
    if length > 2:
        ids[1:, -2:] = 0
    return ids


class TestFreeDimensions:
    def exported(self, model: nn.Module, length: int = 6) -> tuple[Exported, onnx.ModelProto]:
        found = export(model, texts(length, 1), softmax, free=[{1}])
        graph = onnx.load_from_string(found.onnx)
        onnx.checker.check_model(graph, full_check=True)
        return found, graph

    def gives(self, found: Exported, model: nn.Module, length: int) -> bool:
        with torch.no_grad():
            return found.gives(model(texts(length)).numpy(), (texts(length),))

    @pytest.mark.parametrize("make", [Reader, Recurrences, Transformer, Convolution])
    def test_any_length(self, make) -> None:
        model = seeded(make)
        found, graph = self.exported(model)
        assert shapes(graph.graph)["ids"] == ["batch", "length"]
        for length in (3, 6, 11):
            with torch.no_grad():
                expected = model(texts(length))
            raw, scores = ReferenceEvaluator(graph).run(None, {"ids": texts(length).numpy()})
            np.testing.assert_allclose(raw, expected, atol=1e-5)
            np.testing.assert_allclose(scores, softmax(expected), atol=1e-5)
            assert self.gives(found, model, length)

    @pytest.mark.parametrize("make", [Steps, Halves, Flat])
    def test_one_length(self, make) -> None:
        model = seeded(make)
        found, graph = self.exported(model)
        assert shapes(graph.graph)["ids"] == ["batch", 6]
        assert found.onnx == export_onnx(model, texts(6, 1), softmax)
        assert self.gives(found, model, 6)
        if make is not Flat:
            assert not self.gives(found, model, 7)

    def test_a_branch_on_the_length(self) -> None:
        model = seeded(Short)
        for length in (6, 10):
            found, graph = self.exported(model, length)
            assert shapes(graph.graph)["ids"] == ["batch", "length"]
            assert [self.gives(found, model, n) for n in (5, 8, 9)] == [length == 6, length == 6, length == 10]

    def test_each_input_has_a_length_of_its_own(self) -> None:
        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.left = Recurrences()
                self.right = Steps()
                self.other = Reader()

            def forward(self, left, right, other):
                return self.left(left) + self.right(right) + self.other(other)

        model = seeded(Two)
        found = export(model, (texts(6), texts(6), texts(6)), free=[{1}] * 3)
        graph = onnx.load_from_string(found.onnx)
        assert [shapes(graph.graph)[name] for name in ("left", "right", "other")] == [
            ["batch", "length"],
            ["batch", 6],
            ["batch", "length_2"],
        ]
        arguments = (texts(4), texts(6), texts(9))
        with torch.no_grad():
            expected = model(*arguments).numpy()
        feed = dict(zip(("left", "right", "other"), (ids.numpy() for ids in arguments), strict=True))
        np.testing.assert_allclose(ReferenceEvaluator(graph).run(["raw"], feed)[0], expected, atol=1e-5)
        assert found.gives(expected, arguments)
        assert not found.gives(expected, (texts(4), texts(5), texts(9)))

    def test_values_keep_the_names_of_dimensions(self) -> None:
        _, graph = self.exported(seeded(Recurrences))
        found = shapes(graph.graph)
        recurrent = [node.output[0] for node in graph.graph.node if node.op_type in ("LSTM", "GRU")]
        assert ["length", "batch", 8] in [found[name] for node in graph.graph.node for name in node.output]
        assert len(recurrent) == 3
        assert {dim for shape in found.values() for dim in shape if isinstance(dim, str)} == {"batch", "length"}

    def test_ids_are_looked_up_sample_by_sample(self) -> None:
        class Turned(Recurrences):
            def forward(self, ids):
                return self.linear(self.gru(self.embedding(ids.T))[0][-1] * (ids.T != 0).float().mean(0)[:, None])

        _, graph = self.exported(seeded(Turned))
        lookup = next(node for node in graph.graph.node if "embedding.weight" in node.input)
        assert (lookup.op_type, lookup.input[1]) == ("Gather", "ids")
        assert shapes(graph.graph)[lookup.output[0]] == ["batch", "length", 8]
        assert metadata(lookup, "name_scopes")[:-1] == ["", "embedding"]
        for length in (4, 6):
            (raw,) = ReferenceEvaluator(graph).run(["raw"], {"ids": texts(length).numpy()})
            with torch.no_grad():
                np.testing.assert_allclose(raw, seeded(Turned)(texts(length)), atol=1e-5)

    def test_torch_is_as_it_was(self) -> None:
        def state() -> list:
            operators = (torch.ops.aten.lstm.input, torch.ops.aten.gru.input)
            return [F.embedding_bag, *[(dict(op.py_kernels), decomposition_table[op]) for op in operators]]

        export_onnx(seeded(Recurrences), texts(6))
        before = state()
        self.exported(seeded(Recurrences))
        assert state() == before

    def test_a_torch_with_other_private_tables(self, monkeypatch) -> None:
        monkeypatch.delitem(decomposition_table, torch.ops.aten.gru.input)
        _, graph = self.exported(seeded(Recurrences))
        assert shapes(graph.graph)["ids"] == ["batch", 6]


class TestEmbeddingBag:
    @pytest.mark.parametrize("mode", ["mean", "sum", "max"])
    @pytest.mark.parametrize("padding", [None, 0, -1])
    def test_is_lookups(self, mode: str, padding: int | None) -> None:
        class Bag(nn.Module):
            def __init__(self):
                super().__init__()
                self.bag = nn.EmbeddingBag(20, 4, mode=mode, padding_idx=padding)

            def forward(self, ids):
                return self.bag(ids)

        model = seeded(Bag)
        graph = onnx.load_from_string(export(model, texts(6), free=[{1}]).onnx)
        assert graph.graph.node[0].op_type == "Gather"
        assert metadata(graph.graph.node[0], "class_hierarchy")[-2] == "torch.nn.modules.sparse.EmbeddingBag"
        for length in (1, 5):
            ids = torch.cat([texts(length), torch.zeros(1, length, dtype=torch.int64), torch.full((1, length), 19)])
            (raw,) = ReferenceEvaluator(graph).run(["raw"], {"ids": ids.numpy()})
            with torch.no_grad():
                np.testing.assert_allclose(raw, model(ids), atol=1e-6)

    def test_weights_of_its_tokens(self) -> None:
        class Weighted(nn.Module):
            def __init__(self):
                super().__init__()
                self.bag = nn.EmbeddingBag(20, 4, mode="sum")

            def forward(self, ids, weights):
                return self.bag(ids, per_sample_weights=weights)

        model, ids, weights = seeded(Weighted), texts(5), torch.rand(2, 5)
        graph = onnx.load_from_string(export_onnx(model, (ids, weights)))
        (raw,) = ReferenceEvaluator(graph).run(["raw"], {"ids": ids.numpy(), "weights": weights.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(raw, model(ids, weights), atol=1e-6)

    def test_bags_given_by_offsets(self) -> None:
        class Offsets(nn.Module):
            def __init__(self):
                super().__init__()
                self.bag = nn.EmbeddingBag(20, 4)

            def forward(self, ids):
                return self.bag(ids.flatten(), torch.arange(0, ids.numel(), ids.shape[1]))

        graph = onnx.load_from_string(export_onnx(seeded(Offsets), texts(5))).graph
        assert "Loop" in {node.op_type for node in graph.node}


class TestPrivacy:
    def test_no_paths_and_names_of_the_machine(self, tutorial) -> None:
        data = tutorial.SerializeToString()
        for secret in {str(Path.home()), str(Path(__file__).parent), str(Path.cwd()), __file__, "site-packages"}:
            assert secret.encode() not in data
        assert b".py" not in data
        if len(getpass.getuser()) > 4:
            assert getpass.getuser().encode() not in data

    def test_only_module_paths_and_classes_are_kept(self, mixed) -> None:
        graph = mixed.graph
        for owner in (mixed, graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer, *graph.node):
            kept = {prop.key for prop in owner.metadata_props}
            assert kept <= {"pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"}
            assert not owner.doc_string
            assert bool(kept) == isinstance(owner, onnx.NodeProto)


class TestUntouched:
    def test_modes_gradients_and_random_state(self) -> None:
        model = seeded(Mixed).train()
        model.block[1].eval()
        model.linear.weight.requires_grad_(False)
        model.linear.bias.grad = torch.ones(10)
        modes = {name: module.training for name, module in model.named_modules()}
        state = {name: value.clone() for name, value in model.state_dict().items()}
        example = images(2).requires_grad_()

        def drawn() -> tuple:
            return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()

        before = drawn()
        export_onnx(model, example, lambda output: torch.softmax(output + 0 * torch.rand_like(output), 1))
        assert drawn() == before
        assert {name: module.training for name, module in model.named_modules()} == modes
        assert not model.linear.weight.requires_grad
        assert model.linear.bias.requires_grad
        assert model.linear.bias.grad is not None
        assert model.block[0].weight.grad is None
        assert example.grad is None
        assert torch.is_grad_enabled()
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, state[name], rtol=0, atol=0)

    def test_silent(self, capfd, caplog) -> None:
        with warnings.catch_warnings(), caplog.at_level(logging.DEBUG, "torch.onnx"):
            warnings.simplefilter("error")
            export_onnx(seeded(Tiny), images(1), softmax)
        assert capfd.readouterr() == ("", "")
        assert not caplog.records
        assert logging.getLogger("torch.onnx").level == logging.NOTSET


class TestErrors:
    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_weights(self, value: float) -> None:
        model = seeded(Tiny)
        with torch.no_grad():
            model.linear.weight[0, :2] = value
        text = r"model Tiny: 2 of 432 values of 'linear.weight' are NaN or infinite; .* Check the training"
        with pytest.raises(ExportError, match=text):
            export_onnx(model, images(1))

    def test_buffers(self) -> None:
        model = seeded(Mixed)
        model.norm.running_var[3] = float("inf")
        with pytest.raises(ExportError, match=r"1 of 10 values of 'norm.running_var'"):
            export_onnx(model, images(1))

    def test_a_branch_on_the_input(self) -> None:
        class Branch(Tiny):
            def forward(self, x):
                return super().forward(x if x.sum() > 0 else -x)

        with pytest.raises(ExportError, match=r"model Branch cannot be exported to ONNX: .*torch\.where") as caught:
            export_onnx(seeded(Branch), images(1), softmax)
        assert len(str(caught.value)) < 700
        assert caught.value.__cause__ is not None

    def test_a_fixed_batch(self) -> None:
        class Fixed(Tiny):
            def forward(self, x):
                return super().forward(x).reshape(2, 3)

        with pytest.raises(ExportError, match=r"model Fixed cannot be exported to ONNX: .*The batch size is fixed"):
            export_onnx(seeded(Fixed), images(2))

    def test_an_operator_without_counterpart(self) -> None:
        class Exotic(Tiny):
            def forward(self, x):
                return torch.special.bessel_j0(super().forward(x))

        text = r"model Exotic cannot be exported to ONNX: .*bessel_j0.* ONNX has no counterpart"
        with pytest.raises(ExportError, match=text):
            export_onnx(seeded(Exotic), images(1))

    def test_score_func_with_numpy(self) -> None:
        def score_func(output):
            return torch.from_numpy(np.exp(output.numpy()))

        with pytest.raises(
            ExportError, match=r"score_func cannot be exported to ONNX: .* look in score_func for numpy"
        ):
            export_onnx(seeded(Tiny), images(1), score_func)

    def test_score_func_that_raises(self) -> None:
        with pytest.raises(ExportError, match=r"score_func fails on the model's output: IndexError"):
            export_onnx(seeded(Tiny), images(1), lambda output: torch.softmax(output, 7))

    def test_score_func_without_a_tensor(self) -> None:
        with pytest.raises(ExportError, match=r"score_func returns list; expected a tensor with one score per class"):
            export_onnx(seeded(Tiny), images(1), lambda output: output.tolist())

    def test_forward_that_raises(self) -> None:
        text = r"model Tiny: its forward fails on the example inputs \(\[1, 1, 8, 8\] float32\): RuntimeError"
        with pytest.raises(ExportError, match=text):
            export_onnx(seeded(Tiny), images(1, 1))

    def test_forward_without_a_tensor(self) -> None:
        class Nothing(Tiny):
            def forward(self, x):
                return "nothing"

        with pytest.raises(ExportError, match=r"model Nothing returns str; expected a tensor"):
            export_onnx(seeded(Nothing), images(1))
