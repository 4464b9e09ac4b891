// One rollout's page: its batches as bars, what holds it, what the failed devices share, and every device.
import { html } from "hono/html";
import { stepName } from "#hub/api/rollout_view.ts";
import type { Member } from "#hub/rollout/advance/model.ts";
import { clearChance, suspectsInWords } from "#hub/rollout/advance/separate.ts";
import { culpritOf } from "#hub/rollout/bisect/range.ts";
import type { BisectRow } from "#hub/store/bisect_port.ts";
import type { MemberRow, RolloutRow } from "#hub/store/rollout_port.ts";
import { icon } from "./badge.ts";
import { ago, commit, type Html, heads, word } from "./html.ts";
import { orderForm } from "./rollout_orders.ts";
import { countsInWords, countsOf, deviceBar, memberBadge, rolloutBadge } from "./rollout_words.ts";

export interface RolloutPage {
  row: RolloutRow;
  members: readonly MemberRow[];
  /** Why it does not go on right now. */
  waitsFor: string | null;
  bisect: BisectRow | null;
  now: number;
}

export function rolloutMain(page: RolloutPage): Html {
  const { row, now } = page;
  const members = page.members.map(({ member }) => member);
  const counts = countsOf(members);
  return html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/rollouts">Rollouts</a></nav>
<div class="headline"><h1>${row.deployment} #${row.id}</h1>${rolloutBadge(row.head.state)}</div>
${haltNote(row)}${waitNote(page)}${bisectNote(page)}
<dl class="facts"><div><dt>Commit</dt><dd>${commit(row.commit, row.branch)}</dd></div>
<div><dt>Release</dt><dd><code title="${row.digest}">${row.digest.slice(0, 12)}</code></dd></div>
<div><dt>Step</dt><dd>${row.head.step + 1} of ${row.policy.steps.length}</dd></div>
<div><dt>Devices</dt><dd>${members.length}</dd></div>
<div><dt>Began</dt><dd>${ago(row.beganAt, now)}</dd></div>
<div><dt>Last order</dt><dd>${row.operator === null ? "none" : `${row.operator}: ${row.reason ?? ""}`}</dd></div></dl>
${orderForm(row, counts)}
${batches(row, members)}
${suspectTable(row)}
${deviceTable(members, now)}`;
}

function haltNote({ head, isQuarantined, suspects }: RolloutRow): Html {
  if (head.state !== "Halted" && head.state !== "Undone") return html``;
  const kept = isQuarantined
    ? "The same content is given to nobody until somebody resumes or promotes it."
    : "";
  const what =
    head.state === "Halted"
      ? "The rollout halted."
      : "The rollout was undone; its devices keep the last promoted release until Git says otherwise.";
  const shared =
    suspects.length === 0
      ? ""
      : html` Of the devices that failed: <bdi>${suspectsInWords(suspects)}</bdi>.`;
  return html`<p class="note bad">${icon("slash")}<span><strong>${what}</strong>${shared} ${kept}</span></p>`;
}

function waitNote({ waitsFor, row }: RolloutPage): Html {
  if (waitsFor === null || row.head.state === "Halted") return html``;
  return html`<p class="note busy" role="status">${icon("half")}<span>Waits for <bdi>${waitsFor}</bdi>.</span></p>`;
}

function bisectNote({ bisect: row }: RolloutPage): Html {
  if (row === null) return html``;
  const { state, outcome, commits, testing } = row.bisect;
  const culprit = state === "Found" ? culpritOf(row.bisect)?.first : undefined;
  if (culprit !== undefined) {
    const { subject, author } = culprit;
    return html`<p class="note warn" id="bisect">${icon("cross")}<span><strong>First bad commit:</strong> ${commit(culprit.commit)} “<bdi>${subject}</bdi>” by <bdi>${author}</bdi>. ${outcome}.</span></p>`;
  }
  const at = testing === null ? undefined : commits[testing];
  const words =
    state === "Testing"
      ? html`A bisect over ${commits.length - 1} commits goes on${at === undefined ? "" : html`; its canaries try ${commit(at.commit)} “<bdi>${at.subject}</bdi>”`}.`
      : html`The last bisect ended: ${outcome}.`;
  return html`<p class="note busy" id="bisect" role="status">${icon("half")}<span>${words}</span></p>`;
}

function batches({ policy, head }: RolloutRow, members: readonly Member[]): Html {
  const last = policy.steps.length - 1;
  const items = policy.steps.map((step, at) => {
    const own = members.filter((member) => member.step === at);
    const counts = countsOf(own);
    const isNow = at === head.step && head.state !== "Promoted" && head.state !== "Superseded";
    const name = `${at + 1}. ${stepName(step, at === last)}${step.approval ? ", by approval" : ""}`;
    const words = own.length === 0 ? "" : countsInWords(counts);
    return html`<li id="step-${at}"><span class="${isNow ? "now-step" : "step-name"}">${name}${isNow ? " (now)" : ""}</span>${deviceBar(counts, members.length)}<span class="counts">${words}</span></li>`;
  });
  const all = countsOf(members);
  return html`<section aria-labelledby="batches-title"><h2 id="batches-title">Batches</h2>
<ol class="batches">${items}
<li id="step-all"><span class="now-step">Together</span>${deviceBar(all, members.length)}<span class="counts">${countsInWords(all)}</span></li></ol></section>`;
}

const shownSuspects = 6;

function suspectTable({ suspects }: RolloutRow): Html {
  if (suspects.length === 0) return html``;
  const rows = suspects.slice(0, shownSuspects).map(
    (
      one,
    ) => html`<tr role="row"><th scope="row" role="rowheader">${word(`${one.key}=${one.value}`)}</th>
<td role="cell" data-name="Failed">${one.failed} of ${one.failedOf}</td>
<td role="cell" data-name="Healthy">${one.succeeded} of ${one.succeededOf}</td>
<td role="cell" data-name="By chance">${chanceText(one.chance)}${one.chance < clearChance ? html` <strong>clear</strong>` : ""}</td></tr>`,
  );
  return html`<section aria-labelledby="suspects-title"><h2 id="suspects-title">What the failed devices share</h2>
<table role="table" class="narrow"><caption class="hidden">Properties of the devices that failed, the clearest first</caption>
<thead role="rowgroup"><tr role="row">${heads("Property", "Failed", "Healthy", "By chance")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table></section>`;
}

function chanceText(chance: number): string {
  return chance < 0.001 ? "under 0.1 %" : `${(100 * chance).toFixed(1)} %`;
}

/** A page with thousands of rows helps nobody: those to come are counted in the bar. */
const shownDevices = 300;
const telling = [
  "Failed",
  "Waiting",
  "Released",
  "Held",
  "Reverted",
  "Succeeded",
  "Left",
  "Pending",
];

function deviceTable(members: readonly Member[], now: number): Html {
  const place = ({ state }: Member): number => telling.indexOf(state);
  const lengthOf = ({ reason }: Member): number => reason?.length ?? 0;
  const sorted = members.toSorted((a, b) => place(a) - place(b) || lengthOf(b) - lengthOf(a));
  const rows = sorted.slice(0, shownDevices).map(
    (
      member,
    ) => html`<tr role="row" id="member-${member.device}"><th scope="row" role="rowheader"><a href="/devices/${member.device}">${word(member.device)}</a></th>
<td role="cell" data-name="State">${memberBadge(member.state)}</td>
<td role="cell" data-name="Step">${member.step === null ? "" : member.step + 1}</td>
<td role="cell" data-name="Why" class="message">${member.reason ?? ""}${deadline(member, now)}</td></tr>`,
  );
  const more = members.length - rows.length;
  return html`<section aria-labelledby="members-title"><h2 id="members-title">Devices</h2>
<table role="table"><caption class="hidden">Devices of the rollout, those to look at first</caption>
<thead role="rowgroup"><tr role="row">${heads("Device", "State", "Step", "Why")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>
${more > 0 ? html`<p class="muted">… and ${more} more; <code>fleet rollout status -o wide</code> lists them all.</p>` : ""}</section>`;
}

function deadline({ deadlineAt, reason }: Member, now: number): Html {
  if (deadlineAt === null) return html``;
  const exact = new Date(deadlineAt).toISOString();
  const left = Math.max(0, Math.round((deadlineAt - now) / 60_000));
  return html`${reason === null ? "" : ", "}<span class="muted">must answer <time datetime="${exact}" title="${exact}">within ${left} min</time></span>`;
}
