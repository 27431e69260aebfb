/** Whether the operator tables cover a graph, and what is said where they do not. */
import { describe, FUSED_DOMAIN, shortClass, type Attr, type Graph, type Node } from "./graph";
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
    // Graph passes put the operators of that domain in; a file has none.
    const def = node.domain === FUSED_DOMAIN ? undefined : resolve(node.op, node.domain, graph.opset);
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
  return wrongAttribute(node) ?? wrongGroup(node, kernel) ?? def.unsupported?.(node.attrs, shapes);
}

// -- attributes: the specification gives a name the same type in all operators ------------------------------------------

const isNumbers = (value: Attr): value is number[] => Array.isArray(value) && typeof (value[0] ?? 0) === "number";

const KINDS: Readonly<Record<string, { names: string; fits: (value: Attr) => boolean }>> = {
  "a number": {
    names: "alpha beta bias clip cubic_coeff_a epsilon extrapolation_value gamma momentum",
    fits: (value) => typeof value === "number",
  },
  "an integer from 1 on": {
    names: "blocksize group hidden_size num_groups num_outputs size",
    fits: (value) => Number.isInteger(value) && (value as number) > 0,
  },
  "an integer": {
    names:
      "allowzero antialias axis batch_dims ceil_mode count_include_pad detect_negative detect_positive dtype end " +
      "exclude_outside exclusive fmod input_forget keepdims largest layout linear_before_reset " +
      "noop_with_empty_axes p reverse select_last_index sorted start storage_order to " +
      "training_mode transA transB upper",
    fits: Number.isInteger,
  },
  "a string": {
    names:
      "approximate auto_pad coordinate_transformation_mode direction equation keep_aspect_ratio_policy mode nearest_mode " +
      "reduction",
    fits: (value) => typeof value === "string",
  },
  "integers from 1 on": {
    names: "dilations kernel_shape strides",
    fits: (value) => isNumbers(value) && value.every((v) => Number.isInteger(v) && v > 0),
  },
  integers: {
    names: "axes output_padding output_shape pads perm",
    fits: (value) => isNumbers(value) && value.every(Number.isInteger),
  },
  numbers: { names: "activation_alpha activation_beta", fits: isNumbers },
  strings: { names: "activations", fits: (value) => Array.isArray(value) && typeof (value[0] ?? "") === "string" },
  "a tensor": { names: "value", fits: (value) => typeof value === "object" && "data" in value },
};

const KIND_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(KINDS).flatMap(([kind, { names }]) => names.split(" ").map((name) => [name, kind] as const)),
);

function wrongAttribute({ attrs }: Node): string | undefined {
  for (const [name, value] of Object.entries(attrs)) {
    const kind = KIND_OF.get(name);
    if (kind && !KINDS[kind].fits(value))
      return `attribute ${name} is ${shown(value)}, expected ${kind}; check the file with onnx.checker.check_model`;
  }
  return undefined;
}

/** Every group has filters of its own. */
function wrongGroup({ attrs }: Node, kernel: readonly (number | null)[] | undefined): string | undefined {
  const { group = 1 } = attrs as { group?: number };
  const filters = kernel?.[0];
  return filters && filters % group
    ? `attribute group is ${group}, expected a divisor of the first dimension of the kernel [${kernel.join(", ")}]`
    : undefined;
}

/** Short, whatever a file holds. */
const shown = (value: Attr): string => {
  const text = typeof value === "object" && "data" in value ? `a tensor [${value.shape}]` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
