import { normalize, Normalizer } from "../../src/styles/normalize";
import { channelSum } from "../../src/styles/raster";
import type { Sign } from "../../src/styles/style";
import fixture from "./normalize.json";

const maps = fixture.maps as Record<string, { shape: number[]; values: number[] }>;
const cases = fixture.cases as { map: string; sign: Sign; clip: number; expected: number[] | string }[];
const summed = ({ shape, values }: { shape: number[]; values: number[] }) =>
  channelSum(Float32Array.from(values), shape).data;

test("the fixture is Captum's", () => {
  expect(fixture.versions.captum).toBe("0.9.0");
  expect(cases).toHaveLength(Object.keys(maps).length * 4 * 4);
});

test.each(cases)("$map, $sign, clip $clip: as _normalize_attr", ({ map, sign, clip, expected }) => {
  const { values, scale } = normalize(summed(maps[map]), sign, clip);
  if (typeof expected === "string") {
    expect(expected).toBe("Cannot normalize by scale factor = 0");
    expect(scale).toBe(0);
    expect(values.every((value) => value === 0)).toBe(true);
    return;
  }
  expect(scale).toBeGreaterThan(0);
  const difference = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0);
  expect(difference).toBeLessThan(1e-6);
});

test("values that are no number count as 0", () => {
  const clean = Float32Array.from([0, 1, -2, 0, 3]);
  const dirty = Float32Array.from([NaN, 1, -2, Infinity, 3]);
  expect(normalize(dirty, "signed", 0)).toEqual(normalize(clean, "signed", 0));
  expect(normalize(Float32Array.from([NaN, -Infinity]), "absolute", 2)).toEqual({
    values: new Float32Array(2),
    scale: 0,
  });
});

test("nothing is negative zero, and the input stays as it is", () => {
  const map = Float32Array.from([0, -0, -1, 1]);
  for (const sign of ["signed", "positive", "negative", "absolute"] as const) {
    for (const value of normalize(map, sign, 0).values) expect(Object.is(value, -0)).toBe(false);
  }
  expect(Object.is(map[1], -0)).toBe(true);
});

test("an empty map is blank", () => {
  expect(normalize(new Float32Array(0), "signed", 2)).toEqual({ values: new Float32Array(0), scale: 0 });
});

test("a Normalizer gives the same for every display as a fresh one", () => {
  const map = summed(maps.normal);
  const normalizer = new Normalizer(map);
  for (const sign of ["absolute", "signed", "negative", "positive", "absolute"] as const) {
    for (const clip of [2, 30]) expect(normalizer.normalize(sign, clip)).toEqual(normalize(map, sign, clip));
  }
});
