"""Write layers.json: what Captum and torch say about layers and attentions of models of the zoo.

    python tests/methods/layers.make.py

    {model: [{method, arguments, baseline: bool, shape, sum, size (sum of magnitudes), some: values evenly spread}]}

Models, inputs and targets are those of tests/fixtures/zoo.py.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import captum.attr as captum
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fixtures"))
import zoo  # noqa: E402

SOME = 8
LAYERS = {
    "preact_resnet": ["blocks.1.bn1", "blocks.1.conv1", "blocks.2"],
    "signal1d": ["features.4", "features.5", "features.12"],
    "cnn3d": ["features.1", "features.8"],
    "vit_tiny": ["patch", "blocks.1", "blocks.1.attention.qkv", "norm"],
    "bilstm": ["embedding", "rnn"],
    "image_text": ["cnn.3", "embedding", "head.0"],
    "resnet18_64": ["bn1", "layer1.0.relu", "layer4"],
    "convnext_tiny_64": ["features.1.0.block.6", "features.2.0", "features.4.0"],
}
LARGE = ["resnet18_64", "convnext_tiny_64"]
"""No paths: they take long."""
CAMS = {
    "preact_resnet": ["blocks.1"],
    "signal1d": ["features.12"],
    "cnn3d": ["features.8"],
    "image_text": ["cnn.3"],
    "resnet18_64": ["layer2.0.bn2"],
}
ATTENTIONS = {"vit_tiny": "first token", "mha_vit": "mean", "transformer_encoder": "mean", "gpt_like": "last token"}
LINEAR = {3: "linear", 4: "bilinear", 5: "trilinear"}


def known(name: str) -> tuple[nn.Module, tuple[Tensor, ...], list[int]]:
    entry = zoo.entries()[name]
    record = json.loads((zoo.DATA / f"{name}.json").read_text())
    zoo.seeded(name)
    model, sample = entry.make()
    model = zoo.randomised(model, sample, entry.shift).eval()
    for module in model.modules():
        # Captum cannot replace what the next module overwrites.
        if hasattr(module, "inplace"):
            module.inplace = False  # type: ignore[assignment]
    inputs = tuple(decoded(values) for values in record["inputs"].values())
    torch.testing.assert_close(model(*inputs), decoded(record["raw"]))
    return model, inputs, record["target"]


def decoded(values: dict[str, Any]) -> Tensor:
    numbers = np.frombuffer(base64.b64decode(values["data"]), values["dtype"]).reshape(values["shape"])
    return torch.from_numpy(numbers.copy())


def case(method: str, answer: Any, arguments: dict[str, Any], baseline: bool = False) -> dict[str, Any]:
    values = (answer[0] if isinstance(answer, tuple) else answer).detach().double()
    places = torch.linspace(0, values.numel() - 1, SOME).long()
    return {
        **{"method": method, "arguments": arguments, "baseline": baseline, "shape": list(values.shape)},
        **{"sum": values.sum().item(), "size": values.abs().sum().item(), "some": values.flatten()[places].tolist()},
    }


def layer_cases(
    model: nn.Module, inputs: tuple[Tensor, ...], target: list[int], layer: str, paths: bool
) -> list[dict[str, Any]]:
    module = model.get_submodule(layer)
    if isinstance(module, nn.LSTM):
        return recurrent_cases(model, module, inputs, target, layer)
    floats = all(values.is_floating_point() for values in inputs)
    zeros = tuple(torch.zeros_like(values) for values in inputs)
    found = [case("Layer Activation", captum.LayerActivation(model, module).attribute(inputs), {"layer": layer})]
    for at_input in (False, True) if floats else (False,):
        answer = captum.LayerGradientXActivation(model, module).attribute(
            inputs, target=target, attribute_to_layer_input=at_input
        )
        found.append(
            case("Layer Gradient X Activation", answer, {"layer": layer, "attribute_to_layer_input": at_input})
        )
    methods = (captum.LayerConductance, captum.InternalInfluence, captum.LayerIntegratedGradients)
    for cls in methods if paths else ():
        for path in ({"n_steps": 7, "method": "gausslegendre"}, {"n_steps": 4, "method": "riemann_trapezoid"}):
            if floats or cls is captum.LayerIntegratedGradients:
                answer = cls(model, module).attribute(inputs, zeros, target=target, **path)
                found.append(case(cls.get_name(), answer, {"layer": layer} | path, True))
    return found


def recurrent_cases(
    model: nn.Module, module: nn.LSTM, inputs: tuple[Tensor, ...], target: list[int], layer: str
) -> list[dict[str, Any]]:
    """Captum takes no layer whose output is (output, (hidden, cell)); the output's own gradient is torch's."""
    seen: list[Tensor] = []
    hook = module.register_forward_hook(lambda _, __, output: seen.append(output[0]))
    raw = model(*inputs)
    hook.remove()
    (gradient,) = torch.autograd.grad(raw[torch.arange(len(raw)), target].sum(), seen)
    return [
        case("Layer Activation", seen[0], {"layer": layer}),
        case("Layer Gradient X Activation", seen[0] * gradient, {"layer": layer}),
    ]


def cam_cases(model: nn.Module, inputs: tuple[Tensor, ...], target: list[int], layer: str) -> list[dict[str, Any]]:
    module = model.get_submodule(layer)
    picture, more = inputs[0], inputs[1:]
    found = []
    for at_input, relu, mode in ((False, False, "none"), (True, False, "nearest"), (False, True, "bilinear")):
        answer = captum.LayerGradCam(model, module).attribute(
            picture, target, more or None, attribute_to_layer_input=at_input, relu_attributions=relu
        )
        if mode != "none":
            torch_mode = LINEAR[picture.dim()] if mode == "bilinear" else mode
            answer = captum.LayerAttribution.interpolate(answer, picture.shape[2:], torch_mode)
        arguments = {"attribute_to_layer_input": at_input, "relu_attributions": relu, "interpolate": mode}
        found.append(case("Layer Grad Cam", answer, {"layer": layer} | arguments))
    for mode in ("nearest", "bilinear"):
        torch_mode = LINEAR[picture.dim()] if mode == "bilinear" else mode
        answer = captum.GuidedGradCam(model, module).attribute(
            picture, target, more or None, interpolate_mode=torch_mode
        )
        found.append(case("Guided Grad Cam", answer, {"layer": layer, "interpolate": mode}))
    return found


class Attentions:
    """The softmaxes of all attentions of a forward pass, [N, heads, T, T], which keep their gradients."""

    def __init__(self, model: nn.Module, inputs: tuple[Tensor, ...], target: list[int]) -> None:
        self.weights: list[Tensor] = []
        samples = len(inputs[0])
        own_softmax, own_attention = F.softmax, F.scaled_dot_product_attention

        def kept(weights: Tensor) -> Tensor:
            weights.retain_grad()
            self.weights.append(weights)
            return weights

        def attention(
            query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None, _: float = 0, is_causal: bool = False
        ) -> Tensor:
            scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
            if is_causal:
                attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
            if attn_mask is not None:
                unseen = attn_mask.dtype == torch.bool
                scores = scores.masked_fill(~attn_mask, -torch.inf) if unseen else scores + attn_mask
            return kept(scores.softmax(-1)) @ value

        setattr(F, "softmax", lambda *a, **k: kept(own_softmax(*a, **k)))  # noqa: B010
        setattr(F, "scaled_dot_product_attention", attention)  # noqa: B010
        torch.backends.mha.set_fastpath_enabled(False)
        raw = model(*inputs)
        setattr(F, "softmax", own_softmax)  # noqa: B010
        setattr(F, "scaled_dot_product_attention", own_attention)  # noqa: B010
        raw[torch.arange(samples), target].sum().backward()
        self.samples = samples

    def layers(self) -> list[tuple[Tensor, Tensor]]:
        def four(values: Tensor) -> Tensor:
            return values.detach().reshape(self.samples, -1, *values.shape[-2:])

        return [(four(weights), four(weights.grad)) for weights in self.weights]  # type: ignore[arg-type]


def rollout(layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    product = torch.eye(layers[0][0].shape[-1])
    for weights, _ in layers:
        mixed = weights.mean(1) + torch.eye(weights.shape[-1])
        product = mixed / mixed.sum(-1, keepdim=True) @ product
    return product


def chefer(layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    relevance = torch.eye(layers[0][0].shape[-1]).expand(len(layers[0][0]), -1, -1)
    for weights, gradient in layers:
        relevance = relevance + (gradient * weights).clamp(min=0).mean(1) @ relevance
    return relevance


ROWS: dict[str, Callable[[Tensor], Tensor]] = {
    "first token": lambda product: product[:, 0],
    "last token": lambda product: product[:, -1],
    "mean": lambda product: product.mean(1),
}


def attention_cases(name: str, origin: str) -> list[dict[str, Any]]:
    model, inputs, target = known(name)
    layers = Attentions(model, inputs, target).layers()
    found = []
    for method, product in (("Attention Rollout", rollout(layers)), ("Gradient-weighted Attention", chefer(layers))):
        row = ROWS[origin](product)
        if inputs[0].dim() == 2:
            found.append(case(method, row, {"from": origin}))
            continue
        own = row[:, row.shape[1] - 16 :].reshape(-1, 1, 4, 4)
        found.append(case(method, own, {"from": origin, "interpolate": "none"}))
        for mode in ("nearest", "bilinear"):
            wide = F.interpolate(own, inputs[0].shape[2:], mode=mode)
            found.append(case(method, wide, {"from": origin, "interpolate": mode}))
    return found


def main() -> None:
    torch.set_num_threads(1)
    zoo.install_torchvision()
    found: dict[str, list[dict[str, Any]]] = {}
    for name in LAYERS:
        model, inputs, target = known(name)
        cases = [one for layer in LAYERS[name] for one in layer_cases(model, inputs, target, layer, name not in LARGE)]
        cases += [one for layer in CAMS.get(name, []) for one in cam_cases(model, inputs, target, layer)]
        found[name] = cases
    for name, origin in ATTENTIONS.items():
        found.setdefault(name, []).extend(attention_cases(name, origin))
    lines = [f'"{name}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]" for name, cases in found.items()]
    (HERE / "layers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
