// An in-memory runtime for tests of the planner and the loop: copies are data, outcomes are scripted.
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "#shared/clock.ts";
import { forwardedPorts, isHandedOver } from "#shared/compose/model.ts";
import type { FleetError } from "#shared/errors.ts";
import type { RuntimeName } from "#shared/reported.ts";
import type {
  InstanceRef,
  LogBatch,
  LogLine,
  ObservedInstance,
  ResolvedApp,
  ResolvedService,
  Runtime,
} from "./port.ts";

/** What becomes of a copy once it is started. `healthy` and `unhealthy` count only for a service with a
 *  healthcheck; `starting` stays so. */
export type MemoryOutcome =
  | { kind: "runs"; health?: "starting" | "healthy" | "unhealthy" }
  | { kind: "exits"; code: number }
  | { kind: "fails"; error: FleetError };

export type FailingCall = "pull" | "check" | "prepare" | "observe" | "remove";

export interface MemoryRuntime extends Runtime {
  /** Every call that changes or asks for something, as text, e.g. `start shop/web.1`; `observe`, `logs`
   *  and `onChange` are not among them. */
  readonly calls: string[];
  /** Scripts a service, or only its configuration of that hash. The last word counts. */
  behave(service: string, outcome: MemoryOutcome, configHash?: string): void;
  /** Makes a call fail from now on; undefined lets it work again. */
  fail(call: FailingCall, error: FleetError | undefined): void;
  /** Changes a copy from outside, as an exit or a health change does, and tells the listeners. */
  change(service: string, index: number, change: Partial<ObservedInstance>): void;
  write(service: string, text: string, stream?: LogLine["stream"]): void;
}

export function createMemoryRuntime(options: { name?: RuntimeName; clock: Clock }): MemoryRuntime {
  const { name = "docker", clock } = options;
  const copies = new Map<string, ObservedInstance>();
  const outcomes = new Map<string, MemoryOutcome>();
  const failures = new Map<FailingCall, FleetError>();
  const lines: (LogLine & { service: string })[] = [];
  const listeners = new Set<() => void>();
  const calls: string[] = [];
  let born = 0;

  function record(call: string, failing?: FailingCall): void {
    calls.push(call);
    throwIf(failing);
  }

  function throwIf(failing: FailingCall | undefined): void {
    const failure = failing === undefined ? undefined : failures.get(failing);
    if (failure !== undefined) throw failure;
  }

  function outcomeOf({ spec, configHash }: ResolvedService): MemoryOutcome {
    const outcome = outcomes.get(`${spec.name}@${configHash}`) ?? outcomes.get(spec.name);
    return outcome ?? { kind: "runs" };
  }

  function begin(app: ResolvedApp, { service, index }: InstanceRef): void {
    const resolved = app.services[service];
    if (resolved === undefined) throw new Error(`the app has no service ${service}`);
    const outcome = outcomeOf(resolved);
    if (outcome.kind === "fails") throw outcome.error;
    born += 1;
    const { image } = resolved.spec;
    const place = { app: app.app, service, index };
    copies.set(slotOf(place, resolved), {
      runtime: name,
      app: app.app,
      service,
      index,
      id: `${name}-${born}`,
      configHash: resolved.configHash,
      release: app.release,
      restarts: 0,
      startedAt: clock.now(),
      ...(image === undefined ? {} : { image }),
      ...stateAfter(outcome, resolved),
      ...backendsAfter(outcome, resolved, born),
    });
  }

  function tell(): void {
    for (const listener of listeners) listener();
  }

  return {
    name,
    calls,
    async observe() {
      throwIf("observe");
      return [...copies.values()].map((copy) => ({ ...copy }));
    },
    pull: async (image) => record(`pull ${image}`, "pull"),
    check: async (app) => record(`check ${app.app}`, "check"),
    prepare: async (app) => record(`prepare ${app.app}`, "prepare"),
    async start(app, instance) {
      const key = keyOf({ app: app.app, ...instance });
      record(`start ${key}`);
      const slot = slotOf({ app: app.app, ...instance }, app.services[instance.service]);
      const copy = copies.get(slot);
      if (copy?.state !== "running") return begin(app, instance);
      delete copy.edited;
      delete copy.detachedFrom;
    },
    async remove(instance) {
      record(`remove ${keyOf(instance)}`, "remove");
      for (const [slot, { id }] of copies) if (id === instance.id) copies.delete(slot);
    },
    async restart(instance) {
      record(`restart ${keyOf(instance)}`);
      const copy = [...copies.values()].find(({ id }) => id === instance.id);
      if (copy !== undefined) Object.assign(copy, { state: "running", startedAt: clock.now() });
    },
    cleanUp: async (app) => record(`cleanUp ${app}`),
    wipe: async (app) => record(`wipe ${app}`),
    async logs(instance, { tail, sinceMs = 0 }) {
      const own = lines.filter((line) => line.service === instance.service && line.at >= sinceMs);
      return own.slice(-tail).map(({ at, stream, text }) => ({ at, stream, text }));
    },
    async follow(instance, { tail, sinceMs = 0, signal }) {
      const ofService = (from: number): LogLine[] =>
        lines
          .slice(from)
          .filter((line) => line.service === instance.service && line.at >= sinceMs)
          .map(({ at, stream, text }) => ({ at, stream, text }));
      const isThere = (): boolean => [...copies.values()].some(({ id }) => id === instance.id);
      const place = lines.length;
      const last = tail === 0 ? [] : ofService(0).slice(-tail);
      return {
        last,
        more: written({ count: () => lines.length, ofService, place, isThere, signal }),
      };
    },
    onChange: (listener) => void listeners.add(listener),
    stop: async () => listeners.clear(),
    behave: (service, outcome, configHash) =>
      void outcomes.set(configHash === undefined ? service : `${service}@${configHash}`, outcome),
    fail(call, error) {
      if (error === undefined) failures.delete(call);
      else failures.set(call, error);
    },
    change(service, index, change) {
      for (const copy of copies.values()) {
        if (copy.service === service && copy.index === index) Object.assign(copy, change);
      }
      tell();
    },
    write: (service, text, stream = "stdout") =>
      void lines.push({ at: clock.now(), stream, text, service }),
  };
}

function keyOf({ app, service, index }: { app: string; service: string; index: number }): string {
  return `${app}/${service}.${index}`;
}

/** Two copies of a service that is handed over may stand at one place. */
function slotOf(
  place: { app: string; service: string; index: number },
  service: ResolvedService | undefined,
): string {
  const beside = service !== undefined && isHandedOver(service.spec);
  return beside ? `${keyOf(place)}@${service.configHash}` : keyOf(place);
}

/** Every copy has a port of its own, which nobody listens on. */
function backendsAfter(
  outcome: Exclude<MemoryOutcome, { kind: "fails" }>,
  { spec }: ResolvedService,
  born: number,
): Pick<ObservedInstance, "backends"> {
  if (outcome.kind === "exits" || !isHandedOver(spec)) return {};
  const own = { host: "127.0.0.1", port: 40_000 + born };
  return { backends: Object.fromEntries(forwardedPorts(spec).map(({ target }) => [target, own])) };
}

function stateAfter(
  outcome: Exclude<MemoryOutcome, { kind: "fails" }>,
  { spec }: ResolvedService,
): Pick<ObservedInstance, "state" | "health"> & { exitCode?: number } {
  if (outcome.kind === "exits") return { state: "exited", health: "none", exitCode: outcome.code };
  const checked = spec.healthcheck !== undefined && !spec.healthcheck.disabled;
  return { state: "running", health: checked ? (outcome.health ?? "healthy") : "none" };
}

async function* written(options: {
  count: () => number;
  ofService: (from: number) => LogLine[];
  place: number;
  isThere: () => boolean;
  signal: AbortSignal;
}): AsyncGenerator<LogBatch> {
  let { place } = options;
  while (!options.signal.aborted) {
    const isLast = !options.isThere();
    const lines = options.ofService(place);
    place = options.count();
    if (lines.length > 0) yield { lines, droppedBytes: 0 };
    if (isLast) return;
    await wait(10);
  }
}
