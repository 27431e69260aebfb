/** One picture on one canvas: the original, or an attribution painted in a style. Repaints only what has changed. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import type { Attribution, Display } from "../state";
import { rampOf } from "../styles/colormaps";
import { heatMap } from "../styles/heat-map";
import { type NormalizedMap, Normalizer } from "../styles/normalize";
import { channelSum, type Raster, rasterSize, resample, rgbaOf, smoothed } from "../styles/raster";
import type { Ramp, Sign, Style, Theme } from "../styles/style";
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
  const made = { key, raster, normalizer, area, normalized: normalizer.normalize(sign, clip, scale) };
  maps.set(values, made);
  return made;
}

/** What a map's values are divided by where it is scaled by itself; 0 where nothing is left of it. */
export const scaleOf = (attribution: Attribution, display: Display): number =>
  preparedMap(attribution, display, null).normalized.scale;

/** By image: its pixels at the sizes and on the backgrounds that are shown. */
const images = new WeakMap<NDArray, Map<string, Uint8ClampedArray>>();

function pixelsOf(image: NDArray, { background }: Theme, width: number, height: number): Uint8ClampedArray {
  const key = [width, height, background].join();
  const known = images.get(image) ?? new Map<string, Uint8ClampedArray>();
  images.set(image, known);
  const pixels = known.get(key) ?? resample(rgbaOf(image, background), width, height).data;
  // Themes and zoom levels come and go.
  if (known.size > 4) known.clear();
  known.set(key, pixels);
  return pixels;
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
    return html`<div class="frame" @pointermove=${this.#probe} @pointerleave=${this.#probe}>
        <canvas
          class=${pixelated && !this.#smooth ? "pixelated" : ""}
          style="width: ${cssWidth}px; height: ${cssHeight}px"
          role="img"
          aria-label=${label}
        ></canvas>
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
    const { display, theme, ramp, pixelRatio } = this.look;
    const { picture } = this;
    const inputs: unknown[] = [this.image, theme, pixelRatio, this.side, picture, this.attribution?.values];
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
    const image = rasterSize(this.image?.shape ?? []);
    const map = this.picture && this.attribution ? rasterSize(this.attribution.shape) : image;
    const { width, height } = map.width * map.height >= image.width * image.height ? map : image;
    return plan(width, height, this.look.pixelRatio, this.side);
  }

  #paint(canvas: HTMLCanvasElement): void {
    const { width, height } = this.#plan();
    const { theme, ramp, display } = this.look;
    const image = this.image ? pixelsOf(this.image, theme, width, height) : new Uint8ClampedArray(width * height * 4);
    let pixels = image;
    this.blank = false;
    this.note = null;
    if (this.picture && this.attribution) {
      const prepared = preparedMap(this.attribution, display, this.scale);
      const drawn = `${width} ${height} ${this.#smooth}`;
      if (prepared.drawn?.key !== drawn) {
        const resized = this.#smooth ? smoothed : resample;
        const { data } = resized({ ...prepared.raster, data: prepared.normalized.values }, width, height);
        prepared.drawn = { key: drawn, data };
      }
      pixels = this.picture.paint(prepared.drawn.data, image, width, height, { ramp, theme, opacity: display.opacity });
      this.blank = prepared.normalized.scale === 0;
      this.note = this.blank ? EMPTY_NOTES[display.sign] : `strongest ${prepared.area}`;
    }
    canvas.width = width;
    canvas.height = height;
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
