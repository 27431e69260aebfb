/** Convolutions on images [N, H, W, C]. Weights come as [O, I/group, kh, kw] and are kept as [kh, kw, I, O]. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { op, type Call, type Table } from "./op";
import { padImage, range, unsupportedWindow, windowOf, type Window, type WindowAttrs } from "./window";

interface ConvAttrs extends WindowAttrs {
  group?: number;
}

export const CONV: Table = {
  Conv: [
    op<ConvAttrs>({
      since: 11,
      layout: "image",
      affine: true,
      unsupported: (attrs, [, w]) => unsupportedWindow(attrs, w?.length),
      forward: (call) => {
        const [x, w, bias] = call.x;
        const window = windowOf(call.attrs, x.shape, w.shape.slice(2));
        return convolve(x as Tensor4D, kernels(call), window, isDepthwise(call), bias as Tensor1D | undefined);
      },
      vjp: (dy, call) => [() => inputGradient(dy as Tensor4D, call)],
    }),
  ],
};

/** Each channel has filters of its own. */
const isDepthwise = ({ x: [x, w], attrs: { group = 1 } }: Call<ConvAttrs>): boolean =>
  group > 1 && group === x.shape[3] && w.shape[1] === 1;

type Geometry = Pick<Window, "strides" | "dilations" | "pads">;

/** One kernel per group, [kh, kw, I/group, O/group], or one [kh, kw, C, multiplier] if depthwise. Negative pads crop. */
function convolve(x: Tensor4D, kernels: Tensor4D[], geometry: Geometry, depthwise: boolean, bias?: Tensor1D): Tensor {
  const { strides, dilations, pads } = geometry;
  if (pads.flat().some((p) => p < 0)) {
    const unpadded: Geometry = { strides, dilations, pads: [[0, 0], [0, 0]] }; // prettier-ignore
    return convolve(padImage(x, pads) as Tensor4D, kernels, unpadded, depthwise, bias);
  }
  const pad: [[number, number], [number, number], [number, number], [number, number]] = [[0, 0], ...pads, [0, 0]];
  const common = { strides, pad, dataFormat: "NHWC" as const, dilations };
  if (kernels.length === 1 && !depthwise) return tf.fused.conv2d({ x, filter: kernels[0], bias, ...common });
  // No backend has grouped convolution.
  const grouped = () => {
    const parts = tf.split(x, kernels.length, 3) as Tensor4D[];
    return tf.concat(
      parts.map((part, i) => tf.fused.conv2d({ x: part, filter: kernels[i], ...common })),
      3,
    );
  };
  const y = depthwise ? tf.depthwiseConv2d(x, kernels[0], strides, pad, "NHWC", dilations) : grouped();
  return bias ? tf.add(y, bias) : y;
}

/** A kernel per group, kept: WASM prepares a kernel when it first sees it. `make` gets [O/group, I/group, kh, kw]. */
const perGroup = (call: Call<ConvAttrs>, name: string, make: (w: Tensor4D) => Tensor): Tensor4D[] => {
  const [, w] = call.x;
  const { group = 1 } = call.attrs;
  const [o, ...rest] = w.shape;
  return range(group).map((i) => {
    const part = () => tf.slice(w, [(i * o) / group, 0, 0, 0], [o / group, ...rest]) as Tensor4D;
    return call.derived(`${name} ${i}`, () => make(part())) as Tensor4D;
  });
};

const kernels = (call: Call<ConvAttrs>): Tensor4D[] => {
  const [o, , kh, kw] = call.x[1].shape;
  const c = call.x[0].shape[3] as number;
  const turned = () => tf.transpose(call.x[1], [2, 3, 1, 0]);
  if (isDepthwise(call)) return [call.derived("kernel", () => tf.reshape(turned(), [kh, kw, c, o / c])) as Tensor4D];
  return perGroup(call, "kernel", (w) => tf.transpose(w, [2, 3, 1, 0]));
};

/** Kernels of the convolution that carries the gradient back: mirrored, with input and output channels exchanged. */
const mirrored = (call: Call<ConvAttrs>, depthwise: boolean): Tensor4D[] =>
  depthwise
    ? [call.derived("mirrored", () => tf.transpose(tf.reverse(call.x[1], [2, 3]), [2, 3, 0, 1])) as Tensor4D]
    : perGroup(call, "mirrored", (w) => tf.transpose(tf.reverse(w, [2, 3]), [2, 3, 0, 1]));

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
  }) as Geometry["pads"];
  // With several filters per channel the gradient sums over them: a grouped convolution.
  const depthwise = isDepthwise(call) && w.shape[0] === x.shape[3];
  return convolve(spread, mirrored(call, depthwise), { strides: [1, 1], dilations, pads: back }, depthwise);
}

/** Puts stride - 1 zeros after every row and column. */
function spreadZeros(x: Tensor4D, [sh, sw]: Window["strides"]): Tensor {
  if (sh === 1 && sw === 1) return x;
  const [n, h, w, c] = x.shape;
  const columns = tf.reshape(tf.pad(tf.reshape(x, [n * h * w, c]), [[0, 0], [0, (sw - 1) * c]]), [n * h, w * sw * c]); // prettier-ignore
  return tf.reshape(tf.pad(columns, [[0, 0], [0, (sh - 1) * w * sw * c]]), [n, h * sh, w * sw, c]); // prettier-ignore
}
