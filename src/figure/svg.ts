/** A small writer of SVG: nodes in, text out. What is text is escaped, what is a number has two decimals at most. */

export interface SvgNode {
  name: string;
  attributes: Readonly<Record<string, string | number | undefined>>;
  children: readonly Child[];
}

/** A string is text; null is nothing. */
export type Child = SvgNode | string | null;

export const node = (name: string, attributes: SvgNode["attributes"] = {}, ...children: Child[]): SvgNode => ({
  name,
  attributes,
  children,
});

/** Moved there. */
export const at = (x: number, y: number, ...children: Child[]): SvgNode =>
  node("g", { transform: `translate(${rounded(x)} ${rounded(y)})` }, ...children);

export const rect = (x: number, y: number, width: number, height: number, fill: string): SvgNode =>
  node("rect", { x, y, width, height, fill });

export const path = (d: string, stroke: string, width = 1, more: SvgNode["attributes"] = {}): SvgNode =>
  node("path", { d, fill: "none", stroke, "stroke-width": width, ...more });

/** A part of a line of text. */
export interface Run {
  text: string;
  fill: string;
  bold?: boolean;
  struck?: boolean;
  size?: number;
  /** Empty space in front of it. */
  gap?: number;
}

/** One line of text; `y` is its baseline. */
export const text = (
  x: number,
  y: number,
  runs: readonly Run[],
  anchor: "start" | "middle" | "end" = "start",
): SvgNode =>
  node(
    "text",
    { x, y, "text-anchor": anchor === "start" ? undefined : anchor },
    ...runs.map(({ text, fill, bold, struck, size, gap }) => {
      const look = { "font-weight": bold ? 600 : undefined, "text-decoration": struck ? "line-through" : undefined };
      // Isolated, a name that is read from right to left leaves its neighbours where they are.
      return node("tspan", { fill, dx: gap, ...look, "font-size": size, style: "unicode-bidi:isolate" }, text);
    }),
  );

export const rounded = (value: number): string => String(Math.round(value * 100) / 100 + 0);

/** Characters that XML has no word for, lone halves of surrogate pairs among them. */
const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escaped = (value: string): string => value.replace(ILLEGAL, "\uFFFD").replace(/[&<>"]/g, (c) => ESCAPES[c]);

export function serialized(child: Child): string {
  if (child === null) return "";
  if (typeof child === "string") return escaped(child);
  const attributes = Object.entries(child.attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${typeof value === "number" ? rounded(value) : escaped(value!)}"`)
    .join("");
  const inner = child.children.map(serialized).join("");
  return inner ? `<${child.name}${attributes}>${inner}</${child.name}>` : `<${child.name}${attributes}/>`;
}

/** All but the last are as wide as Helvetica, and {@link widthOf} knows how wide that is. */
export const FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/** Of the characters from the space to the tilde, in thousandths of the size. */
const WIDTHS = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];
const [WIDE, OTHER, BOLDER] = [1000, 600, 1.07];
/** Fonts that stand in where there is none of these are wider. */
export const SPARE = 1.16;

/** About how wide a text is drawn. */
export function widthOf(text: string, size: number, bold = false): number {
  let sum = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    sum += WIDTHS[code - 32] ?? (code > 0x2e80 ? WIDE : OTHER);
  }
  return (sum * size * (bold ? BOLDER : 1)) / 1000;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The text, or as much of its beginning as fits, with an ellipsis. */
export function fitted(text: string, width: number, size: number, bold = false): string {
  const line = text.replace(/\s+/g, " ");
  const room = width / SPARE;
  if (widthOf(line, size, bold) <= room) return line;
  let kept = "";
  for (const { segment } of graphemes.segment(line)) {
    if (widthOf(`${kept}${segment}…`, size, bold) > room) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** The text, cut between the characters that a reader sees into pieces no wider than that; an empty one is one piece. */
export function pieces(text: string, width: number, size: number): string[] {
  const room = width / SPARE;
  if (widthOf(text, size) <= room) return [text];
  const found = [""];
  for (const { segment } of graphemes.segment(text)) {
    const longer = `${found.at(-1)}${segment}`;
    if (found.at(-1) === "" || widthOf(longer, size) <= room) found[found.length - 1] = longer;
    else found.push(segment);
  }
  return found;
}

/** Lines as wide as that at most; a word that is wider is cut. */
export function wrapped(words: string, width: number, size: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.split(" ")) {
    const longer = line ? `${line} ${word}` : word;
    if (widthOf(longer, size) * SPARE <= width) line = longer;
    else {
      if (line) lines.push(line);
      line = fitted(word, width, size);
    }
  }
  return line ? [...lines, line] : lines;
}
