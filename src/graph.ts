/** The graph as everybody below the engine speaks of it: ONNX's own terms as plain values. */

/** Name of a value; "" stands for an omitted optional input. */
export type ValueName = string;

/** float16, bfloat16 and float64 are read as float32; uint32, int64 and uint64 as doubles, exact to 2^53. */
export type DType = "float32" | "int32" | "int64" | "bool" | "string";

/** An array in main memory, C order: a constant of the graph, an integer input, or what is computed from these. */
export interface NDArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Float64Array | Uint8Array | string[];
}

export type Attr = number | string | number[] | string[] | NDArray;

/** Where a node comes from in the PyTorch model. */
export interface Origin {
  /** Module path, e.g. "layer1.0.conv1"; "" for the model itself. */
  readonly path: string;
  /** Class of that module, e.g. "torch.nn.modules.activation.ReLU"; a functional call has the class of its caller. */
  readonly class: string;
  /** The ATen operator, e.g. "aten.relu.default". */
  readonly aten: string;
  /** Modules around that one, outermost first, without the model itself. */
  readonly parents: readonly { readonly path: string; readonly class: string }[];
  /** Name of the traced operation. Nodes with the same one are parts of one call of a module, e.g. of an nn.Softplus. */
  readonly call: string;
}

/** Domain of the operators that graph passes put in place of several nodes. */
export const FUSED_DOMAIN = "attriscope.fused";

export interface Node {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly ValueName[];
  readonly outputs: readonly ValueName[];
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly origin: Origin | null;
}

/** null in a shape: not known before the inputs are (the batch size itself, or the length of a text). */
export interface ValueInfo {
  readonly name: ValueName;
  readonly dtype: DType;
  readonly shape: readonly (number | null)[];
}

export interface Graph {
  /** Version of the default operator set. */
  readonly opset: number;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<ValueName, NDArray>;
  /** Known shapes of other values. */
  readonly shapes: ReadonlyMap<ValueName, readonly (number | null)[]>;
  /** Of values with several rows for each example, as far as the file says so: how many; 0 where rows are not examples'. */
  readonly rows: ReadonlyMap<ValueName, number>;
}

const ELEMENT_TYPES: Readonly<Record<number, DType>> = {
  1: "float32",
  2: "int32", // uint8
  3: "int32", // int8
  4: "int32", // uint16
  5: "int32", // int16
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float32", // float16
  11: "float32", // float64
  12: "int64", // uint32
  13: "int64", // uint64
  16: "float32", // bfloat16
};

/** What an element type of ONNX (TensorProto.DataType) is read as; undefined where it is not supported. */
export const elementType = (type: number): DType | undefined => ELEMENT_TYPES[type];

/** Shapes, axes and the like as plain numbers. */
export const integers = ({ data }: NDArray): number[] => Array.from(data as ArrayLike<number>, Number);

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Without the constants that nobody reads. */
export function withoutUnread(graph: Graph): Graph {
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]);
  return { ...graph, constants: new Map([...graph.constants].filter(([name]) => read.has(name))) };
}

/** `node "conv1" (Conv, from torch.nn.Conv2d layer1.0.conv1)`: how errors name a node. */
export function describe(node: Node): string {
  const from = node.origin?.path ? `, from ${shortClass(node.origin.class)} "${node.origin.path}"` : "";
  return `node "${node.name || node.outputs[0]}" (${node.op}${from})`;
}

/** "torch.nn.modules.activation.ReLU" -> "torch.nn.ReLU", as one writes it. */
export const shortClass = (name: string): string => name.replace(/^torch\.nn\.modules\.\w+\./, "torch.nn.");
