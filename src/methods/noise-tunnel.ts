/** SmoothGrad (Smilkov et al. 2017), its square and VarGrad (Adebayo et al. 2018), around any gradient method. */
import { Generator } from "../random";
import { deconvolution } from "./deconvolution";
import { deepLift, inBatches, matesOf } from "./deep-lift";
import { guidedBackprop } from "./guided-backprop";
import { inputXGradient } from "./input-x-gradient";
import { integratedGradients } from "./integrated-gradients";
import { Means } from "./means";
import type { Arguments, Call, Maps, Method } from "./method";
import { noisy, stdevsParam } from "./noise";
import { seed } from "./perturbation";
import { saliency } from "./saliency";
import { rowsOf } from "./steps";

const WRAPPED = [saliency, inputXGradient, integratedGradients, guidedBackprop, deconvolution, deepLift];
const TYPES = ["smoothgrad", "smoothgrad_sq", "vargrad"] as const;
type Type = (typeof TYPES)[number];

const defaults = ({ params }: Method): Arguments => Object.fromEntries(params.map((p) => [p.name, p.default]));

const mapped = (maps: Maps, change: (v: number, name: string, k: number) => number): Maps =>
  Object.fromEntries(
    Object.entries(maps).map(([name, { data, shape }]) => [name, { data: data.map((v, k) => change(v, name, k)), shape }]),
  ); // prettier-ignore

/** Of the mean and the mean square of the maps. VarGrad is the biased variance, as Captum's. */
function smoothed(type: Type, mean: Maps, square: Maps): Maps {
  if (type === "smoothgrad") return mean;
  return type === "smoothgrad_sq" ? square : mapped(square, (v, name, k) => v - mean[name].data[k] ** 2);
}

async function explain(call: Call): Promise<Maps> {
  const {
    attribution_method,
    nt_type,
    nt_samples,
    stdevs,
    seed: start,
  } = call.arguments as {
    attribution_method: string;
    nt_type: Type;
    nt_samples: number;
    stdevs: number;
    seed: number;
  };
  const method = WRAPPED.find(({ name }) => name === attribution_method)!;
  const args = defaults(method);
  const x = noisy(call.inputs, nt_samples, stdevs, new Generator(start));
  const [means, squares] = [new Means(call.inputs, nt_samples), new Means(call.inputs, nt_samples)];
  const result = () => smoothed(nt_type, means.maps(), squares.maps());
  const total = call.target.length * nt_samples;
  const mates = method === deepLift ? matesOf(call.model, args.mode) : "none";
  const work = (rows: readonly number[], start: number, end: number) => {
    const sample = rows.map((row) => Math.floor(row / nt_samples));
    return method.attribute({
      ...call,
      inputs: rowsOf(x, rows),
      baselines: method.baselines === "none" ? {} : rowsOf(call.baselines, sample),
      additional: rowsOf(call.additional, sample),
      target: sample.map((s) => call.target[s]),
      arguments: args,
      step: (done) => call.step((start + done * (end - start)) / total),
      preview: async () => {},
    });
  };
  await inBatches(call, mates, total, work, async (start, maps) => {
    means.add(start, maps);
    squares.add(start, mapped(maps, (v) => v * v)); // prettier-ignore
    await call.preview(result);
  });
  return result();
}

export const noiseTunnel: Method = {
  name: "Noise Tunnel",
  group: "Gradient",
  cost: "n passes",
  summary: "A gradient method, averaged over copies of the input with noise",
  source: "Smilkov et al. 2017; Adebayo et al. 2018; captum.attr.NoiseTunnel",
  params: [
    {
      name: "attribution_method",
      kind: "enum",
      default: saliency.name,
      options: WRAPPED.map(({ name }) => name),
      help: "What is averaged, with its own arguments at their defaults",
    },
    {
      name: "nt_type",
      kind: "enum",
      default: "smoothgrad",
      options: TYPES,
      help: "The mean of the maps, of their squares, or their variance",
    },
    { name: "nt_samples", kind: "int", default: 5, start: 20, min: 1, max: 1000, slider: [5, 100], help: "Copies with noise for each sample" },
    stdevsParam(1),
    seed,
  ], // prettier-ignore
  baselines: "one",
  embeds: true,
  complete: false,
  signed: ({ attribution_method, nt_type }) => nt_type === "smoothgrad" && attribution_method !== saliency.name,
  plan: ({ nt_samples }) => ({ errors: {}, workload: `${String(nt_samples)} passes` }),
  attribute: explain,
};
