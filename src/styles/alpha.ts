/** The image where the attribution is strong, of either sign; elsewhere it fades into the page. */
import { fade, type Style } from "./style";

export const alpha: Style = {
  name: "Alpha",
  description: "The image, as visible as the magnitude of the attribution",
  usesOpacity: false,
  paint: (map, image, _width, _height, { theme }) => fade(image, theme, (i) => Math.abs(map[i])),
};
