"""Runs Python that the explorer gave out, on the fixtures' nets: a list of {net, code, tensors} as JSON on stdin.

Tensors are the placeholders by name: {kind, shape, data}, or a list of them for a tuple or list. Writes a list of
{attributions: [array], delta: array or null}; null for code without a net, which is only compiled.
"""

from __future__ import annotations

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

KINDS = {"float": torch.float32, "int": torch.int64}


def tensor(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(tensor, value))
    return torch.tensor(value["data"], dtype=KINDS[value["kind"]]).reshape(value["shape"])


def ran(case: dict[str, Any]) -> dict[str, Any] | None:
    code = compile(case["code"], f"<{case.get('net')}>", "exec")
    if "net" not in case:
        return None
    known = {"model": nets()[case["net"]].model.eval()}
    known |= {name: tensor(value) for name, value in case["tensors"].items()}
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
