// A rollout on one page: its steps, what holds it, what the failed devices share, and the devices to look at.
import type { RolloutDevice, RolloutView } from "#hub/api/rollout_view.ts";
import { shortDuration } from "#hub/cli/terminal/age.ts";
import type { Column } from "#hub/cli/terminal/table.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { createPage, type Page } from "./page.ts";
import {
  bar,
  countsInWords,
  memberTone,
  rolloutTone,
  type StepCounts,
  stepCounts,
  tellingDevices,
} from "./rollout_words.ts";

interface Input {
  view: RolloutView;
  members: readonly RolloutDevice[];
  /** All devices instead of those that tell something. */
  isWide: boolean;
  /** Unix ms. */
  now: number;
}

const barCells = 40;
const usualDevices = 15;

export function printRollout(
  terminal: Pick<Terminal, "out" | "paint" | "width">,
  { view, members, isWide, now }: Input,
): void {
  const page = createPage(terminal);
  const { out, paint } = terminal;
  const state = paint(view.state, rolloutTone(view.state));
  out(
    `${paint(`Rollout ${view.id} of ${printable(view.deployment)}`, "bold")}  ${state}  step ${view.step} of ${view.steps}`,
  );
  page.line("Commit", `${view.commit} (${view.branch})`);
  page.line("Release", view.digest);
  page.line("Began", `${shortDuration(now - view.beganAt)} ago`);
  page.line("Waits for", view.waitsFor ?? undefined, "busy");
  page.line("Ordered by", orderText(view));
  page.line(
    "Quarantined",
    view.quarantined ? "the same content is given to nobody" : undefined,
    "bad",
  );
  page.line("Left out", view.cohorts.map(({ key, value }) => `${key}=${value}`).join(", "));
  out("");
  out(`${bar(view.devices, barCells, paint)}  ${countsInWords(view.devices)}`);
  page.heading("Steps");
  page.table(stepColumns, stepCounts(view, members));
  printSuspects(page, view);
  printDevices(page, isWide ? members : tellingDevices(members), isWide);
}

function orderText({ operator, reason }: RolloutView): string | undefined {
  return operator === null ? undefined : `${operator}: ${reason ?? ""}`;
}

const stepColumns: Column<StepCounts>[] = [
  { title: "STEP", text: ({ name }) => name, atLeast: 12 },
  {
    title: "DEVICES",
    text: ({ counts }) => (Object.keys(counts).length === 0 ? "" : countsInWords(counts)),
  },
  { title: "NOW", text: ({ isNow }) => (isNow ? "now" : ""), tone: () => "busy" },
];

type Suspect = RolloutView["suspects"][number];

function printSuspects(page: Page, { suspects }: RolloutView): void {
  if (suspects.length === 0) return;
  page.heading("What the devices that failed share, the clearest first");
  page.table(suspectColumns, suspects.slice(0, 5));
}

const suspectColumns: Column<Suspect>[] = [
  { title: "PROPERTY", text: ({ key, value }) => `${key}=${value}`, atLeast: 16 },
  { title: "FAILED", text: ({ failed, failedOf }) => `${failed} of ${failedOf}` },
  { title: "HEALTHY", text: ({ succeeded, succeededOf }) => `${succeeded} of ${succeededOf}` },
  {
    title: "BY CHANCE",
    text: ({ chance }) => chanceText(chance),
    tone: ({ chance }) => (chance < 0.05 ? "bad" : "dim"),
  },
];

function chanceText(chance: number): string {
  return chance < 0.001 ? "under 0.1 %" : `${(100 * chance).toFixed(1)} %`;
}

function printDevices(page: Page, members: readonly RolloutDevice[], isWide: boolean): void {
  if (members.length === 0) return;
  page.heading(isWide ? "Devices" : "Devices to look at");
  const shown = isWide ? members : members.slice(0, usualDevices);
  page.table(deviceColumns, shown);
  if (shown.length < members.length) {
    page.sentence(`… and ${members.length - shown.length} more: -o wide`, "dim");
  }
}

const deviceColumns: Column<RolloutDevice>[] = [
  { title: "DEVICE", text: ({ device }) => device },
  { title: "STATE", text: ({ state }) => state, tone: ({ state }) => memberTone(state) },
  { title: "STEP", text: ({ step }) => (step === null ? "" : String(step)) },
  { title: "WHY", text: ({ reason }) => reason ?? "", atLeast: 16 },
];
