// The orders that the rollout pages offer: one form with a reason, and a button for each order that means something.
import { html } from "hono/html";
import { type OrderName, statesFor } from "#hub/rollout/advance/order.ts";
import type { FleetHalt, RolloutRow } from "#hub/store/rollout_port.ts";
import { icon } from "./badge.ts";
import { ago, type Html, plural, sentence } from "./html.ts";
import type { Counts } from "./rollout_words.ts";

/** Where each stands, and what it does to how many devices. */
const offered = ["approve", "resume", "promote", "halt", "undo"] as const;
type Offered = (typeof offered)[number];

export function isOffered(name: string): name is Offered {
  return (offered as readonly string[]).includes(name);
}

const harsh = new Set<OrderName>(["halt", "undo"]);

export function orderForm({ id, head }: RolloutRow, counts: Counts): Html {
  const names = offered.filter((name) => statesFor(name).includes(head.state));
  if (names.length === 0) return html``;
  const step = head.step + 1;
  const seen = html` name="step" value="${step}"`;
  const buttons = names.map(
    (name) =>
      html`<button class="${harsh.has(name) ? "harsh" : "quiet"}" formaction="/rollouts/${id}/${name}"${name === "approve" ? seen : ""}>${words[name](counts, step)}</button>`,
  );
  return html`<form class="orders" method="post" aria-label="Orders">${noDefault}
<label>Reason, for others to read <input name="reason" required maxlength="500" autocomplete="off"></label>
${buttons}</form>`;
}

/** Enter in the field would press the first button, whichever that is: with several to choose from it presses none.
 *  @see HTML, "implicit submission" */
const noDefault = html`<button disabled hidden></button>`;

const words: Readonly<Record<Offered, (counts: Counts, step: number) => string>> = {
  approve: (_, step) => `Approve step ${step}`,
  resume: () => "Resume",
  promote: (counts) => `Promote to ${plural(comingIn(counts), "device")} now`,
  halt: () => "Halt",
  // With nobody to return it still keeps the release away until Git says otherwise.
  undo: (counts) =>
    havingIn(counts) === 0 ? "Undo" : `Undo on ${plural(havingIn(counts), "device")}`,
};

function comingIn({ Pending = 0, Reverted = 0 }: Counts): number {
  return Pending + Reverted;
}

function havingIn({ Released = 0, Waiting = 0, Succeeded = 0, Failed = 0 }: Counts): number {
  return Released + Waiting + Succeeded + Failed;
}

/** The halt of the whole fleet: a banner with its end, or the button that begins it. */
export function fleetHaltForm(halt: FleetHalt | null, now: number): Html {
  const act = halt === null ? "halt" : "resume";
  const banner =
    halt === null
      ? ""
      : html`<p class="note bad">${icon("slash")}<span><strong>The fleet is halted</strong>, ordered ${ago(halt.at, now)} by <bdi>${halt.operator}</bdi>: <bdi>${sentence(halt.reason)}</bdi> Nothing is released and no commit is taken up.</span></p>`;
  const button =
    halt === null
      ? html`<button class="harsh">Halt the whole fleet</button>`
      : html`<button>Lift the halt</button>`;
  return html`${banner}<form class="orders" method="post" action="/rollouts/fleet/${act}" aria-label="The whole fleet">
<label>Reason, for others to read <input name="reason" required maxlength="500" autocomplete="off"></label>${button}</form>`;
}
