/** Methods or models side by side as a figure: samples as rows, what is compared as columns. */
import { bestOf, initialsOf, isDeltaHigh, nameOf, rowScales } from "../derived";
import { percent, score, signed } from "../format";
import type { Card, Column, Comparison, CompareCell, State } from "../state";
import { imageOf } from "../items";
import { styleNamed } from "../styles/index";
import { alert, bullseye, caption, caps, curves, type Inks, inksOf, MARGIN, picture, SIDE, sheet, slot, verdict } from "./parts"; // prettier-ignore
import { type Look, scaleOf } from "./picture";
import { settled } from "./shown";
import { at, fitted, path, type Run, SPARE, type SvgNode, text, widthOf } from "./svg";

const [FIRST, COLUMN, HEAD, ROW, PREDICTED, MEANS] = [168, 217, 49, 113, 18, 47];
const [THUMBNAIL, FIGURES, CURVE] = [64, 88, 36];

interface Best {
  deletion: boolean;
  insertion: boolean;
}

export async function compareFigure(state: State, look: Look): Promise<SvgNode> {
  const inks = inksOf(look);
  const { columns, rows } = state.comparison ?? { columns: [], rows: [] };
  const { scale, columns: kind } = state.choice.compare;
  const feature = Math.min(state.choice.inspect.feature, state.features.length - 1);
  const { sign, clip } = look.display;
  const scales = rowScales(rows, scale, feature, (map) => scaleOf(map, sign, clip));
  const models = kind === "models";
  const height = ROW + (models ? PREDICTED : 0);
  const width = FIRST + Math.max(1, columns.length) * COLUMN;
  const cells = await Promise.all(
    rows.map(async (row, r) => {
      const best = bestIn(row.map((cell) => settled(cell)?.faithfulness?.auc ?? null));
      const found = row.map((cell, c) => {
        const place = { card: state.cards[r], cell, column: columns[c], feature, scale: scales[r], models };
        return cellFigure(place, best[c], look, inks);
      });
      return [await sampleFigure(state.cards[r], state, feature, look, inks), ...(await Promise.all(found))];
    }),
  );
  const means = HEAD + rows.length * height;
  const bottom = means + MEANS;
  const units = state.classes.length > 0 ? "score of the target" : "output";
  const words = [
    `${columns.length} ${models ? "model" : "method"}${columns.length === 1 ? "" : "s"}`,
    `scale ${{ map: "per map", row: "per row", shared: "shared" }[scale]}, top ${clip} % clipped`,
    `curves: ${units} as pixels are deleted (solid) and inserted (dashed), most important first`,
    "bold: best in row",
  ];
  const below = await caption(words.join(" · "), bottom, width, look, inks);
  return sheet("Attriscope: comparison", width, bottom + below.height, inks, [
    caps(MARGIN, 36, "Sample", inks),
    ...columns.flatMap((column, c) => head(column, FIRST + c * COLUMN, inks)),
    ...cells.flatMap((row, r) =>
      row.map((nodes, c) => at(c ? FIRST + (c - 1) * COLUMN : 0, HEAD + r * height, ...nodes)),
    ),
    ...meansFigure(columns, rows.length, means, models, inks),
    ...Array.from({ length: rows.length + 1 }, (_, r) => path(`M0 ${HEAD + r * height - 0.5}H${width}`, inks.line)),
    ...columns.map((_, c) => path(`M${FIRST + c * COLUMN - 0.5} 0V${bottom}`, inks.line)),
    ...below.nodes,
  ]);
}

function bestIn(areas: ({ deletion: number; insertion: number } | null)[]): Best[] {
  const deletion = bestOf(areas.map((area) => area?.deletion ?? null), "lowest"); // prettier-ignore
  const insertion = bestOf(areas.map((area) => area?.insertion ?? null), "highest"); // prettier-ignore
  return areas.map((_, i) => ({ deletion: deletion[i], insertion: insertion[i] }));
}

function head({ title, detail, whyNot }: Column, x: number, inks: Inks): SvgNode[] {
  const room = COLUMN - 2 * MARGIN;
  return [
    text(x + MARGIN, 21, [{ text: fitted(title, room, 13, true), fill: inks.text, bold: true, size: 13 }]),
    text(x + MARGIN, 37, [{ text: fitted(whyNot ?? detail, room, 11), fill: inks.quiet, size: 11 }]),
  ];
}

async function sampleFigure(card: Card, { classes }: State, feature: number, look: Look, inks: Inks) {
  const truth = nameOf(card, classes, card.sample.label);
  const target = nameOf(card, classes, card.target);
  const said = card.predictions.find(({ index }) => index === card.target)?.score;
  const number = said === undefined ? "" : score(said);
  const start = MARGIN + THUMBNAIL + 12;
  const mark = card.correct === null ? 0 : 14;
  const room = FIRST - MARGIN - 14 - 4 - widthOf(number, 11) * SPARE - 4;
  return [
    await picture(MARGIN, 8, { image: imageOf(card.sample, feature) }, look, inks, THUMBNAIL),
    text(start, 20, [{ text: `#${card.sample.id}`, fill: inks.quiet, size: 11 }]),
    ...(truth === null
      ? []
      : [
          ...verdict(start, 27, card.correct, inks),
          text(start + mark, 36, [
            { text: fitted(truth, FIRST - 8 - start - mark, 12, true), fill: inks.text, bold: true },
          ]),
        ]),
    ...(target === null
      ? []
      : [
          bullseye(MARGIN, 79, inks),
          text(MARGIN + 14, 88, [
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
  feature: number;
  scale: number | null;
  models: boolean;
}

async function cellFigure({ card, cell, column, feature, scale, models }: Place, best: Best, look: Look, inks: Inks) {
  const result = settled(cell);
  const top = models ? PREDICTED : 0;
  const nodes = models ? predicted(card, cell, inks) : [];
  const attribution = result?.attributions[feature];
  const image = imageOf(card.sample, feature);
  const error = cell.error ?? card.sample.error;
  const waiting = cell.status === "running" ? percent(cell.done) : "queued";
  const why = column.whyNot === undefined ? (error ?? (result ? "no map" : waiting)) : "not here";
  const style = styleNamed(look.display.style);
  if (attribution) nodes.push(await picture(MARGIN, top + 8, { image, attribution, style, scale }, look, inks));
  else nodes.push(...slot(MARGIN, top + 8, SIDE, SIDE, why, inks));
  if (!result) return nodes;
  const x = MARGIN + SIDE + 10;
  const { faithfulness, delta } = result;
  if (faithfulness) {
    const { area, lines } = curves({ x, y: top + 9, width: FIGURES, height: CURVE - 2 }, faithfulness, inks);
    nodes.push(area, ...lines);
  }
  nodes.push(path(`M${x} ${top + 8 + CURVE}h${FIGURES}`, inks.line));
  nodes.push(...areas(x, top + 8 + CURVE + 4, faithfulness?.auc ?? null, best, inks));
  const high = isDeltaHigh(result);
  const value = delta === null ? "–" : signed(delta, 3, high);
  const y = top + 8 + CURVE + 4 + 30 + 12;
  nodes.push(...line(x, y, "Δ", value, high ? inks.warning : inks.quiet, false, inks));
  if (high) nodes.push(alert(x + 12, y - 9, inks));
  return nodes;
}

/** Of the column's model. */
function predicted(card: Card, { predictions: [first] }: CompareCell, inks: Inks): SvgNode[] {
  if (!first) return [];
  const number = score(first.score);
  const room = COLUMN - 2 * MARGIN - (widthOf("predicted", 11) + widthOf(number, 11)) * SPARE - 22;
  const name = fitted(first.label, room, 11, true);
  const { label } = card.sample;
  const runs: Run[] = [
    { text: "predicted", fill: inks.quiet, size: 11 },
    { text: name, fill: inks.text, bold: true, size: 11, gap: 4 },
    { text: number, fill: inks.quiet, size: 11, gap: 4 },
  ];
  const correct = label === null ? null : first.index === label;
  return [text(MARGIN, 19, runs), ...verdict(COLUMN - MARGIN - 10, 10, correct, inks)];
}

function line(x: number, y: number, name: string, value: string, fill: string, bold: boolean, inks: Inks): SvgNode[] {
  return [
    text(x, y, [{ text: name, fill: inks.quiet, size: 11 }]),
    text(x + FIGURES, y, [{ text: value, fill, bold, size: 11 }], "end"),
  ];
}

/** Deletion and insertion with their names, each 15 high. */
const areas = (x: number, y: number, found: { deletion: number; insertion: number } | null, best: Best, inks: Inks) =>
  (["deletion", "insertion"] as const).flatMap((name, i) => {
    const value = found ? score(found[name]) : "–";
    return line(x, y + i * 15 + 12, name, value, best[name] ? inks.text : inks.quiet, best[name], inks);
  });

function meansFigure(columns: Comparison["columns"], rows: number, y: number, models: boolean, inks: Inks): SvgNode[] {
  const found = columns.map(({ deletion, insertion }) =>
    deletion === null || insertion === null ? null : { deletion, insertion },
  );
  const best = bestIn(found);
  return [
    caps(MARGIN, y + 20, `Mean of ${rows}`, inks),
    ...columns.flatMap(({ rho }, c) => {
      const x = FIRST + c * COLUMN + MARGIN;
      const first = models ? columns[0].title : initialsOf(columns[0].title);
      const value = c === 0 || rho === null ? "–" : rho.toFixed(2).replace("-", "−");
      const runs: Run[] = [
        { text: `ρ to ${fitted(first, 48, 11)}`, fill: inks.quiet, size: 11 },
        { text: value, fill: inks.text, size: 11, gap: 4 },
      ];
      return [text(x, y + 20, runs), ...areas(x + SIDE + 10, y + 8, found[c], best[c], inks)];
    }),
  ];
}
