// A device's care for disk and files over a real journal and release store, in which any part may fail.
import * as assert from "node:assert/strict";
import { join } from "node:path";
import { createDeviceCare, type DeviceCare } from "#edge/agent/care.ts";
import { createBallast } from "#edge/agent/disk_ballast.ts";
import type { AgentParts } from "#edge/agent/parts.ts";
import { wantedDigests } from "#edge/agent/wanted.ts";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { ReleaseStore } from "#edge/release/port.ts";
import { createResolver } from "#edge/release/resolve.ts";
import { createMemoryRuntime } from "#edge/runtime/memory.ts";
import type { Runtime } from "#edge/runtime/port.ts";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import type { DeviceId } from "#shared/ids.ts";
import {
  roleTar,
  scratch,
  serveBundles,
  specOf,
  stageFrom,
  storeAt,
} from "#test/edge/release/fixture.ts";
import { createFastClock } from "./clock.ts";

const compose = `services:
  web:
    image: web:2
    volumes:
      - ./data:/data
      - ./conf:/conf:ro
`;
const files = { "conf/a.txt": "true", "data/seed.txt": "seed" };
export const oldRelease = roleTar(files);
const newRelease = roleTar({ "compose.yaml": compose, ...files });
export const wantedRelease = roleTar({ "wanted.txt": "soon" });
export const strayRelease = roleTar({ "stray.txt": "never" });
const envelope = { payloadType: "test", payload: "", signatures: [{ keyid: "k", sig: "" }] };
const device = "pi-1" as DeviceId;
export const ballastBytes = 200_000;

interface Changes {
  reserveBytes?: number;
  journal?: (journal: Journal) => Partial<Journal>;
  releases?: (store: ReleaseStore) => Partial<ReleaseStore>;
  runtime?: Partial<Runtime>;
}

interface Bench {
  care: DeviceCare;
  root: string;
  /** In the current release. */
  at: (path: string) => string;
  bundle: (bytes: Buffer) => string;
  /** For what was asked to be kept. */
  collected: string[][];
  warnings: string[];
  woken: () => number;
  told: () => string[];
}

/** A device that has run the old release and runs the new one. */
export async function bench(changes: Changes, use: (bench: Bench) => Promise<void>): Promise<void> {
  using directory = scratch();
  const { path: root } = directory;
  await using hub = await serveBundles(oldRelease, newRelease, wantedRelease, strayRelease);
  const clock = createFastClock();
  const journal = openJournal({ file: join(root, "journal.db"), clock });
  const store = storeAt(root, hub.url, { clock, wanted: () => wantedDigests(journal) });
  const [old, spec, wanted] = [oldRelease, newRelease, wantedRelease].map((one) => specOf(one));
  assert.ok(old && spec && wanted);
  for (const one of [old, spec]) await makeCurrent(store, one);
  for (const bytes of [wantedRelease, strayRelease]) {
    await download(storeAt(root, hub.url, { clock }), bytes);
  }
  const later = { ...wanted, name: "later" as AppSpec["name"] };
  const desired = { device, generation: 1, issuedAt: 1, mode: "run" as const };
  journal.receive({ ...desired, apps: [spec, later] }, envelope);

  const collected: string[][] = [];
  const warnings: string[] = [];
  let woken = 0;
  const warn = (_: unknown, message: string): void => void warnings.push(message);
  const runtime: Runtime = {
    ...createMemoryRuntime({ clock }),
    collectImages: async (kept) => {
      const specs = kept.flatMap(({ services }) => Object.values(services).map(({ spec }) => spec));
      collected.push([...new Set(specs.map(({ image }) => image ?? ""))].sort());
      return [];
    },
    ...changes.runtime,
  };
  const parts: Parameters<typeof createDeviceCare>[0]["parts"] = {
    journal: over(journal, changes.journal?.(journal)),
    releases: over(store, changes.releases?.(store)),
    runtimes: [runtime],
    resolve: resolver(),
    clock,
    random: () => 0.5,
    log: { info: () => undefined, warn, error: warn },
  };
  const care = createDeviceCare({
    parts,
    dataDirectory: root,
    reserveBytes: changes.reserveBytes ?? 0,
    ballast: createBallast({ file: join(root, "ballast"), bytes: ballastBytes }),
    wake: () => {
      woken += 1;
    },
  });
  const told = (): string[] =>
    journal
      .entries({ kinds: ["drift.found", "drift.repaired", "event"], limit: 50 })
      .toReversed()
      .map(({ body }) => String(body["reason"]));
  const { digest } = spec.release;
  try {
    await use({
      ...{ care, root, collected, warnings, told },
      woken: () => woken,
      at: (path) => join(root, "apps", spec.name, "releases", digest, path),
      bundle: (bytes) => join(root, "bundles", `${specOf(bytes).release.digest}.tar`),
    });
  } finally {
    await care.stop();
    journal.close();
  }
}

async function makeCurrent(store: ReturnType<typeof storeAt>, spec: AppSpec): Promise<void> {
  await stageFrom(store, spec);
  await store.swap(spec.name, revisionOf(spec));
}

/** Fetched and not staged, by a store of an earlier agent: this one's own does not know of it. */
async function download(store: ReleaseStore, bytes: Buffer): Promise<void> {
  const { release } = specOf(bytes);
  await store.fetch(release, {});
  await store.verify(release);
}

function over<T extends object>(whole: T, changed: Partial<T> | undefined): T {
  return { ...whole, ...changed };
}

function resolver(): AgentParts["resolve"] {
  const resolve = createResolver();
  return (staged) => ({
    staged,
    ...resolve(staged, { project: "web", defaultRuntime: "docker", runtimes: ["docker"] }),
  });
}
