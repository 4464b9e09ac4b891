// A hub of real store, bus and API for tests, with the parts of other stages given as plain values.
import { createApi, type Pages } from "#hub/api/api.ts";
import type { MeasuredRequest } from "#hub/api/ports.ts";
import { createSessions, type Sessions } from "#hub/api/sessions.ts";
import { createWatch, type Watch } from "#hub/api/watch.ts";
import type { Authenticator } from "#hub/broker/port.ts";
import { type Bus, createBus } from "#hub/bus.ts";
import { createControl } from "#hub/control/controller.ts";
import { createNotices, type Notice, type Notices } from "#hub/control/notices.ts";
import { createPins } from "#hub/control/pins.ts";
import { createForcedSync } from "#hub/control/sync.ts";
import type { SigningKey } from "#hub/desired/keys.ts";
import type { RepositoryHealth } from "#hub/git/health.ts";
import type { LiveLogs } from "#hub/logs/port.ts";
import type { BranchSnapshot, FleetSnapshot } from "#hub/release/model.ts";
import type { FleetPause } from "#hub/resurrect/pause.ts";
import { type BisectController, createBisectController } from "#hub/rollout/bisect/controller.ts";
import { createTrials } from "#hub/rollout/bisect/trials.ts";
import { createRolloutController, type RolloutController } from "#hub/rollout/controller.ts";
import { createTracks } from "#hub/rollout/track.ts";
import { createRunBook, type RunBook } from "#hub/run/book.ts";
import { createRunController, type RunController } from "#hub/run/controller.ts";
import { createMemoryProvider, type MemoryProvider } from "#hub/run/memory.ts";
import { plansOf } from "#hub/run/plans.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { sha256 } from "#shared/canonical.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import type { ReportRequest } from "#shared/gateway.ts";
import type { DeviceId, Digest } from "#shared/ids.ts";
import type { JournalAck } from "#shared/journal.ts";
import { authenticatorOf } from "./authenticator.ts";
import { historyOf } from "./git_history.ts";
import { noLogs } from "./no_logs.ts";
import { resurrectionParts } from "./resurrection.ts";

export const operatorToken = "operator-token-of-this-test";
export const asOperator = { Authorization: `Bearer ${operatorToken}` };

export function asDevice(id: string, secret = `secret-of-${id}`): { Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` };
}

export interface World {
  app: ReturnType<typeof createApi>;
  store: Store;
  bus: Bus;
  rollouts: RolloutController;
  bisects: BisectController;
  runs: RunController;
  runProvider: MemoryProvider;
  pause: FleetPause;
  /** The hub's own. */
  key: SigningKey;
  /** States of the fleet by commit, oldest first: the history that a bisect sees. */
  fleets: Map<string, FleetSnapshot>;
  clock: Clock & { advance(ms: number): void };
  sessions: Sessions;
  notices: Notices;
  watch: Watch;
  pokes: number;
  /** Devices that were asked to look and report. */
  repeated: DeviceId[];
  reports: { device: DeviceId; report: ReportRequest }[];
  disconnected: DeviceId[];
  repository: RepositoryHealth;
  bundles: Map<Digest, { path: string; sizeBytes: number }>;
  branches: Record<string, BranchSnapshot>;
  measured: MeasuredRequest[];
  logged: unknown[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

export const startMs = Date.UTC(2026, 0, 5, 12);

export function manualClock(): World["clock"] {
  let passedMs = 0;
  return {
    now: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    sleep: async () => undefined,
    advance: (ms) => {
      passedMs += ms;
    },
  };
}

export type WorldParts = Pick<World, "store" | "sessions" | "clock"> & {
  logs: LiveLogs;
  authenticator: Authenticator;
  repository: { health: () => RepositoryHealth };
  rollouts: RolloutController;
  fleet: { snapshot: () => { defaultBranch: string; branches: World["branches"] } };
  notices: Notices;
  lives: RunBook;
};

export async function createWorld(
  options: {
    pages?: (parts: WorldParts) => Pages;
    clock?: World["clock"];
    logs?: LiveLogs;
    /** Where the hub's keys lie; without it there are no backups. */
    directory?: string;
  } = {},
): Promise<World> {
  const clock = options.clock ?? manualClock();
  const store = await openStore({ file: ":memory:" });
  const bus = createBus();
  const sessions = createSessions({ clock });
  const logged: unknown[] = [];
  const log = (entry: unknown): void => void logged.push(entry);
  const logger = { info: () => undefined, warn: log, error: log };
  const branches: World["branches"] = {};
  const fleet = { snapshot: () => ({ defaultBranch: "main", branches }) };
  const authenticator = authenticatorOf(store, operatorToken);
  const repository = { health: () => world.repository };
  const { logs = noLogs } = options;
  const tracks = createTracks();
  const pins = createPins();
  const rollouts = createRolloutController({
    store,
    desired: { follow: async () => undefined, reconcile: async () => undefined },
    tracks,
    pins,
    bus,
    clock,
  });
  const notices = createNotices({ pins, tracks, rollouts, fleet });
  const watch = createWatch({ store, bus, logger, notices, coalesceMs: 5 });
  const book = createRunBook();
  const parts = {
    logs,
    store,
    sessions,
    clock,
    authenticator,
    repository,
    fleet,
    notices,
    lives: book,
    rollouts,
  };
  const pages = options.pages?.(parts);
  const fleets: World["fleets"] = new Map();
  const history = historyOf(fleets, startMs);
  const bisects = createBisectController({
    ...{ store, tracks, bus, clock, trials: createTrials(tracks), ...history },
    desired: { reconcile: async () => undefined, current: (device) => store.desired(device) },
  });
  const control = createControl({
    ...{ store, pins, bus, clock: { ...clock, sleep: systemClock.sleep } },
    desired: { reconcile: async () => undefined },
    releases: { snapshot: fleet.snapshot, checked: history.releases.checked },
  });
  const runProvider = createMemoryProvider({
    now: clock.now,
    onTold: (device) => bus.emit("run", device),
  });
  const plans = () => plansOf(fleet.snapshot());
  const runs = createRunController({
    ...{ store, book, bus, plans, provider: runProvider, random: Math.random },
    clock: { ...clock, sleep: systemClock.sleep },
    appsOf: async () => 1,
    disconnect: (device) => void world.disconnected.push(device),
  });
  await rollouts.start();
  await runs.start();
  await control.start();
  const { fleetPause, key, ...lost } = resurrectionParts({
    ...{ store, bus, clock, disconnect: (device) => void world.disconnected.push(device) },
    directory: options.directory,
  });
  const world: Omit<World, "app"> = {
    pause: fleetPause,
    key,
    store,
    bus,
    rollouts,
    bisects,
    runs,
    runProvider,
    fleets,
    clock,
    sessions,
    notices,
    watch,
    pokes: 0,
    repeated: [],
    reports: [],
    disconnected: [],
    repository: {
      url: "https://git.example.org/fleet",
      reachable: true,
      problem: null,
      hint: null,
      fetchedAt: startMs,
    },
    bundles: new Map(),
    branches,
    measured: [],
    logged,
    get: async (path, headers = {}) => app.request(path, { headers }),
    post: async (path, body, headers = {}) =>
      app.request(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    close: async () => {
      await bisects.stop();
      await control.stop();
      await runs.stop();
      await rollouts.stop();
      watch.stop();
      await store.close();
    },
  };
  const app = createApi({
    ...parts,
    bus,
    logger,
    watch,
    git: {
      poke: () => {
        world.pokes += 1;
      },
    },
    desired: { current: (device) => store.desired(device) },
    rollouts,
    bisects,
    runs: { ...runs, ...book, plans },
    control: { ...control, ...notices },
    forced: createForcedSync({
      ...{ store, fleet, bus, clock: { ...clock, sleep: systemClock.sleep } },
      git: {
        poke: async () => {
          world.pokes += 1;
        },
        status: () => ({ reachable: world.repository.reachable }),
      },
      desired: {
        reconcile: async () => undefined,
        repeat: (device) => void world.repeated.push(device),
      },
    }),
    previews: {
      preview: async (deployment, commit = "0".repeat(40)) => ({
        ...{ deployment, commit, branch: "main", digest: "0".repeat(64) as Digest, unchanged: 2 },
        devices: [
          { device: "pi-1" as DeviceId, downloadBytes: 10, services: ["web"], risks: ["away"] },
          { device: "pi-2" as DeviceId, downloadBytes: 5, services: null, risks: [] },
        ],
        kept: [{ device: "pi-3" as DeviceId, why: [heldByAda] }],
      }),
    },
    bundles: { open: async (digest) => world.bundles.get(digest) ?? null },
    reports: {
      accept: async (device, report) => {
        world.reports.push({ device, report });
        return ackOf(report);
      },
    },
    ...lost,
    disconnect: (device) => void world.disconnected.push(device),
    metrics: {
      contentType: "text/plain; version=0.0.4",
      render: async () => "up 1\n",
      observe: (request) => void world.measured.push(request),
    },
    webhookSecret: "webhook-secret",
    version: "1.2.3",
    ...(pages === undefined ? {} : { pages }),
  });
  return Object.assign(world, { app });
}

const heldByAda: Notice = {
  kind: "mode",
  ...{ message: "it is on hold", reason: "the fair", operator: "ada", at: startMs },
  ...{ until: null, endsWhen: "somebody unholds it", deployment: null, number: null },
};

function ackOf({ journal }: ReportRequest): JournalAck | undefined {
  return journal === undefined ? undefined : { epoch: journal.epoch, seq: journal.to };
}

/** Enrols a device whose secret is `secret-of-<id>`. */
export async function enrol(world: World, id: string, labels = {}): Promise<DeviceId> {
  const device = id as DeviceId;
  await world.store.enrol(device, sha256(`secret-of-${id}`), labels, world.clock.now());
  return device;
}
