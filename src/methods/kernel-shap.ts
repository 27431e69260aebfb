/** Kernel SHAP (Lundberg and Lee 2017) as captum.attr.KernelShap has it: subsets are drawn by the kernel, and weigh the same. */
import type { Generator } from "../random";
import type { Method } from "./method";
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
const MOST_SWEEPS = 60;

/**
 * The shortest w that minimises |y - A w|, by Jacobi rotations (Hestenes 1958): they make the columns of A orthogonal, or the
 * rows where these are fewer. What is done to the vectors is done to their companions.
 */
export function leastSquares(columns: readonly Float64Array[], y: Float64Array): Float64Array {
  const tall = columns.length <= y.length;
  const vectors = tall ? columns.map((column) => column.slice()) : Array.from(y, (_, i) => Float64Array.from(columns, (column) => column[i])); // prettier-ignore
  const companions = vectors.map((_, i) =>
    tall ? Float64Array.from(columns, (_, j) => Number(i === j)) : Float64Array.of(y[i]),
  );
  orthogonalize(vectors, companions);
  const squares = vectors.map((v) => dot(v, v));
  const least = CUTOFF ** 2 * Math.max(...squares);
  const w = new Float64Array(columns.length);
  vectors.forEach((vector, i) => {
    if (squares[i] <= least) return;
    const [part, direction] = tall ? [dot(vector, y), companions[i]] : [companions[i][0], vector];
    direction.forEach((v, j) => (w[j] += (part / squares[i]) * v));
  });
  return w;
}

function orthogonalize(vectors: Float64Array[], companions: Float64Array[]): void {
  // What has shrunk to rounding beside the whole has no direction to turn to.
  const nothing = 1e-26 * vectors.reduce((sum, v) => sum + dot(v, v), 0);
  for (let sweep = 0, turned = true; turned && sweep < MOST_SWEEPS; sweep++) {
    turned = false;
    for (let i = 0; i < vectors.length; i++) {
      for (let j = i + 1; j < vectors.length; j++) {
        const [a, b, c] = [dot(vectors[i], vectors[i]), dot(vectors[j], vectors[j]), dot(vectors[i], vectors[j])];
        if (Math.min(a, b) <= nothing || Math.abs(c) <= 1e-13 * Math.sqrt(a * b)) continue;
        turned = true;
        const zeta = (b - a) / (2 * c);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(vectors[i], vectors[j], cosine, cosine * tangent);
        rotate(companions[i], companions[j], cosine, cosine * tangent);
      }
    }
  }
}

function rotate(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let k = 0; k < a.length; k++) [a[k], b[k]] = [cosine * a[k] - sine * b[k], sine * a[k] + cosine * b[k]];
}

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
  plan: planSurrogate,
  attribute: (call) =>
    explainBy(call, {
      draw: subsets,
      weigh: (kept) => (kept.every((keep) => keep === kept[0]) ? PIN : 1),
      fit: leastSquares,
    }),
};
