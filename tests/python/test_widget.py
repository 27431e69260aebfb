"""The live model: requests and replies, lifetimes."""

import gc
import weakref

import msgpack
import pytest
from nets import Tiny, images, seeded, softmax

import attriscope
from attriscope import AttributionVisualizer, Batch
from attriscope.features import ImageFeature
from attriscope.widget import Live


def make() -> AttributionVisualizer:
    batches = (Batch(images(2), [0, 1]) for _ in range(5))
    return AttributionVisualizer(
        seeded(Tiny), ["cat", "dog", "owl"], ImageFeature("Photo", None, None), batches, softmax
    )


@pytest.fixture
def asked(shell, monkeypatch):
    """A rendered visualizer as a function: request -> (reply, buffers)."""
    of = make()
    of.render()
    return lambda content: ask(of, monkeypatch, content)


def ask(of: AttributionVisualizer, monkeypatch, content) -> tuple[dict, list]:
    sent = []
    monkeypatch.setattr(of._live, "send", lambda reply, buffers=None: sent.append((reply, buffers)))
    of._live._handle_custom_msg(content, [])
    (reply,) = sent
    return reply


FETCH = {
    "op": "fetch",
    "for": "a/1",
    "filter": {"classes": [], "prediction": "all"},
    "start": 4,
    "count": 2,
    "scan": 512,
}


class TestMessages:
    def test_fetch(self, asked) -> None:
        reply, (data,) = asked(FETCH)
        assert reply == {"op": "scan", "for": "a/1"}
        scan = msgpack.unpackb(data)
        assert ([sample["id"] for sample in scan["samples"]], scan["next"], scan["exhausted"]) == ([4, 5], 6, False)

    def test_a_filter_that_nothing_passes(self, asked) -> None:
        _, (data,) = asked(FETCH | {"filter": {"classes": ["nothing"], "prediction": "all"}, "scan": 3})
        scan = msgpack.unpackb(data)
        assert (scan["samples"], scan["scanned"], scan["next"]) == ([], 3, 7)

    def test_model(self, asked) -> None:
        reply, (data,) = asked({"op": "model", "for": "b/2", "model": 0})
        assert reply == {"op": "model", "for": "b/2"}
        assert data == attriscope.export_onnx(seeded(Tiny), images(1), softmax)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ({"op": "model", "for": "c", "model": 1}, "model 1 does not exist; expected 0 to 0"),
            ({"op": "model", "for": "c"}, "model None does not exist"),
            ({"op": "dance", "for": "c"}, "unknown request 'dance'; expected 'fetch' or 'model'"),
            (FETCH | {"for": "c", "count": "many"}, "fetch.count: got 'many'; expected an integer >= 1"),
            (FETCH | {"for": "c", "start": 99}, "fetch.start: got 99; expected at most 4"),
        ],
    )
    def test_errors(self, asked, content, text: str) -> None:
        reply, buffers = asked(content)
        assert (reply["op"], reply["for"], buffers) == ("error", "c", None)
        assert text in reply["message"]
        assert "Traceback" not in reply["message"]
        assert asked(FETCH)[0]["op"] == "scan"

    def test_what_is_no_message(self, asked) -> None:
        reply, _ = asked("hello")
        assert (reply["op"], reply["for"]) == ("error", None)

    def test_debug_tells_where(self, shell, monkeypatch) -> None:
        of = make()
        of.render(debug=True)
        reply, _ = ask(of, monkeypatch, {"op": "dance", "for": "d"})
        assert reply["message"].startswith("Traceback")

    def test_a_visualizer_that_is_gone(self, shell) -> None:
        of = make()
        live = Live(of)
        sent = []
        live.send = lambda reply, buffers=None: sent.append(reply)
        del of
        gc.collect()
        live._handle_custom_msg(FETCH, [])
        assert sent[0]["message"] == "The kernel no longer has this visualizer. Run the cell again."
        live.close()


class TestLifetime:
    def test_the_state_is_small(self, shell) -> None:
        of = make()
        live = Live(of)
        state = live.get_state()
        assert state["_model_name"] == "AttriscopeModel"
        assert state["_model_module"] == "attriscope"
        assert state["_model_module_version"] == f"^{attriscope.__version__}"
        assert state["_view_name"] is None
        assert len(str(state)) < 400
        live.close()

    def test_rendering_again_closes_the_former(self, shell) -> None:
        of = make()
        of.render()
        first = of._live
        of.render()
        assert first.comm is None
        assert of._live.comm is not None
        of.close()
        assert of._live is None

    def test_a_cell_keeps_what_it_shows_until_it_runs_again(self, shell) -> None:
        def rendered() -> weakref.ref:
            of = make()
            of.render()
            return weakref.ref(of)

        first, second = rendered(), rendered()
        shell.cell, shell.execution = "cell-2", "execution-2"
        other = rendered()
        gc.collect()
        assert None not in (first(), second(), other())
        live = first()._live
        shell.cell, shell.execution = "cell-1", "execution-3"
        third = rendered()
        gc.collect()
        assert (first(), second(), live.comm) == (None, None, None)
        assert None not in (third(), other())

    def test_the_same_visualizer_stays_live_when_its_cell_runs_again(self, shell) -> None:
        of = make()
        of.render()
        shell.execution = "execution-2"
        of.render()
        assert of._live.comm is not None

    def test_cells_without_a_name_do_not_replace_each_other(self, shell) -> None:
        shell.cell = None
        first, second = make(), make()
        first.render()
        shell.execution = "execution-2"
        second.render()
        assert None not in (first._live.comm, second._live.comm)
