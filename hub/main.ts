// The hub: reads its options, wires the stages together and runs until it is told to stop.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pino } from "pino";
import { createApi } from "#hub/api/api.ts";
import { createSessions } from "#hub/api/sessions.ts";
import { createWatch } from "#hub/api/watch.ts";
import { createBackups } from "#hub/backup/create.ts";
import { createEmbeddedBroker } from "#hub/broker/aedes.ts";
import { createAuthenticator } from "#hub/broker/authenticator.ts";
import type { Broker } from "#hub/broker/port.ts";
import { createBus } from "#hub/bus.ts";
import { type HubOptions, readHubOptions } from "#hub/config.ts";
import { createControl } from "#hub/control/controller.ts";
import { createNotices } from "#hub/control/notices.ts";
import { abovePlacements, createPins } from "#hub/control/pins.ts";
import { createForcedSync } from "#hub/control/sync.ts";
import { createDesiredController } from "#hub/desired/controller.ts";
import { loadSigningKey } from "#hub/desired/keys.ts";
import { createEnding } from "#hub/ending.ts";
import { createIntroduction } from "#hub/enrol/introduction.ts";
import { repositoryHealth } from "#hub/git/health.ts";
import { createMirror } from "#hub/git/mirror.ts";
import { parseRemote } from "#hub/git/remote.ts";
import { createGitWatcher } from "#hub/git/watch.ts";
import { createAllowances } from "#hub/ingest/allowances.ts";
import { createEventLog } from "#hub/ingest/event_log.ts";
import { createIngest } from "#hub/ingest/ingest.ts";
import { createReportSink } from "#hub/ingest/report_sink.ts";
import { createLiveLogs } from "#hub/logs/live.ts";
import { createMetrics } from "#hub/metrics/metrics.ts";
import { prepareOperator } from "#hub/operator.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import { createBundleStore } from "#hub/release/bundles.ts";
import { createReleaseController } from "#hub/release/controller.ts";
import { blankReason, isLost } from "#hub/resurrect/lost.ts";
import { createMemos } from "#hub/resurrect/memos.ts";
import { messageOf } from "#hub/resurrect/message.ts";
import { createPause } from "#hub/resurrect/pause.ts";
import { createResume } from "#hub/resurrect/resume.ts";
import { createReturns } from "#hub/resurrect/returns.ts";
import { createBisectController } from "#hub/rollout/bisect/controller.ts";
import { createTrials } from "#hub/rollout/bisect/trials.ts";
import { createRolloutController } from "#hub/rollout/controller.ts";
import { createPreviewer } from "#hub/rollout/previewer.ts";
import { createTracks } from "#hub/rollout/track.ts";
import { createAgentProvider } from "#hub/run/agent_provider.ts";
import { createAttendance } from "#hub/run/attendance.ts";
import { createRunBook } from "#hub/run/book.ts";
import { createRunController } from "#hub/run/controller.ts";
import { plansOf } from "#hub/run/plans.ts";
import { createHttpServer } from "#hub/server.ts";
import { endOnFaults, endOnSignals } from "#hub/signals.ts";
import { allowanceOf } from "#hub/store/holding_port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { createUpkeep } from "#hub/upkeep.ts";
import { createPages } from "#hub/web/pages.ts";
import pkg from "#package.json" with { type: "json" };
import { systemClock as clock } from "#shared/clock.ts";
import { loadCompose } from "#shared/compose/load.ts";
import { asFleetError } from "#shared/errors.ts";

try {
  await run(readHubOptions(process.argv.slice(2)));
} catch (thrown) {
  const { sentence, hint } = asFleetError(thrown);
  process.stderr.write(`${sentence}${hint === undefined ? "" : `. ${hint}`}\n`);
  process.exit(1);
}

async function run(options: HubOptions): Promise<void> {
  const data = resolve(options.data);
  await mkdir(data, { recursive: true, mode: 0o700 });
  const log = pino({ level: options.logLevel, base: null });
  endOnFaults(log);
  const isBlank = isLost(data);
  const allowance = allowanceOf(options.keepDeviceMegabytes);
  const store = await openStore({ file: join(data, "hub.db"), allowance });
  const tokenFile = await prepareOperator(data, store, clock.now());
  const key = await loadSigningKey(data);
  const bus = createBus();
  const pause = createPause({ store, bus, clock });
  const isPaused = (): boolean => pause.state() !== null;
  const authenticator = createAuthenticator({ store, bus });
  const broker = createEmbeddedBroker({
    host: options.mqttHost,
    port: options.mqttPort,
    ...{ authenticator, clock },
  });
  const ingest = createIngest({
    ...{ store, broker, bus, clock },
    onFlush: (seconds) => metrics.flushed(seconds),
  });
  const publishDesired: Broker["publishDesired"] = (device, envelope) => {
    broker.publishDesired(device, messageOf(envelope, memos.of(device)));
    metrics.published();
  };
  const tracks = createTracks();
  const trials = createTrials(tracks);
  const pins = createPins();
  const book = createRunBook();
  const desired = createDesiredController({
    runs: book,
    store,
    broker: { publishDesired },
    bus,
    clock,
    key,
    placements: abovePlacements(pins, trials),
    isPaused,
    proofMs: 30_000,
  });
  const rollouts = createRolloutController({
    ...{ store, desired, tracks, pins, bus, clock, isPaused },
    attend: () => attendance.look(),
    onFailed: (err) => log.error({ err }, "rollouts could not be looked at"),
  });
  const remote = parseRemote(options.repository);
  const mirror = createMirror({ remote, directory: join(data, "repository.git") });
  const bundles = createBundleStore({ directory: join(data, "bundles") });
  const releases = createReleaseController({
    mirror,
    bundles,
    store,
    bus,
    clock,
    loadCompose,
    ...(options.branch === undefined ? {} : { defaultBranch: options.branch }),
    onFleet: async (fleet) => {
      await control.reload();
      // The end of the pause lets it be followed.
      if (!isPaused()) await rollouts.follow(fleet);
    },
  });
  const control = createControl({
    store,
    releases,
    desired,
    pins,
    bus,
    clock,
    onFailed: (err) => log.error({ err }, "pins could not be ended"),
  });
  const allowances = createAllowances({ store, bus, clock });
  const notices = createNotices({ pins, tracks, rollouts, fleet: releases, pause, allowances });
  const bisects = createBisectController({
    ...{ store, desired, tracks, trials, pins, releases, history: mirror, bus, clock, isPaused },
    attend: () => attendance.look(),
    onFailed: (err) => log.error({ err }, "bisects could not be looked at"),
  });
  const memos = createMemos({
    ...{ store, key, bus, clock, isPaused, publish: desired.repeat },
    onFailed: (err) => log.error({ err }, "memos could not be renewed"),
  });
  const reload = async (): Promise<void> => {
    await rollouts.reload();
    await runs.reload();
    await control.reload();
    await bisects.reload();
  };
  const backups = createBackups({ store, directory: data, clock, version: pkg.version });
  const resume = createResume({
    ...{ store, releases, rollouts, desired, memos, pause, reload, clock },
    onFailed: (err) => log.error({ err }, "the resumed fleet could not be followed yet"),
  });
  const runs = createRunController({
    ...{ store, book, bus, clock, random: Math.random },
    provider: createAgentProvider({ store, desired }),
    plans: () => plansOf(releases.snapshot()),
    appsOf: async (device) => (await desired.current(device))?.content.apps.length ?? 0,
    disconnect: (device) => broker.disconnect(device),
    attend: () => attendance.look(),
    onEnded: (ended) => metrics.runEnded(ended),
    onFailed: (err) => log.error({ err }, "runs could not be looked at"),
  });
  const attendance = createAttendance({ store, clock });
  const watcher = createGitWatcher({
    mirror,
    intervalMs: options.pollSeconds * 1000,
    clock,
    onHeads: releases.advance,
    onEvent: createAnnouncer({ store, bus, clock }),
    onFetch: (outcome) => metrics.fetched(outcome),
  });
  const repository = {
    health: () => repositoryHealth(remote.url, watcher.status(), releases.unread()),
  };
  const upkeep = createUpkeep({
    store,
    bundles,
    releases,
    desired: { inUse: () => [...desired.inUse(), ...trials.inUse(), ...pins.inUse()] },
    branches: async () => [...(await mirror.heads()).keys()],
    clock,
    keepDays: options.keepDays,
    keepUpdatesDays: options.keepUpdatesDays,
    onSwept: (swept) => log.info({ swept }, "old rows and files deleted"),
    onFailed: (err) => log.error({ err }, "upkeep failed"),
  });
  const sessions = createSessions({ clock });
  const watch = createWatch({ store, bus, logger: log, notices });
  const logs = createLiveLogs({ store, broker, key, clock });
  const metrics = createMetrics({
    ...{ store, broker, ingest, repository: watcher, watch, bus, pause, logs },
    runs: { open: book.open, plans: () => plansOf(releases.snapshot()) },
  });
  const api = createApi({
    store,
    bus,
    clock,
    logger: log,
    authenticator,
    sessions,
    watch,
    logs,
    git: { poke: () => void watcher.poke() },
    repository,
    fleet: releases,
    desired,
    rollouts,
    runs: { ...runs, ...book, plans: () => plansOf(releases.snapshot()) },
    control: { ...control, ...notices },
    forced: createForcedSync({ store, git: watcher, fleet: releases, desired, bus, clock }),
    bisects,
    previews: createPreviewer({ store, releases, tracks, pins, clock, loadCompose }),
    bundles,
    reports: createReportSink(ingest),
    pause: { state: pause.state, resume: resume.order },
    backups,
    memos,
    returns: createReturns({
      ...{ store, desired, memos, pause, key, bus, clock, onMerged: reload },
      disconnect: (device) => broker.disconnect(device),
    }),
    introduction: createIntroduction({ key, mqttUrl: () => options.mqttUrl ?? broker.url }),
    metrics,
    disconnect: (device) => broker.disconnect(device),
    webhookSecret: options.webhookSecret,
    version: pkg.version,
    pages: createPages({
      logs,
      store,
      rollouts,
      repository,
      notices,
      ...{ lives: book, sessions, authenticator, clock },
    }),
  });
  const server = createHttpServer({
    host: options.httpHost,
    port: options.httpPort,
    fetch: api.fetch,
    onFault: (err) => log.error({ err }, "a connection could not be taken"),
  });

  await backups.start();
  await pause.start();
  if (isBlank) await pause.begin("blank", blankReason);
  await memos.start();
  await allowances.start();
  await ingest.start();
  await desired.start();
  await attendance.start();
  await runs.start();
  await rollouts.start();
  await bisects.start();
  await control.start();
  await releases.start();
  await broker.start();
  const { url } = await server.start();
  watcher.start();
  upkeep.start();
  bus.on("event", createEventLog({ log, clock }));
  log.info({ url, mqtt: broker.url, tokenFile, version: pkg.version }, "hub started");

  const ending = createEnding({
    stages: [
      { watcher: watcher.stop, upkeep: upkeep.stop, watch: watch.stop, logs: logs.stop },
      { broker: broker.stop, server: server.stop },
      // After the last message has come in, and before the store closes: it stores them.
      {
        ingest: ingest.stop,
        memos: memos.stop,
        allowances: allowances.stop,
        resume: resume.stop,
        rollouts: rollouts.stop,
        runs: runs.stop,
        attendance: attendance.stop,
        bisects: bisects.stop,
        control: control.stop,
      },
      { desired: desired.stop },
      { store: store.close },
    ],
    limitMs: 4000,
    reserveMs: 500,
    onFailed: (part, code, why) => log.error({ part, code, why }, "a part did not end well"),
  });
  endOnSignals(log, ending);
}
