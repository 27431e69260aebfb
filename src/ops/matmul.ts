/** Matrix products. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { unbroadcast } from "./elementwise";
import { op, type Call, type Table } from "./op";

interface GemmAttrs {
  alpha?: number;
  beta?: number;
  transA?: number;
  transB?: number;
}

/** B itself: with its `transposeB` tfjs' WASM kernel multiplies ten times slower. */
const untransposed = (call: Call<GemmAttrs>): Tensor =>
  call.attrs.transB ? call.derived("B", () => tf.transpose(call.x[1])) : call.x[1];

const scaled = (x: Tensor, by: number): Tensor => (by === 1 ? x : tf.mul(x, by));

/** Operands of MatMul as matrices: a vector gains a dimension of 1 on its outer side (numpy.matmul). */
const asMatrices = (a: Tensor, b: Tensor): [Tensor, Tensor] => [
  a.rank === 1 ? tf.reshape(a, [1, a.size]) : a,
  b.rank === 1 ? tf.reshape(b, [b.size, 1]) : b,
];

/** One matrix on the right needs no batched product. */
function multiply(a: Tensor, b: Tensor, transposeB = false): Tensor {
  if (a.rank === 2 || b.rank > 2) return tf.matMul(a, b, false, transposeB);
  const rows = tf.reshape(a, [-1, a.shape[a.rank - 1]]);
  const y = tf.matMul(rows, b, false, transposeB);
  return tf.reshape(y, [...a.shape.slice(0, -1), y.shape[1] as number]);
}

export const MATMUL: Table = {
  Gemm: [
    op<GemmAttrs>({
      since: 13,
      layout: "plain",
      affine: true,
      forward: (call) => {
        const { alpha = 1, beta = 1, transA = 0 } = call.attrs;
        const [a, , c] = call.x;
        const y = scaled(tf.matMul(a, untransposed(call), !!transA), alpha);
        return c ? tf.add(y, scaled(c, beta)) : y;
      },
      vjp: (dy, { x: [a, b, c], attrs: { alpha = 1, beta = 1, transA = 0, transB = 0 } }) => [
        () => scaled(transA ? tf.matMul(b, dy, !!transB, true) : tf.matMul(dy, b, false, !transB), alpha),
        () => scaled(transB ? tf.matMul(dy, a, true, !!transA) : tf.matMul(a, dy, !transA, false), alpha),
        () => unbroadcast(scaled(dy, beta), c.shape),
      ],
    }),
  ],
  MatMul: [
    op({
      since: 13,
      layout: "plain",
      affine: true,
      forward: ({ x: [a, b] }) => {
        const y = multiply(...asMatrices(a, b));
        const rows = a.rank === 1 ? [] : [y.shape[y.rank - 2]];
        const columns = b.rank === 1 ? [] : [y.shape[y.rank - 1]];
        return tf.reshape(y, [...y.shape.slice(0, -2), ...rows, ...columns]);
      },
      vjp: (dy, { x: [a, b] }) => {
        const [A, B] = asMatrices(a, b);
        const batch = dy.shape.slice(0, dy.rank - (a.rank > 1 ? 1 : 0) - (b.rank > 1 ? 1 : 0));
        const DY = tf.reshape(dy, [...batch, A.shape[A.rank - 2], B.shape[B.rank - 1]]);
        return [
          () => tf.reshape(unbroadcast(multiply(DY, B, true), A.shape), a.shape),
          () => tf.reshape(unbroadcast(tf.matMul(broadcastBatch(A, DY), DY, true, false), B.shape), b.shape),
        ];
      },
    }),
  ],
};

/** tfjs broadcasts the batch of the first operand only where ranks agree. */
const broadcastBatch = (a: Tensor, like: Tensor): Tensor =>
  tf.reshape(a, [...Array<number>(like.rank - a.rank).fill(1), ...a.shape]);
