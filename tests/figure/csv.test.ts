/** @jest-environment node */
import { csvOf } from "../../src/figure/csv";
import type { State } from "../../src/state";
import { makeCard, makeComparison, makeInspection, makeState, summed } from "../gallery/fake-store";

/** Records of fields, as RFC 4180 defines them; every record ends with CRLF. */
function parsed(csv: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (field.lastIndex < csv.length) {
    const found = field.exec(csv);
    if (!found) throw new Error(`no field at ${csv.slice(field.lastIndex, field.lastIndex + 40)}`);
    record.push(found[1]?.replaceAll('""', '"') ?? found[2]);
    if (found[3] === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}

/** By column. */
function records(state: State): Record<string, string>[] {
  const [head, ...rows] = parsed(csvOf(state));
  for (const row of rows) expect(row).toHaveLength(head.length);
  return rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
}

test("Samples: a row for each sample and feature, with all digits", () => {
  const state = makeState({ features: ["left", "right"].map((name) => ({ name, kind: "image", input: name, baselines: ["zero"], categories: [] })) }); // prettier-ignore
  state.cards = [20, 21].map((id) => makeCard(id, { features: 2 }));
  const rows = records(state);
  expect(rows.map(({ sample, feature }) => [sample, feature])).toEqual([["20", "left"], ["20", "right"], ["21", "left"], ["21", "right"]]); // prettier-ignore
  const [card] = state.cards;
  const { sum, share } = card.result!.attributions[0]!;
  expect(rows[0]).toMatchObject({
    label: "Plane",
    prediction: "Bird",
    target: "Bird",
    method: "Integrated Gradients",
    arguments: '{"n_steps":25,"method":"gausslegendre"}',
    sum: String(sum),
    share: String(share),
    delta: String(card.result!.delta),
    deletion_auc: "",
  });
  expect(Number(rows[0].score)).toBe(card.predictions[0].score);
});

test("what is not there is empty: a sample that is queued, a map over another feature, numbers that are none", () => {
  const cards = [20, 21, 22].map((id) => makeCard(id));
  cards[0] = { ...cards[0], status: "queued", result: null };
  cards[1].result!.attributions = [null];
  cards[2].result!.delta = NaN;
  const rows = records(makeState({ cards }));
  expect(rows[0]).toMatchObject({ sample: "20", method: "", feature: "photo", sum: "" });
  expect(rows[1]).toMatchObject({ method: "Integrated Gradients", sum: "" });
  expect(rows[2].delta).toBe("");
});

test("names are text: quotes, commas and line breaks are kept, formulas are none", () => {
  const names = ['=HYPERLINK("http://x")', "+1", "-1", "@sum", "a,b", 'say "hi"', "two\r\nlines", "\ttab", "", "x"];
  const cards = names.map((_, label) => makeCard(20, { classes: names, label }));
  const labels = records(makeState({ cards, classes: names })).map(({ label }) => label);
  expect(labels).toEqual([`'${names[0]}`, "'+1", "'-1", "'@sum", "a,b", 'say "hi"', "two\r\nlines", "'\ttab", "", "x"]);
});

test("negative numbers stay numbers", () => {
  const card = makeCard(20);
  card.result!.attributions = [summed(Float32Array.of(-0.5, 0.25), [1, 1, 2])];
  expect(records(makeState({ cards: [card] }))[0]).toMatchObject({ sum: "-0.25", negative: "-0.5" });
});

test("Compare: a row for each cell, with its column", () => {
  const state = makeState({ view: "compare" });
  const rows = records({ ...state, comparison: makeComparison(state.cards) });
  expect(rows).toHaveLength(8 * 4);
  expect(rows[5]).toMatchObject({
    column: "2",
    sample: "21",
    model: "Net",
    method: "Deep Lift",
    baseline: "zero (grey)",
  });
  expect(rows[6]).toMatchObject({ column: "3", method: "Saliency", baseline: "" });
  expect(Number(rows[5].deletion_auc)).toBeGreaterThan(0);
});

test("Inspect: a row for each pixel; float32 values come back as they were", () => {
  const state = makeState({ view: "inspect" });
  const inspection = makeInspection(state.cards[0]);
  const rows = records({ ...state, inspection });
  const { values } = inspection.card.result!.attributions[0]!;
  expect(rows).toHaveLength(32 * 32);
  expect(rows.map(({ x, y }) => Number(y) * 32 + Number(x))).toEqual(Array.from({ length: 1024 }, (_, i) => i));
  expect(Float32Array.from(rows, (row) => Number(row.attribution_2))).toEqual(values.slice(2048).map((v) => v + 0));
  expect(rows.map(({ painted }) => Number(painted))).toEqual(Array.from(inspection.painted));
  const sums = rows.map(({ attribution }) => Number(attribution));
  const first = rows.find(({ rank }) => rank === "1")!;
  expect(Number(first.attribution)).toBe(Math.max(...sums));
});

test("Inspect: a map of its own size, or none yet", () => {
  const state = makeState({ view: "inspect" });
  const inspection = makeInspection(state.cards[0]);
  const coarse = summed(
    Float32Array.from({ length: 16 }, (_, i) => i),
    [1, 4, 4],
  );
  const card = { ...inspection.card, result: { ...inspection.card.result!, attributions: [coarse] } };
  const rows = records({ ...state, inspection: { ...inspection, card } });
  expect(Object.keys(rows[0])).toEqual(["y", "x", "attribution", "rank", "painted"]);
  expect(rows).toHaveLength(16);
  const none = records({ ...state, inspection: { ...inspection, card: { ...card, result: null, status: "queued" } } });
  expect(none).toHaveLength(1024);
  expect(none[0]).toEqual({ y: "0", x: "0", attribution: "", rank: "", painted: "0" });
  expect(records({ ...state, inspection: null })).toEqual([]);
});

describe("Inspect, without pixels", () => {
  const inspecting = (kind: "text" | "general", items: (string | number)[], categories: string[] = []): State => {
    const card = makeCard(20, { display: [items] });
    card.result!.attributions = [summed(Float32Array.of(0.25, -0.5, 0.125), [3])];
    const features: State["features"] = [{ name: "it", kind, input: "x", baselines: ["zero"], categories }];
    const state = makeState({ view: "inspect", cards: [card], features });
    return { ...state, inspection: makeInspection(card) };
  };

  test("a text: a row for each token, in the order of reading", () => {
    const rows = records(inspecting("text", ["not", 'a "word"', "=1\n"]));
    expect(rows).toEqual([
      { index: "0", token: "not", attribution: "0.25", rank: "2", hidden: "0" },
      { index: "1", token: 'a "word"', attribution: "-0.5", rank: "1", hidden: "1" },
      { index: "2", token: "'=1\n", attribution: "0.125", rank: "3", hidden: "0" },
    ]);
  });

  test("of embeddings each token's sum", () => {
    const state = inspecting("text", ["not", "a", "word"]);
    const { card } = state.inspection!;
    card.sample.inputs = [{ dtype: "float32", shape: [3, 2], data: new Float32Array(6) }];
    card.result!.attributions = [summed(Float32Array.of(1, 2, 0.5, -0.25, 0, 4), [3, 2])];
    state.inspection!.painted = Uint8Array.of(1, 1, 0, 0, 0, 0);
    expect(records(state).map(({ attribution, rank, hidden }) => [attribution, rank, hidden])).toEqual([
      ["3", "2", "1"],
      ["0.25", "3", "0"],
      ["4", "1", "0"],
    ]);
  });

  test("a row: what is shown, what the model sees, what was put there by hand", () => {
    const state = inspecting("general", [24, "female", 0.1], ["age", "sex", "class"]);
    const { data } = state.inspection!.card.sample.inputs[0];
    const [[place, value]] = [...state.inspection!.edited];
    const expected = ["age", "sex", "class"].map((category, i) => ({
      category,
      value: ["24", "female", "0.1"][i],
      input: i === 1 ? String(data[1]) : ["24", "", "0.1"][i],
      edited: i === place ? String(value) : "",
      attribution: ["0.25", "-0.5", "0.125"][i],
      rank: ["2", "1", "3"][i],
    }));
    expect(records(state)).toEqual(expected);
  });

  test("a map that does not lie over the tokens, and none yet", () => {
    const state = inspecting("text", ["not", "a", "word"]);
    const { card } = state.inspection!;
    card.result!.attributions = [summed(new Float32Array(5), [5])];
    expect(records(state)[0]).toEqual({ index: "0", token: "not", attribution: "", rank: "", hidden: "0" });
    Object.assign(card, { status: "queued", result: null });
    expect(records(state)[1]).toEqual({ index: "1", token: "a", attribution: "", rank: "", hidden: "1" });
  });

  test("nothing is shown", () => {
    const state = inspecting("text", ["not", "a", "word"]);
    expect(records({ ...state, features: [{ ...state.features[0], kind: "empty" }] })).toEqual([]);
  });
});
