"""The tutorial of examples/cifar10.ipynb, run on its first four images with either explorer.

python bench/tutorial.py insights        serves Captum Insights and prints {"port", "versions"}
python bench/tutorial.py attriscope PATH writes Attriscope's page to PATH and prints {"versions"}
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))

import cifar10_data  # noqa: E402

SHOWN = 4
"""Captum Insights shows four samples, and each Fetch the next four: of four images, they are always the same."""


class FirstImages(cifar10_data.Cifar10):
    def __len__(self) -> int:
        return SHOWN


def tutorial(imports: dict[str, str]) -> Any:
    """The notebook's visualizer, unrendered, with some of its import lines replaced."""
    notebook = json.loads((EXAMPLES / "cifar10.ipynb").read_text())
    source = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    for ours, theirs in imports.items():
        if ours not in source:
            raise ValueError(f"examples/cifar10.ipynb has no {ours!r}; bring bench/tutorial.py up to date")
        source = source.replace(ours, theirs)
    cifar10_data.Cifar10 = FirstImages  # type: ignore[misc]
    names: dict[str, Any] = {}
    exec(source.replace("visualizer.render()", ""), names)
    return names["visualizer"]


def versions(*packages: str) -> dict[str, str]:
    return {name: version(name) for name in packages}


def insights() -> None:
    visualizer = tutorial(
        {
            "from attriscope import": "from captum.insights import",
            "from attriscope.features import": "from captum.insights.attr_vis.features import",
        }
    )
    port = visualizer.serve()
    print(json.dumps({"port": port, "versions": versions("captum", "torch", "numpy", "matplotlib")}), flush=True)


def attriscope(path: str) -> None:
    visualizer = tutorial({})
    visualizer.save(path, num_examples=SHOWN)
    print(json.dumps({"versions": versions("attriscope", "torch")}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["insights"]:
            insights()
        case ["attriscope", path]:
            attriscope(path)
        case _:
            raise SystemExit(__doc__)
