import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from attriscope import page, visualizer, widget
from attriscope.export import Exported, export

SCRIPT = "document.title = 'drawn' // </script> is harmless"
METHODS = {
    "Integrated Gradients": ["n_steps", "method"],
    "Saliency": ["abs"],
    "Input X Gradient": [],
    "Occlusion": ["sliding_window_shapes", "strides"],
}


class Shell:
    """What render() sees of IPython: a kernel, the cell that runs, and the displays."""

    kernel = object()

    def __init__(self) -> None:
        self.cell: str | None = "cell-1"
        self.execution = "execution-1"
        #: Every state of every display, in order.
        self.shown: list[list[dict[str, Any]]] = []

    def get_parent(self) -> dict[str, Any]:
        return {"metadata": {"cellId": self.cell}, "header": {"msg_id": self.execution}}

    def display(self, bundle: dict[str, Any], raw: bool, display_id: bool) -> "Handle":
        assert raw
        assert display_id
        self.shown.append([bundle])
        return Handle(self.shown[-1])


class Handle:
    def __init__(self, states: list[dict[str, Any]]) -> None:
        self.states = states

    def update(self, bundle: dict[str, Any], raw: bool) -> None:
        assert raw
        self.states.append(bundle)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A notebook's kernel, with a built front end."""
    shell = Shell()
    monkeypatch.setattr(visualizer, "get_ipython", lambda: shell)
    monkeypatch.setattr(widget, "get_ipython", lambda: shell)
    monkeypatch.setattr(visualizer, "display", shell.display)
    monkeypatch.setattr(widget.Shown, "_cells", {})
    return shell


@pytest.fixture(autouse=True)
def front_end(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Python's tests need no built front end: a script and a few methods stand in its place."""
    static = tmp_path_factory.mktemp("static")
    (static / "page.js").write_text(SCRIPT)
    (static / "methods.json").write_text(json.dumps(METHODS))
    caches = (page._app, page.methods)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(page, "_STATIC", static)
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(autouse=True)
def one_export_per_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What render() exports is exported once for all tests with the same weights: it takes most of a second."""

    def once(model, example, score_func, names, free):
        weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
        shapes = [list(value.shape) for value in example if isinstance(value, torch.Tensor)]
        key = (
            type(model).__qualname__,
            weights,
            str(shapes),
            getattr(score_func, "__qualname__", None),
            str((names, free)),
        )
        if key not in _exported:
            _exported[key] = export(model, example, score_func, names, free)
        return _exported[key]

    monkeypatch.setattr(visualizer, "export", once)


_exported: dict[tuple, Exported] = {}
