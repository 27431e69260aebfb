/** @jest-environment node */
import { agreementOf } from "../src/samples";
import type { Result } from "../src/state";
import type { Sample } from "../src/wire";
import { makeCard, summed } from "./gallery/fake-store";

/** A text of three tokens, and whether its input is embedded. */
function text(width: number | null): Sample {
  const { sample } = makeCard(0, { display: [["not", "a", "word"]] });
  const shape = width === null ? [3] : [3, width];
  return { ...sample, inputs: [{ dtype: "float32", shape, data: new Float32Array(3 * (width ?? 1)) }] };
}

const explained = (...maps: [values: number[], shape: number[]][]): Result => ({
  ...makeCard(0).result!,
  attributions: maps.map(([values, shape]) => summed(Float32Array.from(values), shape)),
});

describe("how far two explanations agree, by Spearman", () => {
  test("over tokens", () => {
    expect(agreementOf(text(null), explained([[1, 2, 3], [3]]), explained([[10, 30, 20], [3]]))).toBeCloseTo(0.5, 12);
  });

  test("of an embedding the sum over each token counts, not each of its values", () => {
    const [a, b] = [
      explained([
        [9, -8, 1, 1, 0, 3],
        [3, 2],
      ]),
      explained([
        [0, 1, 5, -3, -7, 10],
        [3, 2],
      ]),
    ];
    expect(agreementOf(text(2), a, b)).toBeCloseTo(1, 12);
    const other = explained([
      [0, 1, 2, 1, 1, 1],
      [3, 2],
    ]);
    expect(agreementOf(text(2), a, other)).toBeCloseTo(0.5, 12);
  });

  test("a layer's map does not lie over the tokens, and says nothing", () => {
    const layer = explained([[1, 2, 3, 4, 5], [5]]);
    expect(agreementOf(text(null), explained([[1, 2, 3], [3]]), layer)).toBeNull();
  });

  test("over all features together", () => {
    const { sample } = makeCard(0, {
      display: [
        ["not", "good"],
        [3, 4],
      ],
    });
    const [a, b] = [explained([[1, 2], [2]], [[3, 4], [2]]), explained([[2, 1], [2]], [[4, 3], [2]])];
    // 1 - 6 * 4 / (4 * 15)
    expect(agreementOf(sample, a, b)).toBeCloseTo(0.6, 12);
  });

  test("the coarser one of two maps is enlarged", () => {
    const { sample } = makeCard(0, { channels: 1, height: 2, width: 4 });
    const fine = explained([
      [1, 1, 2, 2, 3, 3, 4, 4],
      [1, 2, 4],
    ]);
    expect(
      agreementOf(
        sample,
        fine,
        explained([
          [1, 2, 3, 4],
          [1, 2, 2],
        ]),
      ),
    ).toBeCloseTo(1, 12);
  });
});
