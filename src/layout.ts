/** Graph -> graph whose images lie in [N, H, W, C], decided once when a model is loaded. */
import { integers, sizeOf, type Constant, type Graph, type Node, type ValueName } from "./graph";
import type { OpDef } from "./ops/op";

/** perm of tf.transpose, each the inverse of the other. */
const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];

export interface LaidOut {
  graph: Graph;
  /** Values that lie in [N, H, W, C]. */
  images: ReadonlySet<ValueName>;
  /** Name under which a value stands in ONNX's order, where it is not its own. */
  plain: ReadonlyMap<ValueName, ValueName>;
}

export function layOut(graph: Graph, definition: (node: Node) => OpDef): LaidOut {
  const nodes: Node[] = [];
  const constants = new Map(graph.constants);
  const images = new Set<ValueName>();
  /** Of a value: its name in the other layout. */
  const plain = new Map<ValueName, ValueName>();
  const nhwc = new Map<ValueName, ValueName>();
  const ranks = new Map<ValueName, number>();
  for (const [name, { shape }] of constants) ranks.set(name, shape.length);
  for (const [name, shape] of graph.shapes) ranks.set(name, shape.length);
  for (const { name, shape } of graph.inputs) ranks.set(name, shape.length);

  const transposed = (value: ValueName, suffix: string, perm: number[]): ValueName => {
    const name = `${value}@${suffix}`;
    nodes.push({ name, op: "Transpose", domain: "", inputs: [value], outputs: [name], attrs: { perm }, origin: null });
    ranks.set(name, 4);
    return name;
  };
  const asPlain = (value: ValueName): ValueName => {
    if (!images.has(value)) return value;
    if (!plain.has(value)) plain.set(value, transposed(value, "nchw", TO_NCHW));
    return plain.get(value)!;
  };
  const asImage = (value: ValueName): ValueName => {
    if (images.has(value)) return value;
    if (!nhwc.has(value)) {
      const constant = constants.get(value);
      if (constant) constants.set(`${value}@nhwc`, imageConstant(constant));
      const name = constant ? `${value}@nhwc` : transposed(value, "nhwc", TO_NHWC);
      nhwc.set(value, name);
      images.add(name);
    }
    return nhwc.get(value)!;
  };
  // An image that comes in is turned at once: whatever reads it then reads one and the same tensor, as in PyTorch.
  const hasImageOps = graph.nodes.some((node) => definition(node).layout === "image");
  const inputs = new Set(graph.inputs.filter(({ shape }) => hasImageOps && shape.length === 4).map(({ name }) => name));
  const isImage = (value: ValueName) => images.has(value) || inputs.has(value);

  for (const node of graph.nodes) {
    const { layout, constants: known = [] } = definition(node);
    const operands = node.inputs.filter((name, i) => name && !known.includes(i));
    const emit = (adapted: Node, image: boolean) => {
      nodes.push(adapted);
      if (!image) return;
      images.add(node.outputs[0]);
      ranks.set(node.outputs[0], 4);
    };
    const put = (change: (value: ValueName) => ValueName): Node => ({
      ...node,
      inputs: node.inputs.map((name, i) => (name && !known.includes(i) ? change(name) : name)),
    });

    if (layout === "image") {
      const image = isImage(node.inputs[0]) || imageRank(node, ranks) === 4;
      emit({ ...node, inputs: [image ? asImage(node.inputs[0]) : node.inputs[0], ...node.inputs.slice(1)] }, image);
    } else if (
      layout === "pointwise" &&
      operands.some(isImage) &&
      operands.every((v) => isImage(v) || constants.has(v) || ranks.get(v) === 4)
    ) {
      emit(put(asImage), true);
    } else if (
      typeof layout === "object" &&
      operands.every((v) => isImage(v) || (constants.has(v) && ranks.get(v) === 4)) &&
      operands.some(isImage)
    ) {
      const adapted = layout.adapt(put(asImage), {
        map: (axis) => TO_NCHW[axis < 0 ? axis + 4 : axis],
        ints: (input) => (constants.has(input) ? integers(constants.get(input)!) : null),
        constant: (ints) => {
          const name = `${node.outputs[0]}@axes`;
          constants.set(name, { dtype: "int64", shape: [ints.length], data: Float64Array.from(ints) });
          return name;
        },
      });
      if (adapted) emit(adapted.node, adapted.image);
      else emit(put(asPlain), false);
    } else {
      emit(put(asPlain), false);
    }
  }
  for (const { name } of graph.outputs) asPlain(name);
  return { graph: { ...graph, nodes, constants }, images, plain };
}

/** Rank of an image operator's input, from shapes or from the node itself. */
function imageRank(node: Node, ranks: ReadonlyMap<ValueName, number>): number | undefined {
  const kernel = node.attrs.kernel_shape as number[] | undefined;
  return (
    ranks.get(node.inputs[0]) ??
    (kernel && kernel.length + 2) ??
    (node.op === "Conv" ? ranks.get(node.inputs[1]) : undefined)
  );
}

/** A constant that is broadcast against [N, C, H, W], for [N, H, W, C]. */
function imageConstant({ dtype, shape, data }: Constant): Constant {
  const [n, c, h, w] = [...Array<number>(4 - shape.length).fill(1), ...shape];
  const source = data as Float32Array;
  const turned = source.slice();
  for (let i = 0; i < sizeOf(shape); i++) {
    const [x, y, k, b] = [i % w, Math.floor(i / w) % h, Math.floor(i / (w * h)) % c, Math.floor(i / (w * h * c))];
    turned[((b * h + y) * w + x) * c + k] = source[i];
  }
  return { dtype, shape: [n, h, w, c], data: turned };
}
