/** Occlusion (Zeiler and Fergus 2014): a window slides over the input and replaces what it covers by the baseline. */
import { sizeOf } from "../graph";
import type { Arguments, ArgumentValue, Call, Maps, Method, Shapes } from "./method";
import { perturb, perturbationsPerEval, type Copies } from "./perturbation";
import { sampleOf } from "./steps";

interface Grid {
  window: number[];
  strides: number[];
  /** Window positions per dimension. */
  counts: number[];
  total: number;
}

/** About a seventh of the shorter side: coarse enough to be quick, fine enough to see parts of an object. */
const fittedSide = (shape: readonly number[]): number => Math.max(1, Math.round(Math.min(...spatial(shape)) * 0.15));

/** Dimensions behind the channels; all where there are no channels. */
const spatial = (shape: readonly number[]): readonly number[] => (shape.length > 2 ? shape.slice(1) : shape);

/** One number stands for a square over all channels. */
function expand(value: number | number[], shape: readonly number[], channels: number): number[] {
  if (Array.isArray(value) && value.length !== 1) return value;
  const side = Number(value);
  return [...(shape.length > 2 ? [channels] : []), ...spatial(shape).map(() => side)];
}

/** The value for input `i`: one for all, or a list with one entry per input. */
function perInput(value: ArgumentValue | undefined, i: number, inputs: number): number | number[] | null {
  if (!Array.isArray(value)) return (value ?? null) as number | null;
  const nested = value.some((v) => v === null || Array.isArray(v)) || (inputs > 1 && value.length === inputs);
  return nested ? ((value[i] ?? null) as number | number[] | null) : (value as number[]);
}

function gridOf(args: Arguments, shapes: Shapes, i: number): Grid {
  const shape = shapes[i];
  const given = perInput(args.sliding_window_shapes, i, shapes.length);
  const window = expand(given ?? fittedSide(shape), shape, shape[0]);
  const stride = given === null ? Math.max(1, Math.floor(fittedSide(shape) / 2)) : shape.map(() => 1);
  const strides = expand(perInput(args.strides, i, shapes.length) ?? stride, shape, window[0]);
  const counts = shape.map((length, d) => Math.ceil((length - window[d]) / strides[d]) + 1);
  return { window, strides, counts, total: counts.reduce((n, c) => n * c, 1) };
}

/** The limits of Captum's own assertions, in words. */
function errorsOf(args: Arguments, shapes: Shapes): Record<string, string> {
  for (let i = 0; i < shapes.length; i++) {
    const { window, strides } = gridOf(args, shapes, i);
    const shape = shapes[i];
    const size = `[${shape.join(", ")}]`;
    for (const [name, value] of Object.entries({ sliding_window_shapes: window, strides })) {
      if (value.length !== shape.length)
        return { [name]: `${value.length} numbers for an input of shape ${size}; give one number, or ${shape.length}` };
      if (!value.every((v) => Number.isInteger(v) && v >= 1))
        return { [name]: `[${value.join(", ")}] must be whole numbers from 1 on` };
    }
    const wide = window.findIndex((w, d) => w > shape[d]);
    if (wide >= 0)
      return {
        sliding_window_shapes: `1 to ${shape[wide]} in dimension ${wide + 1} of an input of shape ${size}; got ${window[wide]}`,
      };
    const far = strides.findIndex((s, d) => s > window[d] && window[d] !== shape[d]);
    if (far >= 0)
      return {
        strides: `1 to ${window[far]} in dimension ${far + 1}, so that no value is left out; got ${strides[far]}`,
      };
  }
  return {};
}

/** Start and end of a window in each dimension; the first dimension counts fastest, the last windows are cut at the border. */
function windowAt({ window, strides, counts }: Grid, shape: readonly number[], index: number): [number, number][] {
  return shape.map((length, d) => {
    const at = (index % counts[d]) * strides[d];
    index = Math.floor(index / counts[d]);
    return [at, Math.min(length, at + window[d])];
  });
}

/** Visits the runs of neighbouring values inside a box of a C-ordered array. */
function forRuns(
  box: [number, number][],
  shape: readonly number[],
  visit: (start: number, end: number) => void,
  d = 0,
  offset = 0,
): void {
  const [from, to] = box[d];
  if (d === shape.length - 1) return visit(offset + from, offset + to);
  const inner = shape.slice(d + 1).reduce((n, s) => n * s, 1);
  for (let i = from; i < to; i++) forRuns(box, shape, visit, d + 1, offset + i * inner);
}

/** Where the windows of an image are; one that is cut at the border counts from further inside. */
function imageWindow(input: string, grid: Grid, shape: readonly number[], order: readonly number[]): Copies["window"] {
  if (shape.length !== 3) return undefined;
  const [, rows, columns] = grid.window;
  return {
    input,
    size: [rows, columns],
    at: (i) => {
      const [, [top], [left]] = windowAt(grid, shape, order[i]);
      return [Math.min(top, shape[1] - rows), Math.min(left, shape[2] - columns)];
    },
  };
}

/** Windows that cover the input with the least overlap come first, so that an early preview shows all of it. */
function coarseFirst({ window, strides, counts, total }: Grid): number[] {
  const skips = window.map((w, d) => Math.max(1, Math.floor(w / strides[d])));
  const isCoarse = (index: number): boolean =>
    counts.every((count, d) => {
      const at = index % count;
      index = Math.floor(index / count);
      return at % skips[d] === 0 || at === count - 1;
    });
  const all = Array.from({ length: total }, (_, i) => i);
  return [...all.filter(isCoarse), ...all.filter((i) => !isCoarse(i))];
}

/** For each value the mean over the windows that cover it. */
function explain(call: Call): Promise<Maps> {
  const { inputs, baselines, target } = call;
  const names = Object.keys(inputs);
  const shapes = names.map((name) => inputs[name].shape.slice(1));
  const found = names.map((_, k) => {
    const [grid, size] = [gridOf(call.arguments, shapes, k), sizeOf(shapes[k]) * target.length];
    return { grid, order: coarseFirst(grid), sums: new Float64Array(size), counts: new Float64Array(size) };
  });
  const all = target.flatMap((_, sample) =>
    names.map((name, k): Copies => {
      const { grid, order, sums, counts } = found[k];
      const [shape, baseline] = [shapes[k], sampleOf(baselines[name], sample)];
      const offset = sample * baseline.length;
      return {
        sample,
        count: grid.total,
        window: imageWindow(name, grid, shape, order),
        apply: (i, copy) =>
          forRuns(windowAt(grid, shape, order[i]), shape, (start, end) =>
            copy[name].set(baseline.subarray(start, end), start),
          ),
        credit: (i, score, reference) =>
          forRuns(windowAt(grid, shape, order[i]), shape, (start, end) => {
            for (let k = offset + start; k < offset + end; k++) {
              sums[k] += reference - score;
              counts[k] += 1;
            }
          }),
      };
    }),
  );
  return perturb(call, all, () =>
    Object.fromEntries(
      names.map((name, k) => {
        const { sums, counts } = found[k];
        return [name, { data: Float32Array.from(sums, (sum, i) => sum / (counts[i] || 1)), shape: inputs[name].shape }];
      }),
    ),
  );
}

export const occlusion: Method = {
  name: "Occlusion",
  group: "Perturbation",
  cost: "n passes",
  summary: "How much the output falls when a window is replaced by the baseline",
  source: "Zeiler and Fergus 2014; captum.attr.Occlusion",
  params: [
    {
      name: "sliding_window_shapes",
      kind: "shape",
      default: null,
      auto: "fitted",
      unit: "px",
      help: "Window: one number for a square, or one per dimension",
    },
    {
      name: "strides",
      kind: "shape",
      default: null,
      auto: "auto",
      unit: "px",
      help: "Step of the window: one number, or one per dimension; auto is 1, or half a fitted window",
    },
    perturbationsPerEval,
  ],
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  plan: (args, shapes) => {
    const errors = errorsOf(args, shapes);
    if (Object.keys(errors).length) return { errors, workload: null };
    return {
      errors,
      workload: `${shapes.reduce((sum, _, i) => sum + gridOf(args, shapes, i).total, 0)} forward passes`,
    };
  },
  attribute: explain,
};
