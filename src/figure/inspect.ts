/** One sample large as a figure: what it holds and its explanation, what changes when some is hidden, how faithful that is. */
import {
  channelNames,
  isDeltaHigh,
  nameOf,
  picturesOf,
  predictedBy,
  Ranking,
  said,
  shareOf,
  spanOf,
  triedInWords,
  valueAt,
} from "../derived";
import { percent, score, signed, tick } from "../format";
import { imageOf, inView, itemsOf, maskOfItems, scaleInWords, shownAs, takenUnitOf, UNITS } from "../items";
import type { Attribution, Card, Faithfulness, Inspection, State, Trial } from "../state";
import { heatMap } from "../styles/heat-map";
import { rasterSize } from "../styles/raster";
import type { FeatureSpec, Items } from "../wire";
import { type Block, rowBlock, textBlock } from "./items";
import { alert, type Box,  caption, caps, curves, explaining, type Inks, inksOf, MARGIN, methodInWords, picture, SIDE, sheet, slot, verdict } from "./parts"; // prettier-ignore
import { frameOf, type Look, scaleOf, sizeOf } from "./picture";
import { explained, settled } from "./shown";
import { at, fitted, node, path, rect, type Run, rounded, type SvgNode, text, widthOf } from "./svg";

/** Of a picture, what stands above it, and what the panel beside it holds. */
const [WINDOW, TOP, INNER] = [448, 40, 339];
const ROWS = 6;
const GAP = 12;
/** Beside the panel: two pictures, or a text or row. */
const [PICTURES, ITEMS] = [2 * WINDOW + GAP, 652];
/** Where the two parts of the panel begin to say how it ends, and the second one itself; its own heights. */
const [VERDICT, SECOND] = [TOP + 178, TOP + 196];
const [PLOT, CHART, PREVIEWS] = [44, 92, 172];
/** Of a preview with tokens or values. */
const LINES = 5;

/** What is in view; -1 and null where nothing is shown. */
interface Shown {
  feature: number;
  spec: FeatureSpec | null;
  /** Null: it is a picture. */
  items: Items | null;
}

export async function inspectFigure(state: State, look: Look): Promise<SvgNode> {
  const inks = inksOf(look);
  const { inspection, features, choice } = state;
  const feature = inView(features, choice.inspect.feature);
  const spec = features[feature] ?? null;
  const items = inspection && itemsOf(inspection.card.sample, feature);
  const left = spec?.kind === "image" ? PICTURES : ITEMS;
  const panel = MARGIN + left + MARGIN;
  const width = panel + MARGIN + INNER + MARGIN;
  if (!inspection) return sheet("Attriscope", width, TOP, inks, []);
  const shown: Shown = { feature, spec, items };
  const [one] = explained(state);
  const { top } = choice.inspect;
  const words = [
    methodInWords(one, state),
    scaleInWords(spec ? [spec] : [], look.display.clip),
    top > 0 && spec ? markedInWords(top, spec) : "",
    triedInWords(state, inspection),
  ];
  const content = items
    ? listed(inspection, state, { ...shown, items }, look, inks)
    : spec
      ? { nodes: await windows(inspection, state, feature, look, inks), height: WINDOW }
      : { nodes: slot(MARGIN, TOP, ITEMS, 96, "the input is not shown", inks), height: 96 };
  const trials = await faithfulness(inspection, state, shown, look, inks);
  const whole = Math.max(TOP + content.height + 28, SECOND + trials.height + 12);
  const below = await caption(words.filter(Boolean).join(" · "), whole, width, look, inks, spec?.kind === "general");
  return sheet(`Attriscope: sample ${inspection.card.sample.id}`, width, whole + below.height, inks, [
    ...head(inspection.card, state, left, inks),
    ...content.nodes,
    ...delta(inspection.card, MARGIN + left, TOP + content.height, inks),
    path(`M${panel - 0.5} 0V${whole}`, inks.line),
    at(panel + MARGIN, 0, ...whatIf(inspection, state, inks)),
    at(panel + MARGIN, SECOND, ...trials.nodes),
    ...below.nodes,
  ]);
}

const markedInWords = (top: number, { kind }: FeatureSpec): string =>
  `${kind === "general" ? "bold" : "outlined"}: the ${top === 1 ? "" : `${top} `}strongest ${UNITS[kind]}${top === 1 ? "" : "s"}`;

function head(card: Card, { classes }: State, width: number, inks: Inks): SvgNode[] {
  const id = `#${card.sample.id}`;
  const truth = nameOf(card, classes, card.sample.label);
  const target = nameOf(card, classes, card.target);
  const start = MARGIN + Math.max(32, widthOf(id, 12) + 8);
  const mark = truth !== null && card.correct !== null ? 14 : 0;
  const room = width === PICTURES ? WINDOW : (width - GAP) / 2;
  const name = truth === null ? "" : fitted(truth, room - start - mark, 12, true);
  return [
    text(MARGIN, 26, [{ text: id, fill: inks.quiet }]),
    ...(mark ? verdict(start, 17, card.correct, inks) : []),
    text(start + mark, 26, [{ text: name, fill: inks.text, bold: true }]),
    ...explaining(MARGIN + room + GAP, 26, target, room, inks),
  ];
}

/** Why there is no map, in the place of one. */
const absent = (card: Card): string =>
  card.error ??
  card.sample.error ??
  (card.status === "ready" ? "no map" : card.status === "running" ? percent(card.done) : "queued");

// -- texts and rows --------------------------------------------------------------------------------------------------------

/** The tokens or values with their scores, and what was tried with them. */
function listed(
  { card, painted, edited }: Inspection,
  state: State,
  { feature, spec, items }: Shown & { items: Items },
  look: Look,
  inks: Inks,
): Block {
  const { shape, data } = card.sample.inputs[feature];
  const attribution = settled(card)?.attributions[feature] ?? null;
  const hidden = maskOfItems(painted, items.length);
  const one = { items, shape, attribution, hidden, top: state.choice.inspect.top };
  const numbers = Array.from(data as ArrayLike<number>, Number);
  const inputs = edited.size > 0 || items.some((item, i) => shownAs(item) !== shownAs(numbers[i])) ? numbers : null;
  const { nodes, height } =
    spec!.kind === "text"
      ? textBlock(one, ITEMS, look, inks)
      : rowBlock({ ...one, categories: spec!.categories, inputs, edited }, ITEMS, look, inks);
  const why = attribution
    ? []
    : [text(MARGIN, TOP + height + 18, [{ text: absent(card), fill: inks.quiet, size: 11 }])];
  return { nodes: [at(MARGIN, TOP, ...nodes), ...why], height };
}

// -- the pictures ----------------------------------------------------------------------------------------------------------

/** The input as the model is asked about it, and its map, or one for each channel. */
async function windows(inspection: Inspection, state: State, feature: number, look: Look, inks: Inks) {
  const { card, after, painted } = inspection;
  const { inspect } = state.choice;
  const own = imageOf(card.sample, feature);
  const image = after?.picture ?? own;
  const attribution = settled(card)?.attributions[feature] ?? null;
  const ranking = attribution && new Ranking(attribution, inspection, look.display.sign);
  const outline = ranking?.top(inspect.top).map((pixel, i) => (painted[i] ? 0 : pixel)) ?? new Uint8Array();
  const left = MARGIN + WINDOW + GAP;
  /** Outlines over a picture of that size. */
  const over = (x: number, y: number, side: number, size: { width: number; height: number }): SvgNode => {
    const frame = frameOf(size, side);
    const lines = (mask: Uint8Array) => edges(mask, inspection, frame);
    return at(
      x,
      y,
      path(lines(outline), look.theme.dark ? "#fff" : "#000", 1, { "stroke-opacity": 0.7 }),
      path(lines(painted), inks.accent, 2),
    );
  };
  const input = [
    await picture(MARGIN, TOP, { image }, look, inks, WINDOW),
    over(MARGIN, TOP, WINDOW, sizeOf({ image })),
  ];
  if (!attribution) return [...input, ...slot(left, TOP, WINDOW, WINDOW, absent(card), inks)];
  const style = picturesOf(look.display.style).at(-1) ?? heatMap;
  const maps = inspect.channels === "apart" ? channels(attribution) : [];
  if (maps.length < 2) {
    const one = { image: own, attribution, style };
    return [...input, await picture(left, TOP, one, look, inks, WINDOW), over(left, TOP, WINDOW, sizeOf(one))];
  }
  const scale = scaleOf({ ...attribution, shape: tall(attribution) }, look.display.sign, look.display.clip);
  const all = [...maps, { name: "sum", map: attribution }];
  const across = Math.ceil(Math.sqrt(all.length));
  const side = (WINDOW - (across - 1) * 8) / across - 16;
  const nodes = all.map(async ({ name, map }, i) => {
    const [x, y] = [left + (i % across) * (side + 24), TOP + Math.floor(i / across) * (side + 24)];
    const one = { image: own, attribution: map, style, scale };
    return [
      await picture(x, y, one, look, inks, side),
      over(x, y, side, sizeOf(one)),
      text(x, y + side + 13, [{ text: name, fill: inks.quiet, size: 11 }]),
    ];
  });
  return [...input, ...(await Promise.all(nodes)).flat()];
}

/** So many can be told apart. */
const MAX_CHANNELS = 15;

function channels(attribution: Attribution): { name: string; map: Attribution }[] {
  const { width, height } = rasterSize(attribution.shape);
  const size = width * height;
  const count = attribution.values.length / size;
  const names = channelNames(count);
  return Array.from({ length: Math.min(count, MAX_CHANNELS) }, (_, c) => ({
    name: names[c],
    map: { ...attribution, values: attribution.values.slice(c * size, (c + 1) * size), shape: [1, height, width] },
  }));
}

/** All channels below each other: they are scaled together. */
const tall = ({ values, shape }: Attribution): number[] => {
  const { width } = rasterSize(shape);
  return [values.length / width, width];
};

/** The borders of a mask's regions, laid over a frame: runs of edges between a pixel that is in it and one that is not. */
export function edges(
  mask: Uint8Array,
  { width, height }: { width: number; height: number },
  frame: ReturnType<typeof frameOf>,
): string {
  const inside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] > 0;
  const [stepX, stepY] = [frame.width / width, frame.height / height];
  const lines: string[] = [];
  const along = (count: number, isEdge: (i: number) => boolean, draw: (from: number, to: number) => string): void => {
    for (let i = 0; i < count; i++) {
      if (!isEdge(i)) continue;
      const from = i;
      while (i + 1 < count && isEdge(i + 1)) i++;
      lines.push(draw(from, i + 1));
    }
  };
  if (!mask.some((pixel) => pixel > 0)) return "";
  for (let y = 0; y <= height; y++)
    along(
      width,
      (x) => inside(x, y - 1) !== inside(x, y),
      (from, to) =>
        `M${rounded(frame.x + from * stepX)} ${rounded(frame.y + y * stepY)}h${rounded((to - from) * stepX)}`,
    );
  for (let x = 0; x <= width; x++)
    along(
      height,
      (y) => inside(x - 1, y) !== inside(x, y),
      (from, to) =>
        `M${rounded(frame.x + x * stepX)} ${rounded(frame.y + from * stepY)}v${rounded((to - from) * stepY)}`,
    );
  return lines.join("");
}

function delta(card: Card, right: number, y: number, inks: Inks): SvgNode[] {
  const result = settled(card);
  if (!result || result.delta === null) return [];
  const high = isDeltaHigh(result);
  const words = `Δ ${signed(result.delta, 3, high)}`;
  return [
    ...(high ? [alert(right - 10, y + 9, inks)] : []),
    text(high ? right - 14 : right, y + 18, [{ text: words, fill: high ? inks.warning : inks.quiet, size: 11 }], "end"),
  ];
}

// -- the panel -------------------------------------------------------------------------------------------------------------

function whatIf(inspection: Inspection, state: State, inks: Inks): SvgNode[] {
  const { card, after } = inspection;
  const { model, classes } = state;
  const tried = triedInWords(state, inspection) || "nothing is changed";
  const rows = said(card, model, after?.scores ?? null, ROWS);
  const span = spanOf(rows.flatMap(({ before, after: then }) => [before, then ?? before]));
  const names = classes.some(({ length }) => length > 9) ? 104 : 72;
  const track = INNER - names - 168;
  const winner = Math.max(...rows.map(({ after: then }) => then ?? -Infinity));
  const [before, arrow, now, change] = [names + track + 44, names + track + 56, names + track + 106, INNER];
  const column = (x: number, y: number, words: string, fill: string, bold = false): SvgNode =>
    text(x, y, [{ text: words, fill, bold }], "end");
  return [
    caps(0, 26, "What if", inks),
    text(60, 26, [{ text: fitted(tried, INNER - 60, 11), fill: inks.quiet, size: 11 }]),
    column(before, TOP + 10, "before", inks.quiet),
    ...(after ? [column(now, TOP + 10, "after", inks.text, true)] : []),
    ...rows.flatMap((row, i) => {
      const y = TOP + 18 + i * 24;
      const chosen = row.index === card.target;
      const fill = chosen ? inks.target : inks.text;
      return [
        text(0, y + 16, [{ text: fitted(row.label, names - 6, 12, chosen), fill, bold: chosen }]),
        rect(names, y + 8, track, 9, inks.track),
        rect(names, y + 8, Math.max(1, track * shareOf(span, row.before)), 4, inks.bar),
        ...(row.after === null
          ? []
          : [rect(names, y + 12, Math.max(1, track * shareOf(span, row.after)), 5, inks.accent)]),
        column(before, y + 16, score(row.before), row.after === null ? inks.text : inks.quiet),
        ...(row.after === null
          ? []
          : [
              column(arrow + 4, y + 16, "→", inks.quiet),
              column(now, y + 16, score(row.after), inks.text, rows.length > 1 && row.after === winner),
              column(change, y + 16, signed(row.after - row.before, 3), inks.text),
            ]),
      ];
    }),
    ...changeOf(card, after, inks),
  ];
}

function changeOf(card: Card, after: Trial | null, inks: Inks): SvgNode[] {
  const now = after?.scores && predictedBy(card, after.scores);
  const [before] = card.predictions;
  if (!now || !before) return [];
  const stays = now.index === before.index;
  const plain = (words: string, gap = 4): Run => ({ text: words, fill: inks.text, gap });
  const name = (label: string): Run => ({ text: fitted(label, 88, 12, true), fill: inks.text, bold: true, gap: 4 });
  const runs = stays
    ? [plain("Prediction stays", 0), name(now.label)]
    : [plain("Prediction changes:", 0), name(before.label), plain("→"), name(now.label)];
  const correct = card.sample.label === null ? null : now.index === card.sample.label;
  return [...verdict(0, VERDICT - 9, correct, inks), text(correct === null ? 0 : 14, VERDICT, runs)];
}

async function faithfulness(
  inspection: Inspection,
  state: State,
  shown: Shown,
  look: Look,
  inks: Inks,
): Promise<Block> {
  const { card } = inspection;
  const measured = settled(card)?.faithfulness ?? null;
  const { at: share } = state.choice.inspect;
  const target = nameOf(card, state.classes, card.target);
  const auc = (name: "deletion" | "insertion"): string => (measured ? score(measured.auc[name]) : "–");
  const plot = { x: 28, y: PLOT, width: INNER - 30, height: CHART };
  const about = target === null ? "output" : fitted(`score of ${target}`, INNER, 10);
  const unit = takenUnitOf(state.features, card.sample);
  const previews = shown.items
    ? listedPreviews(inspection, state, { ...shown, items: shown.items }, look, inks)
    : await picturedPreviews(inspection, state, look, inks);
  const nodes = [
    path(`M0 -0.5H${INNER}`, inks.line),
    caps(0, 20, "Faithfulness", inks),
    ...keys(100, 20, [auc("deletion"), auc("insertion")], inks),
    text(0, 36, [{ text: about, fill: inks.quiet, size: 10 }]),
    ...chart(plot, measured, share, unit, inks),
    at(0, PREVIEWS, ...previews.nodes),
  ];
  return { nodes, height: PREVIEWS + previews.height };
}

/** What the model says of a trial. */
function says(trial: Trial | null, { target }: Card): string {
  const value = trial?.scores?.[target ?? 0];
  return value === undefined ? "–" : score(value);
}

const removed = ({ choice }: State): string => `${(choice.inspect.at * 100).toFixed(1)} %`;

/** Two pictures, and beside them what the model says of these. */
async function picturedPreviews(
  { card, deleted, inserted }: Inspection,
  state: State,
  look: Look,
  inks: Inks,
): Promise<Block> {
  const quiet = (words: string, size = 11): Run => ({ text: words, fill: inks.quiet, size });
  const trial = async (one: Trial | null, name: string, x: number) => [
    ...(one?.picture
      ? [await picture(x, 0, { image: one.picture }, look, inks)]
      : slot(x, 0, SIDE, SIDE, one ? "not shown" : "not computed", inks)),
    text(x, SIDE + 13, [quiet(name, 10)]),
  ];
  const figures = 2 * (SIDE + GAP);
  const row = (y: number, name: string, value: string): SvgNode[] => [
    text(figures, y, [quiet(name)]),
    text(INNER, y, [{ text: value, fill: inks.text, size: 11 }], "end"),
  ];
  const nodes = [
    ...(await trial(deleted, "deleted", 0)),
    ...(await trial(inserted, "inserted", SIDE + GAP)),
    text(figures, 12, [{ text: removed(state), fill: inks.text, bold: true }]),
    text(figures, 28, [quiet(`of the ${takenUnitOf(state.features, card.sample)}s`)]),
    ...row(52, "deleted", says(deleted, card)),
    ...row(72, "inserted", says(inserted, card)),
  ];
  return { nodes, height: SIDE + 12 };
}

/** Two texts or rows, and below them what the model says of these. */
function listedPreviews(
  { card, deleted, inserted }: Inspection,
  state: State,
  { feature, spec, items }: Shown & { items: Items },
  look: Look,
  inks: Inks,
): Block {
  const width = (INNER - GAP) / 2;
  const { shape } = card.sample.inputs[feature];
  const attribution = settled(card)?.attributions[feature] ?? null;
  const { kind, categories } = spec!;
  const block = ({ hidden }: Trial): Block => {
    const one = { items, shape, hidden: maskOfItems(hidden, items.length), small: true };
    return kind === "text"
      ? textBlock(one, width, look, inks, LINES)
      : rowBlock({ ...one, attribution, categories, most: LINES }, width, look, inks);
  };
  const blocks = [deleted, inserted].map((trial) =>
    trial ? block(trial) : { nodes: slot(0, 0, width, SIDE, "not computed", inks), height: SIDE },
  );
  const foot = Math.max(...blocks.map(({ height }) => height));
  const nodes = ["deleted", "inserted"].flatMap((name, i) => {
    const x = i * (width + GAP);
    return [
      at(x, 0, ...blocks[i].nodes),
      text(x, foot + 17, [{ text: name, fill: inks.quiet, size: 11 }]),
      text(x + width, foot + 17, [{ text: says([deleted, inserted][i], card), fill: inks.text, size: 11 }], "end"),
    ];
  });
  const runs: Run[] = [
    { text: removed(state), fill: inks.text, bold: true },
    { text: `of the ${takenUnitOf(state.features, card.sample)}s`, fill: inks.quiet, size: 11, gap: 6 },
  ];
  return { nodes: [...nodes, text(0, foot + 40, runs)], height: foot + 44 };
}

/** What the two lines are, and the areas under them. */
const keys = (x: number, y: number, areas: string[], inks: Inks): SvgNode[] =>
  ["deletion", "insertion"].flatMap((name, i) => {
    const start = x + i * 120;
    const [stroke, dashes] = i ? [inks.quiet, { "stroke-dasharray": "3 2" }] : [inks.text, {}];
    const runs: Run[] = [
      { text: name, fill: inks.quiet, size: 11 },
      { text: areas[i], fill: inks.text, size: 11, gap: 4 },
    ];
    return [path(`M${start} ${y - 3.5}h16`, stroke, 1.2, dashes), text(start + 20, y, runs)];
  });

/** The curves with their axes and the scrubber. */
function chart(box: Box, measured: Faithfulness | null, share: number, unit: string, inks: Inks): SvgNode[] {
  const { x, y, width, height } = box;
  const { low, high, top, lines } = measured ? curves(box, measured, inks) : { low: 0, high: 1, top: null, lines: [] };
  const label = (words: string): Run[] => [{ text: words, fill: inks.quiet, size: 10 }];
  const place = x + share * width;
  const handle = (value: number): SvgNode =>
    node("circle", { cx: place, cy: value, r: 3.5, fill: inks.page, stroke: inks.accent, "stroke-width": 1.5 });
  return [
    ...[0, 0.5, 1].flatMap((part) => [
      path(`M${x} ${rounded(y + part * height)}h${width}`, inks.line),
      text(x - 8, y + part * height + 3.5, label(tick(high + (low - high) * part)), "end"),
    ]),
    ...[0, 25, 50, 75, 100].map((part) => {
      const anchor = part === 0 ? "start" : part === 100 ? "end" : "middle";
      return text(x + (part / 100) * width, y + height + 14, label(part === 100 ? "100 %" : String(part)), anchor);
    }),
    text(x + width / 2, y + height + 28, label(`${unit}s removed or revealed, most important first`), "middle"),
    ...lines,
    ...(measured && top
      ? [
          path(`M${rounded(place)} ${y - 4}v${height + 4}`, inks.accent),
          handle(top(valueAt(measured.insertion, share))),
          handle(top(valueAt(measured.deletion, share))),
        ]
      : []),
  ];
}
