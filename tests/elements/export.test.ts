/** @jest-environment jsdom */
import { CompressionStream } from "node:stream/web";
import { type AttriscopeExport, fileName } from "../../src/elements/export";
import { define } from "../../src/elements/explorer";
import { csvOf } from "../../src/figure/csv";
import type { State } from "../../src/state";
import { makeCard, makeInspection, makeState } from "../gallery/fake-store";

/** What was written into the clipboard, by type; and the files that were saved, by name. */
const clipboard: Record<string, Promise<Blob>>[] = [];
const files: { name: string; blob: Blob }[] = [];

const allow = (write: (items: ClipboardItem[]) => Promise<void>): void =>
  void Object.assign(navigator, { clipboard: { write } });

const accept = async (items: ClipboardItem[]): Promise<void> => {
  const held = (items[0] as unknown as { data: Record<string, Promise<Blob>> }).data;
  await Promise.all(Object.values(held));
  clipboard.push(held);
};

const refuse = (): Promise<void> => Promise.reject(new DOMException("not here", "NotAllowedError"));

/** jsdom has none of these. */
beforeAll(() => {
  HTMLCanvasElement.prototype.getContext = (() => ({ drawImage: () => {} })) as never;
  HTMLCanvasElement.prototype.toBlob = function (callback) {
    callback(new Blob([`${this.width} x ${this.height}`], { type: "image/png" }));
  };
  HTMLImageElement.prototype.decode = () => Promise.resolve();
  Object.assign(globalThis, {
    CompressionStream,
    ClipboardItem: class {
      readonly data: Record<string, Promise<Blob>>;
      constructor(data: Record<string, Promise<Blob>>) {
        this.data = data;
      }
    },
  });
  let made: Blob;
  URL.createObjectURL = (blob: Blob) => ((made = blob), "blob:made");
  URL.revokeObjectURL = () => {};
  HTMLAnchorElement.prototype.click = function () {
    files.push({ name: this.download, blob: made });
  };
  define();
});

beforeEach(() => {
  clipboard.length = files.length = 0;
  allow(accept);
});

afterEach(() => document.body.replaceChildren());

async function mount(change: Partial<State> = {}): Promise<AttriscopeExport> {
  const element = document.createElement("attriscope-export") as AttriscopeExport;
  element.state = makeState({ cards: [makeCard(20)], ...change });
  document.body.append(element);
  await element.updateComplete;
  return element;
}

const find = <E extends HTMLElement>(element: AttriscopeExport, selector: string): E | null =>
  element.renderRoot.querySelector<E>(selector);

async function opened(change: Partial<State> = {}): Promise<AttriscopeExport> {
  const element = await mount(change);
  find(element, "[data-control=export]")!.click();
  await element.updateComplete;
  await new Promise((resolve) => setTimeout(resolve));
  return element;
}

/** Clicks, and waits for what is said in the end. */
async function hand(element: AttriscopeExport, what: string): Promise<string> {
  find(element, `[data-export=${what}]`)!.click();
  const report = () => find(element, "[role=status]")!;
  do await new Promise((resolve) => setTimeout(resolve, 5));
  while ((report().dataset.report ?? "busy") === "busy");
  return report().textContent!.trim();
}

const text = (blob: Blob): Promise<string> =>
  new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.readAsText(blob);
  });

const row = (element: AttriscopeExport, what: string): string =>
  find(element, `[data-export=${what}]`)!.closest(".row")!.querySelector(".about")!.textContent!.trim();

const focused = (element: AttriscopeExport): string => {
  const active = (element.renderRoot as ShadowRoot).activeElement as HTMLElement | null;
  return active?.dataset.export ?? active?.dataset.control ?? "";
};

const press = (element: AttriscopeExport, key: string): void => {
  const active = (element.renderRoot as ShadowRoot).activeElement!;
  active.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true }));
};

describe("copying", () => {
  test.each([
    ["copy-svg", "Copied the figure.", /^<svg xmlns/],
    ["copy-csv", "Copied the numbers.", /^sample,label/],
    ["copy-py", "Copied the code.", /^# /],
  ])("%s is text", async (what, sentence, content) => {
    const element = await opened();
    expect(await hand(element, what)).toBe(sentence);
    expect(row(element, what)).toBe("Copied");
    expect(await text(await clipboard[0]["text/plain"])).toMatch(content);
    expect(files).toEqual([]);
  });

  test("the picture has twice the figure's size", async () => {
    const element = await opened();
    expect(await hand(element, "copy-png")).toBe("Copied the picture.");
    expect(await text(await clipboard[0]["image/png"])).toMatch(/^1040 x \d+$/);
  });

  test("the clipboard is asked within the click", async () => {
    const element = await opened();
    const write = jest.fn(accept);
    allow(write);
    find(element, "[data-export=copy-svg]")!.click();
    await Promise.resolve();
    expect(write).toHaveBeenCalledTimes(1);
  });

  test("where it is not allowed, a picture is saved instead, and that is said", async () => {
    allow(refuse);
    const element = await opened();
    expect(await hand(element, "copy-png")).toBe(
      "The browser does not allow copying pictures here; saved attriscope-samples.png instead.",
    );
    expect(row(element, "copy-png")).toBe("Saved");
    expect(files.map(({ name }) => name)).toEqual(["attriscope-samples.png"]);
  });

  test.each([["no clipboard", () => Object.assign(navigator, { clipboard: undefined })] as const, ["refused", () => allow(refuse)] as const])(
    "%s: text is copied the old way",
    async (_, forbid) => {
      forbid();
      let selected = "";
      document.execCommand = () => {
        const field = (element.renderRoot as ShadowRoot).activeElement as HTMLTextAreaElement;
        selected = field.value.slice(field.selectionStart, field.selectionEnd);
        return true;
      };
      const element = await opened();
      find(element, "[data-export=copy-csv]")!.focus();
      expect(await hand(element, "copy-csv")).toBe("Copied the numbers.");
      expect(selected).toBe(csvOf(element.state).replaceAll("\r\n", "\n"));
      await element.updateComplete;
      expect(find(element, "textarea")).toBeNull();
      expect(focused(element)).toBe("copy-csv");
    },
  ); // prettier-ignore

  test("where that is not allowed either, the text lies there selected", async () => {
    allow(refuse);
    document.execCommand = () => false;
    const element = await opened();
    expect(await hand(element, "copy-py")).toContain("press Ctrl+C");
    const field = find<HTMLTextAreaElement>(element, "textarea")!;
    expect(field.value).toMatch(/^# /);
    expect([field.selectionStart, field.selectionEnd]).toEqual([0, field.value.length]);
  });
});

describe("saving", () => {
  test.each(["png", "svg", "csv", "py"])("%s", async (ending) => {
    const element = await opened();
    expect(await hand(element, `save-${ending}`)).toBe(`Saved attriscope-samples.${ending}.`);
    expect(files.map(({ name }) => name)).toEqual([`attriscope-samples.${ending}`]);
    expect(clipboard).toEqual([]);
  });

  test("files are called by what is shown", () => {
    const state = makeState();
    expect(fileName({ ...state, view: "compare" })).toBe("attriscope-compare");
    expect(fileName({ ...state, view: "inspect", inspection: makeInspection(state.cards[1]) })).toBe(
      "attriscope-sample-21",
    );
  });
});

test("what cannot be made says why, and the menu goes on", async () => {
  const element = await opened();
  const { cards } = element.state;
  element.state = makeState({ cards: [{ ...cards[0], sample: null as never }] });
  expect(await hand(element, "copy-svg")).toMatch(/^The figure could not be made: /);
  expect(row(element, "copy-svg")).toBe("Failed");
  element.state = makeState({ cards });
  expect(await hand(element, "copy-svg")).toBe("Copied the figure.");
});

test("nothing is made before it is asked for, and nothing can be without samples", async () => {
  const write = jest.fn(accept);
  allow(write);
  await opened();
  expect([write.mock.calls, files]).toEqual([[], []]);
  const empty = await mount({ cards: [] });
  expect(find<HTMLButtonElement>(empty, "[data-control=export]")!.disabled).toBe(true);
});

describe("keyboard", () => {
  test("arrows move in two columns, around the ends; Escape gives the focus back", async () => {
    const element = await opened();
    expect(focused(element)).toBe("copy-png");
    const way = ["ArrowRight", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowRight", "End", "ArrowDown", "Home"].map(
      (key) => {
        press(element, key);
        return focused(element);
      },
    );
    expect(way).toEqual(["save-png", "save-svg", "save-png", "save-py", "copy-png", "save-py", "save-png", "copy-png"]);
    expect(element.renderRoot.querySelectorAll('[role=menuitem][tabindex="0"]')).toHaveLength(1);
    press(element, "Escape");
    await element.updateComplete;
    await new Promise((resolve) => setTimeout(resolve));
    expect(element.open).toBe(false);
    expect(focused(element)).toBe("export");
  });

  test("ArrowDown opens", async () => {
    const element = await mount();
    find(element, "[data-control=export]")!.focus();
    press(element, "ArrowDown");
    expect(element.open).toBe(true);
  });
});

test("in a dark page the figure can be dark, too", async () => {
  const element = await opened();
  expect(find(element, "[data-control=dark]")).toBeNull();
  const { display } = element.state;
  element.look = { display, theme: { dark: true, background: [33, 33, 33] } } as never;
  await element.updateComplete;
  await hand(element, "copy-svg");
  find(element, "[data-control=dark]")!.click();
  await hand(element, "copy-svg");
  const [paper, dark] = await Promise.all(clipboard.map(async (held) => text(await held["text/plain"])));
  expect(paper).toContain('fill="rgb(255,255,255)"');
  expect(dark).toContain('fill="rgb(33,33,33)"');
});
