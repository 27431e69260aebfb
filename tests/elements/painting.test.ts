import { paintSoon } from "../../src/elements/painting";

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test("only the latest job of a picture is done, in the order of the pictures", async () => {
  const done: string[] = [];
  const [first, second] = [{}, {}];
  paintSoon(first, () => done.push("first, old"));
  paintSoon(second, () => done.push("second"));
  paintSoon(first, () => done.push("first, new"));
  expect(done).toEqual([]);
  await pause();
  expect(done).toEqual(["first, new", "second"]);
});

test("much work leaves the page time in between", async () => {
  const done: number[] = [];
  for (let i = 0; i < 4; i++) {
    paintSoon({}, () => {
      busy(8);
      done.push(i);
    });
  }
  await Promise.resolve();
  expect(done.length).toBeGreaterThan(0);
  expect(done.length).toBeLessThan(3);
  while (done.length < 4) await pause();
  expect(done).toEqual([0, 1, 2, 3]);
});
