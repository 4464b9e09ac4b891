// Rows and messages for tests of stores and of whoever fills them.
import assert from "node:assert/strict";
import type { Run, RunHead } from "#hub/run/model.ts";
import { newLifecycle } from "#hub/run/phase.ts";
import type { DesiredRow, NewEvent, ReleaseRow, Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import type { DeviceId, Digest } from "#shared/ids.ts";
import type { JournalBatch, JournalEntry } from "#shared/journal.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { RequestId, RunId } from "#shared/run.ts";

export function id(text: string): DeviceId {
  return text as DeviceId;
}

/** Enrols `pi-0000`, `pi-0001`, … on two sites by turns. */
export async function enrolFleet(store: Store, count: number): Promise<DeviceId[]> {
  const ids = Array.from({ length: count }, (_, n) => id(`pi-${String(n).padStart(4, "0")}`));
  await Promise.all(
    ids.map((device, n) =>
      store.enrol(device, sha256(device), { site: `site-${n % 2}`, n: String(n) }, 1000),
    ),
  );
  return ids;
}

export function anEntry(seq: number, over: Partial<JournalEntry> = {}): JournalEntry {
  return { seq, bootId: "b1", at: 1000 + seq, monotonicMs: seq, kind: "event", body: {}, ...over };
}

/** A batch of exactly these entries. */
export function batchOf(epoch: string, seqs: number[]): JournalBatch {
  const entries = seqs.map((seq) => anEntry(seq));
  return { epoch, from: seqs[0] ?? 1, to: seqs.at(-1) ?? 1, entries };
}

export function anEvent(reason: string): NewEvent {
  return {
    at: 1000,
    device: null,
    app: null,
    source: "hub",
    type: "Normal",
    reason,
    message: `${reason} happened`,
  };
}

export function desiredRow(device: string, generation: number, specHash: string): DesiredRow {
  return {
    device: id(device),
    generation,
    specHash,
    issuedAt: 1000,
    content: { device: id(device), mode: "run", apps: [] },
    envelope: { payloadType: "t", payload: "", signatures: [{ keyid: "k", sig: "" }] },
  };
}

export function releaseRow(name: string, createdAt: number, commits: string[]): ReleaseRow {
  return {
    digest: sha256(name) as Digest,
    role: "player",
    size: 10,
    createdAt,
    commits: commits.map((commit) => ({
      commit,
      branch: "main",
      author: "a",
      subject: "s",
      committedAt: Number(commit.slice(1)),
    })),
  };
}

export function aReport(device: string, over: Partial<ReportedState> = {}): ReportedState {
  return {
    device: id(device),
    bootId: "b1",
    epoch: "e1",
    at: 1000,
    observedGeneration: 1,
    specHash: "one",
    mode: "run",
    labels: {},
    heartbeatMs: 1000,
    host: {
      hostname: "h",
      os: "Linux",
      arch: "arm64",
      kernel: "6",
      model: "Pi",
      agentVersion: "0.1.0",
      runtimes: ["process"],
    },
    apps: [],
    conditions: [],
    ...over,
  };
}

/** A run of the device in some state, as the store would have it. */
export async function addRun(
  store: Store,
  device: DeviceId,
  { orderedAt, head }: { orderedAt: number; head: Partial<RunHead> },
): Promise<void> {
  const life = newLifecycle(device, 0);
  const number = String((await store.runs({ limit: 500 })).rows.length + 1).padStart(5, "0");
  const run: Run = {
    id: `run${number}` as RunId,
    device,
    request: `r-${number}` as RequestId,
    ...{ fingerprint: "f", plan: "reboot", parameters: {}, steps: [] },
    rules: { during: "MAINTENANCE", after: "READY", silence: "fails", startWithinMs: 1 } as never,
    ...{ operator: "ann", reason: "it was time", orderedAt, version: 1 },
    head: {
      ...{ state: "Pending", step: null, startedAt: null, heardAt: null, endedAt: null },
      ...{ code: null, message: null, isStanding: true },
      ...head,
    },
  };
  assert.ok(await store.beginRun(run, life, []));
}
