// Runs by devices that exist in memory alone: they obey orders as agents do, step by step when they are told to.
import type { DeviceId } from "#shared/ids.ts";
import type { RunStep } from "#shared/plan.ts";
import type { RunId, RunOrder } from "#shared/run.ts";
import type { RunEntry } from "./model.ts";
import type { Provider } from "./provider.ts";

export interface MemoryProvider extends Provider {
  /** One step of the device: begins the run, or does a step of it, or ends it.
   *  @param ok false: the step fails
   *  @returns whether there was anything to do */
  tick(device: DeviceId, ok?: boolean): boolean;
  order(device: DeviceId): RunOrder | undefined;
  /** Kinds of the entries that the device has journalled for the run, with the steps. */
  told(run: RunId): string[];
}

interface Progress {
  entries: RunEntry[];
  index: number;
  attempt: number;
  isOver: boolean;
}

/** @param onTold the hub has been told something of this device */
export function createMemoryProvider(parts: {
  now(): number;
  onTold(device: DeviceId): void;
}): MemoryProvider {
  const orders = new Map<DeviceId, RunOrder>();
  const runs = new Map<RunId, Progress>();
  const progressOf = (id: RunId): Progress => {
    const known = runs.get(id) ?? { entries: [], index: 0, attempt: 1, isOver: false };
    runs.set(id, known);
    return known;
  };
  const tell = (run: RunOrder, kind: string, body: Record<string, unknown>): void => {
    const receivedAt = parts.now();
    progressOf(run.id).entries.push({ receivedAt, kind, body: { run: run.id, ...body } });
  };
  const end = (run: RunOrder, outcome: string, more: Record<string, unknown> = {}): void => {
    progressOf(run.id).isOver = true;
    tell(run, "run.ended", { outcome, durationMs: 0, ...more });
  };
  const doStep = (run: RunOrder, step: RunStep, ok: boolean): void => {
    const progress = progressOf(run.id);
    const { index, attempt } = progress;
    const place = { index, kind: step.kind, attempt };
    tell(run, "run.step.started", place);
    tell(run, "run.step.ended", { ...place, ok, durationMs: 0 });
    if (ok) Object.assign(progress, { index: index + 1, attempt: 1 });
    else if (attempt <= step.retries) progress.attempt += 1;
    else end(run, "failed", { index, code: "step_failed", message: "the device was told to fail" });
  };
  const act = (run: RunOrder, ok: boolean): void => {
    const { entries, index } = progressOf(run.id);
    if (entries.length === 0) tell(run, "run.started", { request: run.request, plan: run.plan });
    const step = run.steps[index];
    if (run.cancel === true) end(run, "cancelled");
    else if (step === undefined) end(run, "succeeded");
    else doStep(run, step, ok);
  };
  return {
    deliver: async (deliveries) => {
      for (const { device, order } of deliveries) {
        if (order === undefined) orders.delete(device);
        else orders.set(device, order);
      }
    },
    facts: async ({ id }) => ({ entries: progressOf(id).entries }),
    tick: (device, ok = true) => {
      const run = orders.get(device);
      if (run === undefined || progressOf(run.id).isOver) return false;
      act(run, ok);
      parts.onTold(device);
      return true;
    },
    order: (device) => orders.get(device),
    told: (id) =>
      progressOf(id).entries.map(({ kind, body }) =>
        "kind" in body ? `${kind} ${String(body["kind"])}` : kind,
      ),
  };
}
