"""PyTorch model and score function -> one ONNX graph with the outputs ``raw`` and ``scores``."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import logging
import random
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxscript.optimizer
import torch
from numpy.typing import NDArray
from onnx_ir.passes import Sequential
from onnx_ir.passes import common as passes
from torch import nn
from torch.export.graph_signature import InputKind
from torch.nn import functional as F

OPSET = 18
OUTPUTS = ("raw", "scores")
_SCOPES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"
#: Operators that the explorer's engine lacks.
_PIECEWISE = ("If", "Loop", "Scan", "SequenceAt", "SplitToSequence", "ConcatFromSequence")
_embedding_bag = F.embedding_bag
_SYMBOL = re.compile(r"[A-Za-z_]\w*")
#: ONNX files are protobuf messages, which end at 2 GiB.
_SIZE_LIMIT = 2**31 - 1

ScoreFunc = Callable[[Any], Any]


class ExportError(RuntimeError):
    """The model cannot become an ONNX graph; the text says why and what to do."""


class Exported:
    """A model and its score function as one ONNX graph."""

    def __init__(self, graph: ir.Model, program: torch.export.ExportedProgram):
        #: The file, weights inside.
        self.onnx: bytes = ir.to_proto(graph).SerializeToString(deterministic=True)
        self._inputs = [value.shape or () for value in graph.graph.inputs]
        self._program = program
        #: What is known of other sizes, by the shapes of the tensors without the batch.
        self._gives: dict[tuple[torch.Size, ...], bool] = {}

    def gives(self, raw: NDArray[Any], arguments: Sequence[Any]) -> bool:
        """Whether ``arguments`` of other sizes fit into the graph and it gives ``raw`` for them, what the model gives.

        A branch on a size is traced for the example's alone. Sizes are looked at once; NaN and infinity tell nothing.
        """
        tensors = [argument for argument in arguments if is_graph_input(argument)]
        sizes = tuple(tensor.shape[1:] for tensor in tensors)
        if sizes not in self._gives and np.isfinite(raw).all():
            self._gives[sizes] = self._fits(sizes) and self._is_equal(raw, tensors)
        return self._gives.get(sizes, True)

    def _fits(self, sizes: Sequence[torch.Size]) -> bool:
        pairs = zip(self._inputs, sizes, strict=True)
        dimensions = [pair for shape, got in pairs for pair in zip(shape[1:], got, strict=True)]
        return all(not isinstance(expected, int) or expected == size for expected, size in dimensions)

    def _is_equal(self, raw: NDArray[Any], tensors: Sequence[torch.Tensor]) -> bool:
        """Runs what was traced; like the graph, it checks no sizes."""
        given = iter(tensors)
        state = {**self._program.state_dict, **self._program.constants}
        values = [
            next(given) if spec.kind is InputKind.USER_INPUT else state[spec.target]
            for spec in self._program.graph_signature.input_specs
        ]
        try:
            with torch.no_grad(), _silence():
                *_, output, _ = torch.fx.Interpreter(self._program.graph_module).run(*values)
        except Exception:
            return False
        found = output.float().numpy(force=True)
        tolerance = 1e-3 * np.abs(raw).max() + 1e-6
        return found.size == raw.size and np.allclose(found.ravel(), raw.ravel(), rtol=0, atol=tolerance)


def export_onnx(
    model: nn.Module, example_inputs: Any, score_func: ScoreFunc | None = None, names: Sequence[str] | None = None
) -> bytes:
    """Export ``model`` and ``score_func`` as one ONNX graph (opset 18), as the browser runs it.

    The graph is the model in evaluation mode. Its outputs are ``raw``, what the model returns, and ``scores``,
    ``score_func`` of that (the same values without a ``score_func``). Of a tuple, list or dict that a model returns,
    ``raw`` is the first tensor; ``score_func`` always receives what the model returned. Every node keeps its module
    path and class; stack traces and other names of the author's machine are left out.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it was: training modes, gradients, device and random state.
    example_inputs : tensor or tuple
        Forward's positional arguments, the batch first in every tensor. Tensors become graph inputs with a free batch
        size, named like forward's parameters; other arguments and 0-d tensors become constants of the graph.
    score_func : callable, optional
        Maps the model's output to one score per class. It must consist of torch functions.
    names : sequence of str, optional
        What the graph's inputs are called instead, one for each tensor.

    Returns
    -------
    bytes
        The ONNX file, weights inside.

    Raises
    ------
    ExportError
        Weights that are NaN or infinite, a forward or score function that fails or cannot be traced, a file over 2 GiB.
    """
    return export(model, example_inputs, score_func, names).onnx


def export(
    model: nn.Module,
    example_inputs: Any,
    score_func: ScoreFunc | None = None,
    names: Sequence[str] | None = None,
    free: Sequence[Collection[int]] = (),
) -> Exported:
    """What :func:`export_onnx` does, with further dimensions whose size is not the example's alone.

    ``free`` has them for each tensor. One that the model fixes keeps the example's size, and so do all of them if the
    model can be traced in no other way: :meth:`Exported.gives` tells.
    """
    arguments = tuple(example_inputs) if isinstance(example_inputs, (tuple, list)) else (example_inputs,)
    check_weights(model)
    with untouched(model), torch.no_grad(), _silence():
        wrapper = _Scored(model, score_func, arguments)
        tensors = tuple(arguments[i] for i in wrapper.positions)
        if names is not None and len(names) != len(tensors):
            raise ValueError(f"names has {len(names)} entries; expected {len(tensors)}, one for each tensor")
        _try_eagerly(wrapper, arguments)
        program = _trace(wrapper, tensors, list(names or input_names(model, arguments)), free)
    weights = program.model.graph.initializers.values()
    size = sum(value.const_value.nbytes for value in weights if value.const_value)
    if size > _SIZE_LIMIT:
        raise ExportError(
            f"the model's weights take {size / 2**30:.1f} GiB; an ONNX file holds at most 2 GiB. "
            "Convert them to a smaller type, or explain a smaller model."
        )
    return Exported(program.model, program.exported_program)


def input_names(model: nn.Module, arguments: Sequence[Any]) -> list[str]:
    """Graph input names of the tensors among ``arguments``: forward's parameter names, else ``input_0`` ..."""
    names = forward_parameters(model)
    return [
        names[i] if names is not None and i < len(names) and names[i] not in OUTPUTS else f"input_{i}"
        for i, value in enumerate(arguments)
        if is_graph_input(value)
    ]


def is_graph_input(argument: Any) -> bool:
    """Whether a forward argument has a batch dimension; all others are constants of the graph."""
    return isinstance(argument, torch.Tensor) and argument.dim() > 0


def forward_parameters(model: nn.Module) -> list[str] | None:
    """Names of forward's positional parameters up to ``*args``; None where the signature is not known."""
    signature = _signature(model)
    return None if signature is None else [name for name, _ in signature[0]]


def check_arguments(model: nn.Module, features: Sequence[str], additional: int | None) -> None:
    """Raise a ValueError if forward takes fewer or more arguments; ``additional`` is None where not known yet."""
    signature = _signature(model)
    if signature is None:
        return
    parameters, is_open = signature
    given = len(features) + (additional or 0)
    required = sum(is_required for _, is_required in parameters)
    takes = f"forward takes ({', '.join(name for name, _ in parameters)}{', *' if is_open else ''})"
    have = f"there are {len(features)} features ({', '.join(features)})" + (
        f" and {additional} additional_args" if additional else ""
    )
    if given > len(parameters) and not is_open:
        raise ValueError(f"model {type(model).__name__}: {have}, but {takes}; expected at most {len(parameters)}")
    if additional is not None and given < required:
        raise ValueError(
            f"model {type(model).__name__}: {have}, but {takes}; expected at least {required}. "
            "What is not to be explained goes into Batch(additional_args=...)."
        )


def _signature(model: nn.Module) -> tuple[list[tuple[str, bool]], bool] | None:
    """Forward's positional parameters, each with whether it must be given, and whether ``*args`` follows."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    is_open = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return [(p.name, p.default is p.empty) for p in positional], is_open


def check_weights(model: nn.Module) -> None:
    """Raise an ExportError that names the first parameter or buffer with a NaN or infinite value.

    A buffer may hold -inf: attention masks do.
    """
    buffers = dict(model.named_buffers())
    for name, value in [*model.named_parameters(), *buffers.items()]:
        if not value.is_floating_point():
            continue
        fine = torch.isfinite(value)
        if name in buffers:
            fine |= torch.isneginf(value)
        bad = (~fine).sum().item()
        if bad:
            raise ExportError(
                f"model {type(model).__name__}: {bad} of {value.numel()} values of '{name}' are NaN or infinite; "
                "attributions need finite weights. Check the training, or load another checkpoint."
            )


def first_tensor(output: Any) -> torch.Tensor | None:
    """A model's output as one tensor: itself, or the first tensor in a tuple, list or dict."""
    if isinstance(output, torch.Tensor):
        return output
    items = output.values() if isinstance(output, Mapping) else output if isinstance(output, (tuple, list)) else ()
    return next((item for item in items if isinstance(item, torch.Tensor)), None)


@contextlib.contextmanager
def untouched(*models: nn.Module) -> Iterator[None]:
    """Evaluation mode for ``models``; afterwards every training flag and all random state is what it was."""
    # Flags are set directly: an overridden train() may do more than set them, and could not be undone.
    flags = [(module, module.training) for model in models for module in model.modules()]
    state = random_state()
    try:
        for module, _ in flags:
            module.training = False
        yield
    finally:
        for module, training in flags:
            module.training = training
        set_random_state(state)


RandomState = tuple[torch.Tensor, Any, Any, "list[torch.Tensor] | None"]


def random_state() -> RandomState:
    """Of torch, numpy, Python, and CUDA where it is in use."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    return torch.get_rng_state(), np.random.get_state(), random.getstate(), cuda


def set_random_state(state: RandomState) -> None:
    of_torch, of_numpy, of_python, of_cuda = state
    torch.set_rng_state(of_torch)
    np.random.set_state(of_numpy)
    random.setstate(of_python)
    if of_cuda is not None:
        torch.cuda.set_rng_state_all(of_cuda)


def describe(arguments: Sequence[Any]) -> str:
    """Shapes and dtypes of forward's arguments, for an error's text."""
    return ", ".join(
        f"{list(a.shape)} {str(a.dtype).removeprefix('torch.')}" if isinstance(a, torch.Tensor) else type(a).__name__
        for a in arguments
    )


def first_line(error: BaseException) -> str:
    """The first telling line of an error's root cause, without terminal colours."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    line = next((line.strip().rstrip(".") for line in text.splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


class _Scored(nn.Module):
    """Model and score function as one module; takes the batched tensors only, the other arguments are constants."""

    def __init__(self, model: nn.Module, score_func: ScoreFunc | None, arguments: tuple[Any, ...]):
        super().__init__()
        self.model = model
        self.score_func = score_func
        self.arguments = arguments
        self.positions = [i for i, value in enumerate(arguments) if is_graph_input(value)]
        self.training = False

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        arguments = list(self.arguments)
        for position, tensor in zip(self.positions, tensors, strict=True):
            arguments[position] = tensor
        output = self.model(*arguments)
        raw = first_tensor(output)
        assert raw is not None  # checked before the trace
        return (raw, raw) if self.score_func is None else (raw, self.score_func(output))


def _try_eagerly(wrapper: _Scored, arguments: tuple[Any, ...]) -> None:
    name = type(wrapper.model).__name__
    try:
        output = wrapper.model(*arguments)
    except Exception as error:
        raise ExportError(
            f"model {name}: its forward fails on the example inputs ({describe(arguments)}): {first_line(error)}. "
            "Check that shapes and dtypes are what the model was trained on."
        ) from error
    if first_tensor(output) is None:
        raise ExportError(
            f"model {name} returns {type(output).__name__}; expected a tensor, or a tuple, list or dict that holds one."
        )
    if wrapper.score_func is None:
        return
    try:
        scores = wrapper.score_func(output)
    except Exception as error:
        raise ExportError(f"score_func fails on the model's output: {first_line(error)}.") from error
    if not isinstance(scores, torch.Tensor):
        raise ExportError(f"score_func returns {type(scores).__name__}; expected a tensor with one score per class.")


def _trace(
    wrapper: _Scored, tensors: tuple[torch.Tensor, ...], names: list[str], free: Sequence[Collection[int]]
) -> Any:
    # A batch of one would be taken for a constant.
    tensors = tuple(torch.cat([t, t]) if t.shape[0] == 1 else t for t in tensors)
    if any(free):
        with contextlib.suppress(Exception), _recurrences_by_shape():
            program = _to_onnx(wrapper, tensors, names, free)
            # What takes any number of pieces may take one number of them in plain steps.
            if not any(node.op_type in _PIECEWISE for node in program.model.graph):
                return program
    try:
        return _to_onnx(wrapper, tensors, names)
    except Exception as error:
        culprit, hint = f"model {type(wrapper.model).__name__}", "in forward"
        if wrapper.score_func is not None and _traces_alone(wrapper, tensors, names):
            culprit, hint = "score_func", "in score_func"
        text = f"{culprit} cannot be exported to ONNX: {first_line(error)}. {_advice(error, hint)}"
        raise ExportError(text) from error


def _to_onnx(
    wrapper: _Scored, tensors: tuple[torch.Tensor, ...], names: list[str], free: Sequence[Collection[int]] = ()
) -> Any:
    dim = torch.export.Dim
    sizes = tuple({0: dim.DYNAMIC, **dict.fromkeys(dims, dim.AUTO)} for dims in free or [()] * len(tensors))
    with _bags_as_lookups():
        exported = torch.export.export(wrapper, tensors, dynamic_shapes=(sizes,), strict=False)
    program = torch.onnx.export(
        exported,
        input_names=names,
        output_names=OUTPUTS,
        opset_version=OPSET,
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    assert program is not None
    _simplify(program.model)
    _strip(program.model)
    return program


@contextlib.contextmanager
def _bags_as_lookups() -> Iterator[None]:
    F.embedding_bag = _bag
    try:
        yield
    finally:
        F.embedding_bag = _embedding_bag


def _bag(*args: Any, **kwargs: Any) -> torch.Tensor:
    """``F.embedding_bag`` as lookups and what is made of them: in ONNX's loop for it, no token has a value."""
    bound = inspect.signature(_embedding_bag).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    ids, weight, mode, padding = (given[name] for name in ("input", "weight", "mode", "padding_idx"))
    if ids.dim() != 2 or given["max_norm"] is not None:
        return _embedding_bag(*args, **kwargs)
    values = F.embedding(ids, weight)
    if given["per_sample_weights"] is not None:
        values = values * given["per_sample_weights"][..., None]
    if padding is None:
        return values.amax(1) if mode == "max" else values.mean(1) if mode == "mean" else values.sum(1)
    kept = (ids != padding % len(weight))[..., None]
    if mode == "max":
        return torch.where(kept.any(1), values.masked_fill(~kept, -torch.inf).amax(1), 0)
    total = values.masked_fill(~kept, 0).sum(1)
    return total / kept.sum(1).clamp(min=1) if mode == "mean" else total


@contextlib.contextmanager
def _recurrences_by_shape() -> Iterator[None]:
    """LSTM and GRU are traced by the shapes of their results: torch's way, step by step, fixes how many steps.

    The tables for it are private to torch: where another version keeps them elsewhere this raises an error.
    """
    from torch._decomp import decomposition_table

    operators = (torch.ops.aten.lstm.input, torch.ops.aten.gru.input)
    kernels = {operator: dict(operator.py_kernels) for operator in operators}
    decompositions = {operator: decomposition_table[operator] for operator in operators}

    def use(kernels: Mapping[Any, Mapping[Any, Any]], decompositions: Mapping[Any, Any]) -> None:
        decomposition_table.update(decompositions)
        for operator, own in kernels.items():
            operator.py_kernels.clear()
            operator.py_kernels.update(own)
            operator._dispatch_cache.clear()

    shapes = {operator: dict.fromkeys(own, _recurrent_shapes) for operator, own in kernels.items()}
    try:
        use(shapes, dict.fromkeys(operators, _recurrent_shapes))
        yield
    finally:
        use(kernels, decompositions)


def _recurrent_shapes(
    x: torch.Tensor,
    state: Any,
    weights: Any,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[torch.Tensor, ...]:
    states = [state] if isinstance(state, torch.Tensor) else state
    width = states[0].shape[-1] * (2 if bidirectional else 1)
    return x.new_empty((*x.shape[:-1], width)), *(torch.empty_like(one) for one in states)


def _traces_alone(wrapper: _Scored, tensors: tuple[torch.Tensor, ...], names: list[str]) -> bool:
    try:
        _to_onnx(_Scored(wrapper.model, None, wrapper.arguments), tensors, names)
    except Exception:
        return False
    return True


def _advice(error: BaseException, where: str) -> str:
    text = f"{type(error).__name__} {error} {error.__cause__}"
    if "data-dependent" in text or "DataDependent" in text:
        return (
            f"A branch or size {where} depends on values of the input: write it with torch.where, "
            "or take that step out of the model."
        )
    if "onstraint" in text and ("specialized" in text or "inferred to be a constant" in text):
        return f"The batch size is fixed {where}: use x.size(0) or x.shape[0] in place of a number."
    if "No ONNX function found" in text or "No decompositions" in text:
        return "ONNX has no counterpart for this operator: replace it, or take that step out of the model."
    return f"Only torch functions can be exported: look {where} for numpy, .item(), .tolist() or in-place state."


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing the exporter logs, warns or prints reaches the notebook cell; errors are raised anyway."""
    roots = ("torch", "onnxscript", "onnx_ir")
    names = {*roots, *(name for name in logging.root.manager.loggerDict if name.partition(".")[0] in roots)}
    loggers = [logging.getLogger(name) for name in names]
    levels = [(logger, logger.level) for logger in loggers]
    sink = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in levels:
                logger.setLevel(level)


def _simplify(model: ir.Model) -> None:
    """Inline, fold constants, drop what is unused. No rewrite rules: they would fold BatchNormalization into Conv."""
    passes.InlinePass()(model)
    onnxscript.optimizer.fold_constants(model, onnx_shape_inference=True)
    _name_dimensions(model.graph)
    passes.IdentityEliminationPass()(model)
    _drop_false_biases(model.graph)
    _look_up_samples_first(model.graph)
    _settle_shapes(model.graph)
    Sequential(
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.RemoveUnusedOpsetsPass(),
        passes.OutputFixPass(),
    )(model)
    _infer_shapes(model)
    for name, output in zip(OUTPUTS, model.graph.outputs, strict=True):
        output.name = name


def _name_dimensions(graph: ir.Graph) -> None:
    """Call the batch "batch" and what else is free "length": the exporter's symbols differ from input to input."""
    names: dict[str, str] = {}
    for value in graph.inputs:
        for i, size in enumerate(value.shape or ()):
            for symbol in _SYMBOL.findall(str(size)):
                lengths = len(set(names.values()) - {"batch"})
                names.setdefault(symbol, "batch" if i == 0 else f"length_{lengths + 1}" if lengths else "length")

    def named(size: int | ir.SymbolicDim) -> int | str | None:
        if isinstance(size, int) or size.value is None:
            return size if isinstance(size, int) else None
        # What the model has fixed is called by its size.
        known = _SYMBOL.sub(lambda symbol: names.get(symbol[0], symbol[0]), size.value)
        return int(known) if known.isdigit() else known

    for value in [*graph.inputs, *(output for node in graph for output in node.outputs)]:
        if value.shape is not None:
            value.shape = ir.Shape([named(size) for size in value.shape])


def _drop_false_biases(graph: ir.Graph) -> None:
    """A Conv3d without a bias gets zeros from the exporter, in a shape that no runtime takes."""
    for node in graph:
        if node.op_type != "Conv" or len(node.inputs) < 3 or node.inputs[2] is None:
            continue
        shape = node.inputs[2].shape
        if shape is not None and len(shape) != 1:
            node.resize_inputs(2)


def _look_up_samples_first(graph: ir.Graph) -> None:
    """Turn what an embedding gives in place of the ids that it is given: what a sample looks up must lie together."""
    for node in list(graph):
        axis = node.attributes.get("axis")
        if node.op_type != "Gather" or (axis is not None and axis.as_int()):
            continue
        (table, ids), (result,) = node.inputs, node.outputs
        turn = ids.producer() if ids is not None else None
        if turn is None or turn.op_type != "Transpose" or "perm" not in turn.attributes:
            continue
        if table is None or not table.is_initializer() or result.shape is None:
            continue
        turned = turn.attributes["perm"].as_ints()
        perm = [*turned, *range(len(turned), len(result.shape))]
        shape = ir.Shape([result.shape[perm.index(i)] for i in range(len(perm))])
        found = ir.Value(name=f"{result.name}_by_sample", shape=shape, type=result.type)
        lookup = ir.Node("", "Gather", [table, turn.inputs[0]], outputs=[found], name=node.name)
        after = ir.Node("", "Transpose", [found], [ir.AttrInt64s("perm", perm)], name=turn.name)
        lookup.metadata_props.update(node.metadata_props)
        after.metadata_props.update(turn.metadata_props)
        ir.convenience.replace_nodes_and_values(graph, node, [node], [lookup, after], [result], after.outputs)


def _settle_shapes(graph: ir.Graph) -> None:
    """Give Reshape a constant shape where the batch is all that it computes, e.g. ``x.view(x.size(0), -1)``."""
    for node in list(graph):
        if node.op_type != "Reshape" or node.domain:
            continue
        data, shape, result = node.inputs[0], node.inputs[1], node.outputs[0].shape
        if data is None or shape is None or shape.const_value is not None or result is None:
            continue
        wanted = [d if isinstance(d, int) else -1 for d in result]
        if wanted.count(-1) != 1 or 0 in wanted:
            continue
        name = f"{node.outputs[0].name}_shape"
        tensor = ir.tensor(np.array(wanted, np.int64), name=name)
        constant = ir.Value(
            name=name, const_value=tensor, shape=ir.Shape([len(wanted)]), type=ir.TensorType(tensor.dtype)
        )
        graph.initializers[name] = constant
        node.replace_input_with(1, constant)


def _infer_shapes(model: ir.Model) -> None:
    """Shapes for what folding has added; what the exporter knew is kept, since ONNX loses the batch in a Reshape."""
    known = {output: output.shape for node in model.graph for output in node.outputs if output.shape is not None}
    passes.ShapeInferencePass()(model)
    for output, shape in known.items():
        output.shape = shape


def _strip(model: ir.Model) -> None:
    """Leave of all metadata each node's module path and class, as if there had been no wrapper."""
    graph = model.graph
    for owner in (model, graph, *graph.inputs, *graph.initializers.values()):
        _clear(owner)
    for node in graph.all_nodes():
        kept = _unwrapped(node.metadata_props)
        _clear(node)
        node.metadata_props.update(kept)
        for output in node.outputs:
            _clear(output)
    for name, value in list(graph.initializers.items()):
        bare = name.removeprefix("model.")
        if isinstance(value.const_value, ir.TensorProtoTensor):  # of a function's body; nothing can be cleared in it
            value.const_value = ir.tensor(value.const_value.numpy(), name=value.name)
        elif value.const_value is not None:
            _clear(value.const_value)
        if bare != name and bare not in graph.initializers:
            del graph.initializers[name]
            value.name = bare
            graph.initializers[bare] = value


def _clear(owner: Any) -> None:
    owner.metadata_props.clear()
    owner.doc_string = None


def _unwrapped(metadata: Mapping[str, str]) -> dict[str, str]:
    """Both lists without the wrapper's own element; what the score function does has no module path left."""
    try:
        scopes, classes = (ast.literal_eval(metadata[key]) for key in (_SCOPES, _CLASSES))
    except (KeyError, ValueError, SyntaxError):
        return {}
    pairs = [
        ("" if scope == "model" else scope.removeprefix("model."), kind)
        for scope, kind in zip(scopes, classes, strict=True)
        if kind != f"{_Scored.__module__}.{_Scored.__qualname__}"
    ]
    return {_SCOPES: repr([scope for scope, _ in pairs]), _CLASSES: repr([kind for _, kind in pairs])}
