/**
 * The application's state without DOM or Jupyter: what is chosen, and what follows from it. It knows an {@link Engine} that
 * computes and a {@link Source} of samples; which ones stand behind them is not its business.
 */
import type { Backend, BackendChoice } from "./backend";
import { EVERYTHING, History, pixelsOf, restored, runsOf, START } from "./choice";
import type { Choice, Compare, Display, Edit, Inspect, Pin, Sort, View } from "./choice";
import { sharedEngine } from "./client";
import { Explanations, infoOf, type Question, type Wanted } from "./explanations";
import { inView } from "./items";
import { Listing, type Found } from "./listing";
import type { Arguments, ArgumentValue, MethodInfo } from "./methods/method";
import * as notices from "./notices";
import { agreementOf, alike, inputsOf, relativeDifference, rowOf } from "./samples";
import { GRAPHICS_LOST, isFatal, type Engine, type EngineModel, type Source } from "./seams";
import { startOf } from "./state";
import type {
  Card,
  Cell,
  Column,
  CompareCell,
  Comparison,
  Inspection,
  Prediction,
  Result,
  State,
  Store,
  Trial,
} from "./state";
import { rasterOf, variantsOf, type Variants } from "./trials";
import type { Filter, Payload, Sample } from "./wire";

/** Most dataset entries that one request looks at. */
const SCAN = 512;
const SHOW_PROGRESS_MS = 100;
/** Deletion and insertion of one sample should take no longer; they have between 10 and 28 steps. */
const JUDGE_MS = 1500;

export interface SessionOptions {
  backend?: BackendChoice;
  /** Gives the engine; asked again after it has died. */
  engine?: () => Engine;
  /** What was chosen before, unchecked; it goes before what the payload starts with. */
  choice?: unknown;
}

export class Session extends EventTarget implements Store {
  readonly #payload: Payload;
  readonly #source: Source;
  readonly #engine: () => Engine;
  readonly #listing: Listing;
  readonly #explanations: Explanations;
  readonly #history = new History();
  /** What Reset and a first visit start with. */
  readonly #start: Choice;
  #choice: Choice;
  #state: State;
  #changed = false;
  #backend: BackendChoice;
  /** By index; those that have been needed. */
  #models: (EngineModel | undefined)[] = [];
  /** Counts loads: what an earlier one comes to is of no use. */
  #load = 0;
  /** The engine has died once; a second time is once too often. */
  #restarted = false;
  /** Ends everything this session has started. */
  readonly #life = new AbortController();
  /** Ends the attributions under way. */
  #work = new AbortController();
  /** Ends the scan under way. */
  #scan = new AbortController();
  /** The page's own outputs, by model and sample. */
  readonly #scores = new Map<string, Float32Array>();
  /** Why a model does not take a sample, by model and sample. */
  readonly #failures = new Map<string, string>();
  /** Milliseconds of a forward pass of one sample. */
  #forwardMs = 1;
  /** The notice says so until work goes on. */
  #cancelled = false;
  /** What is to be tried with the selected sample, and whether that is going on. */
  #variants: Variants | null = null;
  #trying = false;
  #strokes = 0;

  /** Starts at once: loads the engine, checks it against PyTorch's outputs, explains the first samples. */
  constructor(
    payload: Payload,
    source: Source,
    { backend = "auto", engine = sharedEngine, choice }: SessionOptions = {},
  ) {
    super();
    this.#payload = payload;
    this.#source = source;
    this.#engine = engine;
    this.#backend = backend;
    this.#listing = new Listing(payload);
    this.#explanations = new Explanations(payload.features);
    this.#start = this.#fitting(restored(payload.choice, { ...START, show: payload.show }));
    this.#choice = this.#fitting(restored(choice, this.#start));
    this.#state = {
      phase: { name: "preparing", stage: "Loading the model" },
      live: source.live,
      classes: payload.classes,
      features: payload.features,
      models: payload.models.map(({ name }) => name),
      methods: [],
      layers: [],
      argumentErrors: {},
      workload: null,
      baselines: payload.features[0]?.baselines ?? [],
      confusion: this.#listing.confusion,
      known: payload.scan.samples.length,
      total: null,
      hasPrevious: false,
      hasNext: false,
      scanned: null,
      scanning: false,
      cards: [],
      comparison: null,
      inspection: null,
      progress: null,
      engine: null,
      notice: null,
      ...this.#chosen(),
    };
    source.addEventListener("change", () => this.#onSource(), { signal: this.#life.signal });
    void this.#prepare();
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  /** Ends all work and frees the models. */
  dispose(): void {
    this.#life.abort();
    this.#work.abort();
    this.#scan.abort();
    for (const model of this.#models) model?.dispose();
    this.#models = [];
  }

  // -- what the user does ------------------------------------------------------------------------------------------------

  /** Comes back to a choice that was kept somewhere, unchecked; a step that can be undone. */
  restore(kept: unknown): void {
    this.#choose(this.#fitting(restored(kept, this.#choice)), "restore");
  }

  setView(view: View): void {
    this.#choose({ view }, null);
  }

  undo(): void {
    const before = this.#history.undo(this.#choice);
    if (before) this.#adopt(before);
  }

  redo(): void {
    const later = this.#history.redo(this.#choice);
    if (later) this.#adopt(later);
  }

  setModel(model: number): void {
    this.#choose({ model }, "model");
  }

  setMethod(method: string): void {
    if (method !== this.#choice.method) this.#choose({ method }, "method");
  }

  setArgument(name: string, value: ArgumentValue): void {
    const { method } = this.#choice;
    const args = { ...this.#argumentsOf(method), [name]: value };
    this.#choose({ arguments: { ...this.#choice.arguments, [method]: args } }, `argument ${method} ${name}`);
  }

  reset(): void {
    this.#choose(
      { arguments: without(this.#choice.arguments, this.#choice.method), targets: {}, target: null, baseline: 0 },
      "reset",
    );
  }

  setBaseline(baseline: number): void {
    this.#choose({ baseline }, "baseline");
  }

  setTarget(sample: number, target: number): void {
    this.#choose({ targets: { ...this.#choice.targets, [sample]: target }, selected: sample }, "target");
  }

  setTargetForAll(target: number): void {
    this.#choose({ targets: {}, target }, "target");
  }

  setFilter(change: Partial<Filter>): void {
    this.#choose({ filter: { ...this.#choice.filter, ...change }, first: 0 }, "filter");
  }

  setSort(change: Partial<Sort>): void {
    this.#choose({ sort: { ...this.#choice.sort, ...change }, first: 0 }, "sort");
  }

  setShow(show: number): void {
    this.#choose({ show, first: Math.floor(this.#choice.first / show) * show }, "show");
  }

  next(): void {
    const { hasNext, scanning } = this.#state;
    if (hasNext && !scanning) this.#choose({ first: this.#choice.first + this.#choice.show }, "page");
  }

  previous(): void {
    const { first, show } = this.#choice;
    if (first) this.#choose({ first: Math.max(0, first - show) }, "page");
  }

  setDisplay(display: Partial<Display>): void {
    const [name] = Object.keys(display);
    this.#choose({ display: { ...this.#choice.display, ...display } }, `display ${name}`);
  }

  select(sample: number): void {
    const { filter, sort, first, show } = this.#choice;
    const at = this.#listing.ordered(filter, sort).findIndex(({ id }) => id === sample);
    const isHere = at >= first && at < first + show;
    if (at >= 0) this.#choose({ selected: sample, first: isHere ? first : Math.floor(at / show) * show }, "selected");
  }

  setCompare(compare: Partial<Omit<Compare, "pins">>): void {
    this.#choose({ compare: { ...this.#choice.compare, ...compare } }, "compare");
  }

  pin(method = this.#choice.method): void {
    this.#setPins([...this.#pins, { method, arguments: this.#argumentsOf(method) }]);
  }

  unpin(column: number): void {
    this.#setPins(this.#pins.filter((_, i) => i !== column));
  }

  movePin(from: number, to: number): void {
    const pins = [...this.#pins];
    pins.splice(to, 0, ...pins.splice(from, 1));
    this.#setPins(pins);
  }

  get #pins(): readonly Pin[] {
    return this.#choice.compare.pins;
  }

  #setPins(pins: readonly Pin[]): void {
    this.#choose({ compare: { ...this.#choice.compare, pins } }, "pins");
  }

  setInspect(inspect: Partial<Inspect>): void {
    const before = this.#choice.inspect;
    const [name] = (Object.keys(inspect) as (keyof Inspect)[]).filter((key) => inspect[key] !== before[key]);
    if (name === undefined) return;
    const change = { inspect: { ...before, ...inspect } };
    // The brush was laid on another raster.
    const painted = name === "feature" ? { painted: {} } : {};
    this.#choose({ ...change, ...painted }, `inspect ${name}`);
  }

  paint(pixels: Uint8Array, done: boolean): void {
    const id = this.#state.inspection?.card.sample.id;
    if (id === undefined) return;
    const others = without(this.#choice.painted, String(id));
    const runs = runsOf(pixels);
    const painted = runs.length ? { ...others, [id]: runs } : others;
    this.#choose({ painted, selected: id }, `stroke ${this.#strokes}`, Infinity);
    if (done) this.#strokes += 1;
  }

  edit(place: number, value: number | null): void {
    const id = this.#state.inspection?.card.sample.id;
    if (id === undefined) return;
    const { feature } = this.#choice.inspect;
    const others = (this.#choice.edited[id] ?? []).filter(([f, p]) => f !== feature || p !== place);
    const edits: Edit[] = value === null ? others : [...others, [feature, place, value]];
    this.#choose({ edited: this.#editing(id, edits), selected: id }, `edit ${place}`);
  }

  clear(): void {
    const id = this.#state.inspection?.card.sample.id;
    if (id === undefined) return;
    this.#choose({ painted: without(this.#choice.painted, String(id)), edited: this.#editing(id, []) }, "clear");
  }

  #editing(id: number, edits: readonly Edit[]): Choice["edited"] {
    const others = without(this.#choice.edited, String(id));
    return edits.length ? { ...others, [id]: edits } : others;
  }

  setBackend(backend: Backend): void {
    if (this.#state.engine?.backend === backend) return;
    this.#work.abort();
    this.#backend = backend;
    void this.#prepare();
  }

  cancel(): void {
    const { scanning } = this.#state;
    const { first, show } = this.#choice;
    this.#work.abort();
    this.#scan.abort();
    const isOpen = ({ status }: Cell) => status === "queued" || status === "running";
    const waiting = <C extends Cell>(cell: C): C =>
      cell.status === "running" ? { ...cell, status: "queued", done: 0 } : cell;
    const { comparison } = this.#state;
    const rows = comparison?.rows.map((row) => row.map(waiting));
    const open = comparison ? comparison.rows.flat().some(isOpen) : this.#state.cards.some(isOpen);
    this.#update({ cards: this.#state.cards.map(waiting), progress: null, scanning: false });
    if (comparison && rows) this.#update({ comparison: { ...comparison, rows } });
    if (open) {
      this.#cancelled = true;
      this.#update({ notice: notices.cancelledNotice(() => this.#explain()) });
    }
    if (!scanning) return;
    // A page that was being looked for has nothing to show.
    if (first >= this.#list.samples.length) this.#replace({ first: Math.max(0, first - show) });
    this.#updatePaging();
    if (this.#list.samples.length) this.#explain();
    else this.#sayEmpty();
  }

  // -- the choice --------------------------------------------------------------------------------------------------------

  /**
   * @param kind of the step, so that it can be undone; null for none
   * @param within milliseconds in which steps of one kind are one
   */
  #choose(change: Partial<Choice>, kind: string | null, within?: number): void {
    if (kind) this.#history.record(this.#choice, kind, within);
    this.#adopt({ ...this.#choice, ...change });
  }

  #adopt(next: Choice): void {
    const before = this.#choice;
    this.#replace(next);
    const changed = (...names: (keyof Choice)[]) => names.some((name) => before[name] !== next[name]);
    const columns = before.compare.pins !== next.compare.pins || before.compare.columns !== next.compare.columns;
    if (changed("filter")) this.#update({ notice: null });
    if (changed("model")) void this.#prepare();
    else if (changed("filter", "sort", "first", "show")) this.#turnPage();
    else if (columns || changed("view", "method", "arguments", "baseline", "targets", "target", "selected"))
      this.#explain();
    else if (changed("inspect", "painted", "edited")) this.#try();
  }

  /** Without any consequence. */
  #replace(change: Partial<Choice>): void {
    this.#choice = { ...this.#choice, ...change };
    this.#update(this.#chosen());
  }

  /** Of a kept choice, what is possible here. */
  #fitting(choice: Choice): Choice {
    const { models, features } = this.#payload;
    const least = (value: number, count: number) => Math.max(0, Math.min(value, count - 1));
    const show = Math.max(1, choice.show);
    return {
      ...choice,
      show,
      model: least(choice.model, models.length),
      baseline: least(choice.baseline, features[0]?.baselines.length ?? 1),
      first: Math.floor(choice.first / show) * show,
      // Where none is shown any will do.
      inspect: { ...choice.inspect, feature: Math.max(0, inView(features, choice.inspect.feature)) },
    };
  }

  /** What of the state is chosen. */
  #chosen() {
    const { view, model, method, baseline, filter, sort, first, show, selected, display } = this.#choice;
    return {
      ...{ view, model, method, baseline, filter, sort, first, show, selected, display },
      choice: this.#choice,
      arguments: this.#argumentsOf(method),
      canUndo: this.#history.canUndo,
      canRedo: this.#history.canRedo,
    };
  }

  #argumentsOf(method: string): Arguments {
    const entered = this.#choice.arguments[method];
    const model = this.#model;
    if (!model) return entered ?? {};
    const key = `${this.#choice.model} ${method}`;
    const known = this.#filled.get(key);
    if (known && known.entered === entered) return known.args;
    const params = infoOf(model, method)?.params ?? [];
    const starts = params.map((spec) => [spec.name, startOf(spec, model.info.layers)]);
    const args = { ...(Object.fromEntries(starts) as Arguments), ...entered };
    this.#filled.set(key, { entered, args });
    return args;
  }

  /** By model and method, with what was entered: the same object every time. */
  readonly #filled = new Map<string, { entered: Arguments | undefined; args: Arguments }>();

  // -- the models --------------------------------------------------------------------------------------------------------

  get #model(): EngineModel | undefined {
    return this.#models[this.#choice.model];
  }

  /** Loads the chosen model, if it is not, and shows the page. */
  async #prepare(): Promise<void> {
    const { signal } = this.#life;
    const load = ++this.#load;
    const before = this.#state.phase.name === "ready" ? this.#state.engine : null;
    const isOver = () => signal.aborted || load !== this.#load;
    try {
      const index = this.#choice.model;
      if (!before) this.#update({ phase: { name: "preparing", stage: "Loading the model" } });
      const missing = this.#payload.models.find(({ onnx }) => !onnx);
      if (missing && !this.#source.live)
        return this.#update({ phase: { name: "stopped", notice: notices.notStored(missing.size) } });
      const loaded = this.#models[index];
      const isOther = loaded && this.#backend !== "auto" && loaded.info.backend !== this.#backend;
      const model = loaded && !isOther ? loaded : await this.#loadModel(index, isOver);
      if (isOver()) return void (model !== loaded && model.dispose());
      if (model !== loaded) {
        // Another backend has other numbers, in the last digits.
        if (loaded) this.#forget();
        this.#models[index] = model;
      }
      const { info } = model;
      this.#update({
        methods: info.methods.map((method) => this.#offered(method)),
        layers: info.layers,
        engine: { backend: info.backend, available: info.available, ms: null, maxDiff: null },
        phase: { name: "ready" },
        progress: null,
        notice: null,
      });
      const known = infoOf(model, this.#choice.method);
      this.#replace(known ? {} : { method: START.method });
      this.#turnPage();
    } catch (error) {
      if (isOver()) return;
      this.#update({ progress: null });
      const notice = notices.errorNotice(error);
      // A backend that does not start leaves the one that works.
      if (before && this.#model) {
        this.#backend = before.backend;
        this.#update({ notice: { ...notice, kind: "warning" } });
        this.#explain();
      } else this.#update({ phase: { name: "stopped", notice } });
    }
  }

  async #loadModel(index: number, isOver: () => boolean): Promise<EngineModel> {
    const spec = this.#payload.models[index];
    spec.onnx ??= await this.#source.model(index, this.#life.signal);
    return this.#engine().load(spec.onnx, this.#backend, (done, total) => {
      if (isOver()) return;
      this.#update({ progress: { label: "Compiling shaders", done, total, etaMs: null, cancellable: false } });
    });
  }

  /** What was loaded, and what was computed with it. */
  #forget(): void {
    for (const model of this.#models) model?.dispose();
    this.#models = [];
    this.#explanations.clear();
    this.#scores.clear();
    this.#failures.clear();
  }

  /** The graphics hardware or the engine has gone: goes on with what is left, or says why not. */
  #recover(error: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#work.abort();
    this.#update({ progress: null });
    if (!isFatal(error)) return this.#update({ phase: { name: "stopped", notice: notices.errorNotice(error) } });
    this.#forget();
    const lost = (error as Error).name === GRAPHICS_LOST;
    if (lost) this.#backend = "wasm";
    else if (this.#restarted) {
      const again = () => void this.#prepare();
      return this.#update({ phase: { name: "stopped", notice: notices.diedNotice(error, again) } });
    } else this.#restarted = true;
    const notice = lost ? notices.graphicsLostNotice(() => this.setBackend("webgl")) : notices.restartedNotice(error);
    void this.#prepare().then(() => this.#update({ notice: this.#state.notice ?? notice }));
  }

  #onSource(): void {
    this.#update({ live: this.#source.live });
    if (this.#source.live && this.#state.phase.name === "stopped" && !this.#model) void this.#prepare();
    else this.#updatePaging();
  }

  // -- samples -----------------------------------------------------------------------------------------------------------

  get #list(): Found {
    return this.#listing.of(this.#choice.filter);
  }

  get #page(): readonly Sample[] {
    const { filter, sort, first, show } = this.#choice;
    return this.#listing.ordered(filter, sort).slice(first, first + show);
  }

  #turnPage(): void {
    this.#scan.abort();
    this.#update({ scanning: false });
    this.#updatePaging();
    const list = this.#list;
    if (this.#lacks(list)) void this.#fetch(SCAN);
    else if (!list.samples.length) this.#sayEmpty();
    this.#explain();
  }

  /** The page is not full, and the kernel may have more. */
  #lacks({ exhausted, samples }: Found): boolean {
    const { first, show } = this.#choice;
    return this.#state.live && !exhausted && samples.length < first + show;
  }

  #updatePaging(): void {
    const { first, show } = this.#choice;
    const { samples, exhausted, scanned } = this.#list;
    this.#update({
      known: samples.length,
      total: exhausted ? samples.length : null,
      hasPrevious: first > 0,
      hasNext: samples.length > first + show || (this.#state.live && !exhausted),
      scanned,
    });
  }

  async #fetch(scan: number): Promise<void> {
    const { filter, first, show } = this.#choice;
    const list = this.#list;
    this.#scan = new AbortController();
    const signal = AbortSignal.any([this.#scan.signal, this.#life.signal]);
    this.#update({ scanning: true, notice: null });
    try {
      const count = first + show - list.samples.length;
      const found = await this.#source.fetch({ op: "fetch", filter, start: list.next, count, scan }, signal);
      if (signal.aborted) return;
      this.#listing.add(filter, found);
      this.#update({ scanning: false, confusion: this.#listing.confusion });
      if (!found.samples.length && list.samples.length && first >= list.samples.length) {
        this.#replace({ first: Math.max(0, first - show) });
        const scanOn = { ...this.#scanOn, run: () => this.next() };
        if (!list.exhausted) this.#update({ notice: notices.noFurtherMatch(filter, found.scanned, scanOn) });
      }
      this.#updatePaging();
      if (!list.samples.length) this.#sayEmpty();
      this.#explain();
    } catch (error) {
      if (signal.aborted) return;
      const actions = [{ label: "Try again", primary: true, run: () => void this.#fetch(scan) }];
      if (first >= list.samples.length && first > 0) this.#replace({ first: Math.max(0, first - show) });
      const notice = { ...notices.errorNotice(error, "The kernel could not give more samples"), actions };
      this.#update({ scanning: false, notice });
      this.#updatePaging();
      this.#explain();
    }
  }

  get #scanOn() {
    return { label: `Scan the next ${SCAN}`, primary: true, run: () => void this.#fetch(SCAN) };
  }

  #sayEmpty(): void {
    const { filter } = this.#choice;
    const { scanned, exhausted } = this.#list;
    const scanOn = this.#state.live && !exhausted ? this.#scanOn : null;
    const clear = () => this.setFilter(EVERYTHING);
    this.#update({ notice: notices.emptyNotice(filter, scanned, exhausted, scanOn, clear) });
  }

  // -- explanations ------------------------------------------------------------------------------------------------------

  /** The model's reason why not, or that of the samples. */
  #offered(method: State["methods"][number]): State["methods"][number] {
    const enough = method.baselines !== "several" || this.#state.baselines.length > 1;
    const whyNot = method.whyNot ?? (enough ? undefined : "it compares with several baseline_transforms");
    return { ...method, whyNot };
  }

  /** Brings the view up to date with what is chosen: shows what is known at once, then checks and computes the rest. */
  #explain(): void {
    this.#work.abort();
    this.#update({ progress: null });
    if (!this.#model || this.#state.phase.name !== "ready") return;
    this.#work = new AbortController();
    const signal = AbortSignal.any([this.#work.signal, this.#life.signal]);
    void this.#explainView(signal).catch((error: unknown) => {
      if (!signal.aborted || isFatal(error)) this.#recover(error);
    });
  }

  async #explainView(signal: AbortSignal): Promise<void> {
    const { view, model } = this.#choice;
    this.#showCards();
    const samples = this.#page;
    if (!samples.length) return this.#update({ comparison: null, inspection: null });
    await this.#predict(model, samples, signal);
    if (signal.aborted) return;
    this.#showCards();
    const all = await (view === "compare" ? this.#compared(samples, signal) : this.#carded(samples, signal));
    if (signal.aborted) return;
    const open = all.filter(({ isOpen }) => isOpen);
    if (open.length) {
      if (this.#cancelled) this.#update({ notice: null });
      this.#cancelled = false;
    }
    await this.#answer(open, signal);
    if (signal.aborted) return;
    await this.#judge(all, signal);
  }

  /** One method and model after the other. */
  async #answer(open: readonly Open[], signal: AbortSignal): Promise<void> {
    const started = performance.now();
    let ready = 0;
    for (let from = 0, to; from < open.length; from = to) {
      const { model, method, arguments: args } = open[from];
      to = open.findIndex((one, i) => i > from && (one.model !== model || one.method !== method || one.arguments !== args)); // prettier-ignore
      if (to < 0) to = open.length;
      const engine = await this.#modelAt(model);
      await this.#explanations.answer(engine, open.slice(from, to), signal, (done) => {
        const elapsed = performance.now() - started;
        if (signal.aborted || elapsed < SHOW_PROGRESS_MS) return;
        const share = (ready + done) / open.length;
        const etaMs = share > 0.02 ? (elapsed * (1 - share)) / share : null;
        const progress = { label: method, done: ready + done, total: open.length, etaMs, cancellable: true };
        this.#update({ progress });
      });
      if (signal.aborted) return;
      ready = to;
    }
    const { engine } = this.#state;
    if (engine && open.length) this.#update({ engine: { ...engine, ms: this.#explanations.ms } });
    this.#update({ progress: null });
  }

  /** In Samples only where no convergence delta tells how good an explanation is. */
  async #judge(all: readonly Open[], signal: AbortSignal): Promise<void> {
    const n_steps = Math.max(10, Math.min(28, Math.round(JUDGE_MS / (2 * this.#forwardMs))));
    const { view } = this.#choice;
    for (const one of all) {
      if (view === "samples" && this.#explanations.get(one)?.delta !== null) continue;
      await this.#explanations.judge(await this.#modelAt(one.model), one, n_steps, signal);
      if (signal.aborted) return;
    }
  }

  /** Another model than the chosen one, loaded when it is first needed. */
  async #modelAt(index: number): Promise<EngineModel> {
    const known = this.#models[index];
    if (known) return known;
    const load = this.#load;
    const model = await this.#loadModel(index, () => load !== this.#load);
    if (load !== this.#load || this.#life.signal.aborted) {
      model.dispose();
      throw new DOMException("another model was chosen", "AbortError");
    }
    return (this.#models[index] = model);
  }

  /** What the cards ask; in Inspect the selected one alone. */
  async #carded(samples: readonly Sample[], signal: AbortSignal): Promise<Open[]> {
    const { method, view } = this.#choice;
    this.#update({ comparison: null });
    const plan = await this.#plan(this.#choice.model, { method, arguments: this.#argumentsOf(method) }, samples);
    if (signal.aborted) return [];
    const { errors, workload } = plan;
    this.#update({ argumentErrors: errors, workload: workload && `${workload} per sample` });
    const selected = view === "inspect" ? this.#selected : undefined;
    const isAsked = (id: number) => !selected || selected.sample.id === id;
    if (Object.keys(errors).length) {
      this.#showCards();
      this.#try();
      return [];
    }
    this.#showCards(isAsked);
    this.#try();
    const cards = this.#state.cards.filter(({ sample, status }) => status !== "error" && isAsked(sample.id));
    const together = !selected && this.#isTogether(method) && cards.some(({ status }) => status === "queued");
    return cards.map((card) => ({
      ...this.#questionOf(card.sample, card.target),
      isOpen: together || card.status === "queued",
      show: (change) => this.#updateCard(card.sample.id, change),
    }));
  }

  #isTogether(method: string): boolean {
    return this.#state.methods.find(({ name }) => name === method)?.together ?? false;
  }

  async #plan(model: number, { method, arguments: args }: Pin, samples: readonly Sample[]) {
    const { inputs } = samples.find((sample) => !this.#errorOf(sample, model)) ?? samples[0];
    const shapes = inputs.map(({ shape }) => shape);
    return (await this.#modelAt(model)).plan(method, args, shapes);
  }

  #questionOf(sample: Sample, target: number | null, pin?: Pin, model = this.#choice.model): Question {
    const { method, baseline } = this.#choice;
    const own = { method, arguments: this.#argumentsOf(method) };
    return { sample, model, baseline, target, ...(pin ?? own) };
  }

  #errorOf({ id, error }: Sample, model: number): string | null {
    return error ?? this.#failures.get(placeOf(model, id)) ?? null;
  }

  /** Runs the model on samples it has not seen and compares with PyTorch. */
  async #predict(index: number, samples: readonly Sample[], signal: AbortSignal): Promise<void> {
    const model = await this.#modelAt(index);
    const unseen = samples.filter(
      (sample) => !this.#errorOf(sample, index) && !this.#scores.has(placeOf(index, sample.id)),
    );
    const batches = alike(unseen);
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const { length } = batch;
      try {
        const started = performance.now();
        const { raw, scores } = await model.run(inputsOf(batch, this.#payload.features));
        if (signal.aborted) return;
        this.#forwardMs = (performance.now() - started) / length;
        const differences = batch.map(({ id, outputs }, i) => {
          this.#scores.set(placeOf(index, id), rowOf(scores, i, length));
          return relativeDifference(rowOf(raw, i, length), outputs[index].raw.data as Float32Array);
        });
        const { engine } = this.#state;
        if (engine) this.#update({ engine: { ...engine, maxDiff: Math.max(engine.maxDiff ?? 0, ...differences) } });
      } catch (error) {
        if (isFatal(error)) throw error;
        if (signal.aborted) return;
        // One bad sample must not take the others with it.
        if (length > 1) batches.push(...batch.map((sample) => [sample]));
        else this.#failures.set(placeOf(index, batch[0].id), notices.messageOf(error));
      }
    }
  }

  /** Cards of the page from what is known; those for which `queue` says so wait for a result, if they have no current one. */
  #showCards(queue: (id: number) => boolean = () => false): void {
    const before = new Map(this.#state.cards.map((card) => [card.sample.id, card]));
    const { model } = this.#choice;
    const cards = this.#page.map((sample): Card => {
      const predictions = this.#predictionsOf(sample, model);
      const top = predictions[0]?.index ?? null;
      const target = this.#targetOf(sample, predictions);
      const card = {
        ...this.#cellOf(this.#questionOf(sample, target), before.get(sample.id), queue(sample.id)),
        ...{ sample, predictions, target },
        correct: top === null || sample.label === null ? null : top === sample.label,
      };
      const old = before.get(sample.id);
      return old && isSame(old, card) ? old : card;
    });
    const isPage = cards.length === this.#shownRows.length && cards.every((card, i) => card.sample.id === this.#shownRows[i]); // prettier-ignore
    // Rows of another page would stand beside the wrong samples.
    this.#update(isPage ? { cards } : { cards, comparison: null });
  }

  /** An explanation from what is known; an old one stays until there is a new one. */
  #cellOf(question: Question, old: Cell | undefined, queue: boolean): Cell {
    const current = this.#explanations.get(question);
    const error = this.#errorOf(question.sample, question.model);
    const result = current ?? old?.result ?? null;
    return {
      status: error ? "error" : current ? "ready" : queue ? "queued" : (old?.status ?? "queued"),
      done: current ? 1 : 0,
      result,
      stale: !current && !!result,
      error,
    };
  }

  #targetOf({ id }: Sample, predictions: readonly Prediction[]): number | null {
    if (!predictions.length || !this.#payload.use_label_for_attr) return null;
    const { targets, target } = this.#choice;
    const chosen = targets[id] ?? target;
    return chosen !== null && chosen < predictions.length ? chosen : predictions[0].index;
  }

  #predictionsOf({ id, outputs }: Sample, model: number): Prediction[] {
    const scores = this.#scores.get(placeOf(model, id)) ?? (outputs[model]?.scores.data as Float32Array | undefined);
    if (!scores || scores.length < 2) return [];
    const known = this.#sorted.get(scores);
    if (known) return known;
    const sorted = Array.from(scores, (score, index) => ({
      index,
      label: this.#payload.classes[index] ?? `class ${index}`,
      score,
    })).sort((a, b) => b.score - a.score || a.index - b.index);
    this.#sorted.set(scores, sorted);
    return sorted;
  }

  /** By scores, so that what has not changed stays the same object. */
  readonly #sorted = new WeakMap<Float32Array, Prediction[]>();

  #updateCard(id: number, change: Partial<Cell>): void {
    this.#update({ cards: this.#state.cards.map((card) => (card.sample.id === id ? { ...card, ...change } : card)) });
    if (change.result && this.#state.inspection?.card.sample.id === id) this.#try();
  }

  // -- Compare -----------------------------------------------------------------------------------------------------------

  /** What the cells of Compare ask, column by column. */
  async #compared(samples: readonly Sample[], signal: AbortSignal): Promise<Open[]> {
    this.#update({ inspection: null, argumentErrors: {}, workload: null });
    const columns = this.#columns();
    const before = this.#state.comparison;
    const whyNots = columns.map(({ whyNot }) => whyNot);
    for (const [i, { pin, model, whyNot }] of columns.entries()) {
      await this.#predict(model, samples, signal);
      const errors = whyNot ? {} : (await this.#plan(model, pin, samples)).errors;
      if (signal.aborted) return [];
      const [wrong] = Object.entries(errors);
      if (wrong) whyNots[i] = `${wrong[0]}: ${wrong[1]}`;
    }
    const oldCell = (id: number, { pin, model }: Column): CompareCell | undefined => {
      const row = before?.rows[this.#shownRows.indexOf(id)];
      const at = before?.columns.findIndex((old) => old.model === model && old.pin === pin) ?? -1;
      return row?.[at];
    };
    const rows = this.#state.cards.map(({ sample, target }) =>
      columns.map((column, i): CompareCell => {
        const { pin, model } = column;
        const predictions = this.#predictionsOf(sample, model);
        const error = whyNots[i] ?? null;
        const cell = this.#cellOf(this.#questionOf(sample, target, pin, model), oldCell(sample.id, column), !error);
        return { ...cell, ...(error ? { status: "error", error } : {}), predictions };
      }),
    );
    this.#shownRows = this.#state.cards.map(({ sample }) => sample.id);
    this.#update({ comparison: this.#summed({ columns: columns.map((column, i) => ({ ...column, whyNot: whyNots[i] })), rows }) }); // prettier-ignore
    return columns.flatMap(({ pin, model }, c) => {
      const open = rows.map((row) => row[c].status === "queued");
      const all = this.#isTogether(pin.method) && open.includes(true);
      return this.#state.cards.flatMap(({ sample, target }, r): Open[] => {
        if (rows[r][c].status === "error") return [];
        const show = (change: Partial<Cell>) => this.#updateCell(r, c, change);
        return [{ ...this.#questionOf(sample, target, pin, model), isOpen: all || open[r], show }];
      });
    });
  }

  /** Samples of the comparison's rows. */
  #shownRows: number[] = [];

  #columns(): Column[] {
    const { compare, method, model } = this.#choice;
    const none = { rho: null, deletion: null, insertion: null };
    if (compare.columns === "models") {
      const pin = this.#chosenPin(method);
      return this.#payload.models.map(({ name }, i) => ({ title: name, detail: method, pin, model: i, ...none }));
    }
    return compare.pins.map((pin) => {
      const info = this.#state.methods.find(({ name }) => name === pin.method);
      const whyNot = info ? info.whyNot : `there is no method "${pin.method}"`;
      return { title: pin.method, detail: this.#detailOf(pin, info), pin, model, whyNot, ...none };
    });
  }

  /** The chosen method as a pin, the same object as long as it is the same. */
  #chosenPin(method: string): Pin {
    const args = this.#argumentsOf(method);
    const known = this.#lastPin;
    if (known?.method !== method || JSON.stringify(known.arguments) !== JSON.stringify(args))
      this.#lastPin = { method, arguments: args };
    return this.#lastPin!;
  }

  #lastPin: Pin | null = null;

  /** What a method was pinned with, in a few words. */
  #detailOf({ arguments: args }: Pin, info: MethodInfo | undefined): string {
    const said = (info?.params ?? []).flatMap((spec) => {
      const value = args[spec.name];
      if (value === null || value === undefined || spec.name === "seed") return [];
      if (spec.kind === "layer") return [String(value)];
      if (spec.kind === "shape") return [`${spec.name === "strides" ? "stride " : ""}${[value].flat().join(" × ")}`];
      if (spec.kind === "int" && spec.name.startsWith("n_")) return [`${Number(value)} ${spec.name.slice(2)}`];
      return value === spec.default ? [] : [`${spec.name} ${String(value)}`];
    });
    if (info?.baselines === "one") said.push(this.#state.baselines[this.#choice.baseline]);
    return said.join(" · ");
  }

  #updateCell(row: number, column: number, change: Partial<Cell>): void {
    const { comparison } = this.#state;
    if (!comparison) return;
    const rows = comparison.rows.map((cells, r) =>
      r === row ? cells.map((cell, c) => (c === column ? { ...cell, ...change } : cell)) : cells,
    );
    this.#update({
      comparison: change.result ? this.#summed({ ...comparison, rows }, column) : { ...comparison, rows },
    });
  }

  /** @param changed the only column with another cell than before; the first one is what all are compared with */
  #summed({ columns, rows }: Comparison, changed = 0): Comparison {
    const { cards } = this.#state;
    const mean = (values: (number | null | undefined)[]): number | null => {
      const known = values.filter((value) => typeof value === "number");
      return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    };
    return {
      rows,
      columns: columns.map((column, c) => {
        if (changed > 0 && c !== changed) return column;
        const results = rows.map((row) => finished(row[c]));
        return {
          ...column,
          rho: mean(results.map((result, r) => agreementOf(cards[r].sample, finished(rows[r][0]), result))),
          deletion: mean(results.map((result) => result?.faithfulness?.auc.deletion)),
          insertion: mean(results.map((result) => result?.faithfulness?.auc.insertion)),
        };
      }),
    };
  }

  // -- Inspect -----------------------------------------------------------------------------------------------------------

  get #selected(): Card | undefined {
    const { cards } = this.#state;
    return cards.find(({ sample }) => sample.id === this.#choice.selected) ?? cards[0];
  }

  /** Shows what is to be tried with the selected sample at once, and asks the model; the last one asked for wins. */
  #try(): void {
    const card = this.#selected;
    if (this.#choice.view !== "inspect" || !card) return this.#update({ inspection: null });
    const { inspect, baseline, painted } = this.#choice;
    const { sample } = card;
    const { width, height } = rasterOf(sample, inspect.feature);
    const pixels = pixelsOf(painted[sample.id] ?? [], width * height);
    const result = finished(card);
    const before = this.#state.inspection?.card.sample.id === sample.id ? this.#state.inspection : null;
    const edits = editsWithin(sample, this.#choice.edited[sample.id]);
    const known = this.#variants;
    this.#variants =
      card.status === "error" ? null : variantsOf(sample, result, inspect, pixels, edits, baseline, known);
    const trial = (name: keyof Variants): Trial | null => {
      const variant = this.#variants?.[name];
      if (!variant) return null;
      return { picture: variant.picture, hidden: variant.hidden, scores: before?.[name]?.scores ?? null };
    };
    const tried = { after: trial("after"), deleted: trial("deleted"), inserted: trial("inserted") };
    const edited = new Map(edits.flatMap(([f, place, value]) => (f === inspect.feature ? [[place, value]] : [])));
    this.#update({ inspection: { card, width, height, painted: pixels, edited, ...tried, error: card.error } });
    if (!this.#trying) void this.#tryOut();
  }

  async #tryOut(): Promise<void> {
    this.#trying = true;
    try {
      for (let variants = this.#variants; variants; variants = this.#variants === variants ? null : this.#variants) {
        const names = (["after", "deleted", "inserted"] as const).filter((name) => variants?.[name]);
        const sample = this.#state.inspection?.card.sample;
        const model = this.#model;
        if (!names.length || !sample || !model) return;
        const rows = names.map((name) => ({ ...sample, inputs: variants![name]!.inputs }));
        const { scores } = await model.run(inputsOf(rows, this.#payload.features));
        const { inspection } = this.#state;
        if (this.#life.signal.aborted || !inspection) return;
        if (inspection.card.sample !== sample) continue;
        const change = (name: keyof Variants, i: number): Partial<Inspection> => {
          const trial = inspection[name];
          return trial ? { [name]: { ...trial, scores: rowOf(scores, i, names.length) } } : {};
        };
        this.#update({ inspection: Object.assign({}, inspection, ...names.map(change)) as Inspection });
      }
    } catch (error) {
      if (isFatal(error)) return this.#recover(error);
      const { inspection } = this.#state;
      if (inspection) this.#update({ inspection: { ...inspection, error: notices.messageOf(error) } });
    } finally {
      this.#trying = false;
    }
  }

  // -- the store ---------------------------------------------------------------------------------------------------------

  /** Listeners hear of all changes of one task at once. */
  #update(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    const { inspection } = this.#state;
    const card = inspection && change.cards?.find(({ sample }) => sample.id === inspection.card.sample.id);
    if (card) this.#state.inspection = { ...inspection, card };
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (!this.#life.signal.aborted) this.dispatchEvent(new Event("change"));
    });
  }
}

/** A question of the view, answered or not. */
interface Open extends Wanted {
  isOpen: boolean;
}

const placeOf = (model: number, sample: number): string => `${model} ${sample}`;

/** Kept ones may come from anywhere. */
const editsWithin = ({ inputs }: Sample, edits: readonly Edit[] = []): readonly Edit[] =>
  edits.filter(([feature, place]) => place < (inputs[feature]?.data.length ?? 0));

const without = <T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));

const finished = ({ result, stale }: Cell): Result | null => (result && !stale && !result.partial ? result : null);

/** Cards that are the same are not drawn again. */
const isSame = (a: Card, b: Card): boolean => (Object.keys(b) as (keyof Card)[]).every((key) => a[key] === b[key]);
