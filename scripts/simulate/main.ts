// Holds many devices for a while: enrols them, lets them run, and says what became of them.
import { readFile } from "node:fs/promises";
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import { DeviceId } from "#shared/ids.ts";
import { type OwnHub, startHub } from "./hub.ts";
import { devicesPerProcess, requireRoom } from "./limits.ts";
import type { Assignment } from "./messages.ts";
import { readOptions, type SimulateOptions } from "./options.ts";
import { siteName } from "./repository.ts";
import { type Counts, type Summary, summarise } from "./tally.ts";
import { startWorkers, type Workers } from "./workers.ts";

const progressMs = 2000;

try {
  const options = readOptions(process.argv.slice(2));
  requireRoom({ ...options, ownHub: options.hub === undefined });
  const summary = await simulate(options);
  process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : inWords(summary));
  process.exitCode = summary.synced === options.devices ? 0 : 1;
} catch (thrown) {
  const { sentence, hint } = asFleetError(thrown);
  say(hint === undefined ? sentence : `${sentence}\n${hint}`);
  process.exitCode = 1;
}

async function simulate(options: SimulateOptions): Promise<Summary> {
  const over = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => over.abort());
  const hub = await reachHub(options);
  try {
    const workers = await startWorkers(assignments(options, hub));
    const began = clock.monotonicMs();
    await watch(workers, options, over.signal);
    const seconds = Math.round((clock.monotonicMs() - began) / 100) / 10;
    const { counts, latenciesMs } = await workers.finish();
    return summarise({ ...counts, devices: options.devices }, latenciesMs, seconds);
  } finally {
    await hub.stop();
  }
}

async function reachHub({ hub, tokenFile, sites }: SimulateOptions): Promise<OwnHub> {
  if (hub === undefined || tokenFile === undefined) {
    say("starting a hub of its own");
    return await startHub(sites);
  }
  const operatorToken = (await readFile(tokenFile, "utf8")).trim();
  return { url: hub, operatorToken, stop: () => Promise.resolve() };
}

function assignments(options: SimulateOptions, hub: OwnHub): Assignment[] {
  const settings = {
    hubUrl: hub.url,
    heartbeatMs: options.heartbeatSeconds * 1000,
    applyMs: options.applySeconds * 1000,
    sampleMs: options.sampleSeconds * 1000,
  };
  const all = Array.from({ length: options.devices }, (_, index) => ({
    id: DeviceId.parse(`${options.prefix}-${String(index + 1).padStart(5, "0")}`),
    labels: { site: siteName(index % options.sites), role: "simulated" },
    model: options.models[index % options.models.length] ?? "",
  }));
  const share = devicesPerProcess(options.devices, options.processes);
  const shares = Array.from({ length: Math.ceil(all.length / share) }, (_, at) =>
    all.slice(at * share, (at + 1) * share),
  );
  return shares.map((devices) => ({ settings, operatorToken: hub.operatorToken, devices }));
}

async function watch(
  workers: Workers,
  { devices, seconds }: SimulateOptions,
  signal: AbortSignal,
): Promise<void> {
  const end = clock.monotonicMs() + seconds * 1000;
  for (let left = seconds * 1000; left > 0 && !signal.aborted; left = end - clock.monotonicMs()) {
    await clock.sleep(Math.min(progressMs, left), signal);
    say(progressLine(workers.counts(), devices, workers.problem()));
  }
}

function progressLine(counts: Counts, devices: number, problem: string | undefined): string {
  const { connected, synced, journalEntries, acked, errors } = counts;
  const line = `${connected}/${devices} connected, ${synced} synced, ${acked}/${journalEntries} entries acknowledged`;
  if (errors === 0) return line;
  return `${line}, ${errors} errors${problem === undefined ? "" : ` (last: ${problem})`}`;
}

function inWords(summary: Summary): string {
  const lines = Object.entries(summary).map(([name, value]) => `${name.padEnd(22)} ${value}\n`);
  return lines.join("");
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
