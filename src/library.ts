/** The package export `attriscope/engine`: runs and explains ONNX models in a page, a worker or Node. */
export { availableBackends, BACKENDS, type Backend, type BackendChoice } from "./backend";
export { Model, type ArrayLike, type FloatArray, type Layer, type ResultArray } from "./engine";
export { FoldError } from "./fold";
export type { ValueInfo } from "./graph";
export { attribute, METHODS, plan, type Attribution, type Request } from "./methods";
export type { Arguments, ArgumentValue, MethodInfo, ParamSpec, Plan } from "./methods/method";
export { measure, METRICS, type Question } from "./metrics";
export type { Curve, Measurement, MetricInfo } from "./metrics/metric";
export { OnnxError } from "./onnx";
export { EngineError, UnsupportedError } from "./support";
