/** LIME (Ribeiro et al. 2016) as captum.attr.Lime has it: a Lasso, weighted by how near a copy is to the sample. */
import type { Method } from "./method";
import type { Sample } from "./perturbation";
import { dot, explainBy, planSurrogate, surrogateParams } from "./surrogate";

/** exp(-d^2 / 2) for the cosine distance over all inputs. */
function similarity(x: Sample, copy: Sample): number {
  const product = (a: Sample, b: Sample) => Object.keys(x).reduce((sum, name) => sum + dot(a[name], b[name]), 0);
  const norm = (a: Sample) => Math.max(Math.sqrt(product(a, a)), 1e-8);
  const distance = 1 - product(x, copy) / (norm(x) * norm(copy));
  return Math.exp(-(distance ** 2) / 2);
}

const ALPHA = 0.01;
const TOLERANCE = 1e-4;
const MOST_ROUNDS = 1000;

/**
 * Minimises |y - A w|^2 / 2 n + alpha |w|_1 by coordinate descent as sklearn.linear_model.Lasso does, with its criterion for
 * the end (the duality gap) and its screening, since it stops where the fourth digit may still move.
 */
export function lasso(columns: readonly Float64Array[], y: Float64Array): Float64Array {
  const alpha = ALPHA * y.length;
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
  params: surrogateParams,
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  plan: planSurrogate,
  attribute: (call) =>
    explainBy(call, {
      draw: (generator, n, count) => Array.from({ length: n }, () => generator.bernoulli(0.5, count)),
      weigh: (_, x, copy) => similarity(x, copy),
      fit: lasso,
    }),
};
