/** Arrays as they come -> the rasters that styles paint: maps summed over channels, images as RGBA, sizes matched. */
import type { RGB } from "./style";

/** [C, H, W], [H, W] or anything flat. */
export interface ArrayLike3 {
  shape: readonly number[];
  data: ArrayLike<number | bigint>;
}

export interface Raster<Data> {
  data: Data;
  width: number;
  height: number;
}

/** Of the last two dimensions; a flat array is one row. */
export function rasterSize(shape: readonly number[]): { width: number; height: number } {
  return shape.length < 2 ? { width: shape[0] ?? 1, height: 1 } : { width: shape.at(-1)!, height: shape.at(-2)! };
}

/** Of a map over an image, the one with more pixels: neither loses what the other has. */
export function finer(image: readonly number[], map: readonly number[] | null): { width: number; height: number } {
  const [under, over] = [rasterSize(image), rasterSize(map ?? image)];
  return over.width * over.height >= under.width * under.height ? over : under;
}

const channelsOf = (shape: readonly number[]): number => shape.slice(0, -2).reduce((a, b) => a * b, 1);

/** Sums over the channels, as Captum does before it normalises. */
export function channelSum(values: Float32Array, shape: readonly number[]): Raster<Float32Array> {
  const { width, height } = rasterSize(shape);
  const channels = channelsOf(shape);
  const size = height * width;
  const data = values.slice(0, size);
  for (let channel = 1; channel < channels; channel++) {
    for (let i = 0, from = channel * size; i < size; i++) data[i] += values[from + i];
  }
  return { data, width, height };
}

/** 1, 3 or 4 channels, integers 0..255 or floats 0..1, laid over the background; what is no number is drawn as 0. */
export function rgbaOf({ shape, data }: ArrayLike3, background: RGB): Raster<Uint8ClampedArray> {
  const { width, height } = rasterSize(shape);
  const channels = channelsOf(shape);
  const size = height * width;
  const unit = data instanceof Float32Array || data instanceof Float64Array ? 255 : 1;
  const pixels = new Uint8ClampedArray(size * 4);
  const opaque = channels !== 4 && channels !== 2;
  for (let i = 0, p = 0; i < size; i++, p += 4) {
    const cover = opaque ? 1 : Math.max(0, Math.min(1, (Number(data[(channels - 1) * size + i]) * unit) / 255));
    for (let channel = 0; channel < 3; channel++) {
      const value = Number(data[(channels < 3 ? 0 : channel) * size + i]) * unit;
      pixels[p + channel] = opaque ? value : background[channel] + (value - background[channel]) * cover;
    }
    pixels[p + 3] = 255;
  }
  return { data: pixels, width, height };
}

/** The mean of every cell of a width x height grid over the source: what a smaller picture of it can show. */
export function resample<Data extends Float32Array | Uint8ClampedArray>(
  { data, width: fromWidth, height: fromHeight }: Raster<Data>,
  width: number,
  height: number,
): Raster<Data> {
  if (fromWidth === width && fromHeight === height) return { data, width, height };
  const channels = data.length / (fromWidth * fromHeight);
  const target = new (data.constructor as new (length: number) => Data)(width * height * channels);
  for (let y = 0; y < height; y++) {
    const [top, bottom] = cell(y, height, fromHeight);
    for (let x = 0; x < width; x++) {
      const [left, right] = cell(x, width, fromWidth);
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let v = top; v < bottom; v++) {
          for (let u = left; u < right; u++) sum += data[(v * fromWidth + u) * channels + channel];
        }
        target[(y * width + x) * channels + channel] = sum / ((bottom - top) * (right - left));
      }
    }
  }
  return { data: target, width, height };
}

/** As {@link resample}, but what is enlarged is interpolated between the centres of the source's cells. */
export function smoothed(source: Raster<Float32Array>, width: number, height: number): Raster<Float32Array> {
  const { data, width: fromWidth, height: fromHeight } = source;
  if (width <= fromWidth || height <= fromHeight) return resample(source, width, height);
  const target = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const [top, bottom, down] = neighbours(y, height, fromHeight);
    for (let x = 0; x < width; x++) {
      const [left, right, across] = neighbours(x, width, fromWidth);
      const row = (v: number) => data[v * fromWidth + left] * (1 - across) + data[v * fromWidth + right] * across;
      target[y * width + x] = row(top) * (1 - down) + row(bottom) * down;
    }
  }
  return { data: target, width, height };
}

/** The two cells between whose centres a cell of a finer grid lies, and how far towards the second. */
function neighbours(at: number, cells: number, size: number): [number, number, number] {
  const place = Math.max(0, Math.min(size - 1, ((at + 0.5) * size) / cells - 0.5));
  const first = Math.min(Math.floor(place), Math.max(0, size - 2));
  return [first, Math.min(first + 1, size - 1), place - first];
}

function cell(at: number, cells: number, size: number): [number, number] {
  const from = Math.floor((at * size) / cells);
  return [from, Math.max(from + 1, Math.floor(((at + 1) * size) / cells))];
}
