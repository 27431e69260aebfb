/** Operators that work on each element, with NumPy broadcasting. Subgradients at kinks are torch's. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { op, type OpDef, type Table } from "./op";

/** Sums a gradient over the axes along which `shape` was broadcast to it. */
export function unbroadcast(dy: Tensor, shape: readonly number[]): Tensor {
  const lead = dy.rank - shape.length;
  const axes = dy.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []));
  return tf.reshape(axes.length ? tf.sum(dy, axes) : dy, shape as number[]);
}

type Unary<A> = { forward: (x: Tensor, attrs: A) => Tensor; slope: (x: Tensor, y: Tensor, attrs: A) => Tensor };

/** y = f(x), dx = dy * f'(x). */
const unary = <A = object>(since: number, { forward, slope }: Unary<A>): OpDef =>
  op<A>({
    since,
    layout: "pointwise",
    forward: ({ x: [x], attrs }) => forward(x, attrs),
    vjp: (dy, { x: [x], y: [y], attrs }) => [() => tf.mul(dy, slope(x, y, attrs))],
  });

/** Gradients before the sum over broadcast axes. */
const binary = (
  since: number,
  forward: (a: Tensor, b: Tensor) => Tensor,
  vjp: (dy: Tensor, a: Tensor, b: Tensor) => [() => Tensor, () => Tensor],
): OpDef =>
  op({
    since,
    layout: "pointwise",
    forward: ({ x: [a, b] }) => forward(a, b),
    vjp: (dy, { x: [a, b] }) => {
      const [da, db] = vjp(dy, a, b);
      return [() => unbroadcast(da(), a.shape), () => unbroadcast(db(), b.shape)];
    },
  });

/** Passes its input on. tfjs wants a tensor of its own, so that each value is disposed once. */
const identity = op({
  since: 1,
  layout: "pointwise",
  forward: ({ x: [x] }) => x.clone(),
  vjp: (dy) => [() => dy.clone()],
});

export const ELEMENTWISE: Table = {
  Relu: [unary(6, { forward: (x) => tf.relu(x), slope: (x) => tf.step(x) })],
  LeakyRelu: [
    unary<{ alpha?: number }>(6, {
      forward: (x, { alpha = 0.01 }) => tf.leakyRelu(x, alpha),
      slope: (x, _, { alpha = 0.01 }) => tf.where(tf.greater(x, 0), tf.onesLike(x), tf.fill(x.shape, alpha)),
    }),
  ],
  Elu: [
    unary<{ alpha?: number }>(6, {
      forward: (x, { alpha = 1 }) => tf.where(tf.greater(x, 0), x, tf.mul(tf.elu(x), alpha)),
      slope: (x, y, { alpha = 1 }) => tf.where(tf.greater(x, 0), tf.onesLike(x), tf.add(y, alpha)),
    }),
  ],
  Sigmoid: [unary(6, { forward: (x) => tf.sigmoid(x), slope: (_, y) => tf.mul(y, tf.sub(1, y)) })],
  Tanh: [unary(6, { forward: (x) => tf.tanh(x), slope: (_, y) => tf.sub(1, tf.mul(y, y)) })],
  Softplus: [unary(1, { forward: (x) => tf.softplus(x), slope: (x) => tf.sigmoid(x) })],
  Clip: [
    op({
      since: 12,
      layout: "pointwise",
      constants: [1, 2],
      forward: ({ x: [x], constants }) =>
        tf.clipByValue(x, bound(constants[1], -Infinity), bound(constants[2], Infinity)),
      // At the bounds torch.clamp passes the gradient on, while hardtanh and relu6 stop it.
      vjp: (dy, { x: [x], constants, aten }) => [
        () => {
          const [min, max] = [bound(constants[1], -Infinity), bound(constants[2], Infinity)];
          const inside = aten.startsWith("aten.clamp")
            ? tf.logicalAnd(tf.greaterEqual(x, min), tf.lessEqual(x, max))
            : tf.logicalAnd(tf.greater(x, min), tf.less(x, max));
          return tf.where(inside, dy, tf.zerosLike(dy));
        },
      ],
    }),
  ],
  Add: [binary(7, tf.add, (dy) => [() => dy, () => dy])],
  Sub: [binary(7, tf.sub, (dy) => [() => dy, () => tf.neg(dy)])],
  Mul: [binary(7, tf.mul, (dy, a, b) => [() => tf.mul(dy, b), () => tf.mul(dy, a)])],
  Div: [binary(7, tf.div, (dy, a, b) => [() => tf.div(dy, b), () => tf.neg(tf.div(tf.mul(dy, a), tf.mul(b, b)))])],
  Greater: [op({ since: 13, layout: "pointwise", forward: ({ x: [a, b] }) => tf.greater(a, b) })],
  Less: [op({ since: 13, layout: "pointwise", forward: ({ x: [a, b] }) => tf.less(a, b) })],
  Where: [
    op({
      since: 9,
      layout: "pointwise",
      forward: ({ x: [condition, a, b] }) => tf.where(condition, a, b),
      vjp: (dy, { x: [condition, a, b] }) => [
        undefined,
        () => unbroadcast(tf.where(condition, dy, tf.zerosLike(dy)), a.shape),
        () => unbroadcast(tf.where(condition, tf.zerosLike(dy), dy), b.shape),
      ],
    }),
  ],
  Identity: [identity],
  Dropout: [identity],
};

function bound(constant: { data: ArrayLike<unknown> } | undefined, otherwise: number): number {
  return constant ? Number(constant.data[0]) : otherwise;
}
