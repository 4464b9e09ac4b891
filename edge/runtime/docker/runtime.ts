// The Docker runtime: one device's containers on one Engine, behind the runtime port.
import type { Credentials } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import type { PortHolder } from "#edge/runtime/forward/forwarder.ts";
import type { ObservedInstance, Runtime } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import { checkApp } from "./check.ts";
import type { DockerContext, Tell } from "./context.ts";
import type { Engine } from "./engine.ts";
import { createEventWatch } from "./events.ts";
import { createFileStore } from "./files.ts";
import type { ImageKeeper } from "./images.ts";
import { followContainer } from "./logfollow.ts";
import { readLogLines } from "./logs.ts";
import { createLosses } from "./losses.ts";
import { giveOwnNames } from "./naming.ts";
import { createObserver, type Occurrences } from "./observe.ts";
import { createOrigins } from "./origins.ts";
import { prepareApp } from "./prepare.ts";
import { pullImage } from "./pull.ts";
import { removeInstance, restartInstance } from "./remove.ts";
import { startInstance } from "./start.ts";
import { removeVolumes } from "./wipe.ts";

export interface DockerRuntimeOptions {
  engine: Engine;
  /** Devices that share an Engine leave each other's containers alone. */
  device: string;
  clock: Clock;
  /** Where configs and secrets that come from values are written: made on demand, for the agent's user
   *  alone. It must outlive a reboot, or containers that the Engine starts by itself lack them. */
  filesDir: string;
  /** Logins by registry host, e.g. `ghcr.io`; asked for at each pull, since they may change. */
  registries?: () => Readonly<Record<string, Credentials>>;
  /** Below it each app has a directory for its update lock; absent: no app has a lock. */
  runDirectory?: string;
  /** Who has a port that the device's forwarder holds. */
  holder?: PortHolder;
  /** Writes down what is fetched and what copies are made from, and removes what no release needs; absent:
   *  images stay, and a restart forgets what copies were made from. */
  images?: ImageKeeper;
  /** What an operator should hear of an app. */
  tell?: Tell;
  /** Ms without progress after which a pull is given up; 60 s by default. */
  pullIdleMs?: number;
  /** Ms that one lifecycle hook may take; 60 s by default. */
  hookLimitMs?: number;
  /** Uniform in [0, 1). */
  random?: () => number;
}

export interface DockerRuntime extends Runtime {
  /** Counted from the Engine's events since the start. */
  occurrences(): Readonly<Occurrences>;
  /** Removes every copy of this device, and then its networks: an Engine has room for few. */
  endAll(): Promise<void>;
}

export function createDockerRuntime(options: DockerRuntimeOptions): DockerRuntime {
  const { engine, device, clock, registries = () => ({}), pullIdleMs = 60_000 } = options;
  const files = createFileStore(options.filesDir);
  const pulls = options.images?.engine ?? engine;
  const hookLimitMs = options.hookLimitMs ?? 60_000;
  const { runDirectory, holder = async () => undefined, tell = () => undefined } = options;
  const origins = options.images?.origins ?? createOrigins();
  const context: DockerContext = {
    ...{ engine, device, clock, files, origins, tell, hookLimitMs, runDirectory, holder },
  };
  const listeners: (() => void)[] = [];
  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  const losses = createLosses(context);
  const observer = createObserver({
    ...{ engine, device, lossesOf: losses.of },
    isWatching: () => watch.isOpen(),
  });
  const watch = createEventWatch({
    engine,
    clock,
    random: options.random ?? Math.random,
    onEvent: (event) => {
      if (observer.note(event)) wake();
    },
    onOpen: () => {
      observer.forget();
      wake();
    },
  });

  const removeNetworks = async (...labels: string[]): Promise<void> => {
    const own = [`${label.device}=${device}`, ...labels];
    for (const network of await engine.listNetworks(own)) await engine.removeNetwork(network.Id);
  };
  const cleanUp = async (project: string): Promise<void> => {
    await removeNetworks(`${label.project}=${project}`);
    await files.dropProject(project);
    await origins.forget(project);
  };
  const observe = async (): Promise<ObservedInstance[]> => {
    const [containers] = await Promise.all([engine.listContainers([label.project]), watch.start()]);
    await giveOwnNames(context, containers);
    await origins.learn(device, containers);
    return observer.see(containers);
  };

  return {
    name: "docker",
    observe,
    pull: (image, pullOptions) =>
      pullImage(
        { engine: pulls, registries: registries(), idleMs: pullIdleMs },
        image,
        pullOptions,
      ),
    collectImages: async (kept) => (await options.images?.collect(kept)) ?? [],
    check: async (app, serving) => {
      observer.learn(app.project, app.app);
      await checkApp(context, app, serving);
      await origins.attempt(app, serving);
    },
    examine: losses.examine,
    prepare: (app) => {
      observer.learn(app.project, app.app);
      return prepareApp(context, app);
    },
    start: (app, ref) => startInstance(context, app, ref),
    remove: (instance) => removeInstance(context, instance.id),
    restart: (instance) => restartInstance(context, instance.id),
    cleanUp: (_app, project) => cleanUp(project),
    wipe: async (_app, project) => {
      await cleanUp(project);
      await removeVolumes(engine, { device, project });
    },
    logs: (instance, limits) => readLogLines(engine, instance.id, limits),
    follow: (instance, wanted) => followContainer({ engine, clock }, instance.id, wanted),
    onChange: (listener) => void listeners.push(listener),
    occurrences: observer.occurrences,
    endAll: async () => {
      const copies = await observe();
      await Promise.allSettled(copies.map((copy) => removeInstance(context, copy.id)));
      await removeNetworks();
    },
    stop: () => watch.stop(),
  };
}
