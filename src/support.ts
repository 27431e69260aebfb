/** Whether the operator tables cover a graph, and what is said where they do not. */
import { describe, shortClass, type Graph, type Node } from "./graph";
import { OPS, resolve } from "./ops";
import type { OpDef } from "./ops/op";

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

/** Throws one {@link UnsupportedError} for all nodes that cannot be computed. */
export function checkSupport(graph: Graph): void {
  const inputs = new Map(graph.inputs.map(({ name, shape }) => [name, shape]));
  const shape = (name: string) => graph.constants.get(name)?.shape ?? graph.shapes.get(name) ?? inputs.get(name);
  const problems = graph.nodes.flatMap((node) => {
    const def = resolve(node.op, node.domain, graph.opset);
    const reason = def ? whyNot(node, def, node.inputs.map(shape)) : missing(node, graph.opset);
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
  shapes: readonly (readonly (number | null)[] | undefined)[],
): string | undefined {
  const kernel = def.kernel === undefined ? undefined : shapes[def.kernel];
  if (def.layout === "image" && !shapes[0] && !node.attrs.kernel_shape && !kernel) {
    return `the shape of "${node.inputs[0]}" is not known; run onnx.shape_inference.infer_shapes on the model first`;
  }
  return def.unsupported?.(node.attrs, shapes);
}
