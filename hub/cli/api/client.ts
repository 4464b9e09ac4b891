// The hub's API as the command uses it: one function per operation, typed by the hub's own schemas.
import type { DeploymentView } from "#hub/api/deployments.ts";
import type { DeviceSummary, DeviceView } from "#hub/api/device_view.ts";
import type { EventView } from "#hub/api/event_view.ts";
import type { SiteView } from "#hub/api/fleet.ts";
import type { OrderView } from "#hub/api/orders.ts";
import type { SignInCode, TokenView } from "#hub/api/tokens.ts";
import type { UpdateView } from "#hub/api/update_view.ts";
import type { RepositoryHealth } from "#hub/git/health.ts";
import type { BranchRow, FleetCounts, ReleaseRow } from "#hub/store/port.ts";
import type { DesiredMode } from "#shared/desired.ts";
import { type BackupCalls, backupCalls } from "./backup.ts";
import { type ControlCalls, controlCalls } from "./control.ts";
import { createHttp, type HttpOptions } from "./http.ts";
import { followLog } from "./log_follow.ts";
import { type LogMessage, logStream } from "./logs.ts";
import { undefinedWhereMissing } from "./missing.ts";
import { items } from "./pages.ts";
import { type RolloutCalls, rolloutCalls } from "./rollouts.ts";
import { type RunCalls, runCalls } from "./runs.ts";
import { type WatchMessage, type WatchQuery, watchStream } from "./stream.ts";

export type FleetView = FleetCounts & { repository: RepositoryHealth; branches: BranchRow[] };

/** Filters and order, by the names of the API's query. */
export type ListQuery = Record<string, string | number | undefined>;

export type LogFollowQuery = ListQuery & { tail: number };

export interface Client {
  /** Base address of the hub. */
  readonly url: string;
  devices(query?: ListQuery): AsyncIterable<DeviceSummary>;
  device(id: string): Promise<DeviceView>;
  /** Undefined where no device has this name. */
  findDevice(id: string): Promise<DeviceView | undefined>;
  updates(device: string, query?: ListQuery): AsyncIterable<UpdateView>;
  events(query?: ListQuery): AsyncIterable<EventView>;
  releases(query?: ListQuery): AsyncIterable<ReleaseRow>;
  deployments(): AsyncIterable<DeploymentView>;
  sites(): AsyncIterable<SiteView>;
  fleet(): Promise<FleetView>;
  readonly rollouts: RolloutCalls;
  readonly runs: RunCalls;
  readonly backups: BackupCalls;
  /** The OpenAPI document. */
  document(): Promise<Record<string, unknown>>;
  setMode(device: string, mode: DesiredMode, reason: string): Promise<OrderView>;
  retry(device: string, reason: string): Promise<OrderView>;
  control: ControlCalls;
  fetchRepository(): Promise<void>;
  enrolmentToken(request: { device?: string; ttlSeconds: number }): Promise<TokenView>;
  signInCode(): Promise<SignInCode>;
  /** One reading, as far as it goes.
   *  @param openMs how long the first byte may take */
  logs(path: string, query: ListQuery, openMs: number): AsyncIterable<LogMessage>;
  /** The same, followed over broken connections. */
  followLogs(path: string, query: LogFollowQuery, openMs: number): AsyncIterable<LogMessage>;
  /** Changes as they happen, over broken connections too. Ends with the signal.
   *  @throws FleetError when the hub refuses, or does not answer the first time */
  watch(query: WatchQuery, signal: AbortSignal): AsyncIterable<WatchMessage>;
}

const pageSize = 500;

/** @param options.onPage told how many items of a list have come */
export function createClient(
  options: HttpOptions & { onPage?: (items: number) => void; onWatch?: (words: string) => void },
): Client {
  const http = createHttp(options);
  const list = <T>(path: string, query?: ListQuery) =>
    items<T>(http, path, query ?? {}, options.onPage);
  const read = <T>(path: string): Promise<T> => http.json<T>({ method: "GET", path });
  const order = (method: "PUT" | "POST", path: string, body: unknown) =>
    http.json<OrderView>({ method, path, body });
  const device = (id: string): Promise<DeviceView> => read(pathOf(id));
  return {
    url: options.url,
    devices: (query) => list("/v1/devices", { limit: pageSize, ...query }),
    device,
    findDevice: (id) => device(id).catch(undefinedWhereMissing),
    // The API gives at most 100 updates at once: each carries its steps.
    updates: (id, query) => list(`${pathOf(id)}/updates`, { limit: 100, ...query }),
    events: (query) => list("/v1/events", { limit: pageSize, ...query }),
    releases: (query) => list("/v1/releases", { limit: pageSize, ...query }),
    deployments: () => list("/v1/deployments"),
    sites: () => list("/v1/sites"),
    fleet: () => read("/v1/fleet"),
    rollouts: rolloutCalls(http),
    runs: runCalls(http),
    backups: backupCalls(http),
    document: () => read("/openapi.json"),
    setMode: (id, mode, reason) => order("PUT", `${pathOf(id)}/mode`, { mode, reason }),
    retry: (id, reason) => order("POST", `${pathOf(id)}/retry`, { reason }),
    control: controlCalls(http),
    fetchRepository: async () => {
      await http.send({ method: "POST", path: "/v1/git/webhook" });
    },
    enrolmentToken: (body) => http.json({ method: "POST", path: "/v1/enrollment-tokens", body }),
    signInCode: () => http.json({ method: "POST", path: "/v1/sign-in-codes" }),
    logs: (path, query, openMs) => logStream({ http, path, query, openMs }),
    followLogs: (path, query, openMs) => {
      const following = { ...query, follow: "true" };
      const read = (tail: number) =>
        logStream({ http, path, query: { ...following, tail }, openMs });
      return followLog({ ...options, read, tail: query.tail });
    },
    watch: (query, signal) => watchStream({ ...options, http, query, signal }),
  };
}

function pathOf(device: string): string {
  return `/v1/devices/${encodeURIComponent(device)}`;
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

export async function take<T>(source: AsyncIterable<T>, limit: number): Promise<T[]> {
  const first: T[] = [];
  if (limit <= 0) return first;
  for await (const item of source) {
    first.push(item);
    if (first.length >= limit) break;
  }
  return first;
}
