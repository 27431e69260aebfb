/** Painting in slices: many pictures at once never hold up the page. */

/** Well below the 50 ms from which on a page feels stuck, with room for everything else. */
const SLICE_MS = 12;

/** By picture: only its latest job counts. */
const waiting = new Map<object, () => void>();
let scheduled = false;

/** Runs the job soon, in place of any earlier one of the same picture: at once while there is time, else after a pause. */
export function paintSoon(picture: object, job: () => void): void {
  waiting.set(picture, job);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(slice);
}

function slice(): void {
  const end = performance.now() + SLICE_MS;
  for (const [picture, job] of waiting) {
    waiting.delete(picture);
    job();
    if (performance.now() > end) break;
  }
  scheduled = waiting.size > 0;
  if (scheduled) setTimeout(slice);
}
