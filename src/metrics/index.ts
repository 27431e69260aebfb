/** The metrics, and the one way to call them. */
import type { FloatArray, Model } from "../engine";
import type { Attribution, Request } from "../methods";
import type { Arguments } from "../methods/method";
import { attributedNames, baselineOf, filled, stepOf, targetsOf } from "../methods/request";
import { EngineError } from "../support";
import { deletionInsertion } from "./deletion-insertion";
import { infidelity } from "./infidelity";
import type { Measurement, Metric } from "./metric";
import { modelRandomisation } from "./model-randomisation";
import { sensitivityMax } from "./sensitivity-max";

export const METRICS: readonly Metric[] = [deletionInsertion, infidelity, sensitivityMax, modelRandomisation];

export interface Question {
  /** One of {@link METRICS}. */
  metric: string;
  arguments?: Arguments;
  /** The call of `attribute` that gave the attribution, and what it gave. */
  request: Request;
  attribution: Attribution;
  signal?: AbortSignal;
  /** 0..1, between chunks of work. */
  onProgress?: (done: number) => void;
  /** Awaited between chunks of work. */
  between?: () => Promise<void>;
}

/** Judges an explanation. Throws an EngineError naming what is wrong, and an AbortError when cancelled. */
export async function measure(model: Model, question: Question): Promise<Measurement> {
  const { request, attribution, signal, between } = question;
  const metric = METRICS.find(({ name }) => name === question.metric);
  if (!metric)
    throw new EngineError(
      `metric "${question.metric}" does not exist; choose one of ${METRICS.map(({ name }) => name).join(", ")}`,
    );
  const { args, errors } = filled(metric, question.arguments ?? {});
  const [wrong] = Object.entries(errors);
  if (wrong) throw new EngineError(`${metric.name}, argument ${wrong[0]}: ${wrong[1]}`);
  await model.activate();
  model.checkInputs(request.inputs);
  const all: Record<string, FloatArray> = Object.fromEntries(
    Object.entries(request.inputs).map(([name, { data, shape }]) => [name, { data: Float32Array.from(data), shape }]),
  );
  const names = attributedNames(model, request);
  for (const name of names) {
    const map = attribution.attributions[name];
    const { shape } = all[name];
    const places = shape.length > 3 ? [shape[0], 1, ...shape.slice(2)] : shape;
    const fitting = { values: [shape], places: [shape, places], any: map ? [map.shape] : [] }[metric.over];
    if (!fitting.some((wanted) => wanted.join() === map?.shape.join()))
      throw new EngineError(
        `${metric.name} needs an attribution of "${name}" of the shape [${shape.join(", ")}], got ${map ? `[${map.shape.join(", ")}]` : "none"}`,
      );
  }
  const count = all[names[0]].shape[0];
  signal?.throwIfAborted();
  return metric.measure({
    model,
    request: { ...request, signal, between },
    attribution,
    inputs: Object.fromEntries(names.map((name) => [name, all[name]])),
    baselines: Object.fromEntries(
      names.map((name) => [name, baselineOf(name, all[name], count, request.baselines?.[name])]),
    ),
    additional: Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name))),
    target: await targetsOf(model, all, request.target, count),
    arguments: args,
    step: stepOf(question),
  });
}
