"""What torch and Captum say about the models of examples/features.ipynb.

In, as JSON: {"folder": where to write text.html, table.html and both.html}. Out, as JSON, for each of the three: scores
of the samples, and of every method the attributions of the sample's own prediction, as lists in C order:

- text: "Integrated Gradients", "Input X Gradient" (Captum's layer methods at the embedding, summed over its dimensions)
  and "Feature Ablation" on the ids; "hidden": the scores with each token replaced by padding, and with all of them;
  "agreement": mean over the samples of Spearman's correlation of Feature Ablation with Integrated Gradients
- table: "Integrated Gradients", "Feature Ablation"; "edited": the scores with the first input at 1.5
- both: "Integrated Gradients" of picture and question
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import torch
from captum.attr import (
    FeatureAblation,
    IntegratedGradients,
    LayerGradientXActivation,
    LayerIntegratedGradients,
    configure_interpretable_embedding_layer,
    remove_interpretable_embedding_layer,
)
from scipy.stats import spearmanr
from torch import nn

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

STEPS = {"n_steps": 25, "method": "gausslegendre"}
#: Of each dataset.
SAMPLES = 4
EDIT = 1.5


def scores(model: nn.Module, *inputs: torch.Tensor) -> list[list[float]]:
    with torch.no_grad():
        found: list[list[float]] = model(*inputs).softmax(1).tolist()
    return found


def predicted(model: nn.Module, *inputs: torch.Tensor) -> int:
    with torch.no_grad():
        return int(model(*inputs).argmax())


def of_text(model: Any, texts: list[torch.Tensor]) -> dict[str, Any]:
    rows = [ids[None] for ids in texts]
    targets = [predicted(model, ids) for ids in rows]
    at_embedding: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
        "Integrated Gradients": lambda x, t: LayerIntegratedGradients(model, model.embedding).attribute(
            x, torch.zeros_like(x), target=t, **STEPS
        ),
        "Input X Gradient": lambda x, t: LayerGradientXActivation(model, model.embedding).attribute(x, target=t),
    }
    maps = {
        name: [attribute(x, t).sum(-1)[0].tolist() for x, t in zip(rows, targets, strict=True)]
        for name, attribute in at_embedding.items()
    }
    maps["Feature Ablation"] = [
        FeatureAblation(model).attribute(x, target=t)[0].tolist() for x, t in zip(rows, targets, strict=True)
    ]
    pairs = zip(maps["Integrated Gradients"], maps["Feature Ablation"], strict=True)
    hidden = [scores(model, ids.repeat(len(ids), 1) * (1 - torch.eye(len(ids), dtype=torch.int64))) for ids in texts]
    return {
        "scores": [scores(model, x)[0] for x in rows],
        "maps": maps,
        "hidden": hidden,
        "padding": [scores(model, torch.zeros_like(x))[0] for x in rows],
        "agreement": sum(float(spearmanr(a, b).statistic) for a, b in pairs) / len(rows),
    }


def of_table(model: nn.Module, rows: torch.Tensor) -> dict[str, Any]:
    targets = [predicted(model, row[None]) for row in rows]
    edited = rows.clone()
    edited[:, 0] = EDIT
    methods = {"Integrated Gradients": IntegratedGradients(model), "Feature Ablation": FeatureAblation(model)}
    return {
        "scores": scores(model, rows),
        "maps": {
            name: method.attribute(rows, target=targets, **(STEPS if "Gradients" in name else {})).tolist()
            for name, method in methods.items()
        },
        "edited": scores(model, edited),
    }


def of_both(model: Any, images: torch.Tensor, words: torch.Tensor) -> dict[str, Any]:
    found = scores(model, images, words)
    targets = [row.index(max(row)) for row in found]
    layer = configure_interpretable_embedding_layer(model, "embedding")
    embedded, padding = (layer.indices_to_embeddings(ids) for ids in (words, torch.zeros_like(words)))
    maps = IntegratedGradients(model).attribute(
        (images, embedded), (torch.full_like(images, 0.92), padding), target=targets, **STEPS
    )
    remove_interpretable_embedding_layer(model, layer)
    return {"scores": found, "maps": [maps[0].flatten(1).tolist(), maps[1].sum(-1).tolist()]}


def truth(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """@param notebook: the variables of the notebook, when its cells have been run."""
    warnings.simplefilter("ignore")
    reviews, questions = notebook["reviews"], notebook["questions"]
    texts = [notebook["vocabulary"].encode(words) for words, _ in reviews.reviews(24, seed=1)[:SAMPLES]]
    rows = torch.stack([notebook["standardise"](notebook["rows"][i]) for i in notebook["shown"][:SAMPLES]])
    items = [questions.Questions(24, seed=1)[i][0] for i in range(SAMPLES)]
    images, words = (torch.stack([item[part] for item in items]) for part in (0, 1))
    return {
        "text": of_text(notebook["sentiment"], texts),
        "table": of_table(notebook["origin"], rows),
        "both": of_both(notebook["answering"], images, words),
    }


def main() -> None:
    """Runs the notebook's cells, with pages for explorers."""
    folder = Path(json.load(sys.stdin)["folder"])
    sys.path.insert(0, str(EXAMPLES))
    import attriscope

    names = iter(["text", "table", "both"])

    def render(self: attriscope.AttributionVisualizer, **_: Any) -> None:
        self.save(folder / f"{next(names)}.html", num_examples=SAMPLES)

    attriscope.AttributionVisualizer.render = render  # type: ignore[method-assign, assignment]
    cells = nbformat.read(EXAMPLES / "features.ipynb", as_version=4).cells
    variables: dict[str, Any] = {}
    for cell in cells:
        if cell.cell_type == "code":
            exec(cell.source, variables)
    print(json.dumps(truth(variables)))


if __name__ == "__main__":
    main()
