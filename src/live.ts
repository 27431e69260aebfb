/** Which kernel models are alive in this page, and the source of samples that asks them. Plain values, nothing of Jupyter. */
import type { Choice } from "./choice";
import type { Arguments } from "./methods/method";
import type { Source } from "./seams";
import { decodeScan } from "./wire";
import type { FetchRequest, Filter, ModelRequest, Payload, PayloadRequest, Scan } from "./wire";

/** What is chosen, as Python sees and sets it: the widget's traits. */
export interface Traits {
  method: string;
  /** Of this method. */
  arguments: Arguments;
  /** Of the selected sample, or of all while none is; null explains what is predicted. */
  target: number | null;
  selected: number | null;
  filters: Filter;
  /** All of it; what Python sets may be a part, and is unchecked. */
  choice: Partial<Choice>;
}

/** What is known of a kernel-side model; `widget.ts` has the implementation. */
export interface LiveModel {
  readonly model_id: string;
  /** Messages reach the kernel. A model may exist without: restored from a saved state, or its kernel is gone. */
  readonly comm_live: boolean;
  /** Key of the payload that the kernel has rendered last. */
  readonly payload: string;
  /** Counts what Python has set. */
  readonly turn: number;
  /** As they are on this side. */
  readonly traits: Traits;
  /** Sets traits here and in the kernel. */
  write(traits: Traits): void;
  /**
   * Sends a request and waits for its reply.
   * @returns the buffers of the reply
   * @throws what the kernel answered, an AbortError, or that the kernel went away
   */
  request(content: FetchRequest | ModelRequest | PayloadRequest, signal: AbortSignal): Promise<DataView[]>;
  /** Sends what is not answered. */
  tell(content: object, buffers: ArrayBuffer[]): void;
  /** Listens to changes of the traits, from wherever, and to the kernel's wish for results. */
  listen(onTraits: () => void, onAsked: () => void, signal: AbortSignal): void;
}

/** Whose output this is: what stands beside its payload. */
export interface Output {
  /** Of the kernel's model; null for a page without a kernel. */
  modelId: string | null;
  /** Key of the payload. */
  payload: string | null;
}

const models = new Map<string, LiveModel>();

/** Fires an event named by the model's id whenever that model comes, goes, or changes `comm_live` or `payload`. */
const changes = new EventTarget();

export function announce(model: LiveModel): void {
  models.set(model.model_id, model);
  changes.dispatchEvent(new Event(model.model_id));
}

export function retract(model: LiveModel): void {
  if (models.get(model.model_id) !== model) return;
  models.delete(model.model_id);
  changes.dispatchEvent(new Event(model.model_id));
}

/** The model behind an output, while it answers and shows the same payload: another one makes it an output of before. */
export function liveModel({ modelId, payload }: Output): LiveModel | undefined {
  const model = modelId === null ? undefined : models.get(modelId);
  return model?.comm_live && model.payload === payload ? model : undefined;
}

/** Calls back whenever {@link liveModel} may have changed. */
export function onLive({ modelId }: Output, listener: () => void, signal: AbortSignal): void {
  if (modelId !== null) changes.addEventListener(modelId, listener, { signal });
}

const NO_KERNEL =
  "No kernel is connected, so only the samples stored here can be shown. Run the cell again in a notebook to fetch more.";

/**
 * The samples behind one output: those of the kernel's model while it lives, else none. The model may be announced long
 * after the output was drawn (its class is loaded lazily) or never (a saved notebook, a page).
 */
export class KernelSource extends EventTarget implements Source {
  readonly #output: Output;
  readonly #payload: Payload;
  readonly #disposed = new AbortController();
  #live: boolean;

  /** @param payload of the same output, with whose classes and features further samples must agree */
  constructor(output: Output, payload: Payload) {
    super();
    this.#output = output;
    this.#payload = payload;
    this.#live = liveModel(output) !== undefined;
    onLive(output, () => this.#update(), this.#disposed.signal);
  }

  get live(): boolean {
    return this.#live;
  }

  async fetch(request: FetchRequest, signal: AbortSignal): Promise<Scan> {
    return decodeScan(await this.#ask(request, signal), this.#payload);
  }

  async model(index: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#ask({ op: "model", model: index }, signal);
  }

  dispose(): void {
    this.#disposed.abort();
  }

  #update(): void {
    const live = liveModel(this.#output) !== undefined;
    if (live === this.#live) return;
    this.#live = live;
    this.dispatchEvent(new Event("change"));
  }

  async #ask(request: FetchRequest | ModelRequest, signal: AbortSignal): Promise<Uint8Array> {
    const model = liveModel(this.#output);
    if (!model) throw new Error(NO_KERNEL);
    return bytesIn(await model.request(request, signal), request.op);
  }
}

/** What a reply carries. */
export function bytesIn([buffer]: DataView[], op: string): Uint8Array<ArrayBuffer> {
  if (!buffer) throw new Error(`The kernel's reply to "${op}" carries no data. Run the cell again.`);
  return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength);
}
