// What keeps devices from following the repository, as banners: what holds, why, who said so and what ends it.
import { html } from "hono/html";
import type { Notice } from "#hub/control/notices.ts";
import { icon } from "./badge.ts";
import { ago, type Html, plural } from "./html.ts";

/** More would push everything else off the page. */
const mostShown = 5;

const titles = {
  pause: "Fleet paused",
  fleetHalt: "Fleet halted",
  pin: "Pinned",
  undo: "Undone",
  halt: "Rollout halted",
  mode: "By order",
  edits: "Set by hand",
} as const satisfies Record<Notice["kind"], string>;

const isGrave: ReadonlySet<Notice["kind"]> = new Set(["pause", "fleetHalt", "halt"]);

/** Nothing where everything follows the repository. */
export function banners(notices: readonly Notice[], now: number): Html {
  if (notices.length === 0) return html``;
  const more = notices.length - mostShown;
  return html`<div class="banners" id="banners" role="status">${notices.slice(0, mostShown).map((notice) => banner(notice, now))}
${more > 0 ? html`<p class="muted">And ${plural(more, "more")}; <code>fleet pins</code> lists every pin.</p>` : ""}</div>`;
}

function banner(notice: Notice, now: number): Html {
  const { kind, message, reason, operator, at, until, endsWhen } = notice;
  const tone = isGrave.has(kind) ? "bad" : "warn";
  const who = operator === null ? "" : html`, by ${operator}`;
  const since = at === null ? "" : html` ${ago(at, now)}`;
  const end = until === null ? endsWhen : html`<time datetime="${iso(until)}">${iso(until)}</time>`;
  return html`<div class="note ${tone}">${icon(tone === "bad" ? "slash" : "pause")}<div><p><strong>${titles[kind]}</strong>: ${message}${reason === null ? "" : html`: ${reason}`}</p>
<p class="muted">Ordered${who}${since}. Until ${end}.</p></div></div>`;
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}

const marks = {
  pause: "",
  fleetHalt: "",
  pin: "pinned",
  undo: "undone",
  halt: "",
  mode: "by order",
  edits: "set by hand",
} as const satisfies Record<Notice["kind"], string>;

/** A few words beside a device's name. */
export function markText(notices: readonly Notice[]): string {
  const words = new Set(notices.map(({ kind }) => marks[kind]).filter(Boolean));
  return [...words].join(", ");
}
