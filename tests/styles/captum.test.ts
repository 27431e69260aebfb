import { rampOf } from "../../src/styles/colormaps";
import { styleNamed } from "../../src/styles/index";
import { normalize } from "../../src/styles/normalize";
import { channelSum, rgbaOf } from "../../src/styles/raster";
import type { RGB, Sign } from "../../src/styles/style";
import fixture from "./captum.json";

/** Ours by Captum's name, and what stands behind Captum's: it multiplies towards black, and lays alpha on white. */
const STYLES: Record<string, { name: string; background: RGB }> = {
  heat_map: { name: "Heat map", background: [255, 255, 255] },
  original_image: { name: "Original", background: [255, 255, 255] },
  masked_image: { name: "Masked", background: [0, 0, 0] },
  alpha_scaling: { name: "Alpha", background: [255, 255, 255] },
};
const cases = fixture.cases as { method: string; sign: Sign; pixels: number[] | string }[];
const map = channelSum(Float32Array.from(fixture.attribution), fixture.shape);

function painted(method: string, sign: Sign): number[] {
  const { name, background } = STYLES[method];
  const theme = { dark: false, background };
  const image = rgbaOf({ shape: fixture.shape, data: Uint8Array.from(fixture.image) }, background);
  const { values } = normalize(map.data, sign, fixture.clip);
  const options = { ramp: rampOf("Captum", sign, theme), theme, opacity: 1 };
  const pixels = styleNamed(name).paint(values, image.data, map.width, map.height, options);
  return [...pixels].filter((_, i) => i % 4 < 3);
}

test("the fixture is Captum's", () => {
  expect(fixture.versions.captum).toBe("0.9.0");
  expect(cases).toHaveLength(16);
});

const drawn = cases.filter((one): one is { method: string; sign: Sign; pixels: number[] } => Array.isArray(one.pixels));

test.each(drawn.filter(({ method }) => method !== "heat_map"))(
  "$method, $sign: the same pixels",
  ({ method, sign, pixels }) => {
    const ours = painted(method, sign);
    expect(Math.max(...pixels.map((value, i) => Math.abs(value - ours[i])))).toBeLessThanOrEqual(1);
  },
);

test("heat_map, signed: the same colours", () => {
  const { pixels } = drawn.find(({ method, sign }) => method === "heat_map" && sign === "signed")!;
  const ours = painted("heat_map", "signed");
  expect(Math.max(...pixels.map((value, i) => Math.abs(value - ours[i])))).toBeLessThanOrEqual(2);
});

test.each(drawn.filter(({ method, sign }) => method === "heat_map" && sign !== "signed"))(
  "heat_map, $sign: the same hue, from the page's own colour at 0",
  ({ sign, pixels }) => {
    const ours = painted("heat_map", sign);
    const zero = normalize(map.data, sign, fixture.clip).values.indexOf(0);
    if (zero >= 0) expect(ours.slice(zero * 3, zero * 3 + 3)).toEqual([255, 255, 255]);
    // Captum's maps begin with a tint.
    const differences = pixels.map((value, i) => Math.abs(value - ours[i]));
    expect(Math.max(...differences)).toBeLessThanOrEqual(26);
    expect(differences.reduce((a, b) => a + b) / differences.length).toBeLessThan(10);
  },
);

test("of both signs, which Captum refuses: masked_image leaves out what is negative, alpha_scaling shows it as strong", () => {
  const refused = cases.filter(({ pixels }) => typeof pixels === "string");
  expect(refused.map(({ method, sign }) => `${method} ${sign}`)).toEqual([
    "masked_image signed",
    "alpha_scaling signed",
  ]);
  const { values } = normalize(map.data, "signed", fixture.clip);
  const [masked, alpha] = [painted("masked_image", "signed"), painted("alpha_scaling", "signed")];
  values.forEach((value, i) => {
    if (value <= 0) expect(masked.slice(i * 3, i * 3 + 3)).toEqual([0, 0, 0]);
  });
  expect(alpha).toEqual(painted("alpha_scaling", "absolute"));
});
