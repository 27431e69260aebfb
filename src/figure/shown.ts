/** Which explanations a view shows: what its numbers, and the code that gives them, are taken from. */
import type { Arguments } from "../methods/method";
import type { Card, CompareCell, Result, State } from "../state";

/** One method with its arguments, on the samples of the page or on the selected one. */
export interface Explained {
  /** Index of the model. */
  model: number;
  method: string;
  arguments: Arguments;
  baseline: number;
  /** What is explained, and what has come of it so far. */
  cells: { card: Card; result: Result | null }[];
}

/** A result that is not about to be replaced. */
export const settled = ({ result, status }: Pick<CompareCell, "result" | "status">): Result | null =>
  status === "ready" ? result : null;

/** In Compare one for each column that can be computed, else a single one; none without samples. */
export function explained(state: State): Explained[] {
  const { view, comparison, inspection, cards } = state;
  const chosen = { model: state.model, method: state.method, arguments: state.arguments, baseline: state.baseline };
  if (view === "compare")
    return (comparison?.columns ?? []).flatMap(({ pin, model, whyNot }, column) => {
      if (whyNot !== undefined) return [];
      const cells = cards.map((card, row) => {
        const cell = comparison!.rows[row]?.[column];
        return { card, result: cell ? settled(cell) : null };
      });
      return [asComputed({ ...chosen, model, method: pin.method, arguments: pin.arguments, cells })];
    });
  const shown = view === "inspect" ? (inspection ? [inspection.card] : []) : cards;
  if (shown.length === 0) return [];
  return [asComputed({ ...chosen, cells: shown.map((card) => ({ card, result: settled(card) })) })];
}

/** As it was computed where that differs from what is entered; results of anything else are left out. */
function asComputed(chosen: Explained): Explained {
  const first = chosen.cells.find(({ result }) => result)?.result;
  if (!first) return chosen;
  const { method, arguments: args, baseline } = first;
  const key = JSON.stringify([method, args, baseline]);
  const isSame = (result: Result): boolean =>
    JSON.stringify([result.method, result.arguments, result.baseline]) === key;
  const cells = chosen.cells.map(({ card, result }) => ({ card, result: result && isSame(result) ? result : null }));
  return { ...chosen, method, arguments: args, baseline, cells };
}
