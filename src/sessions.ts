/**
 * Sessions, one for all displays of an output in this page: a second view shows the same state, and what was chosen stays
 * when an output is drawn anew, because its cell was moved or the layout changed.
 */
import { EVERYTHING, restored, START, type Choice } from "./choice";
import { Link } from "./link";
import { Listing } from "./listing";
import { KernelSource, liveModel, type Output } from "./live";
import { Session } from "./session";
import { VERSION } from "./version";
import type { Payload } from "./wire";

/** A display's share of a session. */
export interface Share {
  readonly session: Session;
  /** The session ends with the last display, unless another one comes soon. */
  release(): void;
}

interface Entry {
  session: Session;
  source: KernelSource;
  link: Link;
  displays: number;
  ending: ReturnType<typeof setTimeout> | undefined;
}

/** While a cell is moved or a tab is laid out anew, an output is gone for a moment: what it has computed is kept as long. */
const GRACE_MS = 5000;
/** Most choices that are kept of outputs that are gone. */
const KEPT = 100;

interface Registry {
  entries: Map<string, Entry>;
  choices: Map<string, Choice>;
}

const KEY = Symbol.for(`attriscope:${VERSION}:sessions`);

/** One for all copies of this bundle in a page. */
function registry(): Registry {
  const page = globalThis as { [KEY]?: Registry };
  return (page[KEY] ??= { entries: new Map(), choices: new Map() });
}

/** Null for an output that cannot be told from others. */
export const keyOf = ({ modelId, payload }: Output): string | null =>
  modelId === null || payload === null ? null : `${modelId}/${payload}`;

/** The session of an output that is shown already. */
export function shared(output: Output): Share | null {
  const key = keyOf(output);
  const entry = key === null ? undefined : registry().entries.get(key);
  return entry ? shareOf(entry, key) : null;
}

/**
 * The session of an output, a new one if there is none.
 * @param saved what was chosen when the output was saved, unchecked
 */
export function open(output: Output, payload: Payload, saved?: unknown): Share {
  const known = shared(output);
  if (known) return known;
  const key = keyOf(output);
  const { entries, choices } = registry();
  const source = new KernelSource(output, payload);
  const left = key === null ? undefined : choices.get(key);
  const choice = left ?? liveModel(output)?.traits.choice ?? (saved && showable(saved, payload));
  const session = new Session(payload, source, { choice });
  const entry: Entry = { session, source, link: new Link(session, output), displays: 0, ending: undefined };
  if (key !== null) entries.set(key, entry);
  return shareOf(entry, key);
}

/** A saved choice may be about samples that only the kernel had: the stored ones are shown then. */
function showable(saved: unknown, payload: Payload): Choice {
  const choice = restored(saved, restored(payload.choice, { ...START, show: payload.show }));
  const stored = new Listing(payload).of(choice.filter).samples.length;
  if (choice.first < stored) return choice;
  return { ...choice, first: 0, filter: stored ? choice.filter : EVERYTHING };
}

function shareOf(entry: Entry, key: string | null): Share {
  clearTimeout(entry.ending);
  entry.displays += 1;
  let released = false;
  const release = () => {
    if (released) return;
    released = true;
    entry.displays -= 1;
    if (entry.displays) return;
    if (key === null) end(entry);
    else entry.ending = setTimeout(() => forget(entry, key), GRACE_MS);
  };
  return { session: entry.session, release };
}

function forget(entry: Entry, key: string): void {
  const { entries, choices } = registry();
  entries.delete(key);
  choices.delete(key);
  choices.set(key, entry.session.state.choice);
  const [oldest] = choices.keys();
  if (choices.size > KEPT) choices.delete(oldest);
  end(entry);
}

function end({ link, session, source }: Entry): void {
  link.dispose();
  session.dispose();
  source.dispose();
}
