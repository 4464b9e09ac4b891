// The frame of every page.
import { html } from "hono/html";
import type { AssetName, Assets } from "./assets.ts";
import { icon } from "./badge.ts";
import type { Html } from "./html.ts";

export interface PageParts {
  title: string;
  main: Html;
  /** Why what was asked for was not done. It is no part of `main`, so that it stays when `main` is fetched again. */
  problem?: string | undefined;
  /** Undefined on pages that need no sign-in. */
  operator?: string | undefined;
  /** The watch stream that keeps the page current; undefined for a page that does not change. */
  live?: string;
  /** Ms that the hub takes until what a device said shows on this page. */
  lateMs?: number;
  /** Where the page can be read again; absent: where it was asked for. */
  at?: string;
  /** A script of the page's own. */
  script?: AssetName;
  /** Moves on to another address at once. */
  goTo?: string;
}

/** What was asked for, and when. */
export interface Asked {
  path: string;
  search: string;
  /** Unix ms. */
  now: number;
}

export function layout(assets: Assets, parts: PageParts, asked: Asked): Html {
  const { title, main, operator, live, lateMs = 0, script, goTo, problem } = parts;
  const { at = `${asked.path}${asked.search}` } = parts;
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
<body${live === undefined ? "" : html` data-live="${live}" data-late-ms="${lateMs}" data-at="${at}"`}>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
<a class="brand" href="/"><img src="${assets.url("icon.svg")}" alt="" width="22" height="22">Metrica Fleet</a>
<nav aria-label="Main">${rooms.map((room) => roomLink(room, asked.path))}</nav>
${operator === undefined ? "" : account(operator, live !== undefined)}
</header>
${live === undefined ? "" : staleness(at, asked.now)}
${problem === undefined ? "" : html`<p class="note bad told" role="alert">${icon("cross")}<span>${problem}</span></p>`}
${mainOf(main)}
<p id="news" class="hidden" role="status" aria-live="polite"></p>
</body>
</html>`;
}

/** The part that the script fetches again. */
export function mainOf(main: Html): Html {
  return html`<main id="main" tabindex="-1">${main}</main>`;
}

const rooms = [
  { name: "Fleet", href: "/", holds: /^\/($|devices\/)/ },
  { name: "Rollouts", href: "/rollouts", holds: /^\/rollouts($|\/)/ },
  { name: "API", href: "/docs", holds: /^\/docs$/ },
] as const;

function roomLink({ name, href, holds }: (typeof rooms)[number], path: string): Html {
  const current = path === href ? "page" : "true";
  return html`<a href="${href}"${holds.test(path) ? html` aria-current="${current}"` : ""}>${name}</a>`;
}

/** A page that looks like now and is not would mislead: the script says when the hub no longer answers, and
 *  without a script the page says of when it is. */
function staleness(at: string, now: number): Html {
  const exact = new Date(now).toISOString();
  const clock = exact.slice(0, 19).replace("T", " ");
  return html`<p id="stale" class="note bad stale" role="alert" hidden></p>
<noscript><p class="as-of muted">As of <time datetime="${exact}">${clock} UTC</time>. <a href="${at}">Read it again</a></p></noscript>`;
}

function account(operator: string, isLive: boolean): Html {
  const state = html`<span id="live" class="live" hidden>live</span>`;
  return html`<div class="account">${isLive ? state : ""}
<span class="muted who">${operator}</span>
<form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></div>`;
}
