/** Colour maps by name. Every one starts at the page's own colour for 0 and moves away from it: darker on light, brighter on dark. */
import { schemeBlues, schemeBrBG, schemeGreens, schemeGreys, schemeRdBu, schemeReds } from "d3-scale-chromatic";
import { LUT_HALF, type Ramp, type RGB, type Sign, type Theme } from "./style";

/** One arm of a map: its colours at equal steps of the magnitude from `first` to 1. */
interface Arm {
  first: number;
  colours: RGB[];
  flat: RGB;
}

interface Arms {
  positive: Arm;
  negative: Arm;
}

interface Colormap {
  name: string;
  description: string;
  arms(dark: boolean, sign: Sign): Arms;
}

const rgb = (hex: string): RGB => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as RGB;

const brightness = ([red, green, blue]: RGB): number => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

const arm = (colours: string, flat: string): Arm => ({
  first: 0.1,
  colours: colours.split(" ").map(rgb),
  flat: rgb(flat),
});

/** From a ColorBrewer sequence, light to dark; `skip` leaves out its palest colours. */
function brewerArm(scheme: readonly string[], dark: boolean, skip = 1): Arm {
  const all = scheme.slice(skip).map(rgb);
  // The darkest ones would lie below a dark page, where magnitude has to be light.
  const colours = dark ? all.filter((colour) => brightness(colour) > 50).reverse() : all;
  const flat = dark ? colours[Math.ceil(colours.length / 2)] : colours[colours.length - 2];
  return { first: 1 / colours.length, colours, flat };
}

/** From a diverging ColorBrewer scheme of eleven colours, the positive arm first. */
function diverging(scheme: readonly string[], dark: boolean): Arms {
  return {
    positive: brewerArm(scheme.slice(0, 5).reverse(), dark, 0),
    negative: brewerArm(scheme.slice(6), dark, 0),
  };
}

const same = (positive: Arm): Arms => ({ positive, negative: positive });

const PUOR = {
  light: {
    positive: arm("#fee6c8 #f7a64a #cd640e #783604", "#b85c06"),
    negative: arm("#e4e0f2 #a092ce #664aa2 #320e62", "#6b4fa8"),
  },
  dark: {
    positive: arm("#403124 #965a22 #e69240 #ffd09c", "#f2a456"),
    negative: arm("#302c46 #6052a4 #9686e0 #d8ceff", "#b3a0f0"),
  },
};

const MAPS: readonly Colormap[] = [
  {
    name: "PuOr",
    description: "Purple against, orange for; safe for colour-blind readers",
    arms: (dark) => (dark ? PUOR.dark : PUOR.light),
  },
  {
    name: "RdBu",
    description: "Blue against, red for",
    arms: (dark) => diverging(schemeRdBu[11], dark),
  },
  {
    name: "BrBG",
    description: "Blue-green against, brown for",
    arms: (dark) => diverging(schemeBrBG[11], dark),
  },
  {
    name: "Greys",
    description: "Magnitude only",
    arms: (dark) => same(brewerArm(schemeGreys[9], dark)),
  },
  {
    name: "Captum",
    description: "As in Captum Insights: blue magnitudes, green for, red against",
    arms(dark, sign) {
      if (sign === "absolute") return same(brewerArm(schemeBlues[9], dark));
      if (sign === "positive") return same(brewerArm(schemeGreens[9], dark));
      if (sign === "negative") return same(brewerArm(schemeReds[9], dark));
      const end = (hex: string): Arm => ({ first: 1, colours: [rgb(hex)], flat: rgb(hex) });
      return dark
        ? { positive: end("#4cd04c"), negative: end("#ff4c4c") }
        : { positive: end("#008000"), negative: end("#ff0000") };
    },
  },
];

export const COLORMAPS: readonly { name: string; description: string }[] = MAPS;

/** The map of that name (an unknown one gives the first) for what is shown of the sign. */
export function rampOf(name: string, sign: Sign, { dark, background }: Theme): Ramp {
  const { positive, negative } = (MAPS.find((map) => map.name === name) ?? MAPS[0]).arms(dark, sign);
  // Negative values alone are given as magnitudes, but keep the colour of their sign.
  const upper = sign === "negative" ? negative : positive;
  const lut = new Uint8ClampedArray((2 * LUT_HALF + 1) * 3);
  for (let i = 0; i <= LUT_HALF; i++) {
    lut.set(colourAt(upper, i / LUT_HALF, background), (LUT_HALF + i) * 3);
    lut.set(colourAt(negative, i / LUT_HALF, background), (LUT_HALF - i) * 3);
  }
  return { lut, positive: upper.flat, negative: negative.flat };
}

/** The two flat colours of bars that always tell both signs; a map without them borrows those of the first. */
export function signColours(name: string, { dark }: Pick<Theme, "dark">): { positive: RGB; negative: RGB } {
  const { positive, negative } = (MAPS.find((map) => map.name === name) ?? MAPS[0]).arms(dark, "signed");
  if (positive === negative) return signColours(MAPS[0].name, { dark });
  return { positive: positive.flat, negative: negative.flat };
}

function colourAt({ first, colours }: Arm, magnitude: number, background: RGB): number[] {
  if (magnitude <= first) return mix(background, colours[0], magnitude / first);
  const position = ((magnitude - first) / (1 - first)) * (colours.length - 1);
  const below = Math.min(Math.floor(position), colours.length - 2);
  return mix(colours[below], colours[below + 1], position - below);
}

const mix = (a: RGB, b: RGB, share: number): number[] =>
  a.map((value, channel) => value + (b[channel] - value) * share);

/** A ramp as stops of a CSS gradient from `from` to 1. */
export function cssGradient({ lut }: Ramp, from: -1 | 0): string {
  const stops = 32;
  return Array.from({ length: stops + 1 }, (_, i) => {
    const value = from + ((1 - from) * i) / stops;
    const entry = Math.round((value + 1) * LUT_HALF) * 3;
    return `rgb(${lut.slice(entry, entry + 3).join(" ")})`;
  }).join(", ");
}
