// Sees this device's copies with one list call; asks about a copy only after something happened to it.
import type {
  ContainerDetail,
  ContainerSummary,
  Enforced,
  EngineEvent,
} from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { nameOf } from "#edge/runtime/docker/create/names.ts";
import type { ObservedInstance } from "#edge/runtime/port.ts";
import type { AppName } from "#shared/ids.ts";
import type { Engine } from "./engine.ts";
import { editsOf } from "./limits.ts";

/** What the event stream has told since the start. */
export interface Occurrences {
  starts: number;
  exits: number;
  oomKills: number;
  healthChanges: number;
}

export interface Observer {
  /** This device's copies of a list of containers. */
  see(containers: readonly ContainerSummary[]): Promise<ObservedInstance[]>;
  /** The app's project may hold copies that others made. */
  learn(project: string, app: AppName): void;
  /** @returns whether the event is about a copy of this device */
  note(event: EngineEvent): boolean;
  /** Events went unseen: nothing that is remembered can be relied on. */
  forget(): void;
  occurrences: () => Readonly<Occurrences>;
}

interface Remembered {
  /** What the list said when the detail was taken. */
  seen: string;
  detail: ContainerDetail;
}

/** @param options.isWatching whether events tell of every change */
export function createObserver(options: {
  engine: Engine;
  device: string;
  isWatching: () => boolean;
  /** What the copy of this id was found to have lost. */
  lossesOf: (id: string) => string[];
}): Observer {
  const { engine, device, isWatching, lossesOf } = options;
  const projects = new Map<string, AppName>();
  const remembered = new Map<string, Remembered>();
  const occurred: Occurrences = { starts: 0, exits: 0, oomKills: 0, healthChanges: 0 };
  let noted = 0;
  let enforced: Enforced | undefined;

  const appOf = (labels: Record<string, string>): AppName | undefined => {
    const owner = labels[label.device];
    if (owner === device) return labels[label.app] as AppName | undefined;
    const oneOff = labels[label.oneOff] === "True";
    return owner === undefined && !oneOff ? projects.get(labels[label.project] ?? "") : undefined;
  };
  const learnFrom = (containers: readonly ContainerSummary[]): void => {
    for (const { Labels: labels } of containers) {
      const project = labels[label.project];
      const app = labels[label.device] === device ? labels[label.app] : undefined;
      if (project !== undefined && app !== undefined) projects.set(project, app as AppName);
    }
  };
  const forgetAbsent = (containers: readonly ContainerSummary[]): void => {
    const present = new Set(containers.map((container) => container.Id));
    for (const id of remembered.keys()) if (!present.has(id)) remembered.delete(id);
  };
  const detailOf = async (container: ContainerSummary): Promise<ContainerDetail | undefined> => {
    const seen = seenOf(container);
    const known = remembered.get(container.Id);
    if (known?.seen === seen && isWatching()) return known.detail;
    const before = noted;
    const detail = await engine.inspectContainer(container.Id);
    // An event during the call may be newer than its answer.
    if (detail !== undefined && noted === before) remembered.set(container.Id, { seen, detail });
    return detail;
  };

  /** Of a copy that runs: what has ended is made anew, or rests. */
  const changesOf = async (
    { state, configHash }: ObservedInstance,
    detail: ContainerDetail,
  ): Promise<Pick<ObservedInstance, "edited" | "lost">> => {
    if (state !== "running" || configHash === "") return {};
    enforced ??= await engine.enforces();
    const edited = editsOf(detail, enforced);
    const lost = lossesOf(detail.Id);
    return { ...(edited.length > 0 ? { edited } : {}), ...(lost.length > 0 ? { lost } : {}) };
  };

  return {
    see: async (containers) => {
      learnFrom(containers);
      forgetAbsent(containers);
      const instances: ObservedInstance[] = [];
      for (const container of containers) {
        const app = appOf(container.Labels);
        const detail = app === undefined ? undefined : await detailOf(container);
        if (app === undefined || detail === undefined) continue;
        const seen = instanceOf(container, detail, app, device);
        instances.push({ ...seen, ...(await changesOf(seen, detail)) });
      }
      return instances;
    },
    learn: (project, app) => void projects.set(project, app),
    note: (event) => {
      if (appOf(event.Actor.Attributes) === undefined) return false;
      noted += 1;
      remembered.delete(event.Actor.ID);
      count(occurred, event.Action);
      return true;
    },
    forget: () => {
      noted += 1;
      remembered.clear();
      enforced = undefined;
    },
    occurrences: () => ({ ...occurred }),
  };
}

function count(occurred: Occurrences, action: string): void {
  if (action === "start") occurred.starts += 1;
  if (action === "die") occurred.exits += 1;
  if (action === "oom") occurred.oomKills += 1;
  if (action.startsWith("health_status")) occurred.healthChanges += 1;
}

const exitText = /^(?:Exited|Restarting) \((\d+)\)/;

/** The running time in the status moves by itself; health and exit code do not. */
function seenOf({ State, Status }: ContainerSummary): string {
  return `${State} ${healthOf(Status)} ${exitText.exec(Status)?.[1] ?? ""}`;
}

function healthOf(status: string): ObservedInstance["health"] {
  if (status.includes("(healthy)")) return "healthy";
  if (status.includes("(unhealthy)")) return "unhealthy";
  return status.includes("(health: starting)") ? "starting" : "none";
}

function stateOf(state: string): ObservedInstance["state"] {
  switch (state) {
    case "created":
    case "running":
    case "restarting":
    case "exited":
    case "paused":
      return state;
    default:
      return "dead";
  }
}

/** Where a running copy is reached, and where it is to be and is not, by the list alone. */
function attachmentOf(
  { Labels: labels, NetworkSettings }: ContainerSummary,
  state: ObservedInstance["state"],
): Pick<ObservedInstance, "backends" | "detachedFrom"> {
  const networks = NetworkSettings?.Networks;
  if (state !== "running" || networks === undefined || networks === null) return {};
  const wanted = listOf(labels[label.networks]);
  const missing = wanted.filter((name) => networks[name] === undefined);
  const addresses = [...wanted, ...Object.keys(networks)].map((name) => networks[name]?.IPAddress);
  const host = addresses.find((address) => address !== undefined && address !== "");
  const forwards = labels[label.forwards];
  const backends = listOf(forwards).map((port) => [port, { host: host ?? "", port: Number(port) }]);
  return {
    ...(missing.length === 0 ? {} : { detachedFrom: missing }),
    ...(forwards === undefined || host === undefined
      ? {}
      : { backends: Object.fromEntries(backends) as NonNullable<ObservedInstance["backends"]> }),
  };
}

function listOf(text = ""): string[] {
  return text.split(",").filter((item) => item !== "");
}

function instanceOf(
  container: ContainerSummary,
  detail: ContainerDetail,
  app: AppName,
  device: string,
): ObservedInstance {
  const labels = container.Labels;
  const ours = labels[label.device] === device;
  const state = stateOf(container.State);
  const startedAt = Date.parse(detail.State.StartedAt);
  const index = Number(labels[label.number]);
  const ended = state === "exited" || state === "restarting" || state === "dead";
  return {
    runtime: "docker",
    app,
    service: labels[label.service] ?? nameOf(container),
    id: container.Id,
    index: Number.isInteger(index) && index > 0 ? index : 1,
    state,
    health: healthOf(container.Status),
    restarts: detail.RestartCount,
    configHash: ours ? (labels[label.configHash] ?? "") : "",
    release: ours ? (labels[label.release] ?? "") : "",
    image: container.Image,
    ...attachmentOf(container, state),
    // The Engine writes the year 1 for "never".
    ...(startedAt > 0 ? { startedAt } : {}),
    ...(ended ? { exitCode: detail.State.ExitCode } : {}),
  };
}
