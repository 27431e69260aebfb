/** The map alone, in the colours of the ramp. */
import { LUT_HALF, type Style } from "./style";

export const heatMap: Style = {
  name: "Heat map",
  description: "The attribution alone: original and map side by side, with more room for the predictions",
  usesOpacity: false,
  paint(map, _image, width, height, { ramp: { lut } }) {
    const pixels = new Uint8ClampedArray(width * height * 4);
    for (let i = 0, p = 0; p < pixels.length; i++, p += 4) {
      const entry = Math.round((map[i] + 1) * LUT_HALF) * 3;
      pixels[p] = lut[entry];
      pixels[p + 1] = lut[entry + 1];
      pixels[p + 2] = lut[entry + 2];
      pixels[p + 3] = 255;
    }
    return pixels;
  },
};
