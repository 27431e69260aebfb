"""The output's representations: the self-contained page, and the bundle that a notebook displays and saves."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any, Literal

from attriscope import wire
from attriscope._version import __version__

MIME = "application/vnd.attriscope.v1+json"

Bundle = dict[str, Any]

#: What the front end's build writes.
_STATIC = resources.files("attriscope") / "static"

#: Rows of the table that stands where the explorer cannot.
_TABLE_ROWS = 8

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 0 }}</style>
</head>
<body>
<noscript>This page computes in the browser: allow JavaScript, or trust the notebook that it is part of.</noscript>
<script type="application/octet-stream" id="payload">{payload}</script>
<script type="text/plain" id="app">{app}</script>
<script>
(async () => {{
  try {{
    const text = atob(document.getElementById("app").textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.body.append(script);
  }} catch (error) {{
    const message = document.createElement("p");
    message.textContent = "The explorer could not be started: " + error +
      ". It needs a browser of 2023 or later (Chrome 80, Firefox 113, Safari 16.4).";
    document.body.append(message);
  }}
}})();
</script>
</body>
</html>
"""


def pack(payload: wire.Payload) -> bytes:
    """The payload as pages carry it: gzip'ed MessagePack, the same bytes for the same values."""
    return gzip.compress(wire.encode(payload), 9, mtime=0)


def key(packed: bytes) -> str:
    """What outputs with this payload are known by."""
    return hashlib.sha256(packed).hexdigest()[:16]


@functools.lru_cache(maxsize=1)
def methods() -> dict[str, list[str]]:
    """The explorer's methods, each with its arguments' names."""
    found: dict[str, list[str]] = json.loads(_built("methods.json"))
    return found


def page(packed: bytes, title: str) -> str:
    """One HTML file that needs no network: app, models and samples."""
    return _PAGE.format(title=escape(title), payload=base64.b64encode(packed).decode(), app=_app())


def ready(payload: wire.Payload, packed: bytes, model_id: str, title: str) -> Bundle:
    """The explorer: live with our extension, else as a page in an iframe, else as a table."""
    iframe = (
        f'<div style="height:{_height(payload)}px;resize:vertical;overflow:hidden">'
        f'<iframe title="{escape(title)}" sandbox="allow-scripts allow-downloads" '
        f'style="width:100%;height:100%;border:0" srcdoc="{escape(page(packed, title))}"></iframe></div>'
    )
    return {
        MIME: _state("ready", model_id, payload=key(packed)),
        "text/html": iframe + _table(payload) + _caption(payload),
        "text/plain": f"{title}, {len(payload.scan.samples)} samples; open the notebook in JupyterLab to explore them",
    }


def _height(payload: wire.Payload) -> int:
    """About what the explorer takes, in CSS pixels: controls of a narrow notebook, then cards; it can be dragged."""
    cards = min(payload.show, len(payload.scan.samples))
    kinds = {feature.kind for feature in payload.features}
    if kinds <= {"image", "empty"}:
        return max(440, 300 + 164 * -(-cards // 2))
    # Cards of texts and rows take the whole width; beside a short one stand the predictions.
    of = {"image": 120, "text": 72, "empty": 0}
    shown = (of.get(f.kind, 100 + 22 * min(len(f.categories), 8)) for f in payload.features)
    return 300 + cards * max(168, 44 + sum(shown))


def preparing(stage: str, model_id: str, title: str) -> Bundle:
    """The explorer's frame with what is being done; later replaced."""
    return {
        MIME: _state("preparing", model_id, stage=stage),
        "text/html": f"<p>Attriscope: {escape(stage)}</p>",
        "text/plain": f"{title}: {stage}",
    }


def stopped(message: str, model_id: str, title: str) -> Bundle:
    """Why there is no explorer."""
    return {
        MIME: _state("stopped", model_id, message=message),
        "text/html": f"<p><strong>Attriscope could not make the explorer.</strong> {escape(message)}</p>",
        "text/plain": f"{title}: {message}",
    }


def _state(state: Literal["preparing", "ready", "stopped"], model_id: str, **more: str) -> dict[str, str]:
    return {"model_id": model_id, "version": __version__, "state": state, **more}


def _table(payload: wire.Payload) -> str:
    names = [model.name for model in payload.models]
    of = ["", *(f" of {name}" for name in names[1:])]
    columns = ["sample", "label", *(f"{column}{whose}" for whose in of for column in ("prediction", "score"))]
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    samples = payload.scan.samples
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _row(sample, payload.classes)) + "</tr>"
        for sample in samples[:_TABLE_ROWS]
    )
    more = f"; {len(samples) - _TABLE_ROWS} samples more" if len(samples) > _TABLE_ROWS else ""
    caption = f"<caption>{escape(names[0])}: PyTorch's own numbers{more}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(sample: wire.Sample, classes: Sequence[str]) -> list[str]:
    label = "" if sample.label is None else classes[sample.label]
    if sample.error:
        return [str(sample.id), label, sample.error, *[""] * (2 * len(sample.outputs) - 1)]
    return [str(sample.id), label, *(cell for output in sample.outputs for cell in _predicted(output.scores, classes))]


def _predicted(scores: wire.Array, classes: Sequence[str]) -> tuple[str, str]:
    if scores.size == 1:
        return "", f"{scores[0]:.4g}"
    top = int(scores.argmax())
    return classes[top], f"{scores[top]:.4g}"


def _caption(payload: wire.Payload) -> str:
    if any(model.onnx is None for model in payload.models):
        size = sum(model.size for model in payload.models) / 1e6
        where = (
            f"The model ({size:.1f} MB) is not stored here: the interactive explorer needs a running kernel, with the "
            "attriscope extension installed; pass embed=True to store the model."
        )
    else:
        where = (
            "The interactive explorer appears where this notebook is trusted or the attriscope extension is installed; "
            "it computes in the browser and needs no kernel."
        )
    return f"<p><small>{where}</small></p>"


@functools.lru_cache(maxsize=1)
def _app() -> str:
    """The built front end, gzip'ed, in base64."""
    return base64.b64encode(gzip.compress(_built("page.js"), 9, mtime=0)).decode()


def _built(name: str) -> bytes:
    try:
        return (_STATIC / name).read_bytes()
    except FileNotFoundError:
        raise RuntimeError(
            f"attriscope/static/{name} is missing: the front end has not been built. "
            "In a checkout run `npm install` and `npm run build:prod`; else install attriscope again."
        ) from None
