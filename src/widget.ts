/** The live model: the page's end of the kernel's `attriscope.widget`. Its traits are small; all data is in messages. */
import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import type { Display } from "./display";
import { announce, bytesIn, retract, type LiveModel, type Traits } from "./live";
import { NAME, VERSION } from "./version";
import type { FetchRequest, ModelRequest, PayloadRequest, Reply } from "./wire";

type Attributes = Parameters<DOMWidgetModel["initialize"]>[0];
type Options = Parameters<DOMWidgetModel["initialize"]>[1];
type Message = Parameters<DOMWidgetModel["send"]>[0];

/** What a Jupyter manager has beyond the interface: the kernel, with the signal that it was disposed of. */
interface KernelManager {
  kernel?: {
    disposed: { connect(slot: () => void, self: object): boolean; disconnect(slot: () => void, self: object): boolean };
  };
}

/** Replies reach every view and every browser tab, so a request's id is unique among them all. */
const page = Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join("");
let requests = 0;

export class AttriscopeModel extends DOMWidgetModel implements LiveModel {
  override defaults() {
    return {
      ...super.defaults(),
      _model_name: "AttriscopeModel",
      _model_module: NAME,
      _model_module_version: VERSION,
      _view_name: "AttriscopeView",
      _view_module: NAME,
      _view_module_version: VERSION,
      _payload: "",
      _turn: 0,
      method: "",
      arguments: {},
      target: null,
      selected: null,
      filters: {},
      choice: {},
    };
  }

  /** Called by the base constructor: private fields do not exist yet. */
  override initialize(attributes: Attributes, options: Options): void {
    super.initialize(attributes, options);
    announce(this);
    this.on("comm_live_update change:_payload", () => announce(this));
    (this.widget_manager as KernelManager).kernel?.disposed.connect(this.kernelDisposed, this);
  }

  /** The manager clears `comm_live` on restart, crash and disconnection, but not when the kernel is shut down or changed. */
  kernelDisposed(): void {
    this.comm_live = false;
  }

  override close(commClosed = false): Promise<void> {
    (this.widget_manager as KernelManager).kernel?.disposed.disconnect(this.kernelDisposed, this);
    this.comm_live = false;
    retract(this);
    this.off("comm_live_update change:_payload");
    return super.close(commClosed);
  }

  get payload(): string {
    return this.get("_payload") as string;
  }

  get turn(): number {
    return this.get("_turn") as number;
  }

  get traits(): Traits {
    const { method, arguments: args, target, selected, filters, choice } = this.attributes as Traits;
    return { method, arguments: args, target, selected, filters, choice };
  }

  write(traits: Traits): void {
    this.set(traits);
    this.save_changes();
  }

  tell(content: object, buffers: ArrayBuffer[]): void {
    this.send(content as Message, undefined, buffers);
  }

  listen(onTraits: () => void, onAsked: () => void, signal: AbortSignal): void {
    const onMessage = ({ op }: { op?: unknown }) => {
      if (op === "results") onAsked();
    };
    this.on("change", onTraits);
    this.on("msg:custom", onMessage);
    signal.addEventListener("abort", () => {
      this.off("change", onTraits);
      this.off("msg:custom", onMessage);
    });
  }

  request(content: FetchRequest | ModelRequest | PayloadRequest, signal: AbortSignal): Promise<DataView[]> {
    const id = `${page}/${++requests}`;
    return new Promise((resolve, reject) => {
      const onReply = (reply: Reply, buffers: DataView[]) => {
        if (reply.for !== id) return;
        stop();
        if (reply.op === "error") reject(new Error(reply.message));
        else resolve(buffers);
      };
      const onLive = () => {
        if (this.comm_live) return;
        stop();
        reject(new Error("The kernel went away before it answered. Run the cell again."));
      };
      const onAbort = () => {
        stop();
        reject(signal.reason);
      };
      const stop = () => {
        this.off("msg:custom", onReply);
        this.off("comm_live_update", onLive);
        signal.removeEventListener("abort", onAbort);
      };
      if (signal.aborted) return onAbort();
      this.on("msg:custom", onReply);
      this.on("comm_live_update", onLive);
      signal.addEventListener("abort", onAbort);
      onLive();
      if (this.comm_live) this.send({ ...content, for: id } as object as Message);
    });
  }
}

/** The explorer in boxes and layouts; outside of them the output draws it without us. */
export class AttriscopeView extends DOMWidgetView {
  declare model: AttriscopeModel;
  #display: Display | undefined;
  readonly #life = new AbortController();

  override render(): void {
    const show = () => void this.#show();
    this.listenTo(this.model, "change:_payload comm_live_update", show);
    show();
  }

  override remove(): this {
    this.#life.abort();
    this.#display?.dispose();
    return super.remove() as this;
  }

  async #show(): Promise<void> {
    const { Display } = await import("./display");
    const { signal } = this.#life;
    if (signal.aborted) return;
    this.#display ??= new Display(this.el as HTMLElement);
    const { model_id, payload } = this.model;
    await this.#display.show({ state: "ready", model_id, payload }, async () =>
      bytesIn(await this.model.request({ op: "payload" }, signal), "payload"),
    );
  }
}
