/** What the session tells the user when something is empty, refused, cancelled or missing; and what can be done about it. */
import { RefusedError } from "./seams";
import { filterInWords, type Notice } from "./state";
import type { Filter } from "./wire";

type Action = NonNullable<Notice["actions"]>[number];

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const NOT_LIVE =
  "No kernel is connected, so only the samples stored here can be shown; run the cell again to look further.";

/** No sample passes the filter so far. `scanOn` is null where there is nothing further to look at. */
export function emptyNotice(
  filter: Filter,
  scanned: number,
  exhausted: boolean,
  scanOn: Action | null,
  clear: () => void,
): Notice {
  const rest = exhausted
    ? "The dataset has no further samples."
    : scanOn
      ? "Further samples have not been looked at."
      : NOT_LIVE;
  return {
    kind: "empty",
    title: `No match in the first ${scanned} samples`,
    text: `Filter: ${filterInWords(filter)}. ${rest}`,
    actions: [...(scanOn ? [scanOn] : []), { label: "Clear filter", run: clear }],
  };
}

/** A later page found nothing in as many entries as one request looks at. */
export const noFurtherMatch = (filter: Filter, scanned: number, scanOn: Action): Notice => ({
  kind: "warning",
  title: `No further match in the next ${scanned} samples`,
  text: `Filter: ${filterInWords(filter)}.`,
  actions: [scanOn],
});

export const cancelledNotice = (goOn: () => void): Notice => ({
  kind: "warning",
  title: "Cancelled",
  text: "What was done is kept; the other samples wait.",
  actions: [{ label: "Continue", primary: true, run: goOn }],
});

/** The browser took the graphics hardware away: another tab, a driver, a sleeping laptop. */
export const graphicsLostNotice = (retry: () => void): Notice => ({
  kind: "warning",
  title: "The graphics context was lost.",
  text: "Continuing on the processor.",
  actions: [{ label: "Retry WebGL", run: retry }],
});

export const restartedNotice = (error: unknown): Notice => ({
  kind: "warning",
  title: "The engine was started again.",
  text: `It had stopped: ${messageOf(error)}. What was computed before is computed anew.`,
});

export const diedNotice = (error: unknown, again: () => void): Notice => ({
  kind: "error",
  title: "The engine stopped twice",
  text: `${messageOf(error)}. A model or a batch may need more memory than the browser gives to a page: close other tabs, show fewer samples, or choose a method with fewer passes.`,
  actions: [{ label: "Start again", primary: true, run: again }],
});

/** The model was too large for the output, and no kernel can be asked for it. */
export const notStored = (size: number): Notice => ({
  kind: "static",
  title: "The model is not stored in this notebook",
  text: `It takes ${(size / 2 ** 20).toFixed(1)} MB. Run the cell again to explore, or save it inside with render(embed=True).`,
});

export function errorNotice(error: unknown, title = "The model cannot run here"): Notice {
  if (!(error instanceof RefusedError)) return { kind: "error", title, text: messageOf(error) };
  const { nodes, total } = error;
  const [first] = nodes;
  const what = nodes.length === 1 ? "One operator" : `${nodes.length} operators`;
  return {
    kind: "error",
    title: `${what} of this model cannot run in the browser`,
    text: `The other ${total - nodes.length} of ${total} nodes are supported. Nothing was computed.`,
    facts: [
      ["operator", `${first.op}, opset ${first.opset}`],
      ["node", first.node],
      ["from module", [first.path, first.class].filter(Boolean).join("  ") || "not known"],
      ["reason", first.reason],
    ],
    steps: [
      `Replace what gives ${first.op} in the model's forward by operations with the same result.`,
      "Or explain the part of the model before it, if that is where the question lies.",
    ],
  };
}
