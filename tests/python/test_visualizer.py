"""What the user calls: arguments, what is displayed and when, what is saved, what stays as it was."""

import base64
import gc
import getpass
import gzip
import html
import json
import re
import socket
import warnings
from pathlib import Path

import cifar_tutorial
import ipywidgets
import msgpack
import numpy as np
import onnx
import pytest
import torch
from captum.attr import TokenReferenceBase, configure_interpretable_embedding_layer
from conftest import SCRIPT
from nets import Captioned, Rows, Tiny, TwoImages, Words, images, rows, seeded, softmax, texts
from onnx.reference import ReferenceEvaluator

import attriscope
from attriscope import AttributionVisualizer, Batch, ExportError, page, visualizer
from attriscope.features import EmptyFeature, GeneralFeature, ImageFeature, TextFeature
from attriscope.widget import Shown

ROOT = Path(__file__).parents[2]
CLASSES = ["cat", "dog", "<owl>"]
X, Y = images(6), torch.tensor([0, 1, 2, 0, 1, 2])


def make(model=None, classes=CLASSES, features=None, dataset=None, **more) -> AttributionVisualizer:
    return AttributionVisualizer(
        model or [seeded(Tiny)],
        classes,
        features or [ImageFeature("Photo", lambda x: x * 0, None)],
        dataset or [Batch(X, Y)],
        **{"score_func": softmax, **more},
    )


def payload_of(bundle: dict) -> dict:
    """As the MIME renderer reads it."""
    text = bundle["text/html"]
    start = text.index("id=&quot;payload&quot;&gt;") + len("id=&quot;payload&quot;&gt;")
    return msgpack.unpackb(gzip.decompress(base64.b64decode(text[start : text.index("&lt;/script", start)])))


def rendered(shell, of: AttributionVisualizer | None = None, **arguments) -> dict:
    (of or make()).render(**arguments)
    return payload_of(shell.shown[-1][-1])


def outputs(payload: dict, model: int = 0) -> np.ndarray:
    """What the model in the payload makes of the samples in it, [N, outputs]; as the payload says, else this fails."""
    graph = onnx.load_from_string(payload["models"][model]["onnx"])
    dtypes = {v.name: onnx.helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type) for v in graph.graph.input}
    evaluator = ReferenceEvaluator(graph)
    names = [spec["input"] for spec in payload["features"]]
    found = []
    for sample in payload["scan"]["samples"]:
        arrays = dict(zip(names, sample["inputs"], strict=True)) | sample["additional"]
        feeds = {name: array_of(array)[None].astype(dtypes[name]) for name, array in arrays.items()}
        raw, scores = evaluator.run(["raw", "scores"], feeds)
        for name, ours in (("raw", raw), ("scores", scores)):
            np.testing.assert_allclose(ours[0], array_of(sample["outputs"][model][name]), atol=1e-5)
        found.append(raw[0])
    return np.array(found)


def array_of(array: dict) -> np.ndarray:
    return np.frombuffer(array["data"], array["dtype"]).reshape(array["shape"])


class TestArguments:
    def test_order_and_names_of_captum_insights(self) -> None:
        model, feature, dataset = seeded(Tiny), ImageFeature("Photo", None, None), [Batch(X, Y)]
        AttributionVisualizer([model], CLASSES, [feature], dataset, softmax, True)
        AttributionVisualizer(
            models=model, classes=CLASSES, features=feature, dataset=dataset, score_func=None, use_label_for_attr=True
        )
        AttributionVisualizer((model,), tuple(CLASSES), (feature,), dataset)

    def test_unknown_keyword(self) -> None:
        text = r"AttributionVisualizer got an unknown keyword 'clases'; check the spelling: did you mean 'classes'\?"
        with pytest.raises(TypeError, match=text):
            AttributionVisualizer(models=[], clases=[], features=[], dataset=[])  # type: ignore[call-arg]
        with pytest.raises(
            TypeError, match=r"AttributionVisualizer.render got an unknown keyword 'colour'; .* it takes"
        ):
            make().render(colour=1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match=r"Batch got an unknown keyword 'label'; .* did you mean 'labels'\?"):
            Batch(X, label=Y)  # type: ignore[call-arg]

    def test_no_models(self) -> None:
        with pytest.raises(ValueError, match=r"models is empty; expected at least one torch\.nn\.Module"):
            AttributionVisualizer([], CLASSES, [ImageFeature("Photo", None, None)], [])

    def test_no_features(self) -> None:
        with pytest.raises(ValueError, match="features is empty; expected at least one"):
            AttributionVisualizer(seeded(Tiny), CLASSES, [], [])

    def test_types(self) -> None:
        with pytest.raises(TypeError, match=r"models holds a str; expected torch\.nn\.Module, or a list of them"):
            make("resnet18")
        with pytest.raises(TypeError, match=r"features holds a str; expected attriscope\.features\.BaseFeature"):
            make(features=["Photo"])
        with pytest.raises(TypeError, match=r"classes is 'cat'; expected a list of str"):
            make(classes="cat")
        with pytest.raises(TypeError, match=r"classes is \[0, 1\]; expected a list of str"):
            make(classes=[0, 1])
        with pytest.raises(TypeError, match="score_func is a str; expected a callable or None"):
            make(score_func="softmax")

    def test_more_features_than_forward_takes(self) -> None:
        features = [ImageFeature("Left", None, None), ImageFeature("Right", None, None)]
        text = r"model Tiny: there are 2 features \(Left, Right\), but forward takes \(x\); expected at most 1"
        with pytest.raises(ValueError, match=text):
            make(features=features)

    def test_repr_is_short(self) -> None:
        assert repr(make()) == "<AttributionVisualizer of Tiny: 3 classes>"


class TestRender:
    def test_shows_stages_then_the_explorer(self, shell) -> None:
        make().render()
        (states,) = shell.shown
        data = [state[page.MIME] for state in states]
        assert [(entry["state"], entry.get("stage")) for entry in data] == [
            ("preparing", "Running PyTorch on the first samples…"),
            ("preparing", "Exporting the model…"),
            ("preparing", "Packing model and samples…"),
            ("ready", None),
        ]
        assert len({entry["model_id"] for entry in data}) == 1
        assert re.fullmatch("[0-9a-f]{16}", data[-1]["payload"])
        assert {entry["version"] for entry in data} == {attriscope.__version__}
        assert all(state.keys() == {page.MIME, "text/html", "text/plain"} for state in states)
        assert "\n" not in states[-1]["text/plain"]

    def test_the_payload(self, shell) -> None:
        payload = rendered(shell)
        assert payload["protocol"] == 1
        assert payload["version"] == attriscope.__version__
        assert payload["classes"] == CLASSES
        assert payload["features"] == [
            {"name": "Photo", "kind": "image", "input": "x", "baselines": ["zero"], "categories": []}
        ]
        assert payload["show"] == 4
        assert payload["use_label_for_attr"] is True
        scan = payload["scan"]
        assert (scan["scanned"], scan["next"], scan["exhausted"]) == (4, 4, False)
        assert [(sample["id"], sample["label"]) for sample in scan["samples"]] == [(0, 0), (1, 1), (2, 2), (3, 0)]
        (model,) = payload["models"]
        assert (model["name"], model["size"]) == ("Tiny", len(model["onnx"]))

    def test_the_model_in_it_gives_the_outputs_in_it(self, shell) -> None:
        with torch.no_grad():
            np.testing.assert_allclose(outputs(rendered(shell)), seeded(Tiny)(X[:4]), atol=1e-5)

    def test_number_of_samples(self, shell) -> None:
        payload = rendered(shell, num_examples=2)
        assert (payload["show"], len(payload["scan"]["samples"])) == (2, 2)
        payload = rendered(shell, num_examples=100)
        assert (payload["show"], len(payload["scan"]["samples"]), payload["scan"]["exhausted"]) == (100, 6, True)
        for wrong in (0, "4"):
            with pytest.raises(ValueError, match=r"num_examples is .*; expected an integer >= 1"):
                make().render(num_examples=wrong)

    def test_a_trained_model_is_shown_anew(self, shell) -> None:
        of = make()
        before = rendered(shell, of)
        with torch.no_grad():
            of._models["Tiny"].linear.bias += 1
        after = rendered(shell, of)
        assert before["scan"]["samples"][0]["inputs"] == after["scan"]["samples"][0]["inputs"]
        assert before["scan"]["samples"][0]["outputs"] != after["scan"]["samples"][0]["outputs"]
        assert before["models"] != after["models"]

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_channels(self, shell, channels: int) -> None:
        x = images(2, channels)
        payload = rendered(shell, make(seeded(Tiny, channels), dataset=[Batch(x, None)]))
        for i, sample in enumerate(payload["scan"]["samples"]):
            for array in (sample["display"][0], sample["inputs"][0]):
                assert array["shape"] == [channels, 8, 8]
                assert array["data"] == x[i].numpy().tobytes()

    def test_several_features(self, shell) -> None:
        features = [ImageFeature("Left", None, None), ImageFeature("Right", [torch.ones_like, torch.neg], lambda x: -x)]
        batch = Batch((X[:2], images(2, 1)), [0, 1], (torch.tensor([2, 3]), 0.5))
        payload = rendered(shell, make(seeded(TwoImages), features=features, dataset=[batch]))
        specs = [(spec["name"], spec["input"], spec["baselines"]) for spec in payload["features"]]
        assert specs == [("Left", "left", ["zero"]), ("Right", "right", ["ones_like", "neg"])]
        graph = onnx.load_from_string(payload["models"][0]["onnx"]).graph
        assert [value.name for value in graph.input] == ["left", "right", "length"]
        sample = payload["scan"]["samples"][1]
        assert [array["shape"] for array in sample["inputs"]] == [[3, 8, 8], [1, 8, 8]]
        assert [len(choices) for choices in sample["baselines"]] == [1, 2]
        length = sample["additional"]["length"]
        assert (length["dtype"], length["shape"], length["data"]) == ("int64", [], np.int64(3).tobytes())

    def test_several_models(self, shell) -> None:
        class Photo(Tiny):
            def forward(self, photo):
                return super().forward(photo)

        models = [seeded(Tiny), Tiny().eval(), Photo().eval()]
        of = make(models)
        assert repr(of) == "<AttributionVisualizer of Tiny, Tiny (2), Photo: 3 classes>"
        payload = rendered(shell, of)
        assert [model["name"] for model in payload["models"]] == ["Tiny", "Tiny (2)", "Photo"]
        assert payload["features"][0]["input"] == "x"
        for i, model in enumerate(models):
            with torch.no_grad():
                np.testing.assert_allclose(outputs(payload, i), model(X[:4]), atol=1e-5)
        text = shell.shown[-1][-1]["text/html"]
        assert "<th>prediction</th><th>score</th><th>prediction of Tiny (2)</th><th>score of Tiny (2)</th>" in text
        assert len(re.findall(r"<tr><td>0</td>(<td>[^<]*</td>){7}</tr>", text)) == 1

    def test_start(self, shell) -> None:
        of = make()
        window = {"sliding_window_shapes": (3, 8, np.int64(8))}
        payload = rendered(shell, of, method="Occlusion", arguments=window, num_examples=2)
        entered = {"Occlusion": {"sliding_window_shapes": [3, 8, 8]}}
        assert payload["choice"] == {"method": "Occlusion", "arguments": entered, "show": 2}
        assert (of.widget.method, of.widget.arguments) == ("Occlusion", entered["Occlusion"])
        assert rendered(shell, make())["choice"] == {"show": 4}

    @pytest.mark.parametrize(
        ("given", "kind", "text"),
        [
            ({"method": 3}, TypeError, "method is 3; expected a str"),
            ({"method": "Salience"}, ValueError, r"method: got 'Salience'; did you mean 'Saliency'\?"),
            (
                {"method": "SHAP"},
                ValueError,
                "method: got 'SHAP'; expected one of Integrated Gradients, Saliency, Input",
            ),
            (
                {"arguments": [5]},
                TypeError,
                r"arguments is \[5\]; expected a dict with arguments of Integrated Gradients",
            ),
            (
                {"arguments": {"steps": 5}},
                TypeError,
                r"arguments: Integrated Gradients has no argument 'steps'; did you mean 'n_steps'\?",
            ),
            ({"method": "Input X Gradient", "arguments": {"abs": 1}}, TypeError, "no argument 'abs'; it takes none"),
            (
                {"arguments": {"n_steps": print}},
                TypeError,
                "arguments: n_steps is a builtin_function_or_method; expected",
            ),
        ],
    )
    def test_a_start_that_makes_no_sense(self, shell, given, kind, text) -> None:
        with pytest.raises(kind, match=text):
            make().render(**given)
        assert not shell.shown

    def test_it_is_shown_again_as_it_was_left(self, shell) -> None:
        of = make()
        rendered(shell, of)
        left = {"method": "Saliency", "filter": {"classes": ["dog"]}, "first": 4, "targets": {"1": 2}, "show": 8}
        of.widget.choice = left
        assert rendered(shell, of)["choice"] == {"method": "Saliency", "targets": {"1": 2}, "show": 4}
        assert of.widget.filters["classes"] == ["dog"]

    def test_one_output(self, shell) -> None:
        of = make(seeded(Tiny, 3, 1), classes=[], score_func=None, use_label_for_attr=False)
        payload = rendered(shell, of)
        assert payload["use_label_for_attr"] is False
        assert payload["scan"]["samples"][0]["outputs"][0]["raw"]["shape"] == [1]

    def test_a_terminal_gets_one_line(self, capsys, monkeypatch) -> None:
        monkeypatch.setattr(visualizer, "get_ipython", lambda: None)
        make().render()
        assert capsys.readouterr().out == "<AttributionVisualizer of Tiny: 3 classes>\n"


class TestKinds:
    """Texts, rows and what is not shown, alone and beside pictures."""

    IDS, ROWS = texts(6), rows(6)
    COLUMNS = ("age", "fare", "<sex>")

    def test_a_text(self, shell) -> None:
        padding = TokenReferenceBase(1)

        def pad(ids):
            return padding.generate_reference(len(ids), ids.device)

        def itos(ids):
            return [f"<{i}>" for i in ids.squeeze(0).tolist()]

        feature = TextFeature("Review", [pad], None, itos, feature_mask=[0, 0, 1, 1, 2])
        model, classes, dataset = seeded(Words), ["bad", "good"], [Batch(self.IDS, Y % 2)]
        payload = rendered(shell, make(model, classes, [feature], dataset))
        assert payload["features"] == [
            {"name": "Review", "kind": "text", "input": "ids", "baselines": ["pad"], "categories": []}
        ]
        for ids, sample in zip(self.IDS, payload["scan"]["samples"], strict=False):
            assert sample["display"] == [[f"<{i}>" for i in ids.tolist()]]
            np.testing.assert_array_equal(array_of(sample["inputs"][0]), ids)
            assert array_of(sample["baselines"][0][0]).tolist() == [1] * 5
            assert array_of(sample["feature_masks"][0]).tolist() == [0, 0, 1, 1, 2]
        (x,) = onnx.load_from_string(payload["models"][0]["onnx"]).graph.input
        assert x.type.tensor_type.elem_type == onnx.TensorProto.INT64
        with torch.no_grad():
            np.testing.assert_allclose(outputs(payload), model(self.IDS[:4]), atol=1e-5)

    def test_embeddings_that_captum_takes_out_of_the_model(self, shell) -> None:
        model = seeded(Words)
        with torch.no_grad():
            expected = model(self.IDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            embedding = configure_interpretable_embedding_layer(model, "embedding")
        feature = TextFeature(
            "Review",
            lambda x: embedding.indices_to_embeddings(torch.ones(len(x), dtype=torch.long)),
            embedding.indices_to_embeddings,
        )
        payload = rendered(shell, make(model, ["bad", "good"], [feature], [Batch(self.IDS, None)]))
        sample = payload["scan"]["samples"][0]
        assert sample["display"] == [[str(i) for i in self.IDS[0].tolist()]]
        assert sample["inputs"][0]["shape"] == [5, 4]
        np.testing.assert_allclose(outputs(payload), expected[:4], atol=1e-5)

    def test_rows(self, shell) -> None:
        model = seeded(Rows)
        mean, deviation = self.ROWS.mean(0), self.ROWS.std(0)

        def standardise(row):
            return (row - mean) / deviation

        feature = GeneralFeature("Passenger", self.COLUMNS, None, standardise)
        payload = rendered(shell, make(model, ["no", "yes"], [feature], [Batch(self.ROWS, Y % 2)]))
        assert payload["features"] == [
            {
                "name": "Passenger",
                "kind": "general",
                "input": "row",
                "baselines": ["zero"],
                "categories": list(self.COLUMNS),
            }
        ]
        assert [sample["display"] for sample in payload["scan"]["samples"]] == [[r] for r in self.ROWS[:4].tolist()]
        with torch.no_grad():
            np.testing.assert_allclose(outputs(payload), model(standardise(self.ROWS))[:4], atol=1e-5)

    def test_regression(self, shell) -> None:
        model, feature = seeded(Rows, 3, 1), GeneralFeature("House", self.COLUMNS)
        of = make(model, [], [feature], [Batch(self.ROWS, Y / 4)], score_func=None, use_label_for_attr=False)
        payload = rendered(shell, of)
        assert {sample["label"] for sample in payload["scan"]["samples"]} == {None}
        with torch.no_grad():
            expected = model(self.ROWS)
        np.testing.assert_allclose(outputs(payload), expected[:4], rtol=1e-5)
        assert f"<tr><td>0</td><td></td><td></td><td>{expected[0, 0]:.4g}</td></tr>" in shell.shown[-1][-1]["text/html"]

    def test_a_picture_a_text_and_additional_arguments(self, shell) -> None:
        weight = torch.linspace(0.5, 1, 6)
        features = [ImageFeature("Photo", None, None), TextFeature("Caption", None, None)]
        dataset = [Batch((X, self.IDS), Y, (weight,))]
        model = seeded(Captioned)
        payload = rendered(shell, make(model, features=features, dataset=dataset))
        specs = [(spec["name"], spec["kind"], spec["input"]) for spec in payload["features"]]
        assert specs == [("Photo", "image", "image"), ("Caption", "text", "caption")]
        sample = payload["scan"]["samples"][1]
        assert sample["display"][0]["shape"] == [3, 8, 8]
        assert sample["display"][1] == [str(i) for i in self.IDS[1].tolist()]
        with torch.no_grad():
            np.testing.assert_allclose(outputs(payload), model(X, self.IDS, weight)[:4], atol=1e-5)

    def test_an_input_that_is_not_shown(self, shell) -> None:
        features = [EmptyFeature("Hidden", torch.ones_like), TextFeature("Caption", None, None)]
        dataset = [Batch((X, self.IDS), Y, (torch.ones(6),))]
        payload = rendered(shell, make(seeded(Captioned), features=features, dataset=dataset))
        assert [spec["kind"] for spec in payload["features"]] == ["empty", "text"]
        sample = payload["scan"]["samples"][0]
        assert (sample["display"][0], sample["inputs"][0]["shape"]) == (None, [3, 8, 8])
        assert (array_of(sample["baselines"][0][0]) == 1).all()
        assert len(outputs(payload)) == 4

    def test_features_of_one_name_are_told_apart(self, shell) -> None:
        dataset = [Batch((X, self.IDS), Y, (torch.ones(6),))]
        of = make(seeded(Captioned), features=[EmptyFeature(), EmptyFeature()], dataset=dataset)
        assert [spec["name"] for spec in rendered(shell, of)["features"]] == ["empty", "empty (2)"]

    def test_models_may_be_left_out_and_pages_saved(self, shell, tmp_path) -> None:
        of = make(seeded(Words), ["bad", "good"], [TextFeature("Review", None, None)], [Batch(self.IDS, None)])
        assert rendered(shell, of, embed=False)["models"][0]["onnx"] is None
        of.save(tmp_path / "page.html")
        packed = re.search(r'id="payload">([^<]*)<', (tmp_path / "page.html").read_text(encoding="utf-8"))[1]
        assert len(outputs(msgpack.unpackb(gzip.decompress(base64.b64decode(packed))))) == 4


class TestEmbedding:
    def test_a_large_model_is_left_out(self, shell, monkeypatch) -> None:
        for limit in (100, 2000):  # before and after packing
            monkeypatch.setattr(visualizer, "_EMBED_LIMIT", limit)
            of = make()
            (model,) = rendered(shell, of)["models"]
            assert (model["onnx"], model["size"]) == (None, len(of.onnx(0)))
            assert (
                "is not stored here: the interactive explorer needs a running kernel"
                in shell.shown[-1][-1]["text/html"]
            )
            assert rendered(shell, of, embed=True)["models"][0]["onnx"] == of.onnx(0)

    def test_the_user_may_leave_it_out(self, shell) -> None:
        assert rendered(shell, embed=False)["models"][0]["onnx"] is None

    def test_large_outputs_warn(self, shell, monkeypatch) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make().render()
        monkeypatch.setattr(visualizer, "_WARN_LIMIT", 1000)
        with pytest.warns(UserWarning, match=r"The output takes 0 MB; above 20 MB .* pass embed=False"):
            make().render()


class TestFailures:
    def fails(self, shell, of: AttributionVisualizer, kind: type[BaseException], text: str) -> None:
        with pytest.raises(kind, match=text):
            of.render()
        state = shell.shown[-1][-1]
        assert state[page.MIME]["state"] == "stopped"
        message = state[page.MIME]["message"]
        assert re.search(text, message)
        assert html.escape(message) in state["text/html"]
        assert message in state["text/plain"]

    def test_tokens(self, shell) -> None:
        feature = TextFeature("Review", None, None, lambda ids: ["all", "in", "one"])
        of = make(seeded(Words), ["bad", "good"], [feature], [Batch(texts(2), None)])
        text = "feature 'Review': what visualization_transform returns has 3 entries; expected 5, one string for each"
        self.fails(shell, of, ValueError, text)

    def test_categories(self, shell) -> None:
        of = make(seeded(Rows), ["no", "yes"], [GeneralFeature("Row", ["age", "fare"])], [Batch(rows(2), None)])
        text = r"feature 'Row': the transformed input has shape \[3\]; expected \[2\], one number for each"
        self.fails(shell, of, ValueError, text)

    def test_models_that_do_not_share_the_classes(self, shell) -> None:
        of = make([seeded(Tiny), seeded(Tiny, 3, 2)])
        self.fails(
            shell, of, ValueError, r"models: Tiny gives 3, Tiny \(2\) gives 2 outputs a sample; expected the same"
        )

    def test_empty_dataset(self, shell) -> None:
        self.fails(shell, make(dataset=iter([])), ValueError, "dataset is empty; expected at least one batch")

    def test_classes(self, shell) -> None:
        self.fails(shell, make(classes=["cat"]), ValueError, "classes has 1 names, the model's output has 3")

    def test_weights(self, shell) -> None:
        model = seeded(Tiny)
        with torch.no_grad():
            model.conv.bias[1] = float("nan")
        self.fails(shell, make(model), ExportError, "1 of 4 values of 'conv.bias' are NaN or infinite")

    def test_export(self, shell) -> None:
        class Branch(Tiny):
            def forward(self, x):
                return super().forward(x if x.sum() > 0 else -x)

        self.fails(shell, make(seeded(Branch)), ExportError, "model Branch cannot be exported to ONNX")

    def test_channels(self, shell) -> None:
        of = make(seeded(Tiny, 2), dataset=[Batch(images(2, 2), None)])
        self.fails(shell, of, ValueError, r"feature 'Photo': the input has shape \[2, 8, 8\]; an image is")

    def test_use_label_for_attr(self, shell) -> None:
        text = "use_label_for_attr is False, but the model has 3 outputs per sample"
        self.fails(shell, make(use_label_for_attr=False), ValueError, text)

    def test_an_interrupt(self, shell) -> None:
        def interrupted(x):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(features=[ImageFeature("Photo", None, interrupted)]).render()
        state = shell.shown[-1][-1][page.MIME]
        assert (state["state"], state["message"]) == ("stopped", "KeyboardInterrupt")

    def test_front_end_not_built(self, shell, monkeypatch, tmp_path) -> None:
        monkeypatch.setattr(page, "_STATIC", tmp_path)
        text = r"static/page.js is missing: the front end has not been built. In a checkout run `npm install`"
        self.fails(shell, make(), RuntimeError, text)

    def test_it_can_be_rendered_after_a_failure(self, shell) -> None:
        of = make(classes=["cat"])
        with pytest.raises(ValueError, match="classes"):
            of.render()
        of._classes[:] = CLASSES
        assert len(rendered(shell, of)["scan"]["samples"]) == 4


class TestHtml:
    @pytest.fixture
    def text(self, shell) -> str:
        make().render()
        return shell.shown[-1][-1]["text/html"]

    def test_sandboxed_page(self, text) -> None:
        (attributes,) = re.findall(r"<iframe (.*?)>", text, re.DOTALL)
        assert 'sandbox="allow-scripts allow-downloads"' in attributes
        assert 'title="Attriscope: Tiny"' in attributes
        srcdoc = html.unescape(re.search(r'srcdoc="([^"]*)"', attributes)[1])
        assert srcdoc.startswith("<!doctype html>")
        assert '<meta charset="utf-8">' in srcdoc
        assert '<meta name="color-scheme" content="light dark">' in srcdoc
        app = re.search(r'<script type="text/plain" id="app">([^<]*)</script>', srcdoc)[1]
        assert gzip.decompress(base64.b64decode(app)).decode() == SCRIPT

    def test_loads_nothing_and_names_nobody(self, text) -> None:
        code = re.sub(r"[A-Za-z0-9+/=]{40,}", "base64", html.unescape(text))
        assert not re.search(r"https?:|//[a-z]|\bsrc=|\bhref=|url\(|import", code, re.IGNORECASE)
        payload = json.dumps(payload_of({"text/html": text}), default=lambda data: data.decode("latin-1"))
        names = {str(Path.home()), str(ROOT), socket.gethostname(), getpass.getuser()}
        for secret in (name for name in names if len(name) > 4):
            assert secret not in text
            assert secret not in payload

    def test_a_table_for_readers_without_scripts(self, text) -> None:
        outside = re.sub(r"<iframe.*?</iframe>", "", text, flags=re.DOTALL)
        with torch.no_grad():
            scores = softmax(seeded(Tiny)(X[:1]))[0]
        prediction, score = html.escape(CLASSES[int(scores.argmax())]), f"{scores.max():.4g}"
        assert f"<tr><td>0</td><td>cat</td><td>{prediction}</td><td>{score}</td></tr>" in outside
        assert outside.count("<tr>") == 5
        assert "&lt;owl&gt;" in outside
        assert "<owl>" not in outside
        assert "where this notebook is trusted or the attriscope extension is installed" in outside

    def test_errors_stand_in_the_table(self, shell) -> None:
        make(dataset=[Batch(X, [9] * 6)]).render()
        assert "label 9 is out of range" in shell.shown[-1][-1]["text/html"]

    def test_long_tables_are_cut(self, shell) -> None:
        make(dataset=[Batch(images(20), None)]).render(num_examples=20)
        text = shell.shown[-1][-1]["text/html"]
        assert (text.count("<tr>"), "; 12 samples more" in text) == (9, True)

    def test_same_bytes_again(self, shell) -> None:
        make().render()
        make().render()
        first, second = (states[-1]["text/html"] for states in shell.shown)
        assert first == second


class TestSave:
    def test_one_page(self, tmp_path) -> None:
        path = tmp_path / "explanation.html"
        make().save(path)
        text = path.read_text(encoding="utf-8")
        packed = re.search(r'<script type="application/octet-stream" id="payload">([^<]*)</script>', text)[1]
        payload = msgpack.unpackb(gzip.decompress(base64.b64decode(packed)))
        assert len(payload["scan"]["samples"]) == 4
        assert payload["models"][0]["onnx"]
        assert "<title>Attriscope: Tiny</title>" in text

    def test_as_many_samples_as_rendered_or_wanted(self, shell, tmp_path) -> None:
        of = make()
        of.render(num_examples=2)
        sizes = {}
        for number in (None, 5):
            of.save(str(tmp_path / "page.html"), num_examples=number)
            packed = re.search(r'id="payload">([^<]*)<', (tmp_path / "page.html").read_text(encoding="utf-8"))[1]
            sizes[number] = len(msgpack.unpackb(gzip.decompress(base64.b64decode(packed)))["scan"]["samples"])
        assert sizes == {None: 2, 5: 5}
        with pytest.raises(ValueError, match="num_examples is 0; expected an integer >= 1"):
            of.save(tmp_path / "page.html", num_examples=0)

    def test_without_model(self, tmp_path) -> None:
        make().save(tmp_path / "page.html", embed=False)
        make().save(tmp_path / "full.html")
        assert (tmp_path / "page.html").stat().st_size < (tmp_path / "full.html").stat().st_size


class TestWidget:
    def test_displays_what_was_rendered(self, shell) -> None:
        of = make()
        of.render()
        assert of.widget._repr_mimebundle_() == shell.shown[-1][-1]
        ipywidgets.VBox([of.widget])
        assert of.widget.layout.flex == "1 1 auto"

    def test_without_render(self) -> None:
        of = make()
        data = of.widget._repr_mimebundle_()
        assert data[page.MIME]["state"] == "ready"
        assert data[page.MIME]["model_id"] == of.widget.model_id
        assert of.widget._repr_mimebundle_() is data

    def test_rendering_keeps_it(self, shell) -> None:
        of = make()
        widget = of.widget
        widget.method = "Saliency"
        assert rendered(shell, of)["choice"]["method"] == "Saliency"
        assert of.widget is widget
        assert shell.shown[-1][-1][page.MIME]["payload"] == widget._payload

    def test_a_failure_leaves_nothing_to_display(self, shell) -> None:
        of = make(classes=["cat"])
        for _ in range(2):
            with pytest.raises(ValueError, match="classes has 1 names"):
                of.widget  # noqa: B018
        with pytest.raises(RuntimeError, match=r"Call render\(\) to see why"):
            of._live._repr_mimebundle_()

    def test_a_cell_keeps_what_only_its_widget_holds(self, shell) -> None:
        widget = make().widget
        gc.collect()
        assert widget._repr_mimebundle_()
        of = make()
        of.render()
        shell.cell = "cell-2"
        assert of.widget
        assert "cell-2" not in Shown._cells


class TestUntouched:
    def test_the_users_objects(self, shell) -> None:
        model = seeded(Tiny).train()
        model.relu.eval()
        modes = [module.training for module in model.modules()]
        models, classes, features, dataset = [model], list(CLASSES), [ImageFeature("Photo", None, None)], [Batch(X, Y)]
        state = torch.get_rng_state().tolist()
        AttributionVisualizer(models, classes, features, dataset, softmax).render()
        assert (models, classes, len(features), len(dataset)) == ([model], CLASSES, 1, 1)
        assert [module.training for module in model.modules()] == modes
        assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
        assert torch.get_rng_state().tolist() == state

    def test_the_datasets_iterator(self, shell) -> None:
        read = []

        def batches():
            for i in range(100):
                read.append(i)
                yield Batch(X[:2], Y[:2])

        iterator = batches()
        make(dataset=iterator).render()
        assert read == [0, 1]
        next(iterator)
        assert read == [0, 1, 2]


@pytest.mark.skipif(
    not cifar_tutorial.FOLDER.exists(), reason=f"no weights and images of the tutorial in {cifar_tutorial.FOLDER}"
)
def test_the_tutorial(shell) -> None:
    model = cifar_tutorial.trained()
    pictures, y = cifar_tutorial.images()
    x = pictures / 255
    classes = ["Plane", "Car", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck"]

    def normalise(image):
        return (image - 0.5) / 0.5

    feature = ImageFeature("Photo", baseline_transforms=[lambda x: x * 0], input_transforms=[normalise])
    batches = (Batch(x[i : i + 4], y[i : i + 4]) for i in range(0, 200, 4))
    of = AttributionVisualizer([model], classes, [feature], batches, score_func=softmax)
    samples = rendered(shell, of, num_examples=200)["scan"]["samples"]
    scores = np.array([np.frombuffer(sample["outputs"][0]["scores"]["data"], "<f4") for sample in samples])
    with torch.no_grad():
        expected = softmax(model.eval()(normalise(x)))
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    correct = (scores.argmax(1) == [sample["label"] for sample in samples]).mean()
    assert 0.5 < correct < 0.7  # about 0.58


class TestPackage:
    def test_one_version(self) -> None:
        assert json.loads((ROOT / "package.json").read_text())["version"] == attriscope.__version__

    def test_exports(self) -> None:
        assert set(attriscope.__all__) >= {"AttributionVisualizer", "Batch", "ExportError", "export_onnx", "features"}
        assert (ROOT / "attriscope" / "py.typed").exists()

    def test_no_needless_dependency(self) -> None:
        tomllib = pytest.importorskip("tomllib", reason="tomllib needs Python 3.11")
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        names = {re.match(r"[a-z]+", requirement)[0] for requirement in project["dependencies"]}
        assert names == {"torch", "numpy", "ipywidgets", "onnx", "onnxscript", "msgpack"}
