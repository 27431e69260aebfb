/** The pixels of an input: which matter most, what stands in for hidden ones, and what the model then sees, as a picture. */

type Shape = readonly number[];

const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** Positions of one input [C, ...] without its channels: an image's pixels are taken with all of them. */
export function placesOf(shape: Shape): { places: number; channels: number } {
  const channels = shape.length > 2 ? shape[0] : 1;
  return { channels, places: sizeOf(shape) / channels };
}

/** Places of one sample over all inputs, the strongest attribution first; ties in the order of memory. */
export function ranked(maps: readonly { data: Float32Array; shape: Shape }[]): Int32Array {
  const strengths = maps.flatMap(({ data, shape }) => {
    const { places, channels } = placesOf(shape);
    return Array.from({ length: places }, (_, p) => {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += data[c * places + p];
      return sum;
    });
  });
  return Int32Array.from(strengths.keys()).sort((a, b) => strengths[b] - strengths[a] || a - b);
}

/** Of RISE's Gaussian blur (Petsiuk et al. 2018), in pixels. */
const [KERNEL, SIGMA] = [11, 5];

/** An image [C, H, W], blurred; the border repeats itself. */
export function blurred(data: Float32Array, shape: Shape): Float32Array {
  const [channels, height, width] = shape;
  const half = (KERNEL - 1) / 2;
  const weights = Array.from({ length: KERNEL }, (_, i) => Math.exp(-((i - half) ** 2) / (2 * SIGMA ** 2)));
  const total = weights.reduce((a, b) => a + b, 0);
  const along = (x: Float32Array, length: number, stride: number): Float32Array =>
    x.map((_, at) => {
      const place = Math.floor(at / stride) % length;
      return weights.reduce((sum, w, i) => {
        const there = Math.max(0, Math.min(length - 1, place + i - half));
        return sum + (w / total) * x[at + (there - place) * stride];
      }, 0);
    });
  return channels ? along(along(data, width, 1), height, width) : data;
}

/** Every value is the mean of its channel. */
export function averaged(data: Float32Array, shape: Shape): Float32Array {
  const { places, channels } = placesOf(shape);
  const result = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let p = 0; p < places; p++) sum += data[c * places + p];
    result.fill(sum / places, c * places, (c + 1) * places);
  }
  return result;
}

/**
 * `x` with the values of `other` at the places that are taken.
 * @param taken [places], 1 where taken
 */
export function mixed(
  x: Float32Array,
  other: Float32Array,
  shape: Shape,
  taken: Uint8Array,
): Float32Array<ArrayBuffer> {
  const { places } = placesOf(shape);
  const result = new Float32Array(x);
  for (let start = 0; start < x.length; start += places)
    for (let p = 0; p < places; p++) if (taken[p]) result[start + p] = other[start + p];
  return result;
}

/** How well a straight line must explain the picture by the input, so that inputs can be drawn: share of the variance. */
const STRAIGHT = 0.98;

/**
 * From inputs to pictures: where the shown image and the input [C, H, W] differ by a scale and an offset for each channel
 * (a normalisation), by these; else an input is drawn from its own least to its own largest value.
 * @param display uint8 0..255 or float32 0..1
 * @returns [C, H, W], C = 1 or 3, values 0..1
 */
export function picturing(
  input: { data: ArrayLike<number>; shape: Shape },
  display: { data: ArrayLike<number>; shape: Shape; dtype: string },
): (values: Float32Array) => { shape: number[]; data: Float32Array<ArrayBuffer> } {
  const { shape } = input;
  const { places, channels } = placesOf(shape);
  const unit = display.dtype === "uint8" ? 255 : 1;
  const lines = Array.from({ length: channels }, (_, c) =>
    display.shape.join() === shape.join() ? lineThrough(input.data, display.data, unit, c * places, places) : null,
  );
  const coloured = channels === 3;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < input.data.length; i++) {
    low = Math.min(low, input.data[i]);
    high = Math.max(high, input.data[i]);
  }
  const whole = { scale: high > low ? 1 / (high - low) : 0, offset: high > low ? -low / (high - low) : 0.5 };
  const straight = lines.every((line) => line !== null);
  return (values) => {
    const data = new Float32Array(coloured ? 3 * places : places);
    for (let c = 0; c < channels; c++) {
      const { scale, offset } = straight ? lines[c]! : whole;
      const share = coloured ? 1 : 1 / channels;
      const from = coloured ? c * places : 0;
      for (let p = 0; p < places; p++)
        data[from + p] += share * Math.max(0, Math.min(1, values[c * places + p] * scale + offset));
    }
    return { shape: [coloured ? 3 : 1, ...(shape.length > 2 ? shape.slice(1) : [1, places])], data };
  };
}

/** Least squares of y / unit by x over a stretch of both; null where a line does not explain it. */
function lineThrough(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  unit: number,
  from: number,
  length: number,
): { scale: number; offset: number } | null {
  let [sx, sy, sxx, sxy, syy] = [0, 0, 0, 0, 0];
  for (let i = from; i < from + length; i++) {
    const [u, v] = [x[i], y[i] / unit];
    sx += u;
    sy += v;
    sxx += u * u;
    sxy += u * v;
    syy += v * v;
  }
  const [xx, xy, yy] = [sxx - (sx * sx) / length, sxy - (sx * sy) / length, syy - (sy * sy) / length];
  // A channel of one colour says nothing about the scale.
  if (!(xx > 1e-9) || !(yy > 1e-12) || xy * xy < STRAIGHT * xx * yy) return null;
  const scale = xy / xx;
  return { scale, offset: (sy - scale * sx) / length };
}
