"""Attriscope: see why a PyTorch model said what it said, in the notebook cell."""

from attriscope import features
from attriscope._version import __version__
from attriscope.dataset import Batch
from attriscope.export import ExportError, export_onnx
from attriscope.results import Results
from attriscope.visualizer import AttributionVisualizer

__all__ = ["AttributionVisualizer", "Batch", "ExportError", "Results", "__version__", "export_onnx", "features"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "attriscope"}]
