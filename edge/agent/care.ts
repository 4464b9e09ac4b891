// Puts together what looks after the device's disk: files of releases, room, and the hourly deep check.
import type { DiskRoom } from "#edge/plan/safe_mode.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import { asFleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { createDeepCheck, type DeepCheck } from "./deep_check.ts";
import type { Ballast } from "./disk_ballast.ts";
import { type Collector, createDiskCare, type DiskCare } from "./disk_care.ts";
import { createFileCare, type FileCare } from "./file_care.ts";
import type { AgentParts, Resolved } from "./parts.ts";
import { wantedDigests } from "./wanted.ts";

interface Options {
  parts: Pick<
    AgentParts,
    "journal" | "releases" | "runtimes" | "resolve" | "clock" | "random" | "log"
  >;
  dataDirectory: string;
  reserveBytes: number;
  ballast: Ballast;
  /** The loop should look at once. */
  wake(): void;
}

export interface DeviceCare {
  /** At the start of each round, before anything is planned. */
  round(): Promise<void>;
  room(): Promise<DiskRoom>;
  facts: DiskCare["facts"];
  counts: FileCare["counts"];
  deepCheck: DeepCheck;
  start(): void;
  stop(): Promise<void>;
}

export function createDeviceCare({ parts, wake, ...disk }: Options): DeviceCare {
  const { journal, releases, clock, random, log } = parts;
  const files = createFileCare({
    ...{ journal, releases, clock, random, log },
    mayBeData: (app, path) => mayBeData(parts, app, path),
    onRepaired: wake,
  });
  const room = createDiskCare({ ...disk, journal, clock, log, collectors: collectorsOf(parts) });
  const deepCheck = createDeepCheck({
    ...{ journal, clock, log },
    checks: [
      { name: "files of the releases", run: files.readAll },
      { name: "what running services need", run: () => examineAll(parts, wake) },
      { name: "journal", run: async () => [await journal.integrity()].filter(isText) },
      {
        name: "disk",
        run: async () => {
          const removed = await room.clean();
          if (removed.length > 0) log.info({ removed }, "disk space collected");
          return [];
        },
      },
    ],
  });
  return {
    deepCheck,
    facts: room.facts,
    room: room.room,
    counts: files.counts,
    round: async () => {
      boundJournal(parts);
      await room.round();
      await files.round();
    },
    start: deepCheck.start,
    stop: async () => {
      await Promise.all([deepCheck.stop(), files.stop()]);
    },
  };
}

type Parts = Options["parts"];

/** Costs one look at the number of pages while it is under its bound. */
function boundJournal({ journal, log }: Parts): void {
  try {
    journal.prune();
  } catch (error) {
    const { code, sentence } = asFleetError(error);
    log.warn({ code, why: sentence }, "the journal could not be kept under its bound");
  }
}

/** What cannot be resolved is told elsewhere. */
async function examineAll(parts: Parts, wake: () => void): Promise<string[]> {
  const found: string[] = [];
  for (const { app, current } of await parts.releases.apps()) {
    if (current === undefined) continue;
    const staged = await parts.releases.load(app, current).catch(() => undefined);
    if (staged === undefined) continue;
    const { app: resolved } = parts.resolve(staged);
    for (const runtime of parts.runtimes) {
      const lost = (await runtime.examine?.(resolved)) ?? [];
      found.push(...lost.map((text) => `${app}: ${text}`));
    }
  }
  if (found.length > 0) wake();
  return found;
}

/** In order of harm: nobody misses the first; the last are downloaded again when they are wanted. */
function collectorsOf(parts: Parts): Collector[] {
  const { releases } = parts;
  return [
    {
      name: "leftovers",
      when: "always",
      collect: async () =>
        sizeText(
          await releases.sweep({ wanted: wantedDigests(parts.journal), bundles: "keep" }),
          "leftovers",
        ),
    },
    { name: "unused images", when: "always", collect: () => collectImages(parts) },
    { name: "old releases", when: "short", collect: () => tidyApps(parts) },
    {
      name: "bundles of unpacked releases",
      when: "short",
      collect: async () =>
        sizeText(
          await releases.sweep({ wanted: wantedDigests(parts.journal), bundles: "spare" }),
          "bundles",
        ),
    },
  ];
}

/** Images of every revision on the disk stay: one that cannot be read keeps all of them. */
async function collectImages(parts: Parts): Promise<string | undefined> {
  const kept: ResolvedApp[] = [];
  for (const { app, current, previous, next } of await parts.releases.apps()) {
    for (const revision of [current, previous, next].filter((one) => one !== undefined)) {
      kept.push(parts.resolve(await parts.releases.load(app, revision)).app);
    }
  }
  const names: string[] = [];
  for (const one of parts.runtimes) names.push(...((await one.collectImages?.(kept)) ?? []));
  return names.length === 0 ? undefined : `the images ${names.join(", ")}`;
}

/** Of apps that no attempt is about. */
async function tidyApps({ journal, releases, runtimes }: Parts): Promise<string | undefined> {
  const busy = new Set(journal.openAttempts().map(({ app }) => app));
  const seen = await Promise.all(runtimes.map((runtime) => runtime.observe()));
  const inUse = new Set(seen.flat().map(({ release }) => release));
  const stored = (await releases.apps()).filter(({ app }) => !busy.has(app));
  for (const { app } of stored) await releases.tidy(app, inUse);
  return undefined;
}

/** A process works in the directory of its release, and a container may write where it mounts it. */
async function mayBeData(parts: Parts, app: AppName, path: string): Promise<boolean> {
  const stored = (await parts.releases.apps()).find((one) => one.app === app);
  if (stored?.current === undefined) return true;
  try {
    const staged = await parts.releases.load(app, stored.current);
    return isWritable(parts.resolve(staged), path);
  } catch {
    return true;
  }
}

function isWritable({ app }: Resolved, path: string): boolean {
  return Object.values(app.services).some(({ spec, runtime }) => {
    if (runtime === "process") return true;
    return spec.mounts.some((mount) => {
      if (mount.type !== "bind" || mount.readOnly || !mount.source.startsWith(".")) return false;
      const source = mount.source.replace(/^\.\/?/, "").replace(/\/+$/, "");
      return source === "" || path === source || path.startsWith(`${source}/`);
    });
  });
}

function sizeText(bytes: number, what: string): string | undefined {
  return bytes === 0 ? undefined : `${(bytes / 1e6).toFixed(1)} MB of ${what}`;
}

function isText(text: string | undefined): text is string {
  return text !== undefined;
}
