/** The numbers of the view as CSV (RFC 4180), with all the digits that they have. */
import { itemRanking, nameOf, Ranking } from "../derived";
import { inView, itemsOf, maskOfItems } from "../items";
import type { Card, Inspection, Result, State } from "../state";
import { rasterSize } from "../styles/raster";
import type { Items } from "../wire";
import { settled } from "./shown";

type Value = string | number | boolean | null | undefined;

export function csvOf(state: State): string {
  const rows = { samples, compare: compared, inspect: inspected }[state.view](state);
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Spreadsheets take what begins like this for a formula; behind an apostrophe it is text. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: Value): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (typeof value !== "string") return value === null || value === undefined ? "" : String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The shortest decimal that is this float32 again; what is none stays as it is. */
function float32(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

const ABOUT = ["sample", "label", "prediction", "score", "target"];
const OF_A_RESULT = [
  ...["method", "arguments", "baseline", "feature", "sum", "positive", "negative", "share", "contribution"],
  ...["delta", "change", "deletion_auc", "insertion_auc"],
];

function samples(state: State): Value[][] {
  const rows = state.cards.flatMap((card) =>
    state.features.map((_, feature) => [
      ...about(state, card, card.predictions),
      ...numbers(state, settled(card), feature),
    ]),
  );
  return [[...ABOUT, ...OF_A_RESULT], ...rows];
}

function compared(state: State): Value[][] {
  const { columns = [], rows = [] } = state.comparison ?? {};
  const all = rows.flatMap((cells, row) =>
    cells.flatMap((cell, column) =>
      state.features.map((_, feature) => [
        column + 1,
        state.models[columns[column].model],
        ...about(state, state.cards[row], cell.predictions),
        ...numbers(state, settled(cell), feature),
      ]),
    ),
  );
  return [["column", "model", ...ABOUT, ...OF_A_RESULT], ...all];
}

function about(state: State, card: Card, [first]: Card["predictions"]): Value[] {
  const names = [card.sample.label, card.target].map((index) => nameOf(card, state.classes, index));
  return [card.sample.id, names[0], first?.label, first && float32(first.score), names[1]];
}

function numbers({ features, baselines, methods }: State, result: Result | null, feature: number): Value[] {
  const attribution = result?.attributions[feature];
  const uses = methods.find(({ name }) => name === result?.method)?.baselines ?? "none";
  const { auc } = result?.faithfulness ?? {};
  return [
    result?.method,
    result && JSON.stringify(result.arguments),
    result && { none: null, one: baselines[result.baseline], all: "all", several: "all" }[uses],
    features[feature].name,
    ...[attribution?.sum, attribution?.positive, attribution?.negative, attribution?.share, attribution?.contribution],
    ...[result?.delta, result?.change].map((value) => (typeof value === "number" ? float32(value) : null)),
    ...[auc?.deletion, auc?.insertion],
  ];
}

/** Of the selected sample: what each pixel, token or value counts, its rank, and what was tried with it. */
function inspected(state: State): Value[][] {
  const { inspection, features, choice } = state;
  const feature = inView(features, choice.inspect.feature);
  if (!inspection || feature < 0) return [["y", "x", "attribution", "rank", "painted"]];
  const items = itemsOf(inspection.card.sample, feature);
  return items ? listed(state, inspection, feature, items) : pixels(state, inspection, feature);
}

function listed({ features, display }: State, inspection: Inspection, feature: number, items: Items): Value[][] {
  const { card, painted, edited } = inspection;
  const { shape, data } = card.sample.inputs[feature];
  const ranking = itemRanking(settled(card)?.attributions[feature], shape, display.sign);
  const counted = (i: number): Value[] => [ranking && float32(ranking.values[i]), ranking?.rank(i)];
  const { kind, categories } = features[feature];
  if (kind === "text") {
    const hidden = maskOfItems(painted, items.length);
    const rows = items.map((item, i): Value[] => [i, item, ...counted(i), hidden[i]]);
    return [["index", "token", "attribution", "rank", "hidden"], ...rows];
  }
  const rows = items.map((item, i): Value[] => {
    return [categories[i], item, float32(Number(data[i])), edited.get(i), ...counted(i)];
  });
  return [["category", "value", "input", "edited", "attribution", "rank"], ...rows];
}

function pixels({ display }: State, inspection: Inspection, feature: number): Value[][] {
  const map = settled(inspection.card)?.attributions[feature];
  const { width, height } = map ? rasterSize(map.shape) : inspection;
  const size = width * height;
  const channels = map ? map.values.length / size : 0;
  const ranking = map && new Ranking(map, { width, height }, display.sign);
  const isPainted = (y: number, x: number): number =>
    inspection.painted[
      Math.floor((y * inspection.height) / height) * inspection.width + Math.floor((x * inspection.width) / width)
    ];
  const apart = channels > 1 ? Array.from({ length: channels }, (_, channel) => `attribution_${channel}`) : [];
  const rows = Array.from({ length: size }, (_, i): Value[] => {
    const [y, x] = [Math.floor(i / width), i % width];
    return [
      ...[y, x, ranking && float32(ranking.values[i])],
      ...apart.map((_, channel) => float32(map!.values[channel * size + i])),
      ...[ranking?.rank(i), isPainted(y, x)],
    ];
  });
  return [["y", "x", "attribution", ...apart, "rank", "painted"], ...rows];
}
