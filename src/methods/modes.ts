/** What the methods share that offer Captum's numbers beside the published rule. */
import type { Visit } from "../program";
import type { ParamSpec } from "./method";

/** `help` says what Captum leaves out. */
export const modeParam = (help: string): ParamSpec => ({
  name: "mode",
  kind: "enum",
  default: "captum",
  options: ["captum", "exact"],
  help: `captum: ${help}`,
});

/** relu, or relu6: a clip at 0 that torch calls so. */
export const isRectifier = ({ node, call }: Visit): boolean =>
  node.op === "Relu" ||
  (node.op === "Clip" && /^aten\.(hardtanh|relu6)/.test(call.aten) && Number(call.host[1]?.data[0]) === 0);
