// The edge agent: reads agent.yaml, wires the stages together and runs until it is told to stop.
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { pino } from "pino";
import { createAgent } from "#edge/agent/agent.ts";
import type { AgentParts } from "#edge/agent/parts.ts";
import { createStatusView } from "#edge/agent/status_view.ts";
import { watchConfig } from "#edge/config/watch.ts";
import { type AgentConfig, enrolmentToken, loadConfig } from "#edge/config.ts";
import { acquireLock } from "#edge/journal/lock.ts";
import { openJournal } from "#edge/journal/open.ts";
import { createHostObserver } from "#edge/observe/host.ts";
import { runProbes } from "#edge/observe/probe.ts";
import { createLocalApi } from "#edge/page/api.ts";
import { createAgentMetrics } from "#edge/page/metrics.ts";
import { runValidateHook } from "#edge/release/hook.ts";
import { createResolver } from "#edge/release/resolve.ts";
import { createReleaseStore } from "#edge/release/store.ts";
import { chooseRuntimes } from "#edge/runtime/choose.ts";
import { enrol } from "#edge/sync/enrol.ts";
import { httpAuthorization, readIdentity } from "#edge/sync/identity.ts";
import { createSync } from "#edge/sync/sync.ts";
import pkg from "#package.json" with { type: "json" };
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { once } from "#shared/once.ts";

/** The longest that one step may take before the loop counts as hung. */
const stepDeadlineMs = 120_000;
const isolatedAfterMs = 300_000;
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
  process.exitCode = 1;
}

async function run(file: string): Promise<void> {
  let config = loadConfig(file);
  const log = pino({ level: config.log.level, base: { device: config.device } });
  await mkdir(config.dataDirectory, { recursive: true });
  const lock = acquireLock(join(config.dataDirectory, "agent.lock"));
  const journal = openJournal({
    file: join(config.dataDirectory, "journal.db"),
    clock,
    limits: config.journal,
  });
  const identity = await identify(config, file, (error) =>
    log.warn({ code: error.code, why: error.sentence }, "enrolment is tried again"),
  );
  const runtimes = await chooseRuntimes({ config: () => config, clock, log });
  const metrics = createAgentMetrics();
  metrics.setInfo({ device: config.device, version: pkg.version });
  const host = createHostObserver({ clock, dataDirectory: config.dataDirectory });
  const releases = createReleaseStore({
    directory: config.dataDirectory,
    download: {
      hubUrl: config.hub.url,
      headers: () => ({ authorization: httpAuthorization(identity) }),
    },
    clock,
    reserveBytes: config.disk.reserveBytes,
  });
  const sync = createSync({
    config: {
      hubUrl: config.hub.url,
      ...(config.hub.mqtt === undefined ? {} : { mqttUrl: config.hub.mqtt }),
      pollMs,
    },
    identity,
    journal,
    source: { beat: () => agent.beat() },
    clock,
    random: Math.random,
    logger: log,
  });
  const resolve = createResolver();
  const projectOf = (app: AppName): string => `${config.projectPrefix}${app}`;
  let pageAddress: { host: string; port: number } | undefined;

  const parts: AgentParts = {
    device: config.device,
    settings: () => ({ ...config, isolatedAfterMs }),
    journal,
    releases,
    runtimes: runtimes.all,
    sync,
    resolve: (staged) => {
      const options = {
        project: projectOf(staged.spec.name),
        defaultRuntime: runtimes.preferred,
        runtimes: runtimes.names,
      };
      return { staged, ...resolve(staged, options) };
    },
    projectOf,
    runProbes: (resolved) => runProbes(resolved, runtimes.readLogs),
    runValidateHook,
    describeHost: async () => ({ ...(await host.describe()), hostname: config.hostname }),
    sampleHost: host.sample,
    metricsAddress: () => scrapeAddress(pageAddress),
    agentVersion: pkg.version,
    runtimeNames: runtimes.names,
    runtimeCalls: runtimes.calls,
    clock,
    random: Math.random,
    randomId: randomUUID,
    metrics,
    log,
  };
  const agent = createAgent(parts);
  const startedMs = clock.monotonicMs();
  const page = createLocalApi({
    page: config.page,
    status: createStatusView({ parts, agent, hostname: () => config.hostname }),
    pulse: () => ({
      lastMonotonicMs: agent.lastRoundMs() ?? startedMs,
      intervalMs: config.intervalMs,
      stepDeadlineMs,
    }),
    metrics,
    clock,
    onError: (error) => log.error({ error }, "the local API failed"),
  });
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
      agent.wake();
    },
    onRefused: (error) =>
      log.error({ code: error.code, why: error.sentence, hint: error.hint }, "agent.yaml refused"),
  });

  pageAddress = await page.start();
  log.info({ page: pageAddress, runtimes: runtimes.names, version: pkg.version }, "agent started");
  watcher.start();
  sync.start();
  agent.start();
  process.on("SIGHUP", watcher.reload);

  const stop = once(async () => {
    log.info("agent stops");
    watcher.stop();
    await agent.stop();
    if (config.workloadsOnStop === "stop") await runtimes.endAll();
    await Promise.all([sync.stop(), page.stop()]);
    await runtimes.stop();
    journal.close();
    lock.release();
    process.exit(0);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  // Started with a channel, the agent belongs to its parent and goes with it.
  if (process.send !== undefined) process.on("disconnect", () => void stop());
}

/** @throws FleetError config_invalid when the device is not enrolled and has no token */
async function identify(
  config: AgentConfig,
  file: string,
  onRetry: (error: FleetError) => void,
): ReturnType<typeof enrol> {
  const { device, labels, dataDirectory } = config;
  const enrolled = join(dataDirectory, "identity");
  const token = enrolmentToken(config, file);
  if (token === undefined && readIdentity(enrolled) === undefined) {
    throw new FleetError("config_invalid", {
      message: "the device is not enrolled and hub.token is not set",
      where: { file, key: "hub.token" },
      hint: `Get a token with POST /v1/enrollment-tokens at ${config.hub.url}, and set it.`,
    });
  }
  return enrol({
    hubUrl: config.hub.url,
    token: token ?? "",
    device,
    labels,
    directory: enrolled,
    clock,
    random: Math.random,
    onRetry,
  });
}

/** Only an address that others can reach is worth telling. */
function scrapeAddress(address: { host: string; port: number } | undefined): string | undefined {
  return address === undefined ? undefined : `${address.host}:${address.port}`;
}
