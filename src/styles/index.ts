/** All styles, in the order of the menu. */
import { alpha } from "./alpha";
import { heatMap } from "./heat-map";
import { masked } from "./masked";
import { original } from "./original";
import { overlay } from "./overlay";
import type { Style } from "./style";

export const STYLES: readonly Style[] = [heatMap, overlay, masked, alpha, original];

/** The style of that name; an unknown one gives the overlay. */
export const styleNamed = (name: string): Style => STYLES.find((style) => style.name === name) ?? overlay;
