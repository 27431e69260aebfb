import { LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { Actions, State } from "../state";
import type { Look } from "./map";

export class AttriscopeCompare extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) actions!: Actions;
}
