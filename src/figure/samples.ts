/** The cards of a page of samples as a figure. */
import { isDeltaHigh, itemRanking, nameOf, picturesOf, shareOf, shownPredictions, spanOf } from "../derived";
import { percent, plural, score, signed } from "../format";
import { imageOf, isWide, itemsOf, scaleInWords, shownAs } from "../items";
import type { Card, State } from "../state";
import type { FeatureSpec } from "../wire";
import { type Block, rowBlock, textBlock } from "./items";
import { alert,  caps, caption, explaining, GAP, type Inks, inksOf, MARGIN, methodInWords, picture, shareBar, SIDE, sheet, slot, verdict } from "./parts"; // prettier-ignore
import type { Look } from "./picture";
import { type Explained, explained } from "./shown";
import { at, fitted, path, rect, type Run, SPARE, type SvgNode, text, widthOf } from "./svg";

const [WIDTH, HEADS, ROW, PREDICTIONS] = [520, 24, 20, 4];
/** Of a card with texts or rows: the width of all, and where the predictions' panel begins. */
const [WIDE, PANEL] = [1040, 775];
/** Most values of a row, and strongest tokens of a text that are told. */
const [VALUES, TOLD] = [8, 4];
/** Height of a message. */
const ERROR = 40;

/** Class names with more letters get more room, and the bars less. */
const LONG_NAME = 7;

export async function samplesFigure(state: State, look: Look): Promise<SvgNode> {
  const inks = inksOf(look);
  const [one] = explained(state);
  const words = [
    ...(one ? [methodInWords(one, state)] : []),
    scaleInWords(state.features, look.display.clip),
    plural(one?.cells.length ?? 0, "sample"),
  ];
  const about = words.filter(Boolean).join(" · ");
  if (isWide(state.features)) return wideFigure(one?.cells ?? [], state, about, look, inks);
  const columns = Math.min(2, Math.max(1, state.cards.length));
  const width = columns * WIDTH;
  const height = cardHeight(ofKind(state, "image").length, state.features.length);
  const cards = await Promise.all((one?.cells ?? []).map((cell) => cardFigure(cell, state, look, inks)));
  const rows = Math.ceil(cards.length / columns);
  const heads = ["Original", ...picturesOf(look.display.style).map(({ name }, i) => (i ? name : "Attribution"))];
  const bottom = HEADS + rows * height;
  const below = await caption(about, bottom, width, look, inks);
  return sheet("Attriscope: samples", width, bottom + below.height, inks, [
    ...Array.from({ length: columns }, (_, column) => [
      ...heads.map((head, i) => caps(column * WIDTH + MARGIN + i * (SIDE + GAP), 16, head, inks)),
      caps(column * WIDTH + sideOf(look) + MARGIN, 16, "Prediction", inks),
    ]).flat(),
    ...cards.map((card, i) => at((i % columns) * WIDTH, HEADS + Math.floor(i / columns) * height, ...card)),
    ...Array.from({ length: rows - 1 }, (_, row) => path(`M0 ${HEADS + (row + 1) * height - 0.5}H${width}`, inks.line)),
    ...(columns > 1 ? [path(`M${WIDTH - 0.5} ${HEADS}V${bottom}`, inks.line)] : []),
    ...below.nodes,
  ]);
}

const cardHeight = (images: number, features: number): number =>
  8 + ROW + 4 + images * (SIDE + GAP) + features * ROW + 8;

/** Indexes of features. */
const ofKind = ({ features }: State, kind: FeatureSpec["kind"]): number[] =>
  [...features.keys()].filter((feature) => features[feature].kind === kind);

/** Where the pictures end and the predictions begin, from the card's padding on. */
const sideOf = (look: Look): number => {
  const pictures = 1 + picturesOf(look.display.style).length;
  return pictures * (SIDE + GAP) - GAP + 16;
};

async function cardFigure({ card, result }: Explained["cells"][number], state: State, look: Look, inks: Inks) {
  const side = MARGIN + sideOf(look);
  const top = 8 + ROW + 4;
  const images = ofKind(state, "image");
  const foot = top + images.length * (SIDE + GAP);
  const whole = (result?.attributions ?? []).reduce((sum, map) => sum + (map ? map.positive - map.negative : 0), 0);
  const pictures = await Promise.all(
    images.map((feature, i) => maps({ card, result }, feature, top + i * (SIDE + GAP), look, inks)),
  );
  return [
    ...head(card, state, side - 16, inks).nodes,
    ...explaining(side, 22, nameOf(card, state.classes, card.target), WIDTH - MARGIN - side, inks),
    ...pictures.flat(),
    ...predictions(card, state, [side, WIDTH - MARGIN], top, inks).nodes,
    ...state.features.flatMap(({ name }, feature) => {
      const map = result?.attributions[feature] ?? null;
      return share(name, map, whole, [MARGIN, side - 16], foot + feature * ROW, inks);
    }),
    ...(result ? numbers(result, [side, WIDTH - MARGIN], foot, inks) : []),
  ];
}

/** Where it begins and ends, from left to right. */
type Span = readonly [number, number];

/** The number, the true class and what is predicted instead; `end` is where these words end, at most at `right`. */
function head(card: Card, { classes }: State, right: number, inks: Inks): { nodes: SvgNode[]; end: number } {
  const id = `#${card.sample.id}`;
  const truth = nameOf(card, classes, card.sample.label);
  const predicted = card.correct === true ? undefined : card.predictions[0]?.label;
  const start = MARGIN + Math.max(32, widthOf(id, 12) + 8);
  const mark = truth !== null && card.correct !== null ? 14 : 0;
  const room = right - start - mark;
  const name = truth === null ? "" : fitted(truth, predicted ? room * 0.5 : room, 12, true);
  const rest = room - (name ? widthOf(name, 12, true) * SPARE + 8 : 0) - 64;
  const runs: Run[] = name ? [{ text: name, fill: inks.text, bold: true }] : [];
  if (predicted !== undefined)
    runs.push(
      { text: "predicted", fill: inks.quiet, gap: name ? 8 : 0 },
      { text: fitted(predicted, rest, 12), fill: inks.quiet, gap: 4 },
    );
  const nodes = [
    text(MARGIN, 22, [{ text: id, fill: inks.quiet }]),
    ...(mark ? verdict(start, 13, card.correct, inks) : []),
    text(start + mark, 22, runs),
  ];
  const length = runs.reduce((sum, { text: words, bold, gap = 0 }) => sum + gap + widthOf(words, 12, bold) * SPARE, 0);
  return { nodes, end: Math.min(right, start + mark + length) };
}

async function maps({ card, result }: Explained["cells"][number], feature: number, y: number, look: Look, inks: Inks) {
  const image = imageOf(card.sample, feature);
  const styles = picturesOf(look.display.style);
  const left = MARGIN + SIDE + GAP;
  const original = picture(MARGIN, y, { image }, look, inks);
  const attribution = result?.attributions[feature];
  if (attribution)
    return Promise.all([
      original,
      ...styles.map((style, i) => picture(left + i * (SIDE + GAP), y, { image, attribution, style }, look, inks)),
    ]);
  if (styles.length === 0) return [await original];
  const why = absent(card, result);
  const width = styles.length * (SIDE + GAP) - GAP;
  return [await original, ...slot(left, y, width, SIDE, why, inks)];
}

/** Why there is nothing in a place. */
const absent = (card: Card, result: Card["result"]): string =>
  card.error ?? card.sample.error ?? (result ? "no map" : card.status === "running" ? percent(card.done) : "queued");

// -- texts and rows --------------------------------------------------------------------------------------------------------

async function wideFigure(cells: Explained["cells"], state: State, about: string, look: Look, inks: Inks) {
  const cards = await Promise.all(cells.map((cell) => wideCard(cell, state, look, inks)));
  let bottom = 0;
  const nodes = cards.flatMap(({ nodes: own, height }, i) => {
    const y = bottom;
    bottom += height;
    const line = i > 0 ? [path(`M0 ${y - 0.5}H${WIDE}`, inks.line)] : [];
    return [at(0, y, ...own), ...line];
  });
  const flat = state.features.every(({ kind }) => kind === "general" || kind === "empty");
  const below = await caption(about, bottom, WIDE, look, inks, flat);
  const border = path(`M${PANEL - 0.5} 0V${bottom}`, inks.line);
  return sheet("Attriscope: samples", WIDE, bottom + below.height, inks, [...nodes, border, ...below.nodes]);
}

/** Pictures, then texts, then rows, and beside them what the model says. */
async function wideCard(cell: Explained["cells"][number], state: State, look: Look, inks: Inks): Promise<Block> {
  const { card, result } = cell;
  const { nodes, end } = head(card, state, 440, inks);
  const target = nameOf(card, state.classes, card.target);
  const [left, right] = [MARGIN, PANEL - 16];
  nodes.push(...explaining(end + 20, 22, target, right - 60 - end - 20, inks));
  const error = card.error ?? card.sample.error;
  let y = 8 + ROW + 10;
  if (error !== null) {
    nodes.push(...slot(left, y, right - left, ERROR, error, inks));
    y += ERROR + 8;
  } else if (!result) nodes.push(text(right, 22, [{ text: absent(card, null), fill: inks.quiet, size: 11 }], "end"));
  const [images, texts, rows] = (["image", "text", "general"] as const).map((kind) => ofKind(state, kind));
  const count = images.length + texts.length + rows.length;
  const isNamed = count > 1;
  if (count === 0) nodes.push(text(left, y + 12, [{ text: "the input is not shown", fill: inks.quiet, size: 11 }]));

  /** What a feature is called, and why nothing is said of it; gives how high that is. */
  const named = (feature: number, x: number, from: number, room: number): number => {
    const isAbsent = result !== null && !result.attributions[feature];
    if (!isNamed && !isAbsent) return 0;
    const words = `${state.features[feature].name}${isAbsent ? " · no map" : ""}`;
    nodes.push(text(x, from + 12, [{ text: fitted(words, room, 11), fill: inks.quiet, size: 11 }]));
    return 20;
  };
  const group = sideOf(look) - 16;
  let x = left;
  for (const [i, feature] of images.entries()) {
    if (i > 0 && x + group > right) [x, y] = [left, y + (isNamed ? 20 : 0) + SIDE + 8];
    const top = y + named(feature, x, y, group);
    nodes.push(at(x - MARGIN, 0, ...(await maps(cell, feature, top, look, inks))));
    x += group + 16;
  }
  if (images.length > 0) y += (isNamed ? 20 : 0) + SIDE + 8;
  for (const feature of [...texts, ...rows]) {
    y += named(feature, left, y, right - left);
    const listed = {
      items: itemsOf(card.sample, feature) ?? [],
      shape: card.sample.inputs[feature].shape,
      attribution: result?.attributions[feature],
    };
    const { categories, kind } = state.features[feature];
    const block =
      kind === "text"
        ? textBlock(listed, right - left, look, inks)
        : rowBlock({ ...listed, categories, most: VALUES }, right - left, look, inks);
    nodes.push(at(left, y, ...block.nodes));
    y += block.height + 8;
  }
  const panel = panelBlock(cell, state, look, inks);
  return { nodes: [...nodes, at(PANEL, 0, ...panel.nodes)], height: Math.max(y + 4, panel.height) };
}

function panelBlock({ card, result }: Explained["cells"][number], state: State, look: Look, inks: Inks): Block {
  const span: Span = [16, WIDE - PANEL - MARGIN];
  const said = predictions(card, state, span, 28, inks);
  let y = 28 + said.height + 8;
  const nodes = [
    caps(span[0], 22, "Prediction", inks),
    ...said.nodes,
    path(`M${span[0]} ${y - 2.5}H${span[1]}`, inks.line),
  ];
  const whole = (result?.attributions ?? []).reduce((sum, map) => sum + (map ? map.positive - map.negative : 0), 0);
  for (const [feature, { name }] of state.features.entries()) {
    nodes.push(...share(name, result?.attributions[feature] ?? null, whole, span, y, inks));
    y += ROW;
  }
  if (result) nodes.push(...numbers(result, span, y, inks));
  y += ROW;
  for (const lines of told({ card, result }, state, span[1] - span[0], look, inks)) {
    nodes.push(...lines.map((line, i) => text(span[0], y + 13 + i * 16, line)));
    y += 32;
  }
  return { nodes, height: y + 8 };
}

/** The strongest tokens of each text, in two lines at most. */
function told(cell: Explained["cells"][number], state: State, room: number, look: Look, inks: Inks): Run[][][] {
  const texts = ofKind(state, "text");
  const { sample } = cell.card;
  return texts.flatMap((feature) => {
    const map = cell.result?.attributions[feature];
    const items = itemsOf(sample, feature);
    const ranking = items && itemRanking(map, sample.inputs[feature].shape, look.display.sign);
    if (!ranking) return [];
    const run = (words: string, gap: number): Run => ({ text: words, fill: inks.quiet, size: 11, gap });
    const of = texts.length > 1 ? ` of ${state.features[feature].name}` : "";
    const pairs = ranking.first(Math.min(TOLD, items.length)).map((i, k, all): Run[] => {
      const value = signed(ranking.values[i], 2, true);
      return [run(fitted(shownAs(items[i]), 96, 11), 4), run(`${value}${k < all.length - 1 ? "," : ""}`, 4)];
    });
    return pairs.length > 0
      ? [flowing([[run(fitted(`strongest${of}:`, room, 11), 0)], ...pairs], room).slice(0, 2)]
      : [];
  });
}

/** Lines of runs, broken between their groups. */
function flowing(groups: readonly Run[][], room: number): Run[][] {
  const lines: Run[][] = [[]];
  let x = 0;
  for (const group of groups) {
    const length = group.reduce(
      (sum, { text: words, size = 12, gap = 0 }) => sum + gap + widthOf(words, size) * SPARE,
      0,
    );
    const [first, ...others] = group;
    if (x > 0 && x + length > room) {
      lines.push([{ ...first, gap: 0 }, ...others]);
      x = length;
    } else {
      lines.at(-1)!.push(...group);
      x += length;
    }
  }
  return lines;
}

// -- what the model says, and what adds up ---------------------------------------------------------------------------------

function predictions(card: Card, { classes, model }: State, [x, right]: Span, y: number, inks: Inks): Block {
  const figure = (value: number, row: number, fill: string, bold: boolean): SvgNode =>
    text(right, y + row * 24 + 16, [{ text: score(value), fill, bold }], "end");
  if (card.predictions.length === 0) {
    const outputs = Array.from((card.sample.outputs[model]?.scores.data ?? []) as ArrayLike<number>, Number);
    const shown = outputs.slice(0, PREDICTIONS);
    const nodes = shown.flatMap((value, row) => [
      text(x, y + row * 24 + 16, [{ text: outputs.length > 1 ? `output ${row}` : "output", fill: inks.text }]),
      figure(value, row, inks.text, false),
    ]);
    return { nodes, height: shown.length * 24 };
  }
  const names = classes.some(({ length }) => length > LONG_NAME) ? 112 : 84;
  const [from, length] = [x + names, right - 42 - x - names];
  const span = spanOf(card.predictions.map((prediction) => prediction.score));
  const wrong = card.sample.label !== null && card.predictions[0].index !== card.sample.label;
  const shown = shownPredictions(card.predictions, card.sample.label, PREDICTIONS);
  const nodes = shown.flatMap(({ index, label, score: value }, row) => {
    const chosen = index === card.target;
    const fill = chosen ? inks.target : inks.text;
    const truly = wrong && index === card.sample.label;
    const badge = truly ? [{ text: "TRUE", fill: inks.quiet, bold: true, size: 9, gap: 4 }] : [];
    const room = names - 4 - (truly ? 34 : 0);
    return [
      text(x, y + row * 24 + 16, [{ text: fitted(label, room, 12, chosen), fill, bold: chosen }, ...badge]),
      rect(from, y + row * 24 + 9, length, 6, inks.track),
      rect(from, y + row * 24 + 9, Math.max(1, length * shareOf(span, value)), 6, chosen ? inks.accent : inks.bar),
      figure(value, row, fill, chosen),
    ];
  });
  return { nodes, height: shown.length * 24 };
}

function share(
  name: string,
  map: Parameters<typeof shareBar>[3] | null,
  whole: number,
  [x, right]: Span,
  y: number,
  inks: Inks,
) {
  const width = Math.min(176, right - x - 72 - 48);
  const words = [text(x, y + 14, [{ text: fitted(name, 68, 11), fill: inks.quiet, size: 11 }])];
  if (!map) return [...words, text(right, y + 14, [{ text: "–", fill: inks.quiet, size: 11 }], "end")];
  return [
    ...words,
    ...shareBar(x + 72, y, width, map, whole, inks),
    text(right, y + 14, [{ text: signed(map.share, 2), fill: inks.text, size: 11 }], "end"),
  ];
}

function numbers(result: NonNullable<Card["result"]>, [x, right]: Span, y: number, inks: Inks): SvgNode[] {
  const small = (content: string, fill = inks.quiet): Run => ({ text: content, fill, size: 11 });
  const sum = result.attributions.reduce((total, map) => total + (map?.sum ?? 0), 0);
  const nodes = [text(x, y + 14, [small("sum "), small(signed(sum, 2, true), inks.text)])];
  const { delta, faithfulness } = result;
  if (delta !== null) {
    const high = isDeltaHigh(result);
    const words = `Δ ${signed(delta, 3, high)}`;
    if (high) nodes.push(alert(right - 10, y + 5, inks));
    nodes.push(text(high ? right - 14 : right, y + 14, [small(words, high ? inks.warning : inks.quiet)], "end"));
  } else if (faithfulness) {
    const { deletion, insertion } = faithfulness.auc;
    nodes.push(text(right, y + 14, [small("del "), small(score(deletion), inks.text), small(" · ins "), small(score(insertion), inks.text)], "end")); // prettier-ignore
  }
  return nodes;
}
