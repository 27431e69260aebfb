/** Graph -> graph whose images lie channels last, [N, ..., C], decided once when a model is loaded. */
import { describe, integers, withoutUnread, type Graph, type NDArray, type Node, type ValueName } from "./graph";
import { transposed, withShape } from "./ops/host";
import type { ImageAxes, OpDef } from "./ops/op";
import { EngineError } from "./support";

/** perm of a transposition [N, C, ...] -> [N, ..., C], and back; a kernel [O, I, ...k] -> [...k, I, O]. */
const toLast = (rank: number): number[] => [0, ...spatial(rank), 1];
const toFirst = (rank: number): number[] => [0, rank - 1, ...spatial(rank).map((i) => i - 1)];
const toKernel = (rank: number): number[] => [...spatial(rank), 1, 0];
const spatial = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, i) => i + 2);

export interface LaidOut {
  graph: Graph;
  /** Name under which a value stands in ONNX's order, where it is not its own. */
  plain: ReadonlyMap<ValueName, ValueName>;
  /** Values that lie channels last under their own name. */
  images: ReadonlySet<ValueName>;
  /** Values in ONNX's order that some node reads as images. */
  read: ReadonlySet<ValueName>;
  /** Transposed values past which some reader reads. */
  passed: ReadonlySet<ValueName>;
}

/** `merge`: two transpositions in a row become one, or none, which reads past the value between them. */
export function layOut(graph: Graph, definition: (node: Node) => OpDef, merge: boolean): LaidOut {
  const nodes: Node[] = [];
  const constants = new Map(graph.constants);
  const images = new Set<ValueName>();
  /** Of a value: its name in the other layout. */
  const plain = new Map<ValueName, ValueName>();
  const last = new Map<ValueName, ValueName>();
  const ranks = new Map<ValueName, number>();
  for (const [name, { shape }] of constants) ranks.set(name, shape.length);
  for (const [name, shape] of graph.shapes) ranks.set(name, shape.length);
  for (const { name, shape } of graph.inputs) ranks.set(name, shape.length);
  /** Transpositions in the graph. */
  const turns = new Map<ValueName, { of: ValueName; perm: readonly number[] }>();

  const emit = (node: Node, image: boolean): void => {
    nodes.push(node);
    if (node.op === "Transpose" && node.attrs.perm)
      turns.set(node.outputs[0], { of: node.inputs[0], perm: node.attrs.perm as number[] });
    for (const name of image ? node.outputs : []) images.add(name);
  };
  const passed = new Set<ValueName>();
  const read = new Set<ValueName>();
  const turned = (value: ValueName, suffix: string, perm: readonly number[]): ValueName => {
    const name = `${value}@${suffix}`;
    const before = merge ? turns.get(value) : undefined;
    if (before) passed.add(value);
    const whole = before ? perm.map((p) => before.perm[p]) : [...perm];
    const stays = whole.every((p, i) => p === i);
    const common = { name, domain: "", inputs: [before?.of ?? value], outputs: [name], origin: null };
    emit({ ...common, op: stays ? "Identity" : "Transpose", attrs: stays ? {} : { perm: whole } }, false);
    ranks.set(name, perm.length);
    return name;
  };
  const asPlain = (value: ValueName): ValueName => {
    if (!images.has(value)) return value;
    if (!plain.has(value)) plain.set(value, turned(value, "channels first", toFirst(ranks.get(value)!)));
    return plain.get(value)!;
  };
  const asImage = (value: ValueName, rank: number): ValueName => {
    if (images.has(value)) return value;
    const key = `${value} ${rank}`;
    let name = last.get(key);
    if (!name) {
      const constant = constants.get(value);
      if (constant) constants.set((name = `${value}@channels last ${rank}`), imageConstant(constant, rank));
      else name = turned(value, "channels last", toLast(rank));
      read.add(value);
      last.set(key, name);
      images.add(name);
    }
    return name;
  };
  const asKernel = (value: ValueName): ValueName => {
    const name = `${value}@kernel`;
    const constant = constants.get(value);
    if (!constant) return turned(value, "kernel", toKernel(ranks.get(value)!));
    if (!constants.has(name)) constants.set(name, transposed(constant, toKernel(constant.shape.length)));
    return name;
  };

  // An image that comes in is turned at once: whatever reads it then reads one and the same tensor, as in PyTorch.
  const incoming = new Set(graph.inputs.map(({ name }) => name));
  const incomingImages = new Set(
    graph.nodes.flatMap((node) =>
      definition(node).layout === "image" && incoming.has(node.inputs[0]) ? [node.inputs[0]] : [],
    ),
  );
  const isImage = (value: ValueName) => images.has(value) || incomingImages.has(value);

  const lay = (node: Node): void => {
    const { layout, host = [], kernel } = definition(node);
    /** The node after a change of the inputs at some places. */
    const put = (places: readonly number[], change: (value: ValueName) => ValueName): Node => ({
      ...node,
      inputs: node.inputs.map((name, i) => (name && places.includes(i) ? change(name) : name)),
    });
    const tensors = node.inputs.flatMap((name, i) => (name && !host.includes(i) ? [i] : []));
    const settle = (dimensions: number) => {
      for (const name of node.outputs) ranks.set(name, dimensions);
    };

    if (layout === "image") {
      const dimensions = imageRank(node, kernel, ranks);
      const [x, w] = [node.inputs[0], kernel === undefined ? "" : node.inputs[kernel]];
      if (dimensions < 3) throw new Error(`"${x}" has ${dimensions} dimensions, expected 3 or more: [N, C, ...]`);
      if (w && (ranks.get(w) ?? dimensions) !== dimensions)
        throw new Error(`the kernel "${w}" has ${ranks.get(w)} dimensions, expected ${dimensions} as "${x}" has`);
      settle(dimensions);
      const laid = put([0], (name) => asImage(name, dimensions));
      const inputs = laid.inputs.map((name, i) => (i === kernel ? asKernel(name) : name));
      emit({ ...laid, inputs }, true);
      return;
    }
    const carriers = typeof layout === "object" && layout.inputs ? layout.inputs : tensors;
    const names = carriers.map((i) => node.inputs[i]).filter(Boolean);
    const first = names.find(isImage);
    const dimensions = first === undefined ? 0 : ranks.get(first)!;
    if (layout === "pointwise") {
      const fits = (name: ValueName) =>
        isImage(name) ||
        ranks.get(name) === 0 ||
        (constants.has(name) ? ranks.get(name)! <= dimensions : ranks.get(name) === dimensions);
      if (first !== undefined && names.every(fits)) {
        emit(
          put(tensors, (name) => (ranks.get(name) === 0 ? name : asImage(name, dimensions))),
          true,
        );
        settle(dimensions);
        return;
      }
    } else if (typeof layout === "object" && first !== undefined) {
      const fits = (name: ValueName) => isImage(name) || (constants.has(name) && ranks.get(name) === dimensions);
      const adapted = names.every(fits)
        ? layout.adapt(
            put(carriers, (name) => asImage(name, dimensions)),
            axesOf(node, dimensions),
          )
        : null;
      if (adapted) {
        emit(adapted.node, adapted.image);
        if (adapted.image) settle(dimensions);
        return;
      }
    }
    emit(put(tensors, asPlain), false);
  };
  for (const node of graph.nodes) {
    try {
      lay(node);
    } catch (cause) {
      throw new EngineError(`${describe(node)}: ${(cause as Error).message}`, { cause });
    }
  }
  for (const { name } of graph.outputs) asPlain(name);
  return { graph: withoutUnread({ ...graph, nodes, constants }), plain, images, read, passed };

  function axesOf(node: Node, rank: number): ImageAxes {
    return {
      rank,
      map: (axis) => toFirst(rank)[axis < 0 ? axis + rank : axis],
      ints: (input) => (constants.has(input) ? integers(constants.get(input)!) : null),
      constant: (ints) => {
        const name = `${node.outputs[0]}@${constants.size}`;
        constants.set(name, { dtype: "int64", shape: [ints.length], data: Float64Array.from(ints) });
        return name;
      },
    };
  }
}

/** Rank of an image operator's input, from shapes or from the node itself. */
function imageRank(node: Node, kernel: number | undefined, ranks: ReadonlyMap<ValueName, number>): number {
  const window = node.attrs.kernel_shape as number[] | undefined;
  const rank =
    ranks.get(node.inputs[0]) ??
    (window && window.length + 2) ??
    (kernel === undefined ? undefined : ranks.get(node.inputs[kernel]));
  return rank ?? 4;
}

/** A constant that is broadcast against [N, C, ...], for [N, ..., C]. */
function imageConstant(constant: NDArray, rank: number): NDArray {
  const lead = Array<number>(rank - constant.shape.length).fill(1);
  return transposed(withShape(constant, [...lead, ...constant.shape]), toLast(rank));
}
