/**
 * DeepLIFT's multipliers (Shrikumar et al. 2017) operator by operator, so that whatever the network is made of, what an
 * operator hands back is, summed over its inputs, multiplier x (x - baseline) = dy x (y - baseline's y):
 *
 * - elementwise functions: the rescale rule, Δy/Δx;
 * - products: the other factor's mean over input and baseline, which is the only symmetric rule;
 * - maxima: the cross-maximum rule of shap's DeepExplainer, for each example by itself, where windows overlap added up;
 * - softmax, quotients, normalisations: put together from these;
 * - what is left: the mean Jacobian on the straight line between the two, as the first two are;
 * - conditions and indices that the input decides (Where, TopK): the gradient, which need not add up.
 *
 * Where an input is its baseline, the gradient stands in, its limit.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { unbroadcast } from "../ops/broadcast";
import { grouped, lastAxes, normalised } from "../ops/norm";
import type { Call } from "../ops/op";
import type { Elementwise, Rules, Visit } from "../program";
import { quadrature } from "./integrated-gradients";
import { bounded } from "./modes";

type Thunks = NonNullable<ReturnType<NonNullable<Rules["through"]>>>;

/** Captum's and shap's threshold for "the same". */
export const EPSILON = 1e-10;

const half = (a: Tensor, b: Tensor): Tensor => tf.mul(tf.add(a, b), 0.5);

const change = (a: Tensor, b: Tensor): Tensor => tf.sub(bounded(a), bounded(b));

/** dy x Δy/Δx, and 0 where Δx is; `same` says where. */
function ratio(dyChange: Tensor, dx: Tensor): { value: Tensor; same: Tensor } {
  const same = tf.cast(tf.less(tf.abs(dx), EPSILON), "float32");
  const value = tf.div(tf.mul(dyChange, tf.sub(1, same)), tf.add(dx, same));
  return { value, same };
}

/** Their Δy/Δx is their slope: the gradient is exact, and cheaper. */
const AFFINE = new Set(["Add", "Sub", "Neg", "Mul", "Identity", "Cast", "Dropout", "Sum", "Mean"]);

function rescale({ ops, dy, x, y, ref }: Elementwise): { dx: Tensor; rest: Tensor } | undefined {
  // Several nodes multiply x by what they have made of it.
  if (ops.length === 1 && AFFINE.has(ops[0])) return undefined;
  const { value, same } = ratio(tf.mul(dy, change(y, ref!.y)), change(x, ref!.x));
  return { dx: value, rest: tf.mul(dy, same) };
}

/** The mean of the operator's own gradient over points between baseline and input. */
function alongTheLine({ def, dy, call, ref, active }: Visit, points: number): Thunks {
  const { alphas, weights } = quadrature("gausslegendre", points);
  const between = (a: Tensor, b: Tensor, alpha: number) => tf.add(tf.mul(a, alpha), tf.mul(b, 1 - alpha));
  return call.x.map((_, i) => () => {
    const parts = alphas.map((alpha, k) => {
      const x = call.x.map((v, j) => (active[j] ? between(v, ref!.x[j], alpha) : v));
      const at: Call<unknown> = { ...call, x, derived: (_key, make) => make() };
      const y = points > 1 ? ([def.forward!(at)].flat() as Tensor[]) : call.y;
      return tf.mul(def.vjp!(dy, { ...at, y })[i]!(), weights[k]);
    });
    return parts.reduce((a, b) => tf.add(a, b));
  });
}

/** One factor that changes makes a linear operator, two a bilinear one, whose mean Jacobian is that in the middle. */
const bilinear = (visit: Visit): Thunks | undefined =>
  visit.active.filter(Boolean).length > 1 ? alongTheLine(visit, 1) : undefined;

/** a / b = a · (1/b) */
const quotientRule = ({ dy: [dy], call, ref, active }: Visit): Thunks | undefined => {
  if (!active[1]) return undefined;
  const [[a, b], [ra, rb]] = [call.x, ref!.x];
  return [
    () => unbroadcast(tf.mul(dy, half(tf.reciprocal(b), tf.reciprocal(rb))), a.shape),
    () => unbroadcast(tf.neg(tf.mul(dy, tf.div(half(a, ra), tf.mul(b, rb)))), b.shape),
  ];
};

/**
 * From the extreme of both down to the baseline's at the place of x's own, and from x's at the baseline's place: each is
 * worth what it changes, and what changes is not nothing there. `most` is the further of two outputs.
 */
const extreme =
  (most: (a: Tensor, b: Tensor) => Tensor) =>
  ({ def, dy: [dy], call, ref }: Visit): Thunks => {
    const [[y], [ry]] = [call.y, ref!.y];
    const peak = most(y, ry);
    const own = def.vjp!([tf.mul(dy, tf.sub(peak, ry))], call);
    const other = def.vjp!([tf.mul(dy, tf.sub(y, peak))], ref!);
    const gradient = def.vjp!([dy], call);
    return call.x.map((x, i) => () => {
      const { value, same } = ratio(tf.add(own[i]!(), other[i]!()), tf.sub(x, ref!.x[i]));
      return tf.add(value, tf.mul(gradient[i]!(), same));
    });
  };

interface SoftmaxParts {
  axis: number;
  /** exp(x) and its sum, and the baseline's: moved by the largest of both, which a softmax does not see. */
  e: Tensor;
  re: Tensor;
  sum: Tensor;
  rsum: Tensor;
  /** Δexp(x)/Δx */
  slope: Tensor;
}

function softmaxParts({ call, ref }: Visit): SoftmaxParts {
  const { axis = -1 } = call.attrs as { axis?: number };
  const [x, rx] = [bounded(call.x[0]), bounded(ref!.x[0])];
  const most = tf.max(tf.maximum(x, rx), axis, true);
  const [e, re] = [tf.exp(tf.sub(x, most)), tf.exp(tf.sub(rx, most))];
  const { value, same } = ratio(tf.sub(e, re), tf.sub(x, rx));
  const slope = tf.add(value, tf.mul(e, same));
  return { axis, e, re, sum: tf.sum(e, axis, true), rsum: tf.sum(re, axis, true), slope };
}

/** exp(x) · (1 / sum): all outputs share in the sum. */
const softmax = (visit: Visit): Thunks => [
  () => {
    const { axis, e, re, sum, rsum, slope } = softmaxParts(visit);
    const [dy] = visit.dy;
    const bySum = tf.div(tf.sum(tf.mul(dy, half(e, re)), axis, true), tf.mul(sum, rsum));
    return tf.mul(slope, tf.sub(tf.mul(dy, half(tf.reciprocal(sum), tf.reciprocal(rsum))), bySum));
  },
];

/** x - log(sum) */
const logSoftmax = (visit: Visit): Thunks => [
  () => {
    const { axis, sum, rsum, slope } = softmaxParts(visit);
    const [dy] = visit.dy;
    const { value, same } = ratio(tf.sub(tf.log(sum), tf.log(rsum)), tf.sub(sum, rsum));
    const log = tf.add(value, tf.div(same, sum));
    return tf.sub(dy, tf.mul(slope, tf.mul(tf.sum(dy, axis, true), log)));
  },
];

/**
 * c / sqrt(mean(c²) + ε) of what is centred, c = x - mean(x): with r the reciprocal root, Δr/Δ(mean c²) is
 * -r²·r'²/(r + r') and Δ(c²)/Δc is c + c'.
 */
function whitened(x: Tensor, rx: Tensor, dhat: Tensor, axes: number[], epsilon: number): Tensor {
  const [n, rn] = [normalised(x, axes, epsilon), normalised(rx, axes, epsilon)];
  const centred = half(tf.sub(x, n.mean), tf.sub(rx, rn.mean));
  const both = tf.mul(n.inverse, rn.inverse);
  const bend = tf.div(tf.mul(both, tf.mul(both, 2)), tf.add(n.inverse, rn.inverse));
  const along = tf.mul(tf.mul(centred, bend), tf.mean(tf.mul(dhat, centred), axes, true));
  return tf.sub(tf.mul(tf.sub(dhat, tf.mean(dhat, axes, true)), half(n.inverse, rn.inverse)), along);
}

const layerNorm = ({ dy, call, ref, active }: Visit): Thunks | undefined => {
  if (active.slice(1).some(Boolean) || dy[1] || dy[2]) return undefined;
  const { axis = -1, epsilon = 1e-5 } = call.attrs as { axis?: number; epsilon?: number };
  const [x, scale] = call.x;
  return [() => whitened(x, ref!.x[0], tf.mul(dy[0], scale), lastAxes(x, axis), epsilon)];
};

const groupNorm = ({ dy: [dy], call, ref, active }: Visit): Thunks | undefined => {
  if (active.slice(1).some(Boolean)) return undefined;
  const { epsilon = 1e-5 } = call.attrs as { epsilon?: number };
  const [own, other] = [grouped(call as Call<object>), grouped(ref as Call<object>)];
  const dhat = () => tf.mul(tf.reshape(dy, own.parts.shape), own.parameter(call.x[1]));
  return [() => tf.reshape(whitened(own.parts, other.parts, dhat(), own.axes, epsilon), call.x[0].shape)];
};

/** y = |x|: with Δ(y²)/Δy and Δ(x²)/Δx, (x + x')/(y + y'). */
const norm2 = ({ def, dy, call, ref }: Visit): Thunks =>
  def.vjp!(dy, { ...call, x: [half(call.x[0], ref!.x[0]), ...call.x.slice(1)], y: [half(call.y[0], ref!.y[0])] }) as Thunks; // prettier-ignore

/** Enough for what bends gently; steps and poles between baseline and input are not met exactly. */
const POINTS = 16;
const smooth = (visit: Visit): Thunks => alongTheLine(visit, POINTS);

const MULTIPLIERS: Readonly<Record<string, (visit: Visit) => Thunks | undefined>> = {
  ...Object.fromEntries(["Mul", "MatMul", "Gemm", "Conv", "ConvTranspose"].map((op) => [op, bilinear])),
  Div: quotientRule,
  ...Object.fromEntries(["MaxPool", "GlobalMaxPool", "ReduceMax", "Max"].map((op) => [op, extreme(tf.maximum)])),
  ...Object.fromEntries(["ReduceMin", "Min"].map((op) => [op, extreme(tf.minimum)])),
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LayerNormalization: layerNorm,
  GroupNormalization: groupNorm,
  InstanceNormalization: groupNorm,
  ReduceL2: norm2,
  ...Object.fromEntries(
    ["Einsum", "Pow", "LRN", "LpNormalization", "RNN", "GRU", "LSTM", "ReduceL1", "ReduceProd", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"]
      .map((op) => [op, smooth]),
  ), // prettier-ignore
};

/** Against the walk over {@link Rules.reference}, which is the baseline's. */
export const MULTIPLIER_RULES: Rules = {
  elementwise: rescale,
  through: (visit) => (Object.hasOwn(MULTIPLIERS, visit.node.op) ? MULTIPLIERS[visit.node.op](visit) : undefined),
};
