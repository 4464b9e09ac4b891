// Ingestion over a real store, with a broker that only records and a clock that only moves when told.
import type { UplinkListener } from "#hub/broker/port.ts";
import { type Bus, createBus } from "#hub/bus.ts";
import { createIngest, type Ingest } from "#hub/ingest/ingest.ts";
import type { Allowance } from "#hub/store/holding_port.ts";
import type { DeviceRow, Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { Beat } from "#shared/beat.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { Channel } from "#shared/topic.ts";
import { encode, type Message } from "#shared/wire.ts";
import { aReport, enrolFleet, id } from "#test/contract/rows.ts";
import { createManualClock, type ManualClock } from "./manual.ts";

type Options = Partial<Parameters<typeof createIngest>[0]>;

export interface World {
  ingest: Ingest;
  store: Store;
  bus: Bus;
  clock: ManualClock;
  /** `device epoch seq`, in the order of sending. */
  acks: string[];
  /** A message by MQTT. */
  readonly send: <C extends Channel>(device: string, channel: C, message: Message<C>) => void;
  sendRaw: UplinkListener;
  readonly device: (name: string) => Promise<DeviceRow>;
  /** Reasons of all events, oldest first. */
  readonly reasons: (device?: string) => Promise<string[]>;
}

/** The device of most tests. */
export const pi = "pi-0000";

export async function withIngest(
  body: (world: World) => Promise<void>,
  options: (store: Store) => Options | Promise<Options> = () => ({}),
  kept: { allowance?: Allowance } = {},
): Promise<void> {
  const store = await openStore({ file: ":memory:", ...kept });
  await enrolFleet(store, 3);
  const clock = createManualClock();
  const bus = createBus();
  const acks: string[] = [];
  let listener: UplinkListener = () => undefined;
  const broker = {
    onUplink: (heard: UplinkListener) => {
      listener = heard;
    },
    acknowledge: (device: DeviceId, { epoch, seq }: Message<"ack">) => {
      acks.push(`${device} ${epoch} ${seq}`);
    },
  };
  const ingest = createIngest({ store, broker, bus, clock, ...(await options(store)) });
  await ingest.start();
  await body({
    ingest,
    store,
    bus,
    clock,
    acks,
    send: (device, channel, message) =>
      listener(id(device), channel as "beat", encode(channel, message)),
    sendRaw: (...args) => listener(...args),
    device: async (name) => {
      const row = await store.device(id(name));
      if (row === null) throw new Error(`${name} is not enrolled`);
      return row;
    },
    reasons: async (device) => {
      const of = device === undefined ? {} : { device: id(device) };
      const { rows } = await store.events({ limit: 1000, afterId: 0, ...of });
      return rows.map(({ reason }) => reason);
    },
  });
  await ingest.stop();
  await store.close();
}

export function aBeat(over: Partial<Beat> = {}): Beat {
  return { bootId: "b1", generation: 0, specHash: "", at: 1, heartbeatMs: 1000, ...over };
}

type AppState = Pick<ReportedState["apps"][number], "sync" | "health">;

/** A report of one app. */
export function anAppReport(
  { sync, health }: AppState,
  over: Partial<ReportedState> = {},
): ReportedState {
  const app = { name: "web" as never, sync, health, quarantined: [], services: [] };
  return aReport(pi, { labels: { site: "site-0", n: "0" }, apps: [app], ...over });
}
