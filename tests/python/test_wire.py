"""The payload's bytes; `python tests/python/test_wire.py` writes the fixture that both twins read."""

from pathlib import Path

import msgpack
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.datasets import load_digits

from attriscope import wire

FIXTURE = Path(__file__).parents[1] / "fixtures" / "wire.msgpack"


def fixture() -> wire.Payload:
    """Two handwritten digits, features of every kind, every dtype, a sample without label, one with an error."""
    images = load_digits().images[:2].astype(np.float32)[:, None]  # [2, 1, 8, 8], values 0..16

    def sample(id: int, label: int | None, error: str | None) -> wire.Sample:
        x = images[id] / 16
        ids = np.float32([7, id, 49407])
        row = np.float32([x.mean(), x.max()])
        hidden = x[0, :2]
        tokens = ["<b>zéro</b>", "שלום", "👩\u200d🔬"] if id == 0 else ["", "\ud83d", "one" * 100]
        raw = np.float32([x.sum(), -x.max(), 0.25])
        return wire.Sample(
            id=id,
            label=label,
            display=[(images[id] * 15).astype(np.uint8), tokens, [float(images[id].mean()), "white"], None],
            inputs=[x, ids, row, hidden],
            baselines=[
                [np.zeros_like(x), np.full_like(x, 0.5)],
                [np.float32([49407] * 3)],
                [row * 0],
                [np.ones_like(hidden)],
            ],
            feature_masks=[
                None if id else np.arange(64, dtype=np.int32).reshape(1, 8, 8) // 16,
                np.int32([4, 5, 5]),
                None,
                None,
            ],
            additional={
                "tokens": np.array([1, -(2**53) - 1, 2**62]),
                "mask": np.array([[True], [False]]),
                "weights": np.array([0.1, np.inf, -0.0]),
                "small": np.array([-128, 127], np.int8),
                "medium": np.array([-32768], np.int16),
                "large": np.array(2**31 - 1, np.int32),
            },
            outputs=[wire.Outputs(raw, np.float32([0.5, 0.25, 0.25]))],
            error=error,
        )

    return wire.Payload(
        version="0.1.0",
        classes=["zéro", "one", "<two>"],
        features=[
            wire.FeatureSpec("Digit", "image", "x", ["zero", "grey"], []),
            wire.FeatureSpec("Title", "text", "ids", ["padding"], []),
            wire.FeatureSpec("Light", "general", "row", ["zero"], ["mean, 0 to 16", "brightest"]),
            wire.FeatureSpec("Hidden", "empty", "hidden", ["constant"], []),
        ],
        models=[wire.ModelSpec("Net", len(identity()), identity())],
        use_label_for_attr=True,
        show=2,
        choice={"method": "Occlusion", "arguments": {"Occlusion": {"strides": [1, 4, 4]}}, "targets": {"1": 2}},
        scan=wire.Scan(
            [sample(0, 0, None), sample(1, None, "Digit: 1 value is NaN")], scanned=2, next=2, exhausted=False
        ),
    )


def identity() -> bytes:
    """raw = x, scores = x."""
    values = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("x", "raw", "scores")
    }
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in ("raw", "scores")]
    graph = helper.make_graph(nodes, "identity", [values["x"]], [values["raw"], values["scores"]])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def test_writes_the_bytes_that_the_page_reads() -> None:
    assert wire.encode(fixture()) == FIXTURE.read_bytes()


def test_arrays_keep_shape_and_values() -> None:
    payload = msgpack.unpackb(FIXTURE.read_bytes())
    found = payload["scan"]["samples"][1]["inputs"][0]
    assert (found["dtype"], found["shape"]) == ("float32", [1, 8, 8])
    expected = fixture().scan.samples[1].inputs[0]
    np.testing.assert_array_equal(np.frombuffer(found["data"], "<f4").reshape(found["shape"]), expected)


@pytest.mark.parametrize(
    "array",
    [np.arange(6, dtype=np.float32).reshape(2, 3).T, np.arange(6, dtype=">f4").reshape(2, 3).T.astype(">f4")],
    ids=["transposed", "big-endian"],
)
def test_arrays_travel_in_c_order_little_endian(array: np.ndarray) -> None:
    scan = wire.Scan([], 0, 0, True)
    scan.samples = [array]  # type: ignore[list-item]
    found = msgpack.unpackb(wire.encode(scan))["samples"][0]
    assert found == {"dtype": "float32", "shape": [3, 2], "data": np.float32([0, 3, 1, 4, 2, 5]).tobytes()}


def test_what_is_shown() -> None:
    payload = msgpack.unpackb(FIXTURE.read_bytes())
    assert [spec["kind"] for spec in payload["features"]] == ["image", "text", "general", "empty"]
    first, second = (sample["display"] for sample in payload["scan"]["samples"])
    assert first[1:] == [["<b>zéro</b>", "שלום", "👩\u200d🔬"], [294 / 64, "white"], None]  # 294 is the digit's sum
    assert second[1] == ["", "?", "one" * 100]


def test_refuses_what_the_page_cannot_read() -> None:
    scan = wire.Scan([], 0, 0, True)
    scan.samples = [np.zeros(2, np.complex64)]  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"an array of dtype complex64 cannot travel; expected one of float32"):
        wire.encode(scan)


def test_reads_a_request() -> None:
    filter = {"classes": ["one"], "labels": ["<two>"], "prediction": "correct"}
    request = wire.fetch_request({"filter": filter, "start": 4, "count": 2, "scan": 512})
    assert request == wire.FetchRequest(wire.Filter(["one"], ["<two>"], "correct"), start=4, count=2, scan=512)
    everything = wire.fetch_request({"filter": {}, "start": 0, "count": 1, "scan": 1}).filter
    assert everything == wire.Filter([], [], "all")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"filter": None}, "fetch.filter: got None; expected a map with classes, labels and prediction"),
        ({"filter": {"class": []}}, r"fetch.filter: got {'class': \[\]}; expected a map with"),
        ({"filter": {"labels": [1]}}, r"fetch.filter.labels: got \[1\]; expected a list"),
        ({"filter": {"classes": "one"}}, "fetch.filter.classes: got 'one'; expected a list"),
        ({"filter": {"prediction": "wrong"}}, "fetch.filter.prediction: got 'wrong'; expected 'all'"),
        ({"start": -1}, "fetch.start: got -1; expected an integer >= 0"),
        ({"count": 0}, "fetch.count: got 0; expected an integer >= 1"),
        ({"scan": True}, "fetch.scan: got True; expected an integer >= 1"),
        ({"scan": 1.5}, "fetch.scan: got 1.5; expected an integer >= 1"),
    ],
)
def test_refuses_a_request_that_makes_no_sense(change: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        wire.fetch_request({"filter": {}, "start": 0, "count": 1, "scan": 1} | change)


if __name__ == "__main__":
    FIXTURE.write_bytes(wire.encode(fixture()))
