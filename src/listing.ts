/** The samples that are here: which of them pass a filter, in which order, and where a further scan goes on. */
import { EVERYTHING, type Sort } from "./choice";
import { argmax } from "./samples";
import { sortValue } from "./state";
import type { Filter, Payload, Sample, Scan } from "./wire";

/** What passes one filter, as far as the dataset has been looked at. */
export interface Found {
  samples: Sample[];
  next: number;
  scanned: number;
  exhausted: boolean;
}

/** More classes make no matrix that can be read. */
const MATRIX_CLASSES = 50;

export class Listing {
  readonly #classes: readonly string[];
  readonly #found = new Map<string, Found>();
  readonly #seen = new Map<number, Sample>();
  #sorted: { key: string; samples: Sample[] } | null = null;
  #confusion: number[][] | null | undefined;

  constructor({ classes, scan: { samples, next, scanned, exhausted } }: Payload) {
    this.#classes = classes;
    this.#found.set(keyOf(EVERYTHING), { samples: [...samples], next, scanned, exhausted });
    this.#see(samples);
  }

  /** Of a filter that has not been scanned for, what is here covers the dataset up to the same place. */
  of(filter: Filter): Found {
    const key = keyOf(filter);
    const known = this.#found.get(key);
    if (known) return known;
    const all = this.#found.get(keyOf(EVERYTHING))!;
    const made = { ...all, samples: all.samples.filter((sample) => this.#passes(sample, filter)) };
    this.#found.set(key, made);
    return made;
  }

  add(filter: Filter, scan: Scan): void {
    const found = this.of(filter);
    found.samples.push(...scan.samples);
    found.scanned += scan.scanned;
    Object.assign(found, { next: scan.next, exhausted: scan.exhausted });
    this.#see(scan.samples);
  }

  /** Samples without a value, for want of a label, come last. */
  ordered(filter: Filter, { by, ascending }: Sort): readonly Sample[] {
    const { samples } = this.of(filter);
    if (by === "dataset") return ascending ? samples : [...samples].reverse();
    const key = `${keyOf(filter)} ${samples.length} ${by} ${ascending}`;
    if (this.#sorted?.key !== key) {
      const sign = ascending ? 1 : -1;
      const values = new Map(samples.map((sample) => [sample, sortValue(sample, by)]));
      const rank = (sample: Sample) => (values.get(sample) ?? NaN) * sign;
      const sorted = [...samples].sort((a, b) => {
        const [p, q] = [rank(a), rank(b)];
        return Number.isNaN(p) || Number.isNaN(q) ? Number(Number.isNaN(p)) - Number(Number.isNaN(q)) : p - q;
      });
      this.#sorted = { key, samples: sorted };
    }
    return this.#sorted.samples;
  }

  /** [true class][predicted class] of all that is here. */
  get confusion(): number[][] | null {
    if (this.#confusion === undefined) this.#confusion = this.#counted();
    return this.#confusion;
  }

  #see(samples: readonly Sample[]): void {
    for (const sample of samples) this.#seen.set(sample.id, sample);
    this.#confusion = undefined;
  }

  #counted(): number[][] | null {
    const count = this.#classes.length;
    if (count < 2 || count > MATRIX_CLASSES) return null;
    const counts = Array.from({ length: count }, () => Array<number>(count).fill(0));
    let labelled = false;
    for (const sample of this.#seen.values()) {
      const top = predictedOf(sample);
      if (sample.label === null || top === null) continue;
      counts[sample.label][top] += 1;
      labelled = true;
    }
    return labelled ? counts : null;
  }

  /** As the kernel decides: by PyTorch's own scores of the first model. */
  #passes(sample: Sample, { classes, labels, prediction }: Filter): boolean {
    const top = predictedOf(sample);
    const { label } = sample;
    if (classes.length && (top === null || !classes.includes(this.#classes[top]))) return false;
    if (labels.length && (label === null || !labels.includes(this.#classes[label]))) return false;
    return prediction === "all" || (top !== null && label !== null && (top === label) === (prediction === "correct"));
  }
}

function predictedOf({ outputs }: Sample): number | null {
  const scores = outputs[0]?.scores;
  return scores && scores.data.length > 1 ? argmax(scores) : null;
}

const keyOf = ({ classes, labels, prediction }: Filter): string =>
  JSON.stringify([[...classes].sort(), [...labels].sort(), prediction]);
