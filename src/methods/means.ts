/** Running means of maps over several rows for each sample. */
import type { FloatArray } from "../engine";
import { sizeOf } from "../graph";
import type { Maps } from "./method";

export class Means {
  readonly #shapes: Readonly<Record<string, readonly number[]>>;
  readonly #perSample: number;
  readonly #sums: Record<string, Float64Array>;
  /** Rows that each sample has got. */
  readonly #seen: Int32Array;

  /** Maps have the shapes of `like`, [N, ...], and come as N x `perSample` rows, a sample's next to each other. */
  constructor(like: Readonly<Record<string, FloatArray>>, perSample: number) {
    const entries = Object.entries(like);
    this.#shapes = Object.fromEntries(entries.map(([name, { shape }]) => [name, shape]));
    this.#perSample = perSample;
    this.#sums = Object.fromEntries(entries.map(([name, { shape }]) => [name, new Float64Array(sizeOf(shape))]));
    this.#seen = new Int32Array(entries[0][1].shape[0]);
  }

  /** Rows from `start` on. */
  add(start: number, maps: Maps): void {
    for (const [name, { data, shape }] of Object.entries(maps)) {
      const sum = this.#sums[name];
      const size = data.length / shape[0];
      for (let row = 0; row < shape[0]; row++) {
        const at = this.#sampleOf(start + row) * size;
        for (let k = 0; k < size; k++) sum[at + k] += data[row * size + k];
      }
    }
    const rows = Object.values(maps)[0].shape[0];
    for (let row = start; row < start + rows; row++) this.#seen[this.#sampleOf(row)]++;
  }

  /** The means over what has been added so far; zeros for a sample that has got nothing. */
  maps(): Maps {
    return Object.fromEntries(
      Object.entries(this.#shapes).map(([name, shape]) => {
        const size = sizeOf(shape.slice(1));
        const mean = (sum: number, k: number) => sum / Math.max(1, this.#seen[Math.floor(k / size)]);
        return [name, { data: Float32Array.from(this.#sums[name], mean), shape: [...shape] }];
      }),
    );
  }

  #sampleOf(row: number): number {
    return Math.floor(row / this.#perSample);
  }
}
