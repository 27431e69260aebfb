/** The cards of a page of samples as a figure. */
import { isDeltaHigh, nameOf, picturesOf, shareOf, shownPredictions, spanOf } from "../derived";
import { percent, score, signed } from "../format";
import type { Card, State } from "../state";
import { imageOf } from "../items";
import { alert,  caps, caption, explaining, GAP, type Inks, inksOf, MARGIN, methodInWords, picture, shareBar, SIDE, sheet, slot, verdict } from "./parts"; // prettier-ignore
import type { Look } from "./picture";
import { type Explained, explained } from "./shown";
import { at, fitted, path, rect, type Run, SPARE, type SvgNode, text, widthOf } from "./svg";

const [WIDTH, HEADS, ROW, PREDICTIONS] = [520, 24, 20, 4];

/** Class names with more letters get more room, and the bars less. */
const LONG_NAME = 9;

export async function samplesFigure(state: State, look: Look): Promise<SvgNode> {
  const inks = inksOf(look);
  const [one] = explained(state);
  const columns = Math.min(2, Math.max(1, state.cards.length));
  const width = columns * WIDTH;
  const height = cardHeight(state.features.length);
  const cards = await Promise.all((one?.cells ?? []).map((cell) => cardFigure(cell, state, look, inks)));
  const rows = Math.ceil(cards.length / columns);
  const heads = ["Original", ...picturesOf(look.display.style).map(({ name }, i) => (i ? name : "Attribution"))];
  const bottom = HEADS + rows * height;
  const words = [
    ...(one ? [methodInWords(one, state)] : []),
    `scale per map, top ${look.display.clip} % clipped`,
    `${cards.length} sample${cards.length === 1 ? "" : "s"}`,
  ];
  const below = await caption(words.join(" · "), bottom, width, look, inks);
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

const cardHeight = (features: number): number => 8 + ROW + 4 + features * (SIDE + GAP) + features * ROW + 8;

/** Where the pictures end and the predictions begin, from the card's padding on. */
const sideOf = (look: Look): number => {
  const pictures = 1 + picturesOf(look.display.style).length;
  return pictures * (SIDE + GAP) - GAP + 16;
};

async function cardFigure({ card, result }: Explained["cells"][number], state: State, look: Look, inks: Inks) {
  const side = MARGIN + sideOf(look);
  const top = 8 + ROW + 4;
  const foot = top + state.features.length * (SIDE + GAP);
  const whole = (result?.attributions ?? []).reduce((sum, map) => sum + (map ? map.positive - map.negative : 0), 0);
  const pictures = await Promise.all(
    state.features.map((_, feature) => maps({ card, result }, feature, top + feature * (SIDE + GAP), look, inks)),
  );
  return [
    ...head(card, state, side - 16, inks),
    ...explaining(side, 22, nameOf(card, state.classes, card.target), WIDTH - MARGIN - side, inks),
    ...pictures.flat(),
    ...predictions(card, state, side, top, inks),
    ...state.features.flatMap(({ name }, feature) => {
      const map = result?.attributions[feature] ?? null;
      return share(name, map, whole, foot + feature * ROW, side - 16, inks);
    }),
    ...(result ? numbers(result, side, foot, inks) : []),
  ];
}

function head(card: Card, { classes }: State, right: number, inks: Inks): SvgNode[] {
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
  return [
    text(MARGIN, 22, [{ text: id, fill: inks.quiet }]),
    ...(mark ? verdict(start, 13, card.correct, inks) : []),
    text(start + mark, 22, runs),
  ];
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
  const why = card.error ?? card.sample.error ?? (result ? "no map" : card.status === "running" ? percent(card.done) : "queued"); // prettier-ignore
  const width = styles.length * (SIDE + GAP) - GAP;
  return [await original, ...slot(left, y, width, SIDE, why, inks)];
}

function predictions(card: Card, { classes, model }: State, x: number, y: number, inks: Inks): SvgNode[] {
  const right = WIDTH - MARGIN;
  const figure = (value: number, row: number, fill: string, bold: boolean): SvgNode =>
    text(right, y + row * 24 + 16, [{ text: score(value), fill, bold }], "end");
  if (card.predictions.length === 0) {
    const outputs = Array.from((card.sample.outputs[model]?.scores.data ?? []) as ArrayLike<number>, Number);
    return outputs
      .slice(0, PREDICTIONS)
      .flatMap((value, row) => [
        text(x, y + row * 24 + 16, [{ text: outputs.length > 1 ? `output ${row}` : "output", fill: inks.text }]),
        figure(value, row, inks.text, false),
      ]);
  }
  const names = classes.some(({ length }) => length > LONG_NAME) ? 112 : 84;
  const [from, length] = [x + names, right - 42 - x - names];
  const span = spanOf(card.predictions.map((prediction) => prediction.score));
  const wrong = card.sample.label !== null && card.predictions[0].index !== card.sample.label;
  return shownPredictions(card.predictions, card.sample.label, PREDICTIONS).flatMap(
    ({ index, label, score: value }, row) => {
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
    },
  );
}

function share(
  name: string,
  map: Parameters<typeof shareBar>[3] | null,
  whole: number,
  y: number,
  right: number,
  inks: Inks,
) {
  const room = right - MARGIN;
  const width = Math.min(176, room - 72 - 48);
  const words = [text(MARGIN, y + 14, [{ text: fitted(name, 68, 11), fill: inks.quiet, size: 11 }])];
  if (!map) return [...words, text(right, y + 14, [{ text: "–", fill: inks.quiet, size: 11 }], "end")];
  return [
    ...words,
    ...shareBar(MARGIN + 72, y, width, map, whole, inks),
    text(right, y + 14, [{ text: signed(map.share, 2), fill: inks.text, size: 11 }], "end"),
  ];
}

function numbers(result: NonNullable<Card["result"]>, x: number, y: number, inks: Inks): SvgNode[] {
  const right = WIDTH - MARGIN;
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
