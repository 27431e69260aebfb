/** The package's entry: the live model's class, for widget managers of other hosts. */
export { NAME, VERSION } from "./version";
export { AttriscopeModel } from "./widget";
