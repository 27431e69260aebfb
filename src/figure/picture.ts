/** One picture of a figure: the image, or a map painted over it, as PNG of its own resolution. */
import type { Attribution, Display } from "../state";
import { Normalizer } from "../styles/normalize";
import { channelSum, finer, resample, rgbaOf, smoothed } from "../styles/raster";
import type { Ramp, Style, Theme } from "../styles/style";
import type { NDArray } from "../wire";
import { dataUrl, pngOf } from "./png";
import { node, type SvgNode } from "./svg";

/** Everything beside the data that decides how pictures look. */
export interface Look {
  display: Display;
  theme: Theme;
  ramp: Ramp;
}

export interface Picture {
  image: NDArray | null;
  attribution?: Attribution | null;
  /** Null draws the image alone. */
  style?: Style | null;
  /** What the map is divided by; null: by itself. */
  scale?: number | null;
}

/** More pixels than these for each unit of the figure are seen on no paper. */
const DENSITY = 4;

/** What a map is divided by where it is scaled by itself; 0 where nothing is left of it. */
export const scaleOf = ({ values, shape }: Attribution, sign: Display["sign"], clip: number): number =>
  new Normalizer(channelSum(values, shape).data).normalize(sign, clip).scale;

/** Where it lies in a square of that side; however thin, it is there. */
export function frameOf(size: { width: number; height: number }, side: number) {
  const scale = side / Math.max(size.width, size.height, 1);
  const [width, height] = [Math.max(1, size.width * scale), Math.max(1, size.height * scale)];
  return { x: (side - width) / 2, y: (side - height) / 2, width, height };
}

export const sizeOf = ({ image, attribution, style }: Picture): { width: number; height: number } =>
  finer(image?.shape ?? [], style && attribution ? attribution.shape : null);

/** In a square of that side, with a thin frame. Each picture is a task of its own: many of them do not hold up the page. */
export async function drawn(picture: Picture, look: Look, side: number, frame: string): Promise<SvgNode> {
  await new Promise((resolve) => setTimeout(resolve));
  const { image, attribution, style, scale = null } = picture;
  const { display, theme, ramp } = look;
  const smooth = display.interpolation === "smooth";
  const own = sizeOf(picture);
  const most = DENSITY * side;
  const shrink = Math.min(1, most / Math.max(own.width, own.height));
  const [width, height] = [own.width, own.height].map((size) => Math.max(1, Math.round(size * shrink)));
  const under = image
    ? resample(rgbaOf(image, theme.background), width, height).data
    : new Uint8ClampedArray(width * height * 4);
  let pixels = under;
  if (style && attribution) {
    const map = channelSum(attribution.values, attribution.shape);
    const { values } = new Normalizer(map.data).normalize(display.sign, display.clip, scale);
    const { data } = (smooth ? smoothed : resample)({ ...map, data: values }, width, height);
    pixels = style.paint(data, under, width, height, { ramp, theme, opacity: display.opacity });
  }
  const place = frameOf(own, side);
  const pixelated = !smooth && Math.max(width, height) < most;
  const href = dataUrl(await pngOf({ data: pixels, width, height }));
  const rendering = pixelated ? { "image-rendering": "pixelated", style: "image-rendering:pixelated" } : {};
  return node(
    "g",
    {},
    node("image", { ...place, href, preserveAspectRatio: "none", ...rendering }),
    node("rect", {
      ...{ x: place.x + 0.5, y: place.y + 0.5, width: place.width - 1, height: place.height - 1 },
      ...{ fill: "none", stroke: frame },
    }),
  );
}
