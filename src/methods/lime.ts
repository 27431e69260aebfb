/** LIME (Ribeiro et al. 2016) as captum.attr.Lime has it: a Lasso, weighted by how near a copy is to the sample. */
import type { Arguments, Method } from "./method";
import type { Sample } from "./perturbation";
import { dot, explainBy, planSurrogate, surrogateParams } from "./surrogate";

const product = (a: Sample, b: Sample): number => Object.keys(a).reduce((sum, name) => sum + dot(a[name], b[name]), 0);

/** Between two samples, over all inputs. */
const DISTANCES = {
  cosine: (a: Sample, b: Sample): number => {
    const norm = (x: Sample) => Math.max(Math.sqrt(product(x, x)), 1e-8);
    return 1 - product(a, b) / (norm(a) * norm(b));
  },
  euclidean: (a: Sample, b: Sample): number => {
    const squares = Object.keys(a).map((name) => a[name].reduce((sum, v, i) => sum + (v - b[name][i]) ** 2, 0));
    return Math.sqrt(squares.reduce((sum, v) => sum + v, 0));
  },
};

/** Captum's get_exp_kernel_similarity_function: exp(-d^2 / 2 w^2). */
function similarity(x: Sample, copy: Sample, { distance_mode, kernel_width }: Arguments): number {
  const distance = DISTANCES[distance_mode as keyof typeof DISTANCES](x, copy);
  return Math.exp(-(distance ** 2) / (2 * Number(kernel_width) ** 2));
}

const TOLERANCE = 1e-4;
const MOST_ROUNDS = 1000;

/**
 * Minimises |y - A w|^2 / 2 n + strength |w|_1 by coordinate descent as sklearn.linear_model.Lasso does, with its criterion for
 * the end (the duality gap) and its screening, since it stops where the fourth digit may still move.
 */
export function lasso(columns: readonly Float64Array[], y: Float64Array, strength: number): Float64Array {
  const alpha = strength * y.length;
  const w = new Float64Array(columns.length);
  const residual = y.slice();
  const squares = columns.map((column) => dot(column, column));
  const set = (j: number, value: number): void => {
    const change = value - w[j];
    if (change) columns[j].forEach((v, i) => (residual[i] -= change * v));
    w[j] = value;
  };
  let active = squares.flatMap((square, j) => (square > 0 ? [j] : []));

  /** Whether the gap is small enough; if not, features that it proves to be 0 are given up (Fercoq et al. 2015). */
  const isDone = (): boolean => {
    const correlations = columns.map((column) => dot(column, residual));
    const steepest = correlations.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const scale = Math.min(1, alpha / steepest);
    const l1 = w.reduce((sum, v) => sum + Math.abs(v), 0);
    const gap = ((1 + scale ** 2) / 2) * dot(residual, residual) + alpha * l1 - scale * dot(residual, y);
    if (gap <= TOLERANCE * dot(y, y)) return true;
    const radius = Math.sqrt(2 * gap) / alpha;
    const given = active.filter((j) => (1 - Math.abs(correlations[j]) / Math.max(alpha, steepest)) / Math.sqrt(squares[j]) > radius); // prettier-ignore
    given.forEach((j) => set(j, 0));
    active = active.filter((j) => !given.includes(j));
    return false;
  };
  if (isDone()) return w;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    let [largest, moved] = [0, 0];
    for (const j of active) {
      const before = w[j];
      const pull = dot(columns[j], residual) + before * squares[j];
      set(j, (Math.sign(pull) * Math.max(Math.abs(pull) - alpha, 0)) / squares[j]);
      moved = Math.max(moved, Math.abs(w[j] - before));
      largest = Math.max(largest, Math.abs(w[j]));
    }
    if ((largest === 0 || moved <= TOLERANCE * largest) && isDone()) return w;
  }
  return w;
}

export const lime: Method = {
  name: "Lime",
  group: "Perturbation",
  cost: "n passes",
  summary: "Coefficients of a sparse linear model that was fitted to the outputs around the sample",
  source: "Ribeiro et al. 2016; captum.attr.Lime",
  params: [
    ...surrogateParams,
    {
      name: "alpha",
      kind: "float",
      default: 0.01,
      min: 1e-9,
      help: "How dear coefficients are, in units of the output: more leaves fewer features",
    },
    {
      name: "distance_mode",
      kind: "enum",
      default: "cosine",
      options: Object.keys(DISTANCES),
      help: "How the distance of a copy from the sample is measured",
    },
    {
      name: "kernel_width",
      kind: "float",
      default: 1,
      min: 1e-6,
      help: "Distance up to which a copy counts: it weighs exp(-distance² / 2 kernel_width²)",
    },
  ],
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  plan: planSurrogate,
  attribute: (call) =>
    explainBy(call, {
      draw: (generator, n, count) => Array.from({ length: n }, () => generator.bernoulli(0.5, count)),
      weigh: (_, x, copy) => similarity(x, copy, call.arguments),
      fit: (columns, y) => lasso(columns, y, Number(call.arguments.alpha)),
    }),
};
