/**
 * Against torch 2.13 and numpy 2.4 on the CPU. Each expectation is what Python prints for the expression beside it, after
 * `torch.manual_seed(7)` or `numpy.random.seed(7)`. Uniform numbers are equal; normal ones to float32's last digits.
 */
import { Generator, NumpyGenerator } from "../src/random";

const closeTo = (got: Float32Array, expected: number[]) => {
  expect(got).toHaveLength(expected.length);
  got.forEach((v, i) => expect(Math.abs(v - expected[i])).toBeLessThan(5e-7));
};

describe("torch", () => {
  test("torch.rand(5)", () => {
    expect([...new Generator(7).rand(5)]).toEqual([
      0.5349225401878357, 0.19880318641662598, 0.6592116951942444, 0.6568902730941772, 0.23276156187057495,
    ]);
  });

  test("torch.rand(700)[[0, 699]] with seed 1 goes past the state's 624 numbers", () => {
    const got = new Generator(1).rand(700);
    expect([got[0], got[699]]).toEqual([0.7576315999031067, 0.8519585728645325]);
  });

  test("only the low 32 bits of a seed count", () => {
    expect([...new Generator(2 ** 32 + 7).rand(2)]).toEqual([0.5349225401878357, 0.19880318641662598]);
  });

  test.each([
    [3, [-0.1467950940132141, 0.7861412763595581, 0.9468216300010681]],
    [5, [-0.1467950940132141, 0.7861412763595581, 0.9468216300010681, -1.1143440008163452, 1.6907901763916016]],
    [
      16,
      [
        -0.8201345205307007, 0.39563116431236267, 0.8989084959030151, -1.3884038925170898, -0.16699601709842682,
        0.2851499617099762, -0.641091525554657, -0.8936554193496704, 0.9265429973602295, -0.5355122089385986,
        -1.1597203016281128, -0.4601571559906006, 0.7085390686988831, 1.0127553939819336, 0.23039686679840088,
        1.090165138244629,
      ],
    ],
    [
      18,
      [
        -0.8201345205307007, 0.39563116431236267, 1.9263681173324585, -0.3300117254257202, 0.19844505190849304,
        0.7820726633071899, 1.0391076803207397, -0.7245107293128967, -0.8489086031913757, -1.2169294357299805,
        -1.8157286643981934, -0.3452419638633728, -2.0614778995513916, 0.6741006970405579, -1.3233457803726196,
        -1.3597689867019653, -0.866701602935791, -0.5640066862106323,
      ],
    ],
  ])("torch.randn(%d)", (n, expected) => closeTo(new Generator(7).randn(n), expected));

  test("torch.randn(1000)[[0, 500, 989, 999]] with seed 1", () => {
    const got = new Generator(1).randn(1000);
    closeTo(
      Float32Array.from([0, 500, 989, 999], (i) => got[i]),
      [-1.5255959033966064, 0.16425378620624542, -0.4366700053215027, 0.06031697988510132],
    );
  });

  test("a normal number left over waits through other draws: randn(3), rand(2), randn(2), randn(17)[:3], randn(1)", () => {
    const generator = new Generator(7);
    closeTo(generator.randn(3), [-0.1467950940132141, 0.7861412763595581, 0.9468216300010681]);
    closeTo(generator.rand(2), [0.36531615257263184, 0.8512683510780334]);
    closeTo(generator.randn(2), [-1.1143440008163452, 0.4457423985004425]);
    closeTo(generator.randn(17).slice(0, 3), [0.049043867737054825, 0.5035638809204102, -0.08352822810411453]);
    closeTo(generator.randn(1), [-0.7068324685096741]);
  });

  test("torch.normal(1.5, 0.1, (5,)) and (17,)", () => {
    closeTo(
      new Generator(7).normal(1.5, 0.1, 5),
      [1.4853204488754272, 1.5786141157150269, 1.594682216644287, 1.3885655403137207, 1.669079065322876],
    );
    closeTo(
      new Generator(7).normal(1.5, 0.1, 17),
      [
        1.417986512184143, 1.467543363571167, 1.6926368474960327, 1.466998815536499, 1.5198445320129395,
        1.57820725440979, 1.6039108037948608, 1.427548885345459, 1.4151091575622559, 1.4784657955169678,
        1.3184270858764648, 1.4654757976531982, 1.2938522100448608, 1.5674101114273071, 1.367665410041809,
        1.3640230894088745, 1.413329839706421,
      ],
    );
  });

  test("[torch.randperm(n) for n in (1, 2, 7, 20)]", () => {
    const generator = new Generator(7);
    expect([1, 2, 7, 20].map((n) => [...generator.randperm(n)])).toEqual([
      [0],
      [1, 0],
      [6, 2, 3, 0, 4, 1, 5],
      [19, 9, 0, 7, 11, 13, 3, 17, 18, 4, 12, 14, 8, 15, 10, 5, 2, 1, 6, 16],
    ]);
  });

  test("torch.bernoulli(torch.ones(20) * .5)", () => {
    expect([...new Generator(7).bernoulli(0.5, 20)]).toEqual([0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1]); // prettier-ignore
  });

  test("torch.distributions.Categorical(torch.tensor([0, 3, 1, .5, 9])).sample()", () => {
    const generator = new Generator(7);
    const got = Array.from({ length: 12 }, () => generator.categorical([0, 3, 1, 0.5, 9]));
    expect(got).toEqual([1, 1, 4, 1, 4, 3, 1, 4, 4, 4, 4, 4]);
  });

  test("Categorical(torch.arange(1., 200.)) with seed 1, after randn(1000) and randperm(3000)", () => {
    const generator = new Generator(1);
    generator.randn(1000);
    expect([...generator.randperm(3000)].filter((_, i) => [0, 1, 2, 2999].includes(i))).toEqual([1747, 1881, 195, 695]);
    const probs = Array.from({ length: 199 }, (_, i) => i + 1);
    expect(Array.from({ length: 5 }, () => generator.categorical(probs))).toEqual([120, 167, 179, 73, 170]);
  });

  test("torch.nn.Linear(3, 1), then iterating a DataLoader: six draws of 32 bits before torch.rand(1)", () => {
    const generator = new Generator(7);
    generator.skip(6);
    expect([...generator.rand(1)]).toEqual([0.20708602666854858]);
  });
});

test("numpy: choice(5, 12), uniform(0, 1, 4), choice(1, 3), choice(300, 4), uniform(0, 1, 2)", () => {
  const generator = new NumpyGenerator(7);
  expect([...generator.choice(5, 12)]).toEqual([4, 1, 3, 3, 4, 1, 0, 1, 2, 2, 0, 4]);
  expect([...generator.uniform(4)]).toEqual([
    0.8688014582078086, 0.3308392493496919, 0.39294230987084167, 0.6743304229389547,
  ]);
  expect([...generator.choice(1, 3)]).toEqual([0, 0, 0]);
  expect([...generator.choice(300, 4)]).toEqual([6, 275, 44, 191]);
  expect([...generator.uniform(2)]).toEqual([0.4521239618176831, 0.9312060196890217]);
});
