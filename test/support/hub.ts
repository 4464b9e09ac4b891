// The hub's way from a commit to desired state on real Git, the real store and a broker that only records.

import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker } from "#hub/broker/port.ts";
import { createBus } from "#hub/bus.ts";
import { type Control, createControl } from "#hub/control/controller.ts";
import { abovePlacements, createPins, type Pins } from "#hub/control/pins.ts";
import { createDesiredController, type DesiredController } from "#hub/desired/controller.ts";
import { loadSigningKey, type SigningKey } from "#hub/desired/keys.ts";
import { createMirror, type Mirror } from "#hub/git/mirror.ts";
import { parseRemote } from "#hub/git/remote.ts";
import { createGitWatcher, type GitWatcher } from "#hub/git/watch.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import { type BundleStore, createBundleStore } from "#hub/release/bundles.ts";
import { createReleaseController, type ReleaseController } from "#hub/release/controller.ts";
import { type BisectController, createBisectController } from "#hub/rollout/bisect/controller.ts";
import { createTrials } from "#hub/rollout/bisect/trials.ts";
import { createRolloutController, type RolloutController } from "#hub/rollout/controller.ts";
import { createPreviewer, type Previewer } from "#hub/rollout/previewer.ts";
import { createTracks, type Tracks } from "#hub/rollout/track.ts";
import type { HubEvent, Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { systemClock } from "#shared/clock.ts";
import { loadCompose } from "#shared/compose/load.ts";
import type { DesiredState } from "#shared/desired.ts";
import { type Envelope, openDesired } from "#shared/envelope.ts";
import { DeviceId, type Labels } from "#shared/ids.ts";
import { createRepository, type TestRepository } from "./repository.ts";

/** What a device would have received: every publication, opened and verified. */
export interface RecordingBroker extends Pick<Broker, "publishDesired"> {
  readonly published: DesiredState[];
  /** The last state of each device. */
  last(device: string): DesiredState | undefined;
}

export function createRecordingBroker(key: SigningKey): RecordingBroker {
  const published: DesiredState[] = [];
  const trusted = new Map([[key.id, createPublicKey(key.publicPem)]]);
  return {
    published,
    publishDesired: (_device: DeviceId, envelope: Envelope) => {
      published.push(openDesired(envelope, trusted));
    },
    last: (device) => published.findLast((state) => state.device === device),
  };
}

/** A hub's parts from Git to the broker, made anew at every start. */
export interface RunningHub {
  mirror: Mirror;
  bundles: BundleStore;
  releases: ReleaseController;
  desired: DesiredController;
  rollouts: RolloutController;
  bisects: BisectController;
  control: Control;
  pins: Pins;
  tracks: Tracks;
  previews: Previewer;
  watcher: GitWatcher;
  broker: RecordingBroker;
  bus: ReturnType<typeof createBus>;
  store: Store;
  /** Fetches and takes everything in, as the webhook makes it. */
  sync(): Promise<void>;
  enrol(id: string, labels: Labels): Promise<void>;
  /** Reasons and messages of all events, oldest first. */
  events(): Promise<HubEvent[]>;
  stop(): Promise<void>;
}

export interface HubBench {
  repository: TestRepository;
  directory: string;
  start(): Promise<RunningHub>;
}

/** Runs the body with a repository and a data directory, and removes both whatever happens. */
export async function withHub(body: (bench: HubBench) => Promise<void>): Promise<void> {
  const repository = createRepository();
  const directory = mkdtempSync(join(tmpdir(), "fleet-hub-"));
  const running: RunningHub[] = [];
  const start = async (): Promise<RunningHub> => {
    const hub = await startHub(repository.path, directory);
    running.push(hub);
    return hub;
  };
  try {
    await body({ repository, directory, start });
  } finally {
    await Promise.all(running.map((hub) => hub.stop()));
    repository.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startHub(repository: string, directory: string): Promise<RunningHub> {
  const clock = systemClock;
  const store = await openStore({ file: join(directory, "hub.db") });
  const bus = createBus();
  const key = await loadSigningKey(directory);
  const broker = createRecordingBroker(key);
  const remote = parseRemote(repository);
  const mirror = createMirror({ remote, directory: join(directory, "mirror.git") });
  const bundles = createBundleStore({ directory: join(directory, "bundles") });
  const tracks = createTracks();
  const pins = createPins();
  const trials = createTrials(tracks);
  const placements = abovePlacements(pins, trials);
  const desired = createDesiredController({ store, broker, bus, clock, key, placements });
  const rollouts = createRolloutController({
    ...{ store, desired, tracks, pins, bus, clock, coalesceMs: 10 },
  });
  const releases = createReleaseController({
    mirror,
    bundles,
    store,
    bus,
    clock,
    loadCompose,
    onFleet: async (fleet) => {
      await control.reload();
      await rollouts.follow(fleet);
    },
  });
  const bisects = createBisectController({
    ...{ store, desired, tracks, trials, pins, releases, history: mirror, bus, clock },
    coalesceMs: 10,
  });
  const announce = createAnnouncer({ store, bus, clock });
  const watcher = createGitWatcher({
    mirror,
    intervalMs: 3_600_000,
    clock,
    onHeads: (heads) => releases.advance(heads),
    onEvent: (event) => announce(event),
  });
  const control = createControl({ store, releases, desired, pins, bus, clock });
  await desired.start();
  await rollouts.start();
  await bisects.start();
  await control.start();
  await releases.start();
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await watcher.stop();
    await control.stop();
    await bisects.stop();
    await rollouts.stop();
    await desired.stop();
    await store.close();
  };
  return {
    mirror,
    bundles,
    releases,
    desired,
    rollouts,
    bisects,
    control,
    pins,
    tracks,
    previews: createPreviewer({ store, releases, tracks, pins, clock, loadCompose }),
    watcher,
    broker,
    bus,
    store,
    sync: async () => {
      await watcher.poke();
    },
    enrol: async (id, labels) => {
      const device = DeviceId.parse(id);
      await store.enrol(device, "0".repeat(64), labels, clock.now());
      await desired.reconcile([device]);
    },
    events: async () => (await store.events({ limit: 200, afterId: 0 })).rows,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
