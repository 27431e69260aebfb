/** Between a session and the kernel's model: keeps what is chosen and the widget's traits alike, and tells what is shown. */
import { liveModel, onLive, type LiveModel, type Output, type Traits } from "./live";
import { columnsOf, messagesOf, sizeOf, type ShownColumn } from "./shown";
import type { State, Store } from "./state";

/** What can be linked. */
export interface Linked extends Store {
  /** Comes back to a choice, or a part of one, unchecked. */
  restore(choice: unknown): void;
}

/** A slider that is dragged must not flood the kernel. */
const WRITE_MS = 100;
/** So long nothing must have changed for results to be worth sending. */
const QUIET_MS = 300;
/** Results of more bytes are sent only when they are asked for, and not at all above the second. */
const UNASKED = 8e6;
const MOST = 64e6;

const page = Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join("");
let links = 0;

export class Link {
  readonly #store: Linked;
  readonly #output: Output;
  /** Among the links of all pages. */
  readonly #name = `${page}/${++links}`;
  readonly #life = new AbortController();
  #model: LiveModel | undefined;
  /** Ends listening to the model. */
  #listening = new AbortController();
  /** What of the traits has been adopted or written. */
  #known: Partial<Traits> = {};
  /** Python's, of what has been adopted. */
  #turn = -1;
  #ready = false;
  #writing: ReturnType<typeof setTimeout> | undefined;
  #telling: ReturnType<typeof setTimeout> | undefined;
  /** What the kernel was told last, and how many turns Python had made by then. */
  #told: { columns: readonly ShownColumn[]; turn: number } | null = null;
  #asked = false;

  constructor(store: Linked, output: Output) {
    this.#store = store;
    this.#output = output;
    const { signal } = this.#life;
    store.addEventListener("change", () => this.#onStore(), { signal });
    onLive(output, () => this.#connect(), signal);
    this.#connect();
  }

  /** The kernel gets what has not been written yet. */
  dispose(): void {
    if (this.#writing !== undefined) this.#write();
    this.#life.abort();
    this.#listening.abort();
    clearTimeout(this.#telling);
  }

  #connect(): void {
    const model = liveModel(this.#output);
    if (model === this.#model) return;
    this.#listening.abort();
    this.#listening = new AbortController();
    this.#model = model;
    this.#told = null;
    this.#turn = -1;
    if (!model) return;
    const onAsked = () => {
      this.#asked = true;
      this.#tellSoon();
    };
    model.listen(() => this.#adopt(model), onAsked, this.#listening.signal);
    this.#adopt(model);
  }

  // -- what Python sets, and widgets that are linked to ours -------------------------------------------------------------

  /** Does what is new in the traits; what the session does not do, as selecting a sample that is not here, is taken back. */
  #adopt({ traits, turn }: LiveModel): void {
    const [store, before] = [this.#store, this.#known];
    if (turn === this.#turn && isEqual(traits, before)) return;
    this.#turn = turn;
    const isNew = (name: keyof Traits) => !isEqual(before[name], traits[name]);
    this.#known = traits;
    const { choice } = store.state;
    const differs = ([name, value]: [string, unknown]) => !isEqual(value, choice[name as keyof typeof choice]);
    if (isNew("choice") && Object.entries(traits.choice).some(differs)) store.restore(traits.choice);
    if (isNew("method") && traits.method !== store.state.method) store.setMethod(traits.method);
    if (isNew("filters") && !isEqual(traits.filters, store.state.filter)) store.setFilter(traits.filters);
    if (isNew("selected")) this.#select(traits.selected);
    if (isNew("target") && traits.selected === store.state.selected) this.#setTarget(traits.target);
    // Until the model is loaded it is not known with which arguments a method starts.
    if (!this.#ready) this.#known = { ...traits, arguments: before.arguments };
    else if (isNew("arguments") && traits.method === store.state.method) {
      for (const [name, value] of Object.entries(traits.arguments))
        if (!isEqual(value, store.state.arguments[name])) store.setArgument(name, value);
    }
    this.#writeSoon();
    this.#tellSoon();
  }

  #select(selected: number | null): void {
    if (selected === this.#store.state.selected) return;
    if (selected === null) this.#store.restore({ selected });
    else this.#store.select(selected);
  }

  #setTarget(target: number | null): void {
    const { state } = this.#store;
    const { selected } = state;
    if (target === targetOf(state)) return;
    if (target !== null && selected !== null) this.#store.setTarget(selected, target);
    else if (target !== null) this.#store.setTargetForAll(target);
    else if (selected === null) this.#store.restore({ targets: {}, target });
    else {
      const others = Object.entries(state.choice.targets).filter(([id]) => id !== String(selected));
      this.#store.restore({ targets: Object.fromEntries(others) });
    }
  }

  // -- what is done in the page ------------------------------------------------------------------------------------------

  #onStore(): void {
    const { phase } = this.#store.state;
    if (!this.#ready && phase.name === "ready") {
      this.#ready = true;
      if (this.#model) this.#adopt(this.#model);
    }
    this.#writeSoon();
    this.#tellSoon();
  }

  #writeSoon(): void {
    this.#writing ??= setTimeout(() => this.#write(), WRITE_MS);
  }

  #write(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    const model = this.#model;
    if (!model || !this.#ready) return;
    const traits = traitsOf(this.#store.state);
    this.#known = traits;
    if (!isEqual(traits, model.traits)) model.write(traits);
  }

  /** Once the page has come to rest. */
  #tellSoon(): void {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.#tell(), QUIET_MS);
  }

  #tell(): void {
    const model = this.#model;
    const columns = model && columnsOf(this.#store.state);
    if (!columns) return;
    const { turn, payload } = model;
    const told = this.#told?.turn === turn && areSame(this.#told.columns, columns);
    if (told && !this.#asked) return;
    const size = sizeOf(columns);
    const about = { op: "results", payload, turn, from: this.#name };
    if (size > (this.#asked ? MOST : UNASKED)) model.tell({ ...about, left_out: size }, []);
    else for (const { content, buffer } of messagesOf(columns)) model.tell({ ...about, ...content }, [buffer]);
    this.#told = { columns, turn };
    this.#asked = false;
  }
}

function traitsOf(state: Readonly<State>): Traits {
  const { method, arguments: args, selected, filter, choice } = state;
  return { method, arguments: args, target: targetOf(state), selected, filters: filter, choice };
}

function targetOf({ selected, choice: { targets, target } }: Readonly<State>): number | null {
  return (selected === null ? undefined : targets[selected]) ?? target;
}

/** The same results, by identity: the session replaces what changes. */
function areSame(a: readonly ShownColumn[], b: readonly ShownColumn[]): boolean {
  const resultsOf = (columns: readonly ShownColumn[]) =>
    columns.flatMap(({ model, cells }) => [model, ...cells.map(({ result }) => result)]);
  const [before, now] = [resultsOf(a), resultsOf(b)];
  return before.length === now.length && now.every((result, i) => result === before[i]);
}

/** Of JSON values. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b || Array.isArray(a) !== Array.isArray(b)) return false;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  return (
    keys.length === others.length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key as keyof typeof a], b[key as keyof typeof b]))
  );
}
