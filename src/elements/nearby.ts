/** Elements that are drawn only near the viewport: hundreds of canvases in one page would make it crawl. */
import type { ReactiveController, ReactiveControllerHost } from "lit";

/** So far from the viewport, in CSS pixels. */
const AHEAD = "400px";

const controllers = new WeakMap<Element, Nearby>();

/** Where nobody can tell, all elements are near. */
const observer =
  typeof IntersectionObserver === "undefined"
    ? null
    : new IntersectionObserver(
        (entries) => {
          for (const { target, isIntersecting } of entries) controllers.get(target)?.move(isIntersecting);
        },
        { rootMargin: AHEAD, scrollMargin: AHEAD } as IntersectionObserverInit,
      );

/** For a host that draws nothing, at the same size, unless `isNear`. */
export class Nearby implements ReactiveController {
  isNear = observer === null;
  readonly #host: ReactiveControllerHost & Element;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    controllers.set(host, this);
    host.addController(this);
  }

  hostConnected(): void {
    observer?.observe(this.#host);
  }

  hostDisconnected(): void {
    observer?.unobserve(this.#host);
  }

  move(isNear: boolean): void {
    if (isNear === this.isNear) return;
    this.isNear = isNear;
    this.#host.requestUpdate();
  }
}
