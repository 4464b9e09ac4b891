// One process of the simulator: holds its share of the devices until it is told to finish.
import { createHubClient } from "#scripts/start/hub_client.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import { type SimulatedDevice, startDevice } from "./device.ts";
import type { Assignment, FromWorker, ToWorker } from "./messages.ts";
import { addCounts, type Counts, noCounts } from "./tally.ts";

/** Devices that enrol at the same time; each waits for two disk writes of the hub. */
const enrolAtOnce = 16;
const progressMs = 500;
const retryMs = 1000;

const devices: SimulatedDevice[] = [];
const stopping = new AbortController();
let failures = 0;
let problem: string | undefined;

function say(message: FromWorker): void {
  process.send?.(message);
}

function countAll(): Counts {
  const all = devices.map((device) => device.counts()).reduce(addCounts, noCounts);
  return { ...all, errors: all.errors + failures };
}

async function start({ settings, operatorToken, devices: mine }: Assignment): Promise<void> {
  const hub = createHubClient(settings.hubUrl, async () => operatorToken);
  const waiting = [...mine];
  const startOne = async ({ id, labels, model }: (typeof mine)[number]): Promise<void> => {
    const token = await hub.enrolmentToken(id);
    const { signal } = stopping;
    devices.push(await startDevice({ device: id, labels, model, token, settings, clock, signal }));
  };
  const drain = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (stopping.signal.aborted) return;
      const isDue = await startOne(next).then(() => false, failsForNow);
      if (!isDue) continue;
      await clock.sleep(retryMs, stopping.signal);
      waiting.push(next);
    }
  };
  await Promise.all(Array.from({ length: enrolAtOnce }, drain));
}

/** @returns whether it may go well another time: a hub that enrols many may be slow to answer */
function failsForNow(thrown: unknown): boolean {
  if (stopping.signal.aborted) return false;
  const error = asFleetError(thrown);
  failures += 1;
  problem = error.sentence;
  return error.retry === "later";
}

/** Counted before the goodbye: afterwards nobody would be connected. */
async function finish(starting: Promise<void>): Promise<void> {
  clearInterval(progress);
  const counts = countAll();
  stopping.abort();
  await starting;
  const latenciesMs = devices.flatMap((device) => device.latenciesMs());
  await Promise.all(devices.map((device) => device.stop()));
  say({ kind: "finished", counts, latenciesMs });
  process.disconnect();
}

let starting: Promise<void> = Promise.resolve();
const progress = setInterval(() => {
  say({ kind: "progress", counts: countAll(), ...(problem === undefined ? {} : { problem }) });
}, progressMs);

process.on("message", (message: ToWorker) => {
  if (message.kind === "start") starting = start(message.assignment);
  else void finish(starting);
});
// Ctrl-C reaches the whole group; the main process says when to finish.
process.on("SIGINT", () => undefined);
// Whatever happened to the main process: without it nobody wants these devices.
process.on("disconnect", () => process.exit());
say({ kind: "ready" });
