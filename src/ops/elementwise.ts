/** Operators that work on each element, with NumPy broadcasting. Subgradients at kinks and ties are torch's. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { elementType, type DType } from "../graph";
import { choose, unbroadcast } from "./broadcast";
import { map, zip } from "./host";
import { op, type Call, type OpDef, type Table } from "./op";

interface Unary<A> {
  /** The same for one number. */
  fold?: (x: number, attrs: A) => number;
  forward: (x: Tensor, attrs: A) => Tensor;
  /** dy/dx; absent where it is zero everywhere. */
  slope?: (x: Tensor, y: Tensor, attrs: A) => Tensor;
}

const unary = <A = object>(since: number, { fold, forward, slope }: Unary<A>): OpDef =>
  op<A>({
    since,
    layout: "pointwise",
    fold: fold && (({ x: [x], attrs }) => map(x, (v) => fold(v, attrs))),
    forward: ({ x: [x], attrs }) => forward(x, attrs),
    vjp: slope && (([dy], { x: [x], y: [y], attrs }) => [() => tf.mul(dy, slope(x, y, attrs))]),
  });

const isFloat = (dtype: DType): boolean => dtype === "float32";

interface Binary {
  fold: (a: number, b: number) => number;
  /** For integers, where it differs. */
  foldIntegers?: (a: number, b: number) => number;
  forward: (a: Tensor, b: Tensor) => Tensor;
  /** Gradients before the sum over broadcast axes. */
  vjp: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => [() => Tensor, () => Tensor];
}

const binary = (since: number, { fold, foldIntegers = fold, forward, vjp }: Binary): OpDef =>
  op({
    since,
    layout: "pointwise",
    fold: ({ x }) => zip(x, isFloat(x[0].dtype) ? fold : foldIntegers),
    forward: ({ x: [a, b] }) => forward(a, b),
    vjp: ([dy], { x: [a, b], y: [y] }) => {
      const [da, db] = vjp(dy, a, b, y);
      return [() => unbroadcast(da(), a.shape), () => unbroadcast(db(), b.shape)];
    },
  });

/** A truth value; nothing flows back. */
const predicate = (
  since: number,
  fold: (...values: number[]) => boolean,
  forward: (...x: readonly Tensor[]) => Tensor,
): OpDef =>
  op({
    since,
    layout: "pointwise",
    fold: ({ x }) => zip(x, (...values) => Number(fold(...values)), "bool"),
    forward: ({ x }) => forward(...x),
  });

interface Variadic {
  fold: (a: number, b: number) => number;
  forward: (a: Tensor, b: Tensor) => Tensor;
  /** Share of `a` in the gradient; the rest is b's. */
  share?: (a: Tensor, b: Tensor) => Tensor;
}

/** From left to right; without `share` each input gets the whole gradient. */
const variadic = (since: number, { fold, forward, share }: Variadic): OpDef =>
  op({
    since,
    layout: "pointwise",
    fold: ({ x }) => x.reduce((a, b) => zip([a, b], fold)),
    forward: ({ x }) => (x.length === 1 ? x[0].clone() : x.reduce(forward)),
    vjp: ([dy], { x }) => {
      const upTo = (i: number) => x.slice(0, i + 1).reduce(forward);
      const own = (i: number) => (i && share ? tf.sub(1, share(upTo(i - 1), x[i])) : tf.scalar(1));
      return x.map(({ shape }, i) => () => {
        let d = tf.mul(dy, own(i));
        for (let k = i + 1; share && k < x.length; k++) d = tf.mul(d, share(upTo(k - 1), x[k]));
        return unbroadcast(d, shape);
      });
    },
  });

/** Passes its input on. tfjs wants a tensor of its own, so that each value is disposed once. */
const identity = op({
  since: 1,
  layout: "pointwise",
  fold: ({ x: [x] }) => x,
  forward: ({ x: [x] }) => x.clone(),
  vjp: ([dy]) => [() => dy.clone()],
});

const TF_DTYPES: Record<Exclude<DType, "string">, "float32" | "int32" | "bool"> = {
  float32: "float32",
  int32: "int32",
  int64: "int32",
  bool: "bool",
};

const converted = (value: number, dtype: DType): number =>
  dtype === "float32" ? value : dtype === "bool" ? Number(value !== 0) : Math.trunc(value);

const cast = (x: Tensor, dtype: DType): Tensor => {
  if (dtype === "bool") return tf.notEqual(x, tf.scalar(0, x.dtype));
  return x.dtype === TF_DTYPES[dtype as "int32"] ? x.clone() : tf.cast(x, TF_DTYPES[dtype as "int32"]);
};

/** 1 strictly between the bounds, else 0. Comparisons and choices take WASM ten times as long as tf.step. */
const inside = (x: Tensor, low: number, high: number): Tensor =>
  tf.mul(tf.step(tf.sub(x, low)), tf.step(tf.sub(high, x)));
/** clip(x / 6 + 0.5, 0, 1) */
const hardGate = (x: Tensor): Tensor => tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1);
const ones = (x: Tensor): Tensor => tf.onesLike(x);
const zeros = (x: Tensor): Tensor => tf.zerosLike(x);
const square = (x: Tensor): Tensor => tf.mul(x, x);
const truncated = (x: Tensor): Tensor => tf.mul(tf.sign(x), tf.floor(tf.abs(x)));
/** Of the larger of two: 1, 0, or one half where they are equal, as torch.maximum has it. */
const larger = (a: Tensor, b: Tensor): Tensor => tf.mul(tf.add(tf.sign(tf.sub(a, b)), 1), 0.5);

const fmod = (a: Tensor, b: Tensor): Tensor => tf.sub(a, tf.mul(b, truncated(tf.div(a, b))));
const roundHalfToEven = (v: number): number => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));

const SELU = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 };
const erfOf = (x: Tensor): Tensor => tf.erf(x);
const normalCdf = (x: Tensor): Tensor => tf.mul(tf.add(erfOf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
const normalPdf = (x: Tensor): Tensor => tf.mul(tf.exp(tf.mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
/** tanh's argument in the approximation of GELU, and its derivative. */
const geluTanh = (x: Tensor): Tensor =>
  tf.tanh(tf.mul(tf.add(x, tf.mul(tf.mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI)));
const geluTanhSlope = (x: Tensor): Tensor => tf.mul(tf.add(1, tf.mul(square(x), 3 * 0.044715)), Math.sqrt(2 / Math.PI));

interface Alpha {
  alpha?: number;
}
interface HardSigmoidAttrs extends Alpha {
  beta?: number;
}
interface GeluAttrs {
  approximate?: string;
}

const elu = (since: number, defaults: { alpha: number; gamma: number }): OpDef =>
  unary<{ alpha?: number; gamma?: number }>(since, {
    forward: (x, { alpha = defaults.alpha, gamma = defaults.gamma }) =>
      tf.mul(choose(tf.greater(x, 0), x, tf.mul(tf.elu(x), alpha)), gamma),
    slope: (x, y, { alpha = defaults.alpha, gamma = defaults.gamma }) =>
      choose(tf.greater(x, 0), tf.fill(x.shape, gamma), tf.add(y, alpha * gamma)),
  });

const UNARY: Table = {
  Abs: [unary(13, { fold: Math.abs, forward: tf.abs, slope: (x) => tf.sign(x) })],
  Acos: [unary(7, { fold: Math.acos, forward: tf.acos, slope: (x) => tf.neg(tf.rsqrt(tf.sub(1, square(x)))) })],
  Acosh: [unary(9, { fold: Math.acosh, forward: tf.acosh, slope: (x) => tf.rsqrt(tf.sub(square(x), 1)) })],
  Asin: [unary(7, { fold: Math.asin, forward: tf.asin, slope: (x) => tf.rsqrt(tf.sub(1, square(x))) })],
  Asinh: [unary(9, { fold: Math.asinh, forward: tf.asinh, slope: (x) => tf.rsqrt(tf.add(square(x), 1)) })],
  Atan: [unary(7, { fold: Math.atan, forward: tf.atan, slope: (x) => tf.reciprocal(tf.add(square(x), 1)) })],
  Atanh: [unary(9, { fold: Math.atanh, forward: tf.atanh, slope: (x) => tf.reciprocal(tf.sub(1, square(x))) })],
  Ceil: [unary(13, { fold: Math.ceil, forward: tf.ceil })],
  Celu: [
    unary<Alpha>(12, {
      forward: (x, { alpha = 1 }) => choose(tf.greater(x, 0), x, tf.mul(tf.elu(tf.div(x, alpha)), alpha)),
      slope: (x, _, { alpha = 1 }) => choose(tf.greater(x, 0), ones(x), tf.exp(tf.div(x, alpha))),
    }),
  ],
  Cos: [unary(7, { fold: Math.cos, forward: tf.cos, slope: (x) => tf.neg(tf.sin(x)) })],
  Cosh: [unary(9, { fold: Math.cosh, forward: tf.cosh, slope: (x) => tf.sinh(x) })],
  Elu: [elu(6, { alpha: 1, gamma: 1 })],
  Erf: [
    unary(13, {
      forward: erfOf,
      slope: (x) => tf.mul(tf.exp(tf.neg(square(x))), 2 / Math.sqrt(Math.PI)),
    }),
  ],
  Exp: [unary(13, { fold: Math.exp, forward: tf.exp, slope: (_, y) => y })],
  Floor: [unary(13, { fold: Math.floor, forward: tf.floor })],
  Gelu: [
    unary<GeluAttrs>(20, {
      forward: (x, { approximate = "none" }) =>
        tf.mul(x, approximate === "tanh" ? tf.mul(tf.add(geluTanh(x), 1), 0.5) : normalCdf(x)),
      slope: (x, _, { approximate = "none" }) => {
        if (approximate !== "tanh") return tf.add(normalCdf(x), tf.mul(x, normalPdf(x)));
        const t = geluTanh(x);
        return tf.mul(tf.add(tf.add(t, 1), tf.mul(tf.mul(x, tf.sub(1, square(t))), geluTanhSlope(x))), 0.5);
      },
    }),
  ],
  HardSigmoid: [
    unary<HardSigmoidAttrs>(6, {
      forward: (x, { alpha = 0.2, beta = 0.5 }) => tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1),
      slope: (_, y, { alpha = 0.2 }) => tf.mul(inside(y, 0, 1), alpha),
    }),
  ],
  HardSwish: [
    unary(14, {
      forward: (x) => tf.mul(x, hardGate(x)),
      slope: (x) => tf.add(hardGate(x), tf.mul(tf.mul(x, 1 / 6), inside(x, -3, 3))),
    }),
  ],
  IsInf: [
    op<{ detect_negative?: number; detect_positive?: number }>({
      since: 10,
      layout: "pointwise",
      forward: ({ x: [x], attrs: { detect_negative = 1, detect_positive = 1 } }) => {
        const wanted = detect_negative ? (detect_positive ? tf.abs(x) : tf.neg(x)) : x;
        return detect_negative || detect_positive ? tf.equal(wanted, Infinity) : tf.zeros(x.shape, "bool");
      },
    }),
  ],
  IsNaN: [op({ since: 13, layout: "pointwise", forward: ({ x: [x] }) => tf.isNaN(x) })],
  LeakyRelu: [
    unary<Alpha>(6, {
      forward: (x, { alpha = 0.01 }) => tf.leakyRelu(x, alpha),
      slope: (x, _, { alpha = 0.01 }) => tf.step(x, alpha),
    }),
  ],
  Log: [unary(13, { fold: Math.log, forward: tf.log, slope: (x) => tf.reciprocal(x) })],
  Mish: [
    unary(18, {
      forward: (x) => tf.mul(x, tf.tanh(tf.softplus(x))),
      slope: (x) => {
        const t = tf.tanh(tf.softplus(x));
        return tf.add(t, tf.mul(tf.mul(x, tf.sigmoid(x)), tf.sub(1, square(t))));
      },
    }),
  ],
  Neg: [unary(13, { fold: (v) => 0 - v, forward: tf.neg, slope: (x) => tf.fill(x.shape, -1) })],
  Reciprocal: [unary(13, { fold: (v) => 1 / v, forward: tf.reciprocal, slope: (_, y) => tf.neg(square(y)) })],
  Relu: [unary(13, { fold: (v) => Math.max(v, 0), forward: tf.relu, slope: (x) => tf.step(x) })],
  Round: [unary(11, { fold: roundHalfToEven, forward: tf.round })],
  Selu: [elu(6, SELU)],
  Sigmoid: [unary(13, { forward: tf.sigmoid, slope: (_, y) => tf.mul(y, tf.sub(1, y)) })],
  Sign: [unary(13, { fold: Math.sign, forward: tf.sign })],
  Sin: [unary(7, { fold: Math.sin, forward: tf.sin, slope: (x) => tf.cos(x) })],
  Sinh: [unary(9, { fold: Math.sinh, forward: tf.sinh, slope: (x) => tf.cosh(x) })],
  Softplus: [unary(1, { forward: tf.softplus, slope: (x) => tf.sigmoid(x) })],
  Softsign: [
    unary(1, {
      forward: (x) => tf.div(x, tf.add(tf.abs(x), 1)),
      slope: (x) => tf.reciprocal(square(tf.add(tf.abs(x), 1))),
    }),
  ],
  Sqrt: [unary(13, { fold: Math.sqrt, forward: tf.sqrt, slope: (_, y) => tf.div(0.5, y) })],
  Tan: [unary(7, { fold: Math.tan, forward: tf.tan, slope: (_, y) => tf.add(square(y), 1) })],
  Tanh: [unary(13, { fold: Math.tanh, forward: tf.tanh, slope: (_, y) => tf.sub(1, square(y)) })],
  ThresholdedRelu: [
    unary<Alpha>(10, {
      forward: (x, { alpha = 1 }) => choose(tf.greater(x, alpha), x, zeros(x)),
      slope: (x, _, { alpha = 1 }) => tf.cast(tf.greater(x, alpha), "float32"),
    }),
  ],
};

const BINARY: Table = {
  Add: [
    binary(13, {
      fold: (a, b) => a + b,
      forward: tf.add,
      vjp: (dy) => [() => dy, () => dy],
    }),
  ],
  Sub: [
    binary(13, {
      fold: (a, b) => a - b,
      forward: tf.sub,
      vjp: (dy) => [() => dy, () => tf.neg(dy)],
    }),
  ],
  Mul: [
    binary(13, {
      fold: (a, b) => a * b,
      forward: tf.mul,
      vjp: (dy, a, b) => [() => tf.mul(dy, b), () => tf.mul(dy, a)],
    }),
  ],
  Div: [
    binary(13, {
      fold: (a, b) => a / b,
      foldIntegers: (a, b) => Math.trunc(a / b),
      forward: tf.div,
      vjp: (dy, _, b, y) => [() => tf.div(dy, b), () => tf.neg(tf.div(tf.mul(dy, y), b))],
    }),
  ],
  Pow: [
    op({
      since: 13,
      layout: "pointwise",
      fold: ({ x }) => zip(x, isFloat(x[0].dtype) ? Math.pow : (a, b) => Math.trunc(a ** b)),
      forward: ({ x: [a, b] }) => tf.pow(a, tf.cast(b, "float32")),
      vjp: ([dy], { x: [a, b], y: [y] }) => [
        () => {
          const slope = tf.mul(b, tf.pow(a, tf.sub(b, 1)));
          return unbroadcast(tf.mul(dy, choose(tf.equal(b, 0), zeros(slope), slope)), a.shape);
        },
        // log is taken only where the base is positive.
        () => {
          const positive = tf.greater(a, 0);
          const log = choose(positive, tf.log(choose(positive, a, ones(a))), zeros(a));
          return unbroadcast(tf.mul(tf.mul(dy, y), log), b.shape);
        },
      ],
    }),
  ],
  Mod: [
    op<{ fmod?: number }>({
      since: 13,
      layout: "pointwise",
      fold: ({ x, attrs: { fmod = 0 } }) => zip(x, fmod ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b)),
      forward: ({ x: [a, b], attrs }) => (attrs.fmod ? fmod(a, b) : tf.mod(a, b)),
      vjp: ([dy], { x: [a, b] }) => [
        () => unbroadcast(dy, a.shape),
        () => unbroadcast(tf.neg(tf.mul(dy, truncated(tf.div(a, b)))), b.shape),
      ],
    }),
  ],
  PRelu: [
    op({
      since: 9,
      layout: "pointwise",
      forward: ({ x: [x, slope] }) => tf.add(tf.relu(x), tf.mul(slope, tf.minimum(x, 0))),
      vjp: ([dy], { x: [x, slope] }) => [
        () => tf.mul(dy, choose(tf.greater(x, 0), ones(x), tf.mul(ones(x), slope))),
        () => unbroadcast(tf.mul(dy, tf.minimum(x, 0)), slope.shape),
      ],
    }),
  ],
  Max: [variadic(13, { fold: Math.max, forward: tf.maximum, share: larger })],
  Min: [variadic(13, { fold: Math.min, forward: tf.minimum, share: (a, b) => larger(b, a) })],
  Sum: [variadic(13, { fold: (a, b) => a + b, forward: tf.add })],
  Mean: [
    op({
      since: 13,
      layout: "pointwise",
      forward: ({ x }) =>
        tf.div(
          x.reduce((a, b) => tf.add(a, b)),
          x.length,
        ),
      vjp: ([dy], { x }) =>
        x.map(
          ({ shape }) =>
            () =>
              unbroadcast(tf.div(dy, x.length), shape),
        ),
    }),
  ],
};

const bool = (x: Tensor): Tensor => (x.dtype === "bool" ? x : tf.cast(x, "bool"));

const LOGIC: Table = {
  And: [
    predicate(
      7,
      (a, b) => !!a && !!b,
      (a, b) => tf.logicalAnd(bool(a), bool(b)),
    ),
  ],
  Or: [
    predicate(
      7,
      (a, b) => !!a || !!b,
      (a, b) => tf.logicalOr(bool(a), bool(b)),
    ),
  ],
  Xor: [
    predicate(
      7,
      (a, b) => !!a !== !!b,
      (a, b) => tf.notEqual(bool(a), bool(b)),
    ),
  ],
  Not: [
    predicate(
      1,
      (a) => !a,
      (a) => tf.logicalNot(bool(a)),
    ),
  ],
  Equal: [predicate(13, (a, b) => a === b, tf.equal)],
  Greater: [predicate(13, (a, b) => a > b, tf.greater)],
  GreaterOrEqual: [predicate(12, (a, b) => a >= b, tf.greaterEqual)],
  Less: [predicate(13, (a, b) => a < b, tf.less)],
  LessOrEqual: [predicate(12, (a, b) => a <= b, tf.lessEqual)],
  Where: [
    op({
      since: 9,
      layout: "pointwise",
      fold: ({ x: [condition, a, b] }) => zip([condition, a, b], (c, v, w) => (c ? v : w), a.dtype),
      forward: ({ x: [condition, a, b] }) => choose(bool(condition), a, b),
      vjp: ([dy], { x: [condition, a, b] }) => [
        undefined,
        () => unbroadcast(choose(bool(condition), dy, zeros(dy)), a.shape),
        () => unbroadcast(choose(bool(condition), zeros(dy), dy), b.shape),
      ],
    }),
  ],
};

const bound = (constant: { data: ArrayLike<unknown> } | undefined, otherwise: number): number =>
  constant?.data.length ? Number(constant.data[0]) : otherwise;
const bounds = ({ host }: Call<unknown>): [number, number] => [bound(host[1], -Infinity), bound(host[2], Infinity)];

const CONVERSIONS: Table = {
  Cast: [
    op<{ to: number }>({
      since: 9,
      layout: "pointwise",
      unsupported: ({ to }) =>
        (elementType(to) ?? "string") === "string" ? `element type ${to} is not supported` : undefined,
      fold: ({ x: [x], attrs: { to } }) => map(x, (v) => converted(v, elementType(to)!), elementType(to)),
      forward: ({ x: [x], attrs: { to } }) => cast(x, elementType(to)!),
      vjp: ([dy]) => [() => dy.clone()],
    }),
  ],
  CastLike: [
    op({
      since: 15,
      layout: "plain",
      fold: ({ x: [x, like] }) => map(x, (v) => converted(v, like.dtype), like.dtype),
      forward: ({ x: [x, like] }) => cast(x, like.dtype as DType),
      vjp: ([dy], { x: [, like] }) => [() => dy.clone(), () => tf.zerosLike(like)],
    }),
  ],
  Clip: [
    op({
      since: 12,
      layout: "pointwise",
      host: [1, 2],
      fold: ({ x: [x, min, max] }) => map(x, (v) => Math.min(Math.max(v, bound(min, -Infinity)), bound(max, Infinity))),
      forward: (call) => {
        const [min, max] = bounds(call);
        // With min > max the spec, like torch, gives max.
        return min > max ? tf.fill(call.x[0].shape, max) : tf.clipByValue(call.x[0], min, max);
      },
      // At the bounds torch.clamp passes the gradient on, while hardtanh and relu6 stop it.
      vjp: ([dy], call) => [
        () => {
          const [x] = call.x;
          const [min, max] = bounds(call);
          const strict = /^aten\.(hardtanh|relu6)/.test(call.aten);
          const bounded = [min > -Infinity, max < Infinity];
          if (strict && bounded.every(Boolean)) return tf.mul(dy, tf.step(tf.mul(tf.sub(x, min), tf.sub(max, x))));
          const passes = (d: Tensor) => (strict ? tf.step(d) : tf.sub(1, tf.step(tf.neg(d))));
          const above = bounded[0] ? tf.mul(dy, passes(tf.sub(x, min))) : dy;
          return bounded[1] ? tf.mul(above, passes(tf.sub(max, x))) : above;
        },
      ],
    }),
  ],
  Identity: [identity],
  Dropout: [
    op({
      since: 12,
      layout: "pointwise",
      host: [1, 2],
      forward: ({ x: [x], host: [, , training], outputs }) => {
        if (training && bound(training, 0))
          throw new Error("training_mode is not supported; export the model in eval mode");
        return [x.clone(), tf.ones(x.shape, "bool")].slice(0, outputs);
      },
      vjp: ([dy]) => [() => dy.clone()],
    }),
  ],
};

export const ELEMENTWISE: Table = { ...UNARY, ...BINARY, ...LOGIC, ...CONVERSIONS };
