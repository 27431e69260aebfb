/** The live model: the page's end of the kernel's `attriscope.widget`. It carries messages only; all data is in them. */
import { WidgetModel } from "@jupyter-widgets/base";
import { announce, retract, type LiveModel } from "./live";
import { NAME, VERSION } from "./version";
import type { FetchRequest, ModelRequest, Reply } from "./wire";

type Attributes = Parameters<WidgetModel["initialize"]>[0];
type Options = Parameters<WidgetModel["initialize"]>[1];
type Message = Parameters<WidgetModel["send"]>[0];

/** What a Jupyter manager has beyond the interface: the kernel, with the signal that it was disposed of. */
interface KernelManager {
  kernel?: {
    disposed: { connect(slot: () => void, self: object): boolean; disconnect(slot: () => void, self: object): boolean };
  };
}

/** Replies reach every view and every browser tab, so a request's id is unique among them all. */
const page = Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join("");
let requests = 0;

export class AttriscopeModel extends WidgetModel implements LiveModel {
  override defaults() {
    return {
      ...super.defaults(),
      _model_name: "AttriscopeModel",
      _model_module: NAME,
      _model_module_version: VERSION,
      _view_name: null,
      _view_module: null,
      _view_module_version: "",
    };
  }

  /** Called by the base constructor: private fields do not exist yet. */
  override initialize(attributes: Attributes, options: Options): void {
    super.initialize(attributes, options);
    announce(this);
    this.on("comm_live_update", () => announce(this));
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
    this.off("comm_live_update");
    return super.close(commClosed);
  }

  request(content: FetchRequest | ModelRequest, signal: AbortSignal): Promise<DataView[]> {
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
