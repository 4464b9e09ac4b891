// The device's page, put together: readable without script, network or colour.
import { html } from "hono/html";
import type { SafeModeReport } from "#shared/reported.ts";
import { appsSection } from "./apps.ts";
import { chain } from "./chain.ts";
import { deviceSection } from "./device.ts";
import { button, enterForm, logForm, signInForm } from "./forms.ts";
import { eventsSection, updatesSection } from "./history.ts";
import { type Html, moment } from "./html.ts";
import { nextWords, servesWords, stateOf } from "./state.ts";
import type { LocalStatus } from "./status.ts";
import { type PageView, wallAgeMs } from "./view.ts";

export function statusPage(view: PageView): Html {
  const { status, note } = view;
  const told = note === undefined ? "" : html`<p class="note" role="status">${note}</p>`;
  return frame(view, {
    title: `${status.device}: ${status.safeMode === undefined ? status.health : "safe mode"}`,
    isLive: true,
    before: told,
    main: html`${stateSection(view)}${appsSection(view)}${deviceSection(view)}
${updatesSection(view)}${eventsSection(view)}${logsSection(view)}${enterForm(view)}`,
  });
}

export function signInPage(view: PageView, problem?: string): Html {
  const main = html`<section aria-labelledby="sign-in"><h2 id="sign-in">Sign in</h2>${signInForm(view, problem)}</section>`;
  return frame(view, { title: `Sign in to ${view.status.device}`, main });
}

export interface ShownLog {
  source: string;
  tail: string;
  lines: string[];
}

export function logPage(view: PageView, log: ShownLog): Html {
  const { source, lines } = log;
  const name = source === "" ? "the agent" : source;
  const main = html`<section aria-labelledby="log"><h2 id="log">Log of ${name}</h2>${logForm(view, log)}
${lines.length === 0 ? html`<p>It is empty.</p>` : html`<pre tabindex="0" role="region" aria-labelledby="log">${lines.join("\n")}</pre>`}</section>`;
  return frame(view, { title: `Log of ${name}`, main });
}

export function problemPage(
  view: PageView,
  { detail, hint }: { detail: string; hint?: string },
): Html {
  const main = html`<section aria-labelledby="problem"><h2 id="problem">That did not work</h2>
<p class="failure" role="alert">${detail}. ${hint}</p><p><a href="/">Back to the device</a></p></section>`;
  return frame(view, { title: "That did not work", main });
}

interface Frame {
  title: string;
  main: Html;
  before?: Html | string;
  /** The script keeps it current. */
  isLive?: boolean;
}

function frame(view: PageView, { title, main, before = "", isLive = false }: Frame): Html {
  const { status, refreshSeconds } = view;
  const refresh =
    refreshSeconds === undefined
      ? ""
      : html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}; url=/"></noscript>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refresh}
<title>${title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
${isLive ? html`<script src="/page.js" defer></script>` : ""}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><h1><a href="/">${status.device}</a></h1>${account(view)}</header>
<main id="main" tabindex="-1">${before}<div id="live">${main}</div></main>
<footer><p>Metrica Fleet agent ${status.agentVersion}, boot <code>${status.bootId.slice(0, 8)}</code>. As JSON: <a href="/v1/status">/v1/status</a>, <a href="/v1/openapi.json">the API</a>, <a href="/metrics">metrics</a>.</p>
${refreshSeconds === undefined ? "" : html`<noscript><p>This page asks again every ${refreshSeconds} s. <a href="/?refresh=off">Hold it still</a>.</p></noscript>`}
<p id="news" role="status" aria-live="polite"></p></footer>
</body>
</html>`;
}

function account({ isSignedIn }: PageView): Html {
  if (!isSignedIn)
    return html`<nav aria-label="Account"><a class="button" href="/sign-in">Sign in</a></nav>`;
  return html`<nav aria-label="Account"><form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></nav>`;
}

/** In safe mode everything else comes second. */
function stateSection(view: PageView): Html {
  const { safeMode, sync } = view.status;
  const { tone, sentence, more } = stateOf(view.status, view.liveness);
  const said = html`<p id="sentence">${sentence}</p>
${more.map((one) => html`<p>${one}</p>`)}${deviceChain(view.status)}`;
  if (safeMode !== undefined) return safeModeBanner(view, said, safeMode);
  const again = { action: "/v1/retry", label: "Try everything again now" };
  return html`<section class="state ${tone}" aria-labelledby="state"><h2 id="state" class="hidden">State</h2>
${said}${sync === "OutOfSync" ? button(view, again) : ""}</section>`;
}

/** What an app says of itself stands with the app. */
function deviceChain({ apps, safeMode, why }: LocalStatus): Html {
  const isTold = safeMode !== undefined || apps.some((app) => app.why !== undefined);
  return isTold ? html`` : chain("this-device", why);
}

function safeModeBanner(view: PageView, said: Html, mode: SafeModeReport): Html {
  const { since, serves, cause } = mode;
  const again = { action: "/v1/retry", label: "Leave and try again" };
  const leave = { action: "/v1/safe-mode", label: "Leave safe mode", fields: { do: "leave" } };
  return html`<section class="alarm" aria-labelledby="alarm"><h2 id="alarm">Safe mode</h2>${said}
<dl class="facts"><div><dt>Since</dt><dd>${moment(since, wallAgeMs(view, since))}</dd></div>
<div><dt>What serves</dt><dd>${servesWords[serves]}</dd></div>
<div><dt>What to do next</dt><dd>${nextWords[cause]}</dd></div></dl>
${view.isSignedIn ? html`<div class="actions">${button(view, leave)}${button(view, again)}</div>` : signInLine}</section>`;
}

const signInLine = html`<p><a href="/sign-in">Sign in</a> with the device’s token to leave it here.</p>`;

function logsSection(view: PageView): Html {
  const body = view.isSignedIn
    ? logForm(view, { source: "", tail: "50" })
    : html`<p><a href="/sign-in">Sign in</a> to read them: logs can hold private words.</p>`;
  return html`<section aria-labelledby="logs"><h2 id="logs">Logs</h2>${body}</section>`;
}
