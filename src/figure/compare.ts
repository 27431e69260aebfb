/** Methods or models side by side as a figure: samples as rows, what is compared as columns. */
import { bestOf, initialsOf, isDeltaHigh, nameOf, rowScales } from "../derived";
import { percent, plural, score, signed } from "../format";
import { imageOf, inView, inWords, itemScale, itemsOf, takenUnitOf } from "../items";
import type { Card, Column, Comparison, CompareCell, Result, State } from "../state";
import { styleNamed } from "../styles/index";
import type { FeatureSpec } from "../wire";
import { rowBlock, textBlock } from "./items";
import { alert, bullseye, caption, caps, curves, type Inks, inksOf, MARGIN, picture, SIDE, sheet, slot, verdict } from "./parts"; // prettier-ignore
import { type Look, scaleOf } from "./picture";
import { settled } from "./shown";
import { at, fitted, path, type Run, SPARE, type SvgNode, text, widthOf, wrapped } from "./svg";

const [FIRST, COLUMN, HEAD, ROW, PREDICTED, MEANS] = [168, 217, 49, 113, 18, 47];
const [THUMBNAIL, FIGURES, CURVE] = [64, 88, 36];
/** Where the cells hold texts or rows: their width, the height of their rows and of what they hold, in lines as well. */
const [WORDY, HIGHER, ITEMS, LINES] = [264, 158, 90, 5];
/** Most lines of words beside the cells. */
const WORDS = 6;

interface Best {
  deletion: boolean;
  insertion: boolean;
}

export async function compareFigure(state: State, look: Look): Promise<SvgNode> {
  const inks = inksOf(look);
  const { columns, rows } = state.comparison ?? { columns: [], rows: [] };
  const { scale } = state.choice.compare;
  const grid = gridOf(state);
  const { feature, spec, models, width: column, height } = grid;
  const { sign, clip } = look.display;
  const scales = rowScales(rows, scale, feature, (map, row) => {
    const { sample } = state.cards[row];
    return itemsOf(sample, feature) ? itemScale(map, sample.inputs[feature].shape, sign) : scaleOf(map, sign, clip);
  });
  const width = FIRST + Math.max(1, columns.length) * column;
  const cells = await Promise.all(
    rows.map(async (row, r) => {
      const best = bestIn(row.map((cell) => settled(cell)?.faithfulness?.auc ?? null));
      const found = row.map((cell, c) => {
        const place = { card: state.cards[r], cell, column: columns[c], scale: scales[r] };
        return cellFigure(place, grid, best[c], look, inks);
      });
      return [await sampleFigure(state.cards[r], state, grid, look, inks), ...(await Promise.all(found))];
    }),
  );
  const means = HEAD + rows.length * height;
  const bottom = means + MEANS;
  const units = state.classes.length > 0 ? "score of the target" : "output";
  const scaled = `scale ${{ map: "per cell", row: "per row", shared: "shared" }[scale]}`;
  const words = [
    plural(columns.length, models ? "model" : "method"),
    spec === null ? "the inputs are not shown" : spec.kind === "image" ? `${scaled}, top ${clip} % clipped` : scaled,
    `curves: ${units} as ${takenUnitOf(state.features, state.cards[0]?.sample)}s are deleted (solid) and inserted (dashed), most important first`,
    "bold: best in row",
  ];
  const below = await caption(words.join(" · "), bottom, width, look, inks, spec?.kind === "general");
  return sheet("Attriscope: comparison", width, bottom + below.height, inks, [
    caps(MARGIN, 36, "Sample", inks),
    ...columns.flatMap((one, c) => head(one, FIRST + c * column, column, inks)),
    ...cells.flatMap((row, r) =>
      row.map((nodes, c) => at(c ? FIRST + (c - 1) * column : 0, HEAD + r * height, ...nodes)),
    ),
    ...meansFigure(columns, rows.length, means, grid, inks),
    ...Array.from({ length: rows.length + 1 }, (_, r) => path(`M0 ${HEAD + r * height - 0.5}H${width}`, inks.line)),
    ...columns.map((_, c) => path(`M${FIRST + c * column - 0.5} 0V${bottom}`, inks.line)),
    ...below.nodes,
  ]);
}

/** What is compared, and how large its cells are. */
interface Grid {
  /** The feature in view; -1 and null where none is shown. */
  feature: number;
  spec: FeatureSpec | null;
  models: boolean;
  /** Texts or rows, not maps. */
  isWordy: boolean;
  /** Of a cell. */
  width: number;
  height: number;
  /** Of the lines with the areas, and where they begin. */
  figures: { x: number; width: number };
}

function gridOf({ features, choice }: State): Grid {
  const feature = inView(features, choice.inspect.feature);
  const spec = features[feature] ?? null;
  const models = choice.compare.columns === "models";
  const isWordy = spec !== null && spec.kind !== "image";
  const width = isWordy ? WORDY : COLUMN;
  const x = MARGIN + SIDE + 10;
  const figures = { x, width: isWordy ? width - MARGIN - x : FIGURES };
  return {
    feature,
    spec,
    models,
    isWordy,
    width,
    height: (isWordy ? HIGHER : ROW) + (models ? PREDICTED : 0),
    figures,
  };
}

function bestIn(areas: ({ deletion: number; insertion: number } | null)[]): Best[] {
  const deletion = bestOf(areas.map((area) => area?.deletion ?? null), "lowest"); // prettier-ignore
  const insertion = bestOf(areas.map((area) => area?.insertion ?? null), "highest"); // prettier-ignore
  return areas.map((_, i) => ({ deletion: deletion[i], insertion: insertion[i] }));
}

function head({ title, detail, whyNot }: Column, x: number, width: number, inks: Inks): SvgNode[] {
  const room = width - 2 * MARGIN;
  return [
    text(x + MARGIN, 21, [{ text: fitted(title, room, 13, true), fill: inks.text, bold: true, size: 13 }]),
    text(x + MARGIN, 37, [{ text: fitted(whyNot ?? detail, room, 11), fill: inks.quiet, size: 11 }]),
  ];
}

async function sampleFigure(card: Card, { classes }: State, grid: Grid, look: Look, inks: Inks) {
  const { feature, spec, height } = grid;
  const truth = nameOf(card, classes, card.sample.label);
  const target = nameOf(card, classes, card.target);
  const said = card.predictions.find(({ index }) => index === card.target)?.score;
  const number = said === undefined ? "" : score(said);
  const image = imageOf(card.sample, feature);
  const items = itemsOf(card.sample, feature);
  const id = `#${card.sample.id}`;
  // Above words all stands in one line, beside a picture in two.
  const start = items ? MARGIN + widthOf(id, 11) * SPARE + 8 : image ? MARGIN + THUMBNAIL + 12 : MARGIN;
  const line = items ? 20 : 36;
  const foot = items ? height - 14 : 88;
  const lines = items ? wrapped(inWords(items, spec!), FIRST - MARGIN - 8, 11) : [];
  // The last line that there is room for takes the beginning of the next one, and ends with an ellipsis.
  if (lines.length > WORDS)
    lines.splice(WORDS - 1, Infinity, fitted(lines.slice(WORDS - 1).join(" "), FIRST - MARGIN - 8, 11));
  const mark = card.correct === null ? 0 : 14;
  const room = FIRST - MARGIN - 14 - 4 - widthOf(number, 11) * SPARE - 4;
  return [
    ...(image ? [await picture(MARGIN, 8, { image }, look, inks, THUMBNAIL)] : []),
    ...lines.map((words, i) => text(MARGIN, 38 + i * 16, [{ text: words, fill: inks.quiet, size: 11 }])),
    text(items ? MARGIN : start, 20, [{ text: id, fill: inks.quiet, size: 11 }]),
    ...(truth === null
      ? []
      : [
          ...verdict(start, line - 9, card.correct, inks),
          text(start + mark, line, [
            { text: fitted(truth, FIRST - 8 - start - mark, 12, true), fill: inks.text, bold: true },
          ]),
        ]),
    ...(target === null
      ? []
      : [
          bullseye(MARGIN, foot - 9, inks),
          text(MARGIN + 14, foot, [
            { text: fitted(target, room, 11, true), fill: inks.target, bold: true, size: 11 },
            { text: number, fill: inks.target, size: 11, gap: 4 },
          ]),
        ]),
  ];
}

interface Place {
  card: Card;
  cell: CompareCell;
  column: Column;
  scale: number | null;
}

async function cellFigure({ card, cell, column, scale }: Place, grid: Grid, best: Best, look: Look, inks: Inks) {
  const { feature, spec, models, isWordy, width } = grid;
  const result = settled(cell);
  const top = 8 + (models ? PREDICTED : 0);
  const nodes = models ? predicted(card, cell, width, inks) : [];
  const attribution = result?.attributions[feature];
  const error = cell.error ?? card.sample.error;
  const waiting = cell.status === "running" ? percent(cell.done) : "queued";
  const why =
    column.whyNot === undefined ? (error ?? (result ? (spec ? "no map" : "not shown") : waiting)) : "not here";
  const items = itemsOf(card.sample, feature);
  if (!attribution)
    nodes.push(...slot(MARGIN, top, isWordy ? width - 2 * MARGIN : SIDE, isWordy ? ITEMS : SIDE, why, inks));
  else if (items) {
    const listed = { items, shape: card.sample.inputs[feature].shape, attribution, scale, small: true };
    const { kind, categories } = spec!;
    const most = items.length > LINES ? LINES - 1 : LINES;
    const { nodes: own } =
      kind === "text"
        ? textBlock(listed, width - 2 * MARGIN, look, inks, LINES)
        : rowBlock({ ...listed, categories, most }, width - 2 * MARGIN, look, inks);
    nodes.push(at(MARGIN, top, ...own));
  } else {
    const style = styleNamed(look.display.style);
    const image = imageOf(card.sample, feature);
    nodes.push(await picture(MARGIN, top, { image, attribution, style, scale }, look, inks));
  }
  return result ? [...nodes, ...figuresOf(result, top, grid, best, inks)] : nodes;
}

/** The curves, the areas and the delta: beside a map, below a text or a row. */
function figuresOf(result: Result, top: number, { isWordy, figures }: Grid, best: Best, inks: Inks): SvgNode[] {
  const { faithfulness, delta } = result;
  const [x, width] = isWordy ? [MARGIN, SIDE] : [figures.x, figures.width];
  const curve = isWordy ? top + ITEMS + 6 : top;
  const start = isWordy ? curve : curve + CURVE + 4;
  const { area, lines } = faithfulness
    ? curves({ x, y: curve + 1, width, height: CURVE - 2 }, faithfulness, inks)
    : { area: null, lines: [] };
  const high = isDeltaHigh(result);
  const y = start + 30 + 12;
  return [
    ...(area ? [area, ...lines] : []),
    path(`M${x} ${curve + CURVE}h${width}`, inks.line),
    ...areas(figures, start, faithfulness?.auc ?? null, best, inks),
    ...line(
      figures,
      y,
      "Δ",
      delta === null ? "–" : signed(delta, 3, high),
      high ? inks.warning : inks.quiet,
      false,
      inks,
    ),
    ...(high ? [alert(figures.x + 12, y - 9, inks)] : []),
  ];
}

/** Of the column's model. */
function predicted(card: Card, { predictions: [first] }: CompareCell, width: number, inks: Inks): SvgNode[] {
  if (!first) return [];
  const number = score(first.score);
  const room = width - 2 * MARGIN - (widthOf("predicted", 11) + widthOf(number, 11)) * SPARE - 22;
  const name = fitted(first.label, room, 11, true);
  const { label } = card.sample;
  const runs: Run[] = [
    { text: "predicted", fill: inks.quiet, size: 11 },
    { text: name, fill: inks.text, bold: true, size: 11, gap: 4 },
    { text: number, fill: inks.quiet, size: 11, gap: 4 },
  ];
  const correct = label === null ? null : first.index === label;
  return [text(MARGIN, 19, runs), ...verdict(width - MARGIN - 10, 10, correct, inks)];
}

type Figures = Grid["figures"];

function line({ x, width }: Figures, y: number, name: string, value: string, fill: string, bold: boolean, inks: Inks) {
  return [
    text(x, y, [{ text: name, fill: inks.quiet, size: 11 }]),
    text(x + width, y, [{ text: value, fill, bold, size: 11 }], "end"),
  ];
}

/** Deletion and insertion with their names, each 15 high. */
const areas = (at: Figures, y: number, found: { deletion: number; insertion: number } | null, best: Best, inks: Inks) =>
  (["deletion", "insertion"] as const).flatMap((name, i) => {
    const value = found ? score(found[name]) : "–";
    return line(at, y + i * 15 + 12, name, value, best[name] ? inks.text : inks.quiet, best[name], inks);
  });

function meansFigure(columns: Comparison["columns"], rows: number, y: number, grid: Grid, inks: Inks): SvgNode[] {
  const { models, width, figures } = grid;
  const found = columns.map(({ deletion, insertion }) =>
    deletion === null || insertion === null ? null : { deletion, insertion },
  );
  const best = bestIn(found);
  return [
    caps(MARGIN, y + 20, `Mean of ${rows}`, inks),
    ...columns.flatMap(({ rho }, c) => {
      const left = FIRST + c * width;
      const first = models ? columns[0].title : initialsOf(columns[0].title);
      const value = c === 0 || rho === null ? "–" : rho.toFixed(2).replace("-", "−");
      const runs: Run[] = [
        { text: `ρ to ${fitted(first, 48, 11)}`, fill: inks.quiet, size: 11 },
        { text: value, fill: inks.text, size: 11, gap: 4 },
      ];
      const place = { ...figures, x: left + figures.x };
      return [text(left + MARGIN, y + 20, runs), ...areas(place, y + 8, found[c], best[c], inks)];
    }),
  ];
}
