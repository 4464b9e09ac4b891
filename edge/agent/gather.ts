// Observes: wish, disk, runtimes and history, put together per app for the planner.
import { type Attempt, preparing } from "#edge/plan/attempt.ts";
import { copyKey } from "#edge/plan/gate.ts";
import type { AppInput, Runnable } from "#edge/plan/input.ts";
import { safeStackName, withoutCopies } from "#edge/plan/resting.ts";
import { trialVerdict } from "#edge/plan/trial.ts";
import type { StoredApp } from "#edge/release/port.ts";
import type { Runner } from "#edge/run/runner.ts";
import type { ObservedInstance } from "#edge/runtime/port.ts";
import { type AppSpec, type DesiredState, revisionOf } from "#shared/desired.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { RuntimeName } from "#shared/reported.ts";
import { type Attempts, failureReport } from "./attempts.ts";
import { type AppMemory, isSettling, type Memory } from "./memory.ts";
import type { AgentParts, Resolved } from "./parts.ts";
import type { Repairs } from "./repairs.ts";
import type { Safety } from "./safety.ts";
import { blindness, look, type Sight, seenOn } from "./sight.ts";

export interface Observation {
  desired: DesiredState | undefined;
  apps: AppInput[];
  stored: readonly StoredApp[];
  instances: readonly ObservedInstance[];
  /** Runtimes that did not answer, and why. */
  silent: ReadonlyMap<RuntimeName, FleetError>;
}

export interface Gatherer {
  observe(): Promise<Observation>;
  resolve(app: AppName, revision: RevisionId): Promise<Resolved>;
}

interface Parts {
  parts: AgentParts;
  memory: Memory;
  attempts: Pick<Attempts, "current" | "extend">;
  repairs: Pick<Repairs, "of">;
  safety: Pick<Safety, "stance">;
  runner: Pick<Runner, "rests" | "forces">;
}

export function createGatherer(given: Parts): Gatherer {
  const { parts, memory, attempts, repairs, safety, runner } = given;
  const { journal, releases, runtimes, clock } = parts;
  /** No release is to blame for the time in which nobody could see it.
   *  @returns the attempt with the time that it has now */
  const noteSight = (
    attempt: Attempt | undefined,
    { app, isBlind, askedMs }: { app: AppName; isBlind: boolean; askedMs: number },
  ): Attempt | undefined => {
    const known = memory.of(app);
    if (isBlind) {
      known.blindSinceMs ??= askedMs;
      return attempt;
    }
    const lostMs = known.blindSinceMs === undefined ? 0 : clock.monotonicMs() - known.blindSinceMs;
    known.blindSinceMs = undefined;
    if (attempt === undefined || lostMs === 0) return attempt;
    attempts.extend(attempt, lostMs);
    return openOf(app);
  };

  const openOf = (app: AppName): Attempt | undefined => {
    const opened = journal.openAttempts().find((one) => one.app === app);
    return opened === undefined ? undefined : attempts.current(opened);
  };

  const resolve = async (app: AppName, revision: RevisionId): Promise<Resolved> =>
    parts.resolve(await releases.load(app, revision));

  const serving = async (app: AppName, revision: RevisionId): Promise<Resolved | undefined> => {
    const known = memory.of(app);
    try {
      const resolved = await resolve(app, revision);
      known.unreadable = undefined;
      return resolved;
    } catch (error) {
      known.unreadable = failureReport(asFleetError(error), clock.now());
      return undefined;
    }
  };

  /** What served before the attempt. */
  const releaseBefore = async (attempt: Attempt | undefined): Promise<Resolved | undefined> => {
    if (attempt?.from === undefined) return undefined;
    return resolve(attempt.app, attempt.from).catch(() => undefined);
  };

  /** The release that is wanted, where only a silent runtime makes it worth asking. */
  const releaseWanted = async (
    app: AppName,
    wanted: RevisionId | undefined,
    { silent }: Sight,
  ): Promise<Resolved | undefined> => {
    if (wanted === undefined || silent.size === 0) return undefined;
    return resolve(app, wanted).catch(() => undefined);
  };

  const inputFor = async (
    app: AppName,
    desired: DesiredState | undefined,
    all: { stored: readonly StoredApp[]; sight: Sight; askedMs: number },
  ): Promise<AppInput> => {
    const { sight, askedMs } = all;
    const spec = specOf(app, desired);
    const link = all.stored.find((one) => one.app === app)?.current;
    const opened = openOf(app);
    const resolved = link === undefined ? undefined : await serving(app, link);
    const before = await releaseBefore(opened);
    const wanted = await releaseWanted(app, opened?.to ?? targetOf(spec)?.revision, sight);
    const known = memory.of(app);
    const own = sight.instances.filter((one) => one.app === app);
    known.seenOn = seenOn(sight, own, known.seenOn);
    known.blindBy = blindness(sight, {
      seenOn: known.seenOn,
      releases: [resolved, before, wanted],
      mayBeAnywhere: spec === undefined || link !== undefined,
    });
    const isBlind = known.blindBy !== undefined;
    const attempt = noteSight(opened, { app, isBlind, askedMs });
    const resting =
      restingOf(app, { isInstalled: link !== undefined, sight }) ?? drained(app, attempt);
    const quarantined = journal.quarantined().filter((one) => one.app === app);
    const input: AppInput = {
      app,
      mode: modeOf(app, desired?.mode ?? "run"),
      ...(runner.forces(app) ? { forced: true } : {}),
      ...targetFields(spec),
      ...(desired === undefined ? {} : { issuedAt: desired.issuedAt }),
      ...(link === undefined ? {} : { current: link }),
      ...(resolved === undefined ? {} : { serving: runnable(resolved, resting) }),
      instances: withExitCodes(known, own),
      ...(attempt === undefined ? {} : { attempt }),
      ...(before === undefined ? {} : { before: before.app }),
      quarantined: new Map(quarantined.map(({ revision, failure }) => [revision, failure])),
      ...(known.probes?.revision === link ? probesOf(known) : {}),
      hasProbes: resting === undefined && (resolved?.probes.length ?? 0) > 0,
      settling: isSettling(known, clock.monotonicMs()),
      blind: isBlind,
      damped: new Map([...repairs.of(app)].map(([name, { notBeforeMs }]) => [name, notBeforeMs])),
      ...(resting === undefined ? {} : { resting }),
      // What is the same in the new release is not on trial.
      unchanged: new Set(before === undefined ? [] : copyKeys(before)),
      nowMs: clock.monotonicMs(),
      wallMs: clock.now(),
    };
    return withFineSince(input);
  };

  /** The safe-mode stack sleeps until something that served had to be stopped. Who gives way is gone before
   *  the other one starts: they may want the same ports. */
  const restingOf = (
    app: AppName,
    { isInstalled, sight }: { isInstalled: boolean; sight: Sight },
  ): AppInput["resting"] => {
    const { isSafe, suspended, needsStack } = safety.stance();
    const isThere = (name: AppName): boolean => sight.instances.some((one) => one.app === name);
    if (isSafe && suspended.has(app)) return "suspended";
    if (app !== safeStackName) {
      return !isSafe && isThere(safeStackName) && !isThere(app) ? "suspended" : undefined;
    }
    const isDue = isSafe && needsStack && isInstalled && ![...suspended].some(isThere);
    return isDue ? undefined : "dormant";
  };

  /** A release that was swapped in comes to its verdict first: at rest it could prove nothing. */
  const drained = (app: AppName, attempt: Attempt | undefined): AppInput["resting"] => {
    const mayRest = attempt === undefined || preparing.has(attempt.stage);
    return mayRest && runner.rests(app) ? "drained" : undefined;
  };

  /** While a run has an app rest nothing new begins for it; what a run installs no hold keeps back. */
  const modeOf = (app: AppName, wanted: AppInput["mode"]): AppInput["mode"] => {
    if (safety.stance().isSafe) return "safe";
    if (runner.rests(app)) return "hold";
    return runner.forces(app) ? "run" : wanted;
  };

  const withFineSince = (input: AppInput): AppInput => {
    const known = memory.of(input.app);
    const fine = trialVerdict(input)?.is === "fine";
    known.fineSinceMs = fine ? (known.fineSinceMs ?? input.nowMs) : undefined;
    return known.fineSinceMs === undefined ? input : { ...input, fineSinceMs: known.fineSinceMs };
  };

  return {
    resolve,
    observe: async () => {
      const askedMs = clock.monotonicMs();
      const [stored, sight] = await Promise.all([releases.apps(), look(runtimes)]);
      const { instances, silent } = sight;
      const desired = journal.desired();
      const safeStack = desired?.safeStack?.name;
      const names = new Set<AppName>([
        ...(desired?.apps.map(({ name }) => name) ?? []),
        ...(safeStack === undefined ? [] : [safeStack]),
        // Before the first desired state nothing may be taken for unwanted.
        ...(desired === undefined ? [] : stored.map(({ app }) => app)),
        ...(desired === undefined ? [] : instances.map(({ app }) => app)),
        ...journal.openAttempts().map(({ app }) => app),
      ]);
      const all = { stored, sight, askedMs };
      const apps: AppInput[] = [];
      for (const app of [...names].sort()) apps.push(await inputFor(app, desired, all));
      return { desired, apps, stored, instances, silent };
    },
  };
}

function specOf(app: AppName, desired: DesiredState | undefined): AppSpec | undefined {
  const wanted = desired?.apps.find(({ name }) => name === app);
  return wanted ?? (desired?.safeStack?.name === app ? desired.safeStack : undefined);
}

function targetOf(spec: AppSpec | undefined): AppInput["target"] {
  return spec === undefined ? undefined : { spec, revision: revisionOf(spec) };
}

function targetFields(spec: AppSpec | undefined): Pick<AppInput, "target"> {
  const target = targetOf(spec);
  return target === undefined ? {} : { target };
}

function runnable({ app, staged }: Resolved, resting: AppInput["resting"]): Runnable {
  const { policy, release } = staged.spec;
  const wanted = resting === undefined ? app : withoutCopies(app);
  return { app: wanted, policy, commit: release.commit };
}

function copyKeys({ app }: Resolved): string[] {
  return Object.values(app.services).flatMap(({ spec, configHash }) =>
    Array.from({ length: spec.replicas }, (_, at) => copyKey(configHash, at + 1)),
  );
}

function probesOf({ probes }: AppMemory): Pick<AppInput, "probes"> {
  return probes === undefined ? {} : { probes };
}

/** A copy that runs again after a crash still tells with which code it ended. */
function withExitCodes(
  { exitCodes }: AppMemory,
  instances: ObservedInstance[],
): ObservedInstance[] {
  const present = new Set(instances.map(({ id }) => id));
  for (const id of exitCodes.keys()) if (!present.has(id)) exitCodes.delete(id);
  return instances.map((one) => {
    if (one.exitCode !== undefined) exitCodes.set(one.id, one.exitCode);
    const exitCode = one.restarts > 0 ? exitCodes.get(one.id) : one.exitCode;
    return exitCode === undefined ? one : { ...one, exitCode };
  });
}
