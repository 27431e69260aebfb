/** The JupyterLab plugin: tells the widget manager where the live model's class is. Its code is loaded with the first explorer. */
import { IJupyterWidgetRegistry } from "@jupyter-widgets/base";
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { NAME, VERSION } from "./version";

const plugin: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:widgets`,
  description: "Connects Attriscope's explorers to their kernel.",
  autoStart: true,
  requires: [IJupyterWidgetRegistry],
  activate: (_app: JupyterFrontEnd, registry: IJupyterWidgetRegistry) =>
    registry.registerWidget({ name: NAME, version: VERSION, exports: async () => import("./widget") }),
};
export default plugin;
