/** Every state of the explorer on realistic samples: `?page=NAME&theme=light|dark|lab-light|lab-dark&width=PIXELS`. */
import { type AttriscopeExplorer, define, TAG } from "../../src/elements/explorer";
import type { Card, Comparison, State } from "../../src/state";
import type { NDArray } from "../../src/wire";
import { FakeStore, makeCard, makeComparison, makeInspection } from "./fake-store";
import { COMPARE } from "./pages-compare";
import { INSPECT } from "./pages-inspect";
import { OPENED, SAMPLES } from "./pages-samples";

const PAGES: Record<string, () => State | null> = { ...SAMPLES, ...COMPARE, ...INSPECT };

const LAB: Record<string, Record<string, string>> = {
  "lab-light": {
    "--jp-layout-color1": "#fff",
    "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
    "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
    "--jp-border-color1": "#bdbdbd",
    "--jp-border-color2": "#e0e0e0",
    "--jp-brand-color1": "#1976d2",
    "--jp-success-color1": "#388e3c",
    "--jp-error-color1": "#d32f2f",
    "--jp-warn-color1": "#f57c00",
    "--jp-ui-font-family": "Arial, sans-serif",
  },
  "lab-dark": {
    "--jp-layout-color1": "#212121",
    "--jp-ui-font-color1": "rgba(255, 255, 255, 0.87)",
    "--jp-ui-font-color2": "rgba(255, 255, 255, 0.54)",
    "--jp-border-color1": "#616161",
    "--jp-border-color2": "#424242",
    "--jp-brand-color1": "#2196f3",
    "--jp-success-color1": "#4caf50",
    "--jp-error-color1": "#f44336",
    "--jp-warn-color1": "#ff9800",
    "--jp-ui-font-family": "Arial, sans-serif",
  },
};

function setTheme(theme: string): void {
  const root = document.documentElement.style;
  root.colorScheme = theme === "light" || theme === "dark" ? theme : "light dark";
  for (const token of Object.keys(LAB["lab-light"])) root.removeProperty(token);
  for (const [token, value] of Object.entries(LAB[theme] ?? {})) root.setProperty(token, value);
}

/** Pictures to use instead of the formula's: {label, shape, data}[] as JSON. */
async function realImages(url: string): Promise<Card[]> {
  const entries = (await (await fetch(url)).json()) as { label: number; shape: number[]; data: number[] }[];
  return entries.map(({ label, shape, data }, index) => {
    const image: NDArray = { dtype: "uint8", shape, data: Uint8Array.from(data) };
    return makeCard(20 + index, { image, label });
  });
}

async function show(): Promise<void> {
  define();
  const query = new URLSearchParams(location.search);
  const page = query.get("page") ?? "ready";
  setTheme(query.get("theme") ?? "");
  const explorer = document.createElement(TAG) as AttriscopeExplorer;
  const state = (PAGES[page] ?? PAGES.ready)();
  if (state) {
    const images = query.get("images");
    if (images) {
      state.cards = (await realImages(images))
        .map((card, i) => ({ ...card, ...pick(state.cards[i]) }))
        .slice(0, state.cards.length);
      if (state.inspection) state.inspection = makeInspection(state.cards[0]);
      if (state.comparison) state.comparison = compared(state.comparison, state.cards);
    }
    explorer.store = new FakeStore(state);
  } else if (page === "failed") {
    explorer.stopped = {
      title: "The model could not be exported",
      text: "torch.onnx: Unsupported: data-dependent control flow",
    };
  } else explorer.stage = "exporting the model, 2 s";

  const frame = document.createElement("div");
  frame.style.width = query.has("width") ? `${query.get("width")}px` : "min(1040px, 100%)";
  frame.append(explorer);
  document.body.append(menu(page, query), frame);
  for (const step of OPENED[page] ?? []) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (step.startsWith('"')) type(JSON.parse(step) as string);
    else find(explorer, step)?.click();
  }
  Object.assign(window, { explorer, pages: Object.keys(PAGES) });
}

/** The first match of "element part", through the shadow roots; with one part, anywhere. */
function find(root: Element, selector: string): HTMLElement | null {
  const inside = root.shadowRoot!;
  const [host, part] = selector.split(" ");
  const own = part ? inside.querySelector(host)?.shadowRoot?.querySelector<HTMLElement>(part) : null;
  const found = own ?? (part ? null : inside.querySelector<HTMLElement>(selector));
  if (found) return found;
  for (const element of inside.querySelectorAll("*")) {
    const deeper = element.shadowRoot ? find(element, selector) : null;
    if (deeper) return deeper;
  }
  return null;
}

/** Into the field that has the focus. */
function type(text: string): void {
  let field = document.activeElement;
  while (field?.shadowRoot?.activeElement) field = field.shadowRoot.activeElement;
  (field as HTMLInputElement).value = text;
  field!.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The same columns on other cards. */
const compared = ({ columns }: Comparison, cards: Card[]): Comparison => ({
  columns,
  rows: makeComparison(
    cards,
    columns.map(({ pin }) => pin),
  ).rows,
});

/** What a page says about progress, laid over a real picture. */
const pick = (card: Card | undefined): Partial<Card> =>
  card && card.status !== "ready"
    ? { status: card.status, done: card.done, result: card.result, stale: card.stale }
    : {};

function menu(current: string, query: URLSearchParams): HTMLElement {
  const nav = document.createElement("nav");
  nav.hidden = query.has("bare");
  for (const page of Object.keys(PAGES)) {
    const link = document.createElement("a");
    const target = new URLSearchParams(query);
    target.set("page", page);
    link.href = `?${target}`;
    link.textContent = page;
    if (page === current) link.setAttribute("aria-current", "page");
    nav.append(link);
  }
  return nav;
}

void show();
