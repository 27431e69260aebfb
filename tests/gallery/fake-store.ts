/** A store without a model: pictures and attributions by formula, actions that behave as the session's do. */
import type { ArgumentValue, MethodInfo } from "../../src/methods/method";
import type { Backend } from "../../src/backend";
import type { Attribution, Card, Display, Prediction, Result, State, Store } from "../../src/state";
import type { Filter, NDArray, Sample } from "../../src/wire";

export const CLASSES = ["Plane", "Car", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck"];

/** Deterministic noise in 0..1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A scene of ground, sky and one round thing, [C, H, W] in uint8. */
export function scene(seed: number, channels: number, height: number, width: number): NDArray {
  const next = random(seed);
  const colour = () => [next() * 255, next() * 255, next() * 255, 255];
  const [sky, ground, thing] = [colour(), colour(), colour()];
  const [horizon, x, y, radius] = [0.4 + next() * 0.3, 0.3 + next() * 0.4, 0.35 + next() * 0.3, 0.15 + next() * 0.2];
  const data = new Uint8Array(channels * height * width);
  for (let v = 0; v < height; v++) {
    for (let u = 0; u < width; u++) {
      const distance = Math.hypot(u / width - x, (v / height - y) * 1.3);
      const inside = distance < radius;
      const base = inside ? thing : v / height < horizon ? sky : ground;
      const light = (inside ? 1.15 - distance / radius / 2 : 0.75 + 0.4 * (v / height)) + (next() - 0.5) * 0.12;
      for (let channel = 0; channel < channels; channel++) {
        const value = channel === 3 ? (distance < radius * 2.2 ? 255 : 40) : base[channel] * light;
        data[(channel * height + v) * width + u] = Math.max(0, Math.min(255, value));
      }
    }
  }
  return { dtype: "uint8", shape: [channels, height, width], data };
}

/** Gradients of the picture with a sign that leans to one side: noisy like a real map. */
export function attributionFor(image: NDArray, seed: number, lean = 0.1): Attribution {
  const [channels, height, width] = image.shape;
  const next = random(seed);
  const values = new Float32Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    for (let v = 0; v < height; v++) {
      for (let u = 0; u < width; u++) {
        const at = (channel * height + v) * width + u;
        const right = Number(image.data[u + 1 < width ? at + 1 : at]);
        const below = Number(image.data[v + 1 < height ? at + width : at]);
        const edge = Math.abs(Number(image.data[at]) - right) + Math.abs(Number(image.data[at]) - below);
        values[at] = (edge / 255) * (next() - 0.5 + lean) * (next() < 0.3 ? 2 : 0.4);
      }
    }
  }
  return summed(values, image.shape);
}

export function summed(values: Float32Array, shape: number[]): Attribution {
  const positive = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  const negative = values.reduce((sum, value) => sum + Math.min(value, 0), 0);
  const sum = positive + negative;
  const whole = positive - negative;
  return { values, shape, sum, positive, negative, share: whole > 0 ? sum / whole : 0, contribution: Math.sign(sum) };
}

export const METHODS: State["methods"] = [
  method("Saliency", "Gradient", "1 pass", { complete: false, baselines: "none", params: [] }),
  method("Input X Gradient", "Gradient", "1 pass", { complete: false, baselines: "none" }),
  method("Guided Backprop", "Gradient", "1 pass", { complete: false, baselines: "none" }),
  {
    ...method("Deconvolution", "Gradient", "1 pass", { complete: false, baselines: "none" }),
    whyNot: "the model has no nn.ReLU module",
  },
  method("Integrated Gradients", "Path", "n passes", {
    params: [
      {
        name: "n_steps",
        kind: "int",
        default: 50,
        start: 25,
        min: 2,
        max: 500,
        slider: [2, 100],
        help: "points on the path",
      },
      {
        name: "method",
        kind: "enum",
        default: "gausslegendre",
        options: ["gausslegendre", "riemann_right", "riemann_left", "riemann_middle", "riemann_trapezoid"],
        help: "rule of the quadrature",
      },
    ],
  }),
  method("Feature Ablation", "Perturbation", "n passes", {
    complete: false,
    params: [
      {
        name: "perturbations_per_eval",
        kind: "int",
        default: 1,
        min: 1,
        max: 4096,
        auto: "auto",
        help: "masks in one batch",
      },
    ],
  }),
  method("Occlusion", "Perturbation", "n passes", {
    complete: false,
    params: [
      { name: "sliding_window_shapes", kind: "shape", default: null, auto: "fitted", help: "size of the window" },
      { name: "strides", kind: "shape", default: null, auto: "half", help: "step of the window" },
    ],
  }),
  method("Deep Lift", "Relevance", "2 passes", {}),
];

function method(
  name: string,
  group: MethodInfo["group"],
  cost: MethodInfo["cost"],
  rest: Partial<MethodInfo>,
): MethodInfo {
  return { name, group, cost, summary: name, source: "", params: [], baselines: "one", complete: true, ...rest };
}

export interface CardOptions {
  classes?: string[];
  labelled?: boolean;
  channels?: number;
  height?: number;
  width?: number;
  features?: number;
  image?: NDArray;
  label?: number;
}

export function makeCard(id: number, options: CardOptions = {}): Card {
  const { classes = CLASSES, labelled = true, channels = 3, height = 32, width = 32, features = 1 } = options;
  const next = random(id + 7);
  const raw = classes.map(() => Math.exp(next() * 6));
  const total = raw.reduce((a, b) => a + b, 0);
  const predictions: Prediction[] = raw
    .map((value, index) => ({ index, label: classes[index], score: value / total }))
    .sort((a, b) => b.score - a.score);
  const wrong = predictions.length > 1 && next() < 0.35;
  const guess = predictions[wrong ? Math.min(predictions.length - 1, 1 + Math.floor(next() * 4)) : 0]?.index ?? null;
  const label = labelled ? (options.label ?? guess) : null;
  const display = Array.from(
    { length: features },
    (_, feature) => options.image ?? scene(id * 3 + feature, channels, height, width),
  );
  const sample: Sample = {
    id,
    label,
    display,
    inputs: display,
    baselines: display.map(() => []),
    additional: {},
    outputs: [{ raw: scalar(1.732), scores: scalar(1.732) }],
    feature_masks: [null],
    error: null,
  };
  const target = predictions[0]?.index ?? null;
  return {
    sample,
    predictions,
    target,
    correct: label === null || predictions.length === 0 ? null : target === label,
    status: "ready",
    done: 1,
    result: makeResult(sample, "Integrated Gradients", target),
    stale: false,
    error: null,
  };
}

const scalar = (value: number): NDArray => ({ dtype: "float32", shape: [1], data: new Float32Array([value]) });

function makeResult(sample: Sample, name: string, target: number | null): Result {
  const info = METHODS.find((entry) => entry.name === name);
  const attributions = sample.display.map((image, feature) =>
    attributionFor(
      image,
      sample.id * 31 + (target ?? 0) * 7 + feature,
      0.05 + ((sample.id + (target ?? 0)) % 4) * 0.06,
    ),
  );
  const whole = attributions.reduce((sum, { positive, negative }) => sum + positive - negative, 0);
  for (const attribution of attributions) attribution.share = whole > 0 ? attribution.sum / whole : 0;
  const sum = attributions.reduce((total, attribution) => total + attribution.sum, 0);
  const delta = sample.id % 5 === 4 ? sum * 0.12 : sum * 0.001;
  return {
    method: name,
    arguments: Object.fromEntries((info?.params ?? []).map((spec) => [spec.name, startOf(spec)])),
    target,
    baseline: 0,
    attributions,
    signed: true,
    delta: info?.complete ? delta : null,
    change: info?.complete ? sum - delta : null,
    ms: 7,
    auc: info?.complete
      ? null
      : { deletion: 0.118 + 0.03 * (sample.id % 4), insertion: 0.672 - 0.05 * (sample.id % 3) },
    partial: false,
  };
}

const startOf = (spec: MethodInfo["params"][number]): ArgumentValue =>
  "start" in spec ? (spec.start ?? null) : spec.default;

const LAYERS: State["layers"] = [
  { name: "features", class: "torch.nn.Sequential", shape: [null, 64, 8, 8], spatial: true },
  { name: "features.0", class: "torch.nn.Conv2d", shape: [null, 32, 32, 32], spatial: true },
  { name: "features.1", class: "torch.nn.ReLU", shape: [null, 32, 32, 32], spatial: true },
  { name: "features.2", class: "torch.nn.MaxPool2d", shape: [null, 64, 8, 8], spatial: true },
  { name: "classifier", class: "torch.nn.Linear", shape: [null, 10], spatial: false },
];

export function makeState(change: Partial<State> = {}): State {
  const cards = change.cards ?? Array.from({ length: 8 }, (_, index) => makeCard(20 + index));
  return {
    phase: { name: "ready" },
    live: true,
    classes: CLASSES,
    features: [{ name: "photo", kind: "image", input: "x", baselines: ["zero (grey)", "black"] }],
    methods: METHODS,
    layers: LAYERS,
    method: "Integrated Gradients",
    arguments: { n_steps: 25, method: "gausslegendre" },
    argumentErrors: {},
    workload: null,
    baselines: ["zero (grey)", "black"],
    baseline: 0,
    filter: { classes: [], prediction: "all" },
    show: 8,
    first: 0,
    known: 24,
    total: 846,
    hasPrevious: false,
    hasNext: true,
    scanned: 24,
    scanning: false,
    progress: null,
    engine: { backend: "webgl", available: ["webgl", "wasm", "cpu"], ms: 11, maxDiff: 2.1e-7 },
    display: { sign: "signed", style: "Overlay", opacity: 0.85, clip: 2, cmap: "PuOr" },
    notice: null,
    ...change,
    cards,
  };
}

export class FakeStore extends EventTarget implements Store {
  state: State;
  /** Every action that was called, with its arguments. */
  readonly calls: unknown[][] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(state: State = makeState()) {
    super();
    this.state = state;
  }

  change(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    this.dispatchEvent(new Event("change"));
  }

  setMethod(name: string): void {
    this.calls.push(["setMethod", name]);
    const params = METHODS.find((entry) => entry.name === name)?.params ?? [];
    this.change({
      method: name,
      arguments: Object.fromEntries(params.map((spec) => [spec.name, startOf(spec)])),
      argumentErrors: {},
      workload: name === "Occlusion" ? "225 forward passes per sample" : null,
    });
    this.#compute(name === "Occlusion" ? 400 : 20);
  }

  setArgument(name: string, value: ArgumentValue): void {
    this.calls.push(["setArgument", name, value]);
    const spec = METHODS.find((entry) => entry.name === this.state.method)?.params.find((param) => param.name === name);
    const limits = spec && "min" in spec ? spec : null;
    const refused =
      limits !== null && (typeof value !== "number" || value < limits.min || value > (limits.max ?? Infinity));
    const others = { ...this.state.argumentErrors };
    delete others[name];
    this.change({
      arguments: { ...this.state.arguments, [name]: value },
      argumentErrors: refused
        ? { ...others, [name]: `${limits.min} to ${limits.max}, got ${JSON.stringify(value)}` }
        : others,
    });
    if (!refused) this.#compute(5);
  }

  reset(): void {
    this.calls.push(["reset"]);
    this.change({ arguments: { n_steps: 25, method: "gausslegendre" }, argumentErrors: {}, baseline: 0 });
    for (const { sample, predictions } of this.state.cards) this.#retarget(sample.id, predictions[0]?.index ?? null);
  }

  setBaseline(index: number): void {
    this.calls.push(["setBaseline", index]);
    this.change({ baseline: index });
    this.#compute(5);
  }

  setTarget(sample: number, target: number): void {
    this.calls.push(["setTarget", sample, target]);
    this.#retarget(sample, target);
  }

  setTargetForAll(target: number): void {
    this.calls.push(["setTargetForAll", target]);
    for (const { sample } of this.state.cards) this.#retarget(sample.id, target);
  }

  setFilter(filter: Partial<Filter>): void {
    this.calls.push(["setFilter", filter]);
    const merged = { ...this.state.filter, ...filter };
    const all = Array.from({ length: 24 }, (_, index) => makeCard(20 + index));
    const cards = all.filter(
      ({ predictions, correct }) =>
        (merged.classes.length === 0 || merged.classes.includes(predictions[0].label)) &&
        (merged.prediction === "all" || correct === (merged.prediction === "correct")),
    );
    this.change({
      filter: merged,
      cards: cards.slice(0, this.state.show),
      total: cards.length,
      known: cards.length,
      hasNext: false,
      notice: cards.length > 0 ? null : emptyNotice(() => this.setFilter({ classes: [], prediction: "all" })),
    });
  }

  setShow(count: number): void {
    this.calls.push(["setShow", count]);
    this.change({
      show: count,
      cards: Array.from({ length: count }, (_, index) => makeCard(20 + this.state.first + index)),
    });
  }

  next(): void {
    this.calls.push(["next"]);
    this.#page(this.state.first + this.state.show);
  }

  previous(): void {
    this.calls.push(["previous"]);
    this.#page(Math.max(0, this.state.first - this.state.show));
  }

  setDisplay(display: Partial<Display>): void {
    this.calls.push(["setDisplay", display]);
    this.change({ display: { ...this.state.display, ...display } });
  }

  setBackend(backend: Backend): void {
    this.calls.push(["setBackend", backend]);
    if (this.state.engine)
      this.change({ engine: { ...this.state.engine, backend, ms: backend === "webgl" ? 11 : 31 } });
  }

  cancel(): void {
    this.calls.push(["cancel"]);
    clearTimeout(this.#timer);
    const cards = this.state.cards.map((card) => ({ ...card, status: "ready" as const, stale: false }));
    this.change({ progress: null, cards });
  }

  #page(first: number): void {
    const cards = Array.from({ length: this.state.show }, (_, index) => makeCard(20 + first + index));
    this.change({ first, cards, hasPrevious: first > 0 });
  }

  #retarget(id: number, target: number | null): void {
    const cards = this.state.cards.map((card) =>
      card.sample.id === id ? { ...card, target, result: makeResult(card.sample, this.state.method, target) } : card,
    );
    this.change({ cards });
  }

  /** One card after the other, `delayMs` each. */
  #compute(delayMs: number): void {
    clearTimeout(this.#timer);
    const { method: name } = this.state;
    const total = this.state.cards.length;
    const advance = (done: number): void => {
      const cards = this.state.cards.map((card, index): Card => {
        if (index >= done) return { ...card, status: index === done ? "running" : "queued", done: 0.62, stale: true };
        if (card.status === "ready") return card;
        return { ...card, status: "ready", stale: false, result: makeResult(card.sample, name, card.target) };
      });
      const slow = delayMs > 100 && done < total;
      this.change({
        cards,
        progress: slow ? { label: name, done, total, etaMs: (total - done) * delayMs, cancellable: true } : null,
      });
      if (done < total) this.#timer = setTimeout(() => advance(done + 1), delayMs);
    };
    advance(0);
  }
}

export const emptyNotice = (clear: () => void): NonNullable<State["notice"]> => ({
  kind: "empty",
  title: "No match in the first 512 samples",
  text: "Filter: predicted class Frog or Ship, prediction incorrect. 334 samples have not been scanned.",
  actions: [
    { label: "Scan the next 334", run: () => {}, primary: true },
    { label: "Clear filter", run: clear },
  ],
});
