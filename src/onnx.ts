/** ONNX bytes -> {@link Graph}. The bytes are untrusted: what cannot be read throws an {@link OnnxError} naming the place. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  describe,
  elementType,
  sizeOf,
  type Attr,
  type DType,
  type Graph,
  type NDArray,
  type Node,
  type Origin,
  type ValueInfo,
} from "./graph";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type AttributeProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto/onnx_pb";

/** Sets of the default domain whose operators the tables describe. */
export const OPSETS = { min: 13, max: 21 } as const;

export class OnnxError extends Error {
  override name = "OnnxError";
}

export function parseOnnx(bytes: Uint8Array): Graph {
  let model: ModelProto;
  try {
    // Node's Buffer is a Uint8Array whose slices are no copies.
    model = fromBinary(ModelProtoSchema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw new OnnxError(`these ${bytes.length} bytes are no ONNX model: ${(cause as Error).message}`, { cause });
  }
  const proto = model.graph;
  if (!proto?.node.length) throw new OnnxError(`the ONNX model has no ${proto ? "nodes" : "graph"}`);
  if (!proto.output.length) throw new OnnxError("the ONNX graph has no outputs, so there is nothing to compute");
  const opset = Number(model.opsetImport.find((o) => !o.domain || o.domain === "ai.onnx")?.version ?? 0);
  if (opset < OPSETS.min || opset > OPSETS.max) {
    throw new OnnxError(
      `opset ${opset} is not supported: export the model with opset_version ${OPSETS.min} to ${OPSETS.max} (18 is tested most)`,
    );
  }

  if (proto.sparseInitializer.length)
    throw new OnnxError(
      `initializer "${proto.sparseInitializer[0].values?.name}" is sparse, which is not supported; store it densely`,
    );
  const constants = new Map(proto.initializer.map((t) => [t.name, readTensor(t, `initializer "${t.name}"`)]));
  const hasOrigins = proto.node.some((n) => readOrigin(n));
  const nodes: Node[] = [];
  for (const n of proto.node) {
    const attrs = Object.fromEntries(n.attribute.filter(isRead).map((a) => [a.name, readAttribute(a, n)]));
    if (n.opType === "Constant" && n.output.length === 1) {
      constants.set(n.output[0], readConstant(attrs, n));
      continue;
    }
    const origin = readOrigin(n) ?? (hasOrigins ? null : guessOrigin(n));
    nodes.push({ name: n.name, op: n.opType, domain: n.domain, inputs: n.input, outputs: n.output, attrs, origin });
  }
  const inputs = proto.input.filter((v) => !constants.has(v.name)).map(readValueInfo);
  const given = [...inputs.map((v) => v.name), ...constants.keys()];
  const known = [...proto.valueInfo, ...proto.output].filter(hasShape);
  const lengths = lengthsOf(proto.input);
  return {
    opset,
    inputs,
    outputs: proto.output.map(readValueInfo),
    nodes: sortNodes(
      nodes,
      given,
      proto.output.map((v) => v.name),
    ),
    constants,
    shapes: new Map(known.map((v) => [v.name, readShape(v)])),
    rows: new Map(known.map((v) => [v.name, readRows(v, lengths)] as const).filter(([, rows]) => rows !== 1)),
  };
}

/** ONNX demands topological order; a graph that lacks it is sorted. Each value must be given once. */
function sortNodes(nodes: readonly Node[], given: readonly string[], wanted: readonly string[]): Node[] {
  const producers = new Map<string, Node | null>();
  const claim = (name: string, node: Node | null) => {
    if (producers.has(name)) throw new OnnxError(`value "${name}" is given twice`);
    if (name) producers.set(name, node);
  };
  for (const name of given) claim(name, null);
  for (const node of nodes) for (const name of node.outputs) claim(name, node);
  const producer = (name: string, reader: string): Node | null => {
    const node = producers.get(name);
    if (node !== undefined) return node;
    throw new OnnxError(`${reader} reads "${name}", which no input, initializer or node gives`);
  };

  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const root of nodes) {
    const path = [root];
    for (let node = path.at(-1); node; node = path.at(-1)) {
      if (state.get(node) === "open") sorted.push(node);
      if (state.has(node)) {
        state.set(node, "done");
        path.pop();
        continue;
      }
      state.set(node, "open");
      for (const name of node.inputs) {
        const before = name ? producer(name, describe(node)) : null;
        if (!before || state.get(before) === "done") continue;
        if (state.get(before) === "open")
          throw new OnnxError(`${describe(node)} waits for "${name}", which waits for it: the graph has a cycle`);
        path.push(before);
      }
    }
  }
  for (const name of wanted) producer(name, "the graph's output");
  return sorted;
}

// -- where a node comes from: torch.onnx writes lists as Python's repr of a list of strings -----------------------------

const readList = (n: NodeProto, key: string): string[] => {
  const text = n.metadataProps.find((p) => p.key === key)?.value ?? "";
  return [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map((m) => m[1] ?? m[2]);
};

function readOrigin(n: NodeProto): Origin | null {
  const scopes = readList(n, "pkg.torch.onnx.name_scopes");
  const classes = readList(n, "pkg.torch.onnx.class_hierarchy");
  if (scopes.length < 2 || classes.length < 2) return null;
  const parents = scopes
    .slice(0, -2)
    .map((path, i) => ({ path, class: classes[i] }))
    .filter(({ path }) => path);
  return { path: scopes.at(-2)!, class: classes.at(-2)!, aten: classes.at(-1)!, call: scopes.at(-1)!, parents };
}

/** A graph without torch's metadata cannot tell a module from a function: activations and pools count as modules. */
function guessOrigin({ opType, output: [call] }: NodeProto): Origin | null {
  const module = MODULES[opType];
  return module ? { path: "", class: `torch.nn.modules.${module}`, aten: "", call, parents: [] } : null;
}

const MODULES: Readonly<Record<string, string>> = {
  Relu: "activation.ReLU",
  Elu: "activation.ELU",
  LeakyRelu: "activation.LeakyReLU",
  Sigmoid: "activation.Sigmoid",
  Tanh: "activation.Tanh",
  Softplus: "activation.Softplus",
  Softmax: "activation.Softmax",
  MaxPool: "pooling.MaxPool2d",
};

// -- values -------------------------------------------------------------------------------------------------------------

function dtypeOf(type: number, place: string): DType {
  const dtype = elementType(type);
  if (!dtype)
    throw new OnnxError(
      `${place} has the element type ${DataType[type] ?? type}, which is not supported; export the model in float32`,
    );
  return dtype;
}

const hasShape = ({ type }: ValueInfoProto): boolean =>
  type?.value.case === "tensorType" && type.value.value.shape !== undefined;

function readShape(v: ValueInfoProto): (number | null)[] {
  const type = v.type?.value;
  if (type?.case !== "tensorType") return [];
  return (type.value.shape?.dim ?? []).map((d) => (d.value.case === "dimValue" ? Number(d.value.value) : null));
}

/** Names of the dimensions; "" for those without one. */
function namesOf({ type }: ValueInfoProto): string[] {
  const dims = type?.value.case === "tensorType" ? (type.value.value.shape?.dim ?? []) : [];
  return dims.map(({ value }) => (value.case === "dimParam" ? value.value : ""));
}

/** Names of dimensions that are not the batch, as of a text's length. */
function lengthsOf(inputs: readonly ValueInfoProto[]): ReadonlySet<string> {
  const names = inputs.map(namesOf);
  const batches = new Set(["", ...names.map(([first]) => first)]);
  return new Set(names.flatMap(([, ...others]) => others).filter((name) => !batches.has(name)));
}

/** Torch names the first dimension "9*batch" where an example has nine rows. */
function readRows(v: ValueInfoProto, lengths: ReadonlySet<string>): number {
  const [first = ""] = namesOf(v);
  return lengths.has(first) ? 0 : Number(/^(\d+)\*\w+$/.exec(first)?.[1] ?? 1);
}

function readValueInfo(v: ValueInfoProto): ValueInfo {
  const type = v.type?.value;
  if (type?.case !== "tensorType")
    throw new OnnxError(`"${v.name}" is a ${type?.case ?? "value without a type"}; only tensors go in and out`);
  const dtype = dtypeOf(type.value.elemType, `"${v.name}"`);
  if (dtype === "string") throw new OnnxError(`"${v.name}" holds strings; only numbers go in and out`);
  return { name: v.name, dtype, shape: readShape(v) };
}

function readTensor(t: TensorProto, place: string): NDArray {
  if (t.dataLocation === DataLocation.EXTERNAL || t.externalData.length) {
    throw new OnnxError(
      `${place} lies in an external file; save the model with its weights inside (external_data=False)`,
    );
  }
  const shape = t.dims.map(Number);
  const size = sizeOf(shape);
  const dtype = dtypeOf(t.dataType, place);
  const data = t.rawData.length ? readRaw(t.rawData, t.dataType) : readFields(t, dtype);
  if (data.length !== size || shape.some((d) => d < 0)) {
    throw new OnnxError(`${place} has the shape [${shape}] but ${data.length} values`);
  }
  return { dtype, shape, data };
}

/** Raw data is little-endian; the copy aligns it. */
function readRaw(raw: Uint8Array, type: number): Exclude<NDArray["data"], string[]> {
  const { buffer } = raw.slice();
  switch (type) {
    case DataType.FLOAT:
      return new Float32Array(buffer, 0, raw.length >> 2);
    case DataType.DOUBLE:
      return Float32Array.from(new Float64Array(buffer, 0, raw.length >> 3));
    case DataType.FLOAT16:
      return Float32Array.from(new Uint16Array(buffer, 0, raw.length >> 1), halfToNumber);
    case DataType.BFLOAT16:
      return bfloat16s(new Uint16Array(buffer, 0, raw.length >> 1));
    case DataType.INT64:
      return Float64Array.from(new BigInt64Array(buffer, 0, raw.length >> 3), Number);
    case DataType.UINT64:
      return Float64Array.from(new BigUint64Array(buffer, 0, raw.length >> 3), Number);
    case DataType.UINT32:
      return Float64Array.from(new Uint32Array(buffer, 0, raw.length >> 2));
    case DataType.INT32:
      return new Int32Array(buffer, 0, raw.length >> 2);
    case DataType.INT16:
      return Int32Array.from(new Int16Array(buffer, 0, raw.length >> 1));
    case DataType.UINT16:
      return Int32Array.from(new Uint16Array(buffer, 0, raw.length >> 1));
    case DataType.INT8:
      return Int32Array.from(new Int8Array(buffer));
    case DataType.UINT8:
      return Int32Array.from(new Uint8Array(buffer));
    default:
      return new Uint8Array(buffer);
  }
}

function readFields(t: TensorProto, dtype: DType): NDArray["data"] {
  switch (dtype) {
    case "float32":
      if (t.dataType === DataType.FLOAT16) return Float32Array.from(t.int32Data, halfToNumber);
      if (t.dataType === DataType.BFLOAT16) return bfloat16s(Uint16Array.from(t.int32Data));
      return Float32Array.from(t.dataType === DataType.DOUBLE ? t.doubleData : t.floatData);
    case "int64":
      return Float64Array.from(t.dataType === DataType.INT64 ? t.int64Data : t.uint64Data, Number);
    case "int32":
      return Int32Array.from(t.int32Data);
    case "bool":
      return Uint8Array.from(t.int32Data);
    case "string":
      return t.stringData.map((s) => new TextDecoder().decode(s));
  }
}

/** IEEE 754 binary16, as its bits. */
function halfToNumber(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const magnitude =
    exponent === 31 ? (fraction ? NaN : Infinity) : exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24; // prettier-ignore
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** The upper halves of float32. */
const bfloat16s = (bits: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(bits, (upper) => upper << 16).buffer);

/** Attributes that graph passes give to nodes. */
const OWN_ATTRIBUTES = ["activation", "channel", "laid"];

/** Subgraphs and types belong to operators that the tables lack; the operator is then what is reported. */
const isRead = ({ name, type }: AttributeProto): boolean =>
  !OWN_ATTRIBUTES.includes(name) &&
  ![
    AttributeType.GRAPH,
    AttributeType.GRAPHS,
    AttributeType.TYPE_PROTO,
    AttributeType.TYPE_PROTOS,
    AttributeType.UNDEFINED,
  ].includes(type);

function readAttribute(a: AttributeProto, n: NodeProto): Attr {
  switch (a.type) {
    case AttributeType.FLOAT:
      return a.f;
    case AttributeType.INT:
      return Number(a.i);
    case AttributeType.STRING:
      return new TextDecoder().decode(a.s);
    case AttributeType.FLOATS:
      return [...a.floats];
    case AttributeType.INTS:
      return a.ints.map(Number);
    case AttributeType.STRINGS:
      return a.strings.map((s) => new TextDecoder().decode(s));
    case AttributeType.TENSOR:
      if (!a.t)
        throw new OnnxError(`node "${n.name}" (${n.opType}): attribute ${a.name} is a tensor without its values`);
      return readTensor(a.t, `node "${n.name}" (${n.opType}), attribute ${a.name}`);
    default:
      throw new OnnxError(
        `node "${n.name}" (${n.opType}): attribute ${a.name} has the type ${AttributeType[a.type] ?? a.type}, which is not supported`,
      );
  }
}

function readConstant(attrs: Record<string, Attr>, n: NodeProto): NDArray {
  const { value, value_float, value_int, value_floats, value_ints } = attrs;
  if (value && typeof value === "object" && "data" in value) return value;
  if (typeof value_float === "number") return { dtype: "float32", shape: [], data: Float32Array.of(value_float) };
  if (typeof value_int === "number") return { dtype: "int64", shape: [], data: Float64Array.of(value_int) };
  const vector = (values: Attr): values is number[] => Array.isArray(values) && typeof (values[0] ?? 0) === "number";
  if (vector(value_floats))
    return { dtype: "float32", shape: [value_floats.length], data: Float32Array.from(value_floats) };
  if (vector(value_ints)) return { dtype: "int64", shape: [value_ints.length], data: Float64Array.from(value_ints) };
  throw new OnnxError(`node "${n.name}" (Constant) has none of the attributes value, value_float(s), value_int(s)`);
}
