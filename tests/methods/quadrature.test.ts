/** Golden cases 27 and 28: captum.attr._utils.approximation_methods and its tests. */
import { quadrature, type Rule } from "../../src/methods/integrated-gradients";

const close = (got: readonly number[], expected: readonly number[]): void => {
  expect(got.length).toBe(expected.length);
  got.forEach((v, i) => expect(v).toBeCloseTo(expected[i], 6));
};

test.each<[Rule, number, number[], number[]]>([
  ["gausslegendre", 3, [0.1127017, 0.5, 0.8872983], [0.2777778, 0.4444444, 0.2777778]],
  ["riemann_left", 4, [0, 0.25, 0.5, 0.75], [0.25, 0.25, 0.25, 0.25]],
  ["riemann_right", 4, [0.25, 0.5, 0.75, 1], [0.25, 0.25, 0.25, 0.25]],
  ["riemann_middle", 4, [0.125, 0.375, 0.625, 0.875], [0.25, 0.25, 0.25, 0.25]],
  ["riemann_trapezoid", 4, [0, 1 / 3, 2 / 3, 1], [0.125, 0.25, 0.25, 0.125]],
])("%s of %i points", (method, n, alphas, weights) => {
  const found = quadrature(method, n);
  close(found.alphas, alphas);
  close(found.weights, weights);
});
