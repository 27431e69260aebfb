import { channelSum, resample, rgbaOf } from "../../src/styles/raster";

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
