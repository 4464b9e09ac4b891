// One supervised copy of a service: its process, its restarts, its health and its record on disk.
//
// INVARIANTS. Whatever instant the agent is killed at: (1) a record with the run's nonce is on disk
// before the run's process exists, (2) every process of the run carries that nonce, (3) a process is
// signalled only when its start ticks or its marker say that it is ours. All changes go through a queue.
import type { ObservedInstance } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { createQueue } from "#shared/serial.ts";
import { endRun, type RunTarget } from "./group.ts";
import type { CheckedHealth } from "./health.ts";
import { watchHealth } from "./healthcheck.ts";
import { runHooks } from "./hooks.ts";
import type { CopyLogs } from "./logs.ts";
import { formatMarker, markerVariable, newNonce } from "./marker.ts";
import { observed } from "./observed.ts";
import { decideRestart, type RestartLimits } from "./policy.ts";
import { isAlive, type MarkedProcess } from "./proc.ts";
import { type CopyRecord, type RecordStore, type RunRecord, withoutEnding } from "./record.ts";
import { openRun } from "./run.ts";
import { adoptableRun, type StartedRun } from "./wrapper.ts";

export interface CopyContext {
  device: string;
  /** Names this runtime's directory in nonces. */
  owner: string;
  bootId: string;
  store: RecordStore;
  clock: Clock;
  random: () => number;
  limits: RestartLimits;
  onChange: () => void;
  warn: (message: string) => void;
}

export interface Copy {
  readonly record: CopyRecord;
  readonly logs: CopyLogs;
  observe(): ObservedInstance;
  /** Runs it as the record says, unless it runs or waits for its restart.
   *  @throws FleetError start_failed, disk_short, interrupted */
  start(fresh: CopyRecord): Promise<void>;
  /** Takes up what an earlier agent left. */
  adopt(marked: readonly MarkedProcess[]): Promise<void>;
  restart(): Promise<void>;
  /** Ends it within its grace period and forgets it; its logs stay. */
  remove(): Promise<void>;
  /** Ends it within this grace period, whatever else is under way, and forgets it. */
  kill(graceMs: number): Promise<void>;
  /** Notices the end of an adopted process, and tends the logs. */
  tick(): Promise<void>;
  /** Supervises no more; the process lives on. */
  release(): void;
}

const hookTimeoutMs = 60_000;

export function createCopy(context: CopyContext, initial: CopyRecord, logs: CopyLogs): Copy {
  const { store, clock } = context;
  const queue = createQueue();
  let record = initial;
  let adopted = false;
  let released = false;
  /** Ends the wait or the healthcheck that belongs to the present phase. */
  let present = new AbortController();

  function renew(): AbortSignal {
    present.abort();
    present = new AbortController();
    if (released) present.abort();
    return present.signal;
  }

  async function save(next: CopyRecord): Promise<void> {
    record = next;
    await store.save(next);
  }

  /** For what has already happened: a full disk must not undo it, and adoption copes without. */
  async function note(next: CopyRecord): Promise<void> {
    await save(next).catch(complain);
    context.onChange();
  }

  function complain(error: unknown): void {
    const { app, service, index } = record;
    context.warn(`${app}/${service}.${index}: ${asFleetError(error).sentence}`);
  }

  function target(): RunTarget {
    const { nonce, run } = record;
    return run?.bootId === context.bootId ? { nonce, leader: run } : { nonce };
  }

  /** No process of a run outlives its boot. */
  function isOfThisBoot(): boolean {
    return record.run === undefined || record.run.bootId === context.bootId;
  }

  const marker = (aside: boolean) => formatMarker({ ...record, device: context.device, aside });

  async function begin(intent: "created" | "restarting"): Promise<void> {
    const nonce = newNonce(context.owner);
    await save({ ...withoutEnding(record), phase: intent, nonce, health: "starting" });
    const { launch } = record;
    const exitFile = store.exitFile(record);
    const mayStart = () => !released;
    const started = await openRun({ launch, marker: marker(false), logs, exitFile, mayStart });
    if (started === undefined) throw stopped();
    await note({ ...record, phase: "running", run: runRecord(started) });
    adopted = false;
    void started.exited.then((code) => queue(() => ended(nonce, code)));
    watch();
  }

  function runRecord(started: Omit<StartedRun, "exited">): RunRecord {
    const { pid, program, startTicks } = started;
    const startedAt = clock.now();
    const startedMonotonicMs = clock.monotonicMs();
    return { pid, program, startTicks, bootId: context.bootId, startedAt, startedMonotonicMs };
  }

  function watch(): void {
    const signal = renew();
    const { run, nonce, health } = record;
    const { healthcheck: rule, directory, environment, uid, gid } = record.launch;
    if (rule === undefined || run === undefined) return;
    const as = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    const marked = { ...environment, [markerVariable]: marker(true) };
    const onHealth = (next: CheckedHealth) => void queue(() => turned(nonce, next));
    const { startedMonotonicMs } = run;
    const runContext = { directory, environment: marked, ...as };
    const options = { rule, health, startedMonotonicMs, context: runContext, clock, signal };
    watchHealth({ ...options, onHealth }).catch(complain);
  }

  async function turned(nonce: string, health: CheckedHealth): Promise<void> {
    if (record.nonce === nonce && record.phase === "running") await note({ ...record, health });
  }

  /** @param code what the agent itself saw, if it did */
  async function ended(nonce: string, code: number | undefined): Promise<void> {
    if (released || record.nonce !== nonce || record.phase !== "running") return;
    renew();
    // Looking for what is left of it costs a look at every process, for each copy after each boot.
    if (isOfThisBoot()) {
      await endRun(target(), { signal: "SIGKILL", graceMs: 0 }).catch(complain);
    }
    await conclude((await store.exitCode(record)) ?? code);
  }

  async function conclude(code: number | undefined): Promise<void> {
    const exitCode = code === undefined ? {} : { exitCode: code };
    const ending = { ...exitCode, attempt: record.attempt, ranMs: ranMs() };
    const policy = record.launch.restart;
    const decision = decideRestart(policy, ending, context.random(), context.limits);
    const { exitCode: _past, ...kept } = record;
    if (!decision.restart) return note({ ...kept, ...exitCode, phase: "exited" });
    await note({ ...kept, ...exitCode, phase: "restarting", attempt: decision.attempt });
    restartIn(decision.delayMs);
  }

  function ranMs(): number {
    if (record.run === undefined) return 0;
    if (record.run.bootId !== context.bootId) return context.limits.resetAfterMs;
    return clock.monotonicMs() - record.run.startedMonotonicMs;
  }

  function restartIn(delayMs: number): void {
    const signal = renew();
    void clock.sleep(delayMs, signal).then(() => queue(() => startAgain(signal)));
  }

  async function startAgain(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    // A device that was switched off has ended the run, and the policy only follows.
    record = { ...record, restarts: record.restarts + (isOfThisBoot() ? 1 : 0) };
    try {
      await begin("restarting");
    } catch (error) {
      complain(error);
      if (!released) await conclude(undefined);
    }
  }

  async function stopRun(): Promise<void> {
    renew();
    const { preStop, stopSignal, stopGraceMs } = record.launch;
    if (isRunning()) {
      await runHooks(preStop, marker(true), hookTimeoutMs).catch(complain);
    }
    await endRun(target(), { signal: stopSignal, graceMs: stopGraceMs });
  }

  async function startFresh(fresh: CopyRecord): Promise<void> {
    if (record.phase === "running" || record.phase === "restarting") return;
    record = fresh;
    await begin("created");
    try {
      await runHooks(record.launch.postStart, marker(true), hookTimeoutMs);
    } catch (error) {
      record = { ...record, phase: "exited" };
      await stopRun();
      await note(record);
      throw error;
    }
  }

  async function restartNow(): Promise<void> {
    await note({ ...record, phase: "restarting", attempt: 0 });
    try {
      await stopRun();
      await begin("restarting");
    } catch (error) {
      // Nobody waits to start it again: the loop does that for what is only created.
      const isLeft = isRunning();
      await note({ ...record, phase: isLeft ? "running" : "created" });
      if (isLeft) watch();
      throw error;
    }
  }

  async function forget(): Promise<void> {
    await store.remove(record);
    context.onChange();
  }

  async function removeNow(): Promise<void> {
    await note({ ...record, phase: "removing" });
    await stopRun();
    await forget();
  }

  async function resume(marked: readonly MarkedProcess[]): Promise<void> {
    const run = isRunning() ? record.run : await adoptableRun(record.nonce, marked);
    if (run !== undefined) {
      adopted = true;
      await note({ ...record, phase: "running", run: { ...runRecord(run), ...run } });
      watch();
    } else if (record.phase === "restarting") restartIn(context.limits.baseMs);
    else if (record.phase === "running") await ended(record.nonce, undefined);
    else if (record.phase === "created") await concludeIfEnded();
  }

  function isRunning(): boolean {
    return record.run?.bootId === context.bootId && isAlive(record.run);
  }

  /** Without an exit code the process may never have existed; then the loop's start comes again. */
  async function concludeIfEnded(): Promise<void> {
    const code = await store.exitCode(record);
    if (code !== undefined) await conclude(code);
  }

  return {
    get record() {
      return record;
    },
    logs,
    observe: () => observed(record),
    start: (fresh) => queue(() => startFresh(fresh)),
    adopt: (marked) => queue(() => resume(marked)),
    restart: () => queue(restartNow),
    remove: () => queue(removeNow),
    async kill(graceMs) {
      released = true;
      renew();
      await endRun(target(), { signal: record.launch.stopSignal, graceMs }).catch(complain);
      await queue(async () => {
        await endRun(target(), { signal: "SIGKILL", graceMs: 0 });
        await forget();
      });
    },
    async tick() {
      await logs.tend();
      if (!adopted || record.phase !== "running" || isRunning()) return;
      const { nonce } = record;
      await queue(() => ended(nonce, undefined));
    },
    release() {
      released = true;
      renew();
    },
  };
}

function stopped(): FleetError {
  return new FleetError("interrupted", { message: "The process runtime was stopped." });
}
