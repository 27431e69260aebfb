/** What convolutions and pools share: the geometry of a sliding window over the axes between batch and channels. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { checkShape } from "./host";

export interface WindowAttrs {
  kernel_shape?: number[];
  strides?: number[];
  /** Before each axis, then after each axis. */
  pads?: number[];
  dilations?: number[];
  auto_pad?: string;
  ceil_mode?: number;
}

/** Along one spatial axis. */
export interface Axis {
  kernel: number;
  stride: number;
  dilation: number;
  before: number;
  /** Includes what ceil_mode adds. */
  after: number;
  /** Without it. */
  declaredAfter: number;
  length: number;
  out: number;
}

/** [N, ..., C] shape and attributes -> geometry per spatial axis (https://onnx.ai/onnx/operators/onnx__MaxPool.html). */
export function axesOf(attrs: WindowAttrs, shape: readonly number[], kernels = attrs.kernel_shape!): Axis[] {
  const rank = shape.length - 2;
  const { strides, pads, dilations, auto_pad = "NOTSET", ceil_mode = 0 } = attrs;
  return kernels.map((kernel, i) => {
    const [length, stride, dilation] = [shape[i + 1], strides?.[i] ?? 1, dilations?.[i] ?? 1];
    const span = dilation * (kernel - 1) + 1;
    let [before, after] = auto_pad === "NOTSET" ? [pads?.[i] ?? 0, pads?.[i + rank] ?? 0] : [0, 0];
    if (auto_pad.startsWith("SAME")) {
      const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + span - length);
      before = auto_pad === "SAME_LOWER" ? Math.ceil(total / 2) : Math.floor(total / 2);
      after = total - before;
    }
    const room = length + before + after - span;
    let out = (ceil_mode ? Math.ceil : Math.floor)(room / stride) + 1;
    // A window that would start in the padding after the image does not count.
    if (ceil_mode && (out - 1) * stride >= length + before) out -= 1;
    if (out < 1) throw new Error(`a window of ${span} does not fit into ${length} padded by ${before} and ${after}`);
    const reached = (out - 1) * stride + span - length - before;
    return { kernel, stride, dilation, before, after: Math.max(after, reached), declaredAfter: after, length, out };
  });
}

/** Pads, or where negative crops, each dimension. */
export function pad(x: Tensor, pads: readonly (readonly [number, number])[], value = 0): Tensor {
  checkShape(x.shape.map((d, i) => Math.max(0, d + pads[i][0] + pads[i][1])));
  const begin = pads.map(([before]) => Math.max(0, -before));
  const size = x.shape.map((d, i) => d - begin[i] - Math.max(0, -pads[i][1]));
  const cropped = size.some((d, i) => d !== x.shape[i]) ? tf.slice(x, begin, size) : x;
  const grown = pads.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  if (!grown.some(([before, after]) => before || after)) return cropped;
  if (x.rank <= 4) return tf.pad(cropped, grown, value);
  // tfjs' WASM kernel knows no more dimensions.
  return grown.reduce((t, [before, after], at) => {
    const [outer, inner] = [sizeOf(t.shape.slice(0, at)), sizeOf(t.shape.slice(at + 1))];
    const padded = tf.pad(tf.reshape(t, [outer, t.shape[at], inner]), [[0, 0], [before, after], [0, 0]], value); // prettier-ignore
    return tf.reshape(padded, t.shape.map((d, i) => (i === at ? d + before + after : d))); // prettier-ignore
  }, cropped);
}

/** Pads (negative crops) the axes between batch and channels. */
export const padImage = (x: Tensor, pads: readonly (readonly [number, number])[], value = 0): Tensor =>
  pad(x, [[0, 0], ...pads, [0, 0]], value);

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
