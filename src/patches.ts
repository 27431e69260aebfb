/**
 * Forward passes over copies of one example that differ from it inside a small window of an image. A layer is computed only
 * where the window can change it, in patches that grow from layer to layer; once that is most of the image, the remaining
 * layers are computed as usual.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf, type NDArray, type ValueName } from "./graph";
import { axesOf, type Axis } from "./ops/window";
import type { Example, Step, Value } from "./program";

/** For rows, and for columns. */
export type Pair<T = number> = readonly [T, T];

/** Where the copies may differ: one box for each, all of one size. */
interface Boxes {
  /** First row and column. */
  at: readonly Pair[];
  size: Pair;
}

interface Patch extends Boxes {
  /** [B, h, w, C] */
  tensor: Tensor;
}

/** An input of all copies. */
interface Copied {
  data: Float32Array;
  shape: number[];
}

/** A step that can be done on patches. */
interface Local {
  /** Without padding. */
  step: Step;
  /** Which places of the inputs each place of the outputs depends on. */
  axes: Pair<Axis>;
  /** What lies around the image. */
  fill: number;
  /** Inputs of which the patch's part is read. */
  images: readonly ValueName[];
}

/** A patch that would cover more of the image than this saves less than it costs. */
const MOST = 0.6;
/** To copy a value takes as long as so many multiplications in a convolution. */
const COPY = 64;
/** Share of the multiplications that must be saved: steps on patches take time of their own. */
const LEAST = 0.1;

/** What lies around the image for operators with a sliding window. */
const AROUND: Readonly<Record<string, number>> = { Conv: 0, AveragePool: 0, MaxPool: -Infinity };

export class Patches {
  readonly #pays: boolean;
  readonly #input: ValueName;
  /** The input, channels last. */
  readonly #image: ValueName;
  readonly #window: Pair;
  readonly #locals: readonly Local[];
  /** All that the remaining layers need. */
  readonly #rest: ReadonlySet<ValueName>;
  /** What is done on patches and then read by the remaining layers. */
  readonly #frontier: readonly ValueName[];
  /** The example's own values. */
  readonly #own = new Map<ValueName, NDArray>();
  /** By patch: the last of the steps that read it. */
  readonly #last = new Map<ValueName, Local>();
  readonly #evaluate: Example["evaluate"];
  readonly #resume: Example["resume"];

  /**
   * For windows of one size in an image among the inputs; null where no step can be done on patches. Keeps no tensors.
   */
  static of(example: Example, input: ValueName, window: Pair): Patches | null {
    const { steps, output, shapeOf } = example;
    const image = steps.find(({ node }) => node.inputs[0] === input && isTurn(node))?.node.outputs[0];
    if (image === undefined) return null;
    const sizes = new Map([[image, window]]);
    const changed = new Set([input, image]);
    const locals: Local[] = [];
    /** Multiplications for a part of the output. */
    const cost = ({ op, inputs }: Step["node"], size: Pair): number =>
      op === "Conv" ? sizeOf(size) * sizeOf(shapeOf(inputs[1])) : 0;
    let saved = 0;
    for (const step of steps) {
      const { inputs, outputs } = step.node;
      saved -= LEAST * cost(step.node, planeOf(shapeOf(outputs[0])));
      const read = inputs.filter((name) => changed.has(name));
      if (!read.length || outputs[0] === image) continue;
      outputs.forEach((name) => changed.add(name));
      const local = read.every((name) => sizes.has(name)) && localOf(step, read, example);
      if (!local) continue;
      const { axes, images } = local;
      const size = pair((d) => reach(axes[d], Math.max(...read.map((name) => sizes.get(name)![d]))));
      const plane = planeOf(shapeOf(outputs[0]));
      if (sizeOf(size) > MOST * sizeOf(plane)) continue;
      outputs.forEach((name) => sizes.set(name, size));
      locals.push(local);
      saved += cost(step.node, plane) - cost(step.node, size);
      for (const name of images) {
        const seen = pair((d) => needs(axes[d], size[d]));
        if (!same(sizes.get(name), seen)) saved -= COPY * sizeOf(seen) * shapeOf(name)[3];
      }
    }
    const rest = new Set([output]);
    for (const { node } of [...steps].reverse())
      if (node.outputs.some((name) => rest.has(name) && !sizes.has(name)))
        node.inputs.forEach((name) => rest.add(name));
    for (const name of rest) if (sizes.has(name)) saved -= COPY * sizeOf(shapeOf(name));
    return locals.length ? new Patches(example, input, image, window, locals, rest, saved > 0) : null;
  }

  private constructor(
    { values, evaluate, resume }: Example,
    input: ValueName,
    image: ValueName,
    window: Pair,
    locals: readonly Local[],
    rest: ReadonlySet<ValueName>,
    pays: boolean,
  ) {
    this.#pays = pays;
    this.#input = input;
    this.#image = image;
    this.#window = window;
    this.#locals = locals;
    this.#rest = rest;
    const patched = [image, ...locals.flatMap(({ step }) => step.node.outputs)];
    this.#frontier = patched.filter((name) => rest.has(name));
    for (const name of [...this.#frontier, ...locals.flatMap(({ step }) => step.node.inputs)]) {
      const value = values.get(name);
      if (value && !this.#own.has(name)) this.#own.set(name, value instanceof tf.Tensor ? onHost(value) : value);
    }
    for (const local of locals) for (const name of local.images) this.#last.set(name, local);
    this.#evaluate = evaluate;
    this.#resume = resume;
  }

  /**
   * Whether patches save {@link LEAST} of the convolutions' multiplications, when {@link COPY} are added for each value that
   * is copied.
   */
  get pays(): boolean {
    return this.#pays;
  }

  /** The output for copies [B, C, H, W] whose windows start `at`; `upload` gets the inputs that are needed whole. */
  forward(
    copies: Readonly<Record<ValueName, Copied>>,
    at: readonly Pair[],
    upload: (inputs: Record<ValueName, Copied>) => Record<ValueName, Value>,
  ): Tensor {
    const patches = new Map<ValueName, Patch>();
    patches.set(this.#image, { at, size: this.#window, tensor: channelsLast(copies[this.#input], at, this.#window) });
    for (const local of this.#locals) {
      const { step, axes, fill, images } = local;
      const { at, size } = union(images.flatMap((name) => patches.get(name) ?? []), axes); // prettier-ignore
      const out = pair((d) => reach(axes[d], size[d]));
      const corners = at.map((corner) => pair((d) => first(axes[d], corner[d], out[d])));
      const seen: Boxes = {
        at: corners.map((corner) => pair((d) => corner[d] * axes[d].stride - axes[d].before)),
        size: pair((d) => needs(axes[d], out[d])),
      };
      const given = new Map<ValueName, Value>();
      for (const name of step.node.inputs) {
        const own = this.#own.get(name);
        if (own) given.set(name, images.includes(name) ? cut(own, patches.get(name), seen, fill) : own);
      }
      this.#evaluate(step, given).forEach((tensor, i) =>
        patches.set(step.node.outputs[i], { at: corners, size: out, tensor: tensor as Tensor }),
      );
      const kept = new Set([...patches].flatMap(([name, { tensor }]) => (this.#isDone(name, local) ? [] : [tensor])));
      for (const name of images) {
        const part = given.get(name) as Tensor;
        if (!kept.has(part)) part.dispose();
        if (this.#isDone(name, local)) patches.get(name)?.tensor.dispose();
      }
    }
    const whole = this.#frontier.map((name) => {
      const own = this.#own.get(name)!;
      const all: Boxes = { at: at.map(() => [0, 0]), size: planeOf(own.shape) };
      return [name, cut(own, patches.get(name), all, 0)];
    });
    const inputs = Object.entries(copies).filter(([name]) => this.#rest.has(name));
    return this.#resume({ ...Object.fromEntries(whole), ...upload(Object.fromEntries(inputs)) }) as Tensor;
  }

  /** Whether a patch is not read after a step. */
  #isDone(name: ValueName, local: Local): boolean {
    return this.#last.get(name) === local && !this.#rest.has(name);
  }
}

const pair = <T>(f: (d: 0 | 1) => T): Pair<T> => [f(0), f(1)];
const same = (a: Pair | undefined, b: Pair): boolean => a?.[0] === b[0] && a[1] === b[1];
const planeOf = (shape: readonly number[]): Pair => [shape[1], shape[2]];

/** [N, C, H, W] -> [N, H, W, C] */
const isTurn = ({ op, attrs }: Step["node"]): boolean => op === "Transpose" && String(attrs.perm) === "0,2,3,1";

const onHost = (tensor: Tensor): NDArray => ({
  dtype: tensor.dtype as "float32",
  shape: tensor.shape,
  data: tensor.dataSync<"float32">(),
});

// -- along one axis --------------------------------------------------------------------------------------------------------

const spanOf = ({ kernel, dilation }: Axis): number => (kernel - 1) * dilation + 1;

/** How many outputs, at most, depend on one of `n` neighbouring inputs. */
const reach = (axis: Axis, n: number): number =>
  Math.min(axis.out, Math.floor((n + spanOf(axis) - 2) / axis.stride) + 1);

/** How many inputs, those around the image too, `n` outputs are made of. */
const needs = (axis: Axis, n: number): number => (n - 1) * axis.stride + spanOf(axis);

/** Where `n` outputs start that hold all those that depend on inputs from `at` on. */
const first = (axis: Axis, at: number, n: number): number =>
  Math.max(0, Math.min(axis.out - n, Math.ceil((at + axis.before - spanOf(axis) + 1) / axis.stride)));

// -- steps -----------------------------------------------------------------------------------------------------------------

/** The step on patches of the values in `read`; null where it can change places that its operator does not tell. */
function localOf(step: Step, read: readonly ValueName[], { values, shapeOf }: Example): Local | null {
  const { node, def } = step;
  const { op, inputs, outputs } = node;
  const attrs = node.attrs;
  const isImage = (name: ValueName): boolean => {
    const value = values.get(name);
    return value instanceof tf.Tensor && value.rank === 4 && value.dtype === "float32";
  };
  if (node.domain === "" && op in AROUND) {
    if (!isImage(inputs[0]) || read.some((name) => name !== inputs[0]) || outputs.length > 1) return null;
    const kernel = op === "Conv" ? shapeOf(inputs[1]).slice(0, -2) : undefined;
    const [rows, columns] = axesOf(attrs, shapeOf(inputs[0]), kernel);
    // What windows at the border average over is less.
    const isEven = ({ before, after, declaredAfter }: Axis): boolean =>
      attrs.count_include_pad ? after === declaredAfter : !before && !after;
    if (op === "AveragePool" && !(isEven(rows) && isEven(columns))) return null;
    const unpadded = { ...node, attrs: { ...attrs, pads: [], auto_pad: "NOTSET", ceil_mode: 0 } };
    return { step: { ...step, node: unpadded }, axes: [rows, columns], fill: AROUND[op], images: [inputs[0]] };
  }
  const plane = planeOf(shapeOf(outputs[0]));
  const isWide = (name: ValueName): boolean => isImage(name) && same(planeOf(shapeOf(name)), plane);
  if (!outputs.every(isWide)) return null;
  const images = inputs.filter(isWide);
  if (!read.every((name) => images.includes(name))) return null;
  const isSmall = (name: ValueName): boolean => !name || [-3, -2].every((i) => (shapeOf(name).at(i) ?? 1) === 1);
  const isLocal =
    def.layout === "pointwise"
      ? inputs.every((name) => images.includes(name) || isSmall(name))
      : op === "BatchNormalization"
        ? attrs.channel === 3 && images.length === 1
        : op === "Concat" && [-1, 3].includes(attrs.axis as number) && images.length === inputs.length;
  const axes = pair((d): Axis => ({
    kernel: 1,
    stride: 1,
    dilation: 1,
    before: 0,
    after: 0,
    declaredAfter: 0,
    length: plane[d],
    out: plane[d],
  }));
  return isLocal ? { step, axes, fill: 0, images } : null;
}

// -- boxes -----------------------------------------------------------------------------------------------------------------

/** For each copy a box around those of several patches of equally large images. */
function union(patches: readonly Boxes[], axes: Pair<Axis>): Boxes {
  const [only, ...others] = patches;
  if (!others.length) return only;
  const start = only.at.map((_, k) => pair((d) => Math.min(...patches.map(({ at }) => at[k][d]))));
  const size = pair((d) =>
    start.reduce((n, from, k) => Math.max(n, ...patches.map(({ at, size }) => at[k][d] + size[d] - from[d])), 0),
  );
  return { at: start.map((from) => pair((d) => Math.min(from[d], axes[d].length - size[d]))), size };
}

/** Boxes of images [B, C, H, W] -> [B, h, w, C]. */
function channelsLast({ data, shape }: Copied, at: readonly Pair[], [h, w]: Pair): Tensor {
  const [, channels, rows, columns] = shape;
  const boxes = new Float32Array(at.length * h * w * channels);
  let next = 0;
  at.forEach(([top, left], k) => {
    for (let y = top; y < top + h; y++)
      for (let x = left; x < left + w; x++)
        for (let c = 0; c < channels; c++) boxes[next++] = data[((k * channels + c) * rows + y) * columns + x];
  });
  return tf.tensor(boxes, [at.length, h, w, channels]);
}

/** Boxes of the copies: the example's own image [1, H, W, C], with the patch where there is one, and `fill` around it. */
function cut(own: NDArray, patch: Patch | undefined, { at, size }: Boxes, fill: number): Tensor {
  if (patch && same(patch.size, size) && at.every((corner, k) => same(patch.at[k], corner))) return patch.tensor;
  const channels = own.shape[3];
  const boxes = new Float32Array(at.length * sizeOf(size) * channels);
  if (fill) boxes.fill(fill);
  const image = { data: own.data as Float32Array, at: [0, 0], size: planeOf(own.shape), offset: 0 } as const;
  const changes = patch?.tensor.dataSync<"float32">();
  at.forEach((corner, k) => {
    const box = { data: boxes, at: corner, size, offset: k };
    paste(image, box, channels);
    if (patch) paste({ data: changes!, at: patch.at[k], size: patch.size, offset: k }, box, channels);
  });
  return tf.tensor(boxes, [at.length, ...size, channels]);
}

/** A box of an image; its values are the ones of a batch at `offset`. */
interface Part {
  data: Float32Array;
  at: Pair;
  size: Pair;
  offset: number;
}

/** Copies what two boxes share from one to the other. */
function paste(from: Part, to: Part, channels: number): void {
  const start = pair((d) => Math.max(from.at[d], to.at[d]));
  const end = pair((d) => Math.min(from.at[d] + from.size[d], to.at[d] + to.size[d]));
  if (start[1] >= end[1]) return;
  const place = ({ at, size: [rows, columns], offset }: Part, y: number): number =>
    ((offset * rows + y - at[0]) * columns + start[1] - at[1]) * channels;
  const length = (end[1] - start[1]) * channels;
  for (let y = start[0]; y < end[0]; y++) {
    const source = place(from, y);
    to.data.set(from.data.subarray(source, source + length), place(to, y));
  }
}
