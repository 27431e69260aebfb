/** RISE (Petsiuk et al. 2018): the mean of random smooth masks, each weighted by the output for what it lets through. */
import type { ValueInfo } from "../graph";
import { Generator } from "../random";
import type { Call, Maps, Method, Plan } from "./method";
import { perturb, perturbationsPerEval, sampleAt, seed, type Copies } from "./perturbation";

interface Masks {
  /** Writes mask `i`, [H, W], 0..1. */
  draw(i: number, mask: Float32Array): void;
}

/**
 * Grids of s x s cells that are 1 with probability p, magnified bilinearly to (s + 1) cells of the size of ceil(H / s) x
 * ceil(W / s) pixels, and cut out at a random place within one cell.
 */
function masksOf(generator: Generator, n: number, [height, width]: [number, number], s: number, p: number): Masks {
  const cell = [Math.ceil(height / s), Math.ceil(width / s)];
  const grids = Array.from({ length: n }, () => generator.bernoulli(p, s * s));
  const shifts = Array.from({ length: n }, () => Array.from(generator.rand(2), (u, d) => Math.floor(u * cell[d])));
  /** Of pixel `at`: the cells on both sides and the share of the second. Beyond the outer cells' middles nothing changes. */
  const place = (at: number, d: number): [number, number, number] => {
    const position = Math.max(0, Math.min(s - 1, ((at + 0.5) * s) / ((s + 1) * cell[d]) - 0.5));
    const low = Math.floor(position);
    return [low, Math.min(s - 1, low + 1), position - low];
  };
  return {
    draw: (i, mask) => {
      const grid = grids[i];
      const columns = Array.from({ length: width }, (_, x) => place(x + shifts[i][1], 1));
      for (let y = 0; y < height; y++) {
        const [top, bottom, v] = place(y + shifts[i][0], 0);
        for (let x = 0; x < width; x++) {
          const [left, right, u] = columns[x];
          const upper = grid[top * s + left] * (1 - u) + grid[top * s + right] * u;
          const lower = grid[bottom * s + left] * (1 - u) + grid[bottom * s + right] * u;
          mask[y * width + x] = upper * (1 - v) + lower * v;
        }
      }
    },
  };
}

/** Several images are masked one at a time. */
function explain(call: Call): Promise<Maps> {
  const { n_masks, s, p, seed: start } = call.arguments as Record<"n_masks" | "s" | "p" | "seed", number>;
  const images = Object.entries(call.inputs).map(
    ([
      name,
      {
        shape: [count, , height, width],
      },
    ]) => ({
      name,
      shape: [count, 1, height, width],
      masks: masksOf(new Generator(start), n_masks, [height, width], s, p),
      mask: new Float32Array(height * width),
      means: call.target.map(() => new Float64Array(height * width)),
    }),
  );
  const all = call.target.flatMap((_, sample) => {
    const baselines = sampleAt(call.baselines, sample);
    return images.map(({ name, masks, mask, means }): Copies => ({
      sample,
      count: n_masks,
      apply: (i, copy) => {
        masks.draw(i, mask);
        const [x, baseline] = [copy[name], baselines[name]];
        for (let k = 0; k < x.length; k++) x[k] = baseline[k] + mask[k % mask.length] * (x[k] - baseline[k]);
      },
      credit: (i, score) => {
        masks.draw(i, mask);
        const mean = means[sample];
        for (let k = 0; k < mask.length; k++) mean[k] += ((score * mask[k]) / p - mean[k]) / (i + 1);
      },
    }));
  });
  return perturb(call, all, () =>
    Object.fromEntries(
      images.map(({ name, shape, means }) => [name, { data: Float32Array.from(means.flatMap((mean) => Array.from(mean))), shape }]), // prettier-ignore
    ),
  );
}

export const rise: Method = {
  name: "RISE",
  group: "Perturbation",
  cost: "n passes",
  summary: "Where random masks let the image through while the output is high",
  source: "Petsiuk et al. 2018",
  params: [
    {
      name: "n_masks",
      kind: "int",
      default: 4000,
      start: 500,
      min: 1,
      max: 100000,
      slider: [100, 8000],
      help: "Random masks; more make the map less noisy",
    },
    { name: "s", kind: "int", default: 7, min: 1, max: 64, slider: [2, 16], help: "Cells of a mask in each direction" },
    {
      name: "p",
      kind: "float",
      default: 0.5,
      min: 0.01,
      max: 0.99,
      help: "Share of a mask's cells that let the image through",
    },
    seed,
    perturbationsPerEval,
  ],
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  whyNot: ({ inputs }) => (inputs.some(isImage) ? undefined : "no input of it is an image, [N, C, H, W]"),
  plan: ({ n_masks }, shapes) => {
    const other = shapes.find((shape) => shape.length !== 3);
    const errors: Plan["errors"] = {};
    if (other) errors.s = `masks are for images [C, H, W]; got an input of shape [${other.join(", ")}]`;
    return { errors, workload: other ? null : `${Number(n_masks) * shapes.length} forward passes` };
  },
  attribute: explain,
};

const isImage = ({ dtype, shape }: ValueInfo): boolean => dtype === "float32" && shape.length === 4;
