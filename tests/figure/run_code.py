"""Runs Python that the explorer gave out, on the fixtures' nets: a list of {net, code, tensors} as JSON on stdin.

Tensors are the placeholders by name: {kind, shape, data}, a str, or a list of these for a tuple or list. Writes a list
of {attributions: [array], delta: array or null}; null for code without a net, which is only compiled.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fixtures"))

import matplotlib
import torch
from make import nets
from records import array
from torch import nn
from zoo import entries, randomised, seeded

KINDS = {"float": torch.float32, "int": torch.int64}


def model_of(name: str) -> nn.Module:
    """Of the small nets, or of the zoo, as their fixtures were made."""
    if name in nets():
        return nets()[name].model.eval()
    entry = entries()[name]
    seeded(name)
    model, sample = entry.make()
    return randomised(model, sample, entry.shift)


def tensor(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return tuple(map(tensor, value))
    return torch.tensor(value["data"], dtype=KINDS[value["kind"]]).reshape(value["shape"])


def ran(case: dict[str, Any]) -> dict[str, Any] | None:
    code = compile(case["code"], f"<{case.get('net')}>", "exec")
    if "net" not in case:
        return None
    known: dict[str, Any] = {"model": model_of(case["net"])}
    known |= {name: tensor(value) for name, value in case["tensors"].items()}
    # What is drawn of texts goes to the notebook, or is printed where there is none.
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, known)
    found, delta = known["attributions"], known.get("delta")
    maps = [found] if isinstance(found, torch.Tensor) else list(found)
    return {"attributions": [array(part.float()) for part in maps], "delta": None if delta is None else array(delta)}


def main() -> None:
    warnings.filterwarnings("ignore")
    matplotlib.use("agg")
    torch.set_num_threads(1)
    json.dump([ran(case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
