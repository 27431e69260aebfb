/** The engine in a worker, exposed by Comlink: models by number, one job at a time, cancelled by call number. */
import { expose } from "comlink";
import { availableBackends, graphicsLoss, type Backend, type BackendChoice } from "./backend";
import { Model, type ArrayLike, type FloatArray, type ResultArray } from "./engine";
import type { ValueInfo } from "./graph";
import { attribute, describeLayers, describeMethods, plan, type Attribution, type Request } from "./methods";
import type { Arguments, LayerInfo, MethodInfo, Plan, Shapes } from "./methods/method";
import { measure, type Question } from "./metrics";
import type { Measurement } from "./metrics/metric";
import { GRAPHICS_LOST } from "./seams";
import { UnsupportedError } from "./support";

export interface ModelInfo {
  id: number;
  backend: Backend;
  /** Backends that can be chosen in this browser. */
  available: Backend[];
  inputs: readonly ValueInfo[];
  outputs: readonly ValueInfo[];
  layers: LayerInfo[];
  methods: (MethodInfo & { whyNot?: string })[];
}

/** Errors lose their own fields on the way through Comlink; this one's are shown. */
export interface Refusal {
  message: string;
  nodes: UnsupportedError["nodes"];
  total: number;
}

/** One of the two. */
export interface Loaded {
  info?: ModelInfo;
  refusal?: Refusal;
}

export type AttributeRequest = Omit<Request, "signal" | "between" | "onProgress" | "onPreview">;

export type MeasureRequest = Omit<Question, "signal" | "between" | "onProgress">;

/** What one of the requests has come to so far. */
export type OnPreview = (request: number, attributions: Record<string, FloatArray>) => void;

const models = new Map<number, Model>();
const calls = new Map<number, AbortController>();
let lastId = 0;
let queue: Promise<unknown> = Promise.resolve();

/** tfjs has one current backend, so jobs do not overlap. */
function inTurn<T>(job: () => Promise<T>): Promise<T> {
  const turn = queue.then(job, job);
  queue = turn.catch(() => undefined);
  return turn;
}

/** What cannot wait for a long job: it is done between two chunks of that. */
const urgent: (() => Promise<void>)[] = [];

async function letPass(): Promise<void> {
  for (let job = urgent.shift(); job; job = urgent.shift()) await job();
}

/** The job that goes on finds its own backend again. */
async function letPassBefore(next: Model): Promise<void> {
  if (!urgent.length) return;
  await letPass();
  await next.activate();
}

/** A job for a model ends where the graphics hardware that it computes with is taken away. */
async function onHardware<T>({ backend }: Model, job: () => Promise<T>): Promise<T> {
  if (backend !== "webgl") return job();
  const over = new AbortController();
  const loss = graphicsLoss(over.signal).then(() => {
    throw Object.assign(new Error("the graphics hardware was taken away"), { name: GRAPHICS_LOST });
  });
  try {
    return await Promise.race([job(), loss]);
  } finally {
    over.abort();
  }
}

/** A job that the page knows by number, so that it can be told to stop. */
function cancellable<T>(id: number, call: number, job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  calls.set(call, controller);
  return inTurn(() => onHardware(model(id), () => job(controller.signal))).finally(() => calls.delete(call));
}

function model(id: number): Model {
  const found = models.get(id);
  if (!found) throw new Error(`model ${id} is not loaded`);
  return found;
}

const api = {
  /** `onProgress` counts the steps in which shaders are compiled. */
  load: (
    onnx: Uint8Array,
    backend: BackendChoice,
    onProgress: (done: number, total: number) => void,
  ): Promise<Loaded> =>
    inTurn(async () => {
      try {
        const loaded = await Model.load(onnx, { backend });
        if (loaded.backend === "webgl") await onHardware(loaded, () => loaded.warmUp(onProgress));
        const id = ++lastId;
        models.set(id, loaded);
        const { inputs, outputs } = loaded;
        return {
          info: {
            id,
            backend: loaded.backend,
            available: availableBackends(),
            inputs,
            outputs,
            layers: describeLayers(loaded),
            methods: describeMethods(loaded),
          },
        };
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        return { refusal: { message: error.message, nodes: error.nodes, total: error.total } };
      }
    }),

  /** Does not wait for explanations under way. */
  run: (id: number, inputs: Record<string, ArrayLike>): Promise<Record<string, ResultArray>> =>
    new Promise((resolve, reject) => {
      const job = async () => onHardware(model(id), () => model(id).run(inputs));
      urgent.push(() => job().then(resolve, reject));
      void inTurn(letPass);
    }),

  /** Answers between the chunks of a running job. */
  plan: (id: number, method: string, args: Arguments, shapes: Shapes): Plan => plan(model(id), method, args, shapes),

  /** Answers the requests one after the other, all or none; progress counts the whole. */
  attribute: (
    id: number,
    call: number,
    requests: AttributeRequest[],
    onProgress: (done: number) => void,
    onPreview: OnPreview,
  ): Promise<Attribution[]> => {
    return cancellable(id, call, async (signal) => {
      const results: Attribution[] = [];
      for (const request of requests) {
        const at = results.length;
        const report = (done: number) => onProgress((at + done) / requests.length);
        const offer = (attributions: Record<string, FloatArray>) => onPreview(at, attributions);
        const between = () => letPassBefore(model(id));
        results.push(await attribute(model(id), { ...request, signal, between, onProgress: report, onPreview: offer }));
      }
      return results;
    });
  },

  measure: (id: number, call: number, question: MeasureRequest): Promise<Measurement> =>
    cancellable(id, call, (signal) =>
      measure(model(id), { ...question, signal, between: () => letPassBefore(model(id)) }),
    ),

  cancel: (call: number): void => calls.get(call)?.abort(),

  unload: (id: number): Promise<void> =>
    inTurn(async () => {
      models.get(id)?.dispose();
      models.delete(id);
    }),
};

export type WorkerApi = typeof api;

expose(api);
