import { COLORMAPS, cssGradient, rampOf, signColours } from "../../src/styles/colormaps";
import { STYLES, styleNamed } from "../../src/styles/index";
import { LUT_HALF, type RGB, type Sign, type Theme } from "../../src/styles/style";

const LIGHT: Theme = { dark: false, background: [255, 255, 255] };
const DARK: Theme = { dark: true, background: [33, 33, 33] };
const SIGNS: Sign[] = ["signed", "positive", "negative", "absolute"];

const at = (lut: Uint8ClampedArray, value: number): number[] => {
  const entry = Math.round((value + 1) * LUT_HALF) * 3;
  return [...lut.slice(entry, entry + 3)];
};
const brightness = ([red, green, blue]: readonly number[]): number => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
const hex = (...colour: number[]): string => `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

describe.each(COLORMAPS.map(({ name }) => name))("colours %s", (name) => {
  test.each([LIGHT, DARK, { dark: true, background: [17, 34, 51] as RGB }])("0 is exactly the background", (theme) => {
    for (const sign of SIGNS) expect(at(rampOf(name, sign, theme).lut, 0)).toEqual([...theme.background]);
  });

  test.each([LIGHT, DARK])("the magnitude moves away from the page, without a turn", (theme) => {
    for (const sign of SIGNS) {
      const { lut } = rampOf(name, sign, theme);
      for (const side of sign === "signed" ? [1, -1] : [1]) {
        const steps = Array.from({ length: 9 }, (_, i) => brightness(at(lut, (side * i) / 8)));
        const distances = steps.map((value) => (theme.dark ? value - steps[0] : steps[0] - value));
        expect(distances).toEqual([...distances].sort((a, b) => a - b));
        expect(distances.at(-1)).toBeGreaterThan(60);
      }
    }
  });

  test("for and against differ in bars", () => {
    const { positive, negative } = signColours(name, LIGHT);
    expect(positive).not.toEqual(negative);
  });
});

test("PuOr has the design's stops", () => {
  const light = rampOf("PuOr", "signed", LIGHT);
  expect(hex(...at(light.lut, 1))).toBe("#783604");
  expect(hex(...at(light.lut, -1))).toBe("#320e62");
  expect(hex(...light.positive)).toBe("#b85c06");
  const dark = rampOf("PuOr", "signed", DARK);
  expect(hex(...at(dark.lut, 1))).toBe("#ffd09c");
  expect(hex(...dark.negative)).toBe("#b3a0f0");
  const tenth = at(light.lut, 0.1);
  [0xfe, 0xe6, 0xc8].forEach((value, channel) => expect(Math.abs(tenth[channel] - value)).toBeLessThan(4));
});

test("negative values alone keep the colour of their sign", () => {
  const signed = rampOf("PuOr", "signed", LIGHT);
  const negative = rampOf("PuOr", "negative", LIGHT);
  expect(at(negative.lut, 0.6)).toEqual(at(signed.lut, -0.6));
});

test("Captum's colours are blue for magnitudes, green for positive, red for negative values", () => {
  const strongest = (sign: Sign): number => {
    const colour = at(rampOf("Captum", sign, LIGHT).lut, 0.75);
    return colour.indexOf(Math.max(...colour));
  };
  expect([strongest("negative"), strongest("positive"), strongest("absolute")]).toEqual([0, 1, 2]);
  expect(at(rampOf("Captum", "signed", LIGHT).lut, 1)).toEqual([0, 128, 0]);
  expect(at(rampOf("Captum", "signed", LIGHT).lut, -1)).toEqual([255, 0, 0]);
});

test("the gradient of the legend runs from -1 or 0 to 1", () => {
  const ramp = rampOf("PuOr", "signed", LIGHT);
  expect(cssGradient(ramp, -1)).toMatch(/^rgb\(50 14 98\), .*rgb\(120 54 4\)$/);
  expect(cssGradient(ramp, 0)).toMatch(/^rgb\(255 255 255\), .*rgb\(120 54 4\)$/);
});

describe("styles", () => {
  const image = Uint8ClampedArray.from([200, 100, 0, 255, 200, 100, 0, 255, 200, 100, 0, 255]);
  const map = Float32Array.from([0, 1, -1]);
  const paint = (name: string, theme = LIGHT, opacity = 1): number[][] => {
    const pixels = styleNamed(name).paint(map, image, 3, 1, { ramp: rampOf("PuOr", "signed", theme), theme, opacity });
    return [0, 1, 2].map((i) => [...pixels.slice(i * 4, i * 4 + 3)]);
  };

  test("names are unique, and an unknown one gives the overlay", () => {
    expect(new Set(STYLES.map(({ name }) => name)).size).toBe(STYLES.length);
    expect(styleNamed("no such style").name).toBe("Overlay");
  });

  test.each(STYLES.map(({ name }) => name))("%s is opaque and as large as the map", (name) => {
    const pixels = styleNamed(name).paint(map, image, 3, 1, {
      ramp: rampOf("PuOr", "signed", DARK),
      theme: DARK,
      opacity: 1,
    });
    expect(pixels).toHaveLength(12);
    expect([pixels[3], pixels[7], pixels[11]]).toEqual([255, 255, 255]);
  });

  test("heat map: the ramp's colours", () => {
    expect(paint("Heat map")).toEqual([
      [255, 255, 255],
      [0x78, 0x36, 0x04],
      [0x32, 0x0e, 0x62],
    ]);
  });

  test("overlay: grey at 62 % contrast, in dark at 55 % brightness, under the flat colours", () => {
    const grey = 0.299 * 200 + 0.587 * 100;
    const light = Math.round(255 + (grey - 255) * 0.62);
    expect(paint("Overlay")).toEqual([
      [light, light, light],
      [0xb8, 0x5c, 0x06],
      [0x6b, 0x4f, 0xa8],
    ]);
    const dark = Math.round(grey * 0.55);
    expect(paint("Overlay", DARK)[0]).toEqual([dark, dark, dark]);
    expect(paint("Overlay", LIGHT, 0)[1]).toEqual([light, light, light]);
  });

  test("masked and alpha: the image where values are positive, or strong", () => {
    const [whole, page] = [[200, 100, 0], [...DARK.background]];
    expect(paint("Masked", DARK)).toEqual([page, whole, page]);
    expect(paint("Alpha", DARK)).toEqual([page, whole, whole]);
  });
});
