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
export const brush = icon(12, 12, svg`<circle cx="6" cy="6" r="4.5" fill="currentColor" stroke="none"/>`);
export const box = icon(12, 12, svg`<path d="M1.5 2.5h9v7h-9z" fill="currentColor" stroke="none"/>`);
