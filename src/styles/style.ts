/** The contract of a picture style: an attribution map and an image in, pixels out. Typed arrays only, no DOM. */

export type RGB = readonly [number, number, number];

/** What stands behind the pictures. */
export interface Theme {
  dark: boolean;
  /** The page's own colour: value 0 is drawn in exactly this one. */
  background: RGB;
}

/** Which part of a signed map is shown; "absolute" shows magnitudes. */
export type Sign = "signed" | "positive" | "negative" | "absolute";

/** A colour map made ready for one sign and one theme. */
export interface Ramp {
  /** [(2 * LUT_HALF + 1) * 3]: the colours from -1 to +1, with 0 at index LUT_HALF. */
  lut: Uint8ClampedArray;
  /** One flat colour for each sign: bars, overlays, numbers. */
  positive: RGB;
  negative: RGB;
}

export const LUT_HALF = 256;

export interface PaintOptions {
  ramp: Ramp;
  theme: Theme;
  /** 0..1 */
  opacity: number;
}

export interface Style {
  name: string;
  description: string;
  /** Whether `opacity` changes anything. */
  usesOpacity: boolean;
  /**
   * @param map [height * width], -1..1, as `normalize` gives it
   * @param image RGBA [height * width * 4], opaque
   * @returns RGBA [height * width * 4], opaque
   */
  paint(
    map: Float32Array,
    image: Uint8ClampedArray,
    width: number,
    height: number,
    options: PaintOptions,
  ): Uint8ClampedArray;
}

/** The image mixed into the background: `visible(i)` of pixel i remains, 0..1. */
export function fade(
  image: Uint8ClampedArray,
  { background }: Theme,
  visible: (i: number) => number,
): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(image.length);
  for (let i = 0, p = 0; p < pixels.length; i++, p += 4) {
    const share = visible(i);
    for (let channel = 0; channel < 3; channel++) {
      pixels[p + channel] = background[channel] + (image[p + channel] - background[channel]) * share;
    }
    pixels[p + 3] = 255;
  }
  return pixels;
}
