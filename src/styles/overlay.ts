/** A muted grey version of the image under the flat colour of each sign. */
import type { Style } from "./style";

export const overlay: Style = {
  name: "Overlay",
  description: "The attribution in colour over a grey version of the image",
  usesOpacity: true,
  paint(map, image, width, height, { ramp, theme, opacity }) {
    const pixels = new Uint8ClampedArray(width * height * 4);
    // The grey picture recedes into the page: towards its colour where that is light, into shadow where it is dark.
    const [lift, contrast] = theme.dark ? [0, 0.55] : [0.38, 0.62];
    for (let i = 0, p = 0; p < pixels.length; i++, p += 4) {
      const grey = (0.299 * image[p] + 0.587 * image[p + 1] + 0.114 * image[p + 2]) * contrast;
      const alpha = Math.min(Math.abs(map[i]) ** 0.8 * 1.1 * opacity, 1);
      const colour = map[i] < 0 ? ramp.negative : ramp.positive;
      for (let channel = 0; channel < 3; channel++) {
        const under = grey + theme.background[channel] * lift;
        pixels[p + channel] = under + (colour[channel] - under) * alpha;
      }
      pixels[p + 3] = 255;
    }
    return pixels;
  },
};
