// Remembers how the repair of what runs goes: drifts are journalled once, and what does not last is damped.
import type { Journal } from "#edge/journal/port.ts";
import {
  driftingServices,
  isDamped,
  isFaded,
  type KeptDamping,
  type Repair,
  repaired,
  resumed,
  servicesOf,
  wholeApp,
} from "#edge/plan/damping.ts";
import { driftWords } from "#edge/plan/drift.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { changing, renderSteps, type Step } from "#edge/plan/step.ts";
import type { Clock } from "#shared/clock.ts";
import type { AppName } from "#shared/ids.ts";
import type { FailureReport } from "#shared/reported.ts";

interface Parts {
  journal: Journal;
  clock: Clock;
}

interface AppRepairs {
  services: Map<string, Repair>;
  /** Services that are not as the release wants them. */
  drifting: ReadonlySet<string>;
  /** A drift was journalled and is not repaired yet. */
  isFound: boolean;
  /** Services of which it was said that their repair is damped. */
  told: Set<string>;
  /** The start that comes now is no repair: the app did not run because it was not to. */
  excused: boolean | undefined;
}

export interface Repairs {
  /** Before the first round: takes up what was kept. */
  begin(): void;
  /** Journals a departure from the current release once when it is found and once when it is mended. */
  note(input: AppInput, steps: readonly Step[]): void;
  /** The step did not help: the next repair waits. */
  failed(step: Step, failure: FailureReport): void;
  /** Nothing waits any more: another release is current, or somebody says so. */
  forget(app: AppName): void;
  of(app: AppName): ReadonlyMap<string, Repair>;
}

export function createRepairs({ journal, clock }: Parts): Repairs {
  const apps = new Map<AppName, AppRepairs>();
  /** The agent, or the device, was stopped as it should be: what does not run yet is no drift. */
  let startsAnew = false;

  const of = (app: AppName): AppRepairs => {
    const known = apps.get(app) ?? {
      services: new Map(),
      drifting: new Set(),
      isFound: false,
      told: new Set(),
      excused: undefined,
    };
    apps.set(app, known);
    return known;
  };

  const tell = (
    app: AppName,
    kind: "drift.found" | "drift.repaired" | "event",
    [type, reason, message]: ["Normal" | "Warning", string, string],
  ): void => {
    journal.append({ kind, app, body: { type, reason, message } });
  };

  const keep = (): void => {
    const kept = [...apps].filter(([, { services }]) => services.size > 0);
    const byApp = kept.map(([app, { services }]) => [app, Object.fromEntries(services)] as const);
    const value: KeptDamping = { bootId: journal.bootId, apps: Object.fromEntries(byApp) };
    journal.remember("damping", kept.length === 0 ? undefined : value);
  };

  const takeUp = ({ bootId, apps: kept }: KeptDamping): void => {
    const isSameBoot = bootId === journal.bootId;
    for (const [app, services] of Object.entries(kept)) {
      for (const [service, repair] of Object.entries(services)) {
        const again = resumed(repair, isSameBoot, clock.monotonicMs());
        of(app as AppName).services.set(service, again);
      }
    }
  };

  /** What has come back, and what has held for so long that it is forgotten. */
  const settle = (known: AppRepairs, drifting: ReadonlySet<string>, nowMs: number): void => {
    const { services } = known;
    const failing = [...services].filter(([, { failure }]) => failure !== undefined);
    const counted = known.excused ? [] : known.drifting;
    const pending = new Set([...counted, ...failing.map(([service]) => service)]);
    const held = [...pending].filter((service) => !drifting.has(service));
    for (const service of held) services.set(service, repaired(services.get(service), nowMs));
    const faded = [...services].filter(([name, one]) => !drifting.has(name) && isFaded(one, nowMs));
    for (const [service] of faded) {
      services.delete(service);
      known.told.delete(service);
    }
    if (held.length + faded.length > 0) keep();
  };

  const tellDamped = (input: AppInput, known: AppRepairs): void => {
    for (const service of known.drifting) {
      const repair = known.services.get(service);
      if (repair === undefined || repair.failure !== undefined) continue;
      if (!isDamped(input, service) || known.told.has(service)) continue;
      known.told.add(service);
      const times = repair.count === 1 ? "once" : `${repair.count} times`;
      const message = `${service} of ${input.app} was repaired ${times} and drifts again: its repair waits longer each time`;
      tell(input.app, "event", ["Warning", "RepairDamped", message]);
    }
  };

  return {
    of: (app) => of(app).services,
    begin: () => {
      const [last] = journal.entries({ kinds: ["agent.started", "agent.stopped"], limit: 1 });
      startsAnew = last?.kind === "agent.stopped" || last?.bootId !== journal.bootId;
      const kept = journal.recall("damping");
      if (kept !== undefined) takeUp(kept);
    },
    note: (input, steps) => {
      const { app, attempt, blind, target, resting, instances, nowMs } = input;
      if (attempt !== undefined || blind || target === undefined) return;
      const known = of(app);
      const runs = instances.some(({ state }) => state === "running");
      known.excused ??= startsAnew && !runs;
      if (resting !== undefined) known.excused = true;
      const isWhole = steps.length === 0;
      const now = isWhole ? new Set<string>() : stillDrifting(input, known);
      settle(known, now, nowMs);
      known.drifting = now;
      if (isWhole && resting === undefined) known.excused = false;
      if (isWhole && known.isFound) {
        known.isFound = false;
        tell(app, "drift.repaired", ["Normal", "DriftRepaired", "as the release wants it"]);
      }
      if (known.excused) return;
      if (!known.isFound && steps.some(({ kind }) => changing.has(kind))) {
        known.isFound = true;
        tell(app, "drift.found", ["Warning", "DriftFound", foundText(steps, instances)]);
      }
      tellDamped(input, known);
    },
    failed: (step, failure) => {
      const { app } = step;
      const { services } = of(app);
      const about = servicesOf(step);
      const isNews = about.every(
        (service) => services.get(service)?.failure?.code !== failure.code,
      );
      if (isNews) tell(app, "event", ["Warning", "RepairFailed", `${app}: ${failure.message}`]);
      const nowMs = clock.monotonicMs();
      for (const service of about) {
        services.set(service, repaired(services.get(service), nowMs, failure));
      }
      keep();
    },
    forget: (app) => {
      const known = of(app);
      if (known.services.size === 0) return;
      known.services.clear();
      known.told.clear();
      keep();
    },
  };
}

function foundText(steps: readonly Step[], instances: AppInput["instances"]): string {
  const words = driftWords(instances);
  return words === "" ? renderSteps(steps) : `${renderSteps(steps)} (${words})`;
}

/** What failed about the app as a whole is not seen in its copies: it goes on until nothing is left to do. */
function stillDrifting(input: AppInput, { services }: AppRepairs): Set<string> {
  const drifting = driftingServices(input);
  if (services.get(wholeApp)?.failure !== undefined) drifting.add(wholeApp);
  return drifting;
}
