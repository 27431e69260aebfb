/** Colours, type and the shapes of controls: every token has a fallback for hosts without Jupyter's own. */
import { css } from "lit";

/** For the root alone; custom properties reach every component below it. */
export const tokens = css`
  :host {
    --bg: var(--jp-layout-color1, #fff);
    --fg: var(--jp-ui-font-color1, rgb(0 0 0 / 87%));
    --fg2: var(--jp-ui-font-color2, rgb(0 0 0 / 54%));
    --line: var(--jp-border-color2, #e0e0e0);
    --line1: var(--jp-border-color1, #bdbdbd);
    --acc: var(--jp-brand-color1, #1976d2);
    --ok: var(--jp-success-color1, #388e3c);
    --err0: var(--jp-error-color1, #d32f2f);
    --warn0: var(--jp-warn-color1, #f57c00);
    --font: var(--jp-ui-font-family, system-ui, -apple-system, "Segoe UI", helvetica, arial, sans-serif);
    --code: var(--jp-code-font-family, menlo, consolas, "DejaVu Sans Mono", monospace);
  }
  @supports (color: light-dark(#000, #fff)) {
    :host {
      --bg: var(--jp-layout-color1, light-dark(#fff, #212121));
      --fg: var(--jp-ui-font-color1, light-dark(rgb(0 0 0 / 87%), rgb(255 255 255 / 87%)));
      --fg2: var(--jp-ui-font-color2, light-dark(rgb(0 0 0 / 54%), rgb(255 255 255 / 54%)));
      --line: var(--jp-border-color2, light-dark(#e0e0e0, #424242));
      --line1: var(--jp-border-color1, light-dark(#bdbdbd, #616161));
      --acc: var(--jp-brand-color1, light-dark(#1976d2, #2196f3));
      --ok: var(--jp-success-color1, light-dark(#388e3c, #4caf50));
      --err0: var(--jp-error-color1, light-dark(#d32f2f, #f44336));
      --warn0: var(--jp-warn-color1, light-dark(#f57c00, #ff9800));
    }
  }
  :host {
    --acct: color-mix(in srgb, var(--acc) 86%, var(--fg));
    --err: color-mix(in srgb, var(--err0) 82%, var(--fg));
    --warn: color-mix(in srgb, var(--warn0) 62%, var(--fg));
    --track: color-mix(in srgb, currentColor 9%, transparent);
    --bar: color-mix(in srgb, currentColor 42%, transparent);
    --tint: color-mix(in srgb, currentColor 4%, transparent);
    --selected: color-mix(in srgb, var(--acc) 8%, var(--bg));
  }
`;

/** For every component. */
export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  button,
  select,
  input {
    margin: 0;
    font: inherit;
    letter-spacing: inherit;
    font-variant-numeric: inherit;
    color: inherit;
  }
  button {
    cursor: pointer;
  }
  button:disabled {
    cursor: default;
  }
  :focus-visible {
    outline: 2px solid var(--acc);
    outline-offset: 1px;
  }
  attriscope-popover:focus-visible {
    outline: none;
  }
  svg {
    flex: none;
    display: block;
  }
  .caps {
    font-size: 10px;
    line-height: 16px;
    font-weight: 600;
    letter-spacing: 0.06em;
    text-transform: uppercase;
    color: var(--fg2);
  }
  .muted {
    color: var(--fg2);
  }
  .truncate {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    unicode-bidi: isolate;
  }
  /* For readers who do not see it. */
  .silent {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

/** For components that show results: the strip above them, a pixel's read-out, a delta. */
export const results = css`
  .strip {
    display: flex;
    align-items: center;
    gap: 4px 16px;
    min-height: 33px;
    padding: 0 12px;
    border-bottom: 1px solid var(--line);
    font-size: 11px;
    color: var(--fg2);
  }
  .strip b {
    font-weight: 400;
    color: var(--fg);
  }
  .probe {
    position: absolute;
    z-index: 1;
    padding: 2px 6px;
    border: 1px solid var(--line1);
    border-radius: 3px;
    background: var(--bg);
    font-size: 11px;
    white-space: nowrap;
    pointer-events: none;
  }
  /* Over an old map, once the new one takes longer. */
  .pending {
    display: grid;
    place-items: center;
    font-size: 11px;
    visibility: hidden;
    animation: appear 0s 150ms forwards;
  }
  .pending span {
    padding: 0 6px;
    border-radius: 10px;
    background: var(--bg);
    color: var(--fg2);
  }
  @keyframes recede {
    to {
      opacity: 0.3;
    }
  }
  @keyframes appear {
    to {
      visibility: visible;
    }
  }
  .delta {
    display: flex;
    align-items: center;
    gap: 4px;
    margin-left: auto;
  }
  .high {
    color: var(--warn);
  }
`;

/** For components with controls: fields, selects, sliders, buttons, and the line they stand on. */
export const controls = css`
  :host {
    display: flex;
    padding: 4px 12px;
  }
  .label {
    flex: none;
    width: 68px;
    line-height: 24px;
  }
  .line {
    flex: 1;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 16px;
    min-width: 0;
    min-height: 24px;
  }
  .end {
    margin-left: auto;
  }
  /* Of boxes in a row, see Fold; what stands at the end takes its room from the first row alone. */
  .line.folding {
    --over: min(var(--gap, 20px), 12px);
    position: relative;
    display: block;
    max-height: calc(var(--rows, 1) * 32px);
    /* The gap behind the last box, and the one below the last row, lie in the padding around the line. */
    margin: 0 calc(-1 * var(--over)) -8px 0;
    overflow: clip;
    overflow-clip-margin: 4px;
  }
  .line.folding.open {
    max-height: none;
  }
  .line.folding > * {
    display: inline-flex;
    vertical-align: top;
    margin: 0 var(--gap, 20px) 8px 0;
  }
  .line.folding::before {
    content: "";
    float: right;
    width: var(--ends, 0px);
    height: 24px;
  }
  .line.folding > .ends {
    position: absolute;
    top: 0;
    right: var(--over);
    margin: 0;
  }
  .line:not(.folds) .more {
    display: none;
  }
  .field {
    display: flex;
    align-items: center;
    gap: 8px;
    color: var(--fg2);
    white-space: nowrap;
  }
  .control {
    height: 24px;
    padding: 0 8px;
    border: 1px solid var(--line1);
    border-radius: 3px;
    background-color: var(--bg);
    color: var(--fg);
  }
  .control:hover:not(:disabled) {
    border-color: var(--fg2);
  }
  .control:disabled {
    opacity: 0.5;
  }
  input.control {
    width: 40px;
    text-align: center;
  }
  .control[aria-invalid="true"] {
    border-color: var(--err);
  }
  select.control,
  .select {
    appearance: none;
    padding-right: 24px;
    cursor: pointer;
    background-image:
      linear-gradient(45deg, transparent 50%, var(--fg2) 50%), linear-gradient(-45deg, transparent 50%, var(--fg2) 50%);
    background-position:
      right 11px center,
      right 7px center;
    background-size: 4px 4px;
    background-repeat: no-repeat;
  }
  option,
  optgroup {
    background: var(--bg);
    color: var(--fg);
  }
  .quiet {
    height: 24px;
    padding: 0 8px;
    border: 0;
    border-radius: 3px;
    background: none;
    color: var(--fg2);
  }
  .quiet:hover:not(:disabled) {
    background: var(--tint);
    color: var(--fg);
  }
  .quiet:disabled {
    opacity: 0.4;
  }
  .icon {
    display: grid;
    place-items: center;
    width: 24px;
    padding: 0;
  }
  input[type="checkbox"] {
    accent-color: var(--acc);
  }
  input[type="range"] {
    appearance: none;
    width: 96px;
    height: 24px;
    margin: 0;
    background: none;
    cursor: pointer;
    --thumb: 12px;
    --fill: linear-gradient(var(--acc), var(--acc)) 0 / calc(var(--at, 0) * 100%) 100% no-repeat var(--line1);
  }
  input[type="range"]::-webkit-slider-runnable-track {
    height: 2px;
    background: var(--fill);
  }
  input[type="range"]::-moz-range-track {
    height: 2px;
    background: var(--fill);
  }
  input[type="range"]::-webkit-slider-thumb {
    appearance: none;
    width: var(--thumb);
    height: var(--thumb);
    margin-top: -5px;
    border: 2px solid var(--thumb-line, var(--acc));
    border-radius: 50%;
    background: var(--bg);
  }
  input[type="range"]::-moz-range-thumb {
    box-sizing: border-box;
    width: var(--thumb);
    height: var(--thumb);
    border: 2px solid var(--thumb-line, var(--acc));
    border-radius: 50%;
    background: var(--bg);
  }
  .field:has(> :disabled) {
    opacity: 0.5;
  }
  .field :disabled {
    opacity: 1;
    cursor: default;
  }
  @container (width < 600px) {
    .label {
      width: 56px;
    }
  }
`;
