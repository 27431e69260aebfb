/** The image as it is: what there is to see without any explanation. */
import type { Style } from "./style";

export const original: Style = {
  name: "Original",
  description: "The image alone",
  usesOpacity: false,
  paint: (_map, image) => image,
};
