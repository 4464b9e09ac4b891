// The edge agent: reads agent.yaml, wires the stages together and runs until it is told to stop.
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { createAgent } from "#edge/agent/agent.ts";
import { createDeviceCare } from "#edge/agent/care.ts";
import { createBallast } from "#edge/agent/disk_ballast.ts";
import { endsWithinMs } from "#edge/agent/ending.ts";
import { createEnrollingView, type LocalView } from "#edge/agent/enrolling_view.ts";
import { openOwnJournal } from "#edge/agent/own_journal.ts";
import { createOwnLog } from "#edge/agent/own_log.ts";
import { createOwnPage } from "#edge/agent/own_page.ts";
import type { AgentParts } from "#edge/agent/parts.ts";
import { createRhythm } from "#edge/agent/rhythm.ts";
import { endOnSignals } from "#edge/agent/signals.ts";
import { createStatusView } from "#edge/agent/status_view.ts";
import { wantedDigests } from "#edge/agent/wanted.ts";
import { createWatchdog } from "#edge/agent/watchdog.ts";
import { watchConfig } from "#edge/config/watch.ts";
import { loadConfig } from "#edge/config.ts";
import { readBootId } from "#edge/journal/boot.ts";
import { acquireLock } from "#edge/journal/lock.ts";
import type { Journal } from "#edge/journal/port.ts";
import { createDeviceLogs } from "#edge/logs/device_logs.ts";
import { createHostObserver } from "#edge/observe/host.ts";
import { runProbes } from "#edge/observe/probe.ts";
import type { LocalActions } from "#edge/page/actions.ts";
import { createLocalApi } from "#edge/page/api.ts";
import { createLogTail } from "#edge/page/log_tail.ts";
import { createAgentMetrics } from "#edge/page/metrics.ts";
import { createServiceLog } from "#edge/page/service_log.ts";
import { createPageToken } from "#edge/page/token.ts";
import { askApp } from "#edge/release/hold.ts";
import { runValidateHook } from "#edge/release/hook.ts";
import { createResolver } from "#edge/release/resolve.ts";
import { createReleaseStore } from "#edge/release/store.ts";
import { createMachine } from "#edge/run/machine.ts";
import { chooseRuntimes } from "#edge/runtime/choose.ts";
import { identify } from "#edge/sync/identify.ts";
import { httpAuthorization } from "#edge/sync/identity.ts";
import { keepsakesOnDisk } from "#edge/sync/keepsakes.ts";
import { createSync } from "#edge/sync/sync.ts";
import { createTelemetry } from "#edge/telemetry/telemetry.ts";
import pkg from "#package.json" with { type: "json" };
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";

/** The longest that one step may take before the loop counts as hung. */
const stepDeadlineMs = 120_000;
const pollMs = 5000;

const command = new Command("agent")
  .description("The edge agent of Metrica Fleet.")
  .requiredOption("--config <file>", "agent.yaml; edge/agent.example.yaml explains every field")
  .parse();
const { config: configFile } = command.opts<{ config: string }>();

try {
  await run(configFile);
} catch (thrown) {
  const error = asFleetError(thrown);
  process.stderr.write(`${error.sentence}\n${error.hint === undefined ? "" : `${error.hint}\n`}`);
  process.exit(1);
}

async function run(file: string): Promise<void> {
  let config = loadConfig(file);
  const agentLog = createLogTail();
  const liveLogs = createDeviceLogs({ clock });
  const log = createOwnLog(config, [agentLog, liveLogs]);
  const watchdog = createWatchdog({ clock, log, program: process });
  const ending = endOnSignals(log, () => watchdog.stopping(endsWithinMs));
  await watchdog.start();
  await mkdir(config.dataDirectory, { recursive: true });
  const lock = acquireLock(join(config.dataDirectory, "agent.lock"));
  ending.add("lock", lock.release);
  const bootId = readBootId(config.machine.bootIdFile);
  let opened: Journal | undefined;
  ending.add("journal", () => opened?.close());
  const metrics = createAgentMetrics();
  metrics.setInfo({ device: config.device, version: pkg.version });
  const enrolling = createEnrollingView({
    device: config.device,
    hostname: () => config.hostname,
    labels: () => config.labels,
    hubUrl: config.hub.url,
    journal: { bootId, unacknowledged: () => opened?.unacknowledged() ?? 0 },
    clock,
    agentVersion: pkg.version,
  });
  let view: LocalView = enrolling;
  let readLogs: ReturnType<typeof createServiceLog> | undefined;
  let running: LocalActions | undefined;
  let intervalMs = (): number => config.intervalMs;
  const token = createPageToken({
    file: config.page.tokenFile,
    clock,
    log,
    print: process.stdout.isTTY ? (sentence) => process.stdout.write(`${sentence}\n`) : undefined,
  });
  ending.add("page token", token.stop);
  await token.start();
  const api = createLocalApi({
    page: config.page,
    status: () => view.status(),
    pulse: () => ({
      lastMonotonicMs: view.lastAliveMs(),
      intervalMs: intervalMs(),
      stepDeadlineMs,
      hung: watchdog.hung(),
    }),
    metrics,
    token,
    readLogs: () => readLogs,
    actions: () => running,
    agentLog,
    clock,
    onError: (error) => log.error({ error }, "the local API failed"),
  });
  const page = createOwnPage({ api, clock, log });
  ending.add("local API", page.stop);
  await page.start();
  const ballast = createBallast({
    file: join(config.dataDirectory, "ballast"),
    bytes: config.disk.ballastBytes,
  });
  const journal = await openOwnJournal({ config, bootId, clock, log, onFull: ballast.release });
  opened = journal;
  watchdog.ready();
  let wake = (): void => undefined;
  const watcher = watchConfig({
    file,
    config,
    onChange: (change) => {
      config = change.config;
      log.level = config.log.level;
      log.info(
        { applied: change.applied, needRestart: change.needRestart },
        "configuration changed",
      );
      wake();
    },
    onRefused: (error) =>
      log.error({ code: error.code, why: error.sentence, hint: error.hint }, "agent.yaml refused"),
  });
  ending.add("configuration watch", watcher.stop);
  watcher.start();
  process.on("SIGHUP", watcher.reload);

  const identity = await identify({
    config,
    file,
    // Waiting for a hub, for days if need be, is no hanging.
    clock: { ...clock, sleep: watchdog.sleep },
    random: Math.random,
    onRetry: ({ code, sentence }) => {
      enrolling.note(sentence);
      log.warn({ code, why: sentence }, "enrolment is tried again");
    },
  });
  watchdog.enter("look for runtimes");
  const runtimes = await chooseRuntimes({ config: () => config, journal, clock, log });
  ending.add("runtimes", runtimes.stop);
  readLogs = createServiceLog(runtimes.all);
  const host = createHostObserver({ clock, dataDirectory: config.dataDirectory });
  const releases = createReleaseStore({
    directory: config.dataDirectory,
    download: {
      hubUrl: config.hub.url,
      headers: () => ({ authorization: httpAuthorization(identity) }),
    },
    clock,
    reserveBytes: config.disk.reserveBytes,
    wanted: () => wantedDigests(journal),
  });
  const streams = liveLogs.serve({
    ...{ identity, journal, runtimes, status: () => view.status() },
    runs: (id, wanted) => agent.runOutput(id, wanted),
  });
  ending.add("live streams", streams.stop);
  const sync = createSync({
    config: {
      hubUrl: config.hub.url,
      ...(config.hub.mqtt === undefined ? {} : { mqttUrl: config.hub.mqtt }),
      pollMs,
      keepaliveSeconds: config.hub.keepaliveSeconds,
      isolatedAfterMs: config.hub.isolatedAfterSeconds * 1000,
    },
    identity,
    keepsakes: keepsakesOnDisk(join(config.dataDirectory, "identity"), identity),
    journal,
    source: { beat: () => agent.beat() },
    streams,
    clock,
    random: Math.random,
    logger: log,
  });
  const telemetry = createTelemetry({
    runDirectory: config.runDirectory,
    clock,
    warn: (app, why) => log.warn({ app, why }, "this app cannot post telemetry"),
  });
  ending.add("telemetry", telemetry.stop);
  const rhythm = createRhythm({ sync, desired: journal.desired });
  const resolve = createResolver();
  const projectOf = (app: AppName): string => `${config.projectPrefix}${app}`;

  const parts: AgentParts = {
    device: config.device,
    settings: () =>
      rhythm.apply({
        ...config,
        healthyAfterMs: config.safeMode.healthyAfterMs,
      }),
    journal,
    releases,
    runtimes: runtimes.all,
    forwarder: runtimes.forwarder,
    sync,
    machine: createMachine({
      ...{ device: config.device, directory: join(config.dataDirectory, "runs") },
      ...{ ...config.machine, bootId, clock },
    }),
    telemetry,
    resolve: (staged) => {
      const options = {
        project: projectOf(staged.spec.name),
        defaultRuntime: runtimes.preferred,
        runtimes: runtimes.names,
      };
      return { staged, ...resolve(staged, options) };
    },
    projectOf,
    runProbes: (resolved) => runProbes(resolved, runtimes),
    runValidateHook,
    askApp: (serving, { signal }) => askApp(serving, { runDirectory: config.runDirectory, signal }),
    describeHost: async () => ({ ...(await host.describe()), hostname: config.hostname }),
    sampleHost: host.sample,
    diskRoom: () => care.room(),
    care: { round: () => care.round() },
    metricsAddress: page.address,
    agentVersion: pkg.version,
    runtimeNames: runtimes.names,
    runtimeCalls: runtimes.calls,
    clock,
    watch: watchdog,
    random: Math.random,
    randomId: randomUUID,
    metrics,
    log,
  };
  const care = createDeviceCare({
    parts,
    dataDirectory: config.dataDirectory,
    reserveBytes: config.disk.reserveBytes,
    ballast,
    wake: () => wake(),
  });
  ending.add("disk care", care.stop);
  const agent = createAgent(parts);
  const showLoop = createStatusView({
    parts,
    agent,
    hostname: () => config.hostname,
    reserveBytes: () => config.disk.reserveBytes,
    lastDeepCheck: care.deepCheck.last,
  });
  const startedMs = clock.monotonicMs();
  view = { status: showLoop, lastAliveMs: () => agent.lastRoundMs() ?? startedMs };
  wake = agent.wake;
  running = {
    ...agent,
    deepCheck: async () => {
      await care.deepCheck.now();
      agent.wake();
    },
  };
  // The fleet may want a slower rhythm than the file.
  intervalMs = () => parts.settings().intervalMs;
  ending.add("sync", sync.stop);
  ending.add("workloads", async () => {
    if (config.workloadsOnStop === "stop") await runtimes.endAll();
  });
  ending.add("loop", agent.stop);
  log.info({ runtimes: runtimes.names, version: pkg.version }, "agent started");
  rhythm.start();
  sync.start();
  care.start();
  agent.start();
}
