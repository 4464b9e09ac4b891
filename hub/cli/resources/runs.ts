// Runs, plans and phases, as their lists show them.
import type { PhaseView, PlanView, RunSummary } from "#hub/api/run_view.ts";
import type { Client } from "#hub/cli/api/client.ts";
import type { Tone } from "#hub/cli/terminal/colour.ts";
import { named, type Resource, when } from "./resource.ts";
import { requirePhases, requirePlan, unknownPhases } from "./unknown.ts";

const tones: Partial<Record<RunSummary["state"], Tone>> = {
  ...{ Pending: "busy", Running: "busy", Succeeded: "good", Failed: "bad", Cancelled: "bad" },
};

export function runTone(state: RunSummary["state"]): Tone | undefined {
  return tones[state];
}

export const runs: Resource<RunSummary> = {
  kind: "run",
  isUnique: true,
  fields: ["device", "plan", "state"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: "ID", text: ({ id }) => id },
    { title: "DEVICE", text: ({ device }) => device },
    { title: "PLAN", text: ({ plan }) => plan },
    { title: "STATE", text: ({ state }) => state, tone: ({ state }) => runTone(state) },
    { title: "STEP", text: stepText },
    {
      title: view.times === "age" ? "AGE" : "ORDERED",
      text: ({ orderedAt }) => when(orderedAt, view),
    },
    { title: "BY", text: ({ operator }) => operator },
    { title: "REASON", text: ({ reason }) => reason, atLeast: 12 },
    { title: "ENDED", text: ({ endedAt }) => when(endedAt, view), isWide: true },
    { title: "MESSAGE", text: ({ message }) => message ?? "", isWide: true },
  ],
  nameOf: ({ id }) => id,
  async *list(client, query) {
    let isEmpty = true;
    for await (const run of client.runs.list(query)) {
      isEmpty = false;
      yield run;
    }
    // What is gone may still have runs.
    const { device, plan } = query;
    if (isEmpty && device !== undefined) await requirePhases(client, [String(device)]);
    if (isEmpty && plan !== undefined) await requirePlan(client, String(plan));
  },
};

function stepText({ step, steps }: RunSummary): string {
  return step === null ? `0/${steps}` : `${step.index + 1}/${steps} ${step.kind}`;
}

export const plans: Resource<PlanView> = {
  kind: "plan",
  isUnique: true,
  fields: [],
  sorts: [],
  takesSelector: false,
  columns: () => [
    { title: "NAME", text: ({ name }) => name },
    { title: "STEPS", text: ({ steps }) => steps.map(({ kind }) => kind).join(" -> ") },
    { title: "FROM", text: ({ commit }) => (commit === null ? "built in" : commit.slice(0, 8)) },
    { title: "DESCRIPTION", text: ({ description }) => description, atLeast: 20 },
  ],
  nameOf: ({ name }) => name,
  async *list(client) {
    yield* await client.runs.plans();
  },
};

export const phases: Resource<PhaseView> = {
  kind: "phase",
  isUnique: true,
  fields: ["phase"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: "DEVICE", text: ({ device }) => device },
    { title: "PHASE", text: ({ phase }) => phase },
    { title: view.times === "age" ? "FOR" : "SINCE", text: ({ since }) => when(since, view) },
    {
      title: "INTERVENTION",
      text: (row) => (needsIntervention(row) === undefined ? "" : "needed"),
      tone: () => "bad",
    },
    { title: "RUN", text: ({ run }) => run ?? "" },
    { title: "SERIAL", text: ({ inventory }) => inventory.serial ?? "" },
    { title: "MODEL", text: ({ inventory }) => inventory.model ?? "" },
    { title: "WHY", text: (row) => needsIntervention(row) ?? "", isWide: true },
    { title: "NOTE", text: ({ inventory }) => inventory.note ?? "", isWide: true },
  ],
  nameOf: ({ device }) => device,
  async *list(client, query, names) {
    if (names.length === 0) yield* client.runs.phases(query);
    else yield* phasesNamed(client, names);
  },
};

function phasesNamed(client: Client, names: readonly string[]): AsyncIterable<PhaseView> {
  const find = async (name: string): Promise<PhaseView[] | undefined> => {
    const phase = await client.runs.findPhase(name);
    return phase === undefined ? undefined : [phase];
  };
  return named(names, find, (missing) => unknownPhases(client, missing));
}

function needsIntervention({ conditions }: PhaseView): string | undefined {
  const found = conditions.find(({ type }) => type === "NeedsIntervention");
  return found?.status === "True" ? found.message : undefined;
}
