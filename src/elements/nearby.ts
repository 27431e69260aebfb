/** Elements that are drawn only near the viewport; what lies further off stays as it was drawn last. */
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

/** For a host whose `shouldUpdate` asks `isNear`: it is updated as soon as it comes near. */
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
    this.isNear = isNear;
    if (isNear) this.#host.requestUpdate();
  }
}
