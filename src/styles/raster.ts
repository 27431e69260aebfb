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

export interface Size {
  width: number;
  height: number;
}

/** Columns from `left` on and rows from `top` on; `right` and `bottom` are the first that are left out. */
export interface Part {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const wholeOf = ({ width, height }: Size): Part => ({ left: 0, top: 0, right: width, bottom: height });

/** Of the last two dimensions; a flat array is one row. */
export function rasterSize(shape: readonly number[]): Size {
  return shape.length < 2 ? { width: shape[0] ?? 1, height: 1 } : { width: shape.at(-1)!, height: shape.at(-2)! };
}

/** Of a map over an image, the one with more pixels: neither loses what the other has. */
export function finer(image: readonly number[], map: readonly number[] | null): Size {
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

/**
 * 1, 3 or 4 channels, integers 0..255 or floats 0..1, laid over the background; what is no number is drawn as 0.
 * @param size of the whole picture, of which `part` is drawn: as in {@link resample}
 */
export function rgbaOf(
  { shape, data }: ArrayLike3,
  background: RGB,
  size: Size = rasterSize(shape),
  part = wholeOf(size),
): Raster<Uint8ClampedArray> {
  const from = rasterSize(shape);
  const channels = channelsOf(shape);
  const plane = from.width * from.height;
  const values = data instanceof BigInt64Array ? Float64Array.from(data, Number) : (data as ArrayLike<number>);
  const most = data instanceof Float32Array || data instanceof Float64Array ? 1 : 255;
  const alpha = channels === 4 || channels === 2 ? (channels - 1) * plane : null;
  const planes = channels < 3 ? 1 : 3;
  const [width, height] = [part.right - part.left, part.bottom - part.top];
  const pixels = new Uint8ClampedArray(width * height * 4);
  const columns = cellsOf(part.left, part.right, size.width, from.width);
  const rows = cellsOf(part.top, part.bottom, size.height, from.height);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p += 4) {
      const count = (rows.ends[y] - rows.starts[y]) * (columns.ends[x] - columns.starts[x]);
      for (let k = 0; k < planes; k++) {
        let sum = 0;
        let under = 0;
        for (let v = rows.starts[y]; v < rows.ends[y]; v++) {
          const start = v * from.width + columns.starts[x];
          const end = v * from.width + columns.ends[x];
          if (alpha === null) for (let i = k * plane + start; i < k * plane + end; i++) sum += within(values[i], most);
          else
            for (let i = start; i < end; i++) {
              const cover = within(values[alpha + i], most) / most;
              sum += within(values[k * plane + i], most) * cover;
              under += 1 - cover;
            }
        }
        for (let channel = k; channel < 3; channel += planes)
          pixels[p + channel] = ((sum / most) * 255 + under * background[channel]) / count;
      }
      pixels[p + 3] = 255;
    }
  }
  return { data: pixels, width, height };
}

const within = (value: number, most: number): number => (value > 0 ? (value < most ? value : most) : 0);

/**
 * The mean of every cell of a width x height grid over the source: what a smaller picture of it can show.
 * @param part of the grid that is wanted
 */
export function resample<Data extends Float32Array | Uint8ClampedArray>(
  { data, width: fromWidth, height: fromHeight }: Raster<Data>,
  width: number,
  height: number,
  part = wholeOf({ width, height }),
): Raster<Data> {
  const size = { width: part.right - part.left, height: part.bottom - part.top };
  if (size.width === fromWidth && size.height === fromHeight && width === fromWidth && height === fromHeight)
    return { data, width, height };
  const channels = data.length / (fromWidth * fromHeight);
  const target = new (data.constructor as new (length: number) => Data)(size.width * size.height * channels);
  const columns = cellsOf(part.left, part.right, width, fromWidth);
  const rows = cellsOf(part.top, part.bottom, height, fromHeight);
  for (let y = 0, to = 0; y < size.height; y++) {
    const [top, bottom] = [rows.starts[y], rows.ends[y]];
    for (let x = 0; x < size.width; x++) {
      const [left, right] = [columns.starts[x], columns.ends[x]];
      for (let channel = 0; channel < channels; channel++, to++) {
        let sum = 0;
        for (let v = top; v < bottom; v++) {
          for (let u = left; u < right; u++) sum += data[(v * fromWidth + u) * channels + channel];
        }
        target[to] = sum / ((bottom - top) * (right - left));
      }
    }
  }
  return { data: target, ...size };
}

/** As {@link resample}, but what is enlarged is interpolated between the centres of the source's cells. */
export function smoothed(
  source: Raster<Float32Array>,
  width: number,
  height: number,
  part = wholeOf({ width, height }),
): Raster<Float32Array> {
  const { data, width: fromWidth, height: fromHeight } = source;
  if (width <= fromWidth || height <= fromHeight) return resample(source, width, height, part);
  const size = { width: part.right - part.left, height: part.bottom - part.top };
  const target = new Float32Array(size.width * size.height);
  for (let y = part.top, to = 0; y < part.bottom; y++) {
    const [top, bottom, down] = neighbours(y, height, fromHeight);
    for (let x = part.left; x < part.right; x++, to++) {
      const [left, right, across] = neighbours(x, width, fromWidth);
      const row = (v: number) => data[v * fromWidth + left] * (1 - across) + data[v * fromWidth + right] * across;
      target[to] = row(top) * (1 - down) + row(bottom) * down;
    }
  }
  return { data: target, ...size };
}

/** The two cells between whose centres a cell of a finer grid lies, and how far towards the second. */
function neighbours(at: number, cells: number, size: number): [number, number, number] {
  const place = Math.max(0, Math.min(size - 1, ((at + 0.5) * size) / cells - 0.5));
  const first = Math.min(Math.floor(place), Math.max(0, size - 2));
  return [first, Math.min(first + 1, size - 1), place - first];
}

/** Of the cells from `first` to `end` along one side of a grid: which rows or columns of the source lie in each. */
function cellsOf(first: number, end: number, cells: number, size: number): { starts: Int32Array; ends: Int32Array } {
  const [starts, ends] = [new Int32Array(end - first), new Int32Array(end - first)];
  for (let i = 0; i < starts.length; i++) {
    starts[i] = Math.floor(((first + i) * size) / cells);
    ends[i] = Math.max(starts[i] + 1, Math.floor(((first + i + 1) * size) / cells));
  }
  return { starts, ends };
}
