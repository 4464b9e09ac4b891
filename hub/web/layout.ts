// The frame of every page.
import { html } from "hono/html";
import type { AssetName, Assets } from "./assets.ts";
import type { Html } from "./html.ts";

export interface PageParts {
  title: string;
  main: Html;
  /** Undefined on pages that need no sign-in. */
  operator?: string | undefined;
  /** The watch stream that keeps the page current; undefined for a page that does not change. */
  live?: string;
  /** Ms that the hub takes until what a device said shows on this page. */
  lateMs?: number;
  /** A script of the page's own. */
  script?: AssetName;
  /** Moves on to another address at once. */
  goTo?: string;
}

export function layout(assets: Assets, parts: PageParts): Html {
  const { title, main, operator, live, lateMs = 0, script, goTo } = parts;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Metrica Fleet</title>
<link rel="icon" href="${assets.url("icon.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.url("page.css")}">
${goTo === undefined ? "" : html`<meta http-equiv="refresh" content="0; url=${goTo}">`}
${live === undefined ? "" : html`<script src="${assets.url("page.js")}" defer></script>`}
${script === undefined ? "" : html`<script src="${assets.url(script)}" defer></script>`}
</head>
<body${live === undefined ? "" : html` data-live="${live}" data-late-ms="${lateMs}"`}>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
<a class="brand" href="/"><img src="${assets.url("icon.svg")}" alt="" width="22" height="22">Metrica Fleet</a>
<nav aria-label="Main"><a href="/">Fleet</a><a href="/rollouts">Rollouts</a><a href="/docs">API</a></nav>
${operator === undefined ? "" : account(operator, live !== undefined)}
</header>
${mainOf(main)}
<p id="news" class="hidden" role="status" aria-live="polite"></p>
</body>
</html>`;
}

/** The part that the script fetches again. */
export function mainOf(main: Html): Html {
  return html`<main id="main" tabindex="-1">${main}</main>`;
}

function account(operator: string, isLive: boolean): Html {
  const state = html`<span id="live" class="live" hidden>live</span>`;
  return html`<div class="account">${isLive ? state : ""}
<span class="muted who">${operator}</span>
<form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></div>`;
}
