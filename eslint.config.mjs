import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Node's, and what the browser tests' functions use that run in a page. */
const globals = Object.fromEntries(
  [
    ...[...Object.getOwnPropertyNames(globalThis), "require", "module", "__dirname"],
    // What scripts run in a page or a worker.
    ...["window", "document", "location", "self", "requestAnimationFrame", "ErrorEvent", "OffscreenCanvas"],
  ].map((name) => [name, "readonly"]),
);

export default tseslint.config(
  {
    ignores: [
      ...["node_modules", ".venv", "lib", "build", "attriscope", "src/proto", "tests/fixtures/data"],
      ...["bench/.insights", "examples"],
    ],
  },
  js.configs.recommended,
  { files: ["**/*.{js,mjs}"], languageOptions: { globals } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommended],
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "TypeScript is for types only: use a union of literals." },
        { selector: "TSParameterProperty", message: "TypeScript is for types only: declare the field." },
        { selector: "TSModuleDeclaration[kind='namespace']", message: "TypeScript is for types only: use a module." },
        { selector: "PropertyDefinition[accessibility='private']", message: "Private is #name." },
      ],
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/plugin.ts", "src/mime.ts", "src/*.d.ts"],
    rules: {
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
    },
  },
  {
    files: ["src/**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ["*.config.js", "scripts/*.js", "jest.config.js", "tests/**/*.js"],
    languageOptions: { sourceType: "commonjs" },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
