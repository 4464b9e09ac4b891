// A run controller on the real store, with devices in memory and a clock that moves when it is told to.
import { createBus } from "#hub/bus.ts";
import { createRunBook, type RunBook } from "#hub/run/book.ts";
import { createRunController, type RunController } from "#hub/run/controller.ts";
import { createMemoryProvider, type MemoryProvider } from "#hub/run/memory.ts";
import type { Run } from "#hub/run/model.ts";
import type { Phase } from "#hub/run/phase.ts";
import { plansOf } from "#hub/run/plans.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RequestId } from "#shared/run.ts";
import { createManualClock, type ManualClock } from "#test/hub/ingest/manual.ts";

export interface RunBench {
  store: Store;
  clock: ManualClock;
  /** Wall time alone goes on by so much. */
  setClock(byMs: number): void;
  provider: MemoryProvider;
  runs: RunController;
  book: RunBook;
  disconnected: DeviceId[];
  /** Runs whose end was told, in order. */
  ended: string[];
  /** Apps that are wanted on every device. */
  apps: number;
  attend: () => Promise<void>;
  enrol(...names: string[]): Promise<DeviceId[]>;
  order(device: DeviceId, plan?: string, more?: Partial<Order>): Promise<Run>;
  /** The device does all that it can, and the hub looks at it. */
  finish(device: DeviceId): Promise<void>;
  run(run: Run): Promise<Run>;
  /** Phase, and the conditions that are True. */
  phase(device: DeviceId): string;
  reasons(): Promise<string[]>;
  /** Another hub on the same store. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

interface Order {
  request: string;
  parameters: Record<string, string>;
}

async function createRunBench(): Promise<RunBench> {
  const store = await openStore({ file: ":memory:" });
  const manual = createManualClock();
  let setMs = 0;
  const clock: ManualClock = { ...manual, now: () => manual.now() + setMs };
  const bus = createBus();
  const provider = createMemoryProvider({
    now: clock.now,
    onTold: (device) => bus.emit("run", device),
  });
  let requests = 0;
  let stop = async (): Promise<void> => undefined;
  const bench: RunBench = {
    setClock: (byMs) => {
      setMs += byMs;
    },
    ...{ store, clock, provider, disconnected: [], ended: [], apps: 0 },
    attend: async () => undefined,
    ...({} as Pick<RunBench, "runs" | "book">),
    enrol: async (...names) => {
      const ids = names as DeviceId[];
      for (const id of ids) {
        await store.enrol(id, "0".repeat(64), {}, clock.now());
        bus.emit("membership", id);
      }
      await bench.runs.settle();
      return ids;
    },
    order: async (device, plan = "reboot", more = {}) => {
      requests += 1;
      const request = (more.request ?? `request-${requests}`) as RequestId;
      const said = { operator: "ann", reason: "it was time", parameters: more.parameters ?? {} };
      return (await bench.runs.order({ device, plan, request, ...said })).run;
    },
    finish: async (device) => {
      while (provider.tick(device)) await bench.runs.settle();
    },
    run: async ({ id }) => {
      const found = await store.run(id);
      if (found === null) throw new Error(`no run ${id}`);
      return found;
    },
    phase: (device) => {
      const life = bench.book.life(device);
      if (life === undefined) return "unknown";
      const conditions = [life.provisioned, life.needsIntervention];
      const held = conditions.filter(({ status }) => status === "True").map(({ type }) => type);
      return [life.phase satisfies Phase, ...held].join(" ");
    },
    reasons: async () => {
      const { rows } = await store.events({ afterId: 0, limit: 500 });
      return rows.map(({ reason }) => reason);
    },
    restart: async () => {
      await stop();
      bench.book = createRunBook();
      bench.runs = createRunController({
        ...{ store, book: bench.book, provider, bus, clock, random: Math.random },
        plans: () => plansOf(undefined),
        appsOf: async () => bench.apps,
        disconnect: (device) => void bench.disconnected.push(device),
        attend: () => bench.attend(),
        onEnded: ({ plan, head }) => void bench.ended.push(`${plan} ${head.state}`),
        onFailed: (error) => {
          throw error;
        },
      });
      stop = bench.runs.stop;
      await bench.runs.start();
      await bench.runs.settle();
    },
    close: async () => {
      await stop();
      await store.close();
    },
  };
  await bench.restart();
  return bench;
}

export async function withBench(body: (bench: RunBench) => Promise<void>): Promise<void> {
  const bench = await createRunBench();
  try {
    await body(bench);
  } finally {
    await bench.close();
  }
}
