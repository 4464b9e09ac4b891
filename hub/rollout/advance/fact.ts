// What a device's row says about a release, and which properties it shares with others; pure.
import type { DeviceRow } from "#hub/store/port.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import type { Fact, Trait } from "./model.ts";

export type FactRow = Pick<
  DeviceRow,
  "labels" | "connection" | "reported" | "hostHealth" | "mode" | "desiredGeneration"
>;

/** Somebody's word, which ends when they say so. */
const ordered = new Set(["VersionLocked", "OnHold"]);
/** What passes by itself, and what no release brings about. */
const passing = new Set([
  "WindowClosed",
  "ClockWrong",
  "HeldByApp",
  "Drained",
  "RuntimeNotAnswering",
]);
/** Steps after which the device will say that it refuses the release. */
const wayBack = new Set(["rollBack", "restore"]);

/** @param target the revision that the release is on this device; undefined when it renders none */
export function factOf(row: FactRow, name: AppName, target: RevisionId | undefined): Fact {
  const app = row.reported?.apps.find((one) => one.name === name);
  const isSafe = row.reported?.safeMode !== undefined || row.mode === "safe";
  const isHealthy = app?.current !== undefined && app.health === "Healthy";
  const hasHeard = (row.reported?.observedGeneration ?? 0) >= row.desiredGeneration;
  const said = target === undefined ? "none" : answerOf(app, target);
  // What it said before it heard of what is wanted now may be its word on an earlier try.
  const answer = hasHeard ? said : "none";
  const isOrdered = row.mode === "hold" || isCause(app, ordered);
  const isUntried = answer === "none" && (!hasHeard || isOnItsWay(app, target));
  return {
    labels: row.labels,
    connection: row.connection,
    answer,
    words: hasHeard ? wordsOf(row, app) : "it has not heard of it",
    isSafe,
    ...(isSafe && isSafeAnyway(row, said) ? { isSafeAnyway: true } : {}),
    isHeld: isOrdered || isCause(app, passing),
    ...(row.reported === null ? { isNew: true } : {}),
    ...(isUntried && !isOrdered ? { mayBegin: true } : {}),
    isServing: row.connection === "Online" && isHealthy && !isSafe,
    traits: traitsOf(row),
  };
}

function isCause(app: AppReport | undefined, reasons: ReadonlySet<string>): boolean {
  return (app?.why ?? []).some(({ reason }) => reasons.has(reason));
}

/** It means to take the release and has not come to it: what keeps it, a long download or a registry that does not
 *  answer, says nothing about the release. */
function isOnItsWay(app: AppReport | undefined, target: RevisionId | undefined): boolean {
  return target !== undefined && app?.target?.revision === target && !wayBack.has(app.step ?? "");
}

/** A disk that is full before the release was tried is none of its doing, nor are failures of other releases. */
function isSafeAnyway({ reported }: FactRow, said: Fact["answer"]): boolean {
  switch (reported?.safeMode?.cause) {
    case undefined:
    case "hub":
    case "hand":
    case "journal":
      return true;
    case "failedUpdates":
      return said !== "refused";
    case "diskFull":
      return said === "none";
    case "bootLoop":
      return false;
  }
}

function answerOf(app: AppReport | undefined, target: RevisionId): Fact["answer"] {
  if (app === undefined) return "none";
  if (app.quarantined.includes(target)) return "refused";
  if (app.current?.revision !== target) return "none";
  return app.sync === "Synced" && app.health === "Healthy" ? "succeeded" : "unhealthy";
}

function wordsOf({ reported }: FactRow, app: AppReport | undefined): string | null {
  return app?.failure?.message ?? reported?.safeMode?.message ?? app?.why?.[0]?.message ?? null;
}

/** Classes where a number would give every device a property of its own. */
function traitsOf({ labels, reported, hostHealth }: FactRow): Trait[] {
  const host = reported?.host;
  const known: Record<string, string | undefined> = {
    model: host?.model,
    os: host?.os,
    arch: host?.arch,
    kernel: host?.kernel,
    agentVersion: host?.agentVersion,
    runtimes: host?.runtimes.toSorted().join("+"),
    disk: hostHealth === null ? undefined : diskClass(hostHealth),
    temperature: classOf(hostHealth?.temperatureC, [60, 70, 80], "°C"),
    memory: hostHealth === null ? undefined : memoryClass(hostHealth.memoryTotalBytes),
  };
  for (const [key, value] of Object.entries(labels)) known[`label ${key}`] = value;
  return Object.entries(known).flatMap(([key, value]) =>
    value === undefined || value === "" ? [] : [{ key, value }],
  );
}

function diskClass({
  diskUsedBytes,
  diskTotalBytes,
}: NonNullable<FactRow["hostHealth"]>): string | undefined {
  if (diskTotalBytes <= 0) return undefined;
  return classOf((100 * diskUsedBytes) / diskTotalBytes, [50, 80, 90, 95], "% full");
}

function memoryClass(totalBytes: number): string {
  return `${Math.max(1, Math.round(totalBytes / 1024 ** 3))} GiB`;
}

function classOf(
  value: number | undefined,
  bounds: readonly number[],
  unit: string,
): string | undefined {
  if (value === undefined) return undefined;
  const bound = bounds.findLast((low) => value >= low);
  return bound === undefined ? `under ${bounds[0]} ${unit}` : `from ${bound} ${unit}`;
}
