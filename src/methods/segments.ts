/** Which pixels of an image are one feature: cells of a grid, or superpixels. Labels are 0, 1, ... for [H, W]. */

/** Rows and columns of cells that are about square; `most` cells at most. */
function cellsOf(height: number, width: number, most: number): [number, number] {
  const cols = Math.max(1, Math.min(width, most, Math.round(Math.sqrt((most * width) / height))));
  return [Math.max(1, Math.min(height, Math.floor(most / cols))), cols];
}

export function grid(height: number, width: number, most: number): Int32Array {
  const [rows, cols] = cellsOf(height, width, most);
  return Int32Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return Math.floor((y * rows) / height) * cols + Math.floor((x * cols) / width);
  });
}

/** How much a pixel's place counts beside its colour; 10 for CIELAB in the paper, here for an image of variance 1. */
const COMPACTNESS = 0.35;
const ROUNDS = 10;

/**
 * SLIC (Achanta et al. 2012): k-means over colour and place, each centre looking only at its neighbourhood. Colours are
 * the image's own values [C, H, W] in units of its standard deviation. Each superpixel is connected.
 */
export function superpixels(image: Float32Array, [, height, width]: readonly number[], most: number): Int32Array {
  const size = height * width;
  const channels = image.length / size;
  const colourScale = 1 / (COMPACTNESS ** 2 * (varianceOf(image, size) || 1));

  /** Per centre: y, x, then the colour. */
  const centres = seedsOf(image, height, width, most).map((i) => [
    Math.floor(i / width),
    i % width,
    ...Array.from({ length: channels }, (_, c) => image[c * size + i]),
  ]);
  const spacing = Math.sqrt(size / centres.length);
  // A pixel that no centre looks at stays in the cell that it starts in.
  const labels = grid(height, width, most);
  const distances = new Float64Array(size);
  for (let round = 0; round < ROUNDS; round++) {
    distances.fill(Infinity);
    centres.forEach(([cy, cx, ...colour], k) => {
      for (let y = Math.max(0, Math.ceil(cy - spacing)); y <= Math.min(height - 1, cy + spacing); y++) {
        for (let x = Math.max(0, Math.ceil(cx - spacing)); x <= Math.min(width - 1, cx + spacing); x++) {
          const i = y * width + x;
          let distance = ((y - cy) ** 2 + (x - cx) ** 2) / spacing ** 2;
          for (let c = 0; c < channels; c++) distance += (image[c * size + i] - colour[c]) ** 2 * colourScale;
          if (distance >= distances[i]) continue;
          distances[i] = distance;
          labels[i] = k;
        }
      }
    });
    const sums = centres.map(() => new Float64Array(channels + 2));
    const counts = new Float64Array(centres.length);
    labels.forEach((k, i) => {
      counts[k]++;
      sums[k][0] += Math.floor(i / width);
      sums[k][1] += i % width;
      for (let c = 0; c < channels; c++) sums[k][c + 2] += image[c * size + i];
    });
    sums.forEach((sum, k) => {
      if (counts[k]) centres[k] = Array.from(sum, (v) => v / counts[k]);
    });
  }
  return connected(labels, height, width, size / centres.length / 8);
}

/** Summed over the channels. */
function varianceOf(image: Float32Array, size: number): number {
  let variance = 0;
  for (let start = 0; start < image.length; start += size) {
    const channel = image.subarray(start, start + size);
    const mean = channel.reduce((sum, v) => sum + v, 0) / size;
    variance += channel.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size;
  }
  return variance;
}

/** The middles of a grid's cells, each moved to where its 3 x 3 neighbourhood is smoothest, so that none sits on an edge. */
function seedsOf(image: Float32Array, height: number, width: number, most: number): number[] {
  const [rows, cols] = cellsOf(height, width, most);
  const size = height * width;
  const steepness = (y: number, x: number): number => {
    const row = (d: number) => Math.max(0, Math.min(height - 1, y + d)) * width + x;
    const col = (d: number) => y * width + Math.max(0, Math.min(width - 1, x + d));
    let sum = 0;
    for (let start = 0; start < image.length; start += size)
      sum += (image[start + row(1)] - image[start + row(-1)]) ** 2 + (image[start + col(1)] - image[start + col(-1)]) ** 2; // prettier-ignore
    return sum;
  };
  return Array.from({ length: rows * cols }, (_, k) => {
    const y = Math.floor(((Math.floor(k / cols) + 0.5) * height) / rows);
    const x = Math.floor((((k % cols) + 0.5) * width) / cols);
    let [best, least] = [y * width + x, steepness(y, x)];
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const found = steepness(v, u);
        if (found < least) [best, least] = [v * width + u, found];
      }
    }
    return best;
  });
}

/**
 * Each label keeps its largest connected part, if that has `least` pixels; what is left goes to the label that grows into
 * it first; one label for all where none has that. The labels that remain are numbered in order of their first pixel.
 */
function connected(labels: Int32Array, height: number, width: number, least: number): Int32Array {
  const parts: number[][] = [];
  const seen = new Uint8Array(labels.length);
  const around = (i: number): number[] => {
    const x = i % width;
    const found = [i - width, i + width].filter((j) => j >= 0 && j < height * width);
    if (x > 0) found.push(i - 1);
    if (x < width - 1) found.push(i + 1);
    return found;
  };
  labels.forEach((label, i) => {
    if (seen[i]) return;
    seen[i] = 1;
    const part = [i];
    for (const j of part) {
      for (const next of around(j)) {
        if (seen[next] || labels[next] !== label) continue;
        seen[next] = 1;
        part.push(next);
      }
    }
    parts.push(part);
  });

  const largest = new Map<number, number[]>();
  for (const part of parts)
    if (part.length > (largest.get(labels[part[0]])?.length ?? 0)) largest.set(labels[part[0]], part);
  const enough = [...largest.values()].filter((part) => part.length >= least);
  if (!enough.length) return labels.fill(0);
  const result = new Int32Array(labels.length).fill(-1);
  enough.sort((a, b) => a[0] - b[0]).forEach((part, k) => part.forEach((i) => (result[i] = k)));

  const grown = enough.flat();
  for (const i of grown) {
    for (const next of around(i)) {
      if (result[next] >= 0) continue;
      result[next] = result[i];
      grown.push(next);
    }
  }
  return result;
}
