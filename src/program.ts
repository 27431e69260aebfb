/**
 * A graph made ready to run: walks it forwards, and backwards with a rule table where a method wants one. Tensors that come
 * out belong to the caller's `tf.tidy`.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { describe, FUSED_DOMAIN, sizeOf, type Graph, type NDArray, type Node, type ValueName } from "./graph";
import { layOut } from "./layout";
import { broadcastShapes, checkShape } from "./ops/host";
import type { Attributes, Call, OpDef } from "./ops/op";
import { EngineError } from "./support";
import { download, upload, type Weights } from "./weights";

/** Floats on the device; integers, shapes and what follows from these on the host. */
export type Value = Tensor | NDArray;

/** What a hook sees, in the layout of the graph. `x` is one of the module's inputs, `y` its output. */
export interface HookCall {
  /** Class of the module, as in {@link Rules.hooks}. */
  module: string;
  x: Tensor;
  y: Tensor;
  /** Total gradient at the module's input tensor, other readers of that tensor included. */
  gradInput: Tensor;
  /** Gradient that arrives at the module's output before any rule of the modules that read it. */
  gradOutput: Tensor;
  attrs: Attributes;
}

/** Where something begins and ends. */
interface Ends {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** A node on the way back, in the layout of the graph. */
export interface Visit {
  readonly node: Node;
  readonly def: OpDef;
  /** What has arrived at the outputs, rules of later nodes included; undefined for one that nothing depends on. */
  readonly dy: readonly Tensor[];
  readonly call: Call<unknown>;
  /** The same node in the walk over {@link Rules.reference}. */
  readonly ref: Call<unknown> | null;
  /** Whether an input depends on what is asked for. */
  readonly active: readonly boolean[];
  /** First input and output of the call of a PyTorch module or function that the node is part of. */
  readonly module: Ends & { readonly ref: Ends | null };
}

/** One or more nodes that are, all together, a function of one tensor, element by element. */
export interface Elementwise extends Ends {
  /** Operators, in order. */
  readonly ops: readonly string[];
  /** The last of them. */
  readonly node: Node;
  readonly def: OpDef;
  readonly call: Call<unknown>;
  readonly dy: Tensor;
  /** The same in the walk over {@link Rules.reference}. */
  readonly ref: Ends | null;
}

/** How a method departs from the gradient. */
export interface Rules {
  /**
   * Captum's hooks as data: torch module class -> gradient that replaces the one at the module's input tensors. The order
   * in which hooks see each other's work is Captum's: an output's hook runs before those of the modules that read it.
   */
  readonly hooks?: Readonly<Record<string, (call: HookCall) => Tensor>>;
  /** What goes back through a node in place of its operator's `vjp`; undefined where that stays. */
  readonly through?: (visit: Visit) => ReturnType<NonNullable<OpDef["vjp"]>> | undefined;
  /** What goes to `x` at once, and the part of `dy` that takes the usual way as well; undefined where all of it does. */
  readonly elementwise?: (part: Elementwise) => { dx: Tensor; rest?: Tensor } | undefined;
  /** Inputs of a second forward walk. */
  readonly reference?: Readonly<Record<ValueName, Value>>;
  /** In that walk: what a node gives instead, made from its call in the first one; undefined where it is evaluated. */
  readonly made?: (node: Pick<Visit, "node" | "def" | "call" | "active">) => Tensor[] | undefined;
}

/** Bytes of all tensors at one time: a file could keep values of any size alive, however many. */
const MOST_BYTES = 2 ** 33;

/** Called after each node of a walk. */
type OnStep = () => void;

/** Everything a backward walk needs from a forward one. */
interface Trace {
  readonly values: Map<ValueName, Value>;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly node: Node;
  readonly def: OpDef;
  /** All inputs but the first are constants, so what is derived from them can be kept. */
  readonly fixed: boolean;
  /** Its inputs are constants: it is computed once. */
  readonly settled: boolean;
  /** It reads weights, floats that are computed with on the device. */
  readonly weighted: boolean;
}

/** A walk that has kept everything, and the means to go parts of the way again. */
export interface Example {
  /** To the output, in order. */
  readonly steps: readonly Step[];
  readonly output: ValueName;
  /** What depends on the inputs, these included. */
  readonly values: ReadonlyMap<ValueName, Value>;
  /** Of any value; empty for one that is left out. */
  shapeOf(name: ValueName): readonly number[];
  /** What a node gives for other values; only those that depend on the inputs are looked up there. */
  evaluate(step: Step, values: Map<ValueName, Value>): Value[];
  /** The output, from values that are read before it. */
  resume(given: Readonly<Record<ValueName, Value>>): Value;
}

const isTensor = (value: Value | undefined): value is Tensor => value instanceof tf.Tensor;

export class Program {
  /** Memory that one example takes in a forward pass that keeps everything; 0 before the first one. */
  bytesPerExample = 0;
  readonly #graph: Graph;
  readonly #steps: readonly Step[];
  readonly #plain: ReadonlyMap<ValueName, ValueName>;
  readonly #images: ReadonlySet<ValueName>;
  readonly #read: ReadonlySet<ValueName>;
  /** Values that something computed from them does not read. */
  readonly #passed: ReadonlySet<ValueName>;
  readonly #weights: Weights;
  readonly #plans = new Map<string, readonly Step[]>();
  readonly #names: ReadonlySet<ValueName>;

  /** `fast`: values may be read past where that is less work; see {@link separates}. */
  constructor(graph: Graph, definition: (node: Node) => OpDef, weights: Weights, fast = false) {
    const laidOut = layOut(graph, definition, fast);
    this.#graph = laidOut.graph;
    this.#plain = laidOut.plain;
    this.#images = laidOut.images;
    this.#read = laidOut.read;
    // A node made of several gives inner results beside its own.
    const inner = graph.nodes.flatMap(({ domain, outputs }) => (domain === FUSED_DOMAIN ? outputs.slice(1) : []));
    this.#passed = new Set([...laidOut.passed, ...inner]);
    this.#weights = weights;
    const { constants, inputs, nodes } = laidOut.graph;
    const settled = new Set(constants.keys());
    this.#steps = nodes.map((node) => {
      const known = (name: ValueName) => !name || settled.has(name);
      const step = {
        node,
        def: definition(node),
        fixed: node.inputs.slice(1).every(known),
        settled: node.inputs.every(known),
        weighted: node.inputs.some((name) => isWeight(constants.get(name))),
      };
      if (step.settled) node.outputs.forEach((name) => settled.add(name));
      return step;
    });
    this.#names = new Set([...inputs.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)]);
  }

  /** How many nodes there are. */
  get length(): number {
    return this.#steps.length;
  }

  /** Whether a value has survived the graph passes under its name. */
  has(name: ValueName): boolean {
    return this.#names.has(name) || this.#graph.constants.has(name);
  }

  /** Whether all that follows from a value reads it, so that another can be put in its place. */
  separates(name: ValueName): boolean {
    return this.has(name) && !this.#passed.has(name);
  }

  /** Whether a value lies [N, ..., C] inside where ONNX has [N, C, ...]. */
  isChannelsLast(name: ValueName): boolean {
    return this.#images.has(name);
  }

  /** Whether a value that lies in ONNX's order is read as an image. */
  isReadAsImage(name: ValueName): boolean {
    return this.#read.has(name);
  }

  /** Values in ONNX's order, or `inside` in the graph's own; everything else is freed as soon as it has been read. */
  forward(
    inputs: Readonly<Record<ValueName, Value>>,
    outputs: readonly ValueName[],
    inside = false,
  ): Record<ValueName, Value> {
    const names = outputs.map((name) => (inside ? name : (this.#plain.get(name) ?? name)));
    const { values } = this.#walk(inputs, names, true);
    return Object.fromEntries(outputs.map((name, i) => [name, this.#value(names[i], values)!]));
  }

  /**
   * Gradients of sum(seed(output) * output) by the values in `wrt`, in the layout of the graph; one that the output does not
   * depend on gets zeros.
   */
  gradients(
    inputs: Readonly<Record<ValueName, Value>>,
    output: ValueName,
    wrt: readonly ValueName[],
    seed: (output: Tensor) => Tensor,
    rules: Rules = {},
    onStep?: OnStep,
  ): Record<ValueName, Tensor> {
    const name = this.#plain.get(output) ?? output;
    const trace = this.#walk(inputs, [name], false, onStep);
    const target = this.#value(name, trace.values);
    if (!isTensor(target)) throw new EngineError(`the output "${output}" does not depend on any float`);
    return this.#backward(trace, new Map([[name, seed(target)]]), wrt, rules, onStep);
  }

  /** For {@link Patches}. */
  example(inputs: Readonly<Record<ValueName, Value>>, output: ValueName): Example {
    const name = this.#plain.get(output) ?? output;
    const { values, steps } = this.#walk(inputs, [name], false);
    return {
      steps,
      output: name,
      values,
      shapeOf: (value) => this.#value(value, values)?.shape ?? [],
      evaluate: (step, given) => this.#evaluate(step, given),
      resume: (given) => this.forward(given, [output])[output],
    };
  }

  /**
   * The value up to which everything that an input does to the output is affine: the way there can be walked once for all
   * points on a line. The input's own name where its first layer is not affine, or where it has several readers.
   */
  affineStem(input: ValueName): ValueName {
    let name: ValueName = input;
    for (;;) {
      const readers = this.#steps.filter(({ node }) => node.inputs.includes(name));
      const [reader] = readers;
      if (readers.length !== 1 || !isAffine(reader) || reader.node.inputs[0] !== name) return name;
      if (this.#graph.outputs.some((output) => output.name === reader.node.outputs[0])) return name;
      name = reader.node.outputs[0];
    }
  }

  #walk(
    inputs: Readonly<Record<ValueName, Value>>,
    outputs: readonly ValueName[],
    free: boolean,
    onStep?: OnStep,
    made?: (step: Step) => Tensor[] | undefined,
  ): Trace {
    const steps = this.#plan(outputs, Object.keys(inputs));
    const values = new Map<ValueName, Value>(Object.entries(inputs));
    const readers = new Map<ValueName, number>();
    for (const { node } of steps) for (const name of node.inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
    const release = (name: ValueName) => {
      const value = values.get(name);
      if (readers.get(name) || !isTensor(value) || Object.hasOwn(inputs, name) || outputs.includes(name)) return;
      value.dispose();
      values.delete(name);
    };
    let bytes = 0;
    for (const step of steps) {
      const { node, settled } = step;
      if (settled) this.#settle(step);
      else {
        const y = made?.(step) ?? this.#evaluate(step, values);
        node.outputs.forEach((name, i) => {
          if (!name) return;
          values.set(name, y[i]);
          bytes += isTensor(y[i]) ? sizeOf(y[i].shape) * 4 : 0;
        });
      }
      onStep?.();
      if (!free) continue;
      for (const name of node.inputs) readers.set(name, readers.get(name)! - 1);
      [...node.inputs, ...node.outputs].forEach(release);
    }
    const batch = Object.values(inputs)[0]?.shape[0] ?? 1;
    this.bytesPerExample = Math.max(this.bytesPerExample, bytes / batch);
    return { values, steps };
  }

  /** What depends on constants alone, and has no counterpart on the host. */
  #settle(step: Step): void {
    const { node } = step;
    if (node.outputs.every((name) => !name || this.#weights.get(name))) return;
    const y = this.#evaluate(step, new Map());
    node.outputs.forEach((name, i) => name && this.#weights.keep(name, () => (isTensor(y[i]) ? y[i] : upload(y[i]))));
  }

  #evaluate(step: Step, values: Map<ValueName, Value>): Value[] {
    const { node, def, weighted } = step;
    const given = node.inputs.map((name) => (name ? this.#value(name, values) : undefined));
    const onHost = def.fold && !weighted && (def.shapeOnly || !given.some(isTensor));
    const onDevice = (): Tensor[] => {
      const call = this.#call(step, values, []);
      // tfjs' kernels allocate whatever a broadcast asks for.
      if (def.layout === "pointwise") checkShape(broadcastShapes(...call.x.flatMap((x) => (x ? [x.shape] : []))));
      return tf.tidy(() => {
        const made = [def.forward!(call)].flat() as Tensor[];
        // Each value is disposed once, so it must be a tensor of its own.
        return made.map((tensor) => (call.x.includes(tensor) ? tensor.clone() : tensor));
      });
    };
    return guard(node, given, () => {
      const { attrs, outputs } = node;
      const x = () => given.map((value) => asHost(value, def.shapeOnly)) as NDArray[];
      const folds = def.fold && (onHost || !def.forward);
      const all: Value[] = folds ? [def.fold!({ x: x(), attrs, outputs: outputs.length })].flat() : onDevice();
      const lacking = node.outputs.findIndex((name, i) => name && !all[i]);
      if (lacking >= 0) throw new EngineError(`output ${lacking} is not supported`);
      for (const { shape } of all) checkShape(shape);
      if (tf.memory().numBytes > MOST_BYTES)
        throw new EngineError(`more than ${MOST_BYTES / 2 ** 30} GiB are needed at once; run fewer examples`);
      all.slice(node.outputs.length).forEach((value) => isTensor(value) && value.dispose());
      return all.slice(0, node.outputs.length);
    });
  }

  #backward(
    { values, steps }: Trace,
    seeds: ReadonlyMap<ValueName, Tensor>,
    wrt: readonly ValueName[],
    rules: Rules,
    onStep?: OnStep,
  ): Record<ValueName, Tensor> {
    const active = new Set<ValueName>(wrt);
    const isFloat = (name: ValueName) => {
      const value = values.get(name);
      return isTensor(value) && value.dtype === "float32";
    };
    const integer = wrt.find((name) => !isFloat(name));
    if (integer !== undefined) throw new EngineError(`"${integer}" holds no floats, so there is no gradient by it`);
    const path = steps.filter(({ node, def }) => {
      const reads = !!def.vjp && node.inputs.some((name) => active.has(name));
      const reached = reads ? node.outputs.filter(isFloat) : [];
      reached.forEach((name) => active.add(name));
      return reached.length;
    });
    const { hooks = {}, through, elementwise, made } = rules;
    const outputs = ({ outputs }: Node, of: ReadonlyMap<ValueName, Value>) =>
      outputs.map((name) => (isTensor(of.get(name)) ? (of.get(name) as Tensor) : undefined));
    const actives = ({ inputs }: Node) => inputs.map((name) => active.has(name));
    const again = (step: Step) => {
      const { node, def } = step;
      const y = outputs(node, values) as Tensor[];
      return guard(node, y, () =>
        tf.tidy(() => made!({ node, def, active: actives(node), call: this.#call(step, values, y) })),
      );
    };
    const reference =
      rules.reference && this.#walk(rules.reference, [...seeds.keys()], false, undefined, made && again).values;
    const calls = callsOf(path);
    const hooked = new Map<ValueName, PartCall[]>();
    for (const call of calls.values()) {
      if (!Object.hasOwn(hooks, call.nodes[0].origin?.class ?? "")) continue;
      const read = new Set(call.nodes[0].inputs.filter((name) => active.has(name)));
      for (const name of read) hooked.set(name, [...(hooked.get(name) ?? []), call]);
    }
    const parts = elementwise ? elementwiseParts(calls, path, active) : new Map<ValueName, Part>();
    const tensorOf = (name: ValueName, of: ReadonlyMap<ValueName, Value> = values) => of.get(name) as Tensor;

    const total = new Map(seeds);
    /** What is not ours to free. */
    const steady = new Set([
      ...seeds.values(),
      ...wrt.map((name) => values.get(name)),
      ...Object.values(rules.reference ?? {}),
    ]);
    /** Gradients at the outputs of hooked modules, as they were before the hooks of their readers. */
    const before = new Map<ValueName, Tensor>();
    const settle = (name: ValueName): Tensor | undefined => {
      let gradInput = total.get(name);
      if (!gradInput) return undefined;
      before.set(name, gradInput);
      for (const { nodes, y } of hooked.get(name) ?? []) {
        const gradOutput = before.get(y);
        if (!gradOutput) continue;
        const [node] = nodes;
        const module = node.origin!.class;
        const call: HookCall = { module, x: tensorOf(name), y: tensorOf(y), gradInput, gradOutput, attrs: node.attrs };
        gradInput = guard(node, [call.x], () => tf.tidy(() => hooks[module](call)));
      }
      total.delete(name);
      return gradInput;
    };

    const arrive = (name: ValueName, dx: Tensor) => {
      const sum = total.get(name);
      total.set(name, sum ? tf.add(sum, dx) : dx);
    };

    for (const step of [...path].reverse()) {
      onStep?.();
      const { node, def } = step;
      const arrived = node.outputs.map((name) => settle(name));
      if (!arrived.some((dy) => dy)) continue;
      const y = outputs(node, values);
      const refY = reference ? outputs(node, reference) : [];
      const whole = calls.get(callOf(node))!;
      const ends = (of: ReadonlyMap<ValueName, Value>): Ends => ({
        x: tensorOf(whole.x, of),
        y: tensorOf(whole.y, of),
      });
      guard(node, y, () => {
        const call = this.#call(step, values, y as Tensor[]);
        const ref = reference ? this.#call(step, reference, refY as Tensor[]) : null;
        let dy = arrived as Tensor[];
        const part = parts.get(node.outputs[0]);
        if (part && sameShape(tensorOf(part.x).shape, y[0]!.shape)) {
          const pair = reference && { x: tensorOf(part.x, reference), y: refY[0]! };
          const given = { ops: part.ops, node, def, call, dy: dy[0], x: tensorOf(part.x), y: y[0]!, ref: pair ?? null };
          const gone = tf.tidy(() => elementwise!(given));
          if (gone) {
            arrive(part.x, gone.dx);
            if (!gone.rest) return;
            dy = [gone.rest, ...dy.slice(1)];
          }
        }
        const visit: Visit = {
          node,
          def,
          dy,
          call,
          ref,
          active: actives(node),
          module: { ...ends(values), ref: reference ? ends(reference) : null },
        };
        const thunks = through?.(visit) ?? def.vjp!(dy, call);
        node.inputs.forEach((name, i) => {
          if (!active.has(name)) return;
          const thunk = thunks[i];
          if (!thunk) {
            if (!isFloat(name)) return;
            throw new EngineError(`the gradient by input ${i} ("${name}") is not supported`);
          }
          const dx = tf.tidy(thunk);
          if (!sameShape(dx.shape, call.x[i].shape))
            throw new EngineError(
              `the gradient of input ${i} has the shape [${dx.shape}], the input [${call.x[i].shape}]`,
            );
          arrive(name, dx);
        });
      });
      // Hooks look at what lies ahead of them; without any, what has been walked past is of no more use.
      if (hooked.size) continue;
      const kept = new Set([...total.values(), ...steady]);
      // The first node of a call is walked last, and may ask what the call gave.
      const given = [tensorOf(whole.y), reference && tensorOf(whole.y, reference)];
      if (whole.nodes[0] !== node) given.forEach((tensor) => kept.add(tensor));
      for (const tensor of [...arrived, ...y, ...refY, ...given]) if (tensor && !kept.has(tensor)) tensor.dispose();
    }
    const given = new Set<Tensor>(seeds.values());
    return Object.fromEntries(
      wrt.map((name) => {
        const gradient = settle(name) ?? tf.zerosLike(values.get(name) as Tensor);
        // Several values may have got the same one; each result is freed by itself.
        const own = given.has(gradient) ? gradient.clone() : gradient;
        given.add(own);
        return [name, own];
      }),
    );
  }

  /** Steps from the given values to the outputs. */
  #plan(outputs: readonly ValueName[], given: readonly ValueName[]): readonly Step[] {
    const key = JSON.stringify([outputs, given]);
    let plan = this.#plans.get(key);
    if (!plan) {
      const needed = new Set(outputs);
      const wanted = [...this.#steps].reverse().filter(({ node }) => {
        const reads = node.outputs.some((name) => needed.has(name) && !given.includes(name));
        if (reads) node.inputs.forEach((name) => needed.add(name));
        return reads;
      });
      this.#plans.set(key, (plan = wanted.reverse()));
    }
    return plan;
  }

  #value(name: ValueName, values: ReadonlyMap<ValueName, Value>): Value | undefined {
    return values.get(name) ?? this.#graph.constants.get(name) ?? this.#weights.get(name);
  }

  /** On the device. What has been uploaded once is kept: with the model if it is a constant, else for this walk. */
  #tensor(name: ValueName, values: Map<ValueName, Value>): Tensor {
    const constant = this.#graph.constants.get(name);
    if (constant) return this.#weights.keep(name, () => upload(constant));
    const value = this.#value(name, values)!;
    if (isTensor(value)) return value;
    const key = `${name}@device`;
    if (!values.has(key)) values.set(key, upload(value));
    return values.get(key) as Tensor;
  }

  #call({ node, def, fixed }: Step, values: Map<ValueName, Value>, y: Tensor[]): Call<unknown> {
    const { host = [] } = def;
    return {
      x: node.inputs.map((name, i) => (name && !host.includes(i) ? this.#tensor(name, values) : undefined)) as Tensor[],
      host: node.inputs.map((name, i) => (name && host.includes(i) ? asHost(this.#value(name, values)) : undefined)),
      y,
      attrs: node.attrs,
      outputs: node.outputs.length,
      aten: node.origin?.aten ?? "",
      derived: (key, make) => (fixed ? this.#weights.keep(`${node.outputs[0]}/${key}`, make) : make()),
    };
  }
}

/** A constant that counts as the device's: a scalar is a number, an array of floats is to be computed with. */
const isWeight = (constant: NDArray | undefined): boolean => constant?.dtype === "float32" && constant.data.length > 1;

const isAffine = ({ def, node, fixed }: Step): boolean => !!def.affine && fixed && !node.attrs.activation;

function asHost(value: Value | undefined, shapeOnly = false): NDArray | undefined {
  if (!isTensor(value)) return value;
  return shapeOnly ? { dtype: "float32", shape: value.shape, data: new Float32Array() } : download(value);
}

/** One call of a PyTorch module or function: its nodes in order, what the first reads and what the last gives. */
interface PartCall {
  nodes: Node[];
  x: ValueName;
  y: ValueName;
}

/** Nodes of one call share the traced operation. */
const callOf = ({ origin, outputs }: Node): string => (origin ? `${origin.path}/${origin.call}` : outputs[0]);

function callsOf(steps: readonly Step[]): Map<string, PartCall> {
  const calls = new Map<string, PartCall>();
  for (const { node } of steps) {
    const call = calls.get(callOf(node));
    if (call) {
      call.nodes.push(node);
      call.y = node.outputs[0];
    } else calls.set(callOf(node), { nodes: [node], x: node.inputs[0], y: node.outputs[0] });
  }
  return calls;
}

interface Part {
  x: ValueName;
  ops: readonly string[];
}

/** Calls, and else single nodes, that are elementwise functions of one value on the path, by the name of what they give. */
function elementwiseParts(
  calls: ReadonlyMap<string, PartCall>,
  path: readonly Step[],
  active: ReadonlySet<ValueName>,
): Map<ValueName, Part> {
  const defs = new Map(path.map(({ node, def }) => [node, def]));
  const readers = new Map<ValueName, Node[]>();
  for (const { node } of path)
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node]);
  const parts = new Map<ValueName, Part>();
  const add = (nodes: readonly Node[]): boolean => {
    const own = new Set(nodes.flatMap(({ outputs }) => outputs));
    const from = new Set(nodes.flatMap(({ inputs }) => inputs).filter((name) => active.has(name) && !own.has(name)));
    const [y] = nodes.at(-1)!.outputs;
    const isClosed = [...own].every((name) => name === y || (readers.get(name) ?? []).every((n) => nodes.includes(n)));
    if (from.size !== 1 || !isClosed || nodes.some((node) => defs.get(node)!.layout !== "pointwise")) return false;
    parts.set(y, { x: [...from][0], ops: nodes.map(({ op }) => op) });
    return true;
  };
  // A module such as nn.Softshrink may be traced as several calls.
  const modules = new Map<string, Node[]>();
  for (const { node } of path)
    if (node.origin?.class.startsWith("torch.nn.modules.activation."))
      modules.set(node.origin.path, [...(modules.get(node.origin.path) ?? []), node]);
  const done = new Set([...modules.values()].filter((nodes) => nodes.length > 1 && add(nodes)).flat());
  for (const { nodes } of calls.values()) if (!done.has(nodes[0]) && !add(nodes)) for (const node of nodes) add([node]);
  return parts;
}

/** tfjs' errors carry no place. */
function guard<T>(node: Node, values: readonly (Value | undefined)[], work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const shapes = values.map((value) => (value ? `[${value.shape}]` : "none")).join(", ");
    throw new EngineError(`${describe(node)} with ${shapes}: ${(cause as Error).message}`, { cause });
  }
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((d, i) => d === b[i]);
