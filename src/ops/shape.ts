/** Operators that move values without changing them. */
import * as tf from "@tensorflow/tfjs-core";
import { integers } from "../graph";
import { op, type Table } from "./op";
import { axisLayout } from "./reduce";

interface AxisAttrs {
  axis?: number;
}

const positive = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

export const SHAPE: Table = {
  Reshape: [
    op<{ allowzero?: number }>({
      since: 13,
      layout: "plain",
      affine: true,
      constants: [1],
      forward: ({ x: [x], constants, attrs: { allowzero = 0 } }) =>
        tf.reshape(
          x,
          integers(constants[1]!).map((d, i) => (d === 0 && !allowzero ? x.shape[i] : d)),
        ),
      vjp: (dy, { x: [x] }) => [() => tf.reshape(dy, x.shape)],
    }),
  ],
  Flatten: [
    op<AxisAttrs>({
      since: 13,
      layout: "plain",
      affine: true,
      forward: ({ x: [x], attrs: { axis = 1 } }) =>
        tf.reshape(x, [x.shape.slice(0, positive(axis, x.rank)).reduce((n, d) => n * d, 1), -1]),
      vjp: (dy, { x: [x] }) => [() => tf.reshape(dy, x.shape)],
    }),
  ],
  Squeeze: [
    op({
      since: 13,
      layout: "plain",
      affine: true,
      constants: [1],
      forward: ({ x: [x], constants }) => {
        const axes = constants[1] ? integers(constants[1]).map((a) => positive(a, x.rank)) : null;
        return tf.reshape(
          x,
          x.shape.filter((d, i) => (axes ? !axes.includes(i) : d !== 1)),
        );
      },
      vjp: (dy, { x: [x] }) => [() => tf.reshape(dy, x.shape)],
    }),
  ],
  Unsqueeze: [
    op({
      since: 13,
      layout: "plain",
      affine: true,
      constants: [1],
      forward: ({ x: [x], constants }) => {
        const given = integers(constants[1]!);
        const axes = given.map((a) => positive(a, x.rank + given.length)).sort((a, b) => a - b);
        const shape = [...x.shape];
        axes.forEach((a) => shape.splice(a, 0, 1));
        return tf.reshape(x, shape);
      },
      vjp: (dy, { x: [x] }) => [() => tf.reshape(dy, x.shape)],
    }),
  ],
  Transpose: [
    op<{ perm?: number[] }>({
      since: 13,
      layout: "plain",
      affine: true,
      forward: ({ x: [x], attrs: { perm } }) => tf.transpose(x, perm),
      vjp: (dy, { attrs: { perm } }) => [() => tf.transpose(dy, perm && perm.map((_, i) => perm.indexOf(i)))],
    }),
  ],
  Concat: [
    op<AxisAttrs>({
      since: 13,
      layout: axisLayout,
      forward: ({ x, attrs: { axis = 0 } }) => tf.concat([...x], positive(axis, x[0].rank)),
      vjp: (dy, { x, attrs: { axis = 0 } }) => {
        const at = positive(axis, dy.rank);
        return x.map((part, i) => () => {
          const begin = dy.shape.map((_, d) => (d === at ? x.slice(0, i).reduce((n, t) => n + t.shape[at], 0) : 0));
          return tf.slice(dy, begin, part.shape);
        });
      },
    }),
  ],
};
