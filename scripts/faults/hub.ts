// The real hub as a process on ports that stay, and what the harness asks of its API.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { createHubClient } from "#scripts/start/hub_client.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { JournalEntry } from "#shared/journal.ts";
import { createProgram, type Program } from "./program.ts";
import { notSurvived } from "./until.ts";

const startMs = 30_000;
/** Between two fetches; the harness also tells the hub of each commit. */
const pollSeconds = 5;

const App = z.object({
  name: z.string(),
  sync: z.string(),
  health: z.string(),
  current: z.object({ commit: z.string() }).exactOptional(),
  step: z.string().exactOptional(),
  failure: z.object({ message: z.string() }).exactOptional(),
});
const DeviceView = z.object({
  connection: z.string(),
  desiredGeneration: z.number(),
  observedGeneration: z.number(),
  apps: z.array(App),
  reported: z.object({ at: z.number() }).nullable(),
  conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string() })),
});
export type DeviceView = z.infer<typeof DeviceView>;

const Update = z.object({
  attempt: z.string(),
  commit: z.string(),
  outcome: z.string(),
  message: z.string().exactOptional(),
});
export type Update = z.infer<typeof Update>;

const StoredEntry = JournalEntry.extend({ epoch: z.string() });
export type StoredEntry = z.infer<typeof StoredEntry>;

const listOf = <S extends z.ZodType>(item: S) =>
  z.object({ items: z.array(item), next: z.string().nullable() });

const Rollout = z.object({ id: z.number(), state: z.string(), commit: z.string() });
export type Rollout = z.infer<typeof Rollout>;

const RolloutDevice = z.object({
  device: z.string(),
  state: z.string(),
  step: z.number().nullable(),
});
type RolloutDevice = z.infer<typeof RolloutDevice>;

export interface HubOptions {
  directory: string;
  repository: string;
  httpPort: number;
  mqttPort: number;
}

export interface Hub {
  readonly program: Program;
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly url: string;
  /** Holds `hub.db`. */
  readonly dataDirectory: string;
  /** Starts it and waits until it is ready. */
  start(): Promise<void>;
  /** Starts it so that it kills itself at this point; it may be gone before it is ready. */
  startArmed(point: string): void;
  /** Tells it that the repository has changed. */
  poke(): Promise<void>;
  enrolmentToken(device: DeviceId): Promise<string>;
  device(id: DeviceId): Promise<DeviceView>;
  /** Newest first. */
  updates(id: DeviceId): Promise<Update[]>;
  /** A page of the device's journal, newest arrival first. */
  journal(id: DeviceId, cursor?: string): Promise<{ items: StoredEntry[]; next: string | null }>;
  /** How many events with that reason it has, 100 at most. */
  events(reason: string): Promise<number>;
  /** Whether nothing new leaves, because the store is blank or an old copy. */
  isPaused(): Promise<boolean>;
  /** The newest of a deployment. */
  rollout(deployment: string): Promise<Rollout | undefined>;
  /** In the order of their release. */
  rolloutDevices(id: number): Promise<RolloutDevice[]>;
  /** A POST to the API, with the operator's token. */
  order(path: string, body?: object): Promise<void>;
}

export function createHub(options: HubOptions): Hub {
  const { directory, httpPort, mqttPort } = options;
  const url = `http://127.0.0.1:${httpPort}`;
  const dataDirectory = join(directory, "hub");
  const logFile = join(directory, "hub.log");
  const program = createProgram({ entry: "hub/main.ts", logFile });
  const operatorToken = async (): Promise<string> =>
    (await readFile(join(dataDirectory, "operator.token"), "utf8")).trim();
  const client = createHubClient(url, operatorToken);

  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = {
      authorization: `Bearer ${await operatorToken()}`,
      "content-type": "application/json",
    };
    const signal = AbortSignal.timeout(5000);
    const response = await fetch(new URL(path, url), { ...init, headers, signal });
    if (response.ok) return response;
    throw new FleetError("hub_unreachable", { message: `${path} answered ${response.status}` });
  };
  const order: Hub["order"] = async (path, body) => {
    await request(path, {
      method: "POST",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const read = async <S extends z.ZodType>(schema: S, path: string): Promise<z.infer<S>> =>
    schema.parse(await (await request(path)).json());

  return {
    ...{ program, httpPort, mqttPort, url, dataDirectory },
    start: async () => {
      program.start({ args: argumentsOf(options, dataDirectory) });
      const over = new AbortController();
      const ended = program.gone().then(() => {
        throw notSurvived(`the hub ended as it started; see ${logFile}`);
      });
      const signal = AbortSignal.any([over.signal, AbortSignal.timeout(startMs)]);
      await Promise.race([client.ready(signal), ended]).finally(() => over.abort());
    },
    startArmed: (point) => {
      const environment = { FLEET_FAULT: point };
      program.start({ args: argumentsOf(options, dataDirectory), environment });
    },
    poke: () => order("/v1/git/webhook"),
    order,
    enrolmentToken: client.enrolmentToken,
    events: async (reason) =>
      (await read(listOf(z.object({})), `/v1/events?limit=100&reason=${reason}`)).items.length,
    isPaused: async () => (await read(z.object({ paused: z.boolean() }), "/v1/fleet/pause")).paused,
    device: (id) => read(DeviceView, `/v1/devices/${id}`),
    updates: async (id) => (await read(listOf(Update), `/v1/devices/${id}/updates`)).items,
    rollout: async (deployment) =>
      (await read(listOf(Rollout), `/v1/rollouts?limit=1&deployment=${deployment}`)).items[0],
    rolloutDevices: async (id) =>
      (await read(listOf(RolloutDevice), `/v1/rollouts/${id}/devices?limit=500`)).items,
    journal: (id, cursor) =>
      read(
        listOf(StoredEntry),
        `/v1/devices/${id}/journal?limit=200${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
      ),
  };
}

function argumentsOf(options: HubOptions, dataDirectory: string): string[] {
  const { repository, httpPort, mqttPort } = options;
  return [
    ...["--data", dataDirectory, "--repository", repository, "--branch", "main"],
    ...["--http-port", String(httpPort), "--mqtt-port", String(mqttPort)],
    ...["--poll-seconds", String(pollSeconds)],
  ];
}
