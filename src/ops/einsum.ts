/** Einsum: sums of products over named axes, as numpy.einsum, from left to right by products of two operands. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { multiply, product } from "./matmul";
import { op, type Table } from "./op";
import { transpose } from "./rearrange";

type Labels = readonly string[];

/** An array whose axes have names: no name twice, and each axis of the name's full size. */
interface Term {
  labels: Labels;
  x: Tensor;
}

/** Labels of the operands' axes and of the result's; those that "..." stands for are "0" for the last, "1", ... */
interface Equation {
  operands: readonly Labels[];
  result: Labels;
}

function parse(equation: string, ranks: readonly number[]): Equation {
  const [left, right] = equation.replace(/\s/g, "").split("->");
  const texts = left.split(",");
  if (texts.length !== ranks.length)
    throw new Error(`equation "${equation}" has ${texts.length} operands, the node ${ranks.length}`);
  const dots = (count: number) => Array.from({ length: count }, (_, i) => String(count - 1 - i));
  const read = (text: string, hidden: (named: number) => number): string[] => {
    const [before, after] = text.split("...");
    if (after === undefined) return [...before];
    return [...before, ...dots(hidden(before.length + after.length)), ...after];
  };
  const operands = texts.map((text, i) => read(text, (named) => ranks[i] - named));
  operands.forEach((labels, i) => {
    if (labels.length !== ranks[i])
      throw new Error(`"${texts[i]}" in equation "${equation}" does not fit ${ranks[i]} dimensions`);
  });
  const all = operands.flat();
  const widest = Math.max(-1, ...all.filter((l) => /\d/.test(l)).map(Number)) + 1;
  const once = all.filter((l) => !/\d/.test(l) && all.indexOf(l) === all.lastIndexOf(l)).sort();
  const result = right === undefined ? [...dots(widest), ...once] : read(right, () => widest);
  const stray = result.find((l, i) => !all.includes(l) || result.indexOf(l) !== i);
  if (stray !== undefined) throw new Error(`"${stray}" in the result of equation "${equation}" is not one axis`);
  return { operands, result };
}

/** Sizes by label; an axis of size 1 is broadcast. */
function sizesOf(operands: readonly Labels[], shapes: readonly (readonly number[])[]): Map<string, number> {
  const sizes = new Map<string, number>();
  operands.forEach((labels, i) =>
    labels.forEach((label, k) => {
      const [size, before = 1] = [shapes[i][k], sizes.get(label)];
      if (size !== before && size !== 1 && before !== 1)
        throw new Error(`axis "${label}" has sizes ${before} and ${size}`);
      sizes.set(label, size === 1 ? before : size);
    }),
  );
  return sizes;
}

/** [..., n, n] -> [..., n], and back with zeros beside the diagonal. */
function diagonal(x: Tensor): Tensor {
  const [n, lead] = [x.shape[x.rank - 1], x.shape.slice(0, -2)];
  const rows = tf.pad(tf.reshape(x, [-1, n * n]), [
    [0, 0],
    [0, n],
  ]);
  return tf.reshape(tf.slice(tf.reshape(rows, [-1, n, n + 1]), [0, 0, 0], [-1, n, 1]), [...lead, n]);
}
function onDiagonal(x: Tensor): Tensor {
  const n = x.shape[x.rank - 1];
  const rows = tf.pad(tf.reshape(x, [-1, n, 1]), [
    [0, 0],
    [0, 0],
    [0, n],
  ]);
  return tf.reshape(tf.slice(tf.reshape(rows, [-1, n * (n + 1)]), [0, 0], [-1, n * n]), [...x.shape, n]);
}

const transposed = (x: Tensor, perm: number[]): Tensor => (perm.some((p, i) => p !== i) ? transpose(x, perm) : x);
const arranged = ({ labels, x }: Term, order: Labels): Tensor =>
  transposed(
    x,
    order.map((l) => labels.indexOf(l)),
  );

/** Two axes with one name, if there are such. */
function twice(labels: Labels): [number, number] | null {
  const second = labels.findIndex((l, i) => labels.indexOf(l) !== i);
  return second < 0 ? null : [labels.indexOf(labels[second]), second];
}

/** Takes diagonals, drops axes that are to be broadcast. */
function termOf(labels: Labels, x: Tensor, sizes: ReadonlyMap<string, number>): Term {
  const full = labels.flatMap((l, i) => (x.shape[i] === sizes.get(l) ? [i] : []));
  if (full.length < labels.length)
    return termOf(
      full.map((i) => labels[i]),
      tf.reshape(
        x,
        full.map((i) => x.shape[i]),
      ),
      sizes,
    );
  const pair = twice(labels);
  if (!pair) return { labels, x };
  const order = [...labels.keys()].filter((i) => !pair.includes(i)).concat(pair);
  return termOf(
    order.slice(0, -1).map((i) => labels[i]),
    diagonal(transposed(x, order)),
    sizes,
  );
}

/** Sums over all labels that are not kept. */
function summed({ labels, x }: Term, kept: (label: string) => boolean): Term {
  const gone = labels.flatMap((l, i) => (kept(l) ? [] : [i]));
  return gone.length ? { labels: labels.filter(kept), x: tf.sum(x, gone) } : { labels, x };
}

/** The product of two, summed over the labels that both have and that are not kept. */
function contracted(a: Term, b: Term, kept: (label: string) => boolean): Term {
  const both = a.labels.filter((l) => b.labels.includes(l));
  const [batch, inner] = [both.filter(kept), both.filter((l) => !kept(l))];
  const [rows, columns] = [a, b].map(({ labels }) => labels.filter((l) => !both.includes(l)));
  const size = (labels: Labels) => sizeOf(labels.map((l) => sizeIn(a, b, l)));
  const labels = [...batch, ...rows, ...columns];
  const left = tf.reshape(arranged(a, [...batch, ...rows, ...inner]), [size(batch), size(rows), size(inner)]);
  const right = tf.reshape(arranged(b, [...batch, ...inner, ...columns]), [size(batch), size(inner), size(columns)]);
  const y = batchedProduct(left, right);
  return {
    labels,
    x: tf.reshape(
      y,
      labels.map((l) => sizeIn(a, b, l)),
    ),
  };
}

const sizeIn = (a: Term, b: Term, label: string): number => {
  const at = a.labels.indexOf(label);
  return at < 0 ? b.x.shape[b.labels.indexOf(label)] : a.x.shape[at];
};

/** [B, M, K] x [B, K, N]. */
function batchedProduct(a: Tensor, b: Tensor): Tensor {
  const [batch, rows, inner] = a.shape;
  const columns = b.shape[2] as number;
  if (inner === 1) return tf.mul(a, b);
  if (rows === 1 && columns === 1)
    return tf.sum(tf.mul(tf.reshape(a, [batch, inner]), tf.reshape(b, [batch, inner])), 1);
  return batch === 1 ? product(tf.reshape(a, [rows, inner]), tf.reshape(b, [inner, columns])) : multiply(a, b);
}

/** The terms' product, summed over all labels but `result`, in its order. */
function reduced(terms: readonly Term[], result: Labels): Tensor {
  const last = terms.reduce((a, b, i): Term => {
    // `a` holds the operands before `b`.
    const later = new Set([...result, ...terms.slice(i + 1).flatMap(({ labels }) => labels)]);
    const [kept, other] = [
      (l: string) => later.has(l),
      (term: Term) => (l: string) => later.has(l) || term.labels.includes(l),
    ];
    return contracted(summed(a, other(b)), summed(b, other(a)), kept);
  });
  return arranged(
    summed(last, (l) => result.includes(l)),
    result,
  );
}

/** Repeats along axes that `x` has not yet, in the order of `labels`. */
function spread({ labels: own, x }: Term, labels: Labels, sizes: ReadonlyMap<string, number>): Tensor {
  const missing = labels.filter((l) => !own.includes(l));
  const y = tf.reshape(
    arranged(
      { labels: own, x },
      labels.filter((l) => own.includes(l)),
    ),
    labels.map((l) => (missing.includes(l) ? 1 : sizes.get(l)!)),
  );
  return missing.length ? tf.mul(y, tf.ones(labels.map((l) => (missing.includes(l) ? sizes.get(l)! : 1)))) : y;
}

/** The opposite of {@link termOf}: from axes without repetition to those of an operand. */
function restored(labels: Labels, term: Term, sizes: ReadonlyMap<string, number>): Tensor {
  const pair = twice(labels);
  if (!pair) return spread(term, labels, sizes);
  const rest = labels.filter((_, i) => !pair.includes(i));
  const once = restored([...rest, labels[pair[0]]], term, sizes);
  const order = [...labels.keys()].filter((i) => !pair.includes(i)).concat(pair);
  return transposed(
    onDiagonal(once),
    labels.map((_, i) => order.indexOf(i)),
  );
}

interface Attrs {
  equation: string;
}

export const EINSUM: Table = {
  Einsum: [
    op<Attrs>({
      since: 12,
      layout: "plain",
      affine: true,
      forward: ({ x, attrs: { equation } }) => {
        const { operands, result } = parse(
          equation,
          x.map(({ rank }) => rank),
        );
        const sizes = sizesOf(
          operands,
          x.map(({ shape }) => shape),
        );
        const y = reduced(
          operands.map((labels, i) => termOf(labels, x[i], sizes)),
          result,
        );
        return x.includes(y) ? y.clone() : y;
      },
      // The gradient of an operand is the einsum with dy in its place and its labels as the result.
      vjp: ([dy], { x, attrs: { equation } }) => {
        const { operands, result } = parse(
          equation,
          x.map(({ rank }) => rank),
        );
        const sizes = sizesOf(
          operands,
          x.map(({ shape }) => shape),
        );
        return operands.map((labels, i) => () => {
          const others = operands.flatMap((other, k) => (k === i ? [] : [termOf(other, x[k], sizes)]));
          const terms = [{ labels: result, x: dy }, ...others];
          const full = labels.filter((l, k) => x[i].shape[k] === sizes.get(l));
          const found = [...new Set(full)].filter((l) => terms.some((term) => term.labels.includes(l)));
          const dx = restored(full, { labels: found, x: reduced(terms, found) }, sizes);
          return tf.reshape(dx, x[i].shape);
        });
      },
    }),
  ],
};
