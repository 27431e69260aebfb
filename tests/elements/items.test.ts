/** @jest-environment jsdom */
import type { LitElement } from "lit";
import { START } from "../../src/choice";
import { define } from "../../src/elements/explorer";
import { lookOf } from "../../src/elements/map";
import type { AttriscopeTable, Edited } from "../../src/elements/table";
import type { AttriscopeText } from "../../src/elements/text";
import type { Sign } from "../../src/styles/style";
import { summed } from "../gallery/fake-store";
import { all, one } from "./dom";

beforeAll(define);

afterEach(() => document.body.replaceChildren());

const look = (sign: Sign = "signed") =>
  lookOf({ ...START.display, sign, cmap: "PuOr" }, { dark: false, background: [255, 255, 255] }, 1, null);

async function put<E extends LitElement>(tag: string, properties: Partial<E>): Promise<E> {
  const element = Object.assign(document.createElement(tag) as E, { look: look() }, properties);
  document.body.append(element);
  await element.updateComplete;
  return element;
}

const attribution = (values: readonly number[], shape = [values.length]) => summed(Float32Array.from(values), shape);

const words = (element: Element): string => element.textContent!.replace(/\s+/g, " ").trim();

function press(target: Element, key: string): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true });
  target.dispatchEvent(event);
  return event;
}

/** What an element has fired. */
function heard(element: Element, ...types: string[]): [string, unknown][] {
  const events: [string, unknown][] = [];
  for (const type of types)
    element.addEventListener(type, (event) => events.push([type, (event as CustomEvent<unknown>).detail]));
  return events;
}

const rgb = (text: string): number[] => text.match(/\d+/g)!.map(Number);
const hex = (code: string): number[] => [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16));

/** By WCAG 2. */
function luminance(colour: number[]): number {
  const [r, g, b] = colour.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const contrast = (a: number[], b: number[]): number => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

describe("a text", () => {
  const text = (properties: Partial<AttriscopeText>) => put<AttriscopeText>("attriscope-text", properties);
  const tokens = (element: Element): HTMLElement[] => all(element.shadowRoot!, ".token");
  const shade = (token: HTMLElement): string => token.style.getPropertyValue("--shade");

  test("scores are divided by the largest magnitude, as in Captum Insights, and painted by the design's stops", async () => {
    const items = ["a", "b", "c", "d", "e", "f"];
    const element = await text({ items, attribution: attribution([-2, 0.8, -0.2, 1.4, 0, 2]) });
    // At the magnitudes 1, .4, .1 and .7; nothing at 0.
    const expected = ["#320e62", "#f7a64a", "#e4e0f2", "#cd640e", null, "#783604"];
    tokens(element).forEach((token, i) => {
      const stop = expected[i];
      if (stop === null) expect(shade(token)).toBe("");
      else rgb(shade(token)).forEach((value, channel) => expect(Math.abs(value - hex(stop)[channel])).toBeLessThan(4));
    });
  });

  test("what is written on a shade can be read", async () => {
    const values = Array.from({ length: 101 }, (_, i) => i / 50 - 1);
    for (const dark of [false, true]) {
      const background: [number, number, number] = dark ? [33, 33, 33] : [255, 255, 255];
      const element = await text({
        items: values.map(String),
        attribution: attribution(values),
        look: lookOf(START.display, { dark, background }, 1, null),
      });
      const shaded = tokens(element).filter(shade);
      expect(shaded).toHaveLength(100);
      for (const token of shaded)
        expect(contrast(rgb(shade(token)), rgb(token.style.color))).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("a shared scale, and the parts that a sign shows", async () => {
    const given = { items: ["a", "b"], attribution: attribution([1, -2]) };
    const [own, shared, positive, negative] = [
      await text({ items: ["a"], attribution: attribution([0.5]) }),
      await text({ ...given, scale: 2 }),
      await text({ ...given, look: look("positive") }),
      await text({ ...given, look: look("negative") }),
    ];
    const half = shade(tokens(await text({ items: ["a", "b"], attribution: attribution([1, 2]) }))[0]);
    expect(shade(tokens(shared)[0])).toBe(half);
    expect(shade(tokens(positive)[0])).toBe(shade(tokens(own)[0]));
    expect([shade(tokens(positive)[1]), shade(tokens(negative)[0])]).toEqual(["", ""]);
    expect(shade(tokens(negative)[1])).not.toBe("");
  });

  test("of an embedding a token has the sum; ranks are by magnitude, equals share theirs", async () => {
    const values = [1, -1, 3, -5, 1, 1, 0, 2];
    const element = await text({
      items: ["a", "b", "c", "d"],
      shape: [4, 2],
      attribution: attribution(values, [4, 2]),
    });
    expect([...element.scores!]).toEqual([0, -2, 2, 2]);
    expect(tokens(element).map((token) => token.getAttribute("aria-label"))).toEqual([
      "a, plus 0.000, rank 4",
      "b, minus 2.000, rank 1",
      "c, plus 2.000, rank 1",
      "d, plus 2.000, rank 1",
    ]);
  });

  test("a map that does not lie over the tokens is told, and shades none", async () => {
    const element = await text({ items: ["a", "b"], attribution: attribution([1, 2, 3], [3]) });
    expect(words(one(element, '[data-note="misfit"]'))).toContain("shape [3]: it does not lie over the 2 tokens");
    expect(tokens(element).map(shade)).toEqual(["", ""]);
    expect(element.scores).toBeNull();
  });

  test("before there are scores the tokens stand alone", async () => {
    const element = await text({ items: ["a", "b"], stale: true });
    expect(tokens(element).map(shade)).toEqual(["", ""]);
    expect(tokens(element)[0].getAttribute("aria-label")).toBe("a");
    expect(all(element.shadowRoot!, ".stale")).toHaveLength(0);
  });

  test("tokens are text, whatever they hold; line breaks, blanks and nothing are visible", async () => {
    const items = ["<img src=x onerror=alert(1)>", "&amp;", "a\r\nb", "\n", "  ", "", "كان", "W".repeat(300), " the"];
    const element = await text({ items });
    expect(tokens(element).map((token) => token.textContent)).toEqual([
      ...["<img src=x onerror=alert(1)>", "&amp;", "a↵b", "↵", "␣␣", "∅", "كان", "W".repeat(300), " the"],
    ]);
    expect(all(element.shadowRoot!, "img")).toHaveLength(0);
    expect(tokens(element)[5].getAttribute("aria-label")).toBe("empty token");
  });

  test("under the pointer and with the focus a token is read out", async () => {
    const element = await text({ items: ["thin", "superb"], attribution: attribution([-0.79, 0.51]), stop: true });
    const events = heard(element, "probe");
    tokens(element)[1].dispatchEvent(new Event("pointerenter"));
    await element.updateComplete;
    expect(words(one(element, ".tip"))).toBe("superb +0.510 rank 2 of 2");
    expect(tokens(element)[1].className).toContain("probed");
    one(element, ".text").dispatchEvent(new Event("pointerleave"));
    await element.updateComplete;
    expect(all(element.shadowRoot!, ".tip, .probed")).toHaveLength(0);
    tokens(element)[0].focus();
    await element.updateComplete;
    expect(words(one(element, ".tip"))).toBe("thin −0.790 rank 1 of 2");
    tokens(element)[0].blur();
    await element.updateComplete;
    expect(all(element.shadowRoot!, ".tip")).toHaveLength(0);
    expect(events.map(([, detail]) => detail)).toEqual([1, null, 0, null]);
    element.items = ["another"];
    await element.updateComplete;
    expect(all(element.shadowRoot!, ".tip")).toHaveLength(0);
  });

  test("one stop, or none; arrow keys, Home and End go from token to token, around the ends", async () => {
    const element = await text({ items: ["a", "b", "c"], stop: true });
    const stops = (): string[] => tokens(element).flatMap((token) => (token.tabIndex === 0 ? [words(token)] : []));
    expect(stops()).toEqual(["a"]);
    element.focus();
    for (const [key, expected] of [
      ["ArrowRight", "b"],
      ["End", "c"],
      ["ArrowDown", "a"],
      ["ArrowLeft", "c"],
      ["Home", "a"],
      ["ArrowUp", "c"],
    ]) {
      expect(press(element.shadowRoot!.activeElement!, key).defaultPrevented).toBe(true);
      await element.updateComplete;
      expect([words(element.shadowRoot!.activeElement!), stops()]).toEqual([expected, [expected]]);
    }
    (element.shadowRoot!.activeElement as HTMLElement).blur();
    element.focus();
    expect(words(element.shadowRoot!.activeElement!)).toBe("c");
    element.stop = false;
    await element.updateComplete;
    expect(stops()).toEqual([]);
  });

  test("a click opens; where tokens can be hidden, a click, Delete and Backspace toggle them", async () => {
    const element = await text({ items: ["a", "b"], stop: true });
    const events = heard(element, "open", "toggle");
    // Enter and Space click a button, as browsers do it.
    expect(tokens(element).every(({ localName }) => localName === "button")).toBe(true);
    tokens(element)[1].click();
    press(tokens(element)[1], "Delete");
    expect(events).toEqual([["open", 1]]);
    Object.assign(element, { maskable: true, masked: Uint8Array.of(0, 1) });
    await element.updateComplete;
    expect(tokens(element).map((token) => token.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
    tokens(element)[0].click();
    tokens(element)[1].focus();
    expect(press(tokens(element)[1], "Delete").defaultPrevented).toBe(true);
    expect(press(tokens(element)[1], "Backspace").defaultPrevented).toBe(true);
    press(tokens(element)[1], "x");
    expect(events.slice(1)).toEqual([
      ["toggle", 0],
      ["toggle", 1],
      ["toggle", 1],
    ]);
  });

  test("a hidden token has no shade, the strongest are outlined", async () => {
    const element = await text({
      items: ["a", "b", "c"],
      attribution: attribution([3, -2, 1]),
      masked: Uint8Array.of(1, 0, 0),
      top: 2,
    });
    expect(tokens(element).map((token) => shade(token) !== "")).toEqual([false, true, true]);
    expect(tokens(element).map(({ classList }) => [classList.contains("hidden"), classList.contains("top")])).toEqual([
      [true, true],
      [false, true],
      [false, false],
    ]);
  });

  test("a small one is a picture of its words: nothing in it takes the focus", async () => {
    const element = await text({ items: ["a", "b"], attribution: attribution([1, 2]), small: true, label: "IG" });
    expect(all(element.shadowRoot!, "button, [tabindex], .tip")).toHaveLength(0);
    expect(one(element, '[role="img"]').getAttribute("aria-label")).toBe("IG: a b");
  });
});

describe("a row", () => {
  const table = (properties: Partial<AttriscopeTable>) => put<AttriscopeTable>("attriscope-table", properties);
  const given = {
    categories: ["siblings", "fare", "sex"],
    items: [2, 8.6833, "female"],
    inputs: Float32Array.of(2, 8.6833, 1),
    baseline: Float32Array.of(0.5, 32.2, 0),
    attribution: attribution([0.278, -0.556, 0.0139]),
  };
  const rows = (element: Element): HTMLElement[] => all(element.shadowRoot!, "tbody tr");
  const names = (element: Element): string[] => all(element.shadowRoot!, "tbody th").map(words);
  const fields = (element: Element) => all(element.shadowRoot!, "input") as HTMLInputElement[];
  /** "for 50%" */
  const bars = (element: Element): string[] =>
    all(element.shadowRoot!, ".bar").map((bar) => {
      const inner = bar.querySelector("i");
      return inner ? `${inner.className} ${inner.style.width}` : "";
    });

  function type(field: HTMLInputElement, value: string): void {
    field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  test("the strongest first: name, value, a bar of half the width for the largest magnitude, score, sum", async () => {
    const element = await table(given);
    expect(rows(element).map(words)).toEqual(["fare 8.6833 −0.556", "siblings 2 +0.278", "sex female +0.014"]);
    const [fare, siblings, sex] = bars(element);
    expect([fare, siblings]).toEqual(["against 50%", "for 25%"]);
    expect(parseFloat(sex.slice(4))).toBeCloseTo(1.25);
    expect(all(element.shadowRoot!, ".axis span").map(words)).toEqual(["−0.56", "0", "+0.56"]);
    expect(words(one(element, "tfoot"))).toBe("sum −0.264");
    expect(all(element.shadowRoot!, "input")).toHaveLength(0);
  });

  test("as they come while there are no scores, and as many lines as with them", async () => {
    const categories = Array.from({ length: 12 }, (_, i) => `c${i}`);
    const items = categories.map((_, i) => i);
    const scores = attribution(items.map((i) => (i % 2 ? -i : i) / 4));
    const [before, after] = [
      await table({ categories, items, inputs: items, most: 4 }),
      await table({ categories, items, inputs: items, most: 4, attribution: scores }),
    ];
    expect(names(before)).toEqual(["c0", "c1", "c2", "c3"]);
    expect(names(after)).toEqual(["c11", "c10", "c9", "c8"]);
    const feet = [before, after].map((element) => all(element.shadowRoot!, "tfoot tr").map(words));
    // 0 - .25 + .5 - .75 + 1 - 1.25 + 1.5 - 1.75, and all of them.
    expect(feet).toEqual([
      ["and 8 more", "sum"],
      ["and 8 weaker −1.000", "sum −1.500"],
    ]);
  });

  test("equals stay in order; a sign puts what it does not show last, and its axis ends where its bars do", async () => {
    const scores = { attribution: attribution([0.2, -0.4, 0.2]) };
    expect(names(await table({ ...given, ...scores }))).toEqual(["fare", "siblings", "sex"]);
    const axis = (element: Element): string[] => all(element.shadowRoot!, ".axis span").map(words);
    const [positive, negative, absolute] = [
      await table({ ...given, ...scores, look: look("positive") }),
      await table({ ...given, ...scores, look: look("negative") }),
      await table({ ...given, ...scores, look: look("absolute") }),
    ];
    expect([names(positive), bars(positive), axis(positive)]).toEqual([
      ["siblings", "sex", "fare"],
      ["for 50%", "for 50%", ""],
      ["", "0", "+0.20"],
    ]);
    expect([names(negative)[0], bars(negative), axis(negative)]).toEqual([
      "fare",
      ["against 50%", "", ""],
      ["−0.40", "0", ""],
    ]);
    expect([bars(absolute), axis(absolute)]).toEqual([
      ["for 50%", "for 25%", "for 25%"],
      ["", "0", "+0.40"],
    ]);
  });

  test("a shared scale; all zero has no bars", async () => {
    expect(bars(await table({ ...given, scale: 1.112 }))[0]).toBe("against 25%");
    expect(bars(await table({ ...given, attribution: attribution([0, 0, 0]) }))).toEqual(["", "", ""]);
  });

  test("names and values are text, whatever they hold", async () => {
    const element = await table({ ...given, categories: ["<b>a</b>", "b", "c"], items: ["<img src=x>", "", -1e-7] });
    expect(all(element.shadowRoot!, "img, b")).toHaveLength(0);
    expect(rows(element).map(words)).toEqual(["b ∅ −0.556", "<b>a</b> <img src=x> +0.278", "c −1e−7 +0.014"]);
  });

  test("what the model sees stands beside what is shown, where they differ", async () => {
    const element = await table({ ...given, editable: true });
    const head = all(element.shadowRoot!, "thead th").map(words);
    expect(head).toEqual(["Feature", "Value", "Input", "Score"]);
    expect(fields(element).map(({ value }) => value)).toEqual(["8.6833", "2", "1"]);
    const same = await table({ ...given, items: [2, 8.6833, 1], editable: true });
    expect(all(same.shadowRoot!, "thead th").map(words)).toEqual(["Feature", "Value", "Score"]);
    expect(fields(same)).toHaveLength(3);
  });

  test("a value is entered, with a point, a comma or a minus sign of print; what it was takes it back", async () => {
    const element = await table({ ...given, editable: true });
    const events = heard(element, "edit");
    const [fare] = fields(element);
    for (const value of ["53.1", "53,1", " −2 ", "1e3", "−1e−3", "8.6833"]) type(fare, value);
    expect(events.map(([, detail]) => detail)).toEqual([
      { place: 1, value: 53.1 },
      { place: 1, value: 53.1 },
      { place: 1, value: -2 },
      { place: 1, value: 1000 },
      { place: 1, value: -0.001 },
    ]);
    element.edited = new Map([[1, 53.1]]);
    await element.updateComplete;
    expect(fare.value).toBe("53.1");
    expect(rows(element).map(({ classList }) => classList.contains("changed"))).toEqual([true, false, false]);
    type(fare, "8.68330");
    expect(events.at(-1)).toEqual(["edit", { place: 1, value: null }]);
  });

  test("what is no number is refused and explained", async () => {
    const element = await table({ ...given, editable: true });
    const events = heard(element, "edit");
    const [fare] = fields(element);
    for (const value of ["", "much", "1,2,3", "NaN", "Infinity", "1e39"]) {
      type(fare, value);
      await element.updateComplete;
      expect(words(one(element, '[role="alert"]'))).toBe(`fare: got "${value}"; expected a number, e.g. 0.5`);
      expect((fare as HTMLInputElement).value).toBe(value);
      expect(fare.getAttribute("aria-invalid")).toBe("true");
    }
    expect(events).toEqual([]);
    type(fare, "7");
    await element.updateComplete;
    expect(all(element.shadowRoot!, '[role="alert"]')).toHaveLength(0);
    expect(events).toHaveLength(1);
  });

  test("what is being typed stays, and in its place, when other scores arrive; then the strongest come first", async () => {
    const element = await table({ ...given, editable: true });
    const names = () => rows(element).map(({ dataset }) => Number(dataset.place));
    const before = names();
    const [fare] = fields(element);
    fare.value = "53";
    fare.dispatchEvent(new Event("input"));
    element.attribution = attribution([3, 2, 1]);
    await element.updateComplete;
    expect(names()).toEqual(before);
    expect(fare.value).toBe("53");
    fare.dispatchEvent(new Event("blur"));
    await element.updateComplete;
    expect(before).not.toEqual([0, 1, 2]);
    expect(names()).toEqual([0, 1, 2]);
  });

  test("keys: Escape takes a change back, Delete on the whole value puts the baseline's there, arrows change the row", async () => {
    const element = await table({ ...given, editable: true, edited: new Map([[0, 7]]) });
    const events = heard(element, "edit");
    const outside = jest.fn();
    document.body.addEventListener("keydown", outside, { once: true });
    const [fare, siblings] = fields(element);
    fare.focus();
    press(fare, "ArrowDown");
    expect(element.shadowRoot!.activeElement).toBe(siblings);
    press(siblings, "ArrowUp");
    expect(element.shadowRoot!.activeElement).toBe(fare);
    fare.setSelectionRange(0, 1);
    expect(press(fare, "Delete").defaultPrevented).toBe(false);
    fare.select();
    expect(press(fare, "Delete").defaultPrevented).toBe(true);
    siblings.value = "much";
    expect(press(siblings, "Escape").defaultPrevented).toBe(true);
    expect(siblings.value).toBe("7");
    press(fare, "Escape");
    expect(events.map(([, detail]) => detail as Edited)).toEqual([
      { place: 1, value: given.baseline[1] },
      { place: 0, value: null },
    ]);
    expect(outside).toHaveBeenCalledTimes(1);
  });

  test("a map that does not lie over the values is told", async () => {
    const element = await table({ ...given, attribution: attribution([1, 2], [2]) });
    expect(words(one(element, '[data-note="misfit"]'))).toContain("shape [2]: it does not lie over the 3 values");
    expect(names(element)).toEqual(given.categories);
  });
});
