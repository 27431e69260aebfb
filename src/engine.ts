/**
 * ONNX bytes -> {@link Model}: runs the graph forwards and walks it backwards, with a rule table where a method wants one.
 * Tensors made by `forward` and `backward` belong to the caller's `tf.tidy`; weights belong to the model.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { useBackend, type Backend, type BackendChoice } from "./backend";
import {
  describe,
  shortClass,
  sizeOf,
  type Constant,
  type Graph,
  type Node,
  type ValueInfo,
  type ValueName,
} from "./graph";
import { layOut } from "./layout";
import { parseOnnx } from "./onnx";
import { OPS, resolve } from "./ops";
import type { Attributes, Call, OpDef } from "./ops/op";

export class EngineError extends Error {
  override name = "EngineError";
}

/** A graph uses operators that the tables lack; `nodes` are all of them. */
export class UnsupportedError extends EngineError {
  override name = "UnsupportedError";
  readonly nodes: readonly UnsupportedNode[];
  /** Nodes of the whole graph. */
  readonly total: number;

  constructor(message: string, nodes: readonly UnsupportedNode[], total: number) {
    super(message);
    this.nodes = nodes;
    this.total = total;
  }
}

export interface UnsupportedNode {
  node: string;
  op: string;
  opset: number;
  /** Module path and class it was exported from; "" if not known. */
  path: string;
  class: string;
  reason: string;
}

export interface ArrayLike {
  data: Float32Array | Int32Array | Uint8Array | number[];
  shape: number[];
}

export interface FloatArray {
  data: Float32Array;
  shape: number[];
}

/** A module of the PyTorch model with a value of its own. */
export interface Layer {
  /** Module path, e.g. "layer1.0.conv1". */
  name: string;
  class: string;
  /** The module's output; null for what depends on the batch. */
  shape: readonly (number | null)[];
  value: ValueName;
}

/** Everything a backward walk needs from a forward one. */
export interface Trace {
  readonly values: ReadonlyMap<ValueName, Tensor>;
  readonly steps: readonly Step[];
}

/** What a hook sees, in the layout of the graph. `x` and `y` are the module's input and output. */
export interface HookCall {
  x: Tensor;
  y: Tensor;
  /** Total gradient at the module's input tensor, other readers of that tensor included. */
  gradInput: Tensor;
  /** Gradient that arrives at the module's output before any rule of the modules that read it. */
  gradOutput: Tensor;
  attrs: Attributes;
}

/**
 * Captum's hooks as data: torch module class -> gradient that replaces the one at the module's input tensor. The order in
 * which hooks see each other's work is Captum's: an output's hook runs before those of the modules that read it.
 */
export type Rules = Readonly<Record<string, (call: HookCall) => Tensor>>;

interface Step {
  readonly node: Node;
  readonly def: OpDef;
  readonly constants: readonly (Constant | undefined)[];
  /** Its parameters are constants, so what is derived from them can be kept. */
  readonly fixed: boolean;
}

const MAIN = "raw";

export class Model {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly layers: readonly Layer[];
  readonly backend: Backend;
  /** Memory that one example takes in a forward pass that keeps everything; 0 before the first one. */
  bytesPerExample = 0;
  readonly #graph: Graph;
  readonly #steps: readonly Step[];
  readonly #plain: ReadonlyMap<ValueName, ValueName>;
  readonly #weights = new Map<ValueName, Tensor>();
  readonly #derived = new Map<string, Tensor>();
  readonly #plans = new Map<string, readonly Step[]>();
  #disposed = false;

  /** Reads the bytes, checks every node, uploads the weights. Throws OnnxError or {@link UnsupportedError}. */
  static async load(bytes: Uint8Array, { backend = "auto" }: { backend?: BackendChoice } = {}): Promise<Model> {
    const graph = parseOnnx(bytes);
    checkSupport(graph);
    return new Model(graph, await useBackend(backend));
  }

  private constructor(graph: Graph, backend: Backend) {
    const laidOut = layOut(graph, (node) => definition(node, graph.opset));
    this.#graph = laidOut.graph;
    this.#plain = laidOut.plain;
    this.backend = backend;
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.layers = layersOf(graph);
    const { constants } = laidOut.graph;
    this.#steps = laidOut.graph.nodes.map((node) => {
      const def = definition(node, graph.opset);
      const known = node.inputs.map((name, i) => (def.constants?.includes(i) ? constants.get(name) : undefined));
      return { node, def, constants: known, fixed: node.inputs.slice(1).every((name) => !name || constants.has(name)) };
    });
  }

  /** Name of the output that attributions explain: `raw`, or the first of a graph without one. */
  get main(): string {
    return (this.outputs.find(({ name }) => name === MAIN) ?? this.outputs[0]).name;
  }

  /** Runs the model on arrays by input name, [N, ...]; gives arrays by output name. Throws on a wrong name, shape or batch. */
  async run(inputs: Record<string, ArrayLike>): Promise<Record<string, FloatArray>> {
    await this.activate();
    this.checkInputs(inputs);
    const outputs = tf.tidy(() =>
      this.forward(
        this.upload(inputs),
        this.outputs.map(({ name }) => name),
      ),
    );
    const result: Record<string, FloatArray> = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      result[name] = { data: Float32Array.from(await tensor.data()), shape: tensor.shape };
      tensor.dispose();
    }
    return result;
  }

  /** Frees the weights. The model cannot be used afterwards. */
  dispose(): void {
    for (const tensor of [...this.#weights.values(), ...this.#derived.values()]) tensor.dispose();
    this.#weights.clear();
    this.#derived.clear();
    this.#disposed = true;
  }

  /** Must precede every use: tfjs has one current backend. Calls on models of different backends must not overlap. */
  async activate(): Promise<void> {
    if (this.#disposed) throw new EngineError("this model has been disposed; load it again");
    await useBackend(this.backend);
  }

  /** Arrays -> tensors by input name. */
  upload(inputs: Record<string, ArrayLike>): Record<string, Tensor> {
    return Object.fromEntries(
      Object.entries(inputs).map(([name, { data, shape }]) => {
        const info = this.inputs.find((input) => input.name === name);
        return [name, tf.tensor(data, shape, info?.dtype === "float32" ? "float32" : "int32")];
      }),
    );
  }

  /**
   * Outputs in ONNX's order; everything else is freed as soon as it has been read. Values inside the graph can be given and
   * asked for as well, then in the graph's own layout. Call inside tf.tidy.
   */
  forward(inputs: Record<string, Tensor>, outputs: readonly string[] = [this.main]): Record<string, Tensor> {
    const names = outputs.map((name) => this.#plain.get(name) ?? name);
    const { values } = this.#walk(inputs, names, true);
    return Object.fromEntries(outputs.map((name, i) => [name, values.get(names[i])!]));
  }

  /** A forward walk that keeps every value, for {@link backward}. Call inside tf.tidy. */
  trace(inputs: Record<string, Tensor>, output: ValueName = this.main): Trace & { output: Tensor } {
    const name = this.#plain.get(output) ?? output;
    const trace = this.#walk(inputs, [name], false);
    return { ...trace, output: trace.values.get(name)! };
  }

  /**
   * The value up to which everything that an input does to the output is affine: the way there can be walked once for all
   * points on a line. The input's own name where its first layer is not affine, or where it has several readers.
   */
  affineStem(input: string): ValueName {
    let name: ValueName = input;
    for (;;) {
      const readers = this.#steps.filter(({ node }) => node.inputs.includes(name));
      const [reader] = readers;
      const goesOn = readers.length === 1 && reader.def.affine && reader.fixed && reader.node.inputs[0] === name;
      if (!goesOn || this.outputs.some((output) => output.name === reader.node.outputs[0])) return name;
      name = reader.node.outputs[0];
    }
  }

  #walk(inputs: Record<string, Tensor>, outputs: readonly ValueName[], free: boolean): Trace {
    const steps = this.#plan(outputs, Object.keys(inputs));
    const values = new Map<ValueName, Tensor>(Object.entries(inputs));
    const readers = new Map<ValueName, number>();
    if (free)
      for (const { node } of steps) for (const name of node.inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
    let bytes = 0;
    for (const step of steps) {
      const { node } = step;
      const x = this.#operands(step, values);
      const y = guard(node, x, () => tf.tidy(() => step.def.forward(this.#call(step, x as Tensor[], []))));
      values.set(node.outputs[0], y);
      bytes += y.size * 4;
      if (!free) continue;
      for (const name of new Set(node.inputs)) {
        readers.set(name, readers.get(name)! - node.inputs.filter((other) => other === name).length);
        if (readers.get(name) === 0 && values.has(name) && !(name in inputs) && !outputs.includes(name)) {
          values.get(name)!.dispose();
          values.delete(name);
        }
      }
    }
    const batch = Object.values(inputs)[0]?.shape[0] ?? 1;
    this.bytesPerExample = Math.max(this.bytesPerExample, bytes / batch);
    return { values, steps };
  }

  /**
   * Gradients of sum(seed * output) by the names in `wrt`; an input that the output does not depend on gets zeros. Call
   * inside tf.tidy. `rules` change what flows through modules of their classes.
   */
  backward(
    { values, steps, output }: Trace & { output: Tensor },
    seed: Tensor,
    wrt: readonly ValueName[],
    rules: Rules = {},
  ): Record<ValueName, Tensor> {
    const target = [...values].find(([, tensor]) => tensor === output)![0];
    const active = new Set<ValueName>(wrt);
    const path = steps.filter(({ node, def }) => {
      const reached = !!def.vjp && node.inputs.some((name, i) => active.has(name) && !def.constants?.includes(i));
      if (reached) active.add(node.outputs[0]);
      return reached;
    });
    const hooked = new Map<ValueName, ModuleCall[]>();
    for (const call of moduleCalls(path, rules)) hooked.set(call.x, [...(hooked.get(call.x) ?? []), call]);

    const total = new Map<ValueName, Tensor>([[target, seed]]);
    /** Gradients at the outputs of hooked modules, as they were before the hooks of their readers. */
    const before = new Map<ValueName, Tensor>();
    const settle = (name: ValueName): Tensor | undefined => {
      let gradInput = total.get(name);
      if (!gradInput) return undefined;
      before.set(name, gradInput);
      for (const { node, x, y } of hooked.get(name) ?? []) {
        const gradOutput = before.get(y);
        if (!gradOutput) continue;
        const rule = rules[node.origin!.class];
        const call: HookCall = { x: values.get(x)!, y: values.get(y)!, gradInput, gradOutput, attrs: node.attrs };
        gradInput = guard(node, [call.x], () => tf.tidy(() => rule(call)));
      }
      total.delete(name);
      return gradInput;
    };

    for (const step of [...path].reverse()) {
      const { node, def } = step;
      const dy = settle(node.outputs[0]);
      if (!dy) continue;
      const x = this.#operands(step, values);
      const y = values.get(node.outputs[0])!;
      const thunks = def.vjp!(dy, this.#call(step, x as Tensor[], [y]));
      node.inputs.forEach((name, i) => {
        const thunk = thunks[i];
        if (!thunk || !active.has(name)) return;
        const dx = guard(node, x, () => tf.tidy(thunk));
        if (!sameShape(dx.shape, x[i]!.shape)) {
          throw new EngineError(
            `${describe(node)}: the gradient of input ${i} has the shape [${dx.shape}], the input [${x[i]!.shape}]`,
          );
        }
        const sum = total.get(name);
        total.set(name, sum ? tf.add(sum, dx) : dx);
      });
    }
    return Object.fromEntries(wrt.map((name) => [name, settle(name) ?? tf.zerosLike(values.get(name)!)]));
  }

  /** Steps from the given values to the outputs. */
  #plan(outputs: readonly ValueName[], given: readonly ValueName[]): readonly Step[] {
    const key = JSON.stringify([outputs, given]);
    let plan = this.#plans.get(key);
    if (!plan) {
      const needed = new Set(outputs);
      plan = [...this.#steps].reverse().filter(({ node }) => {
        const wanted = node.outputs.some((name) => needed.has(name) && !given.includes(name));
        if (wanted) node.inputs.forEach((name) => needed.add(name));
        return wanted;
      });
      plan = [...plan].reverse();
      this.#plans.set(key, plan);
    }
    return plan;
  }

  /** Input tensors; undefined where one is omitted or goes in as a constant. */
  #operands({ node, def }: Step, values: ReadonlyMap<ValueName, Tensor>): (Tensor | undefined)[] {
    return node.inputs.map((name, i) =>
      def.constants?.includes(i) ? undefined : (values.get(name) ?? this.#weight(name)),
    );
  }

  #weight(name: ValueName): Tensor | undefined {
    const constant = this.#graph.constants.get(name);
    if (!constant || constant.dtype === "string") return undefined;
    let tensor = this.#weights.get(name);
    if (!tensor) {
      const { dtype, shape, data } = constant;
      const values = dtype === "int64" ? Int32Array.from(data as Float64Array) : (data as Float32Array);
      tensor = tf.keep(tf.tensor(values, [...shape], dtype === "int64" ? "int32" : dtype));
      this.#weights.set(name, tensor);
    }
    return tensor;
  }

  #call({ node, constants, fixed }: Step, x: Tensor[], y: Tensor[]): Call<unknown> {
    return {
      x,
      y,
      constants,
      attrs: node.attrs,
      aten: node.origin?.aten ?? "",
      derived: (key, make) => {
        if (!fixed) return make();
        const name = `${node.outputs[0]}/${key}`;
        let tensor = this.#derived.get(name);
        if (!tensor) this.#derived.set(name, (tensor = tf.keep(tf.tidy(make))));
        return tensor;
      },
    };
  }

  /** Throws an {@link EngineError} that names the input, what was got and what was expected. */
  checkInputs(inputs: Record<string, ArrayLike>): void {
    const names = this.inputs.map(({ name }) => name);
    for (const name of Object.keys(inputs)) {
      if (!names.includes(name))
        throw new EngineError(`input "${name}" does not exist; the model's inputs are ${quote(names)}`);
    }
    const batches = new Set<number>();
    for (const { name, shape } of this.inputs) {
      const given = inputs[name];
      const expected = `[${shape.map((d) => d ?? "N").join(", ")}]`;
      if (!given)
        throw new EngineError(`input "${name}" ${expected} is missing; the model's inputs are ${quote(names)}`);
      const fits = given.shape.length === shape.length && shape.every((d, i) => d === null || d === given.shape[i]);
      if (!fits)
        throw new EngineError(`input "${name}" has the shape [${given.shape.join(", ")}], expected ${expected}`);
      if (sizeOf(given.shape) !== given.data.length) {
        throw new EngineError(
          `input "${name}" has the shape [${given.shape.join(", ")}] but ${given.data.length} values`,
        );
      }
      if (!given.data.length)
        throw new EngineError(
          `input "${name}" is empty (shape [${given.shape.join(", ")}]); give at least one example`,
        );
      if (shape[0] === null) batches.add(given.shape[0]);
    }
    if (batches.size > 1) {
      const got = this.inputs.map(({ name }) => `"${name}" ${inputs[name].shape[0]}`).join(", ");
      throw new EngineError(`the inputs have different batch sizes: ${got}; expected the same for all`);
    }
  }
}

/** The axis adapter of a laid-out graph keeps the operator, so one lookup serves before and after. */
const definition = (node: Node, opset: number): OpDef => resolve(node.op, node.domain, opset)!;

function checkSupport(graph: Graph): void {
  const shape = (name: ValueName) =>
    graph.constants.get(name)?.shape ?? graph.shapes.get(name) ?? graph.inputs.find((v) => v.name === name)?.shape;
  const problems = graph.nodes.flatMap((node) => {
    const def = resolve(node.op, node.domain, graph.opset);
    const reason = def ? whyNot(node, def, graph, node.inputs.map(shape)) : missing(node, graph.opset);
    return reason ? [{ node, reason }] : [];
  });
  if (!problems.length) return;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  throw new UnsupportedError(
    `${describe(problems[0].node)}: ${problems[0].reason}${more}`,
    problems.map(({ node, reason }) => ({
      node: node.name || node.outputs[0],
      op: node.op,
      opset: graph.opset,
      path: node.origin?.path ?? "",
      class: shortClass(node.origin?.class ?? ""),
      reason,
    })),
    graph.nodes.length,
  );
}

const missing = ({ op, domain }: Node, opset: number): string =>
  domain && domain !== "ai.onnx"
    ? `operators of the domain "${domain}" are not supported`
    : OPS.has(op)
      ? `operator ${op} is not supported in opset ${opset}; export with a newer opset_version`
      : `operator ${op} is not supported (opset ${opset}); replace it in the model's forward, or move it out of the model`;

function whyNot(
  node: Node,
  def: OpDef,
  graph: Graph,
  shapes: readonly (readonly (number | null)[] | undefined)[],
): string | undefined {
  const unknown = def.constants?.find((i) => node.inputs[i] && !graph.constants.has(node.inputs[i]));
  if (unknown !== undefined)
    return `input ${unknown} ("${node.inputs[unknown]}") is computed while the model runs; it must be a constant`;
  if (node.outputs.slice(1).some((name) => graph.nodes.some((other) => other.inputs.includes(name))))
    return "its further outputs are not supported";
  if (def.layout === "image" && !shapes[0] && !node.attrs.kernel_shape && node.op !== "Conv") {
    return `the shape of "${node.inputs[0]}" is not known; run onnx.shape_inference.infer_shapes on the model first`;
  }
  return def.unsupported?.(node.attrs, shapes);
}

function layersOf(graph: Graph): Layer[] {
  const layers = new Map<string, Layer>();
  for (const { origin, outputs } of graph.nodes) {
    if (!origin?.path) continue;
    const shape = graph.shapes.get(outputs[0]) ?? [];
    layers.set(origin.path, { name: origin.path, class: shortClass(origin.class), shape, value: outputs[0] });
  }
  return [...layers.values()];
}

/** One call of a module that has a rule: the tensor it reads and the one it gives. */
interface ModuleCall {
  node: Node;
  x: ValueName;
  y: ValueName;
}

/** A module may be exported as several nodes; they share the traced operation. */
function moduleCalls(steps: readonly Step[], rules: Rules): ModuleCall[] {
  const calls = new Map<string, ModuleCall>();
  for (const { node } of steps) {
    if (!node.origin || !rules[node.origin.class]) continue;
    const key = `${node.origin.path}/${node.origin.call}`;
    const call = calls.get(key);
    if (call) call.y = node.outputs[0];
    else calls.set(key, { node, x: node.inputs[0], y: node.outputs[0] });
  }
  return [...calls.values()];
}

/** tfjs' errors carry no place. */
function guard<T>(node: Node, x: readonly (Tensor | undefined)[], work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const shapes = x.map((t) => (t ? `[${t.shape}]` : "none")).join(", ");
    throw new EngineError(`${describe(node)} with inputs ${shapes}: ${(cause as Error).message}`, { cause });
  }
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((d, i) => d === b[i]);
const quote = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");
