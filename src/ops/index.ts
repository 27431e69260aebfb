/** All operators. A family is one file with one table; a name stands in one of them only. */
import { FUSED_DOMAIN } from "../graph";
import { CONV } from "./conv";
import { EINSUM } from "./einsum";
import { ELEMENTWISE } from "./elementwise";
import { FUSED } from "./fused";
import { MATMUL } from "./matmul";
import { NORM } from "./norm";
import type { OpDef, Table } from "./op";
import { POOL } from "./pool";
import { RECURRENT } from "./recurrent";
import { REDUCE } from "./reduce";
import { RESIZE } from "./resize";
import { SCATTERING } from "./scatter";
import { SHAPE } from "./shape";

const FAMILIES: readonly Table[] = [
  ...[ELEMENTWISE, MATMUL, EINSUM, CONV, POOL, NORM, REDUCE, RECURRENT, RESIZE, SHAPE, SCATTERING],
];

export const OPS: ReadonlyMap<string, readonly OpDef[]> = (() => {
  const ops = new Map<string, readonly OpDef[]>();
  for (const [name, defs] of FAMILIES.flatMap((family) => Object.entries(family))) {
    if (ops.has(name)) throw new Error(`operator ${name} is defined twice`);
    ops.set(
      name,
      [...defs].sort((a, b) => b.since - a.since),
    );
  }
  return ops;
})();

/** The newest definition that is not newer than the model's operator set. */
export function resolve(name: string, domain: string, opset: number): OpDef | undefined {
  if (domain === FUSED_DOMAIN) return FUSED[name]?.[0];
  return domain === "" || domain === "ai.onnx" ? OPS.get(name)?.find((def) => def.since <= opset) : undefined;
}
