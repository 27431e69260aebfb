/**
 * The two explorers under one interface: open a page, choose a method, and time from the click until four pictures of that
 * method are on the screen. The clock runs inside the page; it stops at the animation frame after the one with the last picture.
 */

const LIMIT_MS = 300_000;

/** Lent to every page: the ms from `start` until `done()` holds and has been painted; `done` may throw. */
function untilPainted(done, start, limitMs) {
  return new Promise((resolve, reject) => {
    const look = () => {
      try {
        if (done()) window.requestAnimationFrame(() => resolve(performance.now() - start));
        else if (performance.now() - start > limitMs) throw new Error(`no picture after ${limitMs} ms`);
        else window.requestAnimationFrame(look);
      } catch (error) {
        reject(error);
      }
    };
    look();
  });
}

async function newPage(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1200 } });
  await page.addInitScript(`window.untilPainted = ${untilPainted}`);
  await page.goto(url);
  return page;
}

/** Captum Insights' served page: nothing is computed until Fetch is pressed. */
export async function openInsights(browser, port) {
  const page = await newPage(browser, `http://127.0.0.1:${port}/`);
  await page.waitForSelector("select[name=selected_method]");
  // The page itself would show its spinner for ever.
  const failure = new Promise((_, reject) => {
    page.on("response", (response) => {
      if (response.status() >= 500) reject(new Error(`Captum Insights answered with status ${response.status()}`));
    });
  });
  failure.catch(() => undefined);
  const fetchButton = page.getByRole("button", { name: "Fetch" });
  return {
    async choose(method, args) {
      await page.selectOption("select[name=selected_method]", method);
      for (const [name, value] of Object.entries(args)) {
        const field = page.locator(`[name=${name}]`);
        if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(String(value));
        else await field.fill(Array.isArray(value) ? value.join(" ") : String(value));
      }
    },
    /** Fetch: the next four samples, which in this bench are the same four. */
    async show() {
      const pictures = fetchButton.evaluate((button, limit) => {
        const old = new Set(document.querySelectorAll("img[alt=attribution]"));
        const drawn = () => {
          const fresh = [...document.querySelectorAll("img[alt=attribution]")].filter((image) => !old.has(image));
          return fresh.length === 4 && fresh.every((image) => image.complete && image.naturalWidth > 0);
        };
        const start = performance.now();
        button.click();
        return window.untilPainted(drawn, start, limit);
      }, LIMIT_MS);
      return Promise.race([pictures, failure]);
    },
    close: () => page.close(),
  };
}

/** Attriscope's page on one backend, its first pictures drawn. */
export async function openAttriscope(browser, url, backend) {
  const page = await newPage(browser, url);
  const explorer = await page.waitForFunction(() => [...document.body.children].find((element) => element.store));
  /** Everything that is chosen has been computed and painted. */
  const settled = () =>
    explorer.evaluate((element, limit) => {
      const drawn = () => {
        const { cards, engine, method } = element.store.state;
        const current = ({ status, stale, result, target }) =>
          status === "ready" && !stale && result.method === method && result.target === target;
        return engine !== null && cards.length === 4 && cards.every(current);
      };
      return window.untilPainted(drawn, performance.now(), limit);
    }, LIMIT_MS);
  await settled();
  const available = await explorer.evaluate(async (element, name) => {
    const { store } = element;
    if (!store.state.engine.available.includes(name)) return false;
    if (store.state.engine.backend === name) return true;
    const changed = new Promise((resolve) => {
      store.addEventListener("change", () => (store.state.engine.backend === name || store.state.notice) && resolve());
    });
    store.setBackend(name);
    await changed;
    return store.state.engine.backend === name;
  }, backend);
  await settled();
  // The first pictures answered for the predicted classes; the others have not been asked for yet.
  const unasked = await explorer.evaluate(({ store }) => {
    const { cards, classes } = store.state;
    const asked = new Set(cards.map(({ target }) => target));
    return classes.map((_, index) => index).filter((index) => !asked.has(index));
  });
  return {
    /** False where the backend does not start in this browser. */
    available,
    /** How many runs can each explain another class. */
    runs: unasked.length,
    /** Sets the arguments, then another method, with all samples explained for a class of this run's own. */
    async choose(method, args, run) {
      await explorer.evaluate(
        (element, [name, values, target]) => {
          const { store } = element;
          const other = store.state.methods.find((entry) => entry.name !== name && entry.cost === "1 pass").name;
          // All in one task: the method itself is not started before it is timed.
          store.setMethod(name);
          for (const [argument, value] of Object.entries(values)) store.setArgument(argument, value);
          store.setMethod(other);
          store.setTargetForAll(target);
        },
        [method, args, unasked[run]],
      );
      await settled();
    },
    /** The choice in the method menu. */
    async show(method) {
      return explorer.evaluate(
        (element, [name, limit]) => {
          /** In this element and all below it, shadow trees included. */
          const find = (root, selector) =>
            [...root.querySelectorAll("*")].flatMap((entry) => [
              ...(entry.matches(selector) ? [entry] : []),
              ...(entry.shadowRoot ? find(entry.shadowRoot, selector) : []),
            ]);
          const [menu] = find(element.shadowRoot, "select[data-control=method]");
          const maps = find(element.shadowRoot, "attriscope-map").filter(({ attribution }) => attribution);
          if (maps.length < 4)
            throw new Error("the page has changed: fewer maps than samples; bring bench/explorers.mjs up to date");
          const pixels = (map) => {
            const canvas = map.shadowRoot.querySelector("canvas");
            return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.join();
          };
          const before = maps.map(pixels);
          const computed = ({ result, status, stale, error }) => {
            if (status === "error") throw new Error(error);
            return status === "ready" && !stale && result.method === name;
          };
          const drawn = () =>
            element.store.state.cards.every(computed) && maps.every((map, i) => pixels(map) !== before[i]);
          const start = performance.now();
          menu.value = name;
          menu.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
          return window.untilPainted(drawn, start, limit);
        },
        [method, LIMIT_MS],
      );
    },
    close: () => page.close(),
  };
}
