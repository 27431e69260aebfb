/** Occlusion (Zeiler and Fergus 2014): a window slides over the input and replaces what it covers by the baseline. */
import type { Arguments, ArgumentValue, Method, Shapes } from "./method";
import { perturb, perturbationsPerEval } from "./perturbation";

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
      help: "Window: one number for a square, or one per dimension",
    },
    {
      name: "strides",
      kind: "shape",
      default: null,
      auto: "auto",
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
  attribute: async (call) => {
    const shapes = Object.values(call.inputs).map(({ shape }) => shape.slice(1));
    const covers: { attributions: Float32Array; count: Float32Array }[] = [];
    const maps = await perturb(call, (shape, attributions) => {
      const grid = gridOf(call.arguments, shapes, covers.length % shapes.length);
      const count = new Float32Array(attributions.length);
      covers.push({ attributions, count });
      return {
        count: grid.total,
        apply: (i, x, baseline) =>
          forRuns(windowAt(grid, shape, i), shape, (start, end) => x.set(baseline.subarray(start, end), start)),
        credit: (i, change) =>
          forRuns(windowAt(grid, shape, i), shape, (start, end) => {
            for (let k = start; k < end; k++) {
              attributions[k] += change;
              count[k] += 1;
            }
          }),
      };
    });
    for (const { attributions, count } of covers) attributions.forEach((sum, k) => (attributions[k] = sum / count[k]));
    return maps;
  },
};
