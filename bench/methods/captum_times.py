"""Time Captum on torch with one thread: JSON list of cases on stdin, JSON list of {ms} or {raises} on stdout."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "fixtures"))

import captum_calls
import zoo


def mask(side: int, size: int) -> torch.Tensor:
    cells = torch.arange(size) // side
    return (cells[:, None] * (-(-size // side)) + cells).expand(1, 3, size, size).contiguous()


def timed(model: torch.nn.Module, case: dict[str, Any], runs: int) -> dict[str, Any]:
    size = 224
    inputs = {"x": torch.rand(case.get("samples", 1), 3, size, size) * 2 - 1}
    baselines = {"x": torch.rand(case["rows"], 3, size, size)} if case.get("rows") else None
    feature_mask = {"x": mask(case["side"], size)} if case.get("side") else None
    times = []
    for target in range(runs):
        targets = [target] * case.get("samples", 1)
        request = captum_calls.Request(case["method"], inputs, targets, case["arguments"], baselines, feature_mask)
        started = time.perf_counter()
        try:
            captum_calls.attribute(model, request)
        except Exception as error:
            return {"raises": f"{type(error).__name__}: {error}".splitlines()[0]}
        times.append((time.perf_counter() - started) * 1000)
        if times[-1] > 10_000:
            break
    return {"ms": sorted(times)[len(times) // 2]}


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    model, _ = zoo.entries()[asked["model"]].make()
    model.eval()
    answers = []
    for case in asked["cases"]:
        answers.append(timed(model, case, asked["runs"]))
        print(case["method"], answers[-1], file=sys.stderr)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
