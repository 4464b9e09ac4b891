// Forms of the page: plain ones, so that every button works without JavaScript.
import { html } from "hono/html";
import type { Html } from "./html.ts";
import type { PageView } from "./view.ts";

interface Button {
  action: string;
  label: string;
  /** What it concerns, for those who hear the button out of its place. */
  about?: string;
  fields?: Record<string, string>;
}

/** Nothing for those who may not press it. */
export function button(view: PageView, { action, label, about, fields = {} }: Button): Html {
  if (!view.isSignedIn || !view.canAct) return html``;
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const rest = about === undefined ? "" : html`<span class="hidden"> ${about}</span>`;
  return html`<form method="post" action="${action}">${hidden}<button>${label}${rest}</button></form>`;
}

export function enterForm(view: PageView): Html {
  if (!view.isSignedIn || !view.canAct || view.status.safeMode !== undefined) return html``;
  return html`<section aria-labelledby="safe-mode"><h2 id="safe-mode">Safe mode</h2>
<p>The device stops trying new releases, and keeps the last good ones, until somebody leaves safe mode.</p>
<form method="post" action="/v1/safe-mode" class="fields">
<input type="hidden" name="do" value="enter">
<label for="reason">Reason, for those who come after you</label>
<input id="reason" name="reason" required maxlength="200" autocomplete="off">
<button class="grave">Enter safe mode</button></form></section>`;
}

export function signInForm(view: Pick<PageView, "tokenFile">, problem?: string): Html {
  const told =
    problem === undefined ? "" : html`<p class="failure" role="alert" id="problem">${problem}</p>`;
  const described = problem === undefined ? "where" : "problem where";
  return html`${told}<form method="post" action="/sign-in" class="fields">
<label for="token">The device’s token</label>
<input id="token" type="password" name="token" required autocomplete="current-password" autocapitalize="none" spellcheck="false" aria-describedby="${described}"${problem === undefined ? "" : html` aria-invalid="true"`}>
<p id="where" class="muted">It is in the file <code>${view.tokenFile}</code> on the device. Dashes and capital letters do not matter.</p>
<button>Sign in</button></form>`;
}

const tails = ["50", "200", "1000"];

/** @param chosen the log that is shown */
export function logForm(view: PageView, chosen: { source: string; tail: string }): Html {
  const sources = view.status.apps.flatMap((app) =>
    app.services.map((service) => `${app.name}/${service.name}`),
  );
  const option = (value: string, text: string, is: string): Html =>
    html`<option value="${value}"${value === is ? html` selected` : ""}>${text}</option>`;
  return html`<form method="get" action="/logs" class="fields">
<label for="source">Log of</label>
<select id="source" name="source">${option("", "the agent", chosen.source)}${sources.map((name) => option(name, name, chosen.source))}</select>
<label for="tail">Lines</label>
<select id="tail" name="tail">${tails.map((count) => option(count, count, chosen.tail))}</select>
<button>Show</button></form>`;
}
