/** One output on the screen: an explorer element, kept in step with what the kernel announces and fed from the payload. */
import "../css/widget.css";
import { define, TAG, type AttriscopeExplorer } from "./elements/explorer";
import { isEqual } from "./link";
import type { Output } from "./live";
import { keyOf, open, shared, type Share } from "./sessions";
import { decodePayload } from "./wire";

/** What the kernel says about an output; it stands beside the payload and is as untrusted. */
export interface Announcement {
  /** "preparing" and "stopped" come without a payload. */
  state: "preparing" | "ready" | "stopped";
  /** Of the live model, if there ever was one. */
  model_id?: string;
  /** Key of the payload. */
  payload?: string;
  /** What the kernel is doing. */
  stage?: string;
  /** Why it stopped. */
  message?: string;
}

/** Where an output keeps what is chosen, for the next time that it is opened. */
export interface Memory {
  /** As it stands there now, unchecked. */
  readonly saved: unknown;
  save(choice: object): void;
}

/** Saving marks the notebook as changed, and its outputs are looked at anew. */
const SAVE_MS = 500;

export class Display {
  readonly #explorer: AttriscopeExplorer;
  #output: Output | undefined;
  #share: Share | undefined;
  #memory: Memory | undefined;
  #saving = new AbortController();
  /** Counts calls of `show`; an earlier one that is still decoding gives up. */
  #turn = 0;

  /** @param node gets the explorer as its last child */
  constructor(node: HTMLElement) {
    define();
    this.#explorer = document.createElement(TAG) as AttriscopeExplorer;
    node.append(this.#explorer);
  }

  /**
   * Shows another state of the same output; whatever is wrong with it is shown too, never thrown. The payload that is shown
   * already stays as it is.
   * @param announcement an {@link Announcement}, unchecked
   * @param packed gives the gzip'ed payload; may throw
   */
  async show(
    announcement: unknown,
    packed: () => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>,
    memory?: Memory,
  ): Promise<void> {
    const turn = ++this.#turn;
    this.#memory = memory;
    try {
      const { state, model_id, payload: key, stage, message } = (announcement ?? {}) as Partial<Announcement>;
      if (state === "preparing") return this.#clear({ stage: String(stage ?? "") });
      if (state === "stopped") {
        return this.#clear({ stopped: { title: "The explorer could not be made", text: String(message ?? "") } });
      }
      const output = { modelId: textOf(model_id), payload: textOf(key) };
      if (this.#output && keyOf(output) !== null && keyOf(output) === keyOf(this.#output)) return;
      let share = shared(output);
      if (!share) {
        const payload = decodePayload(await gunzip(await packed()));
        if (turn !== this.#turn) return;
        share = open(output, payload, memory?.saved);
      }
      this.#clear();
      this.#output = output;
      this.#share = share;
      this.#explorer.store = share.session;
      this.#remember(share);
    } catch (error) {
      if (turn !== this.#turn) return;
      const text = error instanceof Error ? error.message : String(error);
      this.#clear({ stopped: { title: "This output cannot be read", text } });
    }
  }

  dispose(): void {
    this.#turn += 1;
    this.#clear();
    this.#explorer.remove();
  }

  /** Saves what is chosen once it differs from what the output was opened with. */
  #remember({ session }: Share): void {
    this.#saving = new AbortController();
    const { signal } = this.#saving;
    let known = session.state.choice;
    let timer: ReturnType<typeof setTimeout> | undefined;
    signal.addEventListener("abort", () => clearTimeout(timer));
    const onChange = () => {
      const { choice } = session.state;
      if (choice === known || isEqual(choice, known)) return;
      known = choice;
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (!isEqual(this.#memory?.saved, choice)) this.#memory?.save(choice);
      }, SAVE_MS);
    };
    session.addEventListener("change", onChange, { signal });
  }

  /** Ends what was shown; `instead` stands there without a session. */
  #clear(instead: Partial<Pick<AttriscopeExplorer, "stage" | "stopped">> = {}): void {
    Object.assign(this.#explorer, { store: null, stage: null, stopped: null }, instead);
    this.#saving.abort();
    this.#share?.release();
    this.#share = this.#output = undefined;
  }
}

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** A plain loop: for megabytes ten times as fast as `Uint8Array.from` or a `data:` URL. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = decoded(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch (error) {
    throw damaged(error);
  }
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (error) {
    throw damaged(error);
  }
}

const damaged = (cause: unknown) =>
  new Error(`The payload is damaged (${(cause as Error).message}). Run the cell again.`, { cause });
