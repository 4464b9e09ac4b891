// The strip of an update's stages: what is done, what goes on, what is to come.
import { html } from "hono/html";
import { machine, type Stage } from "#edge/plan/attempt.ts";
import type { AppReport } from "#shared/reported.ts";
import { type Html, moment } from "./html.ts";
import type { RunningUpdate } from "./status.ts";
import { type PageView, runningAgeMs } from "./view.ts";

/** As the update machine goes when all is well, or on the way back. */
function wayFrom(first: Stage): Stage[] {
  const way: Stage[] = [];
  for (let at: string = first; at in machine; at = machine[at as Stage].ok) way.push(at as Stage);
  return way;
}

const forward = wayFrom("fetch");
const back = wayFrom("rollBack");

const words: Readonly<Partial<Record<Stage, string>>> = { rollBack: "roll back" };

export function stagesStrip(view: PageView, running: RunningUpdate, app: AppReport): Html {
  const way = back.includes(running.stage) ? back : forward;
  const now = way.indexOf(running.stage);
  const going = back === way ? "Going back from commit" : "Update to commit";
  const tries = running.tries === 0 ? "" : html`, tried ${running.tries + 1} times`;
  const label = `stages-of-${running.app}`;
  return html`<p id="${label}" class="strip-name">${going} <code>${running.commit.slice(0, 12)}</code>, begun ${moment(running.startedAt, runningAgeMs(view, running))}${tries}</p>
<ol class="stages" aria-labelledby="${label}">${way.map((stage, at) => stageItem(stage, Math.sign(at - now), app.progress))}</ol>`;
}

/** @param place below 0: done; 0: now; above: to come */
function stageItem(stage: Stage, place: number, progress: number | undefined): Html {
  const name = words[stage] ?? stage;
  if (place < 0) return html`<li class="done">${name}<span class="hidden"> done</span></li>`;
  if (place > 0) return html`<li>${name}<span class="hidden"> to come</span></li>`;
  const share = progress === undefined ? "" : ` ${Math.round(progress * 100)} %`;
  return html`<li class="now" aria-current="step">${name}${share}<span class="hidden"> now</span></li>`;
}
