/** Convolutions on images [N, H, W, C]. Weights come as [O, I/group, kh, kw] and are kept as [kh, kw, I, O]. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { op, type Call, type Table } from "./op";
import { padImage, unsupportedWindow, windowOf, type WindowAttrs } from "./window";

interface ConvAttrs extends WindowAttrs {
  group?: number;
}

export const CONV: Table = {
  Conv: [
    op<ConvAttrs>({
      since: 11,
      layout: "image",
      unsupported: (attrs, [, w]) => unsupportedWindow(attrs, w?.length),
      forward: (call) => {
        const [x, w, b] = call.x as Tensor4D[];
        const { strides, dilations, pads } = windowOf(call.attrs, x.shape, w.shape.slice(2));
        const y = convolve(x, kernel(call), strides, dilations, pads, groups(call));
        return b ? tf.add(y, b) : y;
      },
      vjp: (dy, call) => [() => inputGradient(dy as Tensor4D, call)],
    }),
  ],
};

/** [group, whether each channel has its own filters]. */
const groups = ({ x: [x, w], attrs: { group = 1 } }: Call<ConvAttrs>): [number, boolean] => [
  group,
  group > 1 && group === x.shape[3] && w.shape[1] === 1,
];

type Pads = ReturnType<typeof windowOf>["pads"];

/** `w` is [kh, kw, I/group, O], or [kh, kw, C, multiplier] if depthwise. Negative pads crop. */
function convolve(
  x: Tensor4D,
  w: Tensor4D,
  strides: [number, number],
  dilations: [number, number],
  pads: Pads,
  [group, depthwise]: [number, boolean],
): Tensor {
  if (pads.flat().some((p) => p < 0))
    return convolve(
      padImage(x, pads) as Tensor4D,
      w,
      strides,
      dilations,
      [
        [0, 0],
        [0, 0],
      ],
      [group, depthwise],
    );
  const pad: [[number, number], [number, number], [number, number], [number, number]] = [[0, 0], ...pads, [0, 0]];
  if (depthwise) return tf.depthwiseConv2d(x, w, strides, pad, "NHWC", dilations);
  if (group === 1) return tf.conv2d(x, w, strides, pad, "NHWC", dilations);
  // No backend has grouped convolution.
  const xs = tf.split(x, group, 3) as Tensor4D[];
  const ws = tf.split(w, group, 3) as Tensor4D[];
  return tf.concat(
    xs.map((part, i) => tf.conv2d(part, ws[i], strides, pad, "NHWC", dilations)),
    3,
  );
}

const kernel = (call: Call<ConvAttrs>): Tensor4D =>
  call.derived("kernel", () => {
    const [o, , kh, kw] = call.x[1].shape;
    const w = tf.transpose(call.x[1], [2, 3, 1, 0]);
    const [group, depthwise] = groups(call);
    return depthwise ? tf.reshape(w, [kh, kw, group, o / group]) : w;
  }) as Tensor4D;

/** The kernel of the convolution that carries the gradient back: mirrored, with input and output channels exchanged. */
const mirrored = (call: Call<ConvAttrs>): Tensor4D =>
  call.derived("mirrored", () => {
    const [o, i, kh, kw] = call.x[1].shape;
    const [group, depthwise] = groups(call);
    const w = tf.reverse(call.x[1], [2, 3]);
    if (depthwise && o === group) return tf.transpose(w, [2, 3, 0, 1]);
    // [group, O/group, I/group, kh, kw] -> [kh, kw, O/group, group * I/group]
    return tf.reshape(tf.transpose(tf.reshape(w, [group, o / group, i, kh, kw]), [3, 4, 1, 0, 2]), [
      kh,
      kw,
      o / group,
      group * i,
    ]);
  }) as Tensor4D;

/**
 * d(conv)/dx as a forward convolution of `dy`, spread by the stride, with the mirrored kernel: tfjs' own kernel for it is
 * ten times slower on WASM, lacks dilation everywhere and depthwise on WASM.
 */
function inputGradient(dy: Tensor4D, call: Call<ConvAttrs>): Tensor {
  const [x, w] = call.x;
  const { kernel: k, strides, dilations, pads } = windowOf(call.attrs, x.shape, w.shape.slice(2));
  const spread = spreadZeros(dy, strides) as Tensor4D;
  const back = [0, 1].map((axis) => {
    const before = dilations[axis] * (k[axis] - 1) - pads[axis][0];
    return [before, x.shape[axis + 1] - spread.shape[axis + 1] + pads[axis][0]];
  }) as Pads;
  const [group, depthwise] = groups(call);
  const multiplier = w.shape[0] / group;
  return convolve(spread, mirrored(call), [1, 1], dilations, back, [group, depthwise && multiplier === 1]);
}

/** Puts stride - 1 zeros after every row and column. */
function spreadZeros(x: Tensor4D, [sh, sw]: [number, number]): Tensor {
  if (sh === 1 && sw === 1) return x;
  const [n, h, w, c] = x.shape;
  const columns = tf.reshape(
    tf.pad(tf.reshape(x, [n * h * w, c]), [
      [0, 0],
      [0, (sw - 1) * c],
    ]),
    [n * h, w * sw * c],
  );
  return tf.reshape(
    tf.pad(columns, [
      [0, 0],
      [0, (sh - 1) * w * sw * c],
    ]),
    [n, h * sh, w * sw, c],
  );
}
