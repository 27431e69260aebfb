/** Pooling on images [N, H, W, C]. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { op, type Table } from "./op";
import {
  joinPhases,
  padImage,
  range,
  splitPhases,
  unsupportedWindow,
  windowOf,
  type Window,
  type WindowAttrs,
} from "./window";

interface AverageAttrs extends WindowAttrs {
  count_include_pad?: number;
}

/** Rows and columns padded so that every window lies inside and both sizes are multiples of the strides. */
function blockPads({ pads, strides }: Window, [, h, w]: readonly number[]): Window["pads"] {
  return [h, w].map((length, axis) => {
    const [before, after] = pads[axis];
    const total = Math.ceil((length + before + after) / strides[axis]) * strides[axis];
    return [before, total - length - before];
  }) as Window["pads"];
}

/** Calls `visit` for every cell of the window with the phase it reads and the shift within that phase. */
function forCells(
  { kernel, strides, dilations }: Window,
  visit: (phase: [number, number], shift: [number, number]) => void,
): void {
  for (const i of range(kernel[0])) {
    for (const j of range(kernel[1])) {
      const at = [i * dilations[0], j * dilations[1]];
      visit([at[0] % strides[0], at[1] % strides[1]], [Math.floor(at[0] / strides[0]), Math.floor(at[1] / strides[1])]);
    }
  }
}

/**
 * Puts `values` [N, OH, OW, C] back to where `y = maxpool(x)` took its maxima from, the first one in a window where several
 * are equal, as torch does. Windows that share a maximum add up, or with `assign` the last window wins (torch's max_unpool).
 */
export function maxUnpool(values: Tensor, x: Tensor, y: Tensor, attrs: WindowAttrs, assign = false): Tensor {
  const window = windowOf(attrs, x.shape);
  return tf.getBackend() === "webgl"
    ? unpoolByPhases(values, x, y, window, assign)
    : unpoolOnHost(values, x, y, window, assign);
}

/** Where tensors lie in main memory one loop beats tfjs' kernels: its WASM slices and concats copy row by row. */
function unpoolOnHost(values: Tensor, x: Tensor, y: Tensor, window: Window, assign: boolean): Tensor {
  const { kernel, strides, dilations, pads } = window;
  const [from, top, source] = [x.dataSync(), y.dataSync(), values.dataSync()];
  const result = new Float32Array(x.size);
  const [n, h, w, c] = x.shape;
  const [, oh, ow] = y.shape;
  const firstEqual = (value: number, b: number, row: number, column: number, k: number): number => {
    for (let r = row; r < row + kernel[0] * dilations[0]; r += dilations[0]) {
      if (r < 0 || r >= h) continue;
      for (let q = column; q < column + kernel[1] * dilations[1]; q += dilations[1]) {
        const place = ((b * h + r) * w + q) * c + k;
        if (q >= 0 && q < w && from[place] === value) return place;
      }
    }
    return -1;
  };
  let at = 0;
  for (let b = 0; b < n; b++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const [row, column] = [i * strides[0] - pads[0][0], j * strides[1] - pads[1][0]];
        for (let k = 0; k < c; k++, at++) {
          const place = firstEqual(top[at], b, row, column, k);
          if (place < 0) continue;
          if (assign) result[place] = source[at];
          else result[place] += source[at];
        }
      }
    }
  }
  return tf.tensor(result, x.shape);
}

/** The same with tensor operations only: nothing is read back from the GPU. */
function unpoolByPhases(values: Tensor, x: Tensor, y: Tensor, window: Window, assign: boolean): Tensor {
  const pads = blockPads(window, x.shape);
  const phases = splitPhases(padImage(x, pads, -Infinity), window.strides);
  const [n, oh, ow, c] = y.shape;
  const cells: { phase: [number, number]; shift: [number, number]; hit: Tensor }[] = [];
  let free: Tensor | null = null;
  forCells(window, (phase, shift) => {
    const cell = tf.slice(phases[phase[0]][phase[1]], [0, ...shift, 0], [n, oh, ow, c]);
    const equal = tf.equal(cell, y);
    const hit = free ? tf.logicalAnd(equal, free) : equal;
    free = free ? tf.logicalAnd(free, tf.logicalNot(equal)) : tf.logicalNot(equal);
    cells.push({ phase, shift, hit });
  });
  const result = phases.map((row) => row.map((p) => tf.zeros(p.shape) as Tensor));
  const zeros = tf.zerosLike(values);
  // A later window reads a pixel by an earlier cell, so for `assign` the cells are taken backwards and overwrite.
  for (const {
    phase: [r, q],
    shift,
    hit,
  } of assign ? cells.reverse() : cells) {
    const [, h, w] = result[r][q].shape;
    const place = (t: Tensor) =>
      padImage(t, [
        [shift[0], h - oh - shift[0]],
        [shift[1], w - ow - shift[1]],
      ]);
    const spread = place(tf.where(hit, values, zeros));
    result[r][q] = assign
      ? tf.where(tf.cast(place(tf.cast(hit, "float32")), "bool"), spread, result[r][q])
      : tf.add(result[r][q], spread);
  }
  return padImage(joinPhases(result), negate(pads));
}

const negate = (pads: Window["pads"]) => pads.map((p) => p.map((v) => -v)) as Window["pads"];

/** How many real or, if counted, padded pixels each window averages: [1, OH, OW, 1]. */
function counts(window: Window, shape: readonly number[], includePad: boolean): Tensor {
  const cells = window.kernel[0] * window.kernel[1];
  if (includePad) return tf.scalar(cells);
  const ones = padImage(tf.ones([1, shape[1], shape[2], 1]), window.pads) as Tensor4D;
  return tf.mul(tf.avgPool(ones, window.kernel, window.strides, "valid"), cells);
}

export const POOL: Table = {
  MaxPool: [
    op<WindowAttrs>({
      since: 12,
      layout: "image",
      unsupported: (attrs) =>
        unsupportedWindow(attrs, attrs.kernel_shape && attrs.kernel_shape.length + 2) ?? dilated(attrs),
      forward: ({ x: [x], attrs }) => {
        const { kernel, strides, pads } = windowOf(attrs, x.shape);
        return tf.maxPool(padImage(x, pads, -Infinity) as Tensor4D, kernel, strides, "valid");
      },
      vjp: (dy, { x: [x], y: [y], attrs }) => [() => maxUnpool(dy, x, y, attrs)],
    }),
  ],
  AveragePool: [
    op<AverageAttrs>({
      since: 11,
      layout: "image",
      affine: true,
      unsupported: (attrs) =>
        unsupportedWindow(attrs, attrs.kernel_shape && attrs.kernel_shape.length + 2) ??
        dilated(attrs) ??
        (attrs.ceil_mode ? "ceil_mode is not supported yet" : undefined),
      forward: ({ x: [x], attrs }) => {
        const window = windowOf(attrs, x.shape);
        const mean = tf.avgPool(padImage(x, window.pads) as Tensor4D, window.kernel, window.strides, "valid");
        if (attrs.count_include_pad || !window.pads.flat().some((p) => p)) return mean;
        return tf.mul(mean, tf.div(window.kernel[0] * window.kernel[1], counts(window, x.shape, false)));
      },
      vjp: (dy, { x: [x], attrs }) => [
        () => {
          const window = windowOf(attrs, x.shape);
          const pads = blockPads(window, x.shape);
          const [n, h, w, c] = x.shape;
          const [oh, ow] = window.size;
          const share = tf.div(dy, counts(window, x.shape, !!attrs.count_include_pad));
          const [sh, sw] = window.strides;
          const [bh, bw] = [(h + pads[0][0] + pads[0][1]) / sh, (w + pads[1][0] + pads[1][1]) / sw];
          const phases = range(sh).map(() => range(sw).map(() => tf.zeros([n, bh, bw, c]) as Tensor));
          forCells(window, ([r, q], [i, j]) => {
            phases[r][q] = tf.add(
              phases[r][q],
              padImage(share, [
                [i, bh - oh - i],
                [j, bw - ow - j],
              ]),
            );
          });
          return padImage(joinPhases(phases), negate(pads));
        },
      ],
    }),
  ],
  GlobalAveragePool: [
    op({
      since: 1,
      layout: "image",
      affine: true,
      forward: ({ x: [x] }) => tf.mean(x, [1, 2], true),
      vjp: (dy, { x: [x] }) => [() => tf.mul(dy, tf.fill(x.shape, 1 / (x.size / dy.size)))],
    }),
  ],
};

const dilated = ({ dilations }: WindowAttrs) =>
  dilations?.some((d) => d !== 1) ? `dilations [${dilations}] are not supported yet` : undefined;
