/** What the figures of all views are put together from: colours, marks, legend, caption, curves. */
import { RAMP_ENDS, shareOf, spanOf } from "../derived";
import type { Attribution, Faithfulness, State } from "../state";
import { signColours } from "../styles/colormaps";
import { LUT_HALF, type RGB, type Theme } from "../styles/style";
import { drawn, type Look, type Picture } from "./picture";
import { dataUrl, pngOf } from "./png";
import type { Explained } from "./shown";
import {
  at,
  FONT,
  fitted,
  node,
  path,
  rect,
  type Run,
  rounded,
  SPARE,
  type SvgNode,
  text,
  widthOf,
  wrapped,
} from "./svg";

/** Of 96 to the inch. */
export const MARGIN = 12;
export const SIDE = 96;
export const GAP = 4;

// -- colours ---------------------------------------------------------------------------------------------------------------

/** As in `elements/tokens.ts`, mixed: figures stand where no token reaches. */
const LIGHT = {
  text: "#212121",
  quiet: "#707070",
  line: "#e0e0e0",
  strong: "#bdbdbd",
  track: "#ebebeb",
  bar: "#a2a2a2",
  accent: "#1976d2",
  target: "#1a6ab9",
  correct: "#388e3c",
  incorrect: "#d32f2f",
  warning: "#a4590d",
};
const DARK: typeof LIGHT = {
  text: "#e2e2e2",
  quiet: "#a0a0a0",
  line: "#424242",
  strong: "#616161",
  track: "#323232",
  bar: "#727272",
  accent: "#2196f3",
  target: "#3ca1f1",
  correct: "#4caf50",
  incorrect: "#f44336",
  warning: "#f4b456",
};

export type Inks = typeof LIGHT & { page: string; positive: string; negative: string };

const rgb = (colour: RGB): string => `rgb(${colour.map(Math.round).join(",")})`;

export function inksOf({ theme, display }: Look): Inks {
  const { positive, negative } = signColours(display.cmap, theme);
  const own = { page: rgb(theme.background), positive: rgb(positive), negative: rgb(negative) };
  return { ...(theme.dark ? DARK : LIGHT), ...own };
}

export const PAPER: Theme = { dark: false, background: [255, 255, 255] };

// -- marks -----------------------------------------------------------------------------------------------------------------

/** In boxes of 10, by their upper left corner. */
export const check = (x: number, y: number, { correct }: Inks): SvgNode =>
  at(x, y, path("M1.2 5.3 3.9 8 8.8 2.2", correct, 2));
export const cross = (x: number, y: number, { incorrect }: Inks): SvgNode =>
  at(x, y, path("M1.8 1.8 8.2 8.2M8.2 1.8 1.8 8.2", incorrect, 2));
export const bullseye = (x: number, y: number, { accent }: Inks): SvgNode =>
  at(
    x,
    y,
    node("circle", { cx: 5, cy: 5, r: 4.25, fill: "none", stroke: accent, "stroke-width": 1.5 }),
    node("circle", { cx: 5, cy: 5, r: 1.6, fill: accent }),
  );
export const alert = (x: number, y: number, { warning }: Inks): SvgNode =>
  at(x, y, path("M5 1.1 9.3 8.9H.7ZM5 3.8v2.5M5 7v.9", warning, 1));

export const verdict = (x: number, y: number, correct: boolean | null, inks: Inks): SvgNode[] =>
  correct === null ? [] : [(correct ? check : cross)(x, y, inks)];

export const caps = (x: number, y: number, words: string, { quiet }: Inks, anchor?: "end"): SvgNode => {
  const look = { fill: quiet, "font-size": 10, "font-weight": 600, "letter-spacing": 0.6, "text-anchor": anchor };
  return node("text", { x, y, ...look }, words.toUpperCase());
};

/** The place of a picture that is not there, and why. */
export function slot(x: number, y: number, width: number, height: number, words: string, inks: Inks): SvgNode[] {
  const lines = wrapped(words, width - 12, 11).slice(0, Math.max(1, Math.floor((height - 8) / 14)));
  const top = y + height / 2 - (lines.length * 14) / 2 + 10.5;
  const dashes = { "stroke-dasharray": "3 3" };
  return [
    path(`M${x + 0.5} ${y + 0.5}h${width - 1}v${height - 1}h${1 - width}z`, inks.strong, 1, dashes),
    ...lines.map((line, i) =>
      text(x + width / 2, top + i * 14, [{ text: line, fill: inks.quiet, size: 11 }], "middle"),
    ),
  ];
}

export const picture = async (
  x: number,
  y: number,
  one: Picture,
  look: Look,
  inks: Inks,
  side = SIDE,
): Promise<SvgNode> => at(x, y, await drawn(one, look, side, inks.strong));

/** Which class is explained, in so much room; `y` is the line's. */
export function explaining(x: number, y: number, name: string | null, room: number, inks: Inks): SvgNode[] {
  if (name === null) return [];
  const runs: Run[] = [
    { text: "explaining", fill: inks.quiet, size: 11 },
    { text: fitted(name, room - 92, 12, true), fill: inks.target, bold: true, gap: 6 },
  ];
  return [bullseye(x, y - 9, inks), text(x + 14, y, runs)];
}

// -- text ------------------------------------------------------------------------------------------------------------------

/** What does not change the result. */
const UNSAID = ["perturbations_per_eval"];

/** "Integrated Gradients (n_steps = 25, method = gausslegendre) · baseline zero": Captum's names, for a caption. */
export function methodInWords({ method, arguments: args, baseline, model }: Explained, state: State): string {
  const said = Object.entries(args).filter(([name, value]) => value !== null && !UNSAID.includes(name));
  const given = said.map(
    ([name, value]) => `${name} = ${Array.isArray(value) ? JSON.stringify(value) : String(value)}`,
  );
  const uses = state.methods.find(({ name }) => name === method)?.baselines ?? "none";
  const from = { none: "", one: ` · baseline ${state.baselines[baseline] ?? "zero"}`, all: " · all baselines", several: " · all baselines" }; // prettier-ignore
  const of = state.models.length > 1 ? ` · model ${state.models[model]}` : "";
  return `${method}${given.length > 0 ? ` (${given.join(", ")})` : ""}${from[uses]}${of}`;
}

// -- the lines below -------------------------------------------------------------------------------------------------------

/** Its width, what its words take on each side, and the height of all. */
const [RAMP, WORDS, LEGEND] = [161, 96, 33];

/** The two colours of bars and what they mean, ending at `right`. */
function swatches(right: number, y: number, { display: { sign } }: Look, inks: Inks): SvgNode[] {
  let x = right;
  return [...RAMP_ENDS[sign].words].reverse().flatMap((words, i) => {
    if (words === "") return [];
    const isAgainst = sign === "negative" || (sign === "signed" && i === 1);
    const start = x - widthOf(words, 11) * SPARE;
    x = start - 18 - 16;
    return [
      rect(start - 18, y + 7, 12, 8, isAgainst ? inks.negative : inks.positive),
      text(start, y + 15, [{ text: words, fill: inks.quiet, size: 11 }]),
    ];
  });
}

/** The colours and what they mean, 33 high, ending at `right`. */
export async function legend(right: number, y: number, look: Look, inks: Inks): Promise<SvgNode[]> {
  const { words, ticks } = RAMP_ENDS[look.display.sign];
  const from = ticks.length > 2 ? 0 : LUT_HALF;
  const colours = 2 * LUT_HALF + 1 - from;
  const strip = new Uint8ClampedArray(colours * 4).map((_, i) =>
    i % 4 === 3 ? 255 : look.ramp.lut[(from + Math.floor(i / 4)) * 3 + (i % 4)],
  );
  const href = dataUrl(await pngOf({ data: strip, width: colours, height: 1 }));
  const quiet = (content: string, size: number): Run[] => [{ text: content, fill: inks.quiet, size }];
  const end = right - widthOf(words[1], 11) * SPARE - 8;
  const start = end - RAMP;
  return [
    text(start - 8, y + 15, quiet(words[0], 11), "end"),
    node("image", { x: start, y: y + 7, width: RAMP, height: 8, href, preserveAspectRatio: "none" }),
    path(`M${rounded(start - 0.5)} ${y + 6.5}h${RAMP + 1}v9h${-RAMP - 1}z`, inks.strong, 0.5),
    ...ticks.map((tick, i) => {
      const anchor = i === 0 ? "start" : i === ticks.length - 1 ? "end" : "middle";
      return text(start + (RAMP * i) / (ticks.length - 1), y + 27, quiet(tick, 10), anchor);
    }),
    text(end + 8, y + 15, quiet(words[1], 11)),
  ];
}

/**
 * What is shown, beside the legend or above it, and how high that is.
 * @param flat bars alone are shown, which have one colour for each sign
 */
export async function caption(words: string, y: number, width: number, look: Look, inks: Inks, flat = false) {
  const room = RAMP + 2 * WORDS + MARGIN;
  const beside = width >= 2 * room;
  const lines = wrapped(words, width - 2 * MARGIN - (beside ? room : 0), 11);
  const height = lines.length * 16;
  const nodes = [
    path(`M0 ${y + 0.5}H${width}`, inks.line),
    ...lines.map((line, i) => text(MARGIN, y + 19 + i * 16, [{ text: line, fill: inks.quiet, size: 11 }])),
    ...(await (flat ? swatches : legend)(width - MARGIN, beside ? y + 4 : y + 8 + height, look, inks)),
  ];
  return { nodes, height: 8 + (beside ? Math.max(height + 4, LEGEND) : height + LEGEND) };
}

// -- numbers ---------------------------------------------------------------------------------------------------------------

/** What speaks against and for as a bar around zero, the net as a dot; 20 high. */
export function shareBar(
  x: number,
  y: number,
  width: number,
  { positive, negative, share }: Attribution,
  whole: number,
  inks: Inks,
): SvgNode[] {
  const middle = x + width / 2;
  const part = (value: number): number => (whole > 0 ? (Math.abs(value) / whole) * (width / 2) : 0);
  return [
    rect(middle - part(negative), y + 7, part(negative), 6, inks.negative),
    rect(middle, y + 7, part(positive), 6, inks.positive),
    rect(middle - 0.5, y + 4, 1, 12, inks.quiet),
    ...(whole > 0
      ? [node("circle", { cx: middle + share * (width / 2), cy: y + 10, r: 3.5, fill: inks.text, stroke: inks.page, "stroke-width": 1.5 })] // prettier-ignore
      : []),
  ];
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Deletion solid, insertion dashed; `top` is where a score lies. */
export function curves({ x, y, width, height }: Box, { deletion, insertion }: Faithfulness, inks: Inks) {
  const span = spanOf([...deletion, ...insertion]);
  const [low, high] = span;
  const top = (value: number): number => y + height * (1 - shareOf(span, value));
  const line = (curve: Float32Array): string =>
    Array.from(curve, (value, k) => `${rounded(x + (k / (curve.length - 1)) * width)} ${rounded(top(value))}`).join(
      "L",
    );
  const zero = rounded(top(0));
  const round = { "stroke-linejoin": "round" };
  const lines = [
    path(`M${line(insertion)}`, inks.quiet, 1.2, { "stroke-dasharray": "3 2", ...round }),
    path(`M${line(deletion)}`, inks.text, 1.2, round),
  ];
  const d = `M${x} ${zero}L${line(deletion)}L${x + width} ${zero}Z`;
  return { low, high, top, lines, area: node("path", { d, fill: inks.track }) };
}

// -- the whole -------------------------------------------------------------------------------------------------------------

export function sheet(title: string, width: number, height: number, inks: Inks, children: SvgNode[]): SvgNode {
  return node(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width,
      height,
      viewBox: `0 0 ${rounded(width)} ${rounded(height)}`,
      "font-family": FONT,
      "font-size": 12,
      style: "font-variant-numeric:tabular-nums",
    },
    node("title", {}, title),
    rect(0, 0, width, height, inks.page),
    ...children,
  );
}
