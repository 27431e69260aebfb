/** The seams of the session: what computes and where samples come from. Whatever stands behind them can be exchanged. */
import type { BackendChoice } from "./backend";
import type { FloatArray, ResultArray } from "./engine";
import type { Attribution } from "./methods";
import type { Arguments, Plan, Shapes } from "./methods/method";
import type { FetchRequest, Scan } from "./wire";
import type { Measurement } from "./metrics/metric";
import type { AttributeRequest, MeasureRequest, ModelInfo, OnPreview, Refusal } from "./worker";

/** Something that runs models: today a worker of the page. */
export interface Engine {
  /**
   * Rejects with a {@link RefusedError} where operators are lacking. `onProgress` counts the steps in which the graphics
   * hardware's shaders are compiled.
   */
  load(
    onnx: Uint8Array,
    backend: BackendChoice,
    onProgress: (done: number, total: number) => void,
  ): Promise<EngineModel>;
}

export interface EngineModel {
  readonly info: ModelInfo;
  run(inputs: Record<string, FloatArray>): Promise<Record<string, ResultArray>>;
  /** Checks arguments without computing. */
  plan(method: string, args: Arguments, shapes: Shapes): Promise<Plan>;
  /**
   * Answers the requests one after the other, all or none; `onProgress` gets 0..1 of the whole, `onPreview` now and then what
   * a request has come to.
   */
  attribute(
    requests: AttributeRequest[],
    signal: AbortSignal,
    onProgress: (done: number) => void,
    onPreview: OnPreview,
  ): Promise<Attribution[]>;
  /** Judges an explanation. */
  measure(question: MeasureRequest, signal: AbortSignal): Promise<Measurement>;
  dispose(): void;
}

/** Something that has samples: a kernel, or only what is stored. Fires "change" when `live` flips. */
export interface Source extends EventTarget {
  /** Further samples can be fetched. */
  readonly live: boolean;
  /** Rejects with the kernel's message. */
  fetch(request: FetchRequest, signal: AbortSignal): Promise<Scan>;
  /** The ONNX bytes of a model that was left out of the payload. */
  model(index: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** Names of errors after which what was loaded is gone: the worker has died, or the graphics hardware was taken away. */
export const ENGINE_STOPPED = "EngineStopped";
export const GRAPHICS_LOST = "GraphicsLost";

/** Errors travel between page and worker without their class. */
export const isFatal = (error: unknown): boolean =>
  error instanceof Error && (error.name === ENGINE_STOPPED || error.name === GRAPHICS_LOST);

/** The engine lacks operators of this model; `nodes` are all of them, `total` counts the graph. */
export class RefusedError extends Error {
  override name = "RefusedError";
  readonly nodes: Refusal["nodes"];
  readonly total: number;

  constructor({ message, nodes, total }: Refusal) {
    super(message);
    this.nodes = nodes;
    this.total = total;
  }
}
