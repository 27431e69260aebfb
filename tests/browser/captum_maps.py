"""What torch and Captum say about the tutorial's network and images.

In, as JSON: {samples: [index], runs: [{method, arguments, targets: [class per sample]}]}; the baseline is zero, as in
the notebook. Out, as JSON: {scores: [[...] per sample], labels: [class per sample], baseline_scores: [...], runs: [[map
per sample] per run], agreements: [mean over the samples of Spearman's correlation with the first run, per run]}, where
a map is the list of its values in C order; correlated are its sums over the three channels.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))

import captum_calls
import cifar_tutorial


def attribute(model: nn.Module, x: torch.Tensor, target: int, method: str, arguments: dict[str, Any]) -> list[float]:
    # The explorer leaves to Captum what it does not set; its segments are values here.
    given = {name: value for name, value in arguments.items() if value is not None and "segments" not in name}
    if method == "Feature Ablation":
        given.setdefault("perturbations_per_eval", 256)  # the same numbers, sooner
    if "stdevs" in given:
        given["stdevs"] = float(given["stdevs"])  # JSON has no 1.0
    inputs = {"x": x}
    request = captum_calls.Request(method, inputs, [target], given, baselines={"x": torch.zeros_like(x)})
    attributions, _ = captum_calls.attribute(model, request)
    found: list[float] = attributions["x"].flatten().tolist()
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # small nets: threads only wait for each other
    asked = json.load(sys.stdin)
    model = cifar_tutorial.trained()
    images, labels = (part[asked["samples"]] for part in cifar_tutorial.images())
    inputs = (images.float() / 255 - 0.5) / 0.5
    maps = [
        [
            attribute(model, inputs[i : i + 1], target, run["method"], run["arguments"])
            for i, target in enumerate(run["targets"])
        ]
        for run in asked["runs"]
    ]
    with torch.no_grad():
        scores = model(inputs).softmax(1).tolist()
        baseline_scores = model(torch.zeros_like(inputs[:1])).softmax(1)[0].tolist()
    found = {"scores": scores, "labels": labels.tolist(), "baseline_scores": baseline_scores, "runs": maps}
    pixels = [np.array(run).reshape(len(run), 3, -1).sum(1) for run in maps if np.size(run) % (3 * 32 * 32) == 0]
    agreements = [np.mean([spearmanr(*pair).statistic for pair in zip(pixels[0], run, strict=True)]) for run in pixels]
    json.dump({**found, "agreements": agreements}, sys.stdout)


if __name__ == "__main__":
    main()
