/**
 * Deletion and insertion (Petsiuk et al. 2018, RISE): values are taken out of the input, or put into a blurred one, the
 * strongest first; a good explanation lets the score fall early, or rise early.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { FloatArray } from "../engine";
import { inChunks, rowsOf, sampleOf } from "../methods/steps";
import { blurred, placesOf, ranked } from "../pixels";
import type { Curve, Metric, MetricCall } from "./metric";

/** Area under a curve whose points are evenly spaced on 0..1: the ends count half. */
export const areaUnder = (y: Float32Array): number =>
  (y.reduce((sum, v) => sum + v, 0) - (y[0] + y[y.length - 1]) / 2) / (y.length - 1);

/** The target's score: of the graph's output `scores`, else the softmax of what is explained. */
async function probabilities(
  { model }: MetricCall,
  inputs: Record<string, FloatArray>,
  target: number,
): Promise<Float32Array> {
  const named = model.outputs.some(({ name }) => name === "scores");
  const scores = tf.tidy(() => {
    const name = named ? "scores" : model.main;
    const output = model.forward(model.upload(inputs), [name])[name];
    const rows = tf.reshape(output, [output.shape[0], -1]);
    return named || rows.shape[1] === 1 ? rows : tf.softmax(rows);
  });
  const [n, size] = scores.shape;
  const data = await scores.data();
  scores.dispose();
  return Float32Array.from({ length: n }, (_, i) => data[i * size + target]);
}

/** Walks from `from` to `to`: at point k of `n_steps` the first k / n_steps of the places are those of `to`. */
async function walked(
  call: MetricCall,
  sample: number,
  order: Int32Array,
  from: Readonly<Record<string, Float32Array>>,
  to: Readonly<Record<string, Float32Array>>,
  report: (done: number) => Promise<void>,
): Promise<Float32Array> {
  const { model, inputs, additional, target } = call;
  const steps = call.arguments.n_steps as number;
  const names = Object.keys(inputs);
  const owners = names.flatMap((name) => {
    const { places, channels } = placesOf(inputs[name].shape.slice(1));
    return Array.from({ length: places }, (_, p) => ({ name, p, places, channels }));
  });
  const curve = new Float32Array(steps + 1);
  await inChunks({ model, step: report }, steps + 1, async (start, end) => {
    const rows = rowsOf({ ...inputs, ...additional }, Array<number>(end - start).fill(sample));
    for (let k = start; k < end; k++) {
      const changed = Math.round((k / steps) * order.length);
      for (const name of names) rows[name].data.set(from[name], (k - start) * from[name].length);
      for (const at of order.subarray(0, changed)) {
        const { name, p, places, channels } = owners[at];
        const offset = (k - start) * channels * places;
        for (let c = 0; c < channels; c++) rows[name].data[offset + c * places + p] = to[name][c * places + p];
      }
    }
    curve.set(await probabilities(call, rows, target[sample]), start);
  });
  return curve;
}

export const deletionInsertion: Metric = {
  name: "Deletion and insertion",
  summary: "How fast the score falls when the strongest values are taken out, and rises when they are put in",
  source: "Petsiuk et al. 2018 (RISE)",
  over: "places",
  better: { deletion: "lower", insertion: "higher" },
  params: [{ name: "n_steps", kind: "int", default: 28, min: 2, max: 1000, help: "Points of each curve" }],
  measure: async (call) => {
    const { inputs, baselines, attribution, target } = call;
    const names = Object.keys(inputs);
    const deletion: Curve = { name: "deletion", at: pointsOf(call), values: [] };
    const insertion: Curve = { name: "insertion", at: pointsOf(call), values: [] };
    const byName = (make: (name: string) => Float32Array) =>
      Object.fromEntries(names.map((name) => [name, make(name)]));
    const walks = 2 * target.length;
    for (let i = 0; i < target.length; i++) {
      const x = byName((name) => sampleOf(inputs[name], i));
      const removed = byName((name) => sampleOf(baselines[name], i));
      const faint = byName((name) => {
        const shape = inputs[name].shape.slice(1);
        return shape.length === 3 ? blurred(x[name], shape) : removed[name];
      });
      const order = ranked(
        names.map((name) => ({
          data: sampleOf(attribution.attributions[name], i),
          shape: attribution.attributions[name].shape.slice(1),
        })),
      );
      const report = (walk: number) => (done: number) => call.step((2 * i + walk + done) / walks);
      deletion.values.push(await walked(call, i, order, x, removed, report(0)));
      insertion.values.push(await walked(call, i, order, faint, x, report(1)));
    }
    const area = ({ values }: Curve) => Float32Array.from(values, areaUnder);
    return { values: { deletion: area(deletion), insertion: area(insertion) }, curves: [deletion, insertion] };
  },
};

const pointsOf = ({ arguments: { n_steps } }: MetricCall): number[] =>
  Array.from({ length: (n_steps as number) + 1 }, (_, k) => k / (n_steps as number));
