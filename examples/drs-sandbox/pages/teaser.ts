import { html } from "../../web/html.js";
import { EXIT_RULE, isExit } from "./exits.js";
import { pageReply, problemPage } from "./layout.js";
import type { PageHandler } from "./visitor.js";

/** What the page leads to, in the order of its buttons. */
const EXITS = Object.freeze([
  { parameter: "loginUri", label: "Get started" },
  { parameter: "remindLaterUri", label: "Remind me later" },
  { parameter: "skipUri", label: "Skip" },
]);

/** `GET /teaser`: what customers see first. */
export const showTeaser: PageHandler = ({ models }, { call }) => {
  const model = models.withCompositeId(call.query.get("compositeId") ?? "");
  if (model === undefined) return problemPage("Replenishment", "compositeId is none of a known model.");
  const given = EXITS.flatMap(({ parameter, label }) => {
    const uri = call.query.get(parameter);
    return uri === null ? [] : [{ parameter, label, uri }];
  });
  const wrong = given.find(({ uri }) => !isExit(uri));
  if (wrong !== undefined) return problemPage("Replenishment", `${wrong.parameter} ${EXIT_RULE}`);
  return pageReply({
    title: `Never run out with ${model.name}`,
    body: html`<p>${model.name} can reorder before it runs out:</p>
<ul>${model.slots.map(({ name }) => html`<li>${name}</li>`)}</ul>
<p>You choose the product, and you can cancel within 24 hours or turn it off at any time.</p>
${given.map(({ label, uri }, index) => html`<a class="button${index > 0 && " second"}" href="${uri}">${label}</a>`)}`,
  });
};
