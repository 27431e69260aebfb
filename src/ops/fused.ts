/** Operators that no file holds: graph passes put them in place of several nodes. */
import * as tf from "@tensorflow/tfjs-core";
import { op, type Table } from "./op";

export const FUSED: Table = {
  /** x -> x · sigmoid(x), sigmoid(x) */
  Silu: [
    op({
      since: 1,
      layout: "pointwise",
      forward: ({ x: [x] }) => {
        const s = tf.sigmoid(x);
        return [tf.mul(x, s), s];
      },
      vjp: ([dy, ds], { y: [y, s] }) => [
        () => {
          const dx = tf.mul(dy, tf.add(s, tf.mul(y, tf.sub(1, s))));
          return ds ? tf.add(dx, tf.mul(ds, tf.mul(s, tf.sub(1, s)))) : dx;
        },
      ],
    }),
  ],
};
