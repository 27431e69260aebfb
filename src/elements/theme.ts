/** Light or dark, judged by the colour that is really there, and judged again whenever it may have changed. */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { RGB, Theme } from "../styles/style";

const LIGHT: Theme = { dark: false, background: [255, 255, 255] };

/** The theme by the background colour that the element computes to. */
export function themeOf(element: Element): Theme {
  const background = parse(getComputedStyle(element).backgroundColor);
  if (!background) return LIGHT;
  const [red, green, blue] = background.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return { dark: 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18, background };
}

function parse(colour: string): RGB | null {
  const numbers = colour.match(/-?[\d.]+(e-?\d+)?/g)?.map(Number) ?? [];
  const transparent = numbers.length > 3 && numbers[3] === 0;
  if (numbers.length < 3 || transparent) return null;
  const [red, green, blue] = colour.startsWith("color(") ? numbers.map((value) => value * 255) : numbers;
  return [red, green, blue];
}

/** Keeps `theme` and `pixelRatio` of its host up to date while the host is in the document. */
export class ThemeController implements ReactiveController {
  theme = LIGHT;
  pixelRatio = 1;
  readonly #host: ReactiveControllerHost & Element;
  #release: AbortController | null = null;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    const { signal } = (this.#release = new AbortController());
    const observer = new MutationObserver(this.judge);
    for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true });
    signal.addEventListener("abort", () => observer.disconnect());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.judge, { signal });
    window.addEventListener("resize", this.judge, { signal });
    this.judge();
  }

  hostDisconnected(): void {
    this.#release?.abort();
  }

  readonly judge = (): void => {
    const theme = themeOf(this.#host);
    const pixelRatio = window.devicePixelRatio || 1;
    const same = theme.background.every((value, channel) => value === this.theme.background[channel]);
    if (same && pixelRatio === this.pixelRatio) return;
    this.theme = theme;
    this.pixelRatio = pixelRatio;
    this.#host.requestUpdate();
  };
}
