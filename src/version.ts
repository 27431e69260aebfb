/** Name and version, as in package.json (whose import would leave `rootDir`); a test keeps them equal. */
export const NAME = "attriscope";
export const VERSION = "0.1.0";
