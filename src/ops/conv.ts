/** Conv and ConvTranspose. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import { convolve, type Activation, type Kernel } from "./convolution";
import { op, type Call, type Table } from "./op";
import { inputGradient, kernelGradient } from "./transposed";
import { axesOf, type Axis, type WindowAttrs } from "./window";

interface ConvAttrs extends WindowAttrs {
  group?: number;
  /** Set by the fusion of a following activation. */
  activation?: Activation;
}

interface ConvTransposeAttrs extends ConvAttrs {
  output_padding?: number[];
  output_shape?: number[];
}

/** Sum over all but the channels. */
const biasGradient = (dy: Tensor): Tensor => tf.sum(tf.reshape(dy, [-1, dy.shape[dy.rank - 1] as number]), 0);

const kernelOf = ({ x: [, w], attrs: { group = 1 }, derived }: Call<ConvAttrs>): Kernel => ({ w, group, derive: derived }); // prettier-ignore
const convAxes = ({ x: [x, w], attrs }: Call<ConvAttrs>): Axis[] => axesOf(attrs, x.shape, w.shape.slice(0, -2));

/** What a fused activation lets through. */
function throughActivation(dy: Tensor, y: Tensor, activation: ConvAttrs["activation"]): Tensor {
  if (!activation) return dy;
  // Each step is freed as soon as the next one is there, so that they share memory that the processor has at hand.
  const inside = activation === "relu" ? y.clone() : tf.tidy(() => tf.mul(y, tf.sub(6, y)));
  const mask = tf.step(inside);
  inside.dispose();
  return tf.mul(dy, mask);
}

/** As a convolution from the output back to the input. */
function transposedAxes({ x: [x, w], attrs }: Call<ConvTransposeAttrs>): Axis[] {
  const { strides, dilations, pads, output_padding, output_shape, auto_pad = "NOTSET" } = attrs;
  const rank = x.rank - 2;
  return w.shape.slice(0, -2).map((kernel, i) => {
    const [stride, dilation, extra] = [strides?.[i] ?? 1, dilations?.[i] ?? 1, output_padding?.[i] ?? 0];
    const out = x.shape[i + 1];
    const full = stride * (out - 1) + extra + dilation * (kernel - 1) + 1;
    const wanted = output_shape?.slice(-rank)[i] ?? (auto_pad.startsWith("SAME") ? out * stride : undefined);
    let [before, after] = auto_pad === "NOTSET" ? [pads?.[i] ?? 0, pads?.[i + rank] ?? 0] : [0, 0];
    if (wanted !== undefined) {
      const total = full - wanted;
      before = auto_pad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      after = total - before;
    }
    const length = full - before - after;
    return { kernel, stride, dilation, before, after, declaredAfter: after, length, out };
  });
}

export const CONV: Table = {
  Conv: [
    op<ConvAttrs>({
      since: 11,
      layout: "image",
      kernel: 1,
      affine: true,
      unsupported: (_, [, w]) => unsupportedRank(w),
      forward: (call) =>
        convolve(call.x[0], kernelOf(call), convAxes(call), {
          bias: call.x[2] as Tensor1D | undefined,
          activation: call.attrs.activation,
        }),
      vjp: ([dy], call) => {
        const d = throughActivation(dy, call.y[0], call.attrs.activation);
        return [
          () => inputGradient(d, kernelOf(call), convAxes(call)),
          () => kernelGradient(call.x[0], d, kernelOf(call), convAxes(call)),
          () => biasGradient(d),
        ];
      },
    }),
  ],
  ConvTranspose: [
    op<ConvTransposeAttrs>({
      since: 11,
      layout: "image",
      kernel: 1,
      affine: true,
      unsupported: (_, [, w]) => unsupportedRank(w),
      forward: (call) => {
        const y = inputGradient(call.x[0], kernelOf(call), transposedAxes(call));
        return call.x[2] ? tf.add(y, call.x[2]) : y;
      },
      vjp: ([dy], call) => [
        () => convolve(dy, kernelOf(call), transposedAxes(call)),
        () => kernelGradient(dy, call.x[0], kernelOf(call), transposedAxes(call)),
        () => biasGradient(dy),
      ],
    }),
  ],
};

const unsupportedRank = (w: readonly unknown[] | undefined): string | undefined =>
  w && (w.length < 3 || w.length > 5) ? `${w.length - 2}-D windows are not supported, only 1-D to 3-D` : undefined;
