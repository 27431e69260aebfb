"""The live model: the kernel's end of the explorer. It answers messages; all data is in them, none in its traits."""

from __future__ import annotations

import traceback
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets
from IPython.core.getipython import get_ipython
from traitlets import Unicode

from attriscope import wire
from attriscope._version import __version__

if TYPE_CHECKING:
    from attriscope.visualizer import AttributionVisualizer


class Live(ipywidgets.Widget):
    """Answers one visualizer's explorers. ipywidgets keeps it until it is closed, so it holds the visualizer weakly."""

    _model_name = Unicode("AttriscopeModel").tag(sync=True)
    _model_module = Unicode("attriscope").tag(sync=True)
    _model_module_version = Unicode(f"^{__version__}").tag(sync=True)
    _view_name = Unicode(None, allow_none=True).tag(sync=True)

    def __init__(self, visualizer: AttributionVisualizer, debug: bool = False):
        super().__init__()
        self._visualizer = weakref.ref(visualizer)
        self._debug = debug
        self.on_msg(self._answer)

    def _answer(self, _widget: Any, content: Any, _buffers: Any) -> None:
        reply = {"for": content.get("for") if isinstance(content, dict) else None}
        try:
            op, data = self._reply(content)
        except Exception as error:
            message = traceback.format_exc() if self._debug else str(error) or type(error).__name__
            self.send({"op": "error", **reply, "message": message})
        else:
            self.send({"op": op, **reply}, [data])

    def _reply(self, content: Any) -> tuple[str, bytes]:
        visualizer = self._visualizer()
        if visualizer is None:
            raise RuntimeError("The kernel no longer has this visualizer. Run the cell again.")
        op = content.get("op") if isinstance(content, dict) else content
        if op == "fetch":
            return "scan", wire.encode(visualizer.fetch(wire.fetch_request(content)))
        if op == "model":
            return "model", visualizer.onnx(content.get("model"))
        raise ValueError(f"unknown request {op!r}; expected 'fetch' or 'model'")


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
