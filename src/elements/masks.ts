/** The places of one picture or text, [height * width] in reading order: hidden ones, and the outlines of any. */
import type { Grid } from "../derived";

export interface Pixel {
  x: number;
  y: number;
}

/** A copy of the mask, with `value` wherever a round brush of that diameter has passed on its way. */
export function brushed(mask: Uint8Array, grid: Grid, way: readonly Pixel[], size: number, value: 0 | 1): Uint8Array {
  const painted = mask.slice();
  const middle = (size - 1) / 2;
  const stamp = (x: number, y: number): void => {
    const [left, top] = [x - Math.floor(middle), y - Math.floor(middle)];
    for (let v = 0; v < size; v++) {
      const half = Math.sqrt((size / 2) ** 2 - (v - middle) ** 2);
      fill(painted, grid, top + v, left + Math.ceil(middle - half), left + Math.floor(middle + half), value);
    }
  };
  way.forEach((to, i) => {
    const from = way[Math.max(i - 1, 0)];
    const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1);
    for (let step = 1; step <= steps; step++)
      stamp(
        Math.round(from.x + ((to.x - from.x) * step) / steps),
        Math.round(from.y + ((to.y - from.y) * step) / steps),
      );
  });
  return painted;
}

/** A copy of the mask, with `value` in the rectangle between two corners. */
export function boxed(mask: Uint8Array, grid: Grid, [a, b]: [Pixel, Pixel], value: 0 | 1): Uint8Array {
  const painted = mask.slice();
  for (let y = Math.min(a.y, b.y); y <= Math.max(a.y, b.y); y++)
    fill(painted, grid, y, Math.min(a.x, b.x), Math.max(a.x, b.x), value);
  return painted;
}

/** Part of one row, both ends included, as far as it lies in the picture. */
function fill(mask: Uint8Array, { width, height }: Grid, y: number, first: number, last: number, value: number): void {
  if (y < 0 || y >= height || last < 0 || first >= width) return;
  mask.fill(value, y * width + Math.max(first, 0), y * width + Math.min(last, width - 1) + 1);
}

/** Where a picture lies on a canvas, in its pixels. */
export interface Extent {
  left: number;
  top: number;
  width: number;
  height: number;
}

/**
 * Where the masked pixels lie on a square canvas: 1, and 2 on the inner edge of their regions.
 * Where several share a pixel of the canvas, a quarter of them is enough.
 * @param without the pixels of this other mask
 */
export function outlined(
  mask: Uint8Array,
  grid: Grid,
  extent: Extent,
  side: number,
  thickness: number,
  without: Uint8Array | null = null,
): Uint8Array {
  const columns = cellsOf(extent.left, extent.width, grid.width, side);
  const rows = cellsOf(extent.top, extent.height, grid.height, side);
  const covered = new Uint8Array(side * side);
  for (let row = rows.first; row < rows.end; row++) {
    for (let column = columns.first; column < columns.end; column++) {
      const size = (rows.to[row] - rows.from[row]) * (columns.to[column] - columns.from[column]);
      let found = 0;
      for (let y = rows.from[row]; y < rows.to[row]; y++)
        for (let i = y * grid.width + columns.from[column], end = y * grid.width + columns.to[column]; i < end; i++)
          if (mask[i] && !without?.[i]) found += 1;
      covered[row * side + column] = Number(found > 0 && found * 4 >= size);
    }
  }
  /** Regions go on where the picture does. */
  const inside = (row: number, column: number): boolean => {
    if (row < 0) return extent.top < 0;
    if (row >= side) return extent.top + extent.height > side;
    if (column < 0) return extent.left < 0;
    if (column >= side) return extent.left + extent.width > side;
    return covered[row * side + column] > 0;
  };
  const edges = covered.slice();
  for (let row = rows.first; row < rows.end; row++) {
    for (let column = columns.first; column < columns.end; column++) {
      if (!covered[row * side + column]) continue;
      for (let direction = 0; direction < 9; direction++) {
        const [up, across] = [Math.floor(direction / 3) - 1, (direction % 3) - 1];
        if (inside(row + up * thickness, column + across * thickness)) continue;
        edges[row * side + column] = 2;
        break;
      }
    }
  }
  return edges;
}

/** By row or column of the canvas: the pixels of the picture [from, to) under it; there are any from `first` to `end`. */
function cellsOf(start: number, length: number, pixels: number, side: number) {
  const first = Math.max(0, Math.round(start));
  const end = Math.min(side, Math.round(start + length));
  const at = (place: number): number => Math.floor(((place - start) * pixels) / length + 1e-6);
  const from = Int32Array.from({ length: side }, (_, place) => Math.min(Math.max(at(place), 0), pixels - 1));
  const to = from.map((pixel, place) => Math.min(Math.max(pixel + 1, at(place + 1)), pixels));
  return { first, end, from, to };
}
