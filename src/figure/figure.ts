/** The view as a vector figure for papers and slides, made of the state alone. */
import type { Display, State } from "../state";
import { rampOf } from "../styles/colormaps";
import type { Theme } from "../styles/style";
import { compareFigure } from "./compare";
import { inspectFigure } from "./inspect";
import { PAPER } from "./parts";
import { samplesFigure } from "./samples";
import { serialized } from "./svg";

export interface Figure {
  /** Stands alone: no fonts, styles or pictures from elsewhere. The same state gives the same text. */
  svg: string;
  /** In CSS pixels. */
  width: number;
  height: number;
}

/** @param display as it is shown: a method that gives magnitudes alone has no sign */
export async function figureOf(state: State, display: Display, theme: Theme = PAPER): Promise<Figure> {
  const look = { display, theme, ramp: rampOf(display.cmap, display.sign, theme) };
  const root = await { samples: samplesFigure, compare: compareFigure, inspect: inspectFigure }[state.view](
    state,
    look,
  );
  return { svg: serialized(root), width: Number(root.attributes.width), height: Number(root.attributes.height) };
}
