import { inBatches, lift, liftParams, matesOf } from "./deep-lift";
import type { Call, Maps, Method } from "./method";
import { Means } from "./means";
import { rowsOf } from "./steps";

/** Every sample with every baseline, sample by sample; a sample's map is the mean over its own. */
async function explain(call: Call): Promise<Maps> {
  const count = call.target.length;
  const baselines = Object.values(call.baselines)[0].shape[0];
  const means = new Means(call.inputs, baselines);
  await inBatches(
    call,
    matesOf(call.model, call.arguments.mode),
    count * baselines,
    (rows) => {
      const sample = rows.map((row) => Math.floor(row / baselines));
      const pairs = {
        model: call.model,
        inputs: rowsOf(call.inputs, sample),
        baselines: rowsOf(call.baselines, rows.map((row) => row % baselines)), // prettier-ignore
        additional: rowsOf(call.additional, sample),
        target: sample.map((s) => call.target[s]),
      };
      return lift(pairs, call.arguments);
    },
    async (start, maps) => {
      means.add(start, maps);
      await call.preview(() => means.maps());
    },
  );
  return means.maps();
}

export const deepLiftShap: Method = {
  name: "Deep Lift Shap",
  group: "Relevance",
  cost: "n passes",
  summary: "Deep Lift, averaged over all baselines",
  source: "Lundberg and Lee 2017; captum.attr.DeepLiftShap",
  params: liftParams,
  baselines: "several",
  embeds: true,
  complete: true,
  signed: () => true,
  attribute: explain,
};
