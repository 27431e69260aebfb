/** Which part of a picture is seen through a square window, and how large. Lengths are CSS pixels. */
import type { Grid } from "../derived";
import type { Part } from "../styles/raster";
import { plan } from "./map";
import type { Extent } from "./masks";

export interface Viewport {
  /** 1 shows all of it. */
  zoom: number;
  /** The place in the middle of the window, as shares of the picture. */
  u: number;
  v: number;
}

export const WHOLE: Viewport = { zoom: 1, u: 0.5, v: 0.5 };

/** Nothing is seen better when a pixel grows beyond this. */
const MAX_PIXEL = 64;

export interface Frame {
  /** Of the picture, in pixels. */
  grid: Grid;
  /** Of the window. */
  side: number;
  pixelRatio: number;
}

/** The side of the square that the picture is fitted into, and where it then lies in the window. */
export function placed({ zoom, u, v }: Viewport, { grid, side, pixelRatio }: Frame): Extent & { side: number } {
  const { cssWidth, cssHeight } = plan(grid.width, grid.height, pixelRatio, side * zoom);
  const whole = (length: number): number => Math.round(length * pixelRatio) / pixelRatio;
  const start = (length: number, at: number): number =>
    whole(length <= side ? (side - length) / 2 : Math.min(0, Math.max(side - length, side / 2 - at * length)));
  return {
    side: Math.max(cssWidth, cssHeight),
    left: start(cssWidth, u),
    top: start(cssHeight, v),
    width: cssWidth,
    height: cssHeight,
  };
}

/** What of a picture is in view through a window of that side, as shares of its width and height. */
export function seenOf({ left, top, width, height }: Extent, side: number): Part {
  const share = (at: number, length: number): number => Math.max(0, Math.min(1, at / length));
  return {
    left: share(-left, width),
    top: share(-top, height),
    right: share(side - left, width),
    bottom: share(side - top, height),
  };
}

/** Nearer or farther; what lies at `x`, `y` of the window stays there. */
export function zoomed(view: Viewport, frame: Frame, factor: number, x: number, y: number): Viewport {
  const { grid, side } = frame;
  const most = Math.max(1, (MAX_PIXEL * Math.max(grid.width, grid.height)) / side);
  const zoom = Math.max(1, Math.min(most, view.zoom * factor));
  const before = placed(view, frame);
  const after = placed({ ...view, zoom }, frame);
  const middle = (at: number, start: number, length: number, grown: number): number =>
    (at - start) / length + (side / 2 - at) / grown;
  return settled(
    {
      zoom,
      u: middle(x, before.left, before.width, after.width),
      v: middle(y, before.top, before.height, after.height),
    },
    frame,
  );
}

/** Moved with the pointer, no farther than to the picture's edges. */
export function panned(view: Viewport, frame: Frame, dx: number, dy: number): Viewport {
  const { width, height } = placed(view, frame);
  return settled({ ...view, u: view.u - dx / width, v: view.v - dy / height }, frame);
}

/** Moved as little as is needed to see a place. */
export function showing(view: Viewport, frame: Frame, u: number, v: number): Viewport {
  const { width, height } = placed(view, frame);
  const near = (middle: number, at: number, length: number): number => {
    const half = (frame.side / length) * 0.45;
    return Math.max(at - half, Math.min(at + half, middle));
  };
  return settled({ ...view, u: near(view.u, u, width), v: near(view.v, v, height) }, frame);
}

function settled(view: Viewport, frame: Frame): Viewport {
  const { width, height } = placed(view, frame);
  const within = (at: number, length: number): number => {
    const half = frame.side / 2 / length;
    return half >= 0.5 ? 0.5 : Math.max(half, Math.min(1 - half, at));
  };
  return { zoom: view.zoom, u: within(view.u, width), v: within(view.v, height) };
}
