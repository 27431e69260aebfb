/**
 * The application's state without DOM or Jupyter: samples, selection, results, cancellation. It knows an
 * {@link Engine} that computes and a {@link Source} of samples; which ones stand behind them is not its business.
 */
import { sharedEngine } from "./client";
import type { Backend, BackendChoice } from "./backend";
import type { Arguments, ArgumentValue, ParamSpec } from "./methods/method";
import { cancelledNotice, emptyNotice, errorNotice, messageOf, noFurtherMatch, notStored } from "./notices";
import {
  apart,
  argmax,
  batchOf,
  byInput,
  inputsOf,
  relativeDifference,
  rowOf,
  setShares,
  summed,
  together,
  unflatten,
} from "./samples";
import type { FloatArray } from "./engine";
import type { Engine, EngineModel, Source } from "./seams";
import type { Card, Display, Prediction, Result, State, Store } from "./state";
import type { Filter, NDArray, Payload, Sample } from "./wire";
import type { AttributeRequest } from "./worker";

/** Most dataset entries that one request looks at. */
const SCAN = 512;
/** Values of attributions kept for going back: 64 MB. */
const KEPT_VALUES = 2 ** 24;
const SHOW_PROGRESS_MS = 100;
/** A request should take no longer: its results come together, and its progress is one for all. */
const REQUEST_MS = 60;
/** Deletion and insertion of one sample should take no longer; they have between 10 and 28 steps. */
const JUDGE_MS = 1500;
/** Before the first result: input values that one pass is taken to explain in a millisecond. */
const QUICK_VALUES = 1000;

/** What passes one filter, as far as the dataset has been looked at. */
interface Found {
  samples: Sample[];
  next: number;
  scanned: number;
  exhausted: boolean;
}

const EVERYTHING: Filter = { classes: [], prediction: "all" };

export class Session extends EventTarget implements Store {
  readonly #payload: Payload;
  readonly #source: Source;
  readonly #engine: Engine;
  #state: State;
  #changed = false;
  #model: EngineModel | null = null;
  /** Ends everything this session has started. */
  readonly #life = new AbortController();
  /** Ends the attributions under way. */
  #work = new AbortController();
  /** Ends the scan under way. */
  #scan = new AbortController();
  #found = new Map<string, Found>();
  /** Entered arguments, by method. */
  #arguments = new Map<string, Arguments>();
  #targets = new Map<number, number>();
  #targetForAll: number | null = null;
  /** The page's own outputs, by sample. */
  #scores = new Map<number, Float32Array>();
  /** Why the model does not take a sample, by sample. */
  #failures = new Map<number, string>();
  #results = new Map<string, Result>();
  #keptValues = 0;
  /** Milliseconds per sample, by method and arguments. */
  #pace = new Map<string, number>();
  /** Milliseconds of a forward pass of one sample. */
  #forwardMs = 1;
  /** The notice says so until work goes on. */
  #cancelled = false;

  /** Starts at once: loads the engine, checks it against PyTorch's outputs, explains the first samples. */
  constructor(
    payload: Payload,
    source: Source,
    { backend = "auto", engine = sharedEngine() }: { backend?: BackendChoice; engine?: Engine } = {},
  ) {
    super();
    this.#payload = payload;
    this.#source = source;
    this.#engine = engine;
    const { samples, next, scanned, exhausted } = payload.scan;
    this.#found.set(keyOf(EVERYTHING), { samples: [...samples], next, scanned, exhausted });
    this.#state = {
      phase: { name: "preparing", stage: "Loading the model" },
      live: source.live,
      classes: payload.classes,
      features: payload.features,
      methods: [],
      layers: [],
      method: "Integrated Gradients",
      arguments: {},
      argumentErrors: {},
      workload: null,
      baselines: payload.features[0]?.baselines ?? [],
      baseline: 0,
      filter: EVERYTHING,
      show: payload.show,
      first: 0,
      known: samples.length,
      total: null,
      hasPrevious: false,
      hasNext: false,
      scanned: null,
      scanning: false,
      cards: [],
      progress: null,
      engine: null,
      display: { sign: "signed", style: "Overlay", opacity: 0.85, clip: 2, cmap: "PuOr" },
      notice: null,
    };
    source.addEventListener("change", () => this.#onSource(), { signal: this.#life.signal });
    void this.#start(backend);
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  /** Ends all work and frees the model. */
  dispose(): void {
    this.#life.abort();
    this.#work.abort();
    this.#scan.abort();
    this.#model?.dispose();
    this.#model = null;
  }

  // -- what the user does ------------------------------------------------------------------------------------------------

  setMethod(method: string): void {
    if (method === this.#state.method) return;
    this.#update({ method, arguments: this.#argumentsOf(method) });
    this.#explain();
  }

  setArgument(name: string, value: ArgumentValue): void {
    const { method } = this.#state;
    const args = { ...this.#state.arguments, [name]: value };
    this.#arguments.set(method, args);
    this.#update({ arguments: args });
    this.#explain();
  }

  reset(): void {
    this.#arguments.delete(this.#state.method);
    this.#targets.clear();
    this.#targetForAll = null;
    this.#update({ arguments: this.#argumentsOf(this.#state.method), baseline: 0 });
    this.#explain();
  }

  setBaseline(baseline: number): void {
    this.#update({ baseline });
    this.#explain();
  }

  setTarget(sample: number, target: number): void {
    this.#targets.set(sample, target);
    this.#explain();
  }

  setTargetForAll(target: number): void {
    this.#targets.clear();
    this.#targetForAll = target;
    this.#explain();
  }

  setFilter(change: Partial<Filter>): void {
    const filter = { ...this.#state.filter, ...change };
    if (!this.#found.has(keyOf(filter))) this.#found.set(keyOf(filter), this.#alreadyFound(filter));
    this.#update({ filter, first: 0, notice: null });
    this.#turnPage();
  }

  setShow(show: number): void {
    this.#update({ show, first: Math.floor(this.#state.first / show) * show });
    this.#turnPage();
  }

  next(): void {
    const { first, show, hasNext, scanning } = this.#state;
    if (!hasNext || scanning) return;
    this.#update({ first: first + show });
    this.#turnPage();
  }

  previous(): void {
    const { first, show } = this.#state;
    if (!first) return;
    this.#update({ first: Math.max(0, first - show) });
    this.#turnPage();
  }

  setDisplay(display: Partial<Display>): void {
    this.#update({ display: { ...this.#state.display, ...display } });
  }

  setBackend(backend: Backend): void {
    if (this.#state.engine?.backend === backend) return;
    this.#work.abort();
    void this.#start(backend);
  }

  cancel(): void {
    const { scanning, first, show } = this.#state;
    this.#work.abort();
    this.#scan.abort();
    const open = this.#state.cards.some((card) => card.status === "queued" || card.status === "running");
    const cards = this.#state.cards.map((card) =>
      card.status === "running" ? { ...card, status: "queued" as const, done: 0 } : card,
    );
    this.#update({ cards, progress: null, scanning: false });
    if (open) {
      this.#cancelled = true;
      this.#update({ notice: cancelledNotice(() => this.#explain()) });
    }
    if (!scanning) return;
    // A page that was being looked for has nothing to show.
    if (first >= this.#list.samples.length) this.#update({ first: Math.max(0, first - show) });
    this.#updatePaging();
    if (this.#list.samples.length) this.#explain();
    else this.#sayEmpty();
  }

  // -- starting ----------------------------------------------------------------------------------------------------------

  async #start(backend: BackendChoice): Promise<void> {
    const { signal } = this.#life;
    const before = this.#model;
    try {
      if (!before) this.#update({ phase: { name: "preparing", stage: "Loading the model" } });
      const [spec] = this.#payload.models;
      if (!spec.onnx && !this.#source.live)
        return this.#update({ phase: { name: "stopped", notice: notStored(spec.size) } });
      const bytes = spec.onnx ?? (await this.#source.model(0, signal));
      spec.onnx = bytes;
      const model = await this.#engine.load(bytes, backend, (done, total) => {
        if (signal.aborted || this.#model !== before) return;
        this.#update({ progress: { label: "Compiling shaders", done, total, etaMs: null, cancellable: false } });
      });
      if (signal.aborted) return model.dispose();
      this.#model = model;
      before?.dispose();
      this.#results.clear();
      this.#keptValues = 0;
      this.#scores.clear();
      this.#failures.clear();
      this.#pace.clear();
      const { info } = model;
      this.#update({
        methods: info.methods.map((method) => this.#offered(method)),
        layers: info.layers,
        engine: { backend: info.backend, available: info.available, ms: null, maxDiff: null },
        arguments: this.#arguments.get(this.#state.method) ?? startOf(info.methods, info.layers, this.#state.method),
        phase: { name: "ready" },
        progress: null,
        notice: null,
      });
      this.#turnPage();
    } catch (error) {
      if (signal.aborted) return;
      this.#update({ progress: null });
      const notice = errorNotice(error);
      // A backend that does not start leaves the one that works.
      this.#update(before ? { notice: { ...notice, kind: "warning" } } : { phase: { name: "stopped", notice } });
      if (before) this.#explain();
    }
  }

  #onSource(): void {
    this.#update({ live: this.#source.live });
    if (this.#source.live && !this.#model && !this.#payload.models[0].onnx) void this.#start("auto");
    else this.#updatePaging();
  }

  // -- samples -----------------------------------------------------------------------------------------------------------

  get #list(): Found {
    return this.#found.get(keyOf(this.#state.filter))!;
  }

  /** The part of an unfiltered list that passes; it covers the dataset up to the same place. */
  #alreadyFound(filter: Filter): Found {
    const all = this.#found.get(keyOf(EVERYTHING))!;
    return { ...all, samples: all.samples.filter((sample) => this.#passes(sample, filter)) };
  }

  /** As the kernel decides: by PyTorch's own scores. */
  #passes({ outputs, label }: Sample, { classes, prediction }: Filter): boolean {
    const scores = outputs[0]?.scores;
    const top = scores && scores.data.length > 1 ? argmax(scores) : null;
    if (classes.length && (top === null || !classes.includes(this.#payload.classes[top]))) return false;
    return prediction === "all" || (top !== null && label !== null && (top === label) === (prediction === "correct"));
  }

  #turnPage(): void {
    this.#scan.abort();
    this.#update({ scanning: false });
    this.#updatePaging();
    const { first, show, live } = this.#state;
    const list = this.#list;
    if (live && !list.exhausted && list.samples.length < first + show) void this.#fetch(SCAN);
    else if (!list.samples.length) this.#sayEmpty();
    this.#explain();
  }

  #updatePaging(): void {
    const { first, show, live } = this.#state;
    const { samples, exhausted, scanned } = this.#list;
    this.#update({
      known: samples.length,
      total: exhausted ? samples.length : null,
      hasPrevious: first > 0,
      hasNext: samples.length > first + show || (live && !exhausted),
      scanned,
    });
  }

  async #fetch(scan: number): Promise<void> {
    const { filter, first, show } = this.#state;
    const list = this.#list;
    this.#scan = new AbortController();
    const signal = AbortSignal.any([this.#scan.signal, this.#life.signal]);
    this.#update({ scanning: true, notice: null });
    try {
      const count = first + show - list.samples.length;
      const found = await this.#source.fetch({ op: "fetch", filter, start: list.next, count, scan }, signal);
      if (signal.aborted) return;
      list.samples.push(...found.samples);
      Object.assign(list, { next: found.next, scanned: list.scanned + found.scanned, exhausted: found.exhausted });
      this.#update({ scanning: false });
      const fewer = !found.samples.length;
      if (fewer && list.samples.length && first >= list.samples.length) {
        this.#update({ first: Math.max(0, first - show) });
        const scanOn = { ...this.#scanOn, run: () => this.next() };
        if (!list.exhausted) this.#update({ notice: noFurtherMatch(filter, found.scanned, scanOn) });
      }
      this.#updatePaging();
      if (!list.samples.length) this.#sayEmpty();
      this.#explain();
    } catch (error) {
      if (signal.aborted) return;
      const actions = [{ label: "Try again", primary: true, run: () => void this.#fetch(scan) }];
      const step = first >= list.samples.length && first > 0 ? { first: first - show } : {};
      this.#update({
        scanning: false,
        ...step,
        notice: { ...errorNotice(error, "The kernel could not give more samples"), actions },
      });
      this.#updatePaging();
      this.#explain();
    }
  }

  get #scanOn() {
    return { label: `Scan the next ${SCAN}`, primary: true, run: () => void this.#fetch(SCAN) };
  }

  #sayEmpty(): void {
    const { filter, live } = this.#state;
    const { scanned, exhausted } = this.#list;
    const scanOn = live && !exhausted ? this.#scanOn : null;
    const clear = () => this.setFilter(EVERYTHING);
    this.#update({ notice: emptyNotice(filter, scanned, exhausted, scanOn, clear) });
  }

  // -- attributions ------------------------------------------------------------------------------------------------------

  /** The model's reason why not, or that of the samples. */
  #offered(method: State["methods"][number]): State["methods"][number] {
    const enough = method.baselines !== "several" || this.#state.baselines.length > 1;
    const whyNot = method.whyNot ?? (enough ? undefined : "it compares with several baseline_transforms");
    return { ...method, whyNot };
  }

  #argumentsOf(method: string): Arguments {
    return this.#arguments.get(method) ?? startOf(this.#state.methods, this.#state.layers, method);
  }

  /** Brings the cards up to date with what is chosen: shows what is known at once, then checks and computes the rest. */
  #explain(): void {
    this.#work.abort();
    this.#update({ progress: null });
    if (!this.#model || this.#state.phase.name !== "ready") return;
    this.#work = new AbortController();
    void this.#explainPage(this.#model, AbortSignal.any([this.#work.signal, this.#life.signal])).catch(
      (error: unknown) => {
        if (!this.#life.signal.aborted) this.#update({ phase: { name: "stopped", notice: errorNotice(error) } });
      },
    );
  }

  async #explainPage(model: EngineModel, signal: AbortSignal): Promise<void> {
    this.#showCards();
    const { method, arguments: args, first, show } = this.#state;
    const samples = this.#list.samples.slice(first, first + show);
    if (!samples.length) return;
    await this.#predict(model, samples, signal);
    const { inputs } = samples.find(({ id, error }) => !error && !this.#failures.has(id)) ?? samples[0];
    const shapes = inputs.map(({ shape }) => shape);
    const { errors, workload } = await model.plan(method, args, shapes);
    if (signal.aborted) return;
    this.#update({ argumentErrors: errors, workload: workload && `${workload} per sample` });
    if (Object.keys(errors).length) return this.#showCards();
    this.#showCards(true);

    const open = this.#state.cards.filter((card) => card.status === "queued");
    const waiting =
      open.length && this.#explainsTogether ? this.#state.cards.filter(({ status }) => status !== "error") : open;
    if (!waiting.length) return this.#judge(model, signal);
    if (this.#cancelled) this.#update({ notice: null });
    this.#cancelled = false;
    const started = performance.now();
    let ready = 0;
    for (const cards of this.#together(waiting)) {
      await this.#explainCards(model, cards, signal, (done) => {
        const elapsed = performance.now() - started;
        if (signal.aborted || elapsed < SHOW_PROGRESS_MS) return;
        const finished = ready + done * cards.length;
        const share = finished / waiting.length;
        const etaMs = share > 0.02 ? (elapsed * (1 - share)) / share : null;
        this.#update({ progress: { label: method, done: finished, total: waiting.length, etaMs, cancellable: true } });
      });
      if (signal.aborted) return;
      ready += cards.length;
    }
    this.#update({ progress: null });
    await this.#judge(model, signal);
  }

  /** Where no convergence delta tells how good an explanation is, deletion and insertion do: measured when all else is done. */
  async #judge(model: EngineModel, signal: AbortSignal): Promise<void> {
    const n_steps = Math.max(10, Math.min(28, Math.round(JUDGE_MS / (2 * this.#forwardMs))));
    for (const { sample } of this.#state.cards) {
      const card = this.#state.cards.find(({ sample: { id } }) => id === sample.id);
      const result = card?.result;
      if (!card || !result || card.status !== "ready" || card.stale || result.delta !== null || result.auc) continue;
      if (card.target === null || result.attributions.includes(null)) continue;
      const attributions = byInput(this.#state.features, (i): FloatArray => {
        const { values, shape } = result.attributions[i]!;
        return { data: values, shape: [1, ...shape] };
      });
      const attribution = { attributions, delta: null, change: null, signed: result.signed };
      const question = { metric: "Deletion and insertion", arguments: { n_steps }, attribution };
      try {
        const { values } = await model.measure({ ...question, request: this.#requestFor(card) }, signal);
        if (signal.aborted) return;
        const judged = { ...result, auc: { deletion: values.deletion[0], insertion: values.insertion[0] } };
        this.#results.set(this.#keyOf(sample.id, card.target), judged);
        this.#updateCards([sample.id], () => ({ result: judged }));
      } catch {
        // A map that lies over no picture, a layer's for one, cannot be taken out of it.
        if (signal.aborted) return;
      }
    }
  }

  get #explainsTogether(): boolean {
    const { method, methods } = this.#state;
    return methodOf(methods, method)?.together ?? false;
  }

  /** What is quick goes in one request, because every request costs milliseconds; all else comes one by one. */
  #together(cards: readonly Card[]): Card[][] {
    const { method, methods } = this.#state;
    if (this.#explainsTogether) return [[...cards]];
    const values = cards[0].sample.inputs.reduce((sum, { data }) => sum + data.length, 0);
    const slow = methodOf(methods, method)?.cost === "n passes";
    const pace = this.#pace.get(paceKey(this.#state)) ?? (slow ? Infinity : values / QUICK_VALUES);
    const size = Math.max(1, Math.floor(REQUEST_MS / pace));
    return cards.flatMap((_, i) => (i % size ? [] : [cards.slice(i, i + size)]));
  }

  #requestFor({ sample, target }: Card): AttributeRequest {
    const { method, arguments: args, baseline, features, methods } = this.#state;
    const uses = methodOf(methods, method)?.baselines ?? "none";
    const baselineOf = (all: readonly NDArray[]) =>
      batchOf(uses === "one" ? [all[Math.min(baseline, all.length - 1)]] : all);
    return {
      method,
      arguments: args,
      inputs: inputsOf([sample], features),
      attributed: features.map(({ input }) => input),
      baselines: uses !== "none" ? byInput(features, (i) => baselineOf(sample.baselines[i])) : undefined,
      feature_mask: this.#masksOf(sample),
      target: target === null ? null : [unflatten(target, sample.outputs[0].raw.shape)],
    };
  }

  /** The user's masks; where one feature has one, those without are features of their own. */
  #masksOf({ inputs, feature_masks }: Sample): AttributeRequest["feature_mask"] {
    if (!feature_masks.some((mask) => mask)) return undefined;
    let next = 1 + Math.max(...feature_masks.flatMap((mask) => (mask ? Array.from(mask.data as Int32Array) : [])));
    return byInput(this.#state.features, (i) => {
      const { shape, data } = inputs[i];
      const mask = feature_masks[i];
      return { shape: [1, ...shape], data: Int32Array.from(data as Float32Array, (_, k) => Number(mask ? mask.data[k] : next++)) }; // prettier-ignore
    });
  }

  async #explainCards(
    model: EngineModel,
    cards: readonly Card[],
    signal: AbortSignal,
    onProgress: (done: number) => void,
  ): Promise<void> {
    const { method, arguments: args, baseline } = this.#state;
    const ids = cards.map(({ sample }) => sample.id);
    this.#updateCards(ids, () => ({ status: "running", done: 0 }));
    const started = performance.now();
    // The last report of progress can arrive after the result.
    let running = true;
    try {
      const requests = cards.map((card) => this.#requestFor(card));
      const whole = this.#explainsTogether;
      const partsOf = (maps: Record<string, FloatArray>) => (whole ? apart(maps, cards.length) : [maps]);
      const about = (i: number, ms: number) => ({ method, arguments: args, target: cards[i].target, baseline, ms });
      const answers = await model.attribute(
        whole ? [together(requests)] : requests,
        signal,
        (done) => {
          if (signal.aborted || !running) return;
          this.#updateCards(ids, () => ({ done }));
          onProgress(done);
        },
        (i, attributions) => {
          if (signal.aborted || !running) return;
          const ms = performance.now() - started;
          const known = { delta: null, change: null, auc: null, partial: true };
          partsOf(attributions).forEach((maps, k) => {
            const { result: before } = cards[i + k];
            const result = { ...about(i + k, ms), ...known, signed: before?.signed ?? true, attributions: this.#shown(maps) }; // prettier-ignore
            this.#updateCards([ids[i + k]], () => ({ result, stale: false }));
          });
        },
      );
      running = false;
      if (signal.aborted) return;
      const ms = (performance.now() - started) / cards.length;
      this.#pace.set(paceKey(this.#state), ms);
      const explained = answers.flatMap((answer) =>
        partsOf(answer.attributions).map((maps, k) => ({
          maps,
          signed: answer.signed,
          delta: answer.delta?.[k] ?? null,
          change: answer.change?.[k] ?? null,
        })),
      );
      this.#updateCards(ids, (i) => {
        const { sample, target } = cards[i];
        const { maps, signed, delta, change } = explained[i];
        const result: Result = {
          ...about(i, ms),
          signed,
          attributions: this.#shown(maps),
          delta,
          change,
          auc: null,
          partial: false,
        };
        this.#keep(this.#keyOf(sample.id, target), result);
        return { status: "ready", done: 1, result, stale: false, error: null };
      });
      const { engine } = this.#state;
      if (engine) this.#update({ engine: { ...engine, ms } });
    } catch (error) {
      running = false;
      if (signal.aborted) return;
      // One bad sample must not take the others with it.
      if (cards.length > 1 && !this.#explainsTogether)
        for (const card of cards) await this.#explainCards(model, [card], signal, onProgress);
      else this.#updateCards(ids, () => ({ status: "error", error: messageOf(error) }));
    }
  }

  /** The engine's maps of one sample, by feature. */
  #shown(maps: Record<string, FloatArray>): Result["attributions"] {
    const attributions = this.#state.features.map(({ input }) => {
      const map = maps[input];
      return map ? { ...summed(map.data), shape: map.shape.slice(1) } : null;
    });
    setShares(attributions.filter((attribution) => attribution !== null));
    return attributions;
  }

  /** Runs the model on samples it has not seen and compares with PyTorch. */
  async #predict(model: EngineModel, samples: readonly Sample[], signal: AbortSignal): Promise<void> {
    const unseen = samples.filter(({ id, error }) => !error && !this.#scores.has(id) && !this.#failures.has(id));
    if (!unseen.length) return;
    try {
      const started = performance.now();
      const { raw, scores } = await model.run(inputsOf(unseen, this.#payload.features));
      if (signal.aborted) return;
      this.#forwardMs = (performance.now() - started) / unseen.length;
      const differences = unseen.map(({ id, outputs }, i) => {
        this.#scores.set(id, rowOf(scores, i, unseen.length));
        return relativeDifference(rowOf(raw, i, unseen.length), outputs[0].raw.data as Float32Array);
      });
      const { engine } = this.#state;
      if (engine) this.#update({ engine: { ...engine, maxDiff: Math.max(engine.maxDiff ?? 0, ...differences) } });
    } catch (error) {
      if (signal.aborted) return;
      // One bad sample must not take the others with it.
      if (unseen.length > 1) for (const sample of unseen) await this.#predict(model, [sample], signal);
      else this.#failures.set(unseen[0].id, messageOf(error));
    }
  }

  /** Cards of the page from what is known; with `queue`, those without a current result are queued. */
  #showCards(queue = false): void {
    const { first, show } = this.#state;
    const before = new Map(this.#state.cards.map((card) => [card.sample.id, card]));
    const cards = this.#list.samples.slice(first, first + show).map((sample): Card => {
      const predictions = this.#predictionsOf(sample);
      const top = predictions[0]?.index ?? null;
      const target =
        predictions.length && this.#payload.use_label_for_attr
          ? (this.#targets.get(sample.id) ?? this.#targetForAll ?? top)
          : null;
      const current = this.#results.get(this.#keyOf(sample.id, target)) ?? null;
      const old = before.get(sample.id);
      const error = sample.error ?? this.#failures.get(sample.id) ?? null;
      const result = current ?? old?.result ?? null;
      return {
        ...{ sample, predictions, target, result },
        correct: top === null || sample.label === null ? null : top === sample.label,
        status: error ? "error" : current ? "ready" : queue ? "queued" : (old?.status ?? "queued"),
        done: current ? 1 : 0,
        stale: !current && !!result,
        error,
      };
    });
    this.#update({ cards });
  }

  #predictionsOf({ id, outputs }: Sample): Prediction[] {
    const scores = this.#scores.get(id) ?? (outputs[0]?.scores.data as Float32Array | undefined);
    if (!scores || scores.length < 2) return [];
    return Array.from(scores, (score, index) => ({
      index,
      label: this.#payload.classes[index] ?? `class ${index}`,
      score,
    })).sort((a, b) => b.score - a.score || a.index - b.index);
  }

  #keyOf(sample: number, target: number | null): string {
    const { method, arguments: args, baseline } = this.#state;
    return JSON.stringify([method, args, baseline, sample, target]);
  }

  #keep(key: string, result: Result): void {
    const size = ({ attributions }: Result) =>
      attributions.reduce((sum, attribution) => sum + (attribution?.values.length ?? 0), 0);
    this.#results.set(key, result);
    this.#keptValues += size(result);
    for (const [oldest, old] of this.#results) {
      if (this.#keptValues <= KEPT_VALUES) break;
      this.#results.delete(oldest);
      this.#keptValues -= size(old);
    }
  }

  // -- the store ---------------------------------------------------------------------------------------------------------

  #updateCards(ids: readonly number[], change: (i: number) => Partial<Card>): void {
    const cards = this.#state.cards.map((card) => {
      const i = ids.indexOf(card.sample.id);
      return i < 0 ? card : { ...card, ...change(i) };
    });
    this.#update({ cards });
  }

  /** Listeners hear of all changes of one task at once. */
  #update(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (!this.#life.signal.aborted) this.dispatchEvent(new Event("change"));
    });
  }
}

const paceKey = ({ method, arguments: args }: State): string => JSON.stringify([method, args]);

const keyOf = ({ classes, prediction }: Filter): string => JSON.stringify([[...classes].sort(), prediction]);

const methodOf = (methods: State["methods"], method: string): State["methods"][number] | undefined =>
  methods.find(({ name }) => name === method);

/** The values a method's form starts with. A picture is best seen by a layer that gives an image as well. */
function startOf(methods: State["methods"], layers: State["layers"], method: string): Arguments {
  const image = layers.filter(({ spatial }) => spatial).at(-1)?.name ?? null;
  const start = (spec: ParamSpec): ArgumentValue => {
    if (spec.kind === "layer") return spec.spatial ? null : image;
    return ("start" in spec ? spec.start : undefined) ?? spec.default;
  };
  const params = methodOf(methods, method)?.params ?? [];
  return Object.fromEntries(params.map((spec) => [spec.name, start(spec)]));
}
