/** Tokens and rows of a figure, as in `elements/text.ts` and `elements/table.ts`. */
import { itemRanking } from "../derived";
import { signed } from "../format";
import { inkOf, shadesOf, shownAs } from "../items";
import type { Attribution } from "../state";
import type { Items } from "../wire";
import { caps, type Inks } from "./parts";
import type { Look } from "./picture";
import { fitted, node, path, pieces, rect, type Run, SPARE, type SvgNode, text, widthOf } from "./svg";

/** From its upper left corner on. */
export interface Block {
  nodes: SvgNode[];
  height: number;
}

/** What one feature of a sample shows, and what an explanation says of it. */
export interface Listed {
  items: Items;
  /** Of the input. */
  shape: readonly number[];
  /** Null draws the items alone. */
  attribution?: Attribution | null;
  /** What the scores are divided by; null: by the largest magnitude of their own. */
  scale?: number | null;
  /** [items], 1 where hidden. */
  hidden?: Uint8Array | null;
  /** How many of the strongest are marked. */
  top?: number;
  /** Small ones stand in cells and previews. */
  small?: boolean;
}

/** The scores that lie over the items, if they do. */
function scored({ attribution, shape, scale = null, top = 0 }: Listed, { display: { sign } }: Look) {
  const ranking = itemRanking(attribution, shape, sign);
  if (!ranking) return null;
  const shades = shadesOf(ranking, sign, scale);
  return { shades: shades.values, scale: shades.scale, ranking, marked: ranking.top(top) };
}

// -- texts -----------------------------------------------------------------------------------------------------------------

/** Size of the letters, height of a line and of a token's box, and what is empty inside of one and between two. */
const TEXT = { size: 13, line: 26, box: 22, pad: 3, gap: 4 };
const SMALL_TEXT = { size: 11, line: 18, box: 16, pad: 2, gap: 3 };

interface Placed {
  words: string;
  /** Of the token. */
  index: number;
  x: number;
  width: number;
}

/** Letters of scripts that are read from right to left. */
const RTL = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/;

/** The first letter decides, as with `dir="auto"`. */
const isRtl = (words: readonly string[]): boolean => RTL.test(words.join(" ").match(/\p{L}/u)?.[0] ?? "");

/** @param lines at most; the last one ends with an ellipsis where there are more */
export function textBlock(listed: Listed, width: number, look: Look, inks: Inks, lines = Infinity): Block {
  const { items, hidden, small } = listed;
  const measures = small ? SMALL_TEXT : TEXT;
  const { size, line, box } = measures;
  const scores = scored(listed, look);
  const words = items.map(shownAs);
  const placed = broken(words, width, measures, lines);
  const fromRight = isRtl(words);
  const nodes = placed.flatMap((row, y) =>
    row.flatMap(({ words: piece, index, x, width: own }): SvgNode[] => {
      const left = fromRight ? width - x - own : x;
      const isHidden = Boolean(hidden?.[index]);
      const shade = isHidden ? 0 : (scores?.shades[index] ?? 0);
      const ink = shade === 0 ? null : inkOf(shade, look.ramp);
      const top = y * line + (line - box) / 2;
      const fill = isHidden ? inks.track : ink?.fill.replaceAll(" ", ",");
      const frame = (more: SvgNode["attributes"]) =>
        node("rect", { x: left, y: top, width: own, height: box, rx: 2, ...more });
      const run: Run = { text: piece, fill: isHidden ? inks.quiet : (ink?.text ?? inks.text), size, struck: isHidden };
      return [
        ...(fill ? [frame({ fill })] : []),
        ...(scores?.marked[index] ? [frame({ fill: "none", stroke: inks.text, "stroke-width": 1.5 })] : []),
        text(left + own / 2, y * line + line / 2 + size * 0.36, [run], "middle"),
      ];
    }),
  );
  return { nodes, height: placed.length * line };
}

/** Line by line; a token that is wider than a line goes on in the next one. */
function broken(words: readonly string[], width: number, measures: typeof TEXT, most: number): Placed[][] {
  const { size, pad, gap } = measures;
  const rows: Placed[][] = [[]];
  let x = 0;
  const put = (piece: Omit<Placed, "x">): void => {
    if (x > 0 && x + piece.width > width) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)!.push({ ...piece, x });
    x += piece.width + gap;
  };
  const widthOfBox = (piece: string): number => Math.min(width, widthOf(piece, size) * SPARE + 2 * pad);
  for (const [index, word] of words.entries()) {
    if (rows.length > most) break;
    for (const piece of pieces(word, width - 2 * pad, size)) put({ words: piece, index, width: widthOfBox(piece) });
  }
  if (rows.length <= most) return rows;
  const shown = rows.slice(0, most);
  const last = shown.at(-1)!;
  const dots = widthOfBox("…");
  const endOf = (placed: Placed | undefined): number => (placed ? placed.x + placed.width + gap : 0);
  while (endOf(last.at(-1)) + dots > width) last.pop();
  last.push({ words: "…", index: -1, x: endOf(last.at(-1)), width: dots });
  return shown;
}

// -- rows ------------------------------------------------------------------------------------------------------------------

export interface Row extends Listed {
  categories: readonly string[];
  /** What the model sees, in a column of its own, where it is not what is shown. */
  inputs?: ArrayLike<number> | null;
  /** By place: what was put there by hand. */
  edited?: ReadonlyMap<number, number>;
  /** Most values that are shown; the rest is told in a line. */
  most?: number;
}

/** Size of the letters, heights of a line and of its bar, and the width of the scores. */
const TABLE = { size: 12, line: 22, bar: 12, score: 64 };
const SMALL_TABLE = { size: 11, line: 17, bar: 7, score: 48 };
/** Shares of the width that names and values take, and those of the names where there are no values. */
const [NAME, VALUE, NAME_ALONE] = [0.2, 0.14, 0.4];
/** On the left and on the right of the bars. */
const [BEFORE, BEHIND] = [28, 16];

/** The strongest first; small ones are without values and sum. */
export function rowBlock(row: Row, width: number, look: Look, inks: Inks): Block {
  const { items, categories, inputs = null, edited, hidden, small = false, most = Infinity } = row;
  const { size, line, bar, score } = small ? SMALL_TABLE : TABLE;
  const scores = scored(row, look);
  const order = Array.from(items.keys());
  if (scores) order.sort((a, b) => scores.ranking.rank(a) - scores.ranking.rank(b) || a - b);
  const [shown, rest] = [order.slice(0, most), order.slice(most)];
  const values = small ? 0 : inputs ? 2 : 1;
  const names = width * (small ? NAME_ALONE : NAME);
  const left = names + values * width * VALUE + (small ? 0 : BEFORE);
  const right = width - score - (small ? 0 : BEHIND);
  const [middle, half] = [(left + right) / 2, (right - left) / 2];
  const head = small ? 0 : line + 2;
  const base = (y: number): number => y + line / 2 + size * 0.36;
  const ended = (x: number, y: number, run: Omit<Run, "size">): SvgNode => text(x, base(y), [{ ...run, size }], "end");
  const column = (i: number): number => names + (i + 1) * width * VALUE;
  const total = (places: readonly number[]): string =>
    scores ? signed(places.reduce((sum, i) => sum + scores.ranking.values[i], 0), 3, true) : "–"; // prettier-ignore

  const nodes = shown.flatMap((i, k): SvgNode[] => {
    const y = head + k * line;
    const value = scores?.ranking.values[i];
    const bold = Boolean(scores?.marked[i]);
    const struck = Boolean(hidden?.[i]);
    const changed = edited?.get(i);
    const name: Run = { text: fitted(categories[i], names - 8, size, bold), fill: struck ? inks.quiet : inks.text, bold, size, struck }; // prettier-ignore
    const seen = changed ?? inputs?.[i] ?? 0;
    const cells = [
      ...(values > 0 ? [ended(column(0), y, { text: fitted(shownAs(items[i]), width * VALUE - 8, size), fill: inks.text })] : []), // prettier-ignore
      ...(values > 1 ? [ended(column(1), y, { text: shownAs(seen), fill: changed === undefined ? inks.text : inks.target, bold: changed !== undefined })] : []), // prettier-ignore
    ];
    const length = Math.abs(scores?.shades[i] ?? 0) * half;
    const isAgainst = (value ?? 0) < 0 && look.display.sign !== "absolute";
    return [
      text(0, base(y), [name]),
      ...cells,
      ...(length > 0 ? [rect(isAgainst ? middle - length : middle, y + (line - bar) / 2, length, bar, isAgainst ? inks.negative : inks.positive)] : []), // prettier-ignore
      ended(width, y, { text: value === undefined ? "–" : signed(value, 3, true), fill: value === undefined ? inks.quiet : inks.text }), // prettier-ignore
    ];
  });
  const end = head + shown.length * line;
  nodes.push(path(`M${Math.round(middle) - 0.5} ${head}V${end}`, inks.quiet));
  if (!small) nodes.push(...heads(row, { names, left, middle, right, width, column }, scores?.scale ?? 0, look, inks));
  const further = rest.length > 0 ? line : 0;
  if (further) {
    const words = `and ${rest.length} ${scores ? "weaker" : "more"}`;
    nodes.push(text(0, base(end), [{ text: words, fill: inks.quiet, size: 11 }]));
    nodes.push(text(width, base(end), [{ text: total(rest), fill: inks.quiet, size: 11 }], "end"));
  }
  if (small) return { nodes, height: end + further };
  nodes.push(path(`M0 ${end + 0.5}H${width}`, inks.line));
  nodes.push(text(0, base(end + further + 2), [{ text: "sum", fill: inks.text, bold: true }]));
  nodes.push(ended(width, end + further + 2, { text: total(order), fill: inks.text, bold: true }));
  return { nodes, height: end + further + line + 4 };
}

interface Columns {
  names: number;
  left: number;
  middle: number;
  right: number;
  width: number;
  column: (i: number) => number;
}

function heads({ inputs }: Row, columns: Columns, scale: number, { display: { sign } }: Look, inks: Inks): SvgNode[] {
  const { left, middle, right, width, column } = columns;
  const tick = (x: number, words: string): SvgNode =>
    text(x, 15, [{ text: words, fill: inks.quiet, size: 11 }], "middle");
  const shows = { signed: [true, true], positive: [false, true], negative: [true, false], absolute: [false, true] }[
    sign
  ];
  return [
    caps(0, 15, "Feature", inks),
    caps(column(0), 15, "Value", inks, "end"),
    ...(inputs ? [caps(column(1), 15, "Input", inks, "end")] : []),
    ...(scale > 0 && shows[0] ? [tick(left, signed(-scale, 2, true))] : []),
    tick(middle, "0"),
    ...(scale > 0 && shows[1] ? [tick(right, signed(scale, 2, true))] : []),
    caps(width, 15, "Score", inks, "end"),
  ];
}
