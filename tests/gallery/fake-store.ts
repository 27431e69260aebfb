/** A store without a model: pictures and attributions by formula, actions that behave as the session's do. */
import type { ArgumentValue, MethodInfo } from "../../src/methods/method";
import type { Backend } from "../../src/backend";
import { EVERYTHING, START } from "../../src/choice";
import type {
  Attribution,
  Card,
  Compare,
  CompareCell,
  Comparison,
  Display,
  Faithfulness,
  Inspect,
  Inspection,
  Pin,
  Prediction,
  Result,
  Sort,
  State,
  Store,
  View,
} from "../../src/state";
import { imageOf, isItems, itemsOf } from "../../src/items";
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
  const next = random(seed);
  if (image.shape.length < 3)
    return summed(
      Float32Array.from(image.data as Float32Array, () => (next() - 0.5 + lean) * (next() < 0.3 ? 1.4 : 0.5)),
      image.shape,
    );
  const [channels, height, width] = image.shape;
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
  /** By feature, in place of pictures. */
  display?: Sample["display"];
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
  const display =
    options.display ??
    Array.from({ length: features }, (_, feature) => options.image ?? scene(id * 3 + feature, channels, height, width));
  const sample: Sample = {
    id,
    label,
    display,
    inputs: display.map(inputOf),
    baselines: display.map((shown) =>
      isItems(shown) ? [{ ...inputOf(shown), data: new Float32Array(shown.length) }] : [],
    ),
    additional: {},
    outputs: [{ raw: scalar(1.732), scores: classes.length > 1 ? scoresOf(predictions) : scalar(1.732) }],
    feature_masks: display.map(() => null),
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

/** The picture itself, numbers as they are, tokens by their place; what is not shown is one number. */
const inputOf = (shown: Sample["display"][number]): NDArray => {
  if (shown && !isItems(shown)) return shown;
  const data = Float32Array.from(shown ?? [0], (item, i) => (typeof item === "number" ? item : i + 1));
  return { dtype: "float32", shape: [data.length], data };
};

/** The picture of a card's first feature. */
export const pictureOf = ({ sample }: Pick<Card, "sample">): NDArray => imageOf(sample, 0)!;

const scoresOf = (predictions: readonly Prediction[]): NDArray => {
  const data = new Float32Array(predictions.length);
  for (const { index, score } of predictions) data[index] = score;
  return { dtype: "float32", shape: [data.length], data };
};

const scalar = (value: number): NDArray => ({ dtype: "float32", shape: [1], data: new Float32Array([value]) });

function makeResult(sample: Sample, name: string, target: number | null): Result {
  const info = METHODS.find((entry) => entry.name === name);
  const attributions = sample.display.map((shown, feature) =>
    attributionFor(
      inputOf(shown),
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
    faithfulness: info?.complete ? null : faithfulnessOf(sample.id),
    partial: false,
  };
}

/** A score that falls early, and one that rises early. */
export function faithfulnessOf(seed: number): Faithfulness {
  const next = random(seed + 99);
  const at = Array.from({ length: 29 }, (_, k) => k / 28);
  const noise = () => (next() - 0.5) * 0.06;
  const clamp = (value: number) => Math.max(0, Math.min(1, value));
  const [fall, rise] = [4 + next() * 20, 3 + next() * 12];
  const deletion = Float32Array.from(at, (x) => clamp(0.93 * Math.exp(-fall * x) + 0.04 + noise()));
  const insertion = Float32Array.from(at, (x) => clamp(0.95 - 0.9 * Math.exp(-rise * x) + noise()));
  const area = (y: Float32Array) => (y.reduce((a, b) => a + b, 0) - (y[0] + y[28]) / 2) / 28;
  return { at, deletion, insertion, auc: { deletion: area(deletion), insertion: area(insertion) } };
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
    choice: START,
    canUndo: true,
    canRedo: false,
    view: "samples",
    models: ["Net"],
    model: 0,
    live: true,
    classes: CLASSES,
    features: [{ name: "photo", kind: "image", input: "x", baselines: ["zero (grey)", "black"], categories: [] }],
    methods: METHODS,
    layers: LAYERS,
    method: "Integrated Gradients",
    arguments: { n_steps: 25, method: "gausslegendre" },
    argumentErrors: {},
    workload: null,
    baselines: ["zero (grey)", "black"],
    baseline: 0,
    filter: EVERYTHING,
    sort: { by: "dataset", ascending: true },
    confusion: confusionOf(24),
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
    display: START.display,
    selected: null,
    comparison: null,
    inspection: null,
    notice: null,
    ...change,
    cards,
  };
}

/** What the classifier of the gallery takes the first `count` samples for. */
function confusionOf(count: number): number[][] {
  const counts = CLASSES.map(() => CLASSES.map(() => 0));
  for (let id = 20; id < 20 + count; id++) {
    const { sample, predictions } = makeCard(id);
    counts[sample.label!][predictions[0].index] += 1;
  }
  return counts;
}

const PINS: Pin[] = [
  { method: "Integrated Gradients", arguments: { n_steps: 25, method: "gausslegendre" } },
  { method: "Deep Lift", arguments: {} },
  { method: "Saliency", arguments: {} },
  { method: "Occlusion", arguments: { sliding_window_shapes: 5, strides: 2 } },
];

/** Compare, on the cards of a state. */
export function makeComparison(cards: readonly Card[], pins: readonly Pin[] = PINS): Comparison {
  const details = ["25 steps · zero (grey)", "zero (grey)", "", "5 × 5 · stride 2"];
  return {
    columns: pins.map((pin, i) => ({
      title: pin.method,
      detail: details[i] ?? "",
      pin,
      model: 0,
      rho: i ? 0.79 / i : 1,
      deletion: 0.112 + 0.07 * i,
      insertion: 0.753 - 0.06 * i,
    })),
    rows: cards.map(({ sample, predictions, target }) =>
      pins.map(({ method: name }, i): CompareCell => ({
        status: "ready",
        done: 1,
        predictions,
        stale: false,
        error: null,
        result: { ...makeResult(sample, name, target), faithfulness: faithfulnessOf(sample.id * 9 + i) },
      })),
    ),
  };
}

/** Inspect, on one feature of one card, with a painted corner and the scrubber at 15 %. */
export function makeInspection(card: Card, feature = 0): Inspection {
  const image = imageOf(card.sample, feature);
  if (!image) return makeItemInspection(card, feature);
  const [channels, height, width] = image.shape;
  const painted = new Uint8Array(height * width);
  for (let y = Math.floor(height * 0.6); y < height * 0.78; y++) {
    const inset = Math.floor(Math.abs(y / height - 0.69) * width * 0.7);
    painted.fill(1, y * width + inset + 1, y * width + Math.floor(width * 0.4) - inset);
  }
  const unit = Float32Array.from(image.data as Uint8Array, (v) => v / 255);
  const picture = (hidden: (at: number) => boolean): NDArray => ({
    dtype: "float32",
    shape: [channels, height, width],
    data: unit.map((v, i) => (hidden(i % (height * width)) ? 0.5 : v)),
  });
  const trial = (seed: number, isHidden: (at: number) => boolean) => ({
    picture: picture(isHidden),
    hidden: Uint8Array.from(painted, (_, at) => Number(isHidden(at))),
    scores: moved(card, seed),
  });
  return {
    card: judged(card),
    width,
    height,
    painted,
    edited: new Map(),
    after: trial(card.sample.id, (at) => painted[at] !== 0),
    deleted: trial(2, (at) => random(at)() < 0.15),
    inserted: trial(3, (at) => random(at)() >= 0.15),
    error: null,
  };
}

const judged = (card: Card): Card => ({
  ...card,
  result: card.result && { ...card.result, faithfulness: faithfulnessOf(card.sample.id) },
});

/** Other scores. */
function moved({ predictions }: Card, seed: number): Float32Array {
  const next = random(seed);
  const raw = Float32Array.from(predictions, () => Math.exp(next() * 5));
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((v) => v / total);
}

/** Of a text, with its second token hidden, or of a row, with its second value changed; of what is not shown, one value. */
function makeItemInspection(card: Card, feature: number): Inspection {
  const items = itemsOf(card.sample, feature) ?? [0];
  const isText = items.every((item) => typeof item === "string");
  const second = Uint8Array.from(items, (_, i) => Number(i === 1));
  const trial = (seed: number, hidden: Uint8Array) => ({ picture: null, hidden, scores: moved(card, seed) });
  const strong = Uint8Array.from(items, (_, i) => Number(random(i)() < 0.15));
  return {
    card: judged(card),
    width: items.length,
    height: 1,
    painted: isText ? second : new Uint8Array(items.length),
    edited: new Map(isText ? [] : [[1, 12.5]]),
    after: trial(card.sample.id, second),
    deleted: trial(2, strong),
    inserted: trial(3, strong.map((v) => 1 - v)), // prettier-ignore
    error: null,
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
    const params = this.state.methods.find((entry) => entry.name === name)?.params ?? [];
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
    const spec = this.state.methods
      .find((entry) => entry.name === this.state.method)
      ?.params.find((param) => param.name === name);
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
      ({ sample, predictions, correct }) =>
        (merged.labels.length === 0 || merged.labels.includes(CLASSES[sample.label!])) &&
        (merged.classes.length === 0 || merged.classes.includes(predictions[0].label)) &&
        (merged.prediction === "all" || correct === (merged.prediction === "correct")),
    );
    this.change({
      filter: merged,
      cards: cards.slice(0, this.state.show),
      total: cards.length,
      known: cards.length,
      hasNext: false,
      notice: cards.length > 0 ? null : emptyNotice(() => this.setFilter(EVERYTHING)),
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

  setView(view: View): void {
    this.calls.push(["setView", view]);
    const card = this.state.cards.find(({ sample }) => sample.id === this.state.selected) ?? this.state.cards[0];
    this.change({
      view,
      comparison: view === "compare" ? makeComparison(this.state.cards) : null,
      inspection: view === "inspect" && card ? makeInspection(card, this.state.choice.inspect.feature) : null,
    });
  }

  undo(): void {
    this.calls.push(["undo"]);
  }

  redo(): void {
    this.calls.push(["redo"]);
  }

  setModel(index: number): void {
    this.calls.push(["setModel", index]);
    this.change({ model: index });
  }

  setSort(sort: Partial<Sort>): void {
    this.calls.push(["setSort", sort]);
    this.change({ sort: { ...this.state.sort, ...sort } });
  }

  select(sample: number): void {
    this.calls.push(["select", sample]);
    const card = this.state.cards.find((other) => other.sample.id === sample);
    this.change({
      selected: sample,
      inspection:
        this.state.view === "inspect" && card
          ? makeInspection(card, this.state.choice.inspect.feature)
          : this.state.inspection,
    });
  }

  setCompare(compare: Partial<Omit<Compare, "pins">>): void {
    this.calls.push(["setCompare", compare]);
    const { choice } = this.state;
    this.change({ choice: { ...choice, compare: { ...choice.compare, ...compare } } });
  }

  pin(method = this.state.method): void {
    this.calls.push(["pin", method]);
    this.#repin((pins) => [...pins, { method, arguments: {} }]);
  }

  unpin(column: number): void {
    this.calls.push(["unpin", column]);
    this.#repin((pins) => pins.filter((_, i) => i !== column));
  }

  movePin(from: number, to: number): void {
    this.calls.push(["movePin", from, to]);
    this.#repin((pins) => {
      const others = pins.filter((_, i) => i !== from);
      return [...others.slice(0, to), pins[from], ...others.slice(to)];
    });
  }

  #repin(change: (pins: Pin[]) => Pin[]): void {
    const { comparison, cards } = this.state;
    const pins = change((comparison?.columns ?? []).map(({ pin }) => pin));
    this.change({ comparison: makeComparison(cards, pins) });
  }

  setInspect(inspect: Partial<Inspect>): void {
    this.calls.push(["setInspect", inspect]);
    const { choice, inspection } = this.state;
    const { feature } = inspect;
    this.change({
      choice: { ...choice, inspect: { ...choice.inspect, ...inspect } },
      inspection: inspection && feature !== undefined ? makeInspection(inspection.card, feature) : inspection,
    });
  }

  paint(pixels: Uint8Array, done: boolean): void {
    this.calls.push(["paint", pixels, done]);
    const { inspection } = this.state;
    if (!inspection) return;
    const any = pixels.some((pixel) => pixel !== 0);
    const { feature } = this.state.choice.inspect;
    const made = makeInspection(inspection.card, feature);
    const image = imageOf(inspection.card.sample, feature);
    const size = pixels.length;
    const picture: NDArray | null = image && {
      dtype: "float32",
      shape: image.shape,
      data: Float32Array.from(image.data as Uint8Array, (v, i) => (pixels[i % size] ? 0.5 : v / 255)),
    };
    const after = any ? { ...made.after!, picture, hidden: pixels } : null;
    this.change({ inspection: { ...inspection, painted: pixels, after } });
  }

  edit(place: number, value: number | null): void {
    this.calls.push(["edit", place, value]);
    const { inspection } = this.state;
    if (!inspection) return;
    const edited = new Map(inspection.edited);
    if (value === null) edited.delete(place);
    else edited.set(place, value);
    const hidden = Uint8Array.from(inspection.painted, (v, i) => (v || edited.has(i) ? 1 : 0));
    const { feature } = this.state.choice.inspect;
    const after = hidden.includes(1) ? { ...makeInspection(inspection.card, feature).after!, hidden } : null;
    this.change({ inspection: { ...inspection, edited, after } });
  }

  clear(): void {
    this.calls.push(["clear"]);
    const { inspection } = this.state;
    if (!inspection) return;
    const painted = new Uint8Array(inspection.painted.length);
    this.change({ inspection: { ...inspection, painted, edited: new Map(), after: null } });
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
