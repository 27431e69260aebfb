import { channelSum, resample, rgbaOf, smoothed } from "../../src/styles/raster";

const WHITE = [255, 255, 255] as const;

test("channels are summed", () => {
  expect(channelSum(Float32Array.from([1, 2, 3, 4, 10, 20, 30, 40]), [2, 2, 2])).toEqual({
    data: Float32Array.from([11, 22, 33, 44]),
    width: 2,
    height: 2,
  });
});

test("a map without channels, and a flat one", () => {
  expect(channelSum(Float32Array.from([1, 2]), [2, 1])).toEqual({
    data: Float32Array.from([1, 2]),
    width: 1,
    height: 2,
  });
  expect(channelSum(Float32Array.from([1, 2]), [2])).toEqual({ data: Float32Array.from([1, 2]), width: 2, height: 1 });
});

test("one, three and four channels, bytes and floats", () => {
  const grey = rgbaOf({ shape: [1, 1, 2], data: Uint8Array.from([0, 128]) }, WHITE);
  expect([...grey.data]).toEqual([0, 0, 0, 255, 128, 128, 128, 255]);
  const colour = rgbaOf({ shape: [3, 1, 1], data: Float32Array.from([1, 0.5, 0]) }, WHITE);
  expect([...colour.data]).toEqual([255, 128, 0, 255]);
  const half = rgbaOf({ shape: [4, 1, 1], data: Float32Array.from([1, 0, 0, 0.5]) }, WHITE);
  expect([...half.data]).toEqual([255, 128, 128, 255]);
});

test("values outside the range and holes are drawn at its ends", () => {
  const image = rgbaOf({ shape: [3, 1, 1], data: Float32Array.from([NaN, 7, -7]) }, WHITE);
  expect([...image.data]).toEqual([0, 255, 0, 255]);
});

test("smaller pictures hold means, larger ones repeat", () => {
  const source = { data: Float32Array.from([1, 3, 5, 7, 1, 3, 5, 7]), width: 4, height: 2 };
  expect([...resample(source, 2, 1).data]).toEqual([2, 6]);
  expect([...resample({ data: Float32Array.from([1, 2]), width: 2, height: 1 }, 4, 2).data]).toEqual([
    1, 1, 2, 2, 1, 1, 2, 2,
  ]);
  expect(resample(source, 4, 2).data).toBe(source.data);
});

test("every channel of an image keeps to itself", () => {
  const source = { data: Uint8ClampedArray.from([0, 10, 20, 255, 100, 110, 120, 255]), width: 2, height: 1 };
  expect([...resample(source, 1, 1).data]).toEqual([50, 60, 70, 255]);
});

describe("a part of a picture is what the whole one shows there", () => {
  /** Deterministic bytes. */
  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 24);
  const part = { left: 3, top: 2, right: 9, bottom: 5 };
  /** Rows and columns of the part, of a picture with so many values for each pixel. */
  const cut = <Data extends Float32Array | Uint8ClampedArray>(data: Data, width: number, each: number): number[] =>
    Array.from({ length: part.bottom - part.top }, (_, y) =>
      Array.from(
        data.subarray(((part.top + y) * width + part.left) * each, ((part.top + y) * width + part.right) * each),
      ),
    ).flat();

  test.each([1, 2, 3, 4])("of an image with %s channels, averaged and enlarged", (channels) => {
    const image = { shape: [channels, 13, 17], data: bytes(channels * 13 * 17) };
    for (const size of [
      { width: 11, height: 7 },
      { width: 17, height: 13 },
      { width: 40, height: 30 },
    ]) {
      // prettier-ignore
      const whole = rgbaOf(image, WHITE, size);
      expect([whole.width, whole.height]).toEqual([size.width, size.height]);
      expect([...rgbaOf(image, WHITE, size, part).data]).toEqual(cut(whole.data, size.width, 4));
    }
  });

  test("of a map, averaged, enlarged and smoothed", () => {
    const map = { data: Float32Array.from(bytes(13 * 17)), width: 17, height: 13 };
    for (const [resize, width, height] of [
      [resample, 11, 7],
      [resample, 40, 30],
      [smoothed, 40, 30],
      [smoothed, 11, 7],
    ] as const)
      // prettier-ignore
      expect([...resize(map, width, height, part).data]).toEqual(cut(resize(map, width, height).data, width, 1));
    expect([...resample(map, 17, 13, part).data]).toEqual(cut(map.data, 17, 1));
  });

  test("an image at another size is its own pixels' means", () => {
    const image = { shape: [3, 12, 20], data: bytes(3 * 12 * 20) };
    expect([...rgbaOf(image, WHITE, { width: 5, height: 4 }).data]).toEqual([
      ...resample(rgbaOf(image, WHITE), 5, 4).data,
    ]);
  });
});
