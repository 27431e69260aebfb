/** One picture on one canvas: the original, or an attribution painted in a style. Repaints only what has changed. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import type { Attribution, Display } from "../state";
import { rampOf } from "../styles/colormaps";
import { heatMap } from "../styles/heat-map";
import { type NormalizedMap, Normalizer } from "../styles/normalize";
import {
  channelSum,
  finer,
  type Part,
  type Raster,
  rasterSize,
  resample,
  rgbaOf,
  type Size,
  smoothed,
} from "../styles/raster";
import type { Ramp, RGB, Sign, Style, Theme } from "../styles/style";
import type { NDArray } from "../wire";
import { strengthOf } from "../derived";
import { paintSoon } from "./painting";
import { base } from "./tokens";

/** Everything beside the data that decides how pictures look; a new object whenever one of them changes. */
export interface Look {
  display: Display;
  theme: Theme;
  ramp: Ramp;
  pixelRatio: number;
}

export function lookOf(display: Display, theme: Theme, pixelRatio: number, before: Look | null): Look {
  const { cmap, sign } = display;
  const same = before?.theme === theme && before.display.cmap === cmap && before.display.sign === sign;
  return { display, theme, pixelRatio, ramp: same ? before.ramp : rampOf(cmap, sign, theme) };
}

const isSame = (a: Part, b: Part): boolean => Object.values(a).join() === Object.values(b).join();

const WHOLE: Part = { left: 0, top: 0, right: 1, bottom: 1 };

/** Side of a picture in CSS pixels, unless another one is asked for. */
export const SIDE = 96;

/** A place in a picture, as shares of its width and height, 0..1. */
export interface Place {
  u: number;
  v: number;
}

interface PreparedMap {
  key: string;
  raster: Raster<Float32Array>;
  normalizer: Normalizer;
  /** In words, where most of the magnitude lies. */
  area: string;
  normalized: NormalizedMap;
  halves: Raster<Float32Array>[];
  /** The normalised values at the size of the last picture. */
  drawn?: { key: string; data: Float32Array };
}

/** Several pictures show the same map, and sliders ask again and again. */
const maps = new WeakMap<Float32Array, PreparedMap>();

function preparedMap({ values, shape }: Attribution, { sign, clip }: Display, scale: number | null): PreparedMap {
  const key = `${sign} ${clip} ${scale}`;
  const known = maps.get(values);
  if (known?.key === key) return known;
  const raster = known?.raster ?? channelSum(values, shape);
  const normalizer = known?.normalizer ?? new Normalizer(raster.data);
  const area = known?.area ?? strongestArea(raster);
  const made = { key, raster, normalizer, area, normalized: normalizer.normalize(sign, clip, scale), halves: [] };
  maps.set(values, made);
  return made;
}

/** What a map's values are divided by where it is scaled by itself; 0 where nothing is left of it. */
export const scaleOf = (attribution: Attribution, display: Display): number =>
  preparedMap(attribution, display, null).normalized.scale;

/** By image: its pixels at the sizes and on the backgrounds that are shown. */
const images = new WeakMap<NDArray, Map<string, Uint8ClampedArray>>();
const halvesOfImages = new WeakMap<NDArray, { background: RGB; halves: Raster<Uint8ClampedArray>[] }>();

function pixelsOf(image: NDArray, { background }: Theme, plan: Plan, part: Part): Uint8ClampedArray {
  const key = [plan.width, plan.height, Object.values(part), background].join();
  const known = images.get(image) ?? new Map<string, Uint8ClampedArray>();
  images.set(image, known);
  const pixels = known.get(key) ?? resized(image, background, plan, part).data;
  // Themes and zoom levels come and go.
  if (known.size > 4) known.clear();
  known.set(key, pixels);
  return pixels;
}

function resized(image: NDArray, background: RGB, plan: Plan, part: Part): Raster<Uint8ClampedArray> {
  const known = halvesOfImages.get(image);
  const of = known?.background === background ? known : { background, halves: [] };
  halvesOfImages.set(image, of);
  const size = rasterSize(image.shape);
  const coarse = coarsest(of.halves, size, plan, part, () => rgbaOf(image, background, halfOf(size)));
  return coarse ? resample(coarse, plan.width, plan.height, part) : rgbaOf(image, background, plan, part);
}

const halfOf = ({ width, height }: Size): Size => ({ width: Math.ceil(width / 2), height: Math.ceil(height / 2) });

/**
 * A large raster at half its size, a quarter, an eighth ...: that which still has two pixels by two for each one of the
 * plan; null where that is the raster itself. Whoever zooms begins with the whole, and need not read all of it again.
 * @param halves that have been made; they are made when the whole is seen
 */
function coarsest<Data extends Float32Array | Uint8ClampedArray>(
  halves: Raster<Data>[],
  size: Size,
  { width, height }: Plan,
  part: Part,
  first: () => Raster<Data>,
): Raster<Data> | null {
  const times = Math.floor(Math.log2(Math.min(size.width / width, size.height / height))) - 1;
  const isWhole = part.right - part.left === width && part.bottom - part.top === height;
  if (times < 1 || (halves.length === 0 && !isWhole)) return null;
  if (halves.length === 0) halves.push(first());
  while (halves.length < times) {
    const last = halves.at(-1)!;
    const half = halfOf(last);
    halves.push(resample(last, half.width, half.height));
  }
  return halves[times - 1];
}

/** What is drawn, in pixels of the canvas, and how large it stands on the page. */
interface Plan {
  width: number;
  height: number;
  cssWidth: number;
  cssHeight: number;
  pixelated: boolean;
}

/** Small pictures grow by whole device pixels; large ones are averaged down to the device pixels they cover. */
export function plan(width: number, height: number, pixelRatio: number, side = SIDE): Plan {
  const longest = Math.max(width, height, 1);
  const room = side * pixelRatio;
  const times = Math.floor(room / longest);
  const pixelated = times >= 2;
  const scale = pixelated ? times : room / longest;
  const shrinks = scale < 1;
  const fit = (size: number): number => Math.max(1, Math.round(size * scale));
  return {
    width: shrinks ? fit(width) : width,
    height: shrinks ? fit(height) : height,
    cssWidth: fit(width) / pixelRatio,
    cssHeight: fit(height) / pixelRatio,
    pixelated,
  };
}

/** The painted value at a place, and how many pixels are stronger. */
export function probed(attribution: Attribution, look: Look, { u, v }: Place, scale: number | null = null) {
  const { raster, normalized } = preparedMap(attribution, look.display, scale);
  const x = Math.min(Math.floor(u * raster.width), raster.width - 1);
  const y = Math.min(Math.floor(v * raster.height), raster.height - 1);
  const at = y * raster.width + x;
  const value = normalized.values[at];
  const { sign } = look.display;
  const own = strengthOf(raster.data[at], sign);
  const stronger = raster.data.reduce((count, other) => (strengthOf(other, sign) > own ? count + 1 : count), 0);
  return { x, y, value: look.display.sign === "negative" ? 0 - value : value, rank: stronger + 1 };
}

/** The places of a map's strongest pixels, the strongest first; of equals those that come first in reading order. */
export function strongest(attribution: Attribution, look: Look, count: number): Place[] {
  const { data, width, height } = preparedMap(attribution, look.display, null).raster;
  const strength = (i: number): number => strengthOf(data[i], look.display.sign);
  const top: number[] = [];
  data.forEach((_, i) => {
    const size = strength(i);
    if (!(size > 0) || (top.length === count && size <= strength(top[count - 1]))) return;
    const after = top.findIndex((other) => strength(other) < size);
    top.splice(after < 0 ? top.length : after, 0, i);
    top.length = Math.min(top.length, count);
  });
  return top.map((i) => ({ u: ((i % width) + 0.5) / width, v: (Math.floor(i / width) + 0.5) / height }));
}

const EMPTY_NOTES: Record<Sign, string> = {
  signed: "all values are 0",
  absolute: "all values are 0",
  positive: "no positive values",
  negative: "no negative values",
};

export class AttriscopeMap extends LitElement {
  @property({ attribute: false }) image: NDArray | null = null;
  @property({ attribute: false }) attribution: Attribution | null = null;
  /** Null draws the image alone. */
  @property({ attribute: false }) picture: Style | null = null;
  @property({ attribute: false }) look!: Look;
  /** What the values are divided by, where several maps share a scale. */
  @property({ attribute: false }) scale: number | null = null;
  /** In CSS pixels, of the square that the picture is fitted into. */
  @property({ type: Number }) side = SIDE;
  /** What of the picture is in view, as shares of its width and height: the rest need not be drawn. */
  @property({ attribute: false, hasChanged: (now: Part, before?: Part) => !before || !isSame(now, before) })
  seen: Part = WHOLE;
  @property() label = "";
  /** The pixel to mark; fires "probe" with the place under the pointer, or null. */
  @property({ attribute: false }) mark: Place | null = null;
  /** Known when painted: nothing is left of the map, and what is to be said about it. */
  @own() blank = false;
  @own() note: string | null = null;

  static override styles = [
    base,
    css`
      :host {
        position: relative;
        display: grid;
        place-items: center;
        width: var(--side, 96px);
        height: var(--side, 96px);
      }
      .frame {
        position: relative;
        display: flex;
      }
      .frame::after {
        content: "";
        position: absolute;
        inset: 0;
        box-shadow: inset 0 0 0 1px color-mix(in srgb, currentColor 14%, transparent);
        pointer-events: none;
      }
      canvas {
        position: absolute;
      }
      canvas.pixelated {
        image-rendering: pixelated;
      }
      .mark {
        position: absolute;
        border: 1px solid var(--fg);
        outline: 1px solid var(--bg);
        pointer-events: none;
      }
      .note {
        position: absolute;
        inset: 0;
        display: grid;
        place-items: center;
        padding: 0 2px;
        font-size: 11px;
        text-align: center;
        color: var(--fg2);
        pointer-events: none;
      }
    `,
  ];

  /** The painted values, [height * width] of the input: as Captum's normalisation gives them; null for the original. */
  get values(): Float32Array | null {
    return this.picture && this.attribution
      ? preparedMap(this.attribution, this.look.display, this.scale).normalized.values
      : null;
  }

  override render() {
    const { cssWidth, cssHeight, pixelated } = this.#plan();
    const label = [this.label, this.note ?? ""].filter(Boolean).join(", ");
    return html`<div
        class="frame"
        style="width: ${cssWidth}px; height: ${cssHeight}px"
        @pointermove=${this.#probe}
        @pointerleave=${this.#probe}
      >
        <canvas class=${pixelated && !this.#smooth ? "pixelated" : ""} role="img" aria-label=${label}></canvas>
        ${this.mark ? this.#marker(this.mark, cssWidth, cssHeight) : nothing}
      </div>
      ${this.blank && this.picture === heatMap ? html`<span class="note" data-note="zero">${this.note}</span>` : nothing}`;
  }

  /** What the canvas shows, or will show as soon as it is painted. */
  #painted: unknown[] = [];
  #painting: Promise<void> = Promise.resolve();

  get #smooth(): boolean {
    return this.look.display.interpolation === "smooth";
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("side") && (changed.get("side") !== undefined || this.side !== SIDE))
      this.style.setProperty("--side", `${this.side}px`);
  }

  override updated(): void {
    const { display, theme, ramp } = this.look;
    const { picture } = this;
    const plan = this.#plan();
    const size = [plan.width, plan.height, ...Object.values(this.#part(plan))];
    const inputs: unknown[] = [this.image, theme, ...size, picture, this.attribution?.values];
    if (picture) inputs.push(ramp, this.scale, this.#smooth, display.clip, picture.usesOpacity && display.opacity);
    if (inputs.length === this.#painted.length && inputs.every((input, i) => input === this.#painted[i])) return;
    this.#painted = inputs;
    this.#painting = new Promise((resolve) => {
      paintSoon(this, () => {
        this.#paint(this.renderRoot.querySelector("canvas")!);
        resolve();
      });
    });
  }

  /** Complete is what is painted. */
  override async getUpdateComplete(): Promise<boolean> {
    const complete = await super.getUpdateComplete();
    await this.#painting;
    return complete;
  }

  #probe({ type, offsetX, offsetY, currentTarget }: PointerEvent): void {
    const { clientWidth, clientHeight } = currentTarget as HTMLElement;
    const clamp = (share: number): number => Math.max(0, Math.min(share, 1 - 1e-9));
    const place: Place = { u: clamp(offsetX / clientWidth), v: clamp(offsetY / clientHeight) };
    this.dispatchEvent(new CustomEvent("probe", { detail: type === "pointerleave" ? null : place }));
  }

  #marker({ u, v }: Place, cssWidth: number, cssHeight: number) {
    const { width, height } = rasterSize(this.attribution?.shape ?? this.image?.shape ?? []);
    const [stepX, stepY] = [cssWidth / width, cssHeight / height];
    const [sideX, sideY] = [Math.max(stepX, 3) + 2, Math.max(stepY, 3) + 2];
    const left = (Math.floor(u * width) + 0.5) * stepX - sideX / 2;
    const top = (Math.floor(v * height) + 0.5) * stepY - sideY / 2;
    return html`<div class="mark" style="left: ${left}px; top: ${top}px; width: ${sideX}px; height: ${sideY}px"></div>`;
  }

  /** The finer of image and map decides: neither loses what the other has. */
  #plan(): Plan {
    const map = this.picture && this.attribution ? this.attribution.shape : null;
    const { width, height } = finer(this.image?.shape ?? [], map);
    return plan(width, height, this.look.pixelRatio, this.side);
  }

  /** The pixels that are in view, and those around them: where they are interpolated they show at the edges. */
  #part({ width, height }: Plan): Part {
    const { left, top, right, bottom } = this.seen;
    return {
      left: Math.max(0, Math.floor(left * width) - 1),
      top: Math.max(0, Math.floor(top * height) - 1),
      right: Math.min(width, Math.ceil(right * width) + 1),
      bottom: Math.min(height, Math.ceil(bottom * height) + 1),
    };
  }

  #paint(canvas: HTMLCanvasElement): void {
    const plan = this.#plan();
    const part = this.#part(plan);
    const [width, height] = [part.right - part.left, part.bottom - part.top];
    const { theme, ramp, display } = this.look;
    const image = this.image ? pixelsOf(this.image, theme, plan, part) : new Uint8ClampedArray(width * height * 4);
    let pixels = image;
    this.blank = false;
    this.note = null;
    if (this.picture && this.attribution) {
      const prepared = preparedMap(this.attribution, display, this.scale);
      const drawn = [plan.width, plan.height, Object.values(part), this.#smooth].join();
      if (prepared.drawn?.key !== drawn) {
        const normalized = { ...prepared.raster, data: prepared.normalized.values };
        const half = halfOf(normalized);
        const coarse = coarsest(prepared.halves, normalized, plan, part, () => resample(normalized, half.width, half.height)); // prettier-ignore
        const sized = (this.#smooth ? smoothed : resample)(coarse ?? normalized, plan.width, plan.height, part);
        prepared.drawn = { key: drawn, data: sized.data };
      }
      pixels = this.picture.paint(prepared.drawn.data, image, width, height, { ramp, theme, opacity: display.opacity });
      this.blank = prepared.normalized.scale === 0;
      this.note = this.blank ? EMPTY_NOTES[display.sign] : `strongest ${prepared.area}`;
    }
    canvas.width = width;
    canvas.height = height;
    // Until it is painted anew, it is moved and stretched with the frame.
    canvas.style.left = `${(part.left / plan.width) * 100}%`;
    canvas.style.top = `${(part.top / plan.height) * 100}%`;
    canvas.style.width = `${(width / plan.width) * 100}%`;
    canvas.style.height = `${(height / plan.height) * 100}%`;
    const context = canvas.getContext("2d");
    const target = context?.createImageData(width, height);
    target?.data.set(pixels);
    if (target) context?.putImageData(target, 0, 0);
  }
}

const ROWS = ["upper", "middle", "lower"];
const COLUMNS = ["left", "centre", "right"];

/** Where most of the magnitude lies, in words, on a grid of nine fields: "lower left". */
export function strongestArea({ data, width, height }: Raster<Float32Array>): string {
  const fields = new Float64Array(9);
  for (let i = 0, y = 0; y < height; y++) {
    const row = Math.floor((y * 3) / height) * 3;
    for (let x = 0; x < width; x++, i++) {
      if (Number.isFinite(data[i])) fields[row + Math.floor((x * 3) / width)] += Math.abs(data[i]);
    }
  }
  const most = fields.indexOf(Math.max(...fields));
  return most === 4 ? "centre" : `${ROWS[Math.floor(most / 3)]} ${COLUMNS[most % 3]}`;
}
