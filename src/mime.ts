/**
 * The MIME renderer for JupyterLab and Notebook: draws an output of ours from what is saved with it. Safe in untrusted
 * notebooks: the payload is data, decoded with checks and never inserted as HTML.
 */
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import { Widget } from "@lumino/widgets";
import type { Display, Memory } from "./display";
import { NAME } from "./version";

const MIME = "application/vnd.attriscope.v1+json";

/** Around the payload in the page that the output carries for other hosts, as it stands inside the iframe's `srcdoc`. */
const OPEN = "id=&quot;payload&quot;&gt;";
const CLOSE = "&lt;/script";

class Renderer extends Widget implements IRenderMime.IRenderer {
  #display: Display | undefined;

  /** Called again, on the same renderer, when the kernel updates the output. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { bytesOf, Display } = await import("./display");
    if (this.isDisposed) return;
    this.#display ??= new Display(this.node);
    const packed = () => bytesOf(extractPayload(model.data["text/html"]));
    await this.#display.show(model.data[MIME], packed, memoryOf(model));
  }

  override dispose(): void {
    this.#display?.dispose();
    super.dispose();
  }
}

/** What is chosen is saved in the output's metadata. */
function memoryOf(model: IRenderMime.IMimeModel): Memory {
  return {
    get saved() {
      return ((model.metadata[MIME] ?? {}) as { choice?: unknown }).choice;
    },
    save(choice) {
      model.setData({ metadata: { ...model.metadata, [MIME]: { choice } } as typeof model.metadata });
    },
  };
}

/** @returns the payload in base64 */
function extractPayload(html: unknown): string {
  const text = Array.isArray(html) ? html.join("") : String(html ?? "");
  const start = text.indexOf(OPEN) + OPEN.length;
  const end = text.indexOf(CLOSE, start);
  if (start < OPEN.length || end < 0) {
    throw new Error("The output's text/html carries no payload: it was cut or rewritten. Run the cell again.");
  }
  return text.slice(start, end);
}

const extension: IRenderMime.IExtension = {
  id: `${NAME}:mime`,
  description: "Draws Attriscope's explorers.",
  dataType: "json",
  rank: 10,
  rendererFactory: {
    safe: true,
    mimeTypes: [MIME],
    defaultRank: 10,
    createRenderer: () => new Renderer(),
  },
};
export default extension;
