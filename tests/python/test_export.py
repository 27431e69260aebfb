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

from attriscope import ExportError, export_onnx


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
