/**
 * Perturbation methods against Captum 0.9's own tests (the numbers of tests/attr/test_*.py) and, where it says `seed`, against
 * what Captum prints for the call beside it after `torch.manual_seed(3)`; then the axioms, and what is refused.
 */
import { Model, type FloatArray } from "../../src/engine";
import { attribute, METHODS, plan, type Request } from "../../src/methods";
import { leastSquares } from "../../src/methods/kernel-shap";
import { lasso } from "../../src/methods/lime";
import type { Arguments, Maps } from "../../src/methods/method";
import { shapley } from "../../src/methods/shapley-values";
import { Generator } from "../../src/random";
import { readNet } from "../engine/fixtures";

const array = (rows: readonly (readonly number[])[], shape = [rows.length, rows[0].length]): FloatArray => ({
  data: Float32Array.from(rows.flat()),
  shape,
});

const models: Record<string, Model> = {};
beforeAll(async () => {
  for (const name of ["golden-multi-layer", "golden-shared-masks", "golden-one-conv-two-inputs", "digits"])
    models[name] = await Model.load(readNet(name).onnx, { backend: "wasm" });
});
afterAll(() => Object.values(models).forEach((model) => model.dispose()));

type Arrays = Record<string, FloatArray>;

async function maps(name: string, method: string, inputs: Arrays, request: Partial<Request> = {}): Promise<Arrays> {
  return (await attribute(models[name], { method, inputs, target: 0, ...request })).attributions;
}

/** Of captum.testing's BasicModel_MultiLayer, called `model` below; flat. */
const multiLayer = async (method: string, rows: number[][], request?: Partial<Request>): Promise<number[]> =>
  Array.from((await maps("golden-multi-layer", method, { x: array(rows) }, request)).x.data);

function close(got: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5): void {
  const scale = Math.max(...expected.map(Math.abs)) || 1;
  expect(got.length).toBe(expected.length);
  expected.forEach((e, i) => expect(Math.abs(got[i] - e) / scale).toBeLessThan(tolerance));
}

const X = [[20, 50, 30]];
const TWO = [
  [2, 10, 3],
  [20, 50, 30],
];
const FOUR = [...TWO, [1, 1, 40], [7, 0, 2]];
const TENS = { x: array([[10, 20, 10]]) };
const constant = (value: number) => ({ x: array([[value, value, value]]) });
const SHARED = { feature_mask: { x: array([[0, 0, 1]]) } };
/** Per sample. */
const OWN = array([
  [0, 0, 1],
  [2, 0, 0],
]);

describe("Captum's tests", () => {
  test.each([
    [{ sliding_window_shapes: [1] }, 0, [80, 200, 120]],
    [{ sliding_window_shapes: [2] }, 10, [200, 220, 240]],
    [{ sliding_window_shapes: [2], strides: [2] }, 0, [280, 280, 120]],
  ])("Occlusion %j, baseline %d", async (args, baseline, expected) =>
    close(await multiLayer("Occlusion", X, { arguments: args, baselines: constant(baseline) }), expected),
  );

  test("Occlusion of two inputs with windows and strides of their own", async () => {
    const net = readNet("golden-one-conv-two-inputs");
    const [first, second] = Object.keys(net.inputs);
    const found = await maps("golden-one-conv-two-inputs", "Occlusion", net.inputs, {
      arguments: { sliding_window_shapes: [[1, 2, 3], [1, 1, 2]], strides: [[1, 2, 1], [1, 1, 2]] }, // prettier-ignore
    });
    close(found[first].data, [17, 17, 17, 17, 17, 17, 17, 17, 64, 65.5, 65.5, 67, 64, 65.5, 65.5, 67]);
    close(found[second].data, [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0]);
  });

  test("Feature Ablation with a mask, and with one for each sample", async () => {
    close(await multiLayer("Feature Ablation", X, { ...SHARED, baselines: constant(4) }), [248, 248, 104]);
    const masks = { feature_mask: { x: array([[0, 0, 1], [1, 1, 0]]) } }; // prettier-ignore
    close(await multiLayer("Feature Ablation", TWO, masks), [41, 41, 12, 280, 280, 120]);
  });

  const three = {
    x1: array([[23, 100, 0], [20, 50, 30]]), // prettier-ignore
    x2: array([[20, 50, 30], [0, 100, 0]]), // prettier-ignore
    x3: array([[0, 100, 10], [2, 10, 3]]), // prettier-ignore
  };
  const masks = {
    x1: array([[1, 1, 1], [0, 1, 0]]), // prettier-ignore
    x2: array([[0, 1, 2]]),
    x3: array([[0, 1, 2], [0, 0, 0]]), // prettier-ignore
  };
  test.each([
    ["Feature Ablation", {}, [[1092, 1092, 1092, 260, 600, 260], [80, 1092, 160, 260, 600, 0], [80, 1092, 160, 260, 260, 260]]], // prettier-ignore
    // seed; FeaturePermutation(model).attribute(inputs, target=0, feature_mask=masks), model(x1, x2, x3) = ML(x1 + x2 + x3)
    ["Feature Permutation", { seed: 3 }, [[252, 252, 252, -352, 0, -352], [72, 252, 148, -352, 0, -120], [72, 252, 148, -352, -352, -352]]], // prettier-ignore
    // seed; ShapleyValueSampling(model).attribute(inputs, target=0, n_samples=2, feature_mask=masks)
    ["Shapley Value Sampling", { n_samples: 2, seed: 3 }, [[1082, 1082, 1082, 260, 590, 260], [80, 1082, 160, 260, 590, 0], [80, 1082, 160, 260, 260, 260]]], // prettier-ignore
    // ShapleyValues(model).attribute(inputs, target=0, feature_mask=masks)
    ["Shapley Values", {}, [[1088.66663, 1088.66663, 1088.66663, 255, 595, 255], [76.66666, 1088.66663, 156.66667, 255, 595, 0], [76.66666, 1088.66663, 156.66667, 255, 255, 255]]], // prettier-ignore
  ])("%s with features that span inputs", async (method, args: Arguments, expected) => {
    const found = await maps("golden-shared-masks", method, three, { arguments: args, feature_mask: masks });
    Object.values(found).forEach(({ data }, i) => close(data, expected[i]));
  });

  test("Shapley Values", async () => {
    close(await multiLayer("Shapley Values", X), [76.66667, 196.66667, 116.66667]);
    close(await multiLayer("Shapley Values", X, SHARED), [275, 275, 115]);
    const gaps = { feature_mask: { x: array([[3, 3, 90]]) } };
    close(await multiLayer("Shapley Values", X, gaps), [275, 275, 115]);
  });

  test("Kernel Shap and Lime with 500 samples and seed 0", async () => {
    const args = { arguments: { n_samples: 500, seed: 0 } };
    close(await multiLayer("Kernel Shap", X, args), [76.5481, 196.7108, 116.7418]);
    close(await multiLayer("Kernel Shap", X, { ...args, baselines: TENS }), [40, 120, 80]);
    close(await multiLayer("Lime", X, args), [78.0679, 197.8368, 117.8796]);
    // get_exp_kernel_similarity_function("cosine", 10), SkLearnLasso(alpha=1), which the test compares to within 1
    const wide = { ...args.arguments, alpha: 1, distance_mode: "cosine", kernel_width: 10 };
    const found = await multiLayer("Lime", X, { arguments: wide });
    [73.3716, 193.3349, 113.3349].forEach((value, i) => expect(Math.abs(found[i] - value)).toBeLessThan(1));
  });
});

describe("Captum's numbers for a seed", () => {
  const own = { feature_mask: { x: OWN } };
  test.each([
    // FeaturePermutation(model).attribute(FOUR, target=0)
    ["Feature Permutation", FOUR, {}, {}, [4, 35, 0, 52, 196, 112, -76, -196, 40, 15, -39, -151]],
    // FeaturePermutation(model).attribute(FOUR, target=0, feature_mask=[[0, 0, 1]])
    ["Feature Permutation", FOUR, {}, SHARED, [35, 35, 4, 252, 252, -40, -272, -272, 40, -19, -19, -3]],
    // ShapleyValueSampling(model).attribute(TWO, target=0, n_samples=2)
    ["Shapley Value Sampling", TWO, { n_samples: 2 }, {}, [8, 30, 12, 80, 190, 120]],
    // ShapleyValueSampling(model).attribute(TWO, baselines=1, target=0, n_samples=3, feature_mask=OWN)
    ["Shapley Value Sampling", TWO, { n_samples: 3 }, { ...own, baselines: constant(1) }, [35, 35, 6, 73.66666412353516, 307.3333435058594, 307.3333435058594]], // prettier-ignore
    // Lime(model).attribute(TWO, target=0): each sample's numbers go on from the one before
    ["Lime", TWO, {}, {}, [7.391232013702393, 32.79212951660156, 10.997303009033203, 77.65215301513672, 196.7591094970703, 118.605224609375]], // prettier-ignore
    // Lime(model).attribute(TWO, baselines=4, target=0, n_samples=40, feature_mask=OWN + 1)
    ["Lime", TWO, { n_samples: 40 }, { feature_mask: { x: { ...OWN, data: OWN.data.map((i) => i + 1) } }, baselines: constant(4) }, [15.94682502746582, 15.94682502746582, -3.946323871612549, 63.951297760009766, 287.9474182128906, 287.9474182128906]], // prettier-ignore
    // KernelShap(model).attribute(TWO, target=0)
    ["Kernel Shap", TWO, {}, {}, [7.45782470703125, 32.03013610839844, 10.512054443359375, 74.8570785522461, 196.0001220703125, 119.14286804199219]], // prettier-ignore
    // KernelShap(model).attribute(TWO, baselines=4, target=0, n_samples=40, feature_mask=OWN)
    ["Kernel Shap", TWO, { n_samples: 40 }, { ...own, baselines: constant(4) }, [15.99999713897705, 15.99999713897705, -3.9999988079071045, 64.00001525878906, 288.0000305175781, 288.0000305175781]], // prettier-ignore
    // KernelShap(model).attribute(TWO[:1], target=0, n_samples=2): fewer samples than features
    ["Kernel Shap", TWO.slice(0, 1), { n_samples: 2 }, {}, [16.666662216186523, 16.66666603088379, 16.66666603088379]],
  ] as [string, number[][], Arguments, Partial<Request>, number[]][])(
    "%s of %j, %j",
    async (method, rows, args, request, expected) =>
      close(await multiLayer(method, rows, { ...request, arguments: { ...args, seed: 3 } }), expected),
  );
});

test("copies in one forward pass make no difference", async () => {
  const net = readNet("digits");
  const segments = { segments: "grid", n_segments: 9 };
  const cases: Record<string, Arguments> = {
    "Feature Ablation": segments,
    "Feature Permutation": segments,
    "Kernel Shap": { ...segments, n_samples: 20 },
    Lime: { ...segments, n_samples: 20 },
    Occlusion: { sliding_window_shapes: [1, 3, 3], strides: [1, 2, 2] },
    RISE: { n_masks: 20, s: 3 },
    "Shapley Value Sampling": { ...segments, n_samples: 3 },
    "Shapley Values": { segments: "grid", n_segments: 4 },
  };
  expect(Object.keys(cases)).toEqual(METHODS.filter(({ group }) => group === "Perturbation").map(({ name }) => name));
  for (const [method, args] of Object.entries(cases)) {
    const [whole, single] = await Promise.all(
      [null, 1].map((n) => maps("digits", method, net.inputs, { arguments: { ...args, perturbations_per_eval: n } })),
    );
    const [a, b] = [whole.input.data, single.input.data];
    if (method !== "Lime") expect(Math.max(...a)).toBeGreaterThan(0);
    a.forEach((v, i) => expect(Math.abs(v - b[i])).toBeLessThan(2e-6));
  }
});

describe("axioms of Shapley values", () => {
  /** By the definition: the mean over all orders of what a player adds to those before it. */
  function overOrders(outputs: readonly number[], players: number): number[] {
    const sums = Array<number>(players).fill(0);
    let count = 0;
    const complete = (order: readonly number[]): void => {
      if (order.length < players) {
        for (let i = 0; i < players; i++) if (!order.includes(i)) complete([...order, i]);
        return;
      }
      count++;
      order.reduce((subset, i) => {
        sums[i] += outputs[subset | (1 << i)] - outputs[subset];
        return subset | (1 << i);
      }, 0);
    };
    complete([]);
    return sums.map((sum) => sum / count);
  }
  const game = (seed: number) => Array.from(new Generator(seed).randn(32));

  test("the mean over all orders", () => close(shapley(game(1)), overOrders(game(1), 5)));

  test("linear", () => {
    const [a, b] = [game(1), game(2)];
    const both = shapley(a.map((v, i) => 2 * v - 3 * b[i]));
    close(both, shapley(a).map((v, i) => 2 * v - 3 * shapley(b)[i])); // prettier-ignore
  });

  test("symmetric, and 0 for who adds nothing", () => {
    // Players 0 and 1 do the same, 2 does nothing, 3 something else.
    const outputs = Array.from({ length: 16 }, (_, s) => ((s & 1) + ((s >> 1) & 1)) ** 2 + (s & 8 ? 5 * (1 + (s & 1) + ((s >> 1) & 1)) : 0)); // prettier-ignore
    const [a, b, nothing, other] = shapley(outputs);
    expect(a).toBeCloseTo(b);
    expect(nothing).toBe(0);
    expect(a + b + other).toBeCloseTo(outputs[15] - outputs[0]);
  });

  test.each([
    ["Shapley Values", {}],
    ["Shapley Value Sampling", { n_samples: 1 }],
    ["Shapley Value Sampling", { n_samples: 7, seed: 5 }],
    ["Kernel Shap", {}],
  ])("%s %j: complete, and 0 where the input is the baseline", async (method, args: Arguments) => {
    const request = { inputs: { x: array(TWO) }, baselines: { x: array([[5, 10, -20]]) }, target: 0 };
    const { attributions, delta, change } = await attribute(models["golden-multi-layer"], { method, arguments: args, ...request }); // prettier-ignore
    delta!.forEach((d, i) => expect(Math.abs(d / change![i])).toBeLessThan(1e-5));
    if (method !== "Kernel Shap") expect(attributions.x.data[1]).toBe(0);
  });

  test("a map repeats a feature's number at each of its values, so its sum is not compared", async () => {
    const request = { method: "Shapley Values", inputs: { x: array(X) }, target: 0 };
    expect((await attribute(models["golden-multi-layer"], { ...request, ...SHARED })).delta).toBeNull();
  });
});

describe("fits", () => {
  const COLUMNS = [
    [1.221667, 1.331667, -0.638333, 0.221667, 0.951667, -3.088333],
    [0.335, -1.045, 0.345, 0.055, -0.275, 0.585],
    [0.366667, 0.336667, -0.473333, -0.173333, -0.303333, 0.246667],
    [1.86, -0.53, 1.07, -0.05, -1.23, -1.12],
  ].map((column) => Float64Array.from(column));
  const Y = Float64Array.of(1.656667, -2.063333, -0.563333, -0.803333, 0.916667, 0.856667);
  const first = (n: number) => COLUMNS.map((column) => column.slice(0, n));

  // sklearn 1.9.1: Lasso(alpha=.01, fit_intercept=False).fit(A, y).coef_
  test("lasso", () => close(lasso(COLUMNS, Y, 0.01), [0.9041705602530615, 3.91665530185877, 1.3104880581377472, -0.8112582876753587], 1e-9)); // prettier-ignore

  test("lasso of outputs that do not vary", () => close(lasso(COLUMNS, new Float64Array(6), 0.01), [0, 0, 0, 0]));

  // numpy 2.4: numpy.linalg.lstsq(A, y)
  test("least squares", () =>
    close(leastSquares(COLUMNS, Y), [0.9904913544852946, 4.191887913860749, 1.4749446471070424, -0.9010353395873553], 1e-9)); // prettier-ignore

  // numpy.linalg.lstsq(A[:3], y[:3])
  test("least squares with fewer rows than columns", () =>
    close(leastSquares(first(3), Y.slice(0, 3)), [0.3934931359416579, 3.3941175920332607, 2.2001902662714206, -0.41280491215081877], 1e-9)); // prettier-ignore

  // numpy.linalg.lstsq(numpy.c_[A, A[:, 0] + A[:, 1]], y, rcond=1e-6)
  test("least squares of dependent columns", () => {
    const sum = COLUMNS[0].map((v, i) => v + COLUMNS[1][i]);
    close(leastSquares([...COLUMNS, sum], Y), [-0.7369684016300518, 2.464428157745398, 1.4749446471070462, -0.9010353395873533, 1.7274597561153444], 1e-9); // prettier-ignore
  });
});

describe("RISE", () => {
  const net = readNet("digits");
  const [S, P, MASKS] = [3, 0.4, 25];

  /** The paper's masks, written out: s x s cells, magnified to (s + 1) cells of pixels by tent functions, cut out at a shift. */
  function masks(): number[][] {
    const generator = new Generator(8);
    const grids = Array.from({ length: MASKS }, () => [...generator.bernoulli(P, S * S)]);
    const shifts = Array.from({ length: MASKS }, () => [...generator.rand(2)]);
    const cell = Math.ceil(8 / S);
    const size = (S + 1) * cell;
    return grids.map((grid, k) => {
      const [dy, dx] = shifts[k].map((u) => Math.floor(u * cell));
      /** Weight of cell c at pixel q of the magnified mask; outer cells reach to the border. */
      const tent = (q: number, c: number): number => {
        const at = Math.min(S - 1, Math.max(0, ((q + 0.5) / size) * S - 0.5));
        return Math.max(0, 1 - Math.abs(at - c));
      };
      return Array.from({ length: 64 }, (_, i) => {
        const [y, x] = [Math.floor(i / 8) + dy, (i % 8) + dx];
        return grid.reduce((sum, on, c) => sum + on * tent(y, Math.floor(c / S)) * tent(x, c % S), 0);
      });
    });
  }

  test("is sum(score x mask) / (N p) over masked images", async () => {
    const x = net.inputs.input;
    const expected = new Float64Array(3 * 64);
    for (const mask of masks()) {
      const masked = { data: Float32Array.from(x.data, (v, i) => v * mask[i % 64]), shape: x.shape };
      const { raw } = await models.digits.run({ input: masked });
      expected.forEach((_, i) => {
        const sample = Math.floor(i / 64);
        expected[i] += (raw.data[sample * 10 + net.target![sample]] * mask[i % 64]) / (MASKS * P);
      });
    }
    const { input } = await maps("digits", "RISE", net.inputs, {
      target: net.target,
      arguments: { n_masks: MASKS, s: S, p: P, seed: 8 },
    });
    expect(input.shape).toEqual([3, 1, 8, 8]);
    close(input.data, [...expected], 1e-5);
  });

  test("needs an image", async () => {
    await expect(multiLayer("RISE", X)).rejects.toThrow("RISE cannot explain this model: no input of it is an image");
  });
});

describe("previews", () => {
  /** What a method offers after each chunk of one copy. */
  async function offered(name: string, args: Arguments): Promise<{ previews: Maps[]; result: Maps }> {
    const method = METHODS.find((m) => m.name === name)!;
    const { inputs, target } = readNet("digits");
    const one = { input: { data: inputs.input.data.slice(0, 64), shape: [1, 1, 8, 8] } };
    const zero = { input: { data: new Float32Array(64), shape: [1, 1, 8, 8] } };
    const defaults = Object.fromEntries(method.params.map((spec) => [spec.name, spec.default]));
    const previews: Maps[] = [];
    const result = await method.attribute({
      model: models.digits,
      inputs: one,
      baselines: zero,
      additional: {},
      target: [target![0]],
      arguments: { ...defaults, ...args, perturbations_per_eval: 1 },
      layer: null,
      feature_mask: null,
      step: async () => {},
      preview: async (known) => void previews.push(await known()),
    });
    return { previews, result };
  }
  const grid = { segments: "grid", n_segments: 4 };

  test.each([
    ["Feature Ablation", grid],
    ["Kernel Shap", { ...grid, n_samples: 12 }],
    ["Lime", { ...grid, n_samples: 12 }],
    ["Occlusion", { sliding_window_shapes: [1, 4, 4], strides: [1, 2, 2] }],
    ["RISE", { n_masks: 12 }],
    ["Shapley Value Sampling", { ...grid, n_samples: 2 }],
    ["Shapley Values", grid],
  ])("the last one of %s is the result", async (name, args: Arguments) => {
    const { previews, result } = await offered(name, args);
    expect(previews.at(-1)).toEqual(result);
    expect(previews.length).toBeGreaterThan(3);
  });

  test("four of nine windows cover the whole picture, and come first", async () => {
    const { previews, result } = await offered("Occlusion", { sliding_window_shapes: [1, 4, 4], strides: [1, 2, 2] });
    expect(previews).toHaveLength(9);
    const { previews: coarse } = await offered("Occlusion", { sliding_window_shapes: [1, 4, 4], strides: [1, 4, 4] });
    expect(coarse).toHaveLength(4);
    expect(previews[3]).toEqual(coarse[3]);
    expect(previews[3]).not.toEqual(result);
  });
});

describe("bad input", () => {
  const digits = readNet("digits");
  test.each([
    ["Feature Permutation", {}, /swaps values between samples and needs 2 or more in a call, got 1/],
    ["Shapley Value Sampling", { n_samples: 0 }, /argument n_samples: a whole number from 1 to 10000; got 0/],
    ["Lime", { n_samples: 1 }, /argument n_samples: a whole number from 2/],
    ["Kernel Shap", { n_samples: 2.5 }, /argument n_samples: a whole number/],
    ["Kernel Shap", { seed: -1 }, /argument seed: a whole number from 0/],
    ["Lime", { alpha: 0 }, "Lime, argument alpha: a number from 1e-9 on; got 0"],
    ["Lime", { distance_mode: "manhattan" }, /argument distance_mode: one of cosine, euclidean; got "manhattan"/],
    ["Lime", { kernel_width: 0 }, /argument kernel_width: a number from 0.000001 on; got 0/],
    [
      "Lime",
      { distance_mode: "euclidean", kernel_width: 0.1, n_samples: 2 },
      /all perturbed copies are so far .* take a larger kernel_width/,
    ],
    ["Lime", { segments: "squares" }, /argument segments: one of values, grid, superpixels; got "squares"/],
  ])("%s %j", async (method, args: Arguments, message) => {
    await expect(multiLayer(method, X, { arguments: args })).rejects.toThrow(message);
  });

  test.each([
    [array([[0, 1]]), /feature_mask of "x" has the shape \[1, 2\], expected \[1, 3\]/],
    [array([[0, 0.5, 1]]), /feature_mask of "x" holds 0.5 at position 1; expected whole numbers/],
    [array([[0, -1, 1]]), /feature_mask of "x" holds -1 at position 1/],
    [array([[0, 1, 2 ** 30]]), /feature_mask holds 1073741824; expected numbers below 1048576, without large gaps/],
  ])("mask %j", async (mask, message) => {
    for (const method of ["Feature Ablation", "Shapley Value Sampling"])
      await expect(multiLayer(method, X, { feature_mask: { x: mask } })).rejects.toThrow(message);
  });

  test("too many features for exact Shapley values, unless a mask groups them", async () => {
    const request = { target: digits.target };
    await expect(maps("digits", "Shapley Values", digits.inputs, request)).rejects.toThrow(
      "Shapley Values, argument segments: 64 features would take 2^64 forward passes; at most 16 features, or Shapley Value Sampling", // prettier-ignore
    );
    const mask = { input: array([Array.from({ length: 64 }, (_, i) => Math.floor(i / 32))], [1, 1, 8, 8]) };
    const { input } = await maps("digits", "Shapley Values", digits.inputs, { ...request, feature_mask: mask });
    expect(new Set(input.data.slice(0, 64)).size).toBe(2);
    const { errors } = plan(models.digits, "Shapley Values", { segments: "superpixels", n_segments: 20 }, [[1, 8, 8]]);
    expect(errors.n_segments).toMatch(/^20 features/);
  });

  test("too many samples for a fit", () => {
    const { errors } = plan(models.digits, "Lime", { n_samples: 100000 }, [[3, 224, 224]]);
    expect(errors.n_samples).toMatch(/100000 samples of 150528 features are too many/);
  });

  test("work in words", () => {
    const workload = (name: string, args: Arguments) => plan(models.digits, name, args, [[1, 8, 8]]).workload;
    expect(workload("Feature Ablation", {})).toBe("64 forward passes");
    expect(workload("Feature Ablation", { segments: "grid", n_segments: 9 })).toBe("9 forward passes");
    expect(workload("Shapley Value Sampling", { n_samples: 2 })).toBe("129 forward passes");
    expect(workload("RISE", { n_masks: 30 })).toBe("30 forward passes");
  });
});
