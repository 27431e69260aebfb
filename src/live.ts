/** Which kernel models are alive in this page, and the source of samples that asks them. Plain values, nothing of Jupyter. */
import type { Source } from "./seams";
import { decodeScan, type FetchRequest, type ModelRequest, type Payload, type Scan } from "./wire";

/** What is known of a kernel-side model; `widget.ts` has the implementation. */
export interface LiveModel {
  readonly model_id: string;
  /** Messages reach the kernel. A model may exist without: restored from a saved state, or its kernel is gone. */
  readonly comm_live: boolean;
  /**
   * Sends a request and waits for its reply.
   * @returns the buffers of the reply
   * @throws what the kernel answered, an AbortError, or that the kernel went away
   */
  request(content: FetchRequest | ModelRequest, signal: AbortSignal): Promise<DataView[]>;
}

const models = new Map<string, LiveModel>();

/** Fires an event named by the model's id whenever that model comes, goes, or changes `comm_live`. */
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

const NO_KERNEL =
  "No kernel is connected, so only the samples stored here can be shown. Run the cell again in a notebook to fetch more.";

/**
 * The samples behind one output: those of the kernel's model while it lives, else none. The model may be announced long
 * after the output was drawn (its class is loaded lazily) or never (a saved notebook, a page: `modelId` null).
 */
export class KernelSource extends EventTarget implements Source {
  readonly #modelId: string | null;
  readonly #payload: Payload;
  readonly #disposed = new AbortController();
  #live: boolean;

  /** @param payload of the same output, with whose classes and features further samples must agree */
  constructor(modelId: string | null, payload: Payload) {
    super();
    this.#modelId = modelId;
    this.#payload = payload;
    this.#live = this.#model !== undefined;
    if (modelId !== null) changes.addEventListener(modelId, () => this.#update(), { signal: this.#disposed.signal });
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

  get #model(): LiveModel | undefined {
    const model = this.#modelId === null ? undefined : models.get(this.#modelId);
    return model?.comm_live ? model : undefined;
  }

  #update(): void {
    const live = this.#model !== undefined;
    if (live === this.#live) return;
    this.#live = live;
    this.dispatchEvent(new Event("change"));
  }

  async #ask(request: FetchRequest | ModelRequest, signal: AbortSignal): Promise<Uint8Array> {
    const model = this.#model;
    if (!model) throw new Error(NO_KERNEL);
    const [buffer] = await model.request(request, signal);
    if (!buffer) throw new Error(`The kernel's reply to "${request.op}" carries no data. Run the cell again.`);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
}
