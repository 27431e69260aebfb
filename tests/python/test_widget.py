"""The live model: requests and replies, lifetimes."""

import gc
import gzip
import re
import weakref
from pathlib import Path

import msgpack
import numpy as np
import pytest
import torch
from nets import Tiny, images, seeded, softmax
from traitlets import TraitError

import attriscope
from attriscope import AttributionVisualizer, Batch, page
from attriscope.features import ImageFeature
from attriscope.results import Parts
from attriscope.widget import START, Live


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
    "filter": {"classes": [], "labels": [], "prediction": "all"},
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

    def test_payload(self, shell, monkeypatch) -> None:
        of = make()
        of.render()
        reply, (data,) = ask(of, monkeypatch, {"op": "payload", "for": "c/3"})
        assert reply == {"op": "payload", "for": "c/3"}
        assert page.key(data) == of.widget._payload
        assert msgpack.unpackb(gzip.decompress(data))["classes"] == ["cat", "dog", "owl"]

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ({"op": "model", "for": "c", "model": 1}, "model 1 does not exist; expected 0 to 0"),
            ({"op": "model", "for": "c"}, "model None does not exist"),
            ({"op": "dance", "for": "c"}, "unknown request 'dance'; expected 'fetch', 'model', 'payload' or 'results'"),
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
        live = Live(of, [])
        sent = []
        live.send = lambda reply, buffers=None: sent.append(reply)
        del of
        gc.collect()
        live._handle_custom_msg(FETCH, [])
        assert sent[0]["message"] == "The kernel no longer has this visualizer. Run the cell again."
        live.close()


@pytest.fixture
def live(shell):
    """The widget of a rendered visualizer."""
    of = make()
    of.render()
    yield of.widget
    of.close()


def of_page(live: Live, **state) -> None:
    """An update by the page."""
    live.set_state(state)


class TestTraits:
    def test_start(self, live) -> None:
        everything = {"classes": [], "labels": [], "prediction": "all"}
        assert (live.method, live.arguments, live.target, live.selected) == (START, {}, None, None)
        assert (live.filters, live.choice) == (everything, {"show": 4})
        choice = (Path(__file__).parents[2] / "src" / "choice.ts").read_text()
        assert re.search(r'method: "(.*)"', choice)[1] == START

    def test_the_page_drives_them(self, live) -> None:
        seen = []
        live.observe(lambda change: seen.append((change["name"], change["new"])), ["method", "target", "selected"])
        of_page(live, method="Saliency", arguments={"abs": True}, target=2, selected=3, choice={"selected": 3})
        assert sorted(seen) == [("method", "Saliency"), ("selected", 3), ("target", 2)]
        assert (live.arguments, live.choice) == ({"abs": True}, {"selected": 3})

    def test_they_drive_the_page(self, live, monkeypatch) -> None:
        sent = {}
        monkeypatch.setattr(live, "_send", lambda message, buffers=None: sent.update(message.get("state", {})))
        live.method = "Occlusion"
        live.arguments = {"sliding_window_shapes": (3, 8, 8), "strides": np.array([3, 4, 4])}
        live.selected = np.int64(5)
        live.target = torch.tensor(2)
        live.filters = {"labels": ["owl"]}
        assert sent.pop("_turn") == live._turn > 0
        assert sent == {
            "method": "Occlusion",
            "arguments": {"sliding_window_shapes": [3, 8, 8], "strides": [3, 4, 4]},
            "selected": 5,
            "target": 2,
            "filters": {"classes": [], "labels": ["owl"], "prediction": "all"},
        }

    def test_another_method_comes_with_what_was_entered_for_it(self, live) -> None:
        of_page(live, arguments={"n_steps": 7}, choice={"arguments": {"Saliency": {"abs": False}}})
        live.method = "Saliency"
        assert live.arguments == {"abs": False}
        live.method = "Input X Gradient"
        assert live.arguments == {}

    def test_a_choice_sets_the_others(self, live) -> None:
        live.choice = {
            **{"method": "Saliency", "arguments": {"Saliency": {"abs": False}}, "selected": 1, "targets": {"1": 2}},
            **{"target": 0, "filter": {"prediction": "correct"}},
        }
        assert (live.method, live.arguments, live.selected, live.target) == ("Saliency", {"abs": False}, 1, 2)
        assert live.filters == {"classes": [], "labels": [], "prediction": "correct"}
        live.choice = {"view": "compare"}
        assert (live.method, live.arguments, live.selected, live.target) == ("Saliency", {"abs": False}, 1, 2)

    def test_what_no_page_has_seen_is_in_the_choice_all_the_same(self, live) -> None:
        live.choice = {"targets": {"1": 0, "2": 0}, "show": 4}
        live.method, live.arguments, live.filters = "Saliency", {"abs": False}, {"classes": ["owl"]}
        live.selected, live.target = 2, 1
        assert live.chosen() == {
            **{"method": "Saliency", "arguments": {"Saliency": {"abs": False}}, "selected": 2, "show": 4},
            **{"targets": {"1": 0, "2": 1}, "filter": live.filters},
        }
        live.target = None
        assert live.chosen()["targets"] == {"1": 0}
        live.selected, live.target = None, 2
        assert (live.chosen()["targets"], live.chosen()["target"]) == ({}, 2)

    @pytest.mark.parametrize(
        ("name", "value", "text"),
        [
            ("method", "Salience", r"method: got 'Salience'; did you mean 'Saliency'\?"),
            ("method", 3, "'method' trait .* expected a unicode string, not the int 3"),
            ("arguments", [5], "'arguments' trait .* expected a dict"),
            ("arguments", {"abs": 1}, "Integrated Gradients has no argument 'abs'; it takes n_steps, method"),
            ("arguments", {"n_steps": {}}, "arguments: n_steps is a dict; expected a number, a list of them, a str"),
            ("target", 3, "target: got 3; expected an index into classes, 0 to 2, or None"),
            ("target", -1, "target: got -1; expected an index"),
            ("target", 1.5, "'target' trait .* expected an int, not the float 1.5"),
            ("selected", -1, "selected: got -1; expected a sample's id, an integer >= 0, or None"),
            (
                "filters",
                {"class": ["cat"]},
                "filters: got {'class': .*; expected a map with classes, labels",
            ),
            ("filters", {"classes": ["Cat"]}, r"filters.classes: got 'Cat', which is no class; did you mean 'cat'\?"),
            ("filters", {"prediction": True}, "filters.prediction: got True; expected 'all', 'correct' or 'incorrect'"),
            ("choice", {"method": "Salience"}, "method: got 'Salience'"),
            ("choice", {"filter": []}, r"choice.filter: got \[\]; expected a map"),
            ("choice", {"view": {1, 2}}, "choice: Object of type set is not JSON serializable; expected JSON, as this"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, live, name, value, text) -> None:
        before = live.get_state()
        with pytest.raises(TraitError, match=text):
            setattr(live, name, value)
        assert live.get_state() == before


def parts(live: Live, values: np.ndarray, count: int = 1, **change) -> list[tuple[dict, list[bytes]]]:
    """What the page sends of one column: two samples of one feature [1, 2, 2], three classes."""
    samples = [
        {"id": 4, "target": 2, "prediction": 2, "delta": 0.5, "deletion": None, "insertion": None},
        {"id": 7, "target": 0, "prediction": 1, "delta": -0.25, "deletion": 0.125, "insertion": 0.75},
    ]
    column = {
        **{"method": "Saliency", "arguments": {"abs": True}, "baseline": None, "model": "Tiny"},
        **{"features": ["Photo"], "shapes": [[[1, 2, 2], [1, 2, 2]]], "scores": 3, "samples": samples},
    }
    content = {
        **{"op": "results", "payload": live._payload, "turn": live._turn, "from": "a/1", "parts": count},
        **{"columns": [column], **change},
    }
    data = values.astype("<f4").tobytes()
    size = -(-len(data) // count)
    return [(content | {"part": i}, [data[i * size : (i + 1) * size]]) for i in range(count)]


class TestResults:
    values = np.arange(14, dtype=np.float32) / 3

    def test_before_anything_is_shown(self, live) -> None:
        with pytest.raises(RuntimeError, match=r"Nothing is shown yet. Call render\(\), and results\(\) in a la"):
            make().results()
        with pytest.raises(
            RuntimeError, match=r"No page has sent results yet. Wait until the explorer shows them, and"
        ):
            live.results()

    @pytest.mark.parametrize("count", [1, 3])
    def test_as_arrays(self, live, count) -> None:
        for content, buffers in parts(live, self.values, count):
            live._handle_custom_msg(content, [memoryview(buffer) for buffer in buffers])
        found = live.results()
        assert (found.method, found.arguments, found.baseline, found.model) == ("Saliency", {"abs": True}, None, "Tiny")
        assert [found.ids.tolist(), found.targets.tolist(), found.predictions.tolist()] == [[4, 7], [2, 0], [2, 1]]
        np.testing.assert_array_equal(found.attributions["Photo"], self.values[:8].reshape(2, 1, 2, 2))
        np.testing.assert_array_equal(found.scores, self.values[8:].reshape(2, 3))
        np.testing.assert_array_equal(found.delta, np.float32([0.5, -0.25]))
        np.testing.assert_array_equal(found.deletion, np.float32([np.nan, 0.125]))
        np.testing.assert_array_equal(found.insertion, np.float32([np.nan, 0.75]))
        assert repr(found) == "<Results of Saliency, Tiny: samples [4, 7], attributions 'Photo' [2, 1, 2, 2]>"

    def test_without_classes(self, live) -> None:
        samples = [{"id": 4, "target": None, "prediction": None, "delta": None, "deletion": None, "insertion": None}]
        ((content, buffers),) = parts(live, self.values[:4])
        content["columns"][0] |= {"scores": 0, "samples": samples, "shapes": [[[1, 2, 2]]]}
        live._handle_custom_msg(content, buffers)
        found = live.results()
        assert (found.targets, found.predictions, found.scores) == (None, None, None)

    def test_texts_of_different_lengths(self, live) -> None:
        ((content, buffers),) = parts(live, self.values)
        content["columns"][0] |= {"features": ["Review", "Row"], "shapes": [[[3], [1]], [[2], [2]]]}
        live._handle_custom_msg(content, buffers)
        found = live.results()
        assert [review.tolist() for review in found.attributions["Review"]] == [
            self.values[:3].tolist(),
            self.values[3:4].tolist(),
        ]
        np.testing.assert_array_equal(found.attributions["Row"], self.values[4:8].reshape(2, 2))
        np.testing.assert_array_equal(found.scores, self.values[8:].reshape(2, 3))
        assert repr(found).endswith("attributions 'Review' [3] [1], 'Row' [2, 2]>")

    def test_columns(self, live) -> None:
        ((content, buffers),) = parts(live, np.concatenate([self.values, self.values + 1]))
        content["columns"] = [content["columns"][0], content["columns"][0] | {"model": "Other"}]
        live._handle_custom_msg(content, buffers)
        assert [live.results(column).model for column in (0, 1)] == ["Tiny", "Other"]
        np.testing.assert_array_equal(live.results(1).scores, self.values[8:].reshape(2, 3) + 1)
        with pytest.raises(ValueError, match="column is 2; expected 0 to 1, a column of Compare"):
            live.results(2)

    def test_what_was_set_since_is_waited_for(self, live) -> None:
        ((content, buffers),) = parts(live, self.values)
        live._handle_custom_msg(content, buffers)
        assert live.results()
        live.target = 1
        with pytest.raises(RuntimeError, match=r"The page has not computed yet what was set last. Wait until"):
            live.results()
        live._handle_custom_msg(content | {"turn": live._turn}, buffers)
        assert live.results()

    def test_of_several_pages_the_last_one_counts(self, live) -> None:
        first, second = parts(live, self.values, 2), parts(live, self.values + 1, 2, **{"from": "b/1"})
        for content, buffers in (first[0], *second, first[1]):
            live._handle_custom_msg(content, buffers)
        np.testing.assert_array_equal(live.results().scores, self.values[8:].reshape(2, 3) + 1)

    def test_an_output_of_before_does_not_count(self, live) -> None:
        ((content, buffers),) = parts(live, self.values, payload="another")
        live._handle_custom_msg(content, buffers)
        with pytest.raises(RuntimeError, match=r"No page has sent results yet"):
            live.results()

    def test_many_are_asked_for(self, live, monkeypatch) -> None:
        sent = []
        monkeypatch.setattr(live, "send", lambda content, buffers=None: sent.append(content))
        live._handle_custom_msg({"op": "results", "payload": live._payload, "left_out": 40_000_000}, [])
        with pytest.raises(RuntimeError, match=r"The maps take 40 MB, which the page sends only when asked, and up to"):
            live.results()
        assert sent == [{"op": "results"}]
        ((content, buffers),) = parts(live, self.values)
        live._handle_custom_msg(content, buffers)
        assert live.results()

    def test_what_does_not_fit_together(self) -> None:
        class Page:
            _payload, _turn = "", 0

        ((content, buffers),) = parts(Page, self.values[:13])
        with pytest.raises(
            ValueError, match=r"results: got 13 values for \[\(1, 2, 2\), \(1, 2, 2\), \(2, 3\)\]; expected 14"
        ):
            Parts().add(content, buffers)


class TestLifetime:
    def test_the_state_is_small(self, shell) -> None:
        of = make()
        live = Live(of, [])
        state = live.get_state()
        assert state["_model_name"] == "AttriscopeModel"
        assert state["_model_module"] == "attriscope"
        assert state["_model_module_version"] == f"^{attriscope.__version__}"
        assert state["_view_name"] == "AttriscopeView"
        assert len(str(state)) < 800
        assert repr(live) == "<Attriscope explorer: Integrated Gradients>"
        live.close()

    def test_rendering_again_keeps_it(self, shell) -> None:
        of = make()
        of.render()
        live, payload = of._live, of._live._payload
        with torch.no_grad():
            of._models["Tiny"].linear.bias += 1
        of.render()
        assert of._live is live
        assert live._payload != payload
        of.close()
        assert (of._live, live.comm) == (None, None)

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
