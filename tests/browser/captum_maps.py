"""What torch and Captum say about the tutorial's network and images.

In, as JSON: {samples: [index], runs: [{method, arguments, targets: [class per sample]}]}; the baseline is zero, as in
the notebook. Out, as JSON: {scores: [[...] per sample], labels: [class per sample], runs: [[map per sample] per run]},
where a map is the list of its [3, 32, 32] values in C order.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import captum.attr
import numpy as np
import torch
from torch import nn

FOLDER = Path(os.environ["ATTRISCOPE_CIFAR10"])
METHODS = {
    method.get_name(): method
    for method in [
        captum.attr.Deconvolution,
        captum.attr.DeepLift,
        captum.attr.FeatureAblation,
        captum.attr.GuidedBackprop,
        captum.attr.InputXGradient,
        captum.attr.IntegratedGradients,
        captum.attr.Occlusion,
        captum.attr.Saliency,
    ]
}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool1 = nn.MaxPool2d(2, 2)
        self.pool2 = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)
        self.relu1, self.relu2, self.relu3, self.relu4 = (nn.ReLU() for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = x.view(-1, 16 * 5 * 5)
        return self.fc3(self.relu4(self.fc2(self.relu3(self.fc1(x)))))


def attribute(model: nn.Module, x: torch.Tensor, target: int, method: str, arguments: dict[str, Any]) -> list[float]:
    explainer = METHODS[method](model)
    known = inspect.signature(explainer.attribute).parameters
    # JSON has no tuples, and the explorer leaves to Captum what it does not set.
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in arguments.items() if v is not None}
    if "baselines" in known:
        given["baselines"] = x * 0
    if method == "Feature Ablation":
        given.setdefault("perturbations_per_eval", 256)  # the same numbers, sooner
    result = explainer.attribute(x.clone().requires_grad_(), target=target, **given)
    return result.detach().flatten().tolist()


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # small nets: threads only wait for each other
    asked = json.load(sys.stdin)
    model = Net().eval()
    model.load_state_dict(torch.load(FOLDER / "cifar_torchvision.pt", weights_only=True, map_location="cpu"))
    dataset = np.load(FOLDER / "cifar10-test-first200.npz")
    images, labels = (dataset[name][asked["samples"]] for name in ("images", "labels"))
    inputs = (torch.from_numpy(images).float() / 255 - 0.5) / 0.5
    maps = [
        [
            attribute(model, inputs[i : i + 1], target, run["method"], run["arguments"])
            for i, target in enumerate(run["targets"])
        ]
        for run in asked["runs"]
    ]
    with torch.no_grad():
        scores = model(inputs).softmax(1).tolist()
    json.dump({"scores": scores, "labels": labels.tolist(), "runs": maps}, sys.stdout)


if __name__ == "__main__":
    main()
