import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decode, encode } from "@msgpack/msgpack";
import { decodePayload, decodeScan, encodePayload, encodeScan, type NDArray, WireError } from "../src/wire";

const bytes = new Uint8Array(readFileSync(join(__dirname, "fixtures", "wire.msgpack")));

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the cases break the types on purpose
type Anything = any;

/** The fixture after `change` to its plain values, packed again. */
function changed(change: (payload: Anything) => void): Uint8Array {
  const payload = decode(bytes);
  change(payload);
  return encode(payload);
}

describe("the payload that Python wrote", () => {
  const payload = decodePayload(bytes);

  test("names and numbers", () => {
    expect(payload).toMatchObject({
      protocol: 1,
      version: "0.1.0",
      classes: ["zéro", "one", "<two>"],
      features: [
        { name: "Digit", kind: "image", input: "x", baselines: ["zero", "grey"], categories: [] },
        { name: "Title", kind: "text", input: "ids", baselines: ["padding"], categories: [] },
        {
          name: "Light",
          kind: "general",
          input: "row",
          baselines: ["zero"],
          categories: ["mean, 0 to 16", "brightest"],
        },
        { name: "Hidden", kind: "empty", input: "hidden", baselines: ["constant"], categories: [] },
      ],
      use_label_for_attr: true,
      show: 2,
      choice: { method: "Occlusion", arguments: { Occlusion: { strides: [1, 4, 4] } }, targets: { "1": 2 } },
      scan: { scanned: 2, next: 2, exhausted: false },
    });
    expect(payload.scan.samples.map(({ id, label, error }) => [id, label, error])).toEqual([
      [0, 0, null],
      [1, null, "Digit: 1 value is NaN"],
    ]);
    expect(payload.models[0]!.onnx).toHaveLength(payload.models[0]!.size);
  });

  test("arrays of every dtype", () => {
    const { display, inputs, additional, baselines, feature_masks, outputs } = payload.scan.samples[0]!;
    const expected = [0, 0, 5, 13, 9, 1, 0, 0]; // the first row of scikit-learn's first digit, 0..16
    expect(display[0]).toMatchObject({ dtype: "uint8", shape: [1, 8, 8] });
    expect([...(display[0] as NDArray).data.slice(0, 8)]).toEqual(expected.map((v) => v * 15));
    expect(inputs[0]).toMatchObject({ dtype: "float32", shape: [1, 8, 8] });
    expect([...inputs[0]!.data.slice(0, 8)]).toEqual(expected.map((v) => v / 16));
    expect(baselines[0]!.map((b) => b.data[63])).toEqual([0, 0.5]);
    expect(feature_masks[0]).toMatchObject({ dtype: "int32", shape: [1, 8, 8] });
    expect([15, 16, 63].map((i) => feature_masks[0]!.data[i])).toEqual([0, 1, 3]);
    expect(feature_masks[1]).toEqual({ dtype: "int32", shape: [3], data: new Int32Array([4, 5, 5]) });
    expect(payload.scan.samples[1]!.feature_masks[0]).toBeNull();
    expect(outputs[0]!.scores.data).toEqual(new Float32Array([0.5, 0.25, 0.25]));
    expect(additional).toEqual({
      tokens: { dtype: "int64", shape: [3], data: new BigInt64Array([1n, -(2n ** 53n) - 1n, 2n ** 62n]) },
      mask: { dtype: "bool", shape: [2, 1], data: new Uint8Array([1, 0]) },
      weights: { dtype: "float64", shape: [3], data: new Float64Array([0.1, Infinity, -0]) },
      small: { dtype: "int8", shape: [2], data: new Int8Array([-128, 127]) },
      medium: { dtype: "int16", shape: [1], data: new Int16Array([-32768]) },
      large: { dtype: "int32", shape: [], data: new Int32Array([2 ** 31 - 1]) },
    });
  });

  test("tokens, values of a row, and what is not shown", () => {
    const [first, second] = payload.scan.samples;
    const pixels = [...(first!.display[0] as NDArray).data] as number[];
    const mean = pixels.reduce((sum, pixel) => sum + pixel / 15, 0) / 64;
    expect(first!.display.slice(1)).toEqual([["<b>zéro</b>", "שלום", "👩\u200d🔬"], [mean, "white"], null]);
    expect(second!.display[1]).toEqual(["", "?", "one".repeat(100)]);
    expect(first!.inputs.slice(1).map(({ shape }) => shape)).toEqual([[3], [2], [2, 8]]);
    expect([...first!.inputs[1]!.data]).toEqual([7, 0, 49407]);
    expect([...first!.baselines[1]![0]!.data]).toEqual([49407, 49407, 49407]);
  });

  test("is written back as the same bytes", () => {
    expect(Buffer.from(encodePayload(payload)).equals(Buffer.from(bytes))).toBe(true);
  });

  test("reads the same from any offset, and keeps nothing of the buffer", () => {
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const again = decodePayload(shifted.subarray(1));
    shifted.fill(0);
    expect(again).toEqual(payload);
  });

  test("a scan alone", () => {
    expect(decodeScan(encodeScan(payload.scan), payload)).toEqual(payload.scan);
  });
});

describe("malformed bytes are refused with place, got and expected", () => {
  const cases: [string, (payload: Anything) => void, string][] = [
    [
      "protocol",
      (p) => (p.protocol = 2),
      "payload.protocol: got 2 (attriscope 0.1.0); expected 1. Run the cell again with the installed version",
    ],
    ["missing field", (p) => delete p.classes, "payload.classes: got nothing; expected a list"],
    ["wrong type", (p) => (p.classes[1] = 7), "payload.classes[1]: got 7; expected a string"],
    [
      "kind",
      (p) => (p.features[0].kind = "smell"),
      'payload.features[0].kind: got "smell"; expected "image" or "text" or "general" or "empty"',
    ],
    [
      "categories",
      (p) => (p.features[2].categories = "age"),
      'payload.features[2].categories: got "age"; expected a list',
    ],
    ["count", (p) => (p.show = -1), "payload.show: got -1; expected an integer >= 0"],
    ["choice", (p) => (p.choice = []), "payload.choice: got a list of 0; expected a map"],
    ["model", (p) => (p.models[0].onnx = "x"), 'payload.models[0].onnx: got "x"; expected bytes'],
    ["samples", (p) => (p.scan.samples = {}), "payload.scan.samples: got a map; expected a list"],
    [
      "label type",
      (p) => (p.scan.samples[0].label = 0.5),
      "payload.scan.samples[0].label: got 0.5; expected an integer",
    ],
    [
      "label range",
      (p) => (p.scan.samples[0].label = 3),
      "payload.scan.samples[0].label: got 3; expected less than 3, the number of classes",
    ],
    [
      "dtype",
      (p) => (p.scan.samples[0].inputs[0].dtype = "float16"),
      'payload.scan.samples[0].inputs[0].dtype: got "float16"; expected "float32" or "float64"',
    ],
    [
      "shape against bytes",
      (p) => (p.scan.samples[1].inputs[0].shape = [3, 8, 8]),
      "payload.scan.samples[1].inputs[0]: got 256 bytes; expected 768 for float32 of shape [3, 8, 8]",
    ],
    [
      "shape overflow",
      (p) => (p.scan.samples[0].inputs[0].shape = [2 ** 52, 2 ** 52]),
      "payload.scan.samples[0].inputs[0]: got 256 bytes; expected",
    ],
    [
      "negative shape",
      (p) => (p.scan.samples[0].inputs[0].shape = [-1, -8, 8]),
      "payload.scan.samples[0].inputs[0].shape[0]: got -1; expected an integer >= 0",
    ],
    [
      "display channels",
      (p) => (p.scan.samples[0].display[0].shape = [2, 4, 8]),
      "payload.scan.samples[0].display[0]: got uint8 [2, 4, 8]; expected uint8 or float32 [C, H, W] with C = 1, 3 or 4",
    ],
    [
      "tokens in place of a picture",
      (p) => (p.scan.samples[0].display[0] = ["a"]),
      'payload.scan.samples[0].display[0]: got a list; expected a picture for a feature of kind "image"',
    ],
    [
      "a picture in place of tokens",
      (p) => (p.scan.samples[0].display[1] = p.scan.samples[0].display[0]),
      'payload.scan.samples[0].display[1]: got a picture; expected a list for a feature of kind "text"',
    ],
    [
      "nothing in place of values",
      (p) => (p.scan.samples[1].display[2] = null),
      'payload.scan.samples[1].display[2]: got null; expected a list for a feature of kind "general"',
    ],
    [
      "values where nothing is shown",
      (p) => (p.scan.samples[0].display[3] = []),
      'payload.scan.samples[0].display[3]: got a list; expected null for a feature of kind "empty"',
    ],
    [
      "a string in place of tokens",
      (p) => (p.scan.samples[0].display[1] = "abc"),
      'payload.scan.samples[0].display[1]: got "abc"; expected a map',
    ],
    [
      "an item",
      (p) => (p.scan.samples[0].display[2][1] = true),
      "payload.scan.samples[0].display[2][1]: got true; expected a string or a number",
    ],
    [
      "a list in a list of tokens",
      (p) => (p.scan.samples[0].display[1] = [["a", "b", "c"]]),
      "payload.scan.samples[0].display[1][0]: got a list of 3; expected a string or a number",
    ],
    [
      "number of tokens",
      (p) => p.scan.samples[0].display[1].pop(),
      "payload.scan.samples[0].display[1]: got 2 entries for an input [3]; expected T for an input [T] or [T, D]",
    ],
    [
      "input of a text",
      (p) => (p.scan.samples[0].inputs[1].shape = [3, 1, 1]),
      "payload.scan.samples[0].display[1]: got 3 entries for an input [3, 1, 1]; expected T for an input [T] or [T, D]",
    ],
    [
      "number of values",
      (p) => p.scan.samples[1].display[2].push(1),
      "payload.scan.samples[1].display[2]: got 3 entries for an input [2]; expected 2 for an input [2], one for each",
    ],
    [
      "number of categories",
      (p) => p.features[2].categories.push("age"),
      "payload.scan.samples[0].display[2]: got 2 entries for an input [2]; expected 3 for an input [3], one for each",
    ],
    [
      "input of a row",
      (p) => (p.scan.samples[0].inputs[2].shape = [2, 1]),
      "payload.scan.samples[0].display[2]: got 2 entries for an input [2, 1]; expected 2 for an input [2], one for each",
    ],
    [
      "features",
      (p) => p.scan.samples[0].inputs.push(p.scan.samples[0].inputs[0]),
      "payload.scan.samples[0].inputs: got 5 entries; expected 4, the number of features",
    ],
    [
      "models",
      (p) => (p.scan.samples[0].outputs = []),
      "payload.scan.samples[0].outputs: got 0 entries; expected 1, the number of models",
    ],
    [
      "baselines",
      (p) => p.scan.samples[0].baselines[0].pop(),
      "payload.scan.samples[0].baselines[0]: got 1 entries; expected 2, the number of baseline names",
    ],
    [
      "mask shape",
      (p) => (p.scan.samples[0].feature_masks[0].shape = [8, 8]),
      "payload.scan.samples[0].feature_masks[0]: got shape [8, 8]; expected the input's, [1, 8, 8]",
    ],
    [
      "baseline shape",
      (p) => (p.scan.samples[0].baselines[0][1].shape = [8, 8]),
      "payload.scan.samples[0].baselines[0][1]: got shape [8, 8]; expected the input's, [1, 8, 8]",
    ],
  ];

  test.each(cases)("%s", (_, change, text) => {
    const broken = changed(change);
    expect(() => decodePayload(broken)).toThrow(WireError);
    expect(() => decodePayload(broken)).toThrow(text);
  });

  test("cut bytes", () => {
    expect(() => decodePayload(bytes.subarray(0, 500))).toThrow("payload: got 500 bytes that are no MessagePack");
    expect(() => decodePayload(new Uint8Array())).toThrow(WireError);
  });

  test("no map at all", () => {
    expect(() => decodePayload(encode([1]))).toThrow("payload: got a list of 1; expected a map");
    expect(() => decodeScan(encode(null))).toThrow("scan: got null; expected a map");
  });

  test("a scan for another explorer", () => {
    const payload = decodePayload(bytes);
    expect(() => decodeScan(encodeScan(payload.scan), { ...payload, models: [] })).toThrow(
      "scan.samples[0].outputs: got 1 entries; expected 0, the number of models",
    );
  });
});
