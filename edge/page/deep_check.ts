// The last deep check: when it ran, and what it found.
import { html } from "hono/html";
import { ageText, durationText, type Html } from "./html.ts";
import type { DeepCheckNow, LocalStatus } from "./status.ts";

export function deepCheckNote({ deepCheck }: LocalStatus): Html {
  const when =
    deepCheck === undefined
      ? "none since the agent started; it runs once an hour."
      : `${ageText(deepCheck.endedAgoMs)}, took ${durationText(deepCheck.tookMs)}; ${resultText(deepCheck)}`;
  return html`<div id="deep-check"><p>Last deep check: ${when}</p>${listOf(deepCheck)}</div>`;
}

function resultText({ findings, failed }: DeepCheckNow): string {
  if (findings.length > 0) return "it found:";
  return failed.length > 0 ? "it could not look at everything:" : "it found nothing wrong.";
}

function listOf(deepCheck: DeepCheckNow | undefined): Html {
  if (deepCheck === undefined) return html``;
  const { findings, failed } = deepCheck;
  const found = findings.map(({ check, text }) => html`<li>${check}: ${text}</li>`);
  const missed = failed.map(
    ({ check, message }) =>
      html`<li class="failure">${check}: <strong>could not be checked</strong>: ${message}</li>`,
  );
  return found.length + missed.length === 0 ? html`` : html`<ul>${found}${missed}</ul>`;
}
