import * as tf from "@tensorflow/tfjs-core";
import { checkImage, imageFor, imagesOf, interpolateParam, noImage } from "./cam";
import { guidedBackprop } from "./guided-backprop";
import { interpolate, type Interpolation } from "./interpolate";
import { gradCamMap } from "./layer-grad-cam";
import { activationAndGradient, layerInputParam, layerValue, spatialLayerParam } from "./layers";
import type { Call, Maps, Method, ParamSpec } from "./method";
import { noRectifier } from "./modes";
import { download } from "./steps";

/** relu(Grad-CAM), brought to the size of each input with as many dimensions, times its Guided Backprop. */
async function explain(call: Call): Promise<Maps> {
  const { model, target } = call;
  const map = tf.tidy(() => {
    const given = model.upload({ ...call.inputs, ...call.additional });
    const { activation, gradient } = activationAndGradient(model, layerValue(call), given, target);
    checkImage(call, activation.shape);
    return tf.relu(gradCamMap(activation, gradient));
  });
  try {
    imageFor(call, map.shape);
    const images = imagesOf(call, map.rank);
    const names = images.map(([name]) => name);
    const others = Object.entries(call.inputs).filter(([name]) => !names.includes(name));
    const guided = await guidedBackprop.attribute({
      ...call,
      inputs: Object.fromEntries(images),
      additional: { ...call.additional, ...Object.fromEntries(others) },
    });
    const mode = call.arguments.interpolate as Interpolation;
    const products = tf.tidy(() =>
      Object.fromEntries(
        Object.entries(guided).map(([name, { data, shape }]) => {
          const wide = interpolate(map, shape.slice(2), mode);
          return [name, tf.mul(tf.tensor(data, shape), wide)];
        }),
      ),
    );
    return await download(products);
  } finally {
    map.dispose();
  }
}

export const guidedGradCam: Method = {
  name: "Guided Grad Cam",
  group: "CAM",
  cost: "2 passes",
  summary: "Guided Backprop, where Grad-CAM sees something that speaks for the target",
  source: "Selvaraju et al. 2017; captum.attr.GuidedGradCam",
  params: [
    spatialLayerParam,
    layerInputParam,
    ...guidedBackprop.params,
    {
      ...interpolateParam,
      options: ["nearest", "bilinear"],
      help: "How Grad-CAM is brought to the input's size",
    } as ParamSpec,
  ],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: () => true,
  whyNot: (model) => noImage(model) ?? noRectifier(model),
  attribute: explain,
};
