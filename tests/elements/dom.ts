/** Queries through shadow roots, for the elements' tests. */

/** All matches inside, through every shadow root. */
export function all(root: Element | ShadowRoot, selector: string): HTMLElement[] {
  const trees = root instanceof Element && root.shadowRoot ? [root.shadowRoot, root] : [root];
  return trees.flatMap((tree) => [
    ...tree.querySelectorAll<HTMLElement>(selector),
    ...[...tree.querySelectorAll("*")].flatMap(({ shadowRoot }) => (shadowRoot ? all(shadowRoot, selector) : [])),
  ]);
}

/** The first match; throws where there is none. */
export function one(root: Element | ShadowRoot, selector: string): HTMLElement {
  const [found] = all(root, selector);
  if (!found) throw new Error(`no ${selector}`);
  return found;
}
