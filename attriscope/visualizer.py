"""What the user calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display
from torch import nn

from attriscope import page, wire
from attriscope._version import __version__
from attriscope.dataset import Samples
from attriscope.export import ScoreFunc, check_arguments, export
from attriscope.features import BaseFeature
from attriscope.results import Results
from attriscope.spelling import checks_spelling
from attriscope.widget import START, Live, Shown, checked_arguments, checked_method

#: Packed bytes up to which the model is stored in the output if the user does not say.
_EMBED_LIMIT = 10_000_000
#: Packed bytes above which notebooks become slow to save, diff and share.
_WARN_LIMIT = 20_000_000


class AttributionVisualizer:
    """Explains a PyTorch model in the notebook cell: ``render()`` draws the explorer, which computes in the browser.

    Parameters
    ----------
    models : torch.nn.Module or list of them
        Evaluated in evaluation mode, left as they were. Several are compared: they take the same inputs and share the
        classes; the first one decides what is predicted correctly.
    classes : list of str
        Names of the model's outputs, in their order.
    features : BaseFeature or list of them
        One per tensor that the model is to be explained by, in forward's order.
    dataset : iterable of Batch, DataLoader, Dataset, or list of pairs
        Read lazily, and no further than what is shown; it may be endless. Of a Dataset, every item (x, y) is a sample.
        Other pairs hold a batch if x has a batch dimension, [N, C, H, W] or [N, T], and a sample if it has none.
    score_func : callable, optional
        Maps the model's output to the scores that are shown, e.g. a softmax. Attributions explain the output itself.
    use_label_for_attr : bool
        False for a model with one output per sample, which has no class to choose.
    """

    @checks_spelling
    def __init__(
        self,
        models: nn.Module | Sequence[nn.Module],
        classes: Sequence[str],
        features: BaseFeature | Sequence[BaseFeature],
        dataset: Any,
        score_func: ScoreFunc | None = None,
        use_label_for_attr: bool = True,
    ):
        listed = _listed(models, nn.Module, "models", "torch.nn.Module")
        self._models = dict(zip(_distinct([type(model).__name__ for model in listed]), listed, strict=True))
        self._features = _listed(features, BaseFeature, "features", "attriscope.features.BaseFeature")
        if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
            raise TypeError(f"classes is {classes!r}; expected a list of str, one name per output of the model")
        if score_func is not None and not callable(score_func):
            raise TypeError(f"score_func is a {type(score_func).__name__}; expected a callable or None")
        self._classes = list(classes)
        self._score_func = score_func
        self._use_label_for_attr = use_label_for_attr
        for model in self._models.values():
            check_arguments(model, [feature.name for feature in self._features], None)
        self._samples = Samples(dataset, self._models, self._features, self._classes, score_func)
        self._onnx: list[bytes] = []
        self._live: Live | None = None
        self._bundle: page.Bundle | None = None
        self._packed = b""
        self._show = 4

    def __repr__(self) -> str:
        return f"<AttributionVisualizer of {', '.join(self._models)}: {len(self._classes)} classes>"

    @property
    def _title(self) -> str:
        return "Attriscope: " + ", ".join(self._models)

    @checks_spelling
    def render(
        self,
        debug: bool = False,
        *,
        method: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        num_examples: int = 4,
        embed: bool | None = None,
    ) -> None:
        """Show the explorer in the cell's output, as it was left if it has been shown before.

        Parameters
        ----------
        debug : bool
            Errors of later requests show their traceback.
        method : str, optional
            The attribution method to start with, spelled as in Captum.
        arguments : dict, optional
            Arguments of the method, spelled as in Captum; those left out have the explorer's own start.
        num_examples : int
            How many samples are shown at a time; the first ones are stored in the output.
        embed : bool or None
            Whether the output stores the model, so that a saved notebook computes without a kernel. None: if the output
            stays below 10 MB.
        """
        shell = get_ipython()
        if getattr(shell, "kernel", None) is None:
            print(repr(self))
            return
        start = self._start(method, arguments)
        self._open(debug)
        Shown.keep(self)
        handle: Any = None

        def show(bundle: page.Bundle) -> None:
            nonlocal handle
            if handle is None:
                handle = display(bundle, raw=True, display_id=True)
            else:
                handle.update(bundle, raw=True)

        self._prepare(show, start, num_examples, embed)

    @property
    def widget(self) -> Live:
        """The explorer as a widget, for boxes and layouts, and to follow and drive what is chosen from Python."""
        if self._bundle is None or self._live is None:
            self._open(debug=False)
            self._prepare(lambda bundle: None, self._start(None, None), self._show, None)
        assert self._live is not None
        if not Shown.has(self):
            Shown.keep(self)
        return self._live

    def results(self, column: int = 0) -> Results:
        """What the explorer shows, as numpy arrays: the page's own numbers.

        The page sends them as soon as it has computed everything that is chosen, which is after the cell that shows it
        has ended: ask in a later one.

        Parameters
        ----------
        column : int
            Which one of Compare; the other views have one.

        Raises
        ------
        RuntimeError
            Nothing is shown yet, or what was set last is not computed yet.
        """
        if self._live is None:
            raise RuntimeError("Nothing is shown yet. Call render(), and results() in a later cell.")
        return self._live.results(column)

    @checks_spelling
    def save(self, path: str | Path, *, num_examples: int | None = None, embed: bool = True) -> None:
        """Write the explorer to one HTML file that works offline.

        Parameters
        ----------
        path : str or Path
            Overwritten if it exists.
        num_examples : int, optional
            How many samples the file holds; None: as many as the last ``render()``, else 4.
        embed : bool
            Whether the file holds the model; without it the file shows, but does not compute.
        """
        count = self._show if num_examples is None else num_examples
        _, packed = self._payload(lambda stage: None, self._start(None, None), count, self._show, embed)
        Path(path).write_text(page.page(packed, self._title), encoding="utf-8")

    def close(self) -> None:
        """Disconnect the explorers from the kernel; they keep working with what they have."""
        if self._live is not None:
            self._live.close()
        self._live = self._bundle = None
        self._packed = b""

    @property
    def bundle(self) -> page.Bundle:
        """What was rendered last, by MIME type; raises RuntimeError if nothing was."""
        if self._bundle is None:
            raise RuntimeError("The explorer could not be made. Call render() to see why.")
        return self._bundle

    @property
    def packed(self) -> bytes:
        """The payload in it."""
        return self._packed

    def fetch(self, request: wire.FetchRequest) -> wire.Scan:
        """Further samples; what the explorer's requests are answered with."""
        return self._samples.scan(request)

    def onnx(self, model: int) -> bytes:
        """The exported model, as it was rendered."""
        if not isinstance(model, int) or not 0 <= model < len(self._onnx):
            raise ValueError(f"model {model!r} does not exist; expected 0 to {len(self._onnx) - 1}")
        return self._onnx[model]

    def _open(self, debug: bool) -> None:
        if self._live is None:
            self._live = Live(self, self._classes, debug)
        self._live.debug = debug

    def _start(self, method: Any, arguments: Any) -> dict[str, Any]:
        """All that is chosen at first: what is chosen now, unless another method or other arguments are given."""
        choice = {} if self._live is None else self._live.chosen()
        if method is not None:
            choice["method"] = checked_method(method)
        if arguments is not None:
            of = choice.get("method", START)
            choice["arguments"] = {**choice.get("arguments", {}), of: checked_arguments(of, arguments)}
        return choice

    def _prepare(
        self, show: Callable[[page.Bundle], None], choice: dict[str, Any], num_examples: int, embed: bool | None
    ) -> None:
        """Show the stages, then the explorer, or why there is none."""
        assert self._live is not None
        model_id, title = self._live.model_id, self._title
        self._bundle = None
        try:
            payload, self._packed = self._payload(
                lambda stage: show(page.preparing(stage, model_id, title)), choice, num_examples, num_examples, embed
            )
            self._bundle = page.ready(payload, self._packed, model_id, title)
        except BaseException as error:  # an interrupt too must not leave the cell at "preparing"
            show(page.stopped(str(error) or type(error).__name__, model_id, title))
            raise
        self._live.start(page.key(self._packed), {**choice, "show": num_examples})
        self._show = num_examples
        show(self._bundle)

    def _payload(
        self, stage: Callable[[str], None], choice: dict[str, Any], num_examples: int, show: int, embed: bool | None
    ) -> tuple[wire.Payload, bytes]:
        """The payload of `num_examples` samples, of which `show` stand on a page, and its packed bytes."""
        if not isinstance(num_examples, int) or num_examples < 1:
            raise ValueError(f"num_examples is {num_examples!r}; expected an integer >= 1")
        stage("Running PyTorch on the first samples…")
        self._samples.refresh()
        scan = self._samples.scan(wire.FetchRequest(wire.Filter(), start=0, count=num_examples, scan=num_examples))
        if not scan.samples:
            raise ValueError("dataset is empty; expected at least one batch")
        outputs = scan.samples[0].outputs[0].raw.size
        if not self._use_label_for_attr and outputs > 1:
            raise ValueError(
                f"use_label_for_attr is False, but the model has {outputs} outputs per sample; "
                "False is for models with one. Leave it out to choose the class to explain."
            )
        stage("Exporting the model…")
        names = self._samples.input_names()
        free = self._samples.free()
        exports = {
            name: export(model, self._samples.example(model), self._score_func, names, free)
            for name, model in self._models.items()
        }
        self._samples.keep_to(exports)
        self._onnx = [exported.onnx for exported in exports.values()]
        stage("Packing model and samples…")
        payload = self._describe(scan, choice, min(show, num_examples))
        if embed is False or (embed is None and sum(map(len, self._onnx)) > 2 * _EMBED_LIMIT):
            packed = self._leave_out_models(payload)
        else:
            packed = page.pack(payload)
            if embed is None and len(packed) > _EMBED_LIMIT:
                packed = self._leave_out_models(payload)
        if len(packed) > _WARN_LIMIT:
            warnings.warn(
                f"The output takes {len(packed) / 1e6:.0f} MB; above 20 MB notebooks become slow. "
                "Show fewer samples (num_examples), or pass embed=False.",
                stacklevel=4,
            )
        return payload, packed

    def _describe(self, scan: wire.Scan, choice: dict[str, Any], show: int) -> wire.Payload:
        # The samples in it are the first ones, whatever is filtered.
        choice = {name: value for name, value in choice.items() if name not in ("filter", "first")}
        inputs, baselines = self._samples.input_names(), self._samples.baseline_names()
        names = _distinct([feature.name for feature in self._features])
        return wire.Payload(
            version=__version__,
            classes=self._classes,
            features=[
                wire.FeatureSpec(name, f.visualization_type(), inputs[i], baselines[i], list(f.categories))
                for i, (name, f) in enumerate(zip(names, self._features, strict=True))
            ],
            models=[wire.ModelSpec(name, len(onnx), onnx) for name, onnx in zip(self._models, self._onnx, strict=True)],
            use_label_for_attr=self._use_label_for_attr,
            show=show,
            choice={**choice, "show": show},
            scan=scan,
        )

    def _leave_out_models(self, payload: wire.Payload) -> bytes:
        for model in payload.models:
            model.onnx = None
        return page.pack(payload)


def _listed(value: Any, kind: type, argument: str, expected: str) -> list[Any]:
    values = [value] if isinstance(value, kind) else list(value) if isinstance(value, (list, tuple)) else [value]
    if not values:
        raise ValueError(f"{argument} is empty; expected at least one {expected}")
    for item in values:
        if not isinstance(item, kind):
            raise TypeError(f"{argument} holds a {type(item).__name__}; expected {expected}, or a list of them")
    return values


def _distinct(names: Sequence[str]) -> list[str]:
    """A second "Net" is called "Net (2)"."""
    found: list[str] = []
    for base in names:
        name, count = base, 1
        while name in found:
            count += 1
            name = f"{base} ({count})"
        found.append(name)
    return found
