/**
 * The input and its maps side by side: zoomed and moved together, probed and painted at the same pixel of all.
 * Fires "probe" with the pixel, or null, and "paint" with {@link Stroke} as detail.
 */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { styleMap } from "lit/directives/style-map.js";
import type { Grid, Ranking } from "../derived";
import type { Attribution } from "../state";
import { countOf } from "../items";
import { finer } from "../styles/raster";
import type { Style } from "../styles/style";
import type { NDArray } from "../wire";
import { signed, spoken } from "../format";
import type { Look } from "./map";
import { boxed, brushed, type Extent, outlined, type Pixel } from "./masks";
import { USES_ESCAPE } from "./popover";
import { base, results } from "./tokens";
import { type Frame, panned, placed, seenOf, showing, type Viewport, WHOLE, zoomed } from "./viewport";

/** Windows are multiples of what many small pictures measure, or of a part of it. */
export const STEP = 32;

export type Tool = "point" | "zoom" | "paint" | "erase";
export type Shape = "brush" | "box";

export interface Stroke {
  /** All that is hidden now, [height * width]. */
  pixels: Uint8Array;
  /** The stroke has ended. */
  done: boolean;
}

/** One picture: the input, or a map of it. */
export interface Pane {
  name: string;
  image: NDArray | null;
  attribution: Attribution | null;
  /** Null draws the image alone. */
  picture: Style | null;
  /** What the map is divided by; null: by itself. */
  scale: number | null;
  label: string;
  /** Name and number under a small map. */
  caption?: [string, string];
  /** Stands in place of the picture, or over one that is out of date. */
  waiting?: string;
  error?: string;
}

/** Between two small maps, and the line under one. */
const [GAP, CAPTION] = [8, 16];

/** So thin a picture can still be hit. */
const REACH = 8;

/** Below this a press is a click. */
const SLOP = 3;

const WHEEL_STEP = 0.0025;

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** From the press of a button to its release. */
interface Drag {
  pane: Pane;
  start: PointerEvent;
  last: PointerEvent;
  moved: boolean;
  /** What was painted before; null: this is no stroke. */
  before: Uint8Array | null;
  from: Pixel;
  /** Where the pointer has been since the last frame, and where it was then. */
  way: Pixel[];
  awaited: boolean;
}

export class AttriscopeStage extends LitElement {
  @property({ attribute: false }) input!: Pane;
  /** One, or several small ones. */
  @property({ attribute: false }) maps: readonly Pane[] = [];
  /** Of the windows, in CSS pixels. */
  @property({ type: Number }) side = 320;
  /** The pixels that can be probed and painted; pictures of another size are laid over them. */
  @property({ attribute: false }) grid!: Grid;
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) ranking: Ranking | null = null;
  /** How many of the strongest pixels are outlined. */
  @property({ type: Number }) top = 0;
  /** [height * width], 1 where hidden. */
  @property({ attribute: false }) painted!: Uint8Array;
  /** What is shown, as against how: another one is seen from the start. */
  @property() subject = "";
  @property() tool: Tool = "point";
  @property() shape: Shape = "brush";
  /** Diameter of the brush, in pixels. */
  @property({ type: Number }) size = 1;
  /** Nothing can be painted. */
  @property({ type: Boolean }) readonly = false;

  @own() view: Viewport = WHOLE;
  @own() probe: Pixel | null = null;
  /** The picture under the pointer or with the focus. */
  @own() active: string | null = null;
  /** The probe stays where it was clicked. */
  @own() pinned = false;
  @own() closed = false;
  /** What is painted while a stroke goes on, ahead of the state. */
  @own() stroke: Uint8Array | null = null;
  @own() spoken = "";

  static override styles = [
    base,
    results,
    css`
      :host {
        position: relative;
        display: flex;
        flex-wrap: wrap;
        gap: 12px;
      }
      .maps {
        display: grid;
        grid-template-columns: repeat(var(--columns), max-content);
        justify-content: space-between;
        align-content: space-between;
        width: var(--stage);
        height: var(--stage);
      }
      figure {
        margin: 0;
      }
      figcaption {
        display: flex;
        justify-content: space-between;
        gap: 4px;
        height: 16px;
        font-size: 11px;
        color: var(--fg2);
      }
      figcaption b {
        font-weight: 400;
        color: var(--fg);
      }
      .window {
        position: relative;
        width: var(--window);
        height: var(--window);
        touch-action: pan-y;
        user-select: none;
        -webkit-user-select: none;
      }
      .zoom,
      .paint,
      .erase {
        touch-action: none;
      }
      .window:is(.paint, .erase) {
        cursor: crosshair;
      }
      .window.zoom {
        cursor: zoom-in;
      }
      .window.zoomed:is(.zoom, .point) {
        cursor: grab;
      }
      .window.dragging:is(.zoom, .point) {
        cursor: grabbing;
      }
      .clip {
        position: absolute;
        inset: 0;
        overflow: hidden;
        pointer-events: none;
      }
      .zoomed .clip::after {
        content: "";
        position: absolute;
        inset: 0;
        box-shadow: inset 0 0 0 1px color-mix(in srgb, currentColor 14%, transparent);
      }
      .clip > * {
        position: absolute;
      }
      canvas {
        inset: 0;
        width: 100%;
        height: 100%;
      }
      .top {
        color: var(--fg);
        opacity: 0.72;
        filter: drop-shadow(0 0 0.5px var(--bg)) drop-shadow(0 0 0.5px var(--bg));
      }
      .hidden {
        color: var(--acc);
      }
      .mark {
        border: 2px solid var(--fg);
        box-shadow:
          0 0 0 1px var(--bg),
          inset 0 0 0 1px var(--bg);
      }
      .mark.pinned {
        border-color: var(--acc);
      }
      .ring {
        border: 1px dashed var(--acc);
        border-radius: 50%;
        box-shadow: 0 0 0 1px color-mix(in srgb, var(--bg) 55%, transparent);
      }
      .stale attriscope-map {
        animation: recede 0s 150ms forwards;
      }
      .slot,
      .pending {
        inset: 0;
        display: grid;
        place-items: center;
        font-size: 11px;
        text-align: center;
        color: var(--fg2);
      }
      .slot {
        padding: 8px;
        border: 1px dashed var(--line1);
        background: var(--tint);
      }
      .slot.error {
        place-items: start;
        overflow: auto;
        border-color: var(--err0);
        color: var(--err);
        text-align: start;
        overflow-wrap: anywhere;
        pointer-events: auto;
        user-select: text;
      }
      .tip {
        position: absolute;
        z-index: 1;
        display: grid;
        padding: 5px 8px;
        border: 1px solid var(--line1);
        border-radius: 3px;
        background: var(--bg);
        font-size: 11px;
        line-height: 16px;
        color: var(--fg2);
        white-space: nowrap;
        pointer-events: none;
      }
      .tip.pinned {
        pointer-events: auto;
        cursor: text;
        user-select: text;
        -webkit-user-select: text;
      }
      .tip b {
        color: var(--fg);
      }
      .tip .for {
        color: var(--positive);
      }
      .tip .against {
        color: var(--negative);
      }
    `,
  ];

  override render() {
    const columns = this.maps.length === 1 ? 1 : Math.ceil(Math.sqrt(this.maps.length));
    const style = { "--stage": `${this.side}px`, "--columns": String(columns) };
    const small = this.#smallSide();
    return html`${this.#window(this.input, this.side, true)}
      <div class="maps" style=${styleMap(style)}>
        ${this.maps.map((pane, index) => this.#window(pane, small, index === 0))}
      </div>
      <div class="silent" id="help">
        Arrow keys move the probe, with Shift by 10 pixels. Space paints, plus and minus zoom, 0 shows all.
      </div>
      <div class="silent" aria-live="polite">${this.spoken}</div>`;
  }

  /** Side of one map's window. */
  #smallSide(): number {
    const count = this.maps.length;
    if (count < 2) return this.side;
    const columns = Math.ceil(Math.sqrt(count));
    const rows = Math.ceil(count / columns);
    const across = (this.side - (columns - 1) * GAP) / columns;
    const down = (this.side - (rows - 1) * GAP) / rows - CAPTION;
    const room = Math.floor(Math.min(across, down));
    return room < 2 * STEP ? room : room - (room % STEP);
  }

  #frame(pane: Pane, side: number): Frame {
    const map = pane.picture && pane.attribution ? pane.attribution.shape : null;
    return { grid: finer(pane.image?.shape ?? [], map), side, pixelRatio: this.look.pixelRatio };
  }

  #sideOf(pane: Pane): number {
    return pane === this.input ? this.side : this.#smallSide();
  }

  #window(pane: Pane, side: number, stop: boolean) {
    const extent = placed(this.view, this.#frame(pane, side));
    const shows = pane.picture === null || (pane.attribution !== null && pane.error === undefined);
    const at = {
      left: `${extent.left - (extent.side - extent.width) / 2}px`,
      top: `${extent.top - (extent.side - extent.height) / 2}px`,
    };
    const classes = [
      "window",
      this.tool,
      this.view.zoom > 1 ? "zoomed" : "",
      this.#drag?.moved ? "dragging" : "",
      shows && pane.waiting !== undefined ? "stale" : "",
    ];
    const on = (act: (event: never, pane: Pane) => void) => (event: Event) => act.call(this, event as never, pane);
    return html`<figure>
      <div
        class=${classes.filter(Boolean).join(" ")}
        style="--window: ${side}px"
        role="application"
        aria-roledescription="picture"
        aria-label=${[pane.label, pane.error ?? pane.waiting ?? ""].filter(Boolean).join(", ")}
        aria-describedby="help"
        tabindex=${stop ? 0 : -1}
        data-pane=${pane.name}
        @pointerdown=${on(this.#press)}
        @pointermove=${on(this.#move)}
        @pointerup=${on(this.#release)}
        @pointercancel=${on(this.#release)}
        @pointerleave=${this.#leave}
        @dblclick=${this.#doubleClick}
        @wheel=${on(this.#wheel)}
        @keydown=${on(this.#key)}
        @focus=${() => this.#focused(pane)}
        @blur=${this.#leave}
      >
        <div class="clip">
          ${
            shows
              ? html`<attriscope-map
                    style=${styleMap(at)}
                    .image=${pane.image}
                    .attribution=${pane.attribution}
                    .picture=${pane.picture}
                    .scale=${pane.scale}
                    .look=${this.look}
                    .side=${extent.side}
                    .seen=${seenOf(extent, side)}
                    label=${pane.label}
                    data-picture=${pane.name}
                  ></attriscope-map>
                  <canvas class="top"></canvas>
                  ${pane === this.input ? html`<canvas class="hidden"></canvas>` : nothing}${this.#marks(extent)}`
              : nothing
          }
          ${this.#slot(pane, shows)}
        </div>
        ${this.#tip(pane, extent)}
      </div>
      ${
        pane.caption
          ? html`<figcaption>
              <span class="truncate" title=${pane.caption[0]}>${pane.caption[0]}</span><b>${pane.caption[1]}</b>
            </figcaption>`
          : nothing
      }
    </figure>`;
  }

  #slot({ waiting, error }: Pane, shows: boolean) {
    if (error !== undefined) return html`<div class="slot error" data-error>${error}</div>`;
    if (waiting === undefined) return nothing;
    return shows ? html`<div class="pending"><span>${waiting}</span></div>` : html`<div class="slot">${waiting}</div>`;
  }

  #marks({ left, top, width, height }: Extent) {
    const { probe, grid } = this;
    if (!probe) return nothing;
    const [stepX, stepY] = [width / grid.width, height / grid.height];
    const box = (x: number, y: number, size: number, rim: number) =>
      styleMap({
        left: `${left + x * stepX - rim}px`,
        top: `${top + y * stepY - rim}px`,
        width: `${size * stepX + 2 * rim}px`,
        height: `${size * stepY + 2 * rim}px`,
      });
    if (this.#paints && this.shape === "brush") {
      const from = Math.floor((this.size - 1) / 2);
      return html`<div class="ring" style=${box(probe.x - from, probe.y - from, this.size, 0)}></div>`;
    }
    // However small the pixel, it is seen through the mark.
    const rim = Math.max(2, (7 - Math.min(stepX, stepY)) / 2);
    return html`<div class="mark ${this.pinned ? "pinned" : ""}" style=${box(probe.x, probe.y, 1, rim)}></div>`;
  }

  /** Beside the probe, across by the same share of its own width: it never leaves the picture. */
  #tip(pane: Pane, { left, top, width, height }: Extent) {
    const { probe, ranking, grid } = this;
    if (!probe || !ranking || pane.name !== this.active || !this.#tells) return nothing;
    const side = this.#sideOf(pane);
    const i = probe.y * grid.width + probe.x;
    const x = Math.max(0, Math.min(side, left + ((probe.x + 0.5) / grid.width) * width));
    const y = top + ((probe.y + 0.5) / grid.height) * height;
    const away = height / grid.height / 2 + 8;
    const value = ranking.values[i];
    const across = `${(-x / side) * 100}%`;
    const style = {
      left: `${x}px`,
      translate: across,
      ...(y < side / 2 ? { top: `${y + away}px` } : { bottom: `${side - y + away}px` }),
    };
    return html`<div class="tip ${this.pinned ? "pinned" : ""}" style=${styleMap(style)} role="tooltip">
      <b>x ${probe.x}, y ${probe.y}</b>
      <span>attribution <b class=${value < 0 ? "against" : "for"}>${signed(value, 4, true)}</b></span>
      <span>rank ${ranking.rank(i)} of ${ranking.values.length}</span>
    </div>`;
  }

  /** Numbers stand beside the probe; not where they would hide what is painted. */
  get #tells(): boolean {
    const quiet = (this.#paints && this.#byPointer) || this.#corner !== null;
    return this.probe !== null && this.ranking !== null && this.active !== null && !this.closed && !quiet;
  }

  get #paints(): boolean {
    return this.tool === "paint" || this.tool === "erase";
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("subject")) {
      this.view = WHOLE;
      this.#drag = this.#corner = this.stroke = null;
      this.pinned = false;
      if (this.probe) this.#at(null);
    }
    // The state has caught up.
    if (changed.has("painted") && !this.#drag && !this.#corner) this.stroke = null;
    if (changed.has("tool") || changed.has("shape")) {
      if (this.#corner) this.stroke = null;
      this.#corner = null;
      this.pinned = false;
    }
    if (changed.has("ranking") || changed.has("top"))
      this.#outline = this.top > 0 ? (this.ranking?.top(this.top) ?? null) : null;
  }

  /** The top pixels. */
  #outline: Uint8Array | null = null;
  /** What was drawn into a canvas. */
  readonly #drawn = new WeakMap<HTMLCanvasElement, unknown[]>();

  override updated(): void {
    this.toggleAttribute(USES_ESCAPE, this.#corner !== null || this.#tells);
    const { painted, look } = this;
    const shown = this.#shown;
    // Most pictures lie alike in their windows, and show the same top pixels.
    const tops = new Map<string, Uint8Array>();
    for (const element of this.renderRoot.querySelectorAll<HTMLElement>(".window")) {
      const pane = [this.input, ...this.maps].find(({ name }) => name === element.dataset.pane)!;
      const side = this.#sideOf(pane);
      const extent = placed(this.view, this.#frame(pane, side));
      const [top, hidden] = element.querySelectorAll("canvas");
      const place = [look.theme, look.pixelRatio, side, ...Object.values(extent)];
      if (top && this.#isNew(top, [this.#outline, shown, ...place])) {
        const key = place.join();
        const lines = tops.get(key) ?? this.#outlined(this.#outline, extent, side, 1, shown);
        tops.set(key, lines);
        this.#draw(top, lines);
      }
      if (hidden && this.#isNew(hidden, [shown, painted, ...place])) {
        const ahead = shown === painted ? null : this.#outlined(shown, extent, side, 1, painted);
        this.#draw(hidden, this.#outlined(shown, extent, side, 2), ahead);
      }
    }
  }

  #isNew(canvas: HTMLCanvasElement, inputs: unknown[]): boolean {
    const before = this.#drawn.get(canvas);
    this.#drawn.set(canvas, inputs);
    return !before || inputs.some((input, i) => input !== before[i]);
  }

  /** As {@link outlined}, in a window of that side in CSS pixels; empty where the mask is. */
  #outlined(
    mask: Uint8Array | null,
    { left, top, width, height }: Extent,
    side: number,
    thickness: number,
    without: Uint8Array | null = null,
  ): Uint8Array {
    if (!mask || countOf(mask) === 0) return new Uint8Array();
    const ratio = this.look.pixelRatio;
    const extent = { left: left * ratio, top: top * ratio, width: width * ratio, height: height * ratio };
    const line = Math.max(1, Math.round(thickness * ratio));
    return outlined(mask, this.grid, extent, Math.round(side * ratio), line, without);
  }

  /** The outline of a mask, and another one's area, in the canvas' own text colour. */
  #draw(canvas: HTMLCanvasElement, lines: Uint8Array, area: Uint8Array | null = null): void {
    const side = Math.sqrt(lines.length);
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    if (!context || side === 0) return;
    const image = context.createImageData(side, side);
    for (let i = 0; i < lines.length; i++) image.data[4 * i + 3] = lines[i] === 2 ? 255 : area?.[i] ? 110 : 0;
    context.putImageData(image, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = getComputedStyle(canvas).color;
    context.fillRect(0, 0, side, side);
  }

  /** Nearer or farther, about the probe. */
  zoomBy(factor: number): void {
    const { probe, grid, side, input } = this;
    const frame = this.#frame(input, side);
    const { left, top, width, height } = placed(this.view, frame);
    const [x, y] = probe
      ? [left + ((probe.x + 0.5) / grid.width) * width, top + ((probe.y + 0.5) / grid.height) * height]
      : [side / 2, side / 2];
    this.view = zoomed(this.view, frame, factor, x, y);
  }

  showAll(): void {
    this.view = WHOLE;
  }

  #drag: Drag | null = null;
  /** Fingers on the windows, by pointer, as they were last: two of them zoom and move. */
  readonly #fingers = new Map<number, PointerEvent>();
  /** Where a box painted by keyboard begins. */
  #corner: Pixel | null = null;
  #byPointer = false;
  /** Where the keyboard goes on. */
  #latest: Pixel | null = null;

  #at(probe: Pixel | null, speak = false): void {
    const { grid, ranking } = this;
    if (probe?.x === this.probe?.x && probe?.y === this.probe?.y) return;
    this.probe = probe;
    this.#latest = probe ?? this.#latest;
    if (probe && speak) {
      const i = probe.y * grid.width + probe.x;
      const told = ranking ? `, ${spoken(ranking.values[i], 3)}, rank ${ranking.rank(i)}` : "";
      this.spoken = `x ${probe.x} y ${probe.y}${told}`;
    }
    this.dispatchEvent(new CustomEvent("probe", { detail: probe }));
  }

  #paint(pixels: Uint8Array, done: boolean): void {
    this.stroke = pixels;
    const detail: Stroke = { pixels, done };
    this.dispatchEvent(new CustomEvent("paint", { detail }));
  }

  /** The pixel under the pointer, which may lie outside of the picture; null far from it. */
  #pixelAt({ clientX, clientY }: PointerEvent | WheelEvent, pane: Pane, element: HTMLElement): Pixel | null {
    const box = element.getBoundingClientRect();
    const { left, top, width, height } = placed(this.view, this.#frame(pane, this.#sideOf(pane)));
    const [x, y] = [clientX - box.left - left, clientY - box.top - top];
    const near = x >= -REACH && y >= -REACH && x < width + REACH && y < height + REACH;
    if (!near && !this.#drag) return null;
    return { x: Math.floor((x / width) * this.grid.width), y: Math.floor((y / height) * this.grid.height) };
  }

  #inside({ x, y }: Pixel): Pixel {
    const { width, height } = this.grid;
    return { x: Math.max(0, Math.min(width - 1, x)), y: Math.max(0, Math.min(height - 1, y)) };
  }

  #press(event: PointerEvent, pane: Pane): void {
    const element = event.currentTarget as HTMLElement;
    if (event.pointerType === "touch") this.#fingers.set(event.pointerId, event);
    if (this.#fingers.size === 2) return this.#letGo();
    if (this.#drag || event.button > 1 || (event.target as Element).closest(".tip")) return;
    // The middle button would scroll the page.
    if (event.button === 1) event.preventDefault();
    this.#byPointer = true;
    element.setPointerCapture(event.pointerId);
    const pixel = this.#pixelAt(event, pane, element);
    const paints = this.#paints && event.button === 0 && !this.readonly && pixel !== null;
    this.#drag = {
      pane,
      start: event,
      last: event,
      moved: false,
      before: paints ? this.#shown : null,
      from: pixel ?? { x: 0, y: 0 },
      way: pixel ? [pixel] : [],
      awaited: false,
    };
    if (paints) this.#advance(this.#drag, false);
  }

  /** A second finger is no stroke and no click. */
  #letGo(): void {
    if (this.#drag?.before) this.#paint(this.#drag.before, true);
    this.#drag = null;
  }

  /** What lies between the fingers stays there. */
  #pinch(event: PointerEvent, pane: Pane): boolean {
    const before = this.#fingers.get(event.pointerId);
    if (before) this.#fingers.set(event.pointerId, event);
    const other = [...this.#fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    if (!before || !other) return false;
    const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [from, to] = [before, event].map(({ clientX, clientY }) => ({
      x: (clientX + other.clientX) / 2 - left,
      y: (clientY + other.clientY) / 2 - top,
      span: Math.max(1, Math.hypot(clientX - other.clientX, clientY - other.clientY)),
    }));
    const frame = this.#frame(pane, this.#sideOf(pane));
    const nearer = zoomed(this.view, frame, to.span / from.span, from.x, from.y);
    this.view = panned(nearer, frame, to.x - from.x, to.y - from.y);
    return true;
  }

  #move(event: PointerEvent, pane: Pane): void {
    if (this.#pinch(event, pane)) return;
    const drag = this.#drag;
    this.#byPointer = true;
    if (drag && !drag.before) return this.#pan(event, drag);
    const element = event.currentTarget as HTMLElement;
    const pixel = this.#pixelAt(event, pane, element);
    if (drag && pixel) {
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const point of passed) drag.way.push(this.#pixelAt(point, pane, element)!);
      drag.way.push(pixel);
      if (!drag.awaited) requestAnimationFrame(() => this.#drag === drag && this.#advance(drag, false));
      drag.awaited = true;
    }
    if (this.pinned) return;
    if (this.active !== pane.name) this.closed = false;
    this.active = pane.name;
    this.#at(pixel && this.#inside(pixel));
  }

  #pan(event: PointerEvent, drag: Drag): void {
    const { start, last, pane } = drag;
    drag.moved ||= Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > SLOP;
    if (!drag.moved) return;
    const frame = this.#frame(pane, this.#sideOf(pane));
    this.view = panned(this.view, frame, event.clientX - last.clientX, event.clientY - last.clientY);
    drag.last = event;
  }

  /** What has been painted up to this frame. */
  #advance(drag: Drag, done: boolean): void {
    const { grid, size, shape } = this;
    const value = this.tool === "paint" ? 1 : 0;
    const to = drag.way.at(-1)!;
    this.#paint(
      shape === "box"
        ? boxed(drag.before!, grid, [drag.from, to], value)
        : brushed(this.#shown, grid, drag.way, size, value),
      done,
    );
    drag.way = [to];
    drag.awaited = false;
  }

  #release(event: PointerEvent, pane: Pane): void {
    this.#fingers.delete(event.pointerId);
    const drag = this.#drag;
    if (!drag) return;
    if (drag.before) this.#advance(drag, true);
    else if (!drag.moved && event.type === "pointerup" && event.button === 0) this.#click(event, pane);
    this.#drag = null;
    this.requestUpdate();
  }

  #click(event: PointerEvent, pane: Pane): void {
    const element = event.currentTarget as HTMLElement;
    if (this.tool === "zoom") return this.#zoomAt(event, pane, element, event.shiftKey || event.altKey ? 0.5 : 2);
    if (this.tool !== "point") return;
    const pixel = this.#pixelAt(event, pane, element);
    const { probe } = this;
    this.active = pane.name;
    this.closed = false;
    this.#at(pixel && this.#inside(pixel));
    this.pinned = this.probe !== null && !(this.pinned && probe?.x === this.probe.x && probe.y === this.probe.y);
  }

  #zoomAt({ clientX, clientY }: PointerEvent | WheelEvent, pane: Pane, element: HTMLElement, factor: number): void {
    const { left, top } = element.getBoundingClientRect();
    this.view = zoomed(this.view, this.#frame(pane, this.#sideOf(pane)), factor, clientX - left, clientY - top);
  }

  #wheel(event: WheelEvent, pane: Pane): void {
    if (!event.ctrlKey && this.tool !== "zoom") return;
    // Zoomed out all the way, the page may scroll on.
    if (!event.ctrlKey && event.deltaY > 0 && this.view.zoom === 1) return;
    event.preventDefault();
    // Lines count for 16 px; pinching gives but a few.
    const delta = event.deltaY * (event.deltaMode === 1 ? 16 : event.ctrlKey ? 4 : 1);
    const factor = Math.exp(-Math.max(-100, Math.min(100, delta)) * WHEEL_STEP);
    this.#zoomAt(event, pane, event.currentTarget as HTMLElement, factor);
  }

  #doubleClick(): void {
    if (!this.#paints) this.view = WHOLE;
  }

  #focused(pane: Pane): void {
    if (this.#byPointer) return;
    this.active = pane.name;
    this.closed = false;
    this.#at(this.#latest ? this.#inside(this.#latest) : this.#strongest(), true);
  }

  #strongest(): Pixel {
    const { width, height } = this.grid;
    const [first] = this.ranking?.first(1) ?? [];
    const i = first ?? Math.floor(height / 2) * width + Math.floor(width / 2);
    return { x: i % width, y: Math.floor(i / width) };
  }

  #leave(event: Event): void {
    const byPointer = event.type === "pointerleave";
    if (this.#drag || this.pinned || byPointer !== this.#byPointer) return;
    this.active = null;
    this.#byPointer = false;
    this.#at(null);
  }

  #key(event: KeyboardEvent, pane: Pane): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, shiftKey } = event;
    if (key in ARROWS) {
      const [dx, dy] = ARROWS[key].map((step) => step * (shiftKey ? 10 : 1));
      const from = this.probe ?? this.#latest ?? this.#strongest();
      this.#step(this.#inside({ x: from.x + dx, y: from.y + dy }), pane);
    } else if (key === " ") this.#stamp();
    else if (key === "Escape") {
      // Anything of ours goes first; the notebook has the next one.
      if (!this.#close()) return;
      event.stopPropagation();
    } else return;
    event.preventDefault();
  }

  #step(pixel: Pixel, pane: Pane): void {
    const { width, height } = this.grid;
    this.#byPointer = this.pinned = this.closed = false;
    this.active = pane.name;
    this.#at(pixel, true);
    const frame = this.#frame(pane, this.#sideOf(pane));
    this.view = showing(this.view, frame, (pixel.x + 0.5) / width, (pixel.y + 0.5) / height);
    if (this.#corner) this.stroke = boxed(this.painted, this.grid, [this.#corner, pixel], this.#value);
  }

  /** Point and zoom paint, too: whoever has no pointer need not change the tool. */
  get #value(): 0 | 1 {
    return this.tool === "erase" ? 0 : 1;
  }

  /** The brush at the probe; of a box, its first corner and then all of it. */
  #stamp(): void {
    const { probe, grid, size } = this;
    if (!probe || this.readonly) return;
    if (this.shape === "brush") return this.#paint(brushed(this.#shown, grid, [probe], size, this.#value), true);
    const corner = this.#corner;
    this.#corner = corner ? null : probe;
    const pixels = boxed(this.painted, grid, [corner ?? probe, probe], this.#value);
    if (corner) this.#paint(pixels, true);
    else this.stroke = pixels;
  }

  /** Lets go of a box or of the numbers beside the probe, if there are any. */
  #close(): boolean {
    if (this.#corner) this.#corner = this.stroke = null;
    else if (this.#tells) {
      this.closed = true;
      this.pinned = false;
    } else return false;
    return true;
  }

  get #shown(): Uint8Array {
    return this.stroke ?? this.painted;
  }
}
