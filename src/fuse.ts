/** Graph -> graph with fewer nodes: convolutions with the normalisation and the activation behind them, and SiLU. */
import { FUSED_DOMAIN, sizeOf, withoutUnread, type Graph, type NDArray, type Node, type ValueName } from "./graph";

/**
 * What is fused away has no value any more, so this graph serves where no rule and no layer needs the parts. The first
 * convolution behind an input keeps its activation apart: path methods walk what is affine only once.
 */
export function fuse(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const readers = new Map<ValueName, Node[]>();
  for (const node of graph.nodes)
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node]);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  /** The only reader of a node's only output, if it is of that type. */
  const next = (node: Node, ...ops: string[]): Node | undefined => {
    const [name, ...others] = node.outputs;
    const [reader, ...more] = readers.get(name) ?? [];
    const alone = reader && !more.length && !others.length && !outputs.has(name);
    return alone && ops.includes(reader.op) && isDefault(reader) ? reader : undefined;
  };
  /** The same, where it is the reader's first input. */
  const behind = (node: Node, ...ops: string[]): Node | undefined => {
    const reader = next(node, ...ops);
    return reader?.inputs[0] === node.outputs[0] ? reader : undefined;
  };

  const fused = new Map<Node, Node | null>();
  for (const conv of graph.nodes) {
    if (conv.op !== "Conv" || !isDefault(conv)) continue;
    let whole = conv;
    const norm = behind(conv, "BatchNormalization");
    const scaled = norm && withNorm(conv, norm, constants);
    if (norm && scaled) {
      whole = { ...scaled, outputs: norm.outputs };
      fused.set(norm, null);
    }
    const activation = inputs.has(conv.inputs[0]) ? undefined : behind(whole, "Relu", "Clip");
    const name = activation && nameOf(activation, constants);
    if (activation && name) {
      whole = { ...whole, outputs: activation.outputs, attrs: { ...whole.attrs, activation: name } };
      fused.set(activation, null);
    }
    if (whole !== conv) fused.set(conv, whole);
  }
  for (const sigmoid of graph.nodes) {
    const product = sigmoid.op === "Sigmoid" && isDefault(sigmoid) ? next(sigmoid, "Mul") : undefined;
    const [x, s] = [sigmoid.inputs[0], sigmoid.outputs[0]];
    if (!product || product.inputs.length !== 2 || !product.inputs.includes(x)) continue;
    fused.set(sigmoid, null);
    fused.set(product, { ...product, op: "Silu", domain: FUSED_DOMAIN, inputs: [x], outputs: [product.outputs[0], s] });
  }
  const nodes = graph.nodes.flatMap((node) => {
    const replaced = fused.get(node);
    return replaced === null ? [] : [replaced ?? node];
  });
  return withoutUnread({ ...graph, nodes, constants });
}

const isDefault = ({ domain }: Node): boolean => domain === "" || domain === "ai.onnx";

/** The convolution whose result is normalised already; undefined where its parameters are not constants. */
function withNorm(conv: Node, norm: Node, constants: Map<ValueName, NDArray>): Node | undefined {
  const [x, kernel, bias] = conv.inputs;
  const w = constants.get(kernel);
  const b = bias ? constants.get(bias) : null;
  const [gamma, beta, mean, variance] = norm.inputs.slice(1).map((name) => constants.get(name)?.data as Float32Array);
  if (!w || b === undefined || !gamma || !beta || !mean || !variance || norm.attrs.training_mode) return undefined;
  const epsilon = (norm.attrs.epsilon as number | undefined) ?? 1e-5;
  const scale = Float32Array.from(gamma, (g, i) => g / Math.sqrt(variance[i] + epsilon));
  const filter = sizeOf(w.shape.slice(1));
  const weights = (w.data as Float32Array).slice();
  scale.forEach((s, o) => {
    for (let i = o * filter; i < (o + 1) * filter; i++) weights[i] *= s;
  });
  const shift = Float32Array.from(beta, (v, i) => v + ((b ? (b.data[i] as number) : 0) - mean[i]) * scale[i]);
  const [wName, bName] = [`${kernel}@${norm.outputs[0]}`, `${norm.outputs[0]}@bias`];
  constants.set(wName, { ...w, data: weights });
  constants.set(bName, { dtype: "float32", shape: [shift.length], data: shift });
  return { ...conv, inputs: [x, wName, bName] };
}

/** What the convolution's kernel calls the activation, if it knows it. */
function nameOf({ op, inputs, origin }: Node, constants: ReadonlyMap<ValueName, NDArray>): string | undefined {
  if (op === "Relu") return "relu";
  const [min, max] = inputs.slice(1).map((name) => constants.get(name)?.data[0]);
  // torch.clamp lets the gradient pass at its bounds, which the result no longer tells from beyond them.
  return min === 0 && max === 6 && /^aten\.(hardtanh|relu6)/.test(origin?.aten ?? "") ? "relu6" : undefined;
}
