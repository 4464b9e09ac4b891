// Observes: wish, disk, runtimes and history, put together per app for the planner.
import type { Attempt } from "#edge/plan/attempt.ts";
import { copyKey } from "#edge/plan/gate.ts";
import type { AppInput, Runnable } from "#edge/plan/input.ts";
import { trialVerdict } from "#edge/plan/trial.ts";
import type { StoredApp } from "#edge/release/port.ts";
import type { ObservedInstance } from "#edge/runtime/port.ts";
import { type DesiredState, revisionOf } from "#shared/desired.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import { type Attempts, failureReport } from "./attempts.ts";
import { type AppMemory, isSettling, type Memory } from "./memory.ts";
import type { AgentParts, Resolved } from "./parts.ts";

export interface Observation {
  desired: DesiredState | undefined;
  apps: AppInput[];
  stored: readonly StoredApp[];
  instances: readonly ObservedInstance[];
  /** Why no runtime answered. */
  blind: FleetError | undefined;
}

export interface Gatherer {
  observe(): Promise<Observation>;
  resolve(app: AppName, revision: RevisionId): Promise<Resolved>;
}

interface Parts {
  parts: AgentParts;
  memory: Memory;
  attempts: Pick<Attempts, "current" | "extend">;
}

export function createGatherer({ parts, memory, attempts }: Parts): Gatherer {
  const { journal, releases, runtimes, clock } = parts;
  /** Since when no runtime has answered, ms since boot. */
  let blindSinceMs: number | undefined;

  /** No release is to blame for the time in which nobody could see it. */
  const noteSight = (blind: boolean, askedMs: number): void => {
    if (blind) {
      blindSinceMs ??= askedMs;
      return;
    }
    const lostMs = blindSinceMs === undefined ? 0 : clock.monotonicMs() - blindSinceMs;
    blindSinceMs = undefined;
    if (lostMs === 0) return;
    for (const attempt of journal.openAttempts()) attempts.extend(attempt, lostMs);
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

  const inputFor = async (
    app: AppName,
    desired: DesiredState | undefined,
    all: { stored: readonly StoredApp[]; instances: readonly ObservedInstance[]; blind: boolean },
  ): Promise<AppInput> => {
    const spec = desired?.apps.find(({ name }) => name === app);
    const link = all.stored.find((one) => one.app === app)?.current;
    const opened = journal.openAttempts().find((one) => one.app === app);
    const attempt = opened === undefined ? undefined : attempts.current(opened);
    const resolved = link === undefined ? undefined : await serving(app, link);
    const before = await releaseBefore(attempt);
    const known = memory.of(app);
    const quarantined = journal.quarantined().filter((one) => one.app === app);
    const input: AppInput = {
      app,
      mode: desired?.mode ?? "run",
      ...(spec === undefined ? {} : { target: { spec, revision: revisionOf(spec) } }),
      ...(desired === undefined ? {} : { issuedAt: desired.issuedAt }),
      ...(link === undefined ? {} : { current: link }),
      ...(resolved === undefined ? {} : { serving: runnable(resolved) }),
      instances: withExitCodes(
        known,
        all.instances.filter((one) => one.app === app),
      ),
      ...(attempt === undefined ? {} : { attempt }),
      ...(before === undefined ? {} : { before: before.app }),
      quarantined: new Map(quarantined.map(({ revision, failure }) => [revision, failure])),
      ...(known.probes?.revision === link ? probesOf(known) : {}),
      hasProbes: (resolved?.probes.length ?? 0) > 0,
      settling: isSettling(known, clock.monotonicMs()),
      blind: all.blind,
      ...(known.heal === undefined ? {} : { healNotBeforeMs: known.heal.notBeforeMs }),
      // What is the same in the new release is not on trial.
      unchanged: new Set(before === undefined ? [] : copyKeys(before)),
      nowMs: clock.monotonicMs(),
      wallMs: clock.now(),
    };
    return withFineSince(input);
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
      const [stored, seen] = await Promise.all([releases.apps(), observeAll(runtimes)]);
      const { instances, blind } = seen;
      noteSight(blind !== undefined, askedMs);
      const desired = journal.desired();
      const names = new Set<AppName>([
        ...(desired?.apps.map(({ name }) => name) ?? []),
        // Before the first desired state nothing may be taken for unwanted.
        ...(desired === undefined ? [] : stored.map(({ app }) => app)),
        ...(desired === undefined ? [] : instances.map(({ app }) => app)),
        ...journal.openAttempts().map(({ app }) => app),
      ]);
      const all = { stored, instances, blind: blind !== undefined };
      const apps: AppInput[] = [];
      for (const app of [...names].sort()) apps.push(await inputFor(app, desired, all));
      return { desired, apps, stored, instances, blind };
    },
  };
}

function runnable({ app, staged }: Resolved): Runnable {
  const { policy, release } = staged.spec;
  return { app, policy, commit: release.commit };
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

async function observeAll(
  runtimes: AgentParts["runtimes"],
): Promise<{ instances: ObservedInstance[]; blind: FleetError | undefined }> {
  const answers = await Promise.allSettled(runtimes.map((runtime) => runtime.observe()));
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed !== undefined) return { instances: [], blind: asFleetError(failed.reason) };
  const instances = answers.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  return { instances, blind: undefined };
}
