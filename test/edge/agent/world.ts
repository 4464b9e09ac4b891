// A device in one process: the real loop, journal and release store over a runtime and a hub in memory.
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Agent, createAgent } from "#edge/agent/agent.ts";
import { createDeviceCare, type DeviceCare } from "#edge/agent/care.ts";
import { createBallast } from "#edge/agent/disk_ballast.ts";
import type { AgentParts } from "#edge/agent/parts.ts";
import { createLoopWatch } from "#edge/agent/watchdog.ts";
import { openJournal } from "#edge/journal/open.ts";
import { createResolver } from "#edge/release/resolve.ts";
import { createReleaseStore } from "#edge/release/store.ts";
import { createMemoryForwarder } from "#edge/runtime/forward/memory.ts";
import { createMemoryRuntime, type MemoryOutcome } from "#edge/runtime/memory.ts";
import type { Runtime } from "#edge/runtime/port.ts";
import { revisionOf } from "#shared/desired.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { ReportedState } from "#shared/reported.ts";
import { createHub } from "./bundles.ts";
import { createFastClock } from "./clock.ts";
import type { Device } from "./device.ts";
import { incomplete, linkOf } from "./links.ts";
import { createMemoryMachine } from "./machine.ts";
import { createLife, type Life } from "./mortal.ts";
import { host, silentMetrics, silentSync } from "./silent.ts";

export type World = Device;

const device = "pi-1" as DeviceId;
const envelope = { payloadType: "test", payload: "", signatures: [{ keyid: "k", sig: "" }] };
const limitMs = 60_000;

export function createWorld(): World {
  const directory = mkdtempSync(join(tmpdir(), "fleet-agent-"));
  const clock = createFastClock();
  const runtime = createMemoryRuntime({ clock });
  const processes = createMemoryRuntime({ clock, name: "process" });
  const hub = createHub();
  const outcomes = new Map<string, MemoryOutcome>();
  const reports: ReportedState[] = [];
  const warnings: string[] = [];
  const faults: string[] = [];
  const file = join(directory, "journal.db");
  let bootId = "boot-1";
  let generation = 0;
  let journal = openJournal({ file, clock, bootId });
  let agent: Agent | undefined;
  let life: Life | undefined;
  let ids = 0;
  let gate: Promise<void> | undefined;
  let care: DeviceCare | undefined;
  const forwarder = createMemoryForwarder();
  const machine = createMemoryMachine();

  /** The outcome of a start follows from the release, not from when it is asked. */
  const scripted: Runtime = {
    ...runtime,
    remove: async (instance) => {
      await gate;
      await runtime.remove(instance);
    },
    start: (app, instance) => {
      const letter = String(app.services["web"]?.spec.environment["LETTER"] ?? "");
      runtime.behave("web", outcomes.get(letter) ?? { kind: "runs" });
      return runtime.start(app, instance);
    },
  };

  const world: World = {
    directory,
    runtime,
    forwarder,
    machine,
    processes,
    link: { connected: true, via: "mqtt", lastContactMonotonicMs: 1, isolated: false },
    hub,
    clock,
    reports,
    warnings,
    faults,
    disk: { freeBytes: 1e9, reserveBytes: 1e8 },
    reserveBytes: 0,
    probes: () => [{ probe: "http", ok: true, detail: "answered 200" }],
    validate: async () => undefined,
    ask: async () => undefined,
    behave: (letter, outcome) => void outcomes.set(letter, outcome),
    nudge: () => agent?.wake(),
    slowly: (_, until) => {
      gate = until;
    },
    loseDirectory: () => {
      journal.close();
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      journal = openJournal({ file, clock, bootId });
    },
    journal: () => journal,
    boot: (id) => {
      bootId = id;
    },
    start: () => {
      life = createLife();
      journal = openJournal({ file, clock, bootId });
      agent = createAgent(partsOf(life));
      agent.start();
    },
    kill: async (afterCalls = 0) => {
      life?.end(afterCalls);
      await Promise.race([life?.ended, wait(2000)]);
      life?.end();
      agent = undefined;
      // What the kernel was doing for the process ends by itself.
      await wait(15);
      journal.close();
      journal = openJournal({ file, clock, bootId });
    },
    stop: async () => {
      await agent?.stop();
      await care?.stop();
      agent = undefined;
    },
    wish: (apps, mode = "run", more = {}) => {
      generation += 1;
      journal.receive({ device, generation, issuedAt: 1, mode, apps, ...more }, envelope);
      agent?.wake();
    },
    want: (wanted) => {
      const spec = hub.spec("web", wanted);
      world.wish([spec]);
      return spec;
    },
    agent: () => {
      assert.ok(agent);
      return agent;
    },
    reported: () => agent?.reported(),
    app: (name = "web") => agent?.reported()?.apps.find((one) => one.name === name),
    until: async (what, holds) => {
      const deadline = performance.now() + limitMs;
      while (!holds()) {
        const state = JSON.stringify(agent?.reported()?.apps);
        assert.ok(
          performance.now() < deadline,
          `never came: ${what}; ${state}; ${warnings.at(-1)}`,
        );
        await wait(1);
      }
    },
    converged: (spec) =>
      world.until(`${spec.name} at ${spec.release.commit}`, () => {
        const app = world.app(spec.name);
        const { commit } = spec.release;
        const isThere =
          app?.current?.revision === revisionOf(spec) && app.current.commit === commit;
        return isThere && app.sync === "Synced" && app.health === "Healthy";
      }),
    ended: (spec, outcome) =>
      world.until(`${spec.name} ${outcome}`, () =>
        journal
          .updates({ limit: 20 })
          .some((one) => one.revision === revisionOf(spec) && one.outcome === outcome),
      ),
    passed: async (ms) => {
      const from = clock.monotonicMs();
      await world.until(`${ms} ms later`, () => clock.monotonicMs() - from >= ms);
    },
    copies: async () => {
      const seen = await runtime.observe();
      return Object.fromEntries(seen.map((one) => [`${one.service}.${one.index}`, one.id]));
    },
    current: (name = "web") => linkOf(join(directory, "apps", name)),
    close: async () => {
      await world.stop();
      life?.end();
      await wait(5);
      journal.close();
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return world;

  function partsOf(own: Life): AgentParts {
    const resolve = createResolver();
    const onCall = (): void => void faults.push(...incomplete(directory));
    const releases = createReleaseStore({
      directory,
      download: { hubUrl: "http://hub.test", headers: () => ({}), fetch: hub.fetch },
      clock,
      reserveBytes: world.reserveBytes,
    });
    const options = { defaultRuntime: "docker", runtimes: ["docker", "process"] } as const;
    const ownClock: AgentParts["clock"] = {
      ...clock,
      sleep: (ms, signal) => (own.alive() ? clock.sleep(ms, signal) : forever()),
    };
    const log: AgentParts["log"] = {
      info: () => undefined,
      warn: (detail) => void warnings.push(String(detail["why"])),
      error: (detail) => void warnings.push(`error: ${String(detail["why"])}`),
    };
    const parts: AgentParts = {
      device,
      settings: () => ({
        intervalMs: 10_000,
        heartbeatMs: 10_000,
        labels: {},
        healthyAfterMs: 30_000,
      }),
      journal: own.wrap(journal, onCall),
      releases: own.wrap(releases, onCall),
      runtimes: [own.wrap(scripted, onCall), own.wrap(processes, onCall)],
      forwarder: own.wrap(forwarder),
      sync: own.wrap({ ...silentSync(reports), status: () => world.link }),
      ...(world.telemetry === undefined ? {} : { telemetry: world.telemetry }),
      machine: own.wrap(machine),
      resolve: (staged) => ({
        staged,
        ...resolve(staged, { project: staged.spec.name, ...options }),
      }),
      runProbes: async ({ app }) =>
        world.probes(String(app.services["web"]?.spec.environment["LETTER"] ?? "")),
      runValidateHook: (staged, given) => world.validate(staged, given),
      askApp: (serving) => world.ask(serving),
      projectOf: (app) => app,
      describeHost: async () => ({ hostname: "pi", os: "o", arch: "a", kernel: "k", model: "m" }),
      sampleHost: async () => host,
      diskRoom: async () => world.disk,
      metricsAddress: () => undefined,
      agentVersion: "1",
      runtimeNames: ["docker"],
      runtimeCalls: () => [],
      clock: ownClock,
      random: () => 0.999,
      randomId: () => `attempt-${++ids}`,
      metrics: silentMetrics,
      watch: createLoopWatch({ clock: ownClock, feedEveryMs: 10_000, outlets: [], log }),
      log,
    };
    if (world.caring) parts.care = careFor(parts);
    return parts;
  }

  /** For files alone: the disk has room enough. */
  function careFor(parts: AgentParts): DeviceCare {
    const ballast = createBallast({ file: join(directory, "ballast"), bytes: 0 });
    const wake = (): void => agent?.wake();
    care = createDeviceCare({ parts, dataDirectory: directory, reserveBytes: 0, ballast, wake });
    return care;
  }
}

/** Runs the body over a world that is closed whatever happens. */
export function within(body: (world: World) => Promise<void>): () => Promise<void> {
  return async () => {
    const world = createWorld();
    try {
      await body(world);
      assert.deepEqual(world.faults, []);
    } finally {
      await world.close();
    }
  };
}

function forever(): Promise<never> {
  return new Promise<never>(() => undefined);
}
