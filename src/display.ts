/** One output on the screen: an explorer element, kept in step with what the kernel announces and fed from the payload. */
import { define, TAG, type AttriscopeExplorer } from "./elements/explorer";
import { KernelSource } from "./live";
import { Session } from "./session";
import { decodePayload } from "./wire";

/** What the kernel says about an output; it stands beside the payload and is as untrusted. */
export interface Announcement {
  /** "preparing" and "stopped" come without a payload. */
  state: "preparing" | "ready" | "stopped";
  /** Of the live model, if there ever was one. */
  model_id?: string;
  /** What the kernel is doing. */
  stage?: string;
  /** Why it stopped. */
  message?: string;
}

export class Display {
  readonly #explorer: AttriscopeExplorer;
  #source: KernelSource | undefined;
  #session: Session | undefined;
  /** Counts calls of `show`; an earlier one that is still decoding gives up. */
  #turn = 0;

  /** @param node gets the explorer as its last child */
  constructor(node: HTMLElement) {
    define();
    this.#explorer = document.createElement(TAG) as AttriscopeExplorer;
    node.append(this.#explorer);
  }

  /**
   * Shows another state of the same output; whatever is wrong with it is shown too, never thrown.
   * @param announcement an {@link Announcement}, unchecked
   * @param base64 gives the gzip'ed payload; may throw
   */
  async show(announcement: unknown, base64: () => string): Promise<void> {
    const turn = ++this.#turn;
    try {
      const { state, model_id, stage, message } = (announcement ?? {}) as Partial<Announcement>;
      if (state === "preparing") return this.#clear({ stage: String(stage ?? "") });
      if (state === "stopped") {
        return this.#clear({ stopped: { title: "The explorer could not be made", text: String(message ?? "") } });
      }
      const payload = decodePayload(await unpacked(base64()));
      if (turn !== this.#turn) return;
      this.#clear();
      this.#source = new KernelSource(typeof model_id === "string" ? model_id : null, payload);
      this.#session = new Session(payload, this.#source);
      this.#explorer.store = this.#session;
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

  /** Ends what was shown; `instead` stands there without a session. */
  #clear(instead: Partial<Pick<AttriscopeExplorer, "stage" | "stopped">> = {}): void {
    Object.assign(this.#explorer, { store: null, stage: null, stopped: null }, instead);
    this.#session?.dispose();
    this.#source?.dispose();
    this.#session = this.#source = undefined;
  }
}

async function unpacked(base64: string): Promise<Uint8Array> {
  try {
    return await gunzip(bytesOf(base64));
  } catch (error) {
    throw new Error(`The payload is damaged (${(error as Error).message}). Run the cell again.`, { cause: error });
  }
}

/** A plain loop: for megabytes ten times as fast as `Uint8Array.from` or a `data:` URL. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
