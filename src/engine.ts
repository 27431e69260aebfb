/**
 * ONNX bytes -> {@link Model}: runs the graph, and differentiates it with a rule table where a method wants one. Tensors
 * that come out belong to the caller's `tf.tidy`; weights belong to the model.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { useBackend, type Backend, type BackendChoice } from "./backend";
import { foldConstants } from "./fold";
import { fuse } from "./fuse";
import { shortClass, sizeOf, type DType, type Graph, type NDArray, type Node, type ValueInfo, type ValueName } from "./graph"; // prettier-ignore
import { parseOnnx } from "./onnx";
import { resolve } from "./ops";
import type { OpDef } from "./ops/op";
import { Patches, type Pair } from "./patches";
import { Program, type Rules, type Value } from "./program";
import { checkSupport, EngineError } from "./support";
import { upload, Weights } from "./weights";

export interface ArrayLike {
  data: Float32Array | Float64Array | Int32Array | Uint8Array | number[];
  shape: number[];
}

export interface FloatArray {
  data: Float32Array;
  shape: number[];
}

/** Integers and truth values come as doubles. */
export interface ResultArray {
  data: Float32Array | Float64Array;
  shape: number[];
}

/** A module of the PyTorch model with a value of its own. */
export interface Layer {
  /** Module path, e.g. "layer1.0.conv1". */
  name: string;
  class: string;
  /** Of the module's output, e.g. [N, C, H, W]; null for what depends on the inputs. */
  shape: readonly (number | null)[];
  /** The module's output, of its last call. */
  value: ValueName;
  /** What the module reads in that call, of the most dimensions; null where that is constants alone. */
  input: ValueName | null;
}

const MAIN = "raw";

export class Model {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly layers: readonly Layer[];
  readonly backend: Backend;
  readonly #graph: Graph;
  readonly #definition: (node: Node) => OpDef;
  readonly #weights = new Weights();
  /** Normalisations and activations taken into the convolutions: for whoever does not look inside. */
  readonly #fused: Program;
  /** Every node's value: for rules and layers. Made when it is first needed. */
  #whole: Program | null = null;
  #disposed = false;

  /** Reads the bytes, checks every node. Throws OnnxError, FoldError or UnsupportedError, each naming the place. */
  static async load(bytes: Uint8Array, { backend = "auto" }: { backend?: BackendChoice } = {}): Promise<Model> {
    const graph = parseOnnx(bytes);
    checkSupport(graph);
    return new Model(graph, await useBackend(backend));
  }

  private constructor(graph: Graph, backend: Backend) {
    this.backend = backend;
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.layers = layersOf(graph);
    // Every node has been looked up when the graph was checked; the passes keep its operator.
    this.#definition = ({ op, domain }) => resolve(op, domain, graph.opset)!;
    this.#graph = foldConstants(graph, this.#definition);
    this.#fused = new Program(fuse(this.#graph), this.#definition, this.#weights, true);
  }

  /** Name of the output that attributions explain: `raw`, or the first of a graph without one. */
  get main(): string {
    return (this.outputs.find(({ name }) => name === MAIN) ?? this.outputs[0]).name;
  }

  /** Memory that one example takes in a forward pass that keeps everything; 0 before the first one. */
  get bytesPerExample(): number {
    return Math.max(this.#fused.bytesPerExample, this.#whole?.bytesPerExample ?? 0);
  }

  /** Runs the model on arrays by input name, [N, ...]; gives arrays by output name. Throws on a wrong name, shape or batch. */
  async run(inputs: Readonly<Record<string, ArrayLike>>): Promise<Record<string, ResultArray>> {
    await this.activate();
    this.checkInputs(inputs);
    const names = this.outputs.map(({ name }) => name);
    // A name may be any string, so what it stands for is looked up where nothing is inherited.
    const known = new Map<string, NDArray>();
    const tensors = tf.tidy(() => {
      const values = Object.entries(this.#fused.forward(this.upload(inputs), names));
      for (const [name, value] of values) if (!(value instanceof tf.Tensor)) known.set(name, value);
      return Object.fromEntries(values.filter(([name]) => !known.has(name))) as Record<string, Tensor>;
    });
    const results: [string, ResultArray][] = [];
    for (const name of names) {
      const { shape, data } = known.get(name) ?? { shape: tensors[name].shape, data: await tensors[name].data() };
      results.push([name, { data: resultOf(data), shape: [...shape] }]);
    }
    tf.dispose(tensors);
    return Object.fromEntries(results);
  }

  /**
   * The same graph with other weights: `change` gets each array of floats that a module reads, with the module's path, and
   * gives another one of the same shape, or the same.
   */
  variant(change: (weights: NDArray, module: string) => NDArray): Model {
    const constants = new Map(this.#graph.constants);
    for (const { origin, inputs } of this.#graph.nodes) {
      for (const name of origin?.path ? inputs : []) {
        const weights = this.#graph.constants.get(name);
        if (weights?.dtype === "float32" && weights.data.length > 1) constants.set(name, change(weights, origin!.path));
      }
    }
    return new Model({ ...this.#graph, constants }, this.backend);
  }

  /** Frees the weights. The model cannot be used afterwards. */
  dispose(): void {
    this.#weights.dispose();
    this.#disposed = true;
  }

  /** Must precede every use: tfjs has one current backend. Calls on models of different backends must not overlap. */
  async activate(): Promise<void> {
    if (this.#disposed) throw new EngineError("this model has been disposed; load it again");
    await useBackend(this.backend);
  }

  /** Arrays -> values by input name: floats as tensors, integers on the host. */
  upload(inputs: Readonly<Record<string, ArrayLike>>): Record<string, Value> {
    return Object.fromEntries(
      Object.entries(inputs).map(([name, { data, shape }]) => {
        const dtype = this.inputs.find((input) => input.name === name)?.dtype ?? "float32";
        if (dtype !== "float32") return [name, { dtype, shape, data: integersAs(dtype, data) }];
        return [name, tf.tensor(data instanceof Float32Array ? data : Float32Array.from(data), shape, dtype)];
      }),
    );
  }

  /**
   * Outputs in ONNX's order; everything else is freed as soon as it has been read. Values inside the graph can be given as
   * well, as {@link inner} gives them. Call inside tf.tidy.
   */
  forward(inputs: Readonly<Record<string, Value>>, outputs: readonly string[] = [this.main]): Record<string, Tensor> {
    return onDevice(this.#programFor([...Object.keys(inputs), ...outputs]).forward(inputs, outputs));
  }

  /**
   * Values inside the graph in its own layout ({@link isChannelsLast}), as `forward` and `gradients` take them. Call inside
   * tf.tidy.
   */
  inner(inputs: Readonly<Record<string, Value>>, values: readonly ValueName[]): Record<ValueName, Tensor> {
    return onDevice(this.#programFor([...Object.keys(inputs), ...values]).forward(inputs, values, true));
  }

  /** Whether a value inside the graph lies [N, ..., C] where ONNX has [N, C, ...]. */
  isChannelsLast(value: ValueName): boolean {
    // What fusion has taken in lies as what it went into.
    for (let name = value; ;) {
      if (this.#fused.has(name)) return this.#fused.isChannelsLast(name);
      const reader = this.#graph.nodes.find(({ inputs }) => inputs.includes(name));
      if (!reader) return false;
      [name] = reader.outputs;
    }
  }

  /** Whether a value inside the graph is an image, [N, C, ...] in ONNX's order: it lies as one, or some layer reads it as one. */
  isImage(value: ValueName): boolean {
    return this.isChannelsLast(value) || this.#fused.isReadAsImage(value);
  }

  /**
   * The embeddings that an input of integers is looked up in: what the lookup gives, [..., E], and where it looks. Empty for
   * other inputs.
   */
  embeddings(input: string): readonly { value: ValueName; indices: ValueName }[] {
    if (this.inputs.find(({ name }) => name === input)?.dtype === "float32") return [];
    const { nodes, constants } = this.#graph;
    const reached = new Set([input]);
    return nodes.flatMap((node) => {
      const { op, inputs, outputs } = node;
      const isTable = op === "Gather" && constants.get(inputs[0])?.dtype === "float32" && !node.attrs.axis;
      if (isTable && reached.has(inputs[1])) return [{ value: outputs[0], indices: inputs[1] }];
      if (inputs.some((name) => reached.has(name))) outputs.forEach((name) => reached.add(name));
      return [];
    });
  }

  /** Whether some node of the graph fits; a node's constants come by their names. */
  hasNode(fits: (node: Node, constants: Graph["constants"]) => boolean): boolean {
    return this.#graph.nodes.some((node) => fits(node, this.#graph.constants));
  }

  /**
   * Attention's weights, in order: softmaxes over the last axis that weigh another value by a product, [N, heads, T, T] or
   * [N · heads, T, T]. `rows` are those of the first axis for each example, 1 where it is not known.
   */
  get attentions(): readonly { value: ValueName; shape: readonly (number | null)[]; rows: number }[] {
    const { nodes, constants, shapes, rows } = this.#graph;
    const weighs = (value: ValueName): boolean =>
      nodes.some(({ op, inputs, outputs }) => {
        if (op === "MatMul" || op === "Einsum") return inputs[0] === value && !constants.has(inputs[1]);
        // Where a causal mask hides everything from a token, NaN is replaced.
        const carried = ["Reshape", "Expand", "Identity"].includes(op) ? inputs[0] : op === "Where" ? inputs[2] : "";
        return carried === value && weighs(outputs[0]);
      });
    return nodes.flatMap(({ op, attrs, outputs: [value] }) => {
      const shape = shapes.get(value) ?? [];
      const isLast = [-1, shape.length - 1].includes((attrs.axis as number | undefined) ?? -1);
      return op === "Softmax" && isLast && weighs(value) ? [{ value, shape, rows: rows.get(value) ?? 1 }] : [];
    });
  }

  /**
   * Gradients of sum(seed * output) by the values in `wrt`, which are inputs or values inside the graph; one that the output
   * does not depend on gets zeros. `seed` gets the output. `rules` change what flows through modules of their classes. Call
   * inside tf.tidy.
   */
  gradients(
    inputs: Readonly<Record<string, Value>>,
    wrt: readonly ValueName[],
    seed: (output: Tensor) => Tensor,
    { output = this.main, rules }: { output?: ValueName; rules?: Rules } = {},
  ): Record<ValueName, Tensor> {
    const program = this.#programFor([...Object.keys(inputs), ...wrt, output], rules);
    return program.gradients(inputs, output, wrt, seed, rules);
  }

  /**
   * For copies of one example that differ from it inside windows of one size, [h, w], of an image input: {@link Patches}, if
   * they are cheaper than whole copies. Not on WebGL, where images do not lie in main memory.
   */
  patches(example: Readonly<Record<string, ArrayLike>>, input: string, window: Pair): Patches | null {
    if (this.backend === "webgl") return null;
    let patches = null as Patches | null;
    tf.tidy(() => void (patches = Patches.of(this.#fused.example(this.upload(example), this.main), input, window)));
    return patches?.pays ? patches : null;
  }

  /**
   * Walks there and back over zeros, one example, so that the first answer does not wait for shaders to be compiled.
   * `onProgress` gets how many of how many steps are done.
   */
  async warmUp(onProgress: (done: number, total: number) => void): Promise<void> {
    await this.activate();
    // Dimensions other than the batch are the user's to give.
    if (this.inputs.some(({ shape }) => shape.slice(1).includes(null))) return;
    const zeros = this.inputs.map(({ name, shape }) => {
      const one = shape.map((d) => d ?? 1);
      return [name, { data: new Float32Array(sizeOf(one)), shape: one }] as const;
    });
    const wrt = this.inputs.filter(({ dtype }) => dtype === "float32").map(({ name }) => name);
    const total = 2 * this.#fused.length;
    let done = 0;
    const onStep = () => onProgress((done += 1), total);
    tf.tidy(() => {
      const inputs = this.upload(Object.fromEntries(zeros));
      const found = this.#fused.gradients(inputs, this.main, wrt, (y) => tf.zerosLike(y), {}, onStep);
      for (const gradient of Object.values(found)) gradient.dataSync();
    });
  }

  /** {@link Program.affineStem} */
  affineStem(input: string): ValueName {
    return this.#fused.affineStem(input);
  }

  #programFor(names: readonly ValueName[], rules?: Rules): Program {
    if (!rules && names.every((name) => this.#fused.separates(name))) return this.#fused;
    this.#whole ??= new Program(this.#graph, this.#definition, this.#weights);
    const unknown = names.find((name) => !this.#whole!.has(name));
    if (unknown !== undefined) throw new EngineError(`the graph has no value "${unknown}"`);
    return this.#whole;
  }

  /** Throws an {@link EngineError} that names the input, what was got and what was expected. */
  checkInputs(inputs: Readonly<Record<string, ArrayLike>>): void {
    const names = this.inputs.map(({ name }) => name);
    for (const name of Object.keys(inputs)) {
      if (!names.includes(name))
        throw new EngineError(`input "${name}" does not exist; the model's inputs are ${quote(names)}`);
    }
    const batches = new Set<number>();
    for (const { name, shape, dtype } of this.inputs) {
      const given = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
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
      if (given.shape.some((d, i) => d === 0 && shape[i] === null))
        throw new EngineError(
          `input "${name}" is empty (shape [${given.shape.join(", ")}]); give at least one example`,
        );
      const wrong = dtype === "float32" ? -1 : Array.from(given.data).findIndex((v) => !Number.isInteger(v));
      if (wrong >= 0)
        throw new EngineError(
          `input "${name}" holds ${given.data[wrong]} at position ${wrong}; its type ${dtype} needs whole numbers`,
        );
      if (shape[0] === null) batches.add(given.shape[0]);
    }
    if (batches.size > 1) {
      const got = this.inputs.map(({ name }) => `"${name}" ${inputs[name].shape[0]}`).join(", ");
      throw new EngineError(`the inputs have different batch sizes: ${got}; expected the same for all`);
    }
  }
}

const onDevice = (values: Readonly<Record<ValueName, Value>>): Record<ValueName, Tensor> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value instanceof tf.Tensor ? value : upload(value)]),
  );

function resultOf(data: NDArray["data"]): ResultArray["data"] {
  return data instanceof Float32Array ? data : Float64Array.from(data as Float64Array);
}

function integersAs(dtype: DType, data: ArrayLike["data"]): NDArray["data"] {
  if (dtype === "string") throw new EngineError("strings cannot be fed");
  return dtype === "bool" ? Uint8Array.from(data) : dtype === "int32" ? Int32Array.from(data) : Float64Array.from(data);
}

/** In the order in which the modules, containers too, are done. A module's nodes stand together. */
function layersOf({ inputs: [given], nodes, shapes, rows, constants }: Graph): Layer[] {
  interface ModuleCall extends Layer {
    made: Set<ValueName>;
    end: number;
  }
  const calls = new Map<string, ModuleCall>();
  const dimensions = (name: ValueName) => shapes.get(name)?.length ?? 0;
  nodes
    .filter(({ origin }) => origin)
    .forEach(({ origin, inputs, outputs }, i) => {
      const value = outputs.find((name) => name)!;
      for (const module of origin!.path ? [...origin!.parents, origin!] : []) {
        const before = calls.get(module.path);
        const same = before && before.end >= i - 1 ? before : null;
        const made = same?.made ?? new Set();
        const read = inputs.filter((name) => name && !constants.has(name) && !made.has(name));
        // What has fewer dimensions is a mask, or the batch's size.
        const input = [...(same?.input ? [same.input] : []), ...read].reduce<ValueName | null>(
          (best, name) => (best === null || dimensions(name) > dimensions(best) ? name : best),
          null,
        );
        for (const name of outputs) made.add(name);
        const shape = shapes.get(value) ?? [];
        calls.set(module.path, {
          name: module.path,
          class: shortClass(module.class),
          shape,
          value,
          input,
          made,
          end: i,
        });
      }
    });
  // Of some modules only a state is read that has no place for the batch in front; of none that torch made up.
  const isLayer = ({ name, shape, value }: Layer) =>
    name !== NO_MODULE &&
    rows.get(value) !== 0 &&
    (!shape.length || !given?.shape.length || (shape[0] === null) === (given.shape[0] === null));
  return [...calls.values()]
    .filter(isLayer)
    .sort((a, b) => a.end - b.end)
    .map(({ name, class: type, shape, value, input }) => ({ name, class: type, shape, value, input }));
}

/** Where torch.export puts nodes that no module asks for. */
const NO_MODULE = "_empty_nn_module_stack_from_metadata_hook";

const quote = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");
