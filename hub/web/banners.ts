// What keeps devices from following the repository, as banners: what holds, why, who said so and what ends it.
import { html } from "hono/html";
import type { Notice } from "#hub/control/notices.ts";
import { icon } from "./badge.ts";
import { ago, type Html, sentence } from "./html.ts";

/** More would push everything else off the page. */
const mostShown = 5;

const titles = {
  pause: "Fleet paused",
  fleetHalt: "Fleet halted",
  unread: "Commit unreadable",
  pin: "Pinned",
  undo: "Undone",
  halt: "Rollout halted",
  mode: "By order",
  edits: "Set by hand",
  allowance: "History cut",
} as const satisfies Record<Notice["kind"], string>;

const isGrave: ReadonlySet<Notice["kind"]> = new Set(["pause", "fleetHalt", "halt"]);

/** Nothing where everything follows the repository. */
export function banners(notices: readonly Notice[], now: number): Html {
  if (notices.length === 0) return html``;
  const more = notices.length - mostShown;
  return html`<section class="banners" id="banners" aria-label="Notices">${notices.slice(0, mostShown).map((notice) => banner(notice, now))}
${more > 0 ? html`<p class="muted">And ${more} more: see <a href="/rollouts">Rollouts</a>, and <code>fleet pins</code> for every pin.</p>` : ""}</section>`;
}

function banner(notice: Notice, now: number): Html {
  const { message, reason, operator, at, until, endsWhen } = notice;
  const tone = isGrave.has(notice.kind) ? "bad" : "warn";
  // A rollout that halted by itself and a hub that paused itself were ordered by nobody.
  const who = operator === null ? "Began" : html`Ordered by <bdi>${operator}</bdi>`;
  const since = at === null ? "" : html` ${ago(at, now)}`;
  const end = until === null ? endsWhen : html`<time datetime="${iso(until)}">${iso(until)}</time>`;
  return html`<div class="note ${tone}">${icon(tone === "bad" ? "slash" : "pause")}<div><p><strong>${titleOf(notice)}</strong>: ${sentence(message)}</p>
${reason === null ? "" : html`<p>Reason: <bdi>${reason}</bdi></p>`}<p class="muted">${who}${since}. Until ${end}.</p></div></div>`;
}

function titleOf({ kind, number }: Notice): Html | string {
  const isRollout = kind === "halt" || kind === "undo";
  if (!isRollout || number === null) return titles[kind];
  return html`<a href="/rollouts/${number}">${titles[kind]}</a>`;
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}

const marks = {
  pause: "",
  fleetHalt: "",
  unread: "",
  pin: "pinned",
  undo: "undone",
  halt: "",
  mode: "by order",
  edits: "set by hand",
  allowance: "history cut",
} as const satisfies Record<Notice["kind"], string>;

/** A few words beside a device's name. */
export function markText(notices: readonly Notice[]): string {
  const words = new Set(notices.map(({ kind }) => marks[kind]).filter(Boolean));
  return [...words].join(", ");
}
