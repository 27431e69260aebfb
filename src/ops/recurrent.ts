/** Recurrent layers: one scan over time, and three cells for it. Weights get no gradients. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { integers, type NDArray } from "../graph";
import { product } from "./matmul";
import { op, type Call, type OpDef, type Table } from "./op";
import { transpose } from "./rearrange";

interface Attrs {
  activation_alpha?: number[];
  activation_beta?: number[];
  activations?: string[];
  clip?: number;
  direction?: string;
  input_forget?: number;
  layout?: number;
  linear_before_reset?: number;
}

interface Activation {
  /** Defaults, for those that have such a parameter. */
  alpha?: number;
  beta?: number;
  forward: (x: Tensor, alpha: number, beta: number) => Tensor;
  /** dy/dx. */
  slope: (x: Tensor, y: Tensor, alpha: number, beta: number) => Tensor;
}

const ones = (x: Tensor): Tensor => tf.onesLike(x);
const zeros = (x: Tensor): Tensor => tf.zerosLike(x);
const from1 = (x: Tensor): Tensor => tf.sub(1, x);
const square = (x: Tensor): Tensor => tf.mul(x, x);
const float = (x: Tensor): Tensor => tf.cast(x, "float32");

/** By lower-case name; the formulas and their borders are those of the LSTM page of the specification. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  affine: {
    alpha: 1,
    beta: 0,
    forward: (x, alpha, beta) => tf.add(tf.mul(x, alpha), beta),
    slope: (x, _, alpha) => tf.fill(x.shape, alpha),
  },
  elu: {
    alpha: 1,
    forward: (x, alpha) => tf.where(tf.greater(x, 0), x, tf.mul(tf.elu(x), alpha)),
    slope: (x, y, alpha) => tf.where(tf.greater(x, 0), ones(x), tf.add(y, alpha)),
  },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    forward: (x, alpha, beta) => tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1),
    slope: (_, y, alpha) => tf.mul(float(tf.logicalAnd(tf.greater(y, 0), tf.less(y, 1))), alpha),
  },
  leakyrelu: {
    alpha: 0.01,
    forward: (x, alpha) => tf.leakyRelu(x, alpha),
    slope: (x, _, alpha) => tf.where(tf.greater(x, 0), ones(x), tf.fill(x.shape, alpha)),
  },
  relu: { forward: tf.relu, slope: (x) => tf.step(x) },
  scaledtanh: {
    alpha: 1,
    beta: 1,
    forward: (x, alpha, beta) => tf.mul(tf.tanh(tf.mul(x, beta)), alpha),
    slope: (_, y, alpha, beta) => tf.mul(from1(square(tf.div(y, alpha))), alpha * beta),
  },
  sigmoid: { forward: tf.sigmoid, slope: (_, y) => tf.mul(y, from1(y)) },
  softplus: { forward: tf.softplus, slope: (x) => tf.sigmoid(x) },
  softsign: {
    forward: (x) => tf.div(x, tf.add(tf.abs(x), 1)),
    slope: (x) => tf.reciprocal(square(tf.add(tf.abs(x), 1))),
  },
  tanh: { forward: tf.tanh, slope: (_, y) => from1(square(y)) },
  thresholdedrelu: {
    alpha: 1,
    forward: (x, alpha) => tf.where(tf.greaterEqual(x, alpha), x, zeros(x)),
    slope: (x, _, alpha) => float(tf.greaterEqual(x, alpha)),
  },
};

/** An activation with its parameters, and the gradient back through it. */
interface Gate {
  forward(x: Tensor): Tensor;
  back(dy: Tensor, x: Tensor, y: Tensor): Tensor;
}

/** Those of all directions, one after another. */
function gatesOf(names: readonly string[], { activation_alpha = [], activation_beta = [], clip }: Attrs): Gate[] {
  // "The values are consumed in the order of activation functions": by those that have such a parameter.
  const [alphas, betas] = [[...activation_alpha], [...activation_beta]];
  return names.map((name) => {
    const { forward, slope, ...defaults } = ACTIVATIONS[name.toLowerCase()];
    const alpha = defaults.alpha === undefined ? 0 : (alphas.shift() ?? defaults.alpha);
    const beta = defaults.beta === undefined ? 0 : (betas.shift() ?? defaults.beta);
    const clipped = (x: Tensor) => (clip ? tf.clipByValue(x, -clip, clip) : x);
    return {
      forward: (x) => forward(clipped(x), alpha, beta),
      back: (dy, x, y) => {
        const dx = tf.mul(dy, slope(clipped(x), y, alpha, beta));
        return clip ? tf.where(tf.lessEqual(tf.abs(x), clip), dx, zeros(dx)) : dx;
      },
    };
  });
}

/** [N, H] each: h, and c if the cell has it. */
type State = readonly Tensor[];

interface Step {
  state: State;
  /** From the new state's gradient to that of x and of the last state. */
  back(d: State): { dx: Tensor; d: State };
}

/** What a cell sees of the weights of its direction. */
interface Weights {
  /** h·Rᵀ + Rb, [N, gates · H], for the gates from `first` up to `end`; all if not given. */
  recur(h: Tensor, first?: number, end?: number): Tensor;
  /** The gradient back through it. */
  recurBack(d: Tensor, first?: number, end?: number): Tensor;
  /** Peepholes, [H] each: i, o, f. */
  peepholes?: readonly Tensor[];
}

interface Cell {
  /** Blocks of H rows in W and R. */
  gates: number;
  states: number;
  /** Default activations of a direction. */
  activations: readonly string[];
  /** One step in time; `x` is what the input adds to the gates, X·Wᵀ + Wb, [N, gates · H]. */
  step(x: Tensor, state: State, weights: Weights, gates: readonly Gate[], attrs: Attrs): Step;
}

const RNN: Cell = {
  gates: 1,
  states: 1,
  activations: ["Tanh"],
  step: (x, [h], { recur, recurBack }, [f]) => {
    const pre = tf.add(x, recur(h));
    const H = f.forward(pre);
    return {
      state: [H],
      back: ([dH]) => {
        const dx = f.back(dH, pre, H);
        return { dx, d: [recurBack(dx)] };
      },
    };
  },
};

/** Gates z, r, h. */
const GRU: Cell = {
  gates: 3,
  states: 1,
  activations: ["Sigmoid", "Tanh"],
  step: (x, [h], { recur, recurBack }, [f, g], { linear_before_reset = 0 }) => {
    const size = h.shape[1] as number;
    const parts = (both: Tensor) => tf.split(both, [2 * size, size], 1);
    const [xZR, xN] = parts(x);
    const [hZR, hN] = linear_before_reset ? parts(recur(h)) : [recur(h, 0, 2), undefined];
    const preZR = tf.add(xZR, hZR);
    const ZR = f.forward(preZR);
    const [z, r] = tf.split(ZR, 2, 1);
    const preN = tf.add(xN, hN ? tf.mul(r, hN) : recur(tf.mul(r, h), 2, 3));
    const n = g.forward(preN);
    return {
      state: [tf.add(n, tf.mul(z, tf.sub(h, n)))],
      back: ([dH]) => {
        const dZ = tf.mul(dH, tf.sub(h, n));
        const dKept = tf.mul(dH, z);
        const dN = g.back(tf.sub(dH, dKept), preN, n);
        const dRH = hN ? dN : recurBack(dN, 2, 3);
        const dZR = f.back(tf.concat([dZ, tf.mul(dRH, hN ?? h)], 1), preZR, ZR);
        const dGated = tf.mul(dRH, r);
        const dRecurrent = hN ? recurBack(tf.concat([dZR, dGated], 1)) : tf.add(recurBack(dZR, 0, 2), dGated);
        return { dx: tf.concat([dZR, dN], 1), d: [tf.add(dKept, dRecurrent)] };
      },
    };
  },
};

/** Gates i, o, f, c. */
const LSTM: Cell = {
  gates: 4,
  states: 2,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  step: (x, [h, c], { recur, recurBack, peepholes }, [f, g, hidden], { input_forget = 0 }) => {
    const peep = (pre: Tensor, gate: number, c: Tensor) => (peepholes ? tf.add(pre, tf.mul(peepholes[gate], c)) : pre);
    const [xI, xO, xF, preG] = tf.split(tf.add(x, recur(h)), 4, 1);
    const [preI, preF] = [peep(xI, 0, c), peep(xF, 2, c)];
    const i = f.forward(preI);
    const forget = input_forget ? from1(i) : f.forward(preF);
    const G = g.forward(preG);
    const C = tf.add(tf.mul(forget, c), tf.mul(i, G));
    const preO = peep(xO, 1, C);
    const o = f.forward(preO);
    const hC = hidden.forward(C);
    return {
      state: [tf.mul(o, hC), C],
      back: ([dH, dState]) => {
        const dO = f.back(tf.mul(dH, hC), preO, o);
        const dC = peep(tf.add(dState, hidden.back(tf.mul(dH, o), C, hC)), 1, dO);
        const [di, dForget] = [tf.mul(dC, G), tf.mul(dC, c)];
        const dI = f.back(input_forget ? tf.sub(di, dForget) : di, preI, i);
        const dF = input_forget ? zeros(dI) : f.back(dForget, preF, forget);
        const dG = g.back(tf.mul(dC, i), preG, G);
        const dx = tf.concat([dI, dO, dF, dG], 1);
        return { dx, d: [recurBack(dx), peep(peep(tf.mul(dC, forget), 0, dI), 2, dF)] };
      },
    };
  },
};

/** Which sequences are under way at a time, [N, H]; null where all are. */
function active(lengths: NDArray | undefined, t: number, size: number): Tensor | null {
  const under = lengths ? integers(lengths).map((length) => Number(t < length)) : [];
  if (under.every(Boolean)) return null;
  return tf.tensor2d(
    under.flatMap((one) => Array<number>(size).fill(one)),
    [under.length, size],
    "bool",
  );
}

interface Pass {
  /** [N, H] per time, zeros where a sequence is over. */
  h: readonly Tensor[];
  last: State;
  /** Gradients of the input's part of the gates per time, [N, gates · H], and of the first state. */
  back(dh: readonly Tensor[], dLast: State): { dx: readonly Tensor[]; d: State };
}

const directions = ({ direction }: Attrs): number => (direction === "bidirectional" ? 2 : 1);
const swapped = (x: Tensor, { layout = 0 }: Attrs): Tensor => (layout ? transpose(x, [1, 0, 2]) : x);
/** Part of a parameter that is of one direction. */
const part = (x: Tensor, d: number, first = 0, size = -1): Tensor =>
  tf.squeeze(tf.slice(x, [d, first], [1, size]), [0]);

/** The tensors per time. For each slice WASM copies all that it slices from: hence in two rounds. */
function unstacked(x: Tensor): Tensor[] {
  const [time] = x.shape;
  const step = Math.ceil(Math.sqrt(time));
  const sizes = Array.from({ length: Math.ceil(time / step) }, (_, i) => Math.min(step, time - i * step));
  return tf.split(x, sizes).flatMap((part) => tf.unstack(part));
}

/** One direction, there and, with `kept`, back again: then all gates stay in memory. */
function pass(cell: Cell, call: Call<Attrs>, d: number, kept = false): Pass {
  const { attrs } = call;
  const [X, W, R, B, , h0, c0, P] = call.x;
  const [time, batch, features] = swapped(X, attrs).shape;
  if (!time) throw new Error("a sequence of length 0 has no result");
  const size = R.shape[2] as number;
  const all = cell.gates;
  // Sliced as a vector: WASM's fused product looks at the rank with which a bias was made, before any reshape.
  const bias = (first: number, end: number) =>
    B &&
    call.derived(`${d} B ${first} ${end}`, () =>
      tf.slice(tf.reshape(B, [-1]), (2 * all * d + first) * size, (end - first) * size),
    );
  const rows = (first: number, end: number) =>
    call.derived(`${d} R ${first} ${end}`, () => part(R, d, first * size, (end - first) * size));
  const weights: Weights = {
    recur: (h, first = 0, end = all) =>
      product(
        h,
        call.derived(`${d} Rᵀ ${first} ${end}`, () => transpose(rows(first, end))),
        bias(all + first, all + end),
      ),
    recurBack: (dy, first = 0, end = all) => product(dy, rows(first, end)),
    peepholes: P && [0, 1, 2].map((i) => call.derived(`${d} P ${i}`, () => part(P, d, i * size, size))),
  };
  const per = cell.activations.length;
  const names = attrs.activations ?? Array<readonly string[]>(directions(attrs)).fill(cell.activations).flat();
  const gates = gatesOf(names, attrs).slice(d * per, (d + 1) * per);

  const projected = product(
    tf.reshape(swapped(X, attrs), [time * batch, features]),
    call.derived(`${d} Wᵀ`, () => transpose(part(W, d))),
    bias(0, all),
  );
  const x = unstacked(tf.reshape(projected, [time, batch, all * size]));
  const first: State = [h0, c0]
    .slice(0, cell.states)
    .map((state) => (state ? part(swapped(state, attrs), d) : tf.zeros([batch, size])));
  const reverse = d === 1 || attrs.direction === "reverse";
  const times = Array.from({ length: time }, (_, t) => (reverse ? time - 1 - t : t));
  const masks = times.map((t) => active(call.host[4], t, size));

  const steps: Step[] = [];
  const h = Array<Tensor>(time);
  let last = first;
  times.forEach((t, k) => {
    const mask = masks[k];
    const advance = () => {
      const step = cell.step(x[t], last, weights, gates, attrs);
      if (kept) steps.push(step);
      return [...step.state];
    };
    const state = kept ? advance() : tf.tidy(advance);
    h[t] = mask ? tf.where(mask, state[0], zeros(state[0])) : state[0];
    last = mask ? state.map((s, i) => tf.where(mask, s, last[i])) : state;
  });

  return {
    h,
    last,
    back: (dh, dLast) => {
      const dx = Array<Tensor>(time);
      let dState = dLast;
      for (let k = time - 1; k >= 0; k--) {
        const [t, mask] = [times[k], masks[k]];
        const dAll = [tf.add(dState[0], dh[t]), ...dState.slice(1)];
        const step = steps[k].back(mask ? dAll.map((s) => tf.where(mask, s, zeros(s))) : dAll);
        dx[t] = step.dx;
        dState = mask ? step.d.map((s, i) => tf.where(mask, s, dState[i])) : step.d;
      }
      return { dx, d: dState };
    },
  };
}

const recurrent = (cell: Cell): OpDef =>
  op<Attrs>({
    since: 7,
    layout: "plain",
    host: [4],
    unsupported: ({ activations = [], direction = "forward" }) => {
      const unknown = activations.find((name) => !(name.toLowerCase() in ACTIVATIONS));
      if (unknown !== undefined) return `activation ${unknown} is not supported`;
      return ["forward", "reverse", "bidirectional"].includes(direction)
        ? undefined
        : `direction ${direction} does not exist`;
    },
    forward: (call) => {
      const passes = Array.from({ length: directions(call.attrs) }, (_, d) => pass(cell, call, d));
      const y = tf.stack(
        passes.map(({ h }) => tf.stack([...h])),
        1,
      );
      return [
        call.attrs.layout ? transpose(y, [2, 0, 1, 3]) : y,
        ...Array.from({ length: cell.states }, (_, i) =>
          swapped(tf.stack(passes.map(({ last }) => last[i])), call.attrs),
        ),
      ];
    },
    vjp: ([dy, ...dLast], call) => {
      const { attrs } = call;
      const [X, , R] = call.x;
      const [time, batch] = swapped(X, attrs).shape;
      const none = () => tf.zeros([batch, R.shape[2] as number]);
      const all = Array.from({ length: directions(attrs) }, (_, d) => d);
      const back = (d: number) => {
        const dh = dy && tf.unstack(attrs.layout ? transpose(dy, [1, 2, 0, 3]) : dy, 1)[d];
        return pass(cell, call, d, true).back(
          dh ? unstacked(dh) : Array<Tensor>(time).fill(none()),
          Array.from({ length: cell.states }, (_, i) => {
            const s = dLast[i];
            return s ? part(swapped(s, attrs), d) : none();
          }),
        );
      };
      const dState = (i: number) => () => swapped(tf.stack(all.map((d) => back(d).d[i])), attrs);
      const dX = () => {
        const [X, W] = call.x;
        const [time, batch, features] = swapped(X, attrs).shape;
        const parts = all.map((d) => {
          const dx = tf.reshape(tf.stack([...back(d).dx]), [time * batch, -1]);
          return product(
            dx,
            call.derived(`${d} W`, () => part(W, d)),
          );
        });
        return swapped(
          tf.reshape(
            parts.reduce((a, b) => tf.add(a, b)),
            [time, batch, features],
          ),
          attrs,
        );
      };
      return [dX, undefined, undefined, undefined, undefined, dState(0), ...(cell.states > 1 ? [dState(1)] : [])];
    },
  });

export const RECURRENT: Table = {
  RNN: [recurrent(RNN)],
  GRU: [recurrent(GRU)],
  LSTM: [recurrent(LSTM)],
};
