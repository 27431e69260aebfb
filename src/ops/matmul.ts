/** Matrix products. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { spread, unbroadcast } from "./broadcast";
import { broadcastShapes } from "./host";
import { op, type Call, type Table } from "./op";
import { transpose, unstack } from "./rearrange";

interface GemmAttrs {
  alpha?: number;
  beta?: number;
  transA?: number;
  transB?: number;
}

/** The second operand, turned round as `flip` says. tfjs' own flags for that multiply ten times slower on WASM. */
const turned = (call: Call<GemmAttrs>, flip: boolean): Tensor =>
  flip ? call.derived("B", () => transpose(call.x[1])) : call.x[1];

const scaled = (x: Tensor, by: number): Tensor => (by === 1 ? x : tf.mul(x, by));

/** Operands of MatMul as matrices: a vector gains a dimension of 1 on its outer side (numpy.matmul). */
const asMatrices = (a: Tensor, b: Tensor): [Tensor, Tensor] => [
  a.rank === 1 ? tf.reshape(a, [1, a.size]) : a,
  b.rank === 1 ? tf.reshape(b, [b.size, 1]) : b,
];

/** The last two axes exchanged. */
const flipped = (x: Tensor): Tensor => transpose(x, [...x.shape.keys()].map((i) => (i < x.rank - 2 ? i : 2 * x.rank - 3 - i))); // prettier-ignore

/** Shapes in which memory has stood on the right of a product. */
const packed = new WeakMap<object, string>();

/**
 * [M, K] x [K, N], plus a bias [N]. On WASM the right side is packed once per memory and then taken for the same whatever
 * its shape is: one that stood here in another shape is copied.
 */
export function product(a: Tensor, b: Tensor, bias?: Tensor): Tensor {
  const shape = b.shape.join();
  const before = packed.get(b.dataId);
  const own = before === undefined || before === shape ? b : tf.add(b, 0);
  packed.set(own.dataId, shape);
  return tf.fused.matMul({ a, b: own, bias });
}

/** [..., M, K] x [..., K, N] with broadcast batches; one matrix on the right needs no batched product. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  if (b.rank === 2) {
    const y = product(tf.reshape(a, [-1, a.shape[a.rank - 1]]), b);
    return tf.reshape(y, [...a.shape.slice(0, -1), y.shape[1] as number]);
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const size = sizeOf(batch);
  const y = products(batched(a, batch, size), batched(b, batch, size), size);
  return tf.reshape(y, [...batch, ...y.shape.slice(-2)]);
}

/** Multiplications in a product of two matrices from which on it is worth a call of its own. */
const LARGE = 2 ** 14;

/**
 * [size or 1, M, K] x [size or 1, K, N]. WASM multiplies pairs of matrices ten times faster than batches of them; a single
 * pair it packs as {@link product} says.
 */
function products(a: Tensor, b: Tensor, size: number): Tensor {
  const [m, k, n] = [...a.shape.slice(-2), b.shape[b.rank - 1]];
  if (tf.getBackend() !== "wasm" || !size || (size > 1 && m * k * n < LARGE)) return tf.matMul(a, b);
  const [as, bs] = [unstack(a), unstack(b)];
  const parts = Array.from({ length: size }, (_, i) => product(as[as.length > 1 ? i : 0], bs[bs.length > 1 ? i : 0]));
  return size > 1 ? tf.stack(parts) : tf.expandDims(parts[0], 0);
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
        const y = scaled(product(transA ? transpose(a) : a, turned(call, !!transB)), alpha);
        return c ? tf.add(y, scaled(c, beta)) : y;
      },
      vjp: ([dy], call) => {
        const { alpha = 1, beta = 1, transA = 0, transB = 0 } = call.attrs;
        const [a, , c] = call.x;
        // Of op(a) · op(b); either is turned back if it was turned.
        const da = () => product(dy, turned(call, !transB));
        const db = () => product(transA ? a : transpose(a), dy);
        return [
          () => scaled(transA ? transpose(da()) : da(), alpha),
          () => scaled(transB ? transpose(db()) : db(), alpha),
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
      vjp: ([dy], call) => {
        const [a, b] = call.x;
        const [A, B] = asMatrices(a, b);
        const batch = dy.shape.slice(0, dy.rank - (a.rank > 1 ? 1 : 0) - (b.rank > 1 ? 1 : 0));
        const DY = tf.reshape(dy, [...batch, A.shape[A.rank - 2], B.shape[B.rank - 1]]);
        return [
          () => {
            const turned = call.derived("Bᵀ", () => flipped(B));
            return tf.reshape(unbroadcast(multiply(DY, turned), A.shape), a.shape);
          },
          () => tf.reshape(unbroadcast(multiply(flipped(A), DY), B.shape), b.shape),
        ];
      },
    }),
  ],
};
