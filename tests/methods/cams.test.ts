/** CAMs that Captum lacks against their papers' formulas in plain arrays; bringing a map to the input's size against torch. */
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute } from "../../src/methods";
import { useBackend } from "../../src/backend";
import { firstComponent } from "../../src/methods/eigen-cam";
import { interpolate, type Interpolation } from "../../src/methods/interpolate";
import { activationAndGradient } from "../../src/methods/layers";
import { difference, readNet } from "../engine/fixtures";

const net = readNet("two-images");
const [photo] = Object.keys(net.inputs);
const LAYER = "relu1";

let model: Model;
/** Of one sample and one channel: the values of its places. */
let activation: (sample: number, channel: number) => Float32Array;
let gradient: (sample: number, channel: number) => Float32Array;
let shape: number[];

beforeAll(async () => {
  model = await Model.load(net.onnx, { backend: "wasm" });
  const { value } = model.layers.find(({ name }) => name === LAYER)!;
  const [a, g] = tf.tidy(() => {
    const found = activationAndGradient(model, value, model.upload(net.inputs), net.target!);
    shape = found.activation.shape;
    return [found.activation.dataSync<"float32">().slice(), found.gradient.dataSync<"float32">().slice()];
  });
  const size = shape[2] * shape[3];
  const at = (data: Float32Array) => (n: number, c: number) =>
    data.subarray((n * shape[1] + c) * size, (n * shape[1] + c + 1) * size);
  [activation, gradient] = [at(a), at(g)];
});
afterAll(() => model.dispose());

async function ask(method: string): Promise<FloatArray> {
  const request = { method, arguments: { layer: LAYER, interpolate: "none" }, inputs: net.inputs, target: net.target };
  await attribute(model, request);
  const tensors = tf.memory().numTensors;
  const { attributions } = await attribute(model, request);
  expect(tf.memory().numTensors).toBe(tensors);
  expect(Object.keys(attributions)).toEqual([photo]);
  return attributions[photo];
}

/** A map [N, 1, h, w] of what each channel gives at each place. */
function mapOf(part: (sample: number, channel: number, place: number) => number): FloatArray {
  const [count, channels, height, width] = shape;
  const data = new Float32Array(count * height * width);
  for (let n = 0; n < count; n++)
    for (let p = 0; p < height * width; p++)
      for (let c = 0; c < channels; c++) data[n * height * width + p] += part(n, c, p);
  return { data, shape: [count, 1, height, width] };
}

const sumOver = (values: Float32Array, term: (value: number, place: number) => number): number =>
  values.reduce((sum, value, place) => sum + term(value, place), 0);

test("HiResCAM: sum of gradient · activation", async () => {
  const expected = mapOf((n, c, p) => gradient(n, c)[p] * activation(n, c)[p]);
  expect(difference(await ask("HiResCAM"), expected)).toBeLessThan(1e-5);
});

test("LayerCAM: sum of relu(gradient) · activation", async () => {
  const expected = mapOf((n, c, p) => Math.max(gradient(n, c)[p], 0) * activation(n, c)[p]);
  expect(difference(await ask("LayerCAM"), expected)).toBeLessThan(1e-5);
});

test("Grad-CAM++: weights of equation 19", async () => {
  const weight = (n: number, c: number) => {
    const mass = sumOver(activation(n, c), (a) => a);
    return sumOver(gradient(n, c), (g) => {
      const alpha = g === 0 ? 0 : g ** 2 / (2 * g ** 2 + mass * g ** 3 + 1e-6);
      return alpha * Math.max(g, 0);
    });
  };
  const expected = mapOf((n, c, p) => weight(n, c) * activation(n, c)[p]);
  expect(difference(await ask("Grad-CAM++"), expected)).toBeLessThan(1e-4);
});

test("XGrad-CAM: gradients averaged by activation", async () => {
  const weight = (n: number, c: number) =>
    sumOver(activation(n, c), (a, p) => a * gradient(n, c)[p]) / (sumOver(activation(n, c), (a) => a) + 1e-7);
  const expected = mapOf((n, c, p) => weight(n, c) * activation(n, c)[p]);
  expect(difference(await ask("XGrad-CAM"), expected)).toBeLessThan(1e-4);
});

/** Eigenvalues and vectors of a symmetric matrix, by Jacobi's rotations. */
function eigen(matrix: number[][]): { values: number[]; vectors: number[][] } {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((__, j) => Number(i === j)));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) < 1e-18) continue;
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        const turn = (m: number[][], byRow: boolean) => {
          for (let k = 0; k < n; k++) {
            const [x, y] = byRow ? [m[p][k], m[q][k]] : [m[k][p], m[k][q]];
            const [x2, y2] = [cos * x - sin * y, sin * x + cos * y];
            if (byRow) [m[p][k], m[q][k]] = [x2, y2];
            else [m[k][p], m[k][q]] = [x2, y2];
          }
        };
        turn(a, false);
        turn(a, true);
        turn(v, false);
      }
    }
  }
  return { values: a.map((row, i) => row[i]), vectors: a.map((_, j) => v.map((row) => row[j])) };
}

test("Eigen-CAM: projections on the eigenvector of the channels' covariance with the largest eigenvalue", async () => {
  const got = await ask("Eigen-CAM");
  const [count, channels, height, width] = shape;
  const size = height * width;
  for (let n = 0; n < count; n++) {
    const centred = Array.from({ length: channels }, (_, c) => {
      const mean = sumOver(activation(n, c), (a) => a) / size;
      return Array.from(activation(n, c), (a) => a - mean);
    });
    const covariance = centred.map((x) => centred.map((y) => x.reduce((sum, v, p) => sum + v * y[p], 0)));
    const { values, vectors } = eigen(covariance);
    const vector = vectors[values.indexOf(Math.max(...values))];
    const expected = Array.from({ length: size }, (_, p) => centred.reduce((sum, x, c) => sum + x[p] * vector[c], 0));
    const mass = Array.from({ length: size }, (_, p) =>
      Array.from({ length: channels }, (__, c) => activation(n, c)[p]).reduce((a, b) => a + b),
    );
    const sign = Math.sign(expected.reduce((sum, v, p) => sum + v * mass[p], 0));
    const largest = Math.max(...expected.map(Math.abs));
    expected.forEach((v, p) => expect(Math.abs(sign * v - got.data[n * size + p]) / largest).toBeLessThan(1e-5));
  }
});

test("the first component of places that are all the same is 0", () =>
  expect(firstComponent(Float32Array.from([1, 1, 1, 2, 2, 2]), 2)).toEqual(new Float32Array(3)));

/** Where torch looks for a value of an axis of `size` that is stretched from `n`, and how much it takes of each neighbour. */
function linear(values: (i: number) => number, n: number, size: number, i: number): number {
  const at = Math.max(0, ((i + 0.5) * n) / size - 0.5);
  const left = Math.floor(at);
  return values(left) * (1 - at + left) + values(Math.min(left + 1, n - 1)) * (at - left);
}

test("Score-CAM: what the model says of the input under each channel, softmaxed", async () => {
  const [count, channels, h, w] = shape;
  const { data, shape: size } = net.inputs[photo];
  const [, colours, height, width] = size;
  const scores: number[][] = [];
  for (let n = 0; n < count; n++) {
    scores.push([]);
    for (let c = 0; c < channels; c++) {
      const a = activation(n, c);
      const mask = Array.from({ length: height * width }, (_, p) =>
        linear((y) => linear((x) => a[y * w + x], w, width, p % width), h, height, Math.floor(p / width)),
      );
      const [least, most] = [Math.min(...mask), Math.max(...mask)];
      const masked = data.slice();
      for (let k = 0; k < colours; k++)
        mask.forEach((m, p) => (masked[(n * colours + k) * height * width + p] *= (m - least) / (most - least + 1e-8)));
      const { raw } = await model.run({ ...net.inputs, [photo]: { data: masked, shape: size } });
      scores[n].push(raw.data[n * raw.shape[1] + net.target![n]]);
    }
  }
  const weight = (n: number, c: number) =>
    Math.exp(scores[n][c]) / scores[n].reduce((sum, score) => sum + Math.exp(score), 0);
  const expected = mapOf((n, c, p) => weight(n, c) * activation(n, c)[p]);
  expect(difference(await ask("Score-CAM"), expected)).toBeLessThan(1e-5);
});

test("Score-CAM offers what it has so far", async () => {
  const digits = readNet("digits");
  const many = await Model.load(digits.onnx, { backend: "wasm" });
  const previews: FloatArray[] = [];
  const clock = jest.spyOn(performance, "now");
  let now = 0;
  // Every chunk seems slow, so that there are many.
  clock.mockImplementation(() => (now += 200));
  const { attributions } = await attribute(many, {
    method: "Score-CAM",
    inputs: digits.inputs,
    target: digits.target,
    onPreview: (maps) => previews.push(...Object.values(maps)),
  });
  clock.mockRestore();
  many.dispose();
  const [map] = Object.values(attributions);
  const [{ shape: size }] = Object.values(digits.inputs);
  expect(map.shape).toEqual([size[0], 1, ...size.slice(2)]);
  expect(previews.length).toBeGreaterThan(2);
  expect(previews[0].shape).toEqual(map.shape);
  expect(difference(previews.at(-1)!, map)).toBeLessThan(difference(previews[0], map));
});

test("relu_attributions leaves what speaks for the target, and no sign", async () => {
  const [plain, positive] = await Promise.all(
    [false, true].map(
      (relu_attributions) =>
    attribute(model, { method: "HiResCAM", arguments: { layer: LAYER, relu_attributions, interpolate: "none" }, inputs: net.inputs, target: net.target }), // prettier-ignore
    ),
  );
  expect(positive.signed).toBe(false);
  expect(plain.signed).toBe(true);
  expect(positive.attributions[photo].data).toEqual(plain.attributions[photo].data.map((v) => Math.max(v, 0)));
});

test("a map is laid over the input that has as many dimensions", async () => {
  const { attributions } = await attribute(model, {
    method: "Guided Grad Cam",
    arguments: { layer: LAYER },
    inputs: net.inputs,
    target: net.target,
  });
  for (const [name, { shape: own }] of Object.entries(attributions)) expect(own).toEqual(net.inputs[name].shape);
});

describe("interpolate is torch.nn.functional.interpolate", () => {
  beforeAll(() => useBackend("wasm"));
  // F.interpolate(torch.tensor(values).reshape(1, 1, *shape), sizes, mode=mode), torch 2.13
  const cases: [Interpolation, number[], number[], number[], number[]][] = [
    ["nearest", [2, 3], [5, 4], [0, 1, 4, 9, 16, 25], [0, 0, 1, 4, 0, 0, 1, 4, 0, 0, 1, 4, 9, 9, 16, 25, 9, 9, 16, 25]],
    [
      "bilinear",
      [2, 3],
      [5, 4],
      [0, 1, 4, 9, 16, 25],
      [0, 0.625, 2.125, 4, 0.9, 1.9, 3.85, 6.1, 4.5, 7, 10.75, 14.5, 8.1, 12.1, 17.65, 22.9, 9, 13.375, 19.375, 25],
    ],
    ["bilinear", [5], [8], [1, 3, 7, 2, 5], [1, 1.875, 3.25, 5.75, 5.4375, 2.3125, 3.6875, 5]],
    ["nearest", [5], [13], [1, 3, 7, 2, 5], [1, 1, 1, 3, 3, 3, 7, 7, 2, 2, 2, 5, 5]],
    ["bilinear", [5], [3], [1, 3, 7, 2, 5], [1.66667, 7, 4]],
  ];
  test.each(cases)("%s %j -> %j", (mode, from, to, values, expected) => {
    const got = tf.tidy(() => interpolate(tf.tensor(values, [1, 1, ...from]), to, mode).dataSync());
    expected.forEach((v, i) => expect(got[i]).toBeCloseTo(v, 4));
    expect(got).toHaveLength(expected.length);
  });
});
