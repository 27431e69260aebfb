/** Graph -> graph without what constants alone decide: that is computed here, once, on the host. */
import { describe, withoutUnread, type Graph, type NDArray, type Node, type ValueName } from "./graph";
import type { OpDef } from "./ops/op";

/** Bytes that folding may add: an untrusted graph could multiply its constants without end. */
const MOST_BYTES = 2 ** 30;
/** Elements that folding may read and write: the same one could be read over and over. */
const MOST_WORK = 2 ** 29;

export class FoldError extends Error {
  override name = "FoldError";
}

export function foldConstants(graph: Graph, definition: (node: Node) => OpDef): Graph {
  const constants = new Map(graph.constants);
  let [bytes, work] = [0, 0];
  const nodes = graph.nodes.filter((node) => {
    const { fold, shapeOnly } = definition(node);
    const known = node.inputs.every((name) => !name || constants.has(name) || (shapeOnly && staticShape(graph, name)));
    if (!fold || !known) return true;
    const x = node.inputs.map((name) => constants.get(name) ?? shapeAlone(graph, name)) as NDArray[];
    if (x.some((array) => array?.dtype === "string")) return true;
    work += elements(x);
    if (work > MOST_WORK)
      throw new FoldError(`${describe(node)}: computing the graph's constants takes more than ${MOST_WORK} steps`);
    let y: readonly NDArray[];
    try {
      y = [fold({ x, attrs: node.attrs, outputs: node.outputs.length })].flat();
      const lacking = node.outputs.findIndex((name, i) => name && !y[i]);
      if (lacking >= 0) throw new Error(`there is no output ${lacking} of ${x.filter(Boolean).length} inputs`);
    } catch (cause) {
      throw new FoldError(`${describe(node)}: ${(cause as Error).message}`, { cause });
    }
    work += elements(y);
    bytes += y.reduce((sum, { data }) => sum + (Array.isArray(data) ? 0 : data.byteLength), 0);
    if (bytes > MOST_BYTES)
      throw new FoldError(`${describe(node)}: the graph's constants grow beyond ${MOST_BYTES / 2 ** 20} MiB`);
    node.outputs.forEach((name, i) => name && constants.set(name, y[i]));
    return false;
  });
  return withoutUnread({ ...graph, nodes, constants });
}

const elements = (arrays: readonly (NDArray | undefined)[]): number =>
  arrays.reduce((sum, array) => sum + (array?.data.length ?? 0), 0);

/** An input's shape that no batch changes. */
function staticShape(graph: Graph, name: ValueName): readonly number[] | undefined {
  const shape = graph.inputs.find((input) => input.name === name)?.shape;
  return shape?.every((d) => d !== null) ? (shape as number[]) : undefined;
}

const shapeAlone = (graph: Graph, name: ValueName): NDArray | undefined => {
  const shape = staticShape(graph, name);
  return shape && { dtype: "float32", shape, data: new Float32Array() };
};
