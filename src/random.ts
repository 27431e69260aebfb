/** The random numbers of torch's CPU generator and of numpy's legacy one, so that random methods give Captum's numbers. */

const { fround } = Math;

/** MT19937 (Matsumoto and Nishimura 1998), seeded from one 32-bit number: what both generators draw from. */
class MersenneTwister {
  readonly #state = new Uint32Array(624);
  #next = 624;

  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed % 2 ** 32;
    for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  }

  uint32(): number {
    if (this.#next === 624) this.#twist();
    let y = this.#state[this.#next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}

/** torch's CPU generator after `torch.manual_seed(seed)`: each call continues the stream. */
export class Generator {
  readonly #bits: MersenneTwister;
  /** Normals come in pairs; the second one waits here for the next call. */
  #spare: number | null = null;

  constructor(seed: number) {
    this.#bits = new MersenneTwister(seed);
  }

  /** Passes over `n` draws of 32 bits. */
  skip(n: number): void {
    for (let i = 0; i < n; i++) this.#bits.uint32();
  }

  /** `torch.rand(n)`: uniform in [0, 1). */
  rand(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => this.#uniform32());
  }

  /** `torch.randn(n)`. Long arrays are made in blocks of 16 and the last block overlaps the one before, as in torch. */
  randn(n: number): Float32Array {
    if (n < 16) return Float32Array.from({ length: n }, () => this.#normal());
    const values = this.rand(n);
    for (let start = 0; start + 16 <= n; start += 16) normalsOf(values.subarray(start, start + 16));
    if (n % 16) {
      const last = values.subarray(n - 16);
      last.set(this.rand(16));
      normalsOf(last);
    }
    return values;
  }

  /** `torch.normal(mean, std, (n,))`. */
  normal(mean: number, std: number, n: number): Float32Array {
    return this.randn(n).map((v) => fround(v * std) + mean);
  }

  /** `torch.randperm(n)`. */
  randperm(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const k = i + (this.#bits.uint32() % (n - i));
      [order[i], order[k]] = [order[k], order[i]];
    }
    return order;
  }

  /** `torch.bernoulli(torch.full((n,), p))`. */
  bernoulli(p: number, n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => Number(this.#uniform32() < fround(p)));
  }

  /** `torch.distributions.Categorical(probs).sample()`: an index, by probabilities that need not add up to 1. */
  categorical(probs: readonly number[]): number {
    const sum = probs.reduce((a, b) => a + b, 0);
    const races = probs.map((p) => fround(p / sum) / fround(-Math.log1p(-this.#uniform64())));
    return races.indexOf(Math.max(...races));
  }

  #uniform32(): number {
    return (this.#bits.uint32() & 0xffffff) / 2 ** 24;
  }

  /** 53 bits: the low 21 of the first number are the high ones. */
  #uniform64(): number {
    const high = this.#bits.uint32() & 0x1fffff;
    return (high * 2 ** 32 + this.#bits.uint32()) / 2 ** 53;
  }

  #normal(): number {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null) return spare;
    const angle = 2 * Math.PI * this.#uniform64();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#uniform64()));
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

const TURN = fround(2 * Math.PI);

/** Box and Muller 1958: 16 uniform numbers -> 16 normal ones, in place, rounded to float32 where torch does. */
function normalsOf(block: Float32Array): void {
  for (let j = 0; j < 8; j++) {
    const radius = fround(Math.sqrt(-2 * fround(Math.log(1 - block[j]))));
    const angle = fround(TURN * block[j + 8]);
    block[j] = radius * Math.cos(angle);
    block[j + 8] = radius * Math.sin(angle);
  }
}

/** numpy's global generator after `numpy.random.seed(seed)`. */
export class NumpyGenerator {
  readonly #bits: MersenneTwister;

  constructor(seed: number) {
    this.#bits = new MersenneTwister(seed);
  }

  /** `numpy.random.choice(most, n)`: whole numbers from 0 to most - 1. Too large draws are thrown away. */
  choice(most: number, n: number): Int32Array {
    const bits = most > 1 ? 2 ** (32 - Math.clz32(most - 1)) - 1 : 0;
    return Int32Array.from({ length: n }, () => {
      if (!bits) return 0;
      for (;;) {
        const drawn = (this.#bits.uint32() & bits) >>> 0;
        if (drawn < most) return drawn;
      }
    });
  }

  /** `numpy.random.uniform(0, 1, n)`. */
  uniform(n: number): Float64Array {
    return Float64Array.from({ length: n }, () => {
      const high = this.#bits.uint32() >>> 5;
      return (high * 2 ** 26 + (this.#bits.uint32() >>> 6)) / 2 ** 53;
    });
  }
}
