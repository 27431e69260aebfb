/** The few marks of the explorer, in the text's colour; decoration only, their meaning is always said in words as well. */
import { svg, html, type TemplateResult } from "lit";

const icon = (size: number, box: number, shape: unknown): TemplateResult =>
  html`<svg
    width=${size}
    height=${size}
    viewBox="0 0 ${box} ${box}"
    fill="none"
    stroke="currentColor"
    aria-hidden="true"
  >
    ${shape}
  </svg>`;

export const check = icon(10, 10, svg`<path d="M1.2 5.3 3.9 8 8.8 2.2" stroke-width="2"/>`);
export const cross = icon(10, 10, svg`<path d="M1.8 1.8 8.2 8.2M8.2 1.8 1.8 8.2" stroke-width="2"/>`);
export const bullseye = icon(
  10,
  10,
  svg`<circle cx="5" cy="5" r="4.25" stroke-width="1.5"/><circle cx="5" cy="5" r="1.6" fill="currentColor" stroke="none"/>`,
);
export const warning = icon(
  12,
  12,
  svg`<path d="M6 1.3 11.2 10.7H.8Z" stroke-width="1.2" stroke-linejoin="round"/><path d="M6 4.6v3M6 8.4v1.1" stroke-width="1.2"/>`,
);
export const alarm = icon(
  14,
  14,
  svg`<circle cx="7" cy="7" r="6" stroke-width="1.5"/><path d="M7 3.5v4.2M7 9v1.6" stroke-width="1.6"/>`,
);
export const chevron = icon(8, 8, svg`<path d="M1 2.5 4 5.5 7 2.5" stroke-width="1.4"/>`);
const arrow = (turn: string) =>
  icon(12, 12, svg`<path d=${turn} stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>`);
export const undo = arrow("M2 5h5.2a2.8 2.8 0 0 1 0 5.6H5M4.6 2.2 1.8 5l2.8 2.8");
export const redo = arrow("M10 5H4.8a2.8 2.8 0 0 0 0 5.6H7M7.4 2.2 10.2 5 7.4 7.8");
export const back = arrow("M2.2 2v3h3M2.4 5A4 4 0 1 1 2 6.8");
export const up = arrow("M6 10.4V1.8M2.8 5 6 1.8 9.2 5");
export const down = arrow("M6 1.6v8.6M2.8 7 6 10.2 9.2 7");
export const help = icon(
  14,
  14,
  svg`<circle cx="7" cy="7" r="6" stroke-width="1.1"/><path d="M5.3 5.6a1.75 1.75 0 1 1 2.5 1.6c-.6.3-.8.6-.8 1.2M7 9.5v1.2" stroke-width="1.2"/>`,
);
export const stairs = arrow("M1 10h2.6V6h2V2h2.8v5H11");
export const curve = arrow("M1 10c2.6 0 3-8 5.4-8S9 10 11 10");
export const grid = icon(
  12,
  12,
  svg`<path d="M.5.5h11v11H.5zM4.2.5v11M7.8.5v11M.5 4.2h11M.5 7.8h11" stroke-opacity=".6"/><path d="M1 1h3v3H1zM4.5 4.5h3v3h-3zM8 8h3v3H8z" fill="currentColor" stroke="none"/>`,
);
export const brush = icon(12, 12, svg`<circle cx="6" cy="6" r="4.5" fill="currentColor" stroke="none"/>`);
export const box = icon(12, 12, svg`<path d="M1.5 2.5h9v7h-9z" fill="currentColor" stroke="none"/>`);
