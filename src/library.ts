/** The package export `attriscope/engine`: runs and explains ONNX models in a page, a worker or Node. */
export { availableBackends, BACKENDS, type Backend, type BackendChoice } from "./backend";
export { EngineError, Model, UnsupportedError, type ArrayLike, type FloatArray, type Layer } from "./engine";
export type { ValueInfo } from "./graph";
export { attribute, METHODS, plan, type Attribution, type Request } from "./methods";
export type { Arguments, ArgumentValue, MethodInfo, ParamSpec, Plan } from "./methods/method";
export { OnnxError } from "./onnx";
