/** Reads what tests/fixtures/ops.py wrote: single operators with what ONNX's reference and torch say about them. */
import { readFileSync } from "fs";
import { join } from "path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ResultArray } from "../../src/engine";
import { OPSETS } from "../../src/onnx";
import { ModelProtoSchema } from "../../src/proto/onnx_pb";
import { decode, revive } from "../engine/fixtures";

export interface OpCase {
  name: string;
  /** The operator that a random case is about. */
  op: string;
  /** Operators of a conformance case's graph. */
  ops: string[];
  domains?: string[];
  opset: number | null;
  onnx: string;
  inputs: Record<string, ResultArray>;
  outputs: Record<string, ResultArray>;
  /** Why a case cannot be read, in place of inputs and outputs. */
  unreadable?: string;
  rtol?: number;
  atol?: number;
  gradient: { seed: Record<string, ResultArray>; inputs: Record<string, ResultArray> } | null;
  smooth: boolean;
}

export const readCases = (file: "conformance" | "random"): OpCase[] =>
  JSON.parse(readFileSync(join(__dirname, `../fixtures/data/ops/${file}.json`), "utf8"), revive) as OpCase[];

/**
 * A case's model. Conformance cases declare the operator set in which an operator last changed; the same definition holds in
 * the nearest of the sets that we read.
 */
export function modelOf({ onnx, opset }: OpCase): Uint8Array {
  const bytes = decode(onnx);
  if (opset === null || (opset >= OPSETS.min && opset <= OPSETS.max)) return bytes;
  const model = fromBinary(ModelProtoSchema, bytes);
  for (const entry of model.opsetImport)
    if (!entry.domain) entry.version = BigInt(Math.min(Math.max(opset, OPSETS.min), OPSETS.max));
  return toBinary(ModelProtoSchema, model);
}
