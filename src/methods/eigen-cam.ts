import * as tf from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { activationOf, finished, interpolateParam, noImage, reluParam } from "./cam";
import { spatialLayerParam } from "./layers";
import type { Method } from "./method";
import { download, sampleOf } from "./steps";

export const eigenCam: Method = {
  name: "Eigen-CAM",
  group: "CAM",
  cost: "layer",
  summary: "What a layer sees most of, whatever the target: the first principal component of its places",
  source: "Muhammad and Yeasin 2020",
  params: [spatialLayerParam, reluParam, interpolateParam],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: ({ relu_attributions }) => !relu_attributions,
  whyNot: noImage,
  attribute: async (call) => {
    const activation = await activationOf(call);
    const [count, channels, ...places] = activation.shape;
    const maps = new Float32Array(count * sizeOf(places));
    for (let i = 0; i < count; i++) maps.set(firstComponent(sampleOf(activation, i), channels), i * sizeOf(places));
    return download(tf.tidy(() => finished(call, tf.tensor(maps, [count, 1, ...places]))));
  },
};

/** Beyond this the first two components are as good as equal. */
const MOST_ROUNDS = 3000;

/**
 * Of [C, P] values the projections [P] of the places on their first principal component. A component has no sign of its own:
 * this one is positive where the activations are large.
 */
export function firstComponent(values: Float32Array, channels: number): Float32Array {
  const count = values.length / channels;
  const x = Float64Array.from(values);
  const mass = new Float64Array(count);
  for (let c = 0; c < channels; c++) {
    let mean = 0;
    for (let p = 0; p < count; p++) mean += x[c * count + p] / count;
    for (let p = 0; p < count; p++) {
      mass[p] += x[c * count + p];
      x[c * count + p] -= mean;
    }
  }
  // Power iteration: every round multiplies by the places' covariance, and the largest component outgrows the others.
  let projection = new Float64Array(count);
  let direction = Float64Array.from({ length: channels }, (_, c) => 1 + c / channels);
  for (let round = 0, change = 1; round < MOST_ROUNDS && change > 1e-9; round++) {
    const norm = Math.hypot(...direction) || 1;
    projection = new Float64Array(count);
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < count; p++) projection[p] += (x[c * count + p] * direction[c]) / norm;
    const next = new Float64Array(channels);
    for (let c = 0; c < channels; c++) for (let p = 0; p < count; p++) next[c] += x[c * count + p] * projection[p];
    const size = Math.hypot(...next) || 1;
    change = Math.hypot(...next.map((v, c) => v / size - direction[c] / norm));
    direction = next;
  }
  const agreement = projection.reduce((sum, v, p) => sum + v * mass[p], 0);
  return Float32Array.from(projection, (v) => (agreement < 0 ? -v : v));
}
