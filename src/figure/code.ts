/**
 * The Python that gives the shown numbers with Captum 0.9.0, or with Attriscope where Captum has no such method.
 * Tensors and the model are placeholders, which its first lines explain.
 */
import type { ArgumentValue, LayerInfo, ParamSpec } from "../methods/method";
import type { Attribution, Display, State } from "../state";
import { imageOf, inView, itemsOf } from "../items";
import { nameOf } from "../derived";
import { scaleOf } from "./picture";
import { called, importing, indented, list, moduleAt, python, quoted, tuple } from "./python";
import { type Explained, explained } from "./shown";

export function codeOf(state: State, display: Display): string {
  const parts = explained(state).map((one) => new Part(state, one, display));
  if (parts.length === 0) return "# There are no samples to explain.\n";
  const notes = new Map(parts.flatMap((part) => [...part.notes]));
  const imports = new Map<string, Set<string>>();
  for (const [module, names] of parts.flatMap((part) => [...part.imports]))
    imports.set(module, new Set([...(imports.get(module) ?? []), ...names]));
  const targets = parts[0].targets;
  const shared = parts.every((part) => part.targets === targets || part.targets === null) ? targets : null;
  const [picture] = parts.length > 1 ? mostOf(parts.flatMap((part) => part.picture ?? [])) : [];
  const show = picture ? ["def show(attributions):", ...indented(picture.draw("attributions"))] : [];
  const blocks = [
    [...(imports.size > 0 ? ["# Captum 0.9.0"] : []), ...Array.from(notes, ([name, note]) => `# ${name}: ${note}`)],
    importing(imports),
    shared ? [shared] : [],
    show,
    ...parts.flatMap((part, i) => {
      const title = parts.length > 1 ? [`# ${i + 1}. ${part.title}`] : [];
      const own = part.targets && !shared ? [part.targets] : [];
      if (!part.picture) return [[...title, ...own, ...part.lines]];
      const { maps } = part.picture;
      if (picture && isAlike(part.picture, picture)) return [[...title, ...own, ...part.lines, `show(${maps})`]];
      return [[...title, ...own, ...part.lines], part.picture.draw(maps)];
    }),
  ];
  return blocks.flatMap((lines) => (lines.length > 0 ? [`${lines.join("\n")}\n`] : [])).join("\n");
}

/** How the maps are drawn, or texts. */
interface Picture {
  maps: string;
  draw: (maps: string) => string[];
}

const isAlike = (a: Picture, b: Picture): boolean => a.draw("").join() === b.draw("").join();

/** Those that are drawn as most are. */
function mostOf(pictures: readonly Picture[]): Picture[] {
  const alike = pictures.map((picture) => pictures.filter((other) => isAlike(picture, other)));
  return alike.reduce((most, some) => (some.length > most.length ? some : most), []);
}

// -- one explanation -------------------------------------------------------------------------------------------------------

/** Attributions of these are a layer's: one map, whatever the inputs are. */
const ONE_MAP = /^(Layer|InternalInfluence)/;
/** What takes the place of these where what is explained are the values of one embedding. */
const AT_A_LAYER: Record<string, string> = {
  IntegratedGradients: "LayerIntegratedGradients",
  InputXGradient: "LayerGradientXActivation",
  DeepLift: "LayerDeepLift",
};
/** Groups of methods, and two more, that need gradients by the input, or points between two inputs: of integers there are none. */
const CONTINUOUS = ["Gradient", "Path", "Relevance"];
const BETWEEN = ["LayerConductance", "InternalInfluence"];
/** Their convergence delta is one number for each sample. */
const WITH_DELTA = ["IntegratedGradients", "DeepLift", "LayerIntegratedGradients", "LayerConductance"];
/** In a batch, Captum's hooks mix the samples. */
const ONE_BY_ONE = ["DeepLift", "DeepLiftShap"];
/** Arguments that are the class' own. */
const OF_THE_CLASS = ["multiply_by_inputs"];

/** What stands before a placeholder of which there is one for each sample. */
const EACH = "list with one for each sample: ";

type Info = State["methods"][number];

/** A feature of integers that are looked up in an embedding. */
interface Lookup {
  feature: number;
  /** Of the embedding; null where the page does not know it. */
  path: string | null;
  /** It is the only one, and looks up all of them. */
  isWhole: boolean;
}

class Part {
  /** Names by module; none for the module itself. */
  readonly imports = new Map<string, Set<string>>();
  /** What the placeholders stand for. */
  readonly notes = new Map<string, string>();
  /** The line that sets them; null where there is nothing to choose. */
  targets: string | null = null;
  readonly lines: string[] = [];
  picture: Picture | null = null;
  readonly #state: State;
  readonly #one: Explained;
  readonly #display: Display;
  readonly #info: Info | undefined;
  readonly #args: Record<string, ArgumentValue>;
  /** Arguments of `attribute`. */
  readonly #given: [name: string, value: string][] = [];
  /** What goes through the samples one by one, with the name of its turn. */
  readonly #turns: [turn: string, all: string][] = [];
  readonly #looked: readonly Lookup[];

  constructor(state: State, one: Explained, display: Display) {
    this.#state = state;
    this.#display = display;
    this.#info = state.methods.find(({ name }) => name === one.method);
    // Each sample is explained by all others: one alone has no numbers.
    const whole = this.#info?.together ? state.cards.map((card) => ({ card, result: card.result })) : one.cells;
    this.#one = { ...one, cells: whole.filter(({ card }) => card.sample.error === null) };
    const args = (this.#info?.params ?? []).map((spec) => [spec.name, one.arguments[spec.name] ?? spec.default]);
    this.#args = Object.fromEntries(args) as Record<string, ArgumentValue>;
    this.#looked = this.#lookups();
    const name = this.#info?.source.match(/captum\.attr\.(\w+)/)?.[1];
    const source = this.#info?.source ? ` (${this.#info.source})` : "";
    const isEmbedded = name !== undefined && this.#looked.length > 0 && this.#isContinuous(name);
    if (!name) this.#ours(`Captum has no ${this.#method}${source}`);
    else if (this.#args.mode === "exact") this.#ours(`Captum's ${name} has no such mode`);
    else if (isEmbedded && !this.#looked.every(({ isWhole }) => isWhole))
      this.#ours("Captum explains integers at the one embedding that looks up all of them, which these do not have");
    else this.#captum(name, isEmbedded);
    if (this.lines.some((line) => /\btorch\./.test(line))) this.#import("torch");
  }

  #import(module: string, ...names: string[]): void {
    this.imports.set(module, new Set([...(this.imports.get(module) ?? []), ...names]));
  }

  /** What does not exist may be called anything. */
  get #method(): string {
    return this.#info?.name ?? quoted(this.#one.method);
  }

  get title(): string {
    const { models } = this.#state;
    const model = models.length > 1 ? ` of model ${quoted(models[this.#one.model] ?? "")}` : "";
    return `${this.#method}${model}`;
  }

  /** What Captum lacks. */
  #ours(why: string): void {
    this.notes.set("visualizer", "the AttributionVisualizer");
    const given = Object.entries(this.#args).map(([key, value]) => `${quoted(key)}: ${python(value, this.#kind(key))}`);
    this.lines.push(
      `# ${why}: Attriscope computes it.`,
      ...called("visualizer.render", [`method=${quoted(this.#one.method)}`, `arguments={${given.join(", ")}}`]),
    );
  }

  /** @param isEmbedded what is explained are embeddings, whose attributions are summed for each integer */
  #captum(name: string, isEmbedded: boolean): void {
    const { cells, model } = this.#one;
    const { models } = this.#state;
    const atLayer = isEmbedded && !this.#isTuple ? AT_A_LAYER[name] : undefined;
    this.#import("captum.attr", atLayer ?? name);
    const several = models.length > 1;
    if (several && this.#state.view === "compare") {
      this.notes.set(
        "models",
        `${list(models.map(quoted))}, in evaluation mode; explained is their own output, without score_func`,
      );
      this.lines.push(`model = models[${model}]`);
    } else
      this.notes.set(
        "model",
        `${quoted(models[model] ?? "")}, in evaluation mode; explained is its own output, without score_func`,
      );
    this.notes.set(
      "inputs",
      `${this.#tensors()}, as the model sees them: ${samplesOf(cells.map(({ card }) => card.sample.id))}`,
    );
    this.targets = this.#targets();

    const seeded = this.#args.seed !== undefined && !this.#info!.together;
    const own = this.#info!.baselines === "all" || this.#info!.baselines === "several";
    const apart = this.#isRagged || (cells.length > 1 && (seeded || own || ONE_BY_ONE.includes(name)));
    const isReplaced = isEmbedded && !atLayer;
    const remove = isReplaced ? this.#replaceEmbeddings() : [];
    const explainer = atLayer
      ? `${atLayer}(${["model", this.#moduleOf(this.#looked[0]), ...this.#ofTheClass()].join(", ")})`
      : this.#explainer(name);
    const inputs = this.#turn("inputs", "x", apart, isReplaced);
    if (this.#takesBaselines())
      this.#given.push(["baselines", own ? this.#allBaselines(apart, isReplaced) : this.#baselines(apart, isReplaced)]);
    if (this.#hasTarget && name !== "LayerActivation") {
      if (apart) this.#turns.push(["y", "target"]);
      this.#given.push(["target", apart ? "y" : "target"]);
    }
    this.#additional(apart);
    if ("segments" in this.#args) this.#featureMask(apart);
    this.#arguments(name);
    const delta = WITH_DELTA.includes(name) && this.#args.multiply_by_inputs !== false;
    if (delta) this.#given.push(["return_convergence_delta", "True"]);

    this.lines.push(`explainer = ${explainer}`);
    const seeds = this.#seeds(name);
    const given = [inputs, ...this.#given.map(([key, value]) => `${key}=${value}`)];
    const sum = isEmbedded && !ONE_MAP.test(name);
    if (apart) this.#loop(name, seeds, given, delta, sum);
    else {
      this.lines.push(...seeds, ...called(`attributions${delta ? ", delta" : ""} = explainer.attribute`, given));
      if (sum) this.lines.push(`attributions = ${this.#summed("attributions")}`);
    }
    this.lines.push(...remove);
    if (name === "LayerGradCam" && this.#args.interpolate !== "none") {
      this.#import("captum.attr", "LayerAttribution");
      const size = tuple(this.#inputShapes[0].slice(1).map(String));
      this.lines.push(
        `attributions = LayerAttribution.interpolate(attributions, ${size}, ${python(this.#args.interpolate)})`,
      );
    }
    this.#draw(name);
  }

  /** Samples, one after the other. */
  #loop(name: string, seeds: string[], given: string[], delta: boolean, sum: boolean): void {
    const [turns, all] = [this.#turns.map(([turn]) => turn), this.#turns.map(([, whole]) => whole)];
    this.lines.push(
      delta ? "found, deltas = [], []" : "found = []",
      `for ${turns.join(", ")} in zip(${all.join(", ")}):`,
      ...indented([
        ...seeds,
        ...called(`${delta ? "attribution, delta" : "attribution"} = explainer.attribute`, given),
        `found.append(${sum ? this.#summed("attribution") : "attribution"})`,
        ...(delta ? ["deltas.append(delta)"] : []),
      ]),
    );
    const joined = (maps: string): string => (this.#isRagged ? `[one[0] for one in ${maps}]` : `torch.cat(${maps})`);
    const tensors = this.#isTuple && !ONE_MAP.test(name);
    this.lines.push(`attributions = ${tensors ? `[${joined("maps")} for maps in zip(*found)]` : joined("found")}`);
    if (delta) this.lines.push("delta = torch.cat(deltas)");
  }

  // -- what goes in ------------------------------------------------------------------------------------------------------

  get #isTuple(): boolean {
    return this.#state.features.length > 1;
  }

  get #inputShapes(): number[][] {
    return this.#one.cells[0]?.card.sample.inputs.map(({ shape }) => shape) ?? [];
  }

  /** The samples make no batch: their texts differ in length. */
  get #isRagged(): boolean {
    const [first, ...others] = this.#one.cells.map(({ card }) =>
      card.sample.inputs.map(({ shape }) => shape).join("; "),
    );
    return others.some((shapes) => shapes !== first);
  }

  /** A text [T] holds integers, whether the page knows what looks them up or not. */
  #lookups(): Lookup[] {
    const { features, layers } = this.#state;
    return features.flatMap(({ input, kind }, feature): Lookup[] => {
      const [first, ...others] = layers.filter(({ embeds }) => embeds?.input === input);
      if (first) return [{ feature, path: first.name, isWhole: others.length === 0 && first.embeds!.all }];
      const isText = kind === "text" && this.#inputShapes[feature]?.length === 1;
      return isText ? [{ feature, path: null, isWhole: true }] : [];
    });
  }

  #isContinuous(name: string): boolean {
    return CONTINUOUS.includes(this.#info!.group) || BETWEEN.includes(name);
  }

  get #hasTarget(): boolean {
    return this.#one.cells.every(({ card }) => card.target !== null);
  }

  #kind(argument: string): ParamSpec["kind"] | undefined {
    return this.#info?.params.find(({ name }) => name === argument)?.kind;
  }

  /** "float tensor [8, 3, 32, 32]", or a tuple of these; a list of them where the samples make no batch. */
  #tensors(type?: string): string {
    if (!this.#isRagged) return this.#tensorsOf(this.#one.cells.length, type);
    return `${EACH}${this.#tensorsOf(1, type)}`;
  }

  #tensorsOf(rows: number, type?: string): string {
    const inputs = this.#one.cells.map(({ card }) => card.sample.inputs);
    const shapes = this.#inputShapes.map((shape, i) => {
      const isSame = (size: number, axis: number) => inputs.every((own) => own[i].shape[axis] === size);
      return list([rows, ...shape.map((size, axis) => (isSame(size, axis) ? size : "T"))]);
    });
    const types = shapes.map((_, i) => type ?? (this.#looked.some(({ feature }) => feature === i) ? "int64" : "float"));
    if (!this.#isTuple) return `${types[0] ?? "float"} tensor ${shapes[0] ?? ""}`;
    const isOne = new Set(types).size === 1;
    const names = this.#state.features.map(
      ({ name }, i) => `${isOne ? "" : `${types[i]} `}${shapes[i] ?? ""} for ${quoted(name)}`,
    );
    return `tuple of ${isOne ? `${types[0]} tensors` : "tensors,"} ${names.join(", ")}`;
  }

  /** A placeholder, or one sample's part of it. */
  #turn(name: string, turn: string, apart: boolean, isReplaced = false): string {
    if (!apart) return isReplaced ? this.#embedded(name) : name;
    const parts = this.#isTuple ? `zip(*(part.split(1) for part in ${name}))` : `${name}.split(1)`;
    this.#turns.push([turn, this.#isRagged ? name : parts]);
    return isReplaced ? this.#embedded(turn) : turn;
  }

  // -- integers ----------------------------------------------------------------------------------------------------------

  /** What is called so for the only feature of integers, or for one of several. */
  #called(name: string, { feature }: Lookup): string {
    return this.#looked.length > 1 ? `${name}_${feature}` : name;
  }

  /** Of the embedding: a str, or a placeholder. */
  #pathOf(lookup: Lookup): string {
    if (lookup.path !== null) return quoted(lookup.path);
    const name = this.#called("embedding_path", lookup);
    const { features } = this.#state;
    this.notes.set(name, `which of model.named_modules() looks up ${quoted(features[lookup.feature].name)}, its path`);
    return name;
  }

  #moduleOf(lookup: Lookup): string {
    return lookup.path === null ? `model.get_submodule(${this.#pathOf(lookup)})` : moduleAt(lookup.path);
  }

  /** Embeddings go in where integers do; gives the lines that take this back. */
  #replaceEmbeddings(): string[] {
    this.#import("captum.attr", "configure_interpretable_embedding_layer", "remove_interpretable_embedding_layer");
    const names = this.#looked.map((lookup) => this.#called("embedding", lookup));
    this.lines.push(
      "# Until it is removed, the model reads embeddings in place of integers: it must use these for nothing else.",
      ...this.#looked.map(
        (lookup, i) => `${names[i]} = configure_interpretable_embedding_layer(model, ${this.#pathOf(lookup)})`,
      ),
    );
    return names.map((name) => `remove_interpretable_embedding_layer(model, ${name})`);
  }

  /** An input's embeddings, or a tuple in which they take the integers' places. */
  #embedded(input: string): string {
    return this.#atLookups(
      input,
      (part, lookup) => `${this.#called("embedding", lookup)}.indices_to_embeddings(${part}).detach()`,
    );
  }

  /** One number for each integer. */
  #summed(maps: string): string {
    return this.#atLookups(maps, (part) => `${part}.sum(-1)`);
  }

  #atLookups(whole: string, change: (part: string, lookup: Lookup) => string): string {
    if (!this.#isTuple) return change(whole, this.#looked[0]);
    const parts = this.#state.features.map((_, i) => {
      const lookup = this.#looked.find(({ feature }) => feature === i);
      return lookup ? change(`${whole}[${i}]`, lookup) : `${whole}[${i}]`;
    });
    return tuple(parts);
  }

  // -- what they are compared with -----------------------------------------------------------------------------------------

  #takesBaselines(): boolean {
    const of = this.#args.attribution_method;
    const info = of === undefined ? this.#info : this.#state.methods.find(({ name }) => name === of);
    return info !== undefined && info.baselines !== "none";
  }

  #baselines(apart: boolean, isReplaced: boolean): string {
    const names = this.#state.features.map(({ baselines }) =>
      quoted(baselines[this.#one.baseline] ?? baselines[0] ?? "zero"),
    );
    this.notes.set("baselines", `${this.#tensors()}, ${names.join(", ")}: each sample's own`);
    return this.#turn("baselines", "x0", apart, isReplaced);
  }

  /** Of one sample all that there are. */
  #allBaselines(apart: boolean, isReplaced: boolean): string {
    const count = this.#one.cells[0]?.card.sample.baselines[0]?.length ?? 0;
    this.notes.set("all_baselines", `${apart ? EACH : ""}${this.#tensorsOf(count)}, all baselines of the sample`);
    if (apart) this.#turns.push(["x0", "all_baselines"]);
    const name = apart ? "x0" : "all_baselines";
    return isReplaced ? this.#embedded(name) : name;
  }

  #additional(apart: boolean): void {
    const names = Object.keys(this.#one.cells[0]?.card.sample.additional ?? {});
    if (names.length === 0) return;
    this.notes.set(
      "additional",
      `${this.#isRagged ? EACH : ""}tuple of tensors, what forward takes beside the inputs: ${names.map(quoted).join(", ")}`,
    );
    if (apart)
      this.#turns.push(["more", this.#isRagged ? "additional" : "zip(*(part.split(1) for part in additional))"]);
    this.#given.push(["additional_forward_args", apart ? "more" : "additional"]);
  }

  #targets(): string | null {
    const { cells } = this.#one;
    if (!this.#hasTarget || cells.length === 0) return null;
    const targets = cells.map(({ card: { sample, target } }) => {
      const { shape } = sample.outputs[this.#one.model]?.raw ?? sample.outputs[0].raw;
      return shape.length < 2 ? target! : tuple(unflattened(target!, shape).map(String));
    });
    const names = cells.map(({ card }) => quoted(this.#state.classes[card.target!] ?? `class ${card.target}`));
    return `target = ${list(targets)}  # ${names.join(", ")}`;
  }

  /** The user's features, those of a grid, or those of our superpixels; each value is one of its own where there is none. */
  #featureMask(apart: boolean): void {
    const { segments } = this.#args;
    const most = Number(this.#args.n_segments);
    const own = this.#one.cells.some(({ card }) => card.sample.feature_masks.some((mask) => mask !== null));
    const hasImage = this.#inputShapes.some(({ length }) => length === 3);
    if (!own && (segments === "values" || !hasImage)) return;
    if (!own && segments === "grid") {
      this.lines.push(...this.#grid());
      this.#given.push(["feature_mask", "feature_mask"]);
      return;
    }
    const name = own ? "feature_mask" : `superpixels_${most}`;
    const about = own
      ? "your masks; what has none is numbered on, value by value"
      : `SLIC, at most ${most} in each sample, numbered from 0; Captum makes none, and others give other numbers`;
    this.notes.set(name, `${this.#tensors("int64")}: ${about}`);
    this.#given.push(["feature_mask", this.#turn(name, "mask", apart)]);
  }

  #grid(): string[] {
    let from = 0;
    const masks = this.#inputShapes.map((shape) => {
      if (shape.length !== 3) {
        const to = from + shape.reduce((a, b) => a * b, 1);
        const mask = `torch.arange(${from}, ${to}).reshape${tuple([1, ...shape].map(String))}`;
        from = to;
        return mask;
      }
      const [channels, height, width] = shape;
      const [rows, columns] = cellsOf(height, width, Number(this.#args.n_segments));
      const [y, x] = [
        `torch.arange(${height})[:, None] * ${rows} // ${height}`,
        `torch.arange(${width}) * ${columns} // ${width}`,
      ];
      const numbers = `${from ? `${from} + ` : ""}${y} * ${columns} + ${x}`;
      from += rows * columns;
      return `(${numbers}).repeat(1, ${channels}, 1, 1)`;
    });
    if (!this.#isTuple) return [`feature_mask = ${masks[0]}`];
    return ["feature_mask = (", ...masks.map((mask) => `    ${mask},`), ")"];
  }

  // -- the method's arguments ------------------------------------------------------------------------------------------------

  #explainer(name: string): string {
    const given = ["model"];
    if ("layer" in this.#args) given.push(this.#layer());
    given.push(...this.#ofTheClass());
    if (name === "Lime") given.push(...this.#surrogate());
    if (name === "LRP") this.#rules();
    const of = this.#args.attribution_method;
    if (of === undefined) return `${name}(${given.join(", ")})`;
    const source = this.#state.methods.find((method) => method.name === of)?.source;
    const inner = source?.match(/captum\.attr\.(\w+)/)?.[1] ?? String(of).replaceAll(" ", "");
    this.#import("captum.attr", inner);
    return `${name}(${inner}(model))`;
  }

  #ofTheClass(): string[] {
    return OF_THE_CLASS.flatMap((key) => (this.#args[key] === false ? [`${key}=False`] : []));
  }

  /** Where none is named, it is the last one that fits. */
  #layer(): string {
    const spec = this.#info!.params.find(({ name }) => name === "layer");
    const fits = ({ spatial }: LayerInfo): boolean => spatial || !(spec?.kind === "layer" && spec.spatial);
    return moduleAt(String(this.#args.layer ?? this.#state.layers.filter(fits).at(-1)?.name ?? ""));
  }

  /** Of Lime, where it is not Captum's own. */
  #surrogate(): string[] {
    const { alpha, distance_mode, kernel_width } = this.#args;
    const similarity = [`distance_mode=${python(distance_mode)}`, `kernel_width=${python(kernel_width, "float")}`];
    const isOwn = this.#info!.params.every(
      ({ name, default: standard }) =>
        !["alpha", "distance_mode", "kernel_width"].includes(name) || this.#args[name] === standard,
    );
    if (isOwn) return [];
    this.#import("captum._utils.models.linear_model", "SkLearnLasso");
    this.#import("captum.attr._core.lime", "get_exp_kernel_similarity_function");
    return [
      `interpretable_model=SkLearnLasso(alpha=${python(alpha, "float")})`,
      `similarity_func=get_exp_kernel_similarity_function(${similarity.join(", ")})`,
    ];
  }

  /** Of LRP, by layer. */
  #rules(): void {
    const { rule, epsilon, gamma } = this.#args;
    const rules: Record<string, string> = {
      EpsilonRule: `EpsilonRule(epsilon=${python(epsilon, "float")})`,
      GammaRule: `GammaRule(gamma=${python(gamma, "float")})`,
      Alpha1_Beta0_Rule: "Alpha1_Beta0_Rule()",
    };
    const { EpsilonRule, GammaRule, Alpha1_Beta0_Rule } = rules;
    const byRule: Record<string, [string, string]> = {
      epsilon: [EpsilonRule, EpsilonRule],
      gamma: [GammaRule, GammaRule],
      alpha1_beta0: [Alpha1_Beta0_Rule, Alpha1_Beta0_Rule],
      epsilon_gamma: [`${GammaRule} if name in lower else ${EpsilonRule}`, EpsilonRule],
      epsilon_plus: [Alpha1_Beta0_Rule, EpsilonRule],
    };
    const [convolution, dense] = Object.hasOwn(byRule, String(rule)) ? byRule[String(rule)] : byRule.epsilon;
    if (rule === "epsilon_gamma") {
      const convolutions = this.#state.layers.filter((layer) => /^torch\.nn\.Conv/.test(layer.class));
      const lower = convolutions.slice(0, Math.ceil(convolutions.length / 2)).map((layer) => quoted(layer.name));
      this.lines.push(`lower = ${list(lower)}`);
    }
    const cases: [string, string][] = [
      ["torch.nn.Conv2d", convolution],
      ["torch.nn.Linear", dense],
      ["torch.nn.BatchNorm2d", EpsilonRule],
    ];
    const used = Object.keys(rules).filter((name) => cases.some(([, made]) => made.includes(name)));
    this.#import("captum.attr._utils.lrp_rules", ...used);
    this.lines.push("for name, module in model.named_modules():");
    cases.forEach(([type, made], i) =>
      this.lines.push(`    ${i ? "elif" : "if"} isinstance(module, ${type}):`, `        module.rule = ${made}`),
    );
  }

  #seeds(name: string): string[] {
    if (this.#args.seed === undefined) return [];
    const lines = [`torch.manual_seed(${python(this.#args.seed)})`];
    if (name !== "GradientShap") return lines;
    this.#import("numpy as np");
    return [...lines, `np.random.seed(${python(this.#args.seed)})`];
  }

  /** All that `attribute` takes by the same name, and what it takes by another one. */
  #arguments(name: string): void {
    const elsewhere = [
      ...["layer", "seed", "mode", "segments", "n_segments", "attribution_method", ...OF_THE_CLASS],
      ...["rule", "epsilon", "gamma", "alpha", "distance_mode", "kernel_width"],
    ];
    for (const [key, value] of Object.entries(this.#args)) {
      if (elsewhere.includes(key)) continue;
      if (key === "interpolate") {
        if (name === "GuidedGradCam") this.#given.push(["interpolate_mode", python(value)]);
      } else if (key === "sliding_window_shapes" || key === "strides") this.#given.push([key, this.#windows(key)]);
      else if (value !== null) this.#given.push([key, python(value, this.#kind(key))]);
    }
  }

  /** Of Occlusion, with all dimensions of each input. */
  #windows(key: "sliding_window_shapes" | "strides"): string {
    const shapes = this.#inputShapes;
    const all = shapes.map((shape, i): string => {
      const of = (value: ArgumentValue | undefined) => perInput(value, i, shapes.length);
      const side = Math.max(1, Math.round(Math.min(...behind(shape)) * FITTED));
      const window = of(this.#args.sliding_window_shapes);
      const size = expanded(window ?? side, shape, shape[0]);
      const stride = window === null ? Math.max(1, Math.floor(side / 2)) : shape.map(() => 1);
      const found = key === "strides" ? expanded(of(this.#args.strides) ?? stride, shape, size[0]) : size;
      return tuple(found.map((length) => String(Number(length))));
    });
    return this.#isTuple ? tuple(all) : (all[0] ?? tuple([]));
  }

  // -- the picture -----------------------------------------------------------------------------------------------------------

  #draw(name: string): void {
    const { features, choice, view } = this.#state;
    const feature = inView(features, view === "samples" ? 0 : choice.inspect.feature);
    const { card, result } = this.#one.cells.find((cell) => cell.result) ?? { card: null, result: null };
    const map = result?.attributions[feature];
    const image = card && imageOf(card.sample, feature);
    const maps = this.#isTuple && !ONE_MAP.test(name) ? `attributions[${feature}]` : "attributions";
    if (map && features[feature].kind === "text") this.#drawTexts(feature, map, maps);
    if (!map || !image || map.shape.length !== 3) return;
    const fits = map.shape.slice(1).join() === image.shape.slice(1).join();
    const { sign, style, cmap, clip, opacity } = this.#display;
    const method = fits ? (STYLES[style] ?? "blended_heat_map") : "heat_map";
    const shown = sign === "signed" ? (UNSIGNED[method] ?? "all") : SIGNS[sign];
    const colours = CMAPS[cmap]?.[sign];
    const given = [
      "attribution.detach().permute(1, 2, 0).numpy()",
      "image.permute(1, 2, 0).numpy()",
      `method=${quoted(method)}`,
      `sign=${quoted(shown)}`,
      `outlier_perc=${clip}`,
      ...(colours ? [`cmap=${quoted(colours)}`] : []),
      ...(method === "blended_heat_map" ? [`alpha_overlay=${opacity}`] : []),
      "show_colorbar=True",
    ];
    const blank = this.#one.cells.some((cell) => {
      const own = cell.result?.attributions[feature];
      return own && scaleOf(own, sign, clip) === 0;
    });
    const values = `attribution.sum(0)${SIDES[shown] ?? ""}`;
    const guard = blank ? [`if not ${values}.any():`, "    continue  # Captum draws no empty map"] : [];
    const of = features.length > 1 ? ` of ${quoted(features[feature].name)}` : "";
    this.notes.set(
      "images",
      `tensor ${list([this.#one.cells.length, ...image.shape])}${of}, as shown: floats 0..1 or integers 0..255`,
    );
    this.#import("captum.attr", "visualization");
    const call = indented([...guard, ...called("visualization.visualize_image_attr", given)]);
    this.picture = { maps, draw: (all) => [`for image, attribution in zip(images, ${all}):`, ...call] };
  }

  /** With what Captum says beside a text; each one is scaled by its own largest score. */
  #drawTexts(feature: number, { shape }: Attribution, maps: string): void {
    const { features, classes } = this.#state;
    const { cells } = this.#one;
    const tokens = cells.map(({ card }) => itemsOf(card.sample, feature)?.length);
    if (shape[0] !== tokens[0] || shape.length > 2 || cells.some(({ card }) => card.predictions.length === 0)) return;
    const said = cells.map(({ card }) => {
      const [first] = card.predictions;
      const [truth, target] = [card.sample.label, card.target].map((index) => nameOf(card, classes, index));
      return tuple([String(Number(first.score.toFixed(4))), ...[first.label, truth ?? "", target ?? ""].map(quoted)]);
    });
    this.#import("captum.attr", "visualization");
    this.notes.set("tokens", `list with the tokens of each sample of ${quoted(features[feature].name)}, list of str`);
    const score = shape.length > 1 ? "attribution.detach().sum(-1)" : "attribution.detach()";
    this.picture = {
      maps,
      draw: (all) => [
        "# Score and name of what is predicted, the true class, what is explained.",
        "said = [",
        ...indented(said.map((one) => `${one},`)),
        "]",
        "records = []",
        `for words, attribution, (probability, prediction, truth, explained) in zip(tokens, ${all}, said):`,
        ...indented([
          `scores = ${score}`,
          "records.append(",
          ...indented(
            called("visualization.VisualizationDataRecord", [
              "word_attributions=scores / scores.abs().max().clamp(min=1e-12)",
              "pred_prob=probability",
              "pred_class=prediction",
              "true_class=truth",
              "attr_class=explained",
              "attr_score=float(scores.sum())",
              "raw_input_ids=words",
              "convergence_score=0.0",
            ]),
          ),
          ")",
        ]),
        "visualization.visualize_text(records)",
      ],
    };
  }
}

/** "samples 20 to 27", or one by one where some are left out. */
function samplesOf(ids: readonly number[]): string {
  const inARow = ids.length > 2 && ids.every((id, i) => id === ids[0] + i);
  if (inARow) return `samples ${ids[0]} to ${ids[0] + ids.length - 1}`;
  return `sample${ids.length === 1 ? "" : "s"} ${ids.join(", ")}`;
}

function unflattened(index: number, shape: readonly number[]): number[] {
  return shape.map((length, d) => Math.floor(index / shape.slice(d + 1).reduce((n, s) => n * s, 1)) % length);
}

// -- as the engine has it: see the methods' own files ------------------------------------------------------------------------

/** Of the shorter side, for a window that is not given. */
const FITTED = 0.15;

/** Dimensions behind the channels. */
const behind = (shape: readonly number[]): readonly number[] => (shape.length > 2 ? shape.slice(1) : shape);

/** One number stands for a square over all channels. */
function expanded(value: number | readonly number[], shape: readonly number[], channels: number): readonly number[] {
  if (typeof value !== "number" && value.length !== 1) return value;
  const side = Number(value);
  return [...(shape.length > 2 ? [channels] : []), ...behind(shape).map(() => side)];
}

/** One value for all inputs, or a list with one for each. */
function perInput(value: ArgumentValue | undefined, i: number, inputs: number): number | number[] | null {
  if (!Array.isArray(value)) return (value ?? null) as number | null;
  const nested = value.some((v) => v === null || Array.isArray(v)) || (inputs > 1 && value.length === inputs);
  return nested ? ((value[i] ?? null) as number | number[] | null) : (value as number[]);
}

/** Rows and columns of a grid's cells, about square. */
function cellsOf(height: number, width: number, most: number): [number, number] {
  const columns = Math.max(1, Math.min(width, most, Math.round(Math.sqrt((most * width) / height))));
  return [Math.max(1, Math.min(height, Math.floor(most / columns))), columns];
}

// -- what Captum's pictures call our displays --------------------------------------------------------------------------------

const STYLES: Record<string, string> = {
  "Heat map": "heat_map",
  Overlay: "blended_heat_map",
  Masked: "masked_image",
  Alpha: "alpha_scaling",
  Original: "original_image",
};

const SIGNS = { positive: "positive", negative: "negative", absolute: "absolute_value" };

/** What is left of a map, by Captum's sign. */
const SIDES: Record<string, string> = { positive: ".clamp(min=0)", negative: ".clamp(max=0)" };

/** What these show of signed values. */
const UNSIGNED: Record<string, string> = { masked_image: "positive", alpha_scaling: "absolute_value" };

/** matplotlib's, which begin with what speaks against; "Captum" is Captum's own. */
const CMAPS: Record<string, Record<Display["sign"], string>> = {
  PuOr: { signed: "PuOr_r", positive: "Oranges", negative: "Purples", absolute: "Oranges" },
  RdBu: { signed: "RdBu_r", positive: "Reds", negative: "Blues", absolute: "Reds" },
  BrBG: { signed: "BrBG_r", positive: "YlOrBr", negative: "BuGn", absolute: "YlOrBr" },
  Greys: { signed: "Greys", positive: "Greys", negative: "Greys", absolute: "Greys" },
};
