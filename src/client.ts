/** The page's side of the engine: starts the worker from a Blob URL, so that no host has to serve a file for it. */
import { proxy, wrap, type Remote } from "comlink";
import workerText from "../build/worker.js?raw";
import { ENGINE_STOPPED, RefusedError, type Engine, type EngineModel } from "./seams";
import { VERSION } from "./version";
import type { WorkerApi } from "./worker";

class WorkerEngine implements Engine {
  readonly #api: Remote<WorkerApi>;
  /** Rejects when the worker dies: without it a call would wait for ever. */
  readonly #death: Promise<never>;
  #calls = 0;

  constructor(onDeath: () => void) {
    const url = URL.createObjectURL(new Blob([workerText], { type: "text/javascript" }));
    const worker = new Worker(url, { name: "attriscope" });
    this.#death = new Promise((_, reject) => {
      worker.onerror = (event) => {
        event.preventDefault();
        onDeath();
        const reason = event.message || "this page does not allow workers (Content-Security-Policy: worker-src blob:)";
        reject(Object.assign(new Error(`the engine stopped: ${reason}`), { name: ENGINE_STOPPED }));
      };
    });
    this.#death.catch(() => undefined);
    this.#api = wrap<WorkerApi>(worker);
  }

  #alive<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.#death]);
  }

  /** A call that the worker knows by number, so that it can be told to stop. */
  async #cancellable<T>(signal: AbortSignal, ask: (call: number) => Promise<T>): Promise<T> {
    const call = ++this.#calls;
    const cancel = () => void this.#api.cancel(call);
    signal.throwIfAborted();
    signal.addEventListener("abort", cancel);
    try {
      return await this.#alive(ask(call));
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async load(...[onnx, backend, onProgress]: Parameters<Engine["load"]>): Promise<EngineModel> {
    const { info, refusal } = await this.#alive(this.#api.load(onnx, backend, proxy(onProgress)));
    if (refusal) throw new RefusedError(refusal);
    if (!info) throw new Error("the engine answered without a model");
    return {
      info,
      run: (inputs) => this.#alive(this.#api.run(info.id, inputs)),
      plan: (method, args, shapes) => this.#alive(this.#api.plan(info.id, method, args, shapes)),
      attribute: (requests, signal, onProgress, onPreview) =>
        this.#cancellable(signal, (call) =>
          this.#api.attribute(info.id, call, requests, proxy(onProgress), proxy(onPreview)),
        ),
      measure: (question, signal) => this.#cancellable(signal, (call) => this.#api.measure(info.id, call, question)),
      dispose: () => void this.#api.unload(info.id),
    };
  }
}

const KEY = Symbol.for(`attriscope:${VERSION}:engine`);

/** One worker for all explorers of a page, whichever copy of this bundle asks first; a new one after a crash. */
export function sharedEngine(): Engine {
  const page = globalThis as { [KEY]?: Engine };
  return (page[KEY] ??= new WorkerEngine(() => delete page[KEY]));
}
