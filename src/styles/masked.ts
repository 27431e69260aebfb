/** The image where the attribution is positive; elsewhere it fades into the page. */
import { fade, type Style } from "./style";

export const masked: Style = {
  name: "Masked",
  description: "The image, visible only where the shown values are positive",
  usesOpacity: false,
  paint: (map, image, _width, _height, { theme }) => fade(image, theme, (i) => Math.max(map[i], 0)),
};
