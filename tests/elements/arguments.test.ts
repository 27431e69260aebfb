/** @jest-environment jsdom */
import { AttriscopeArgument, helpOf, limitsOf, parseArgument, textOf } from "../../src/elements/arguments";
import { startOf } from "../../src/state";
import { found } from "../../src/elements/menu";
import { duration, magnitude, score, signed } from "../../src/format";
import { plan, strongestArea } from "../../src/elements/map";
import { themeOf } from "../../src/elements/theme";

const shape = { name: "strides", kind: "shape", default: null, help: "" } as const;
const int = { name: "n", kind: "int", default: 1, min: 0, help: "" } as const;

test.each([
  ["5", 5],
  [" 3 5 5 ", [3, 5, 5]],
  ["3, 5, 5", [3, 5, 5]],
  ["3×5×5", [3, 5, 5]],
  ["(3, 5, 5)", [3, 5, 5]],
  [
    "3 5 5; 1 2 2",
    [
      [3, 5, 5],
      [1, 2, 2],
    ],
  ],
  ["5; 7", [[5], [7]]],
  ["3 5 5;", [[3, 5, 5], null]],
  ["", null],
  ["wide", "wide"],
  ["3 wide", "3 wide"],
])("the shape %j means %j", (text, value) => {
  expect(parseArgument(shape, text)).toEqual(value);
});

test.each([
  3,
  [3, 5, 5],
  [
    [3, 5, 5],
    [1, 2, 2],
  ],
  [[3, 5, 5], null],
  null,
])("the shape %j can be written and read again", (value) => {
  expect(parseArgument(shape, textOf(value))).toEqual(value);
});

test.each([
  ["12", 12],
  ["−3", -3],
  ["0,5", 0.5],
  ["1e-3", 0.001],
  ["", null],
  ["ten", "ten"],
])("the number %j means %j", (text, value) => {
  expect(parseArgument(int, text)).toBe(value);
});

test("numbers are written with a true minus and as many digits as say something", () => {
  expect([signed(7.968, 2), signed(-0.036, 3), signed(0, 2), signed(1e-7, 3), signed(-2e-7, 3, true)]).toEqual([
    "+7.97",
    "−0.036",
    "+0.00",
    "+0.000",
    "−2.0e−7",
  ]);
  expect([signed(2.5e9, 2), signed(NaN, 2)]).toEqual(["+2.5e9", "NaN"]);
  expect([score(0.9641), score(-1.5), magnitude(2.1e-7), duration(7.2), duration(0.42), duration(1234)]).toEqual([
    "0.964",
    "−1.500",
    "2e−7",
    "7 ms",
    "0.4 ms",
    "1.2 s",
  ]);
});

test.each([
  [32, 32, 1, { width: 32, height: 32, cssWidth: 96, cssHeight: 96, pixelated: true }],
  [8, 8, 1, { width: 8, height: 8, cssWidth: 96, cssHeight: 96, pixelated: true }],
  [28, 28, 2, { width: 28, height: 28, cssWidth: 84, cssHeight: 84, pixelated: true }],
  [1, 1, 1, { width: 1, height: 1, cssWidth: 96, cssHeight: 96, pixelated: true }],
  [64, 64, 1, { width: 64, height: 64, cssWidth: 96, cssHeight: 96, pixelated: false }],
  [224, 224, 2, { width: 192, height: 192, cssWidth: 96, cssHeight: 96, pixelated: false }],
  [4000, 3000, 1, { width: 96, height: 72, cssWidth: 96, cssHeight: 72, pixelated: false }],
  [500, 1, 1, { width: 96, height: 1, cssWidth: 96, cssHeight: 1, pixelated: false }],
])("a picture of %i x %i at %i device pixels", (width, height, pixelRatio, expected) => {
  expect(plan(width, height, pixelRatio)).toEqual(expected);
});

test("the strongest area in words", () => {
  const values = new Float32Array(81);
  values[40] = -1;
  expect(strongestArea({ data: values, width: 9, height: 9 })).toBe("centre");
  const corner = new Float32Array(81);
  corner[8] = 0.1;
  expect(strongestArea({ data: corner, width: 9, height: 9 })).toBe("upper right");
});

test.each([
  ["rgb(255, 255, 255)", false, [255, 255, 255]],
  ["rgb(33, 33, 33)", true, [33, 33, 33]],
  ["rgb(29, 32, 33)", true, [29, 32, 33]],
  ["rgb(253, 246, 227)", false, [253, 246, 227]],
  ["rgba(0, 0, 0, 0)", false, [255, 255, 255]],
])("a background of %s: dark is %s", (colour, dark, background) => {
  const element = document.createElement("div");
  element.style.backgroundColor = colour;
  document.body.append(element);
  expect(themeOf(element)).toEqual({ dark, background });
});

test("limits and help", () => {
  const float = { name: "p", kind: "float", default: 0.5, min: 0.01, max: 0.99, help: "Share", start: 0.2 } as const;
  expect([limitsOf(int), limitsOf({ ...int, max: 9, unit: "px" }), limitsOf(float)]).toEqual([
    "from 0 on",
    "0 to 9 px",
    "a number from 0.01 to 0.99",
  ]);
  expect([limitsOf(shape), limitsOf({ ...shape, unit: "px" }, 32)]).toEqual(["", "1 to 32 px"]);
  expect(helpOf(float, [])).toBe("p: Share; a number from 0.01 to 0.99; starts at 0.2, in Captum 0.5");
});

test.each([
  ["", ["Grad-CAM++", "Integrated Gradients", "Layer Grad Cam"]],
  ["cam", ["Grad-CAM++", "Layer Grad Cam"]],
  ["ig", ["Integrated Gradients"]],
  ["lay grad", ["Layer Grad Cam"]],
  ["straight path", ["Integrated Gradients"]],
  ["nothing", []],
])("%j finds %j", (query, names) => {
  const items = [
    { value: "Grad-CAM++", group: "CAM" },
    { value: "Integrated Gradients", group: "Path", summary: "Along the straight path" },
    { value: "Layer Grad Cam", group: "CAM" },
  ];
  expect(found(items, query).map(({ value }) => value)).toEqual(names);
});

test("what is being typed stays when the state changes, until it is entered", async () => {
  if (!customElements.get("x-argument")) customElements.define("x-argument", AttriscopeArgument);
  const form = document.createElement("x-argument") as AttriscopeArgument;
  const entered: unknown[] = [];
  form.addEventListener("argument", (event) => entered.push((event as CustomEvent).detail));
  Object.assign(form, { spec: int, value: 25 });
  document.body.append(form);
  await form.updateComplete;
  const field = form.shadowRoot!.querySelector<HTMLInputElement>('[data-argument="n"]')!;
  field.value = "7";
  field.dispatchEvent(new Event("input"));
  form.value = 24;
  await form.updateComplete;
  expect(field.value).toBe("7");
  field.dispatchEvent(new Event("change"));
  expect(entered).toEqual([["n", 7]]);
  form.value = 8;
  await form.updateComplete;
  expect(field.value).toBe("8");
});

test("a layer goes back to the one that the model starts with", () => {
  const spec = { name: "layer", kind: "layer", default: null, auto: "last layer", spatial: false, help: "" } as const;
  const layers = [
    { name: "conv1", class: "", shape: [null, 6, 28, 28], spatial: true },
    { name: "conv2", class: "", shape: [null, 16, 10, 10], spatial: true },
    { name: "fc", class: "", shape: [null, 10], spatial: false },
  ];
  expect(startOf(spec, layers)).toBe("conv2");
  expect(startOf({ ...spec, spatial: true }, layers)).toBeNull();
  expect(helpOf(spec, layers)).toMatch(/starts at conv2$/);
});
