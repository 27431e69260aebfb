/** Kernel SHAP (Lundberg and Lee 2017) as captum.attr.KernelShap has it: subsets are drawn by the kernel, and weigh the same. */
import type { Generator } from "../random";
import type { Method } from "./method";
import { featureCount } from "./perturbation";
import { dot, explainBy, planSurrogate, surrogateParams } from "./surrogate";

/** Of the copies that keep all or nothing, which pin the sum of the coefficients to f(x) - f(baseline). */
const PIN = 1e6;

/** All, nothing, then subsets whose sizes follow the Shapley kernel. */
function subsets(generator: Generator, n: number, count: number): Uint8Array[] {
  const sizes = Array.from({ length: count }, (_, s) => (s ? (count - 1) / (s * (count - s)) : 0));
  const draw = (): Uint8Array => {
    const size = generator.categorical(sizes);
    const values = generator.randn(count);
    const threshold = values.slice().sort()[count - size - 1];
    return Uint8Array.from(values, (v) => Number(v > threshold));
  };
  // One feature has no subsets beside all and nothing.
  const drawn = count > 1 ? Array.from({ length: n - 2 }, draw) : [];
  return [new Uint8Array(count).fill(1), new Uint8Array(count), ...drawn];
}

/** Singular values below this part of the largest count as 0, as in sklearn.linear_model.LinearRegression. */
const CUTOFF = 1e-6;

/** The shortest w that minimises |y - A w|: through A^T A, or A A^T where A has fewer rows than columns. */
export function leastSquares(columns: readonly Float64Array[], y: Float64Array): Float64Array {
  const tall = columns.length <= y.length;
  const vectors = tall ? columns : Array.from(y, (_, i) => Float64Array.from(columns, (column) => column[i]));
  const products = vectors.map((v) => Float64Array.from(vectors, (w) => dot(v, w)));
  const right = tall ? vectors.map((v) => dot(v, y)) : y;
  const [values, directions] = eigen(products);
  const least = CUTOFF ** 2 * Math.max(...values);
  const solution = new Float64Array(vectors.length);
  directions.forEach((direction, i) => {
    if (values[i] <= least) return;
    const share = dot(direction, right) / values[i];
    direction.forEach((v, j) => (solution[j] += share * v));
  });
  return tall ? solution : Float64Array.from(columns, (column) => dot(column, solution));
}

const MOST_SWEEPS = 60;

/**
 * Eigenvalues, none negative, and eigenvectors of a symmetric matrix, which is used up: rotations make its rows orthogonal
 * (Hestenes 1958), and what is done to the rows is done to those of the identity.
 */
function eigen(rows: Float64Array[]): [number[], Float64Array[]] {
  const directions = rows.map((row, i) => row.map((_, j) => Number(i === j)));
  const squares = rows.map((row) => dot(row, row));
  // What has shrunk to rounding beside the whole has no direction to turn to.
  const nothing = 1e-26 * squares.reduce((a, b) => a + b, 0);
  for (let sweep = 0, turned = true; turned && sweep < MOST_SWEEPS; sweep++) {
    turned = false;
    for (let i = 0; i < rows.length; i++) {
      for (let j = i + 1; j < rows.length; j++) {
        const [a, b] = [squares[i], squares[j]];
        if (Math.min(a, b) <= nothing) continue;
        const c = dot(rows[i], rows[j]);
        if (Math.abs(c) <= 1e-13 * Math.sqrt(a * b)) continue;
        turned = true;
        const zeta = (b - a) / (2 * c);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(rows[i], rows[j], cosine, cosine * tangent);
        rotate(directions[i], directions[j], cosine, cosine * tangent);
        [squares[i], squares[j]] = [dot(rows[i], rows[i]), dot(rows[j], rows[j])];
      }
    }
  }
  return [squares.map(Math.sqrt), directions];
}

function rotate(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let k = 0; k < a.length; k++) {
    const [u, v] = [a[k], b[k]];
    a[k] = cosine * u - sine * v;
    b[k] = sine * u + cosine * v;
  }
}

/** Of samples or features, whichever are fewer: the fit takes about ten seconds for these. */
const MOST_RANK = 500;

export const kernelShap: Method = {
  name: "Kernel Shap",
  group: "Perturbation",
  cost: "n passes",
  summary: "Shapley values as the coefficients of a linear model that was fitted to the outputs of random subsets",
  source: "Lundberg and Lee 2017; captum.attr.KernelShap",
  params: surrogateParams,
  baselines: "one",
  embeds: false,
  complete: true,
  signed: () => true,
  plan: (args, shapes, mask) => {
    const count = featureCount(args, shapes, mask);
    if (Math.min(Number(args.n_samples), count) <= MOST_RANK) return planSurrogate(args, shapes, mask);
    return { errors: { n_samples: `at most ${MOST_RANK} for ${count} features; or take segments` }, workload: null };
  },
  attribute: (call) =>
    explainBy(call, {
      draw: subsets,
      weigh: (kept) => (kept.every((keep) => keep === kept[0]) ? PIN : 1),
      fit: leastSquares,
    }),
};
