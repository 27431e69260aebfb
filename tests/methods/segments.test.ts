import { grid, superpixels } from "../../src/methods/segments";
import { Generator } from "../../src/random";
import { readNet } from "../engine/fixtures";

/** How many 4-connected parts each label has. */
function partsOf(labels: Int32Array, width: number): Map<number, number> {
  const parts = new Map<number, number>();
  const seen = new Set<number>();
  labels.forEach((label, i) => {
    if (seen.has(i)) return;
    parts.set(label, (parts.get(label) ?? 0) + 1);
    const open = [i];
    while (open.length) {
      const at = open.pop()!;
      if (seen.has(at) || labels[at] !== label) continue;
      seen.add(at);
      const x = at % width;
      open.push(at - width, at + width, ...(x ? [at - 1] : []), ...(x < width - 1 ? [at + 1] : []));
    }
  });
  return parts;
}

const numbered = (n: number) => Array.from({ length: n }, (_, i) => i);
const sorted = (labels: Int32Array) => [...new Set(labels)].sort((a, b) => a - b);

test("a grid of cells that are about square", () => {
  expect([...grid(2, 4, 2)]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  expect([...grid(3, 3, 4)]).toEqual([0, 0, 1, 0, 0, 1, 2, 2, 3]);
});

test.each([
  [224, 224, 50, 49],
  [10, 1000, 7, 7],
  [1000, 10, 7, 7],
  [3, 3, 100, 9],
  [1, 5, 2, 2],
])("a grid of %d x %d with %d cells at most has %d", (height, width, most, count) => {
  expect(sorted(grid(height, width, most))).toEqual(numbered(count));
});

test.each([
  [1, 8, 8, 4],
  [3, 32, 40, 20],
  [3, 40, 7, 12],
  [4, 1, 30, 5],
  [3, 5, 5, 100],
])("superpixels of noise [%d, %d, %d] with %d at most: connected, numbered, the same each time", (c, h, w, most) => {
  const image = new Generator(1).randn(c * h * w);
  const labels = superpixels(image, [c, h, w], most);
  expect(labels).toHaveLength(h * w);
  const names = sorted(labels);
  expect(names).toEqual(numbered(names.length));
  expect(names.length).toBeGreaterThan(1);
  expect(names.length).toBeLessThanOrEqual(most);
  expect([...partsOf(labels, w).values()]).toEqual(names.map(() => 1));
  expect(superpixels(image, [c, h, w], most)).toEqual(labels);
});

test.each([1, 1e-3, 1e4])("superpixels stop at edges, whatever the scale of the colours: %d", (scale) => {
  // A disc on a ground, both slightly noisy.
  const [size, noise] = [48, new Generator(2).randn(3 * 48 * 48)];
  const isInside = (i: number) => (Math.floor(i / size) - 20) ** 2 + ((i % size) - 27) ** 2 < 15 ** 2;
  const image = noise.map((v, k) => scale * (v / 10 + (isInside(k % size ** 2) ? 1 : -1)));
  const labels = superpixels(image, [3, size, size], 30);
  const inside = sorted(labels).map((label) => {
    const own = [...labels.keys()].filter((i) => labels[i] === label);
    return own.filter(isInside).length / own.length;
  });
  inside.forEach((share) => expect(Math.min(share, 1 - share)).toBeLessThan(0.05));
});

test("an image of one colour is cut like a grid, more or less", () => {
  const labels = superpixels(new Float32Array(3 * 400), [3, 20, 20], 16);
  const sizes = sorted(labels).map((label) => labels.filter((l) => l === label).length);
  expect(sizes).toHaveLength(16);
  expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(2);
});

test("a digit's superpixels", () => {
  const { inputs } = readNet("digits");
  const labels = superpixels(inputs.input.data.slice(0, 64) as Float32Array, [1, 8, 8], 10);
  expect([...partsOf(labels, 8).values()].every((parts) => parts === 1)).toBe(true);
});
