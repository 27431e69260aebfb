/** Normalisations. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { mean, quotient, unbroadcast } from "./broadcast";
import { positive } from "./host";
import { op, type AxisLayout, type Call, type OpDef, type Table } from "./op";
import { tap } from "./phases";
import { range, type Axis } from "./window";

export interface ChannelAttrs {
  /** Where the channels lie: 1, unless {@link channelLayout} says otherwise. */
  channel?: number;
}

/** For operators with one channel axis, wherever it is. */
export const channelLayout: AxisLayout = {
  inputs: [0],
  adapt: (node, { map }) => ({ node: { ...node, attrs: { ...node.attrs, channel: map(1) } }, image: true }),
};

/** All but the batch and the channels. */
export const spatialAxes = (rank: number, { channel = 1 }: ChannelAttrs): number[] =>
  range(rank).filter((i) => i > 0 && i !== channel);

/** [C] as a shape that is broadcast against x. */
const perChannel = (c: number, rank: number, { channel = 1 }: ChannelAttrs): number[] =>
  range(rank).map((i) => (i === Math.min(channel, rank - 1) ? c : 1));

interface BatchNormAttrs extends ChannelAttrs {
  epsilon?: number;
  training_mode?: number;
}

/** (x - mean) / sqrt(variance + epsilon) = inverse * x + shift, per channel. */
function whitening({ x: [x], host, attrs }: Call<BatchNormAttrs>): { inverse: Tensor; shift: Tensor } {
  const [means, variance] = host.slice(3).map((c) => c!.data as Float32Array);
  const shape = perChannel(means.length, x.rank, attrs);
  const inverse = Float32Array.from(variance, (v) => 1 / Math.sqrt(v + (attrs.epsilon ?? 1e-5)));
  const shift = Float32Array.from(means, (m, i) => -m * inverse[i]);
  return { inverse: tf.tensor(inverse, shape), shift: tf.tensor(shift, shape) };
}

/** y = scale * x + shift, per channel. */
function affine(call: Call<BatchNormAttrs>): { scale: Tensor; shift: Tensor } {
  const [x, gamma, beta] = call.x;
  const shape = perChannel(gamma.size, x.rank, call.attrs);
  const scale = () => tf.mul(tf.reshape(gamma, shape), whitening(call).inverse);
  const shift = () => tf.add(tf.reshape(beta, shape), tf.mul(tf.reshape(gamma, shape), whitening(call).shift));
  return { scale: call.derived("scale", scale), shift: call.derived("shift", shift) };
}

interface Normalised {
  /** (x - mean) / sqrt(variance + epsilon) */
  hat: Tensor;
  mean: Tensor;
  inverse: Tensor;
}

export function normalised(x: Tensor, axes: number[], epsilon: number): Normalised {
  const centre = mean(x, axes, true);
  const centred = tf.sub(x, centre);
  const inverse = tf.rsqrt(tf.add(mean(tf.mul(centred, centred), axes, true), epsilon));
  return { hat: tf.mul(centred, inverse), mean: centre, inverse };
}

/** d(hat)/dx, applied to a gradient. */
function throughNormalised(dhat: Tensor, { hat, inverse }: Normalised, axes: number[]): Tensor {
  const along = tf.mul(hat, mean(tf.mul(dhat, hat), axes, true));
  return tf.mul(tf.sub(tf.sub(dhat, mean(dhat, axes, true)), along), inverse);
}

interface GroupNormAttrs extends ChannelAttrs {
  epsilon?: number;
  num_groups?: number;
}

/** [N, C, ...] with the channels split into groups: what is normalised, over which axes, and how parameters fit to it. */
export function grouped({ x: [x], attrs }: Call<GroupNormAttrs>) {
  const { channel = 1, num_groups } = attrs;
  const c = x.shape[channel];
  const groups = num_groups ?? c;
  const split = (shape: readonly number[], parts: [number, number]) => [...shape.slice(0, channel), ...parts, ...shape.slice(channel + 1)]; // prettier-ignore
  const shape = split(x.shape, [groups, c / groups]);
  const ones = Array<number>(x.rank).fill(1);
  return {
    parts: tf.reshape(x, shape),
    axes: range(x.rank + 1).filter((i) => i > 0 && i !== channel),
    /** Parameters come per channel, or (GroupNormalization up to opset 20) per group. */
    parameter: (p: Tensor) => tf.reshape(p, split(ones, p.size === c ? [groups, c / groups] : [groups, 1])),
  };
}

const groupNorm = (since: number): OpDef =>
  op<GroupNormAttrs>({
    since,
    layout: channelLayout,
    forward: (call) => {
      const [x, scale, bias] = call.x;
      const { parts, axes, parameter } = grouped(call);
      const { hat } = normalised(parts, axes, call.attrs.epsilon ?? 1e-5);
      return tf.reshape(tf.add(tf.mul(hat, parameter(scale)), parameter(bias)), x.shape);
    },
    vjp: ([dy], call) => {
      const [x, scale, bias] = call.x;
      const { parts, axes, parameter } = grouped(call);
      const dParts = tf.reshape(dy, parts.shape);
      const n = normalised(parts, axes, call.attrs.epsilon ?? 1e-5);
      return [
        () => tf.reshape(throughNormalised(tf.mul(dParts, parameter(scale)), n, axes), x.shape),
        () => tf.reshape(unbroadcast(tf.mul(dParts, n.hat), parameter(scale).shape), scale.shape),
        () => tf.reshape(unbroadcast(dParts, parameter(bias).shape), bias.shape),
      ];
    },
  });

interface LayerNormAttrs {
  axis?: number;
  epsilon?: number;
}

export const lastAxes = (x: Tensor, axis: number): number[] => range(x.rank).slice(positive(axis, x.rank));

interface LpAttrs {
  axis?: number;
  p?: number;
}

interface LrnAttrs extends ChannelAttrs {
  alpha?: number;
  beta?: number;
  bias?: number;
  size: number;
}

/** Sums over a window of channels; the gradient's window is the same, mirrored. */
function overChannels(x: Tensor, { size, channel = 1 }: LrnAttrs, mirror: boolean): Tensor {
  const length = x.shape[channel];
  const [less, more] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const [before, after] = mirror ? [more, less] : [less, more];
  const axis: Axis = { kernel: size, stride: 1, dilation: 1, before, after, declaredAfter: after, length, out: length };
  return range(size)
    .map((k) => tap(x, channel, axis, k))
    .reduce((a, b) => tf.add(a, b));
}

const lrnBase = (x: Tensor, attrs: LrnAttrs): Tensor =>
  tf.add(tf.mul(overChannels(tf.mul(x, x), attrs, false), (attrs.alpha ?? 1e-4) / attrs.size), attrs.bias ?? 1);

export const NORM: Table = {
  BatchNormalization: [
    op<BatchNormAttrs>({
      since: 9,
      layout: channelLayout,
      affine: true,
      host: [3, 4],
      unsupported: ({ training_mode = 0 }) =>
        training_mode ? "training_mode is not supported; export the model in eval mode" : undefined,
      forward: (call) => {
        const { scale, shift } = affine(call);
        return tf.add(tf.mul(call.x[0], scale), shift);
      },
      vjp: ([dy], call) => {
        const [x, gamma, beta] = call.x;
        const perParameter = (t: Tensor) => tf.sum(t, [0, ...spatialAxes(x.rank, call.attrs)]);
        return [
          () => tf.mul(dy, affine(call).scale),
          () => {
            const { inverse, shift } = whitening(call);
            return tf.reshape(perParameter(tf.mul(dy, tf.add(tf.mul(x, inverse), shift))), gamma.shape);
          },
          () => tf.reshape(perParameter(dy), beta.shape),
        ];
      },
    }),
  ],
  InstanceNormalization: [groupNorm(6)],
  GroupNormalization: [groupNorm(18)],
  LayerNormalization: [
    op<LayerNormAttrs>({
      since: 17,
      layout: "plain",
      forward: ({ x: [x, scale, bias], attrs: { axis = -1, epsilon = 1e-5 } }) => {
        const { hat, mean: centre, inverse } = normalised(x, lastAxes(x, axis), epsilon);
        const y = tf.mul(hat, scale);
        return [bias ? tf.add(y, bias) : y, centre, inverse];
      },
      vjp: ([dY, dMean, dInverse], { x: [x, scale, bias], attrs: { axis = -1, epsilon = 1e-5 } }) => {
        const dy = dY ?? tf.zerosLike(x);
        const axes = lastAxes(x, axis);
        const n = normalised(x, axes, epsilon);
        const share = 1 / sizeOf(axes.map((a) => x.shape[a]));
        return [
          () => {
            let dx = throughNormalised(tf.mul(dy, scale), n, axes);
            if (dMean) dx = tf.add(dx, tf.mul(dMean, share));
            if (dInverse) dx = tf.sub(dx, tf.mul(tf.mul(n.hat, tf.mul(n.inverse, n.inverse)), tf.mul(dInverse, share)));
            return dx;
          },
          () => unbroadcast(tf.mul(dy, n.hat), scale.shape),
          () => unbroadcast(dy, bias.shape),
        ];
      },
    }),
  ],
  LpNormalization: [
    op<LpAttrs>({
      since: 1,
      layout: "plain",
      forward: ({ x: [x], attrs }) => quotient(x, lpNorm(x, attrs)),
      vjp: ([dy], { x: [x], y: [y], attrs }) => [
        () => {
          // d|x|/dx is sign(x) for p = 1 and x/|x| for p = 2.
          const slope = attrs.p === 1 ? tf.sign(x) : y;
          const along = tf.sum(tf.mul(dy, y), attrs.axis ?? -1, true);
          return quotient(tf.sub(dy, tf.mul(slope, along)), lpNorm(x, attrs));
        },
      ],
    }),
  ],
  LRN: [
    op<LrnAttrs>({
      since: 13,
      layout: channelLayout,
      forward: ({ x: [x], attrs }) => tf.mul(x, tf.pow(lrnBase(x, attrs), -(attrs.beta ?? 0.75))),
      vjp: ([dy], { x: [x], attrs }) => [
        () => {
          const { alpha = 1e-4, beta = 0.75, size } = attrs;
          const base = lrnBase(x, attrs);
          const inner = overChannels(tf.mul(tf.mul(dy, x), tf.pow(base, -beta - 1)), attrs, true);
          return tf.sub(tf.mul(dy, tf.pow(base, -beta)), tf.mul(tf.mul(x, inner), (2 * alpha * beta) / size));
        },
      ],
    }),
  ],
};

const lpNorm = (x: Tensor, { axis = -1, p = 2 }: LpAttrs): Tensor =>
  p === 1 ? tf.sum(tf.abs(x), axis, true) : tf.sqrt(tf.sum(tf.mul(x, x), axis, true));
