"""The live model: the kernel's end of the explorer. Its traits say what is chosen; all data is in messages."""

from __future__ import annotations

import contextlib
import json
import operator
import traceback
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets
from IPython.core.getipython import get_ipython
from traitlets import Dict, Int, TraitError, Unicode, default, observe, validate

from attriscope import page, wire
from attriscope._version import __version__
from attriscope.results import Parts, Results
from attriscope.spelling import meant

if TYPE_CHECKING:
    from attriscope.visualizer import AttributionVisualizer

#: What the explorer starts with, as `src/choice.ts` has it.
START = "Integrated Gradients"

_CHOSEN = ("method", "arguments", "target", "selected", "filters", "choice")


class _Index(Int):  # type: ignore[type-arg]
    """numpy's integers are integers, too."""

    def validate(self, obj: Any, value: Any) -> Any:
        with contextlib.suppress(TypeError):
            value = operator.index(value)
        return super().validate(obj, value)


class Live(ipywidgets.DOMWidget):
    """The explorer as a widget: its traits follow what is chosen on the page, and drive it.

    It can be displayed, put into boxes, observed and linked (``observe``, ``jslink``). ipywidgets keeps it until it is
    closed, so it holds the visualizer weakly.

    Attributes
    ----------
    method : str
        The attribution method, spelled as in Captum.
    arguments : dict
        Its arguments as entered.
    target : int or None
        Class explained on the selected sample, or on every sample while none is selected; None: what is predicted.
    selected : int or None
        Id of the sample that was worked on last: its position in the dataset.
    filters : dict
        Which samples are shown: names of predicted ``classes`` and of true ``labels``, empty for all, and
        ``prediction``, one of "all", "correct" and "incorrect".
    choice : dict
        All that is chosen, a few kilobytes of JSON. Set to what it was, it brings the explorer back there.

    What is left out of ``arguments`` and ``choice`` stays as it is, what is left out of ``filters`` keeps all.
    """

    _model_name = Unicode("AttriscopeModel").tag(sync=True)
    _model_module = Unicode("attriscope").tag(sync=True)
    _model_module_version = Unicode(f"^{__version__}").tag(sync=True)
    _view_name = Unicode("AttriscopeView").tag(sync=True)
    _view_module = Unicode("attriscope").tag(sync=True)
    _view_module_version = Unicode(f"^{__version__}").tag(sync=True)

    #: Key of the payload that was rendered last; outputs with another one are no longer live.
    _payload = Unicode("").tag(sync=True)
    #: Counts what was set from here, so that results tell whether they are of before.
    _turn = Int(0).tag(sync=True)

    method = Unicode(START).tag(sync=True)
    arguments = Dict().tag(sync=True)
    target = _Index(None, allow_none=True).tag(sync=True)
    selected = _Index(None, allow_none=True).tag(sync=True)
    filters = Dict().tag(sync=True)
    choice = Dict().tag(sync=True)

    def __init__(self, visualizer: AttributionVisualizer, classes: Sequence[str], debug: bool = False):
        self._classes = list(classes)
        super().__init__()
        self._visualizer = weakref.ref(visualizer)
        self.debug = debug
        self._parts = Parts()
        #: By column.
        self._results: list[Results] | None = None
        #: Of the results: what had been asked for by then, and their bytes where they were too many to be sent.
        self._answered = 0
        self._left_out = 0
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        return f"<Attriscope explorer: {self.method}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> page.Bundle:
        return self._owner().bundle

    def results(self, column: int = 0) -> Results:
        """What the page has sent last; raises RuntimeError where that is not what was asked for."""
        later = "Wait until the explorer shows them, and call results() in another cell: a running one hears no page."
        if self._left_out:
            self.send({"op": "results"})
            raise RuntimeError(
                f"The maps take {self._left_out / 1e6:.0f} MB, which the page sends only when asked, and up to 64 MB. "
                f"It has been asked now. {later}"
            )
        if self._results is None:
            raise RuntimeError(f"No page has sent results yet. {later}")
        if self._answered != self._turn:
            raise RuntimeError(f"The page has not computed yet what was set last. {later}")
        if not isinstance(column, int) or not 0 <= column < len(self._results):
            raise ValueError(f"column is {column!r}; expected 0 to {len(self._results) - 1}, a column of Compare")
        return self._results[column]

    def start(self, payload: str, choice: Mapping[str, Any]) -> None:
        """A payload with this key was rendered, with what is chosen at first."""
        self._results, self._left_out = None, 0
        self.choice = dict(choice)
        self._payload = payload

    @default("layout")
    def _fills_boxes(self) -> ipywidgets.Layout:
        return ipywidgets.Layout(flex="1 1 auto", min_width="0")

    @default("filters")
    def _everything(self) -> dict[str, Any]:
        return dict(vars(wire.Filter()))

    @validate("method")
    def _check_method(self, proposal: Any) -> str:
        with _trait_errors():
            return checked_method(proposal["value"])

    @validate("arguments")
    def _check_arguments(self, proposal: Any) -> dict[str, Any]:
        with _trait_errors():
            return checked_arguments(self.method, proposal["value"])

    @validate("target")
    def _check_target(self, proposal: Any) -> int | None:
        target: int | None = proposal["value"]
        if target is not None and not 0 <= target < len(self._classes):
            last = len(self._classes) - 1
            raise TraitError(f"target: got {target}; expected an index into classes, 0 to {last}, or None")
        return target

    @validate("selected")
    def _check_selected(self, proposal: Any) -> int | None:
        selected: int | None = proposal["value"]
        if selected is not None and selected < 0:
            raise TraitError(f"selected: got {selected}; expected a sample's id, an integer >= 0, or None")
        return selected

    @validate("filters")
    def _check_filters(self, proposal: Any) -> dict[str, Any]:
        with _trait_errors():
            return dict(vars(wire.checked_filter(proposal["value"], "filters", self._classes)))

    @validate("choice")
    def _check_choice(self, proposal: Any) -> dict[str, Any]:
        choice: dict[str, Any] = proposal["value"]
        with _trait_errors():
            checked_method(choice.get("method", START))
            wire.checked_filter(choice.get("filter", {}), "choice.filter", self._classes)
            try:
                json.dumps(choice, allow_nan=False)
            except TypeError as error:
                raise ValueError(f"choice: {error}; expected JSON, as this trait had it before") from error
        return choice

    @observe(*_CHOSEN)
    def _chosen(self, change: Any) -> None:
        name = change["name"]
        if name in self._property_lock and self._property_lock[name] == change["new"]:
            return  # the page says so
        self._turn += 1
        if name == "method":
            self.arguments = self._entered(self.method)
        elif name == "selected":
            self.target = self._target(self.selected)
        elif name == "choice":
            with self.hold_sync():
                for trait, value in self._said().items():
                    setattr(self, trait, value)

    def chosen(self) -> dict[str, Any]:
        """``choice``, with what the other traits were set to and no page has put there yet."""
        choice = dict(self.choice)
        if self.method != choice.get("method", START):
            choice["method"] = self.method
        if self.arguments != self._entered(self.method):
            choice["arguments"] = {**choice.get("arguments", {}), self.method: self.arguments}
        if self.selected != choice.get("selected"):
            choice["selected"] = self.selected
        if self.target != self._target(self.selected):
            others = {key: value for key, value in choice.get("targets", {}).items() if key != str(self.selected)}
            if self.selected is None:
                choice |= {"targets": {}, "target": self.target}
            else:
                choice["targets"] = others if self.target is None else {**others, str(self.selected): self.target}
        if self.filters != vars(wire.Filter(**choice.get("filter", {}))):
            choice["filter"] = self.filters
        return choice

    def _said(self) -> dict[str, Any]:
        """The other traits, as far as ``choice`` says something about them."""
        choice = self.choice
        method, selected = choice.get("method", self.method), choice.get("selected", self.selected)
        said: dict[str, Any] = {"method": method, "selected": selected}
        if method in choice.get("arguments", {}):
            said["arguments"] = self._entered(method)
        if "targets" in choice or "target" in choice:
            said["target"] = self._target(selected)
        if "filter" in choice:
            said["filters"] = choice["filter"]
        return said

    def _target(self, selected: int | None) -> int | None:
        target: int | None = self.choice.get("targets", {}).get(str(selected), self.choice.get("target"))
        return target

    def _entered(self, method: str) -> dict[str, Any]:
        """What was entered for a method, as far as is known here."""
        entered: dict[str, Any] = self.choice.get("arguments", {}).get(method, {})
        return entered

    def _owner(self) -> AttributionVisualizer:
        visualizer = self._visualizer()
        if visualizer is None:
            raise RuntimeError("The kernel no longer has this visualizer. Run the cell again.")
        return visualizer

    def _answer(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        reply = {"for": content.get("for") if isinstance(content, dict) else None}
        try:
            op = content.get("op") if isinstance(content, dict) else content
            if op == "results":
                return self._receive(content, buffers)
            name, data = self._reply(op, content)
        except Exception as error:
            message = traceback.format_exc() if self.debug else str(error) or type(error).__name__
            self.send({"op": "error", **reply, "message": message})
        else:
            self.send({"op": name, **reply}, [data])

    def _reply(self, op: Any, content: Any) -> tuple[str, bytes]:
        visualizer = self._owner()
        if op == "fetch":
            return "scan", wire.encode(visualizer.fetch(wire.fetch_request(content)))
        if op == "model":
            return "model", visualizer.onnx(content.get("model"))
        if op == "payload":
            return "payload", visualizer.packed
        raise ValueError(f"unknown request {op!r}; expected 'fetch', 'model', 'payload' or 'results'")

    def _receive(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if content["payload"] != self._payload:
            return
        if "left_out" in content:
            self._results, self._left_out = None, content["left_out"]
        elif results := self._parts.add(content, buffers):
            self._results, self._left_out, self._answered = results, 0, content["turn"]


def checked_method(name: Any) -> str:
    """A method of the explorer; raises TypeError or ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"method is {name!r}; expected a str, a method's name as in Captum")
    if name not in page.methods():
        raise ValueError(f"method: got {name!r}; {meant(name, page.methods())}")
    return name


def checked_arguments(method: str, arguments: Any) -> dict[str, Any]:
    """Arguments of a method as JSON; raises TypeError or ValueError. Whether the values fit is the page's to say."""
    if not isinstance(arguments, Mapping):
        raise TypeError(f"arguments is {arguments!r}; expected a dict with arguments of {method}")
    known = page.methods()[method]
    for name in arguments:
        if name not in known:
            raise TypeError(f"arguments: {method} has no argument {name!r}; {meant(str(name), known, 'it takes')}")
    return {name: _plain(value, f"arguments: {name}") for name, value in arguments.items()}


def _plain(value: Any, place: str) -> Any:
    if hasattr(value, "tolist"):  # of numpy and torch
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(entry, place) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{place} is a {type(value).__name__}; expected a number, a list of them, a str, a bool or None")


@contextlib.contextmanager
def _trait_errors() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise TraitError(str(error)) from error


class Shown:
    """Keeps the visualizers that a notebook's cells show, until the cell runs again.

    Without it, ``AttributionVisualizer(...).render()`` would be forgotten as soon as the cell ends.
    """

    #: Cell -> the execution that showed them, and what it showed.
    _cells: ClassVar[dict[str, tuple[str, list[AttributionVisualizer]]]] = {}

    @classmethod
    def keep(cls, visualizer: AttributionVisualizer) -> None:
        parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
        execution = str(parent.get("header", {}).get("msg_id", ""))
        # Front ends that do not name the cell get no more than the lifetime of the kernel.
        cell = str(parent.get("metadata", {}).get("cellId") or execution)
        before, shown = cls._cells.get(cell, (execution, []))
        if before != execution:
            for old in shown:
                if old is not visualizer:
                    old.close()
            shown = []
        if visualizer not in shown:
            shown.append(visualizer)
        cls._cells[cell] = execution, shown

    @classmethod
    def has(cls, visualizer: AttributionVisualizer) -> bool:
        return any(visualizer in shown for _, shown in cls._cells.values())
