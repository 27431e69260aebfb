/** Matrix products. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { spread, unbroadcast } from "./broadcast";
import { broadcastShapes } from "./host";
import { op, type Call, type Table } from "./op";

interface GemmAttrs {
  alpha?: number;
  beta?: number;
  transA?: number;
  transB?: number;
}

/** The second operand, turned round as `flip` says. tfjs' own `transposeB` multiplies ten times slower on WASM. */
const turned = (call: Call<GemmAttrs>, flip: boolean): Tensor =>
  flip ? call.derived("B", () => tf.transpose(call.x[1])) : call.x[1];

const scaled = (x: Tensor, by: number): Tensor => (by === 1 ? x : tf.mul(x, by));

/** Operands of MatMul as matrices: a vector gains a dimension of 1 on its outer side (numpy.matmul). */
const asMatrices = (a: Tensor, b: Tensor): [Tensor, Tensor] => [
  a.rank === 1 ? tf.reshape(a, [1, a.size]) : a,
  b.rank === 1 ? tf.reshape(b, [b.size, 1]) : b,
];

/** [..., M, K] x [..., K, N] with broadcast batches; one matrix on the right needs no batched product. */
export function multiply(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  if (b.rank === 2 && !transposeA) {
    const y = tf.matMul(tf.reshape(a, [-1, a.shape[a.rank - 1]]), b, false, transposeB);
    return tf.reshape(y, [...a.shape.slice(0, -1), y.shape[1] as number]);
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const size = sizeOf(batch);
  const y = tf.matMul(batched(a, batch, size), batched(b, batch, size), transposeA, transposeB);
  return tf.reshape(y, [...batch, ...y.shape.slice(-2)]);
}

/** One batch dimension: of `size`, or of 1 where the operand is the same for all. */
function batched(x: Tensor, batch: readonly number[], size: number): Tensor {
  const matrix = x.shape.slice(-2);
  const own = sizeOf(x.shape.slice(0, -2));
  const full = own === size || own === 1 ? x : spread(x, [...batch, ...matrix]);
  return tf.reshape(full, [own === 1 ? 1 : size, ...matrix]);
}

export const MATMUL: Table = {
  Gemm: [
    op<GemmAttrs>({
      since: 13,
      layout: "plain",
      affine: true,
      forward: (call) => {
        const { alpha = 1, beta = 1, transA = 0, transB = 0 } = call.attrs;
        const [a, , c] = call.x;
        const y = scaled(tf.matMul(a, turned(call, !!transB), !!transA), alpha);
        return c ? tf.add(y, scaled(c, beta)) : y;
      },
      vjp: ([dy], call) => {
        const { alpha = 1, beta = 1, transA = 0, transB = 0 } = call.attrs;
        const [a, b, c] = call.x;
        return [
          () => scaled(transA ? tf.matMul(b, dy, !!transB, true) : tf.matMul(dy, turned(call, !transB)), alpha),
          () => scaled(transB ? tf.matMul(dy, a, true, !!transA) : tf.matMul(a, dy, !transA, false), alpha),
          () => unbroadcast(scaled(dy, beta), c.shape),
        ];
      },
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
      vjp: ([dy], { x: [a, b] }) => {
        const [A, B] = asMatrices(a, b);
        const batch = dy.shape.slice(0, dy.rank - (a.rank > 1 ? 1 : 0) - (b.rank > 1 ? 1 : 0));
        const DY = tf.reshape(dy, [...batch, A.shape[A.rank - 2], B.shape[B.rank - 1]]);
        return [
          () => tf.reshape(unbroadcast(multiply(DY, B, false, true), A.shape), a.shape),
          () => tf.reshape(unbroadcast(multiply(A, DY, true), B.shape), b.shape),
        ];
      },
    }),
  ],
};
