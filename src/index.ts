/** The package's entry: the live model's class and its view, for widget managers of other hosts. */
export { NAME, VERSION } from "./version";
export { AttriscopeModel, AttriscopeView } from "./widget";
