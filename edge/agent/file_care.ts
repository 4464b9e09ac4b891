// Looks after the files of the current releases: a look at each round, repair from the bundle, and its pace.
import type { Journal } from "#edge/journal/port.ts";
import { preparing } from "#edge/plan/attempt.ts";
import type { Verification } from "#edge/release/inspector.ts";
import type { ReleaseStore, StoredApp } from "#edge/release/port.ts";
import { describeFindings, type FileFinding } from "#edge/release/verify.ts";
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import { createPacer } from "./pacer.ts";
import type { Log } from "./parts.ts";
import { settledWithin } from "./tasks.ts";

interface Options {
  journal: Journal;
  releases: ReleaseStore;
  /** Whether something that runs may have made this file of the release's directory: then it is left alone. */
  mayBeData(app: AppName, path: string): Promise<boolean>;
  clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  log: Log;
  /** Something was repaired: look at once. */
  onRepaired(): void;
}

export interface FileCareCounts {
  /** lstat calls of all looks. */
  looks: number;
  bytesRead: number;
  repairs: number;
}

export interface FileCare {
  /** At the start of each round, before anything is planned. Never throws. */
  round(): Promise<void>;
  /** Reads all files of all current releases at a pace that leaves card and processor to others.
   *  @returns what was found, in words */
  readAll(signal: AbortSignal): Promise<string[]>;
  counts(): Readonly<FileCareCounts>;
  /** Ends what is under way. */
  stop(): Promise<void>;
}

/** A repair from a kept bundle takes less; one that downloads goes on beside the loop. */
const patienceMs = 250;
/** Between repairs that did not last, or did not succeed. */
const limits = { baseMs: 2000, maxMs: 300_000 };
/** A repair that lasted so long was no part of a quarrel. */
const forgiveMs = 3_600_000;

interface Care {
  /** Told in the journal and not repaired yet. */
  told?: string | undefined;
  failure?: string | undefined;
  tries: number;
  notBeforeMs: number;
  repairedMs: number;
  running?: Promise<void> | undefined;
}

export function createFileCare(options: Options): FileCare {
  const { journal, releases, clock, random, log } = options;
  const cares = new Map<AppName, Care>();
  const counts: FileCareCounts = { looks: 0, bytesRead: 0, repairs: 0 };
  const ended = new AbortController();
  let reading: Promise<unknown> | undefined;

  const careOf = (app: AppName): Care => {
    const fresh: Care = { tries: 0, notBeforeMs: 0, repairedMs: Number.NEGATIVE_INFINITY };
    const care = cares.get(app) ?? fresh;
    cares.set(app, care);
    return care;
  };

  const tell = (
    app: AppName,
    kind: "drift.found" | "drift.repaired" | "event",
    [type, reason, message]: ["Normal" | "Warning", string, string],
  ): void => void journal.append({ kind, app, body: { type, reason, message } });

  const mend = async (app: AppName): Promise<void> => {
    const desired = journal.desired();
    const attempt = journal.openAttempts().find((one) => one.app === app);
    // From the swap on the attempt itself moves the links.
    if (attempt !== undefined && !preparing.has(attempt.stage)) return;
    const mended = await releases.mend(app, () => {
      const wanted = desired?.apps.filter(({ name }) => name === app) ?? [];
      const stack = desired?.safeStack?.name === app ? [desired.safeStack] : [];
      const current = wanted.length === 0 ? undefined : provenBy(journal, app);
      return { specs: [...wanted, ...stack], ...(current === undefined ? {} : { current }) };
    });
    if (mended.length === 0) return;
    const text = mended.join("; ");
    tell(app, "drift.found", ["Warning", "ReleaseDamaged", `${app}: ${text}`]);
    tell(app, "drift.repaired", ["Normal", "ReleaseMended", `${app}: mended: ${text}`]);
  };

  const repairable = async (app: AppName, findings: FileFinding[]): Promise<FileFinding[]> => {
    const kept = new Set<string>();
    for (const { path, fault } of findings) {
      if (fault === "extra" && (await options.mayBeData(app, path))) kept.add(path);
    }
    return findings.filter(({ path, fault }) => fault !== "extra" || !kept.has(path));
  };

  const repair = async (app: AppName, findings: FileFinding[], care: Care): Promise<void> => {
    const text = describeFindings(findings);
    try {
      const doomed = new Set(findings.map(({ path }) => path));
      const keeps = (path: string): boolean => !doomed.has(path);
      await releases.repairFiles(app, findings, { keeps, signal: ended.signal });
      counts.repairs += 1;
      const lastedMs = clock.monotonicMs() - care.repairedMs;
      care.tries = lastedMs > forgiveMs ? 0 : care.tries + 1;
      care.repairedMs = clock.monotonicMs();
      care.notBeforeMs = care.repairedMs + waitMs(care.tries);
      care.told = undefined;
      care.failure = undefined;
      const message = `${app}: restored from the bundle: ${text}`;
      tell(app, "drift.repaired", ["Normal", "FilesRestored", message]);
      options.onRepaired();
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      care.tries += 1;
      care.notBeforeMs = clock.monotonicMs() + waitMs(care.tries);
      if (ended.signal.aborted || care.failure === code) return;
      care.failure = code;
      const message = `${app}: ${text}; cannot be restored yet: ${sentence}`;
      tell(app, "event", ["Warning", "RepairFailed", message]);
    }
  };

  /** The first drift is repaired at once, each that follows soon after a longer time. */
  const waitMs = (tries: number): number =>
    tries === 0 ? 0 : limits.baseMs / 2 + delayMs(tries, random(), limits);

  const handle = async (app: AppName, seen: Verification): Promise<void> => {
    counts.looks += seen.looks;
    counts.bytesRead += seen.bytes;
    const care = careOf(app);
    if (seen.findings.length === 0) {
      care.told = undefined;
      return;
    }
    if (care.running !== undefined) return;
    if (care.told !== seen.text) {
      tell(app, "drift.found", ["Warning", "FilesChanged", `${app}: ${seen.text}`]);
      care.told = seen.text;
    }
    const findings = await repairable(app, seen.findings);
    if (findings.length === 0 || clock.monotonicMs() < care.notBeforeMs) return;
    care.running = repair(app, findings, care).finally(() => {
      care.running = undefined;
    });
    await settledWithin(care.running, patienceMs);
  };

  const lookAt = async ({ app }: StoredApp): Promise<void> => {
    await mend(app);
    const seen = await releases.verifyFiles(app, { depth: "look" });
    if (seen?.unread === true) readInBackground(app);
    if (seen !== undefined) await handle(app, seen);
  };

  const readOne = async (app: AppName, signal: AbortSignal): Promise<string[]> => {
    const pace = createPacer(clock, signal);
    const seen = await releases.verifyFiles(app, { depth: "read", pace, signal });
    if (seen === undefined) return [];
    await handle(app, seen);
    return seen.findings.length === 0 ? [] : [`${app}: ${seen.text}`];
  };

  const readInBackground = (app: AppName): void => {
    reading ??= readOne(app, ended.signal)
      .catch((error: unknown) => noteFailure(app, error))
      .finally(() => {
        reading = undefined;
      });
  };

  /** Nothing here tells what the files should be: the bundle does, once it is back. */
  const recover = async (app: AppName, why: string): Promise<void> => {
    const care = careOf(app);
    if (care.running !== undefined || clock.monotonicMs() < care.notBeforeMs) return;
    if (care.told !== why) tell(app, "drift.found", ["Warning", "FilesChanged", `${app}: ${why}`]);
    care.told = why;
    care.running = repair(app, [{ path: ".", fault: "unreadable" }], care).finally(() => {
      care.running = undefined;
    });
    await settledWithin(care.running, patienceMs);
  };

  const noteFailure = (app: AppName, error: unknown): void => {
    const { code, sentence } = asFleetError(error);
    if (!ended.signal.aborted) {
      log.warn({ app, code, why: sentence }, "the files of a release could not be looked at");
    }
  };

  return {
    counts: () => ({ ...counts }),
    round: async () => {
      const stored = await releases.apps().catch(() => []);
      for (const one of stored) {
        try {
          await lookAt(one);
        } catch (error) {
          const { code, message } = asFleetError(error);
          if (code === "release_damaged") await recover(one.app, message);
          else noteFailure(one.app, error);
        }
      }
    },
    readAll: async (signal) => {
      const both = AbortSignal.any([signal, ended.signal]);
      const found: string[] = [];
      for (const { app } of await releases.apps()) found.push(...(await readOne(app, both)));
      return found;
    },
    stop: async () => {
      ended.abort();
      await Promise.allSettled([reading, ...[...cares.values()].map(({ running }) => running)]);
    },
  };
}

/** What the last update that went well made current. */
function provenBy(journal: Journal, app: AppName): RevisionId | undefined {
  const updates = journal.updates({ app, limit: 20 });
  const newest = updates.find(({ outcome }) => outcome === "succeeded");
  const latest = updates.find(({ revision }) => revision === newest?.revision);
  return latest?.outcome === "succeeded" ? latest.revision : undefined;
}
