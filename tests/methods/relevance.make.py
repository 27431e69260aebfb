"""Write relevance.json: small nets, and what Captum says of them (Deep Lift, LRP, Guided Backprop, Deconvolution).

    python tests/methods/relevance.make.py

    {versions, nets: {name: {onnx (base64), inputs, baselines {name: array}, target [int per sample]}},
     cases: [{net, method, arguments, rules, attributions {input: array}, call}]}

Arrays as in tests/fixtures. `call` is the Python that gave the numbers. `rules` (LRP) are Captum's, by module path.
Where a case has `mode: exact`, Captum saw a twin of the net in which it can follow the paper: each activation and sum a
module of its own, a copy of a tensor that a skip shares with a ReLU.
"""

from __future__ import annotations

import base64
import copy
import json
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import captum
import torch
from captum import attr
from captum.attr._utils import lrp_rules
from captum.attr._utils.custom_modules import Addition_Module
from captum.testing.helpers import basic_models
from torch import Tensor, nn
from torch.nn import functional as F

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fixtures")]

from records import array  # noqa: E402

from attriscope.export import export_onnx, input_names  # noqa: E402

NETS: dict[str, Any] = {}
CASES: list[dict[str, Any]] = []
EPSILON, GAMMA, ALPHA = lrp_rules.EpsilonRule, lrp_rules.GammaRule, lrp_rules.Alpha1_Beta0_Rule
RULES = {
    "epsilon": lambda *_: EPSILON(),
    "gamma": lambda *_: GAMMA(),
    "alpha1_beta0": lambda *_: ALPHA(),
    "epsilon_gamma": lambda conv, low: GAMMA() if conv and low else EPSILON(),
    "epsilon_plus": lambda conv, _: ALPHA() if conv else EPSILON(),
}


class Forward(nn.Module):
    """A net whose forward is a function of (self, *inputs)."""

    def __init__(self, forward: Callable[..., Tensor], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.function = forward

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(self, *inputs)


def net(name: str, model: nn.Module, *inputs: Tensor, target: int | None = None, spread: float = 1) -> nn.Module:
    """Registers a model as it is in evaluation mode."""
    model.eval()
    baselines = [torch.randn_like(x) * 0.3 * spread for x in inputs]
    onnx = export_onnx(model, inputs)
    names = input_names(model, inputs)
    with torch.no_grad():
        size = model(*inputs).flatten(1).shape[1] if model(*inputs).dim() > 1 else 1
    targets = [(i if target is None else target) % size for i in range(len(inputs[0]))]
    NETS[name] = {
        "onnx": base64.b64encode(onnx).decode(),
        "inputs": dict(zip(names, map(array, inputs), strict=True)),
        "baselines": dict(zip(names, map(array, baselines), strict=True)),
        "target": targets,
    }
    model.known = (name, names, inputs, baselines, targets)
    return model


def case(model: nn.Module, method: str, maps: Any, arguments: dict[str, Any], call: str, rules: Any = None) -> None:
    name, names, *_ = model.known
    maps = maps if isinstance(maps, tuple) else (maps,)
    CASES.append({
        "net": name, "method": method, "arguments": arguments, "rules": rules, "call": call,
        "attributions": dict(zip(names, [array(m.float()) for m in maps], strict=True)),
    })  # fmt: skip


def targets_of(model: nn.Module) -> Any:
    with torch.no_grad():
        output = model(*model.known[2])
    return None if output.dim() == 1 else model.known[4]


Rules = dict[str, lrp_rules.PropagationRule]


def lrp(model: nn.Module, rules: Rules, arguments: dict[str, Any], said: Any, twin: nn.Module | None = None) -> None:
    def explained(dtype: torch.dtype) -> tuple[Tensor, ...]:
        ruled = copy.deepcopy(twin or model).to(dtype)
        for path, rule in rules.items():
            ruled.get_submodule(path).rule = rule  # type: ignore[assignment]
        return attr.LRP(ruled).attribute(tuple(x.to(dtype) for x in model.known[2]), target=targets_of(model))

    maps, precise = explained(torch.float32), explained(torch.float64)
    # z may be near zero, and then all digits of R / z are rounding.
    rounding = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(maps, precise, strict=True))
    call = f"LRP({'twin' if twin else 'model'}).attribute(inputs, target), {said}"
    case(model, "LRP", maps, arguments, call, None if arguments else said)
    CASES[-1]["rounding"] = rounding


def composites(model: nn.Module, *extra: tuple[dict[str, Any], Any], twin: nn.Module | None = None) -> None:
    named = dict(model.named_modules())
    convs = [name for name, m in named.items() if isinstance(m, nn.Conv2d)]
    low = set(convs[: (len(convs) + 1) // 2])
    weighted = [name for name, m in named.items() if isinstance(m, (nn.Conv2d, nn.Linear))]
    norms = [name for name, m in named.items() if isinstance(m, nn.BatchNorm2d)]
    mode = {"mode": "exact"} if twin else {}
    for name, rule in RULES.items():
        rules = {path: rule(path in convs, path in low) for path in weighted}
        lrp(model, rules, {"rule": name, **mode}, f"rules {name}", twin)
    for arguments, rule in extra:
        epsilon = EPSILON(arguments.get("epsilon", 1e-9))
        lrp(model, {path: rule() for path in weighted} | dict.fromkeys(norms, epsilon), arguments, f"rules {arguments}")


def seeded(name: str) -> None:
    torch.manual_seed(zlib.crc32(name.encode()))


def spread_statistics(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    return model


def lrp_nets() -> None:
    simple = basic_models.SimpleLRPModel(inplace=False)
    one = torch.tensor([[1.0, 2.0, 3.0]])
    plain = net("lrp-simple", simple, one, target=0)
    lrp(plain, {}, {"rule": "epsilon"}, "golden case 24")
    changed = basic_models.SimpleLRPModel(inplace=False)
    with torch.no_grad():
        changed.linear.weight[0][0] = -2
    changed = net("lrp-simple-negative", changed, one, target=0)
    for first, second in [("gamma 1", "gamma 0.25"), ("alpha1_beta0", "alpha1_beta0"), ("identity", "epsilon")]:
        made = {
            "gamma 1": lambda: GAMMA(1), "gamma 0.25": GAMMA, "alpha1_beta0": ALPHA,
            "identity": lrp_rules.IdentityRule, "epsilon": EPSILON,
        }  # fmt: skip
        rules = {"linear": made[first](), "linear2": made[second]()}
        lrp(changed, rules, {}, {"linear": first, "linear2": second})

    skip = Forward(lambda m, x: m.add(m.linear(x), x), linear=nn.Linear(2, 2, bias=False), add=Addition_Module())
    nn.init.constant_(skip.linear.weight, 5)
    lrp(net("lrp-skip", skip, torch.tensor([[2.0, 3.0]]), target=1), {}, {"rule": "epsilon"}, "golden case 25")
    tanh = Forward(
        lambda m, x: m.l2(m.tanh(m.l1(x))),
        l1=nn.Linear(3, 3, bias=False),
        l2=nn.Linear(3, 1, bias=False),
        tanh=nn.Tanh(),
    )
    nn.init.constant_(tanh.l1.weight, 0.1)
    nn.init.constant_(tanh.l2.weight, 0.1)
    lrp(net("lrp-tanh", tanh, one, target=0), {}, {"rule": "epsilon"}, "golden case 25")

    seeded("lrp-conv")
    composites(
        net("lrp-conv", Forward(
            lambda m, x: m.top(m.body(x).flatten(1)),
            body=spread_statistics(nn.Sequential(
                nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                nn.Conv2d(6, 6, 3, groups=2), nn.ReLU(), nn.Dropout(0.5), nn.AvgPool2d(2, 1),
                nn.Conv2d(6, 8, 2, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(1),
            )),
            top=nn.Sequential(nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 4)),
        ), torch.randn(3, 3, 12, 11)),
        ({"rule": "epsilon", "epsilon": 0.05}, lambda: EPSILON(0.05)),
        ({"rule": "gamma", "gamma": 2.0}, lambda: GAMMA(2.0)),
    )  # fmt: skip

    def residual(addition: bool, pre: bool) -> nn.Module:
        parts = {
            "stem": nn.Conv2d(3, 4, 3, padding=1), "bn": nn.BatchNorm2d(4), "relu": nn.ReLU(), "relu2": nn.ReLU(),
            "conv1": nn.Conv2d(4, 4, 3, padding=1), "conv2": nn.Conv2d(4, 4, 3, padding=1, bias=False),
            "fc": nn.Linear(4, 5), "pool": nn.AdaptiveAvgPool2d(1),
        }  # fmt: skip
        if addition:
            parts["add"] = Addition_Module()

        def forward(m: Any, x: Tensor) -> Tensor:
            add = m.add if addition else torch.add
            x = m.bn(m.stem(x))
            if pre:
                x = add(x, m.conv2(m.relu2(m.conv1(m.relu(x)))))
            else:
                x = m.relu2(add(x, m.conv2(m.relu(m.conv1(x)))))
            return m.fc(m.pool(x).flatten(1))

        return spread_statistics(Forward(forward, **parts))

    for addition in (True, False):
        for pre in (True, False):
            name = f"lrp-residual-{'module' if addition else 'functional'}-{'pre' if pre else 'post'}"
            seeded(name)
            model = net(name, residual(addition, pre), torch.randn(2, 3, 6, 7))
            composites(model)
            if not addition and not pre:
                twin = residual(True, pre).eval()
                twin.load_state_dict(model.state_dict())
                composites(model, twin=twin)

    seeded("lrp-sequence")
    composites(net("lrp-sequence", Forward(
        lambda m, x: m.c(m.relu2(m.tanh(m.b(m.pool(m.relu(m.a(x))))))).mean(1),
        a=nn.Linear(6, 9), b=nn.Linear(4, 5), c=nn.Linear(5, 3), relu=nn.ReLU(), relu2=nn.ReLU(), tanh=nn.Tanh(),
        pool=nn.MaxPool1d(2),
    ), torch.randn(2, 4, 6)))  # fmt: skip
    seeded("lrp-functional")
    composites(net("lrp-functional", Forward(
        lambda m, x, y: m.c(torch.cat([F.relu(m.a(x)), F.max_pool2d(torch.sigmoid(m.b(y)), 2)], 1).flatten(1)),
        a=nn.Conv2d(2, 3, 2), b=nn.Conv2d(1, 2, 3), c=nn.Linear(45, 4),
    ), torch.randn(2, 2, 4, 4), torch.randn(2, 1, 8, 8)))  # fmt: skip


def twins(name: str, functional: nn.Module, modules: nn.Module, *inputs: Tensor) -> None:
    """Two nets with the same weights: ours explains the first in exact mode, Captum the second."""
    modules.load_state_dict(functional.state_dict(), strict=False)
    modules.eval()
    ours = net(name, functional, *inputs)
    _, _, _, baselines, target = ours.known
    with torch.no_grad():
        torch.testing.assert_close(functional(*inputs), modules(*inputs))
    exact = {"mode": "exact"}
    for cls in (attr.DeepLift, attr.GuidedBackprop, attr.Deconvolution):
        for model, arguments, said in ((ours, {}, "model"), (modules, exact, "twin")):
            if cls is attr.DeepLift and arguments == {} and "reused" in name:
                continue
            given = {"baselines": tuple(b.clone() for b in baselines)} if cls is attr.DeepLift else {}
            explained = cls(copy.deepcopy(model))
            maps = explained.attribute(tuple(x.clone() for x in inputs), target=target, **given)
            call = f"{cls.__name__}({said}).attribute(inputs, {'baselines, ' if given else ''}target=target)"
            case(ours, cls.get_name(), maps, arguments, call)


def exact_nets() -> None:
    def parts() -> dict[str, nn.Module]:
        return {"a": nn.Conv2d(2, 4, 3), "b": nn.Conv2d(4, 3, 3), "c": nn.Linear(48, 4)}

    seeded("functional")
    twins(
        "functional",
        Forward(lambda m, x: m.c(F.relu(m.b(F.relu(m.a(x)))).flatten(1)), **parts()),
        Forward(lambda m, x: m.c(m.r(m.b(m.s(m.a(x)))).flatten(1)), **parts(), r=nn.ReLU(), s=nn.ReLU()),
        torch.randn(3, 2, 8, 8),
    )
    seeded("reused")
    twins(
        "reused",
        Forward(lambda m, x: m.c(m.r(m.b(m.r(m.a(x)))).flatten(1)), **parts(), r=nn.ReLU()),
        Forward(lambda m, x: m.c(m.r(m.b(m.s(m.a(x)))).flatten(1)), **parts(), r=nn.ReLU(), s=nn.ReLU()),
        torch.randn(3, 2, 8, 8),
    )
    seeded("functions")
    dense = {f"l{i}": nn.Linear(6, 6) for i in range(6)}
    kinds = {"t": nn.Tanh(), "s": nn.Sigmoid(), "e": nn.ELU(), "p": nn.Softplus(), "k": nn.LeakyReLU()}

    def chained(activations: list[Callable[[Any, Tensor], Tensor]]) -> Callable[[Any, Tensor], Tensor]:
        def forward(m: Any, x: Tensor) -> Tensor:
            for i, activation in enumerate(activations):
                x = activation(m, getattr(m, f"l{i}")(x))
            return m.l5(x)

        return forward

    functions = [torch.tanh, torch.sigmoid, F.elu, F.softplus, F.leaky_relu]
    twins(
        "functions",
        Forward(chained([lambda _, x, f=f: f(x) for f in functions]), **dense),
        Forward(chained([lambda m, x, k=k: getattr(m, k)(x) for k in kinds]), **copy.deepcopy(dense), **kinds),
        torch.randn(3, 6) * 2,
    )
    seeded("pre-activation")
    block = {"a": nn.Conv2d(2, 3, 3), "b": nn.Conv2d(3, 3, 3, padding=1), "c": nn.Linear(3 * 16, 4), "r": nn.ReLU()}

    def pre_activation(copied: bool) -> Callable[[Any, Tensor], Tensor]:
        def forward(m: Any, x: Tensor) -> Tensor:
            x = m.a(x)
            return m.c((x + m.b(m.r(x.clone() if copied else x))).flatten(1))

        return forward

    twins(
        "pre-activation",
        Forward(pre_activation(False), **block),
        Forward(pre_activation(True), **copy.deepcopy(block)),
        torch.randn(3, 2, 6, 6),
    )


def operators() -> None:
    """One operator each, its outputs weighted 1, -2, 3, ...: the test re-derives Deep Lift's multipliers."""
    scale, shift = torch.linspace(0.5, 2, 6), torch.linspace(-1, 1, 6)
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "softmax": lambda x: F.softmax(x, 1),
        "log-softmax": lambda x: F.log_softmax(x, 1),
        "layer-norm": lambda x: F.layer_norm(x, (6,), scale, shift),
        "group-norm": lambda x: F.group_norm(x, 2, scale, shift),
        "product": lambda x: x[:, :3] * x[:, 3:],
        "square": lambda x: x * x,
        "matrix-product": lambda x: (x.view(-1, 2, 3) @ x.view(-1, 3, 2)).flatten(1),
        "quotient": lambda x: x[:, :3] / (x[:, 3:] + 4),
        "max-pool": lambda x: F.max_pool1d(x.unsqueeze(1), 3, 1).squeeze(1),
        "maximum": lambda x: torch.maximum(x[:, :3], x[:, 3:]),
        "largest": lambda x: x.amax(1, keepdim=True),
        "silu": F.silu,
        "gelu": F.gelu,
        "clamp": lambda x: x.clamp(-0.5, 0.5),
    }
    for name, function in functions.items():
        seeded(name)
        width = function(torch.zeros(1, 6)).shape[1]
        weights = torch.tensor([(-1.0) ** i * (i + 1) for i in range(width)])
        net(f"operator-{name}", Forward(lambda _, x, f=function, w=weights: f(x) @ w), torch.randn(4, 6))


def bias_free() -> None:
    seeded("bias-free")
    net("bias-free", Forward(
        lambda m, x: m.d(F.avg_pool2d(F.relu((y := F.max_pool2d(F.relu(m.a(x)), 2)) + m.b(y)), 2).flatten(1)),
        a=nn.Conv2d(2, 4, 3, bias=False), b=nn.Conv2d(4, 4, 3, padding=1, bias=False), d=nn.Linear(16, 3, bias=False),
    ), torch.randn(3, 2, 10, 10))  # fmt: skip


def batches() -> None:
    """What a batch's samples do to each other: inside Deep Lift Shap and Noise Tunnel there is one batch."""
    seeded("batch-softmax")
    top = nn.Linear(27, 6), nn.Softmax(1), nn.Linear(6, 3)
    batch("batch-softmax", nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(), *top), False)
    seeded("batch-pool")
    whole = nn.Conv2d(2, 3, 3, bias=False)
    with torch.no_grad():
        whole.weight.copy_((whole.weight * 8).round())
    batch("batch-pool", nn.Sequential(whole, nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(27, 3)), True)


def batch(name: str, body: nn.Module, whole: bool) -> None:
    """`whole` numbers differ, and yet give equal sums: there the first sample of the batch decides."""
    model = net(name, body, torch.randn(2, 2, 9, 9))
    _, names, inputs, baselines, target = model.known
    for part, values in (("inputs", inputs), ("baselines", baselines)):
        if whole:
            values[0].round_()
        NETS[name][part] = dict(zip(names, map(array, values), strict=True))
    nudged = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in nudged.parameters():
            parameter.mul_(1 + 2 * torch.finfo().eps * torch.randn_like(parameter).sign())
    against = {"baselines": tuple(baselines)}

    def asked(method: str, explain: Callable[[nn.Module], Tensor], arguments: dict[str, Any], call: str) -> None:
        maps, other = [explain(copy.deepcopy(m)) for m in (model, nudged)]
        case(model, method, maps, arguments, call)
        # The last digits of the weights: a softmax that hardly changes makes much of them.
        CASES[-1]["rounding"] = 0 if whole else ((maps[0] - other[0]).abs().max() / maps[0].abs().max()).item()

    for cls in (attr.DeepLift, attr.DeepLiftShap):
        call = f"{cls.__name__}(model).attribute(inputs, baselines, target=target)"
        asked(cls.get_name(), lambda m, cls=cls: cls(m).attribute(inputs, target=target, **against), {}, call)
    for cls in (attr.DeepLift, attr.Deconvolution):
        for nt_type in ("smoothgrad", "smoothgrad_sq", "vargrad"):
            arguments = {"nt_type": nt_type, "nt_samples": 3, "stdevs": 0.3}
            given = arguments | (against if cls is attr.DeepLift else {})

            def explain(m: nn.Module, cls: Any = cls, given: Any = given) -> Tensor:
                torch.manual_seed(7)
                return attr.NoiseTunnel(cls(m)).attribute(inputs, target=target, **given)

            call = f"manual_seed(7); NoiseTunnel({cls.__name__}(model)).attribute(inputs, target=target, **{arguments})"
            asked("Noise Tunnel", explain, {"attribution_method": cls.get_name(), **arguments, "seed": 7}, call)


def main() -> None:
    torch.set_num_threads(1)
    lrp_nets()
    exact_nets()
    operators()
    bias_free()
    batches()
    versions = {"torch": torch.__version__, "captum": captum.__version__}
    text = json.dumps({"versions": versions, "nets": NETS, "cases": CASES})
    HERE.with_name("relevance.json").write_text(text)
    print(len(NETS), "nets,", len(CASES), "cases,", len(text) // 1024, "KiB")


if __name__ == "__main__":
    main()
