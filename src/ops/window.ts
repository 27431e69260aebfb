/** What Conv and the pools share: the geometry of a sliding window, and images split into the phases of a stride. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

export interface WindowAttrs {
  kernel_shape?: number[];
  strides?: number[];
  /** top, left, bottom, right */
  pads?: number[];
  dilations?: number[];
  auto_pad?: string;
  ceil_mode?: number;
}

export interface Window {
  kernel: [number, number];
  strides: [number, number];
  dilations: [number, number];
  /** Per spatial axis: before and after. `after` includes what ceil_mode adds. */
  pads: [[number, number], [number, number]];
  /** Output size. */
  size: [number, number];
}

/** [N, H, W, C] shape and attributes -> geometry (https://onnx.ai/onnx/operators/onnx__MaxPool.html). */
export function windowOf(attrs: WindowAttrs, shape: readonly number[], kernel = attrs.kernel_shape!): Window {
  const { strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], ceil_mode = 0 } = attrs;
  const size: number[] = [];
  const padding = [0, 1].map((axis) => {
    const [length, before] = [shape[axis + 1], pads[axis]];
    const span = dilations[axis] * (kernel[axis] - 1) + 1;
    const room = length + before + pads[axis + 2] - span;
    let out = (ceil_mode ? Math.ceil : Math.floor)(room / strides[axis]) + 1;
    // A window that would start in the padding after the image does not count.
    if (ceil_mode && (out - 1) * strides[axis] >= length + before) out -= 1;
    size.push(out);
    return [before, Math.max(pads[axis + 2], (out - 1) * strides[axis] + span - length - before)];
  });
  return { kernel, strides, dilations, pads: padding, size } as Window;
}

/** Why a window cannot be computed, or undefined. */
export function unsupportedWindow(attrs: WindowAttrs, rank: number | undefined): string | undefined {
  const { auto_pad = "NOTSET" } = attrs;
  if (!["NOTSET", "VALID"].includes(auto_pad))
    return `auto_pad ${auto_pad} is not supported; export with explicit pads`;
  if (rank !== undefined && rank !== 4) return `${rank - 2}-D windows are not supported yet, only 2-D`;
  return undefined;
}

/** Pads and crops (negative) an [N, H, W, C] image. */
export function padImage(x: Tensor, [[top, bottom], [left, right]]: Window["pads"], value = 0): Tensor {
  const [n, h, w, c] = x.shape;
  const cropped =
    Math.min(top, bottom, left, right) < 0
      ? tf.slice(
          x,
          [0, Math.max(0, -top), Math.max(0, -left), 0],
          [n, h + Math.min(0, top) + Math.min(0, bottom), w + Math.min(0, left) + Math.min(0, right), c],
        )
      : x;
  const pads = [top, bottom, left, right].map((p) => Math.max(0, p));
  return pads.some((p) => p > 0)
    ? tf.pad(
        cropped,
        [
          [0, 0],
          [pads[0], pads[1]],
          [pads[2], pads[3]],
          [0, 0],
        ],
        value,
      )
    : cropped;
}

/**
 * The pixels (i * sh + r, j * sw + q) of an image as one image [N, H/sh, W/sw, C] per phase (r, q). Window arithmetic with
 * stride then needs no zeros in between. H and W must be multiples of the strides.
 */
export function splitPhases(x: Tensor, [sh, sw]: readonly [number, number]): Tensor[][] {
  if (sh === 1 && sw === 1) return [[x]];
  const [n, h, w, c] = x.shape;
  const rows = tf.reshape(x, [(n * h) / sh, sh * w * c]);
  return range(sh).map((r) => {
    const row = tf.reshape(tf.slice(rows, [0, r * w * c], [-1, w * c]), [(n * h * w) / (sh * sw), sw * c]);
    return range(sw).map((q) => tf.reshape(tf.slice(row, [0, q * c], [-1, c]), [n, h / sh, w / sw, c]));
  });
}

/** Inverse of {@link splitPhases}. */
export function joinPhases(phases: Tensor[][]): Tensor {
  const [sh, sw] = [phases.length, phases[0].length];
  const [n, h, w, c] = phases[0][0].shape;
  if (sh === 1 && sw === 1) return phases[0][0];
  const rows = phases.map((row) =>
    tf.reshape(
      tf.concat(
        row.map((p) => tf.reshape(p, [n * h * w, c])),
        1,
      ),
      [n * h, w * sw * c],
    ),
  );
  return tf.reshape(tf.concat(rows, 1), [n, h * sh, w * sw, c]);
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
