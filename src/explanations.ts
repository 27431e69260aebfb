/** Explanations: asks the engine for what is wanted, in requests of the right size, and keeps what it says. */
import { messageOf } from "./notices";
import { alike, apart, batchOf, byInput, inputsOf, setShares, summed, together, unflatten } from "./samples";
import { isFatal, type EngineModel } from "./seams";
import type { Arguments, MethodInfo } from "./methods/method";
import type { FloatArray } from "./engine";
import type { Cell, Result } from "./state";
import type { FeatureSpec, NDArray, Sample } from "./wire";
import type { AttributeRequest } from "./worker";

/** What an explanation answers. */
export interface Question {
  sample: Sample;
  /** Index of the model. */
  model: number;
  method: string;
  arguments: Arguments;
  baseline: number;
  target: number | null;
}

/** A question, and where its answer is shown. */
export interface Wanted extends Question {
  show(change: Partial<Cell>): void;
}

/** Values of attributions kept for going back: 64 MB. */
const KEPT_VALUES = 2 ** 24;
/** A request should take no longer: its results come together, and its progress is one for all. */
const REQUEST_MS = 60;
/** Before the first result: input values that one pass is taken to explain in a millisecond. */
const QUICK_VALUES = 1000;

export class Explanations {
  readonly #features: readonly FeatureSpec[];
  readonly #results = new Map<string, Result>();
  #keptValues = 0;
  /** Milliseconds per sample, by model, method and arguments. */
  readonly #pace = new Map<string, number>();
  /** Of the last answer, per sample. */
  ms: number | null = null;

  constructor(features: readonly FeatureSpec[]) {
    this.#features = features;
  }

  get(question: Question): Result | null {
    return this.#results.get(keyOf(question)) ?? null;
  }

  clear(): void {
    this.#results.clear();
    this.#pace.clear();
    this.#keptValues = 0;
    this.ms = null;
  }

  /**
   * Answers questions about one model by one method with the same arguments; what goes wrong with a sample is shown in its
   * place. Rejects where the engine itself fails; an aborted signal ends it silently.
   * @param onProgress gets how many are done, with fractions
   */
  async answer(
    model: EngineModel,
    wanted: readonly Wanted[],
    signal: AbortSignal,
    onProgress: (done: number) => void,
  ): Promise<void> {
    let ready = 0;
    for (const group of this.#groups(model, wanted)) {
      await this.#ask(model, group, signal, (done) => onProgress(ready + done * group.length));
      if (signal.aborted) return;
      ready += group.length;
    }
  }

  /** Measures deletion and insertion where it has not been done, as far as a map can be laid over the input. */
  async judge(model: EngineModel, wanted: Wanted, n_steps: number, signal: AbortSignal): Promise<void> {
    const result = this.get(wanted);
    if (!result || result.faithfulness || wanted.target === null || result.attributions.includes(null)) return;
    const attributions = byInput(this.#features, (i): FloatArray => {
      const { values, shape } = result.attributions[i]!;
      return { data: values, shape: [1, ...shape] };
    });
    const attribution = { attributions, delta: null, change: null, signed: result.signed };
    const question = { metric: "Deletion and insertion", arguments: { n_steps }, attribution };
    try {
      const request = this.#requestFor(model, wanted);
      const { values, curves } = await model.measure({ ...question, request }, signal);
      if (signal.aborted) return;
      const [deletion, insertion] = curves!;
      const auc = { deletion: values.deletion[0], insertion: values.insertion[0] };
      const faithfulness = { at: deletion.at, deletion: deletion.values[0], insertion: insertion.values[0], auc };
      const judged = { ...result, faithfulness };
      this.#results.set(keyOf(wanted), judged);
      wanted.show({ result: judged });
    } catch (error) {
      // A map that lies over no picture, a layer's for one, cannot be taken out of it.
      if (!signal.aborted && isFatal(error)) throw error;
    }
  }

  /** What is quick goes in one request, because every request costs milliseconds; all else comes one by one. */
  #groups(model: EngineModel, wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
    if (!wanted.length) return [];
    const info = infoOf(model, wanted[0].method);
    if (info?.together) return [wanted];
    const values = wanted[0].sample.inputs.reduce((sum, { data }) => sum + data.length, 0);
    const pace = this.#pace.get(paceKey(wanted[0])) ?? (info?.cost === "n passes" ? Infinity : values / QUICK_VALUES);
    const size = Math.max(1, Math.floor(REQUEST_MS / pace));
    return wanted.flatMap((_, i) => (i % size ? [] : [wanted.slice(i, i + size)]));
  }

  async #ask(
    model: EngineModel,
    group: readonly Wanted[],
    signal: AbortSignal,
    onProgress: (done: number) => void,
  ): Promise<void> {
    for (const { show } of group) show({ status: "running", done: 0 });
    const whole = infoOf(model, group[0].method)?.together ?? false;
    const partsOf = (maps: Record<string, FloatArray>) => (whole ? apart(maps, group.length) : [maps]);
    const started = performance.now();
    // The last report of progress can arrive after the result.
    let running = true;
    const isOver = () => signal.aborted || !running;
    try {
      if (whole) this.#checkAlike(group);
      const requests = group.map((wanted) => this.#requestFor(model, wanted));
      const answers = await model.attribute(
        whole ? [together(requests)] : requests,
        signal,
        (done) => {
          if (isOver()) return;
          for (const { show } of group) show({ done });
          onProgress(done);
        },
        (i, maps) => {
          if (isOver()) return;
          const known = { delta: null, change: null, faithfulness: null, partial: true };
          const ms = performance.now() - started;
          partsOf(maps).forEach((part, k) => {
            const attributions = this.#shown(part);
            const signed = attributions.some((attribution) => attribution && attribution.negative < 0);
            group[i + k].show({
              result: { ...aboutOf(group[i + k]), ...known, ms, signed, attributions },
              stale: false,
            });
          });
        },
      );
      running = false;
      if (signal.aborted) return;
      const ms = (performance.now() - started) / group.length;
      this.#pace.set(paceKey(group[0]), ms);
      this.ms = ms;
      const explained = answers.flatMap(({ attributions, signed, delta, change }) =>
        partsOf(attributions).map((maps, k) => ({
          maps,
          signed,
          delta: delta?.[k] ?? null,
          change: change?.[k] ?? null,
        })),
      );
      group.forEach((wanted, i) => {
        const { maps, ...numbers } = explained[i];
        const known = { ms, faithfulness: null, partial: false, attributions: this.#shown(maps) };
        const result: Result = { ...aboutOf(wanted), ...numbers, ...known };
        this.#keep(keyOf(wanted), result);
        wanted.show({ status: "ready", done: 1, result, stale: false, error: null });
      });
    } catch (error) {
      running = false;
      if (signal.aborted) return;
      if (isFatal(error)) throw error;
      // One bad sample must not take the others with it.
      if (group.length > 1 && !whole) for (const one of group) await this.#ask(model, [one], signal, onProgress);
      else for (const { show } of group) show({ status: "error", error: messageOf(error) });
    }
  }

  /** Samples that are explained by each other must be of one shape. */
  #checkAlike(group: readonly Wanted[]): void {
    const samples = group.map(({ sample }) => sample);
    if (alike(samples).length < 2) return;
    const lengths = this.#features.flatMap(({ name, kind }, i) => {
      const own = [...new Set(samples.map(({ inputs }) => inputs[i].shape[0]))].sort((a, b) => a - b);
      return kind === "text" && own.length > 1 ? [`${own.join(", ")} tokens in feature "${name}"`] : [];
    });
    const got = lengths.length ? `, got ${lengths.join(" and ")}. Pad or cut all texts to one length.` : "";
    throw new Error(`${group[0].method} explains samples by each other and needs inputs of one shape${got}`);
  }

  #requestFor(
    model: EngineModel,
    { sample, method, arguments: args, baseline, target, ...of }: Question,
  ): AttributeRequest {
    const features = this.#features;
    const uses = infoOf(model, method)?.baselines ?? "none";
    const baselineOf = (all: readonly NDArray[]) =>
      batchOf(uses === "one" ? [all[Math.min(baseline, all.length - 1)]] : all);
    return {
      method,
      arguments: args,
      inputs: inputsOf([sample], features),
      attributed: features.map(({ input }) => input),
      baselines: uses !== "none" ? byInput(features, (i) => baselineOf(sample.baselines[i])) : undefined,
      feature_mask: this.#masksOf(sample),
      target: target === null ? null : [unflatten(target, sample.outputs[of.model].raw.shape)],
    };
  }

  /** The user's masks; where one feature has one, those without are features of their own. */
  #masksOf({ inputs, feature_masks }: Sample): AttributeRequest["feature_mask"] {
    if (!feature_masks.some((mask) => mask)) return undefined;
    let next = 1 + Math.max(...feature_masks.flatMap((mask) => (mask ? Array.from(mask.data as Int32Array) : [])));
    return byInput(this.#features, (i) => {
      const { shape, data } = inputs[i];
      const mask = feature_masks[i];
      const numbers = Int32Array.from(data as Float32Array, (_, k) => Number(mask ? mask.data[k] : next++));
      return { shape: [1, ...shape], data: numbers };
    });
  }

  /** The engine's maps of one sample, by feature. */
  #shown(maps: Record<string, FloatArray>): Result["attributions"] {
    const attributions = this.#features.map(({ input }) => {
      const map = maps[input];
      return map ? { ...summed(map.data), shape: map.shape.slice(1) } : null;
    });
    setShares(attributions.filter((attribution) => attribution !== null));
    return attributions;
  }

  #keep(key: string, result: Result): void {
    const size = ({ attributions }: Result) =>
      attributions.reduce((sum, attribution) => sum + (attribution?.values.length ?? 0), 0);
    // What is explained together is asked again together.
    const replaced = this.#results.get(key);
    this.#results.set(key, result);
    this.#keptValues += size(result) - (replaced ? size(replaced) : 0);
    for (const [oldest, old] of this.#results) {
      if (this.#keptValues <= KEPT_VALUES) break;
      this.#results.delete(oldest);
      this.#keptValues -= size(old);
    }
  }
}

export const infoOf = ({ info }: EngineModel, method: string): MethodInfo | undefined =>
  info.methods.find(({ name }) => name === method);

const aboutOf = ({ method, arguments: args, target, baseline }: Question) => ({
  method,
  arguments: args,
  target,
  baseline,
});

const keyOf = ({ sample, model, method, arguments: args, baseline, target }: Question): string =>
  JSON.stringify([model, method, args, baseline, sample.id, target]);

const paceKey = ({ model, method, arguments: args }: Question): string => JSON.stringify([model, method, args]);
