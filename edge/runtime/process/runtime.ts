// The process runtime: supervised operating-system processes for machines without a Docker Engine.
//
// A copy is a process group that outlives the agent; the next agent over the same directory takes it up
// again. Honest limits: no images, no network or file isolation, no port forwarding (the process must
// listen on its published ports itself), no resource limits; `user` only where the agent is root.
// Besides the service's environment a process finds METRICA_FLEET_INDEX (its number, from 1),
// METRICA_FLEET_VOLUMES (a directory per named volume), METRICA_FLEET_FILES (configs and secrets by
// their target), FLEET_LOCK (the update lock) and, where it is handed over, FLEET_PORT_<container port>.
// Needs Linux: /proc tells a process from a later one with the same pid.
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { PortHolder } from "#edge/runtime/forward/forwarder.ts";
import { giveLockPlace, makeLockPlace } from "#edge/runtime/lock.ts";
import type { InstanceRef, ResolvedApp, ResolvedService, Runtime } from "#edge/runtime/port.ts";
import { makeTelemetryPlace } from "#edge/telemetry/place.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { allotPorts } from "./allot.ts";
import { checkApp, processServices } from "./check.ts";
import { type Copies, type Named, openCopies } from "./copies.ts";
import { hasFiles, layFiles } from "./files.ts";
import { type OwnPort, type Places, resolveLaunch } from "./launch.ts";
import { newNonce } from "./marker.ts";
import { defaultRestartLimits, type RestartLimits } from "./policy.ts";
import type { CopyRecord } from "./record.ts";

export interface ProcessRuntimeOptions {
  /** Of this runtime alone: state, logs, files and volumes. */
  directory: string;
  device: string;
  clock: Clock;
  /** Uniform in [0, 1), for the jitter of restarts. */
  random?: () => number;
  limits?: RestartLimits;
  /** Of all log files of one copy together; 1 MiB by default. */
  maxLogBytes?: number;
  /** Below it each app has its update lock and its telemetry socket; absent: processes are told of none. */
  runDirectory?: string;
  /** Who has a port that the device's forwarder holds. */
  holder?: PortHolder;
  /** Told what is not enforced or went wrong beside a call. */
  warn?: (message: string) => void;
}

export interface ProcessRuntime extends Runtime {
  /** Ends every copy at once and forgets it, within 3 s; then the runtime is stopped. */
  endAll(): Promise<void>;
}

const endAllGraceMs = 2000;

/** Nothing happens at birth: the first call takes up what an earlier agent left. */
export function createProcessRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  const directory = resolve(options.directory);
  const warn = options.warn ?? (() => undefined);
  const listeners = new Set<() => void>();
  let opening: Promise<Copies> | undefined;

  function opened(): Promise<Copies> {
    opening ??= openCopies({
      random: Math.random,
      limits: defaultRestartLimits,
      maxLogBytes: 1024 * 1024,
      ...options,
      directory,
      warn,
      onChange() {
        for (const listener of listeners) listener();
      },
    }).catch((error) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  /** The release is in the name too: laid files are links into it. */
  function placesOf(app: ResolvedApp, { spec, configHash }: ResolvedService): Places {
    const volumes = join(directory, "volumes", app.app);
    if (!hasFiles(spec)) return { volumes };
    const content = `${configHash.slice(0, 16)}-${app.release.slice(0, 16)}`;
    return { volumes, files: join(directory, "files", app.app, spec.name, content) };
  }

  async function prepare(app: ResolvedApp): Promise<void> {
    for (const { spec } of processServices(app)) {
      for (const mount of spec.mounts) {
        if (mount.type !== "volume" || mount.source === undefined) continue;
        const volume = join(directory, "volumes", app.app, mount.source, mount.subpath ?? "");
        await mkdir(volume, { recursive: true });
      }
    }
  }

  async function start(app: ResolvedApp, instance: InstanceRef): Promise<void> {
    const copies = await opened();
    const service = serviceOf(app, instance.service);
    const lock = await makeLockPlace(options.runDirectory, app.app);
    const telemetry = await makeTelemetryPlace(options.runDirectory, app.app);
    const places = {
      ...placesOf(app, service),
      ...(lock === undefined ? {} : { lock }),
      ...(telemetry === undefined ? {} : { telemetry }),
    };
    const named = { app: app.app, ...instance, configHash: service.configHash };
    const own = await ownPorts(copies, named, service);
    const launch = resolveLaunch(app, service.spec, instance.index, places, own);
    await prepare(app);
    if (lock !== undefined) await giveLockPlace(lock, launch);
    if (places.files !== undefined) await layFiles(app, service.spec, places.files);
    const fresh: CopyRecord = {
      ...instance,
      app: app.app,
      configHash: service.configHash,
      release: app.release,
      ...(service.spec.image === undefined ? {} : { image: service.spec.image }),
      launch,
      phase: "created",
      nonce: newNonce(copies.owner),
      restarts: 0,
      attempt: 0,
      health: "starting",
    };
    const copy = await copies.findOrAdd(fresh);
    const { configHash, beside } = copy.record;
    if (configHash !== service.configHash) throw occupied(fresh);
    await copy.start(beside === undefined ? fresh : { ...fresh, beside });
  }

  /** A copy keeps its ports over its restarts. */
  async function ownPorts(
    copies: Copies,
    named: Named,
    { spec }: ResolvedService,
  ): Promise<OwnPort[]> {
    const known = copies.find(named)?.record.launch.own;
    if (known !== undefined) return known;
    const taken = copies.list().flatMap(({ record }) => record.launch.own ?? []);
    const seed = `${copies.owner}/${named.app}/${named.service}.${named.index}`;
    return allotPorts(spec, { taken: new Set(taken.map(({ port }) => port)), seed });
  }

  /** @returns false while copies of it are there */
  async function cleanUp(app: AppName): Promise<boolean> {
    const copies = await opened();
    if (copies.list().some((copy) => copy.record.app === app)) return false;
    await copies.forgetApp(app);
    await rm(join(directory, "files", app), { recursive: true, force: true });
    return true;
  }

  return {
    name: "process",
    observe: async () => (await opened()).list().map((copy) => copy.observe()),
    /** A process has no image. */
    pull: () => Promise.resolve(),
    async check(app, serving) {
      const copies = await opened();
      const { holder = async () => undefined } = options;
      const placesFor = (each: ResolvedService) => placesOf(app, each);
      await checkApp(app, serving, { copies, warn, placesOf: placesFor, holder });
    },
    prepare,
    start,
    remove: async (instance) => (await opened()).remove(instance),
    restart: async (instance) => (await opened()).find(instance)?.restart(),
    async cleanUp(app) {
      await cleanUp(app);
    },
    async wipe(app) {
      if (!(await cleanUp(app))) throw inUse(app);
      await rm(join(directory, "volumes", app), { recursive: true, force: true });
    },
    async logs(instance, wanted) {
      const copies = await opened();
      const copy = copies.find(instance);
      if (copy === undefined) return copies.logsOf(instance).read(wanted);
      const startedAt = copy.record.run?.startedAt ?? 0;
      return copy.logs.read({ ...wanted, startedAt });
    },
    async follow(instance, wanted) {
      const copies = await opened();
      const copy = copies.find(instance);
      const logs = copy?.logs ?? copies.logsOf(instance);
      const startedAt = copy?.record.run?.startedAt ?? 0;
      const isOver = (): boolean => copies.find(instance) !== copy || copy === undefined;
      return logs.follow({ ...wanted, startedAt, isOver });
    },
    onChange: (listener) => void listeners.add(listener),
    async stop() {
      listeners.clear();
      (await opening?.catch(() => undefined))?.release();
    },
    async endAll() {
      listeners.clear();
      await (await opened()).killAll(endAllGraceMs);
    },
  };
}

function serviceOf(app: ResolvedApp, name: string): ResolvedService {
  const service = app.services[name];
  if (service !== undefined) return service;
  throw new FleetError("not_found", { message: `App ${app.app} has no service ${name}.` });
}

function occupied({ app, service, index }: CopyRecord): FleetError {
  return new FleetError("start_failed", {
    subject: service,
    message: `Copy ${index} of ${app}/${service} still runs with another configuration.`,
    hint: "Remove it first.",
    retry: "later",
  });
}

/** Nobody may be told that data is gone which is not. */
function inUse(app: AppName): FleetError {
  return new FleetError("runtime_refused", {
    subject: app,
    message: `The data of ${app} cannot be removed while a copy of it is there.`,
    retry: "later",
  });
}
