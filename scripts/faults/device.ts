// One device of a world: its agent, its steady workload under watch, and releases for it alone.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listMarked } from "#edge/runtime/process/proc.ts";
import type { DeviceId } from "#shared/ids.ts";
import { type Agent, type AgentStart, createAgent } from "./agent.ts";
import { writeBacklog } from "./backlog.ts";
import type { DeviceView, Hub, Update } from "./hub.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import type { FleetRepository } from "./repository.ts";
import { firstVersion, type Quality, type RoleOptions, versionFile } from "./role.ts";
import { pause, until } from "./until.ts";
import { createWatch, type Watch } from "./watch.ts";

export interface Release {
  commit: string;
  /** As the moving workload answers at `/version.txt`. */
  version: string;
  quality: Quality;
}

interface ReleaseOptions {
  /** Whether the hub is told; by default it is. */
  poke?: boolean;
  /** Further files of the commit, by their path in the repository. */
  files?: Readonly<Record<string, string>>;
}

/** An update, with the version that it was to bring. */
export interface UpdateTo extends Update {
  version: string;
}

export interface Device {
  readonly id: DeviceId;
  /** Its data directory. */
  readonly directory: string;
  readonly agent: Agent;
  readonly steady: Watch;
  readonly ledger: Ledger;
  readonly ports: { steady: number; moving: number };
  /** Adds it to the repository, starts its agent and its watch, and waits until it has converged. */
  join(role?: RoleOptions): Promise<void>;
  /** Commits a release for this device, and tells the hub unless told otherwise. */
  release(quality: Quality, options?: ReleaseOptions): Promise<Release>;
  /** The newest first. */
  releases(): readonly Release[];
  /** The newest first, as the hub has them. */
  updates(): Promise<UpdateTo[]>;
  /** What the hub shows of it. Generations that fell since the last look are kept in mind. */
  view(): Promise<DeviceView>;
  /** The words for a generation that was seen to fall. */
  fallen(): string | undefined;
  /** A hub that lost its memory knows older generations; what the device journals must rise all the same. */
  forgetGenerations(): void;
  /** The version that the moving workload serves now. */
  served(): Promise<string | undefined>;
  /** Until the hub calls it online and has heard of the agent that runs now. */
  connected(): Promise<void>;
  /** Until it runs the release, is Synced and Healthy and has nothing more to do. */
  converged(release: Release, limitMs?: number): Promise<void>;
  /** Until the bad release was rolled back or refused, and the last good one serves. */
  rolledBack(release: Release, limitMs?: number): Promise<void>;
  /** Until a good release is converged to, or a bad one rolled back. */
  settled(release: Release): Promise<void>;
  /** Ends the agent, lets its journal hold so much more, and starts it again. */
  journalled(count: number, stepMs: number): Promise<void>;
  /** SIGKILL to the agent and to every process of its workloads, as when the power goes. */
  cutPower(): Promise<void>;
  stop(): Promise<void>;
}

export interface DeviceOptions {
  id: DeviceId;
  directory: string;
  logFile: string;
  runtime: "docker" | "process";
  ports: { steady: number; moving: number };
  hub: Hub;
  repository: FleetRepository;
  agent: AgentStart;
}

const convergingMs = 60_000;

/** Nothing is started yet. */
export function createDevice(options: DeviceOptions): Device {
  const { id, directory, hub, repository, ports } = options;
  const agent = createAgent({ ...options, device: id, defaults: options.agent });
  const steady = createWatch({ port: ports.steady });
  const ledger = createLedger({ device: id, directory, hub, agent: agent.program });
  const releases: Release[] = [];
  const generations = createGenerations();
  let latest: DeviceView | undefined;

  const view = async (): Promise<DeviceView> => {
    latest = await hub.device(id);
    generations.note(latest);
    return latest;
  };
  const served = async (): Promise<string | undefined> => {
    const signal = AbortSignal.timeout(1000);
    const answer = await fetch(`http://127.0.0.1:${ports.moving}/version.txt`, { signal }).catch(
      () => undefined,
    );
    return answer?.ok === true ? (await answer.text()).trim() : undefined;
  };
  const lastGood = (): Release | undefined => releases.find(({ quality }) => quality === "good");
  const tell = (): string => inWords(latest);
  const versionAt = async (commit: string): Promise<string> =>
    (await repository.show(commit, `roles/${id}/${versionFile}`)).trim();

  const updates = async (): Promise<UpdateTo[]> => {
    const all = await hub.updates(id);
    return await Promise.all(
      all.map(async (update) => ({ ...update, version: await versionAt(update.commit) })),
    );
  };
  const converged: Device["converged"] = async (release, limitMs = convergingMs) => {
    const look = async (): Promise<boolean> => {
      const commit = settledAt(await view());
      if (commit === undefined || (await served()) !== release.version) return false;
      return (await versionAt(commit)) === release.version;
    };
    await until(`${id} runs "${release.version}"`, look, { limitMs, tell });
  };
  const rolledBack: Device["rolledBack"] = async ({ version }, limitMs = convergingMs) => {
    const look = async (): Promise<boolean> => {
      const last = (await updates()).find((update) => update.version === version);
      const [app] = (await view()).apps;
      const isBack = app?.health === "Healthy" && app.step === undefined;
      return isOver(last?.outcome) && isBack && (await served()) === lastGood()?.version;
    };
    await until(`${id} rolls "${version}" back`, look, { limitMs, tell });
  };

  return {
    ...{ id, directory, agent, steady, ledger, ports, view, served, converged },
    join: async (role = {}) => {
      const values = { STEADY_PORT: ports.steady, MOVING_PORT: ports.moving };
      const commit = await repository.add({ device: id, values, role });
      const first: Release = { commit, version: firstVersion, quality: "good" };
      releases.unshift(first);
      await hub.poke();
      await agent.start();
      await converged(first);
      generations.watch();
      steady.start();
    },
    release: async (quality, { poke = true, files: others = {} } = {}) => {
      const version = `${quality} ${releases.length}`;
      const files = { ...others, [`roles/${id}/${versionFile}`]: `${version}\n` };
      const commit = await repository.commit(files, `${id}: ${version}`);
      const release = { commit, version, quality };
      releases.unshift(release);
      if (poke) await hub.poke();
      return release;
    },
    releases: () => releases,
    connected: async () => {
      const since = Date.now();
      const look = async (): Promise<boolean> => {
        const { connection, reported } = await view();
        return connection === "Online" && reported !== null && reported.at >= since;
      };
      await until(`${id} is connected`, look, { limitMs: convergingMs, tell });
    },
    updates,
    fallen: generations.fallen,
    forgetGenerations: generations.forget,
    rolledBack,
    settled: (release) => (release.quality === "good" ? converged(release) : rolledBack(release)),
    journalled: async (count, stepMs) => {
      await agent.program.kill();
      await writeBacklog(directory, count, stepMs);
      await agent.start();
    },
    cutPower: async () => {
      await agent.program.kill();
      endWorkloads(id);
      await until("the power is off", async () => marked(id).length === 0, { limitMs: 5000 });
    },
    stop: async () => {
      await steady.stop();
      await agent.program.stop();
      endWorkloads(id);
    },
  };
}

/** The commit that the device runs when there is nothing more to do. It may be a later one than that of
 *  the release: the hub takes in what was committed side by side at once. Pure. */
function settledAt({ apps }: DeviceView): string | undefined {
  const [app] = apps;
  const settled = app?.sync === "Synced" && app.health === "Healthy" && app.step === undefined;
  return settled ? app.current?.commit : undefined;
}

function isOver(outcome: string | undefined): boolean {
  return outcome === "rolledBack" || outcome === "refused";
}

function inWords(view: DeviceView | undefined): string {
  const [app] = view?.apps ?? [];
  if (view === undefined || app === undefined) return "the hub knows nothing of its app";
  const conditions = view.conditions.map(
    ({ type, status, message }) => `${type} ${status}: ${message}`,
  );
  const words = [view.connection, app.sync, app.health, app.step, app.failure?.message];
  return [...words, ...conditions].filter((word) => word !== undefined).join(", ");
}

/** Desired and observed generation only rise. */
function createGenerations() {
  const highest = { desired: 0, observed: 0 };
  let fallen: string | undefined;
  let watched = false;
  return {
    fallen: () => fallen,
    watch: () => {
      watched = true;
    },
    forget: () => {
      highest.desired = 0;
      highest.observed = 0;
    },
    note: ({ desiredGeneration: desired, observedGeneration: observed }: DeviceView): void => {
      if (!watched) return;
      if (desired < highest.desired) {
        fallen ??= `the desired generation fell from ${highest.desired} to ${desired}`;
      }
      if (observed < highest.observed) {
        fallen ??= `the observed generation fell from ${highest.observed} to ${observed}`;
      }
      highest.desired = Math.max(highest.desired, desired);
      highest.observed = Math.max(highest.observed, observed);
    },
  };
}

const marked = (id: DeviceId) => listMarked().filter(({ marker }) => marker.device === id);

function endWorkloads(id: DeviceId): void {
  for (const { pid } of marked(id)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

/** The release of the device's app that is current on its disk, file by file as the repository has it.
 *  @returns the path of the first file that is missing or differs */
export async function firstTornFile(
  { id, directory }: Pick<Device, "id" | "directory">,
  repository: FleetRepository,
  commit: string,
): Promise<string | undefined> {
  const list = await repository.git("ls-tree", "-r", "--name-only", commit, `roles/${id}/`);
  const content = join(directory, "apps", id, "current", "content");
  for (const path of list.trim().split("\n")) {
    const file = join(content, path.slice(`roles/${id}/`.length));
    const there = await readFile(file, "utf8").catch(() => undefined);
    if (there !== (await repository.show(commit, path))) return file;
  }
  return undefined;
}

/** Long enough for a report to be on its way. */
export const breath = (): Promise<void> => pause(300);
