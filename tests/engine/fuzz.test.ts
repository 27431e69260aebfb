/**
 * Corrupted and adversarial files: each ends in an error of ours, or in a model that runs or says why not. Seeded; a hang is
 * jest's time limit, and what would take all memory kills the process.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type ResultArray } from "../../src/engine";
import { FoldError } from "../../src/fold";
import { OnnxError } from "../../src/onnx";
import { ModelProtoSchema, type ModelProto } from "../../src/proto/onnx_pb";
import { EngineError, UnsupportedError } from "../../src/support";
import { revive } from "./fixtures";

const FOLDER = join(__dirname, "../fixtures/data/zoo");
const NETS = ["unet_bilinear", "bilstm", "transformer_encoder", "pools"];
const BYTES = 1200;
const FIELDS = 800;
const CASES_A_TEST = 100;

interface Net {
  onnx: Uint8Array;
  inputs: Record<string, ResultArray>;
}

const nets = NETS.map((name): Net => {
  const { inputs } = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"), revive) as Net;
  return { onnx: Uint8Array.from(readFileSync(join(FOLDER, `${name}.onnx`))), inputs };
});

/** Numbers that are always the same: 0 up to and without `below`. */
function dice(seed: number): (below: number) => number {
  let state = (seed + 1) * 2654435761;
  return (below) => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}
type Dice = ReturnType<typeof dice>;

const pick = <T>(roll: Dice, of: readonly T[]): T => of[roll(of.length)];
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const repeated = (times: number, byte: number): Uint8Array => new Uint8Array(times).fill(byte);

/** Most of a file is weights: mutations there change nothing. */
const place = (roll: Dice, { length }: Uint8Array): number => roll(pick(roll, [200, 4000, length].map((n) => Math.min(n, length)))); // prettier-ignore

const BYTE_MUTATIONS: Record<string, (bytes: Uint8Array, roll: Dice) => Uint8Array> = {
  flip: (bytes, roll) => {
    for (let i = 0; i <= roll(4); i++) bytes[place(roll, bytes)] ^= 1 << roll(8);
    return bytes;
  },
  overwrite: (bytes, roll) => bytes.fill(roll(256), ...[place(roll, bytes)].flatMap((at) => [at, at + 1 + roll(12)])),
  truncate: (bytes, roll) => bytes.slice(0, roll(bytes.length)),
  remove: (bytes, roll) => {
    const at = place(roll, bytes);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + roll(40)));
  },
  insert: (bytes, roll) => {
    const at = place(roll, bytes);
    return joined(bytes.subarray(0, at), repeated(1 + roll(10), pick(roll, [0, 0x7f, 0x80, 0xff])), bytes.subarray(at));
  },
  repeat: (bytes, roll) => {
    const at = place(roll, bytes);
    return joined(bytes.subarray(0, at + 60), bytes.subarray(at));
  },
};

const HUGE = [0n, -1n, 1n, 2n, 7n, 65537n, 2n ** 31n, 2n ** 40n, 2n ** 62n, -(2n ** 63n)];
const NAMES = ["", "x", "no such value", "__proto__", "constructor", "\u0000", "a".repeat(10_000)];
const OPS = ["Conv", "MaxPool", "Reshape", "Gather", "LSTM", "Resize", "Einsum", "Tile", "Expand", "Pad", "Loop", "Slice", "TopK", "toString"]; // prettier-ignore

const FIELD_MUTATIONS: Record<
  string,
  (graph: NonNullable<ModelProto["graph"]>, roll: Dice, model: ModelProto) => void
> = {
  dims: ({ initializer }, roll) => {
    const { dims } = pick(roll, initializer);
    if (dims.length) dims[roll(dims.length)] = pick(roll, HUGE);
    else dims.push(pick(roll, HUGE));
  },
  weights: ({ initializer }, roll) => (pick(roll, initializer).rawData = repeated(roll(64), roll(256))),
  type: ({ initializer }, roll) => (pick(roll, initializer).dataType = roll(25)),
  numbers: ({ initializer }, roll) => {
    const small = initializer.filter(({ rawData }) => rawData.length && rawData.length <= 64);
    const raw = pick(roll, small.length ? small : initializer).rawData;
    const at = 8 * roll(Math.max(1, raw.length >> 3));
    raw.fill(pick(roll, [0x00, 0x01, 0x7f, 0xff]), at, at + 8);
  },
  attribute: ({ node }, roll) => {
    const attributes = node.flatMap((n) => n.attribute);
    const attribute = pick(roll, attributes);
    attribute.i = pick(roll, HUGE);
    attribute.f = pick(roll, [NaN, Infinity, -1, 1e38]);
    if (attribute.ints.length) attribute.ints[roll(attribute.ints.length)] = pick(roll, HUGE);
    if (roll(2)) attribute.ints.push(pick(roll, HUGE));
    if (roll(4) === 0) attribute.s = repeated(roll(9), 0xff);
    if (roll(4) === 0) attribute.name = pick(roll, NAMES);
  },
  operator: ({ node }, roll) => (pick(roll, node).opType = pick(roll, OPS)),
  domain: ({ node }, roll) =>
    (pick(roll, node).domain = pick(roll, ["ai.onnx.ml", "com.microsoft", "attriscope.fused"])),
  input: ({ node }, roll) => {
    const { input } = pick(roll, node);
    if (input.length) input[roll(input.length)] = pick(roll, [...NAMES, ...pick(roll, node).output]);
  },
  output: ({ node }, roll) => {
    const { output } = pick(roll, node);
    output[roll(output.length)] = pick(roll, [...NAMES, ...pick(roll, node).output]);
  },
  arity: ({ node }, roll) => void pick(roll, node).input.splice(roll(2), 1),
  node: ({ node }, roll) => void node.splice(roll(node.length), 1),
  order: ({ node }, roll) => void node.push(...node.splice(0, roll(node.length))),
  twice: ({ node }, roll) => void node.push(pick(roll, node)),
  shape: ({ input, valueInfo }, roll) => {
    const type = pick(roll, [...input, ...valueInfo]).type?.value;
    const dims = type?.case === "tensorType" ? (type.value.shape?.dim ?? []) : [];
    if (dims.length) pick(roll, dims).value = { case: "dimValue", value: pick(roll, HUGE) };
  },
  opset: (_, roll, model) => (pick(roll, model.opsetImport).version = pick(roll, [...HUGE, 12n, 13n, 21n, 22n])),
};

const OURS = [OnnxError, FoldError, UnsupportedError, EngineError];

/** What is wrong with how a file is taken, if anything. */
async function complaint(bytes: Uint8Array, inputs: Net["inputs"]): Promise<string | undefined> {
  let model: Model | undefined;
  try {
    model = await Model.load(bytes, { backend: "cpu" });
    await model.run(inputs);
  } catch (error) {
    const { name, message, stack } = error as Error;
    if (!OURS.some((type) => error instanceof type)) return `${name}: ${stack?.split("\n").slice(0, 4).join(" | ")}`;
    if (message.length < 15) return `says no more than "${message}"`;
  } finally {
    model?.dispose();
  }
  const { numTensors } = tf.memory();
  return numTensors ? `${numTensors} tensors are left` : undefined;
}

const batches = (count: number) => Array.from({ length: count / CASES_A_TEST }, (_, i) => i * CASES_A_TEST);

describe("bytes", () => {
  test.each(batches(BYTES))(
    "%d and on",
    async (first) => {
      const complaints: string[] = [];
      for (let i = first; i < first + CASES_A_TEST; i++) {
        const roll = dice(i);
        const net = nets[i % nets.length];
        const [kind, mutate] = pick(roll, Object.entries(BYTE_MUTATIONS));
        const found = await complaint(mutate(net.onnx.slice(), roll), net.inputs);
        if (found) complaints.push(`${i} ${kind}: ${found}`);
      }
      expect(complaints).toEqual([]);
    },
    120_000,
  );
});

describe("fields", () => {
  test.each(batches(FIELDS))(
    "%d and on",
    async (first) => {
      const complaints: string[] = [];
      for (let i = first; i < first + CASES_A_TEST; i++) {
        const roll = dice(7919 * (i + 1));
        const net = nets[i % nets.length];
        const model = fromBinary(ModelProtoSchema, net.onnx.slice());
        const [kind, mutate] = pick(roll, Object.entries(FIELD_MUTATIONS));
        mutate(model.graph!, roll, model);
        const found = await complaint(toBinary(ModelProtoSchema, model), net.inputs);
        if (found) complaints.push(`${i} ${kind}: ${found}`);
      }
      expect(complaints).toEqual([]);
    },
    120_000,
  );
});
