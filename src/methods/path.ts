/** What the path methods share: points on a way, cut into chunks, and weighted sums over them that can be looked at early. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { product } from "../ops/matmul";
import type { Arguments, Call, Maps, Plan } from "./method";
import { download, inChunks } from "./steps";

/** Where on the way of which sample. */
export interface Point {
  sample: number;
  alpha: number;
}

export interface Quadrature {
  alphas: readonly number[];
  weights: readonly number[];
}

/**
 * For each sample the weighted sum over all points of what `values` gives for them: tensors [points, ...]. `finish` makes
 * maps of the sums, [N, size]; before the end, of sums scaled up to the whole way. Both are called inside tf.tidy.
 */
export async function integrate(
  call: Call,
  { alphas, weights }: Quadrature,
  values: (points: readonly Point[]) => readonly Tensor[],
  finish: (sums: readonly Tensor2D[]) => Record<string, Tensor>,
): Promise<Maps> {
  const count = call.target.length;
  const order = spread(alphas.length);
  const whole = weights.reduce((sum, w) => sum + w, 0);
  const covered = new Float32Array(count);
  let sums: Tensor2D[] = [];
  try {
    await inChunks(call, count * alphas.length, async (start, end) => {
      const n = end - start;
      const steps = Array.from({ length: n }, (_, k) => order[Math.floor((start + k) / count)]);
      const points = steps.map((step, k) => ({ sample: (start + k) % count, alpha: alphas[step] }));
      const weighting = new Float32Array(count * n);
      points.forEach(({ sample }, k) => {
        weighting[sample * n + k] = weights[steps[k]];
        covered[sample] += weights[steps[k]];
      });
      const sofar = sums;
      sums = tf.tidy(() =>
        values(points).map((value, i) => {
          const sum = product(tf.tensor2d(weighting, [count, n]), rows(value)) as Tensor2D;
          return sofar.length ? tf.add<Tensor2D>(sofar[i], sum) : sum;
        }),
      );
      tf.dispose(sofar);
      // Reading values back waits for the GPU, so that progress and the size of chunks tell the truth.
      await sums[0].data();
      if (end === count * alphas.length || covered.includes(0)) return;
      await call.preview(() =>
        download(
          tf.tidy(() => {
            const scale = tf.tensor2d(covered.map((part) => whole / part), [count, 1]); // prettier-ignore
            return finish(sums.map((sum) => tf.mul(sum, scale)));
          }),
        ),
      );
    });
    return await download(tf.tidy(() => finish(sums)));
  } finally {
    tf.dispose(sums);
  }
}

/** Points on the straight lines between the two halves of `ends`, [2 N, ...]: at alpha 0 the second half. */
export function between(ends: Tensor, points: readonly Point[]): Tensor {
  const both = ends.shape[0];
  const mixture = new Float32Array(points.length * both);
  points.forEach(({ sample, alpha }, k) => {
    mixture[k * both + sample] = alpha;
    mixture[k * both + both / 2 + sample] = 1 - alpha;
  });
  const mixed = product(tf.tensor2d(mixture, [points.length, both]), rows(ends));
  return tf.reshape(mixed, [points.length, ...ends.shape.slice(1)]);
}

/** Of a method with a pass for each of its `n_steps`. */
export const planSteps = ({ n_steps }: Arguments): Plan => ({ errors: {}, workload: `${String(n_steps)} passes` });

/** One row per example. */
export const rows = (x: Tensor): Tensor2D => tf.reshape(x, [x.shape[0], -1]);

/** 0..n-1 from the middle on, so that every beginning of the list is spread over all of it: van der Corput's sequence. */
export function spread(n: number): number[] {
  const bits = Math.ceil(Math.log2(Math.max(n, 1)));
  const reversed = (i: number) => {
    let r = 0;
    for (let b = 0; b < bits; b++) r |= ((i >> b) & 1) << (bits - 1 - b);
    return r;
  };
  return Array.from({ length: 2 ** bits }, (_, i) => reversed((i + 1) % 2 ** bits)).filter((i) => i < n);
}
