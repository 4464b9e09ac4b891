// The way to the hub without MQTT: one HTTP exchange after another, sooner when there is news.
import { delayMs } from "#shared/backoff.ts";
import type { Beat } from "#shared/beat.ts";
import type { Clock } from "#shared/clock.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import { desiredTag, type ReportRequest } from "#shared/gateway.ts";
import type { JournalAck, JournalBatch } from "#shared/journal.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { Gateway } from "./http.ts";
import type { Inbox } from "./inbox.ts";
import { answers, hasMoved, type Outbox } from "./outbox.ts";
import type { SyncJournal } from "./port.ts";
import type { Reporter } from "./reporter.ts";
import type { Wake } from "./wake.ts";

export interface PollingOptions {
  gateway: Gateway;
  inbox: Inbox;
  outbox: Outbox;
  reporter: Reporter;
  journal: SyncJournal;
  beat: () => Beat;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  pollMs: number;
  /** After failures; 15 s by default. */
  maxPauseMs?: number;
  /** There is something to send before the next exchange is due. */
  news: Wake;
  /** News that comes right after an exchange waits this long for more. */
  coalesceMs: number;
  /** The hub has answered a request. */
  onAnswer(): void;
  onUp(): void;
  onDown(error: FleetError): void;
}

/** A healed network is found within this and the time limit of one exchange. */
const maxBackoffMs = 15_000;

/** Works until the signal aborts; never throws. */
export async function runPolling(options: PollingOptions, signal: AbortSignal): Promise<void> {
  const exchange = createExchange(options);
  options.outbox.begin();
  let failures = 0;
  while (!signal.aborted) {
    const error = await exchange(signal).catch(asFleetError);
    if (signal.aborted) return;
    failures = error === undefined ? 0 : failures + 1;
    if (error === undefined) options.onUp();
    else options.onDown(error);
    await (failures === 0 ? rest(options, signal) : backOff(options, failures, signal));
  }
}

async function backOff(options: PollingOptions, failures: number, signal: AbortSignal) {
  const { clock, random, pollMs, maxPauseMs } = options;
  const limits = { baseMs: Math.min(pollMs, maxBackoffMs), maxMs: maxPauseMs ?? maxBackoffMs };
  await clock.sleep(delayMs(failures, random(), limits), signal);
}

/** Until the next exchange is due, or news has come and has had a moment to be complete. */
async function rest({ clock, news, pollMs, coalesceMs }: PollingOptions, signal: AbortSignal) {
  const pause = new AbortController();
  const stop = (): void => pause.abort();
  signal.addEventListener("abort", stop);
  const due = clock.sleep(pollMs, pause.signal).then(stop);
  await news.wait(pause.signal);
  signal.removeEventListener("abort", stop);
  stop();
  await due;
  await clock.sleep(coalesceMs, signal);
}

/** One exchange: everything up, and the desired state down as soon as it is another: a long backlog does
 *  not hold it up. What the hub has taken is remembered only for the exchanges of one run, because a run
 *  begins where nothing is known.
 *  @throws FleetError as the gateway does */
export function createExchange(
  options: PollingOptions,
): (signal: AbortSignal) => Promise<undefined> {
  const { gateway, inbox, outbox, reporter, journal, beat, clock, onAnswer } = options;
  let told: ReportedState | undefined;
  let probe = true;
  let tag = tagOf(journal.desired());

  const sendUp = async (signal: AbortSignal): Promise<{ offered?: string; more: boolean }> => {
    const batch = outbox.next(probe);
    const reported = reporter.newest();
    const request = requestOf(beat(), reported === told ? undefined : reported, batch);
    const startedMs = clock.monotonicMs();
    const { ack, desired } = await gateway.report(request, signal).catch((error: unknown) => {
      if (batch !== undefined) outbox.settled(undefined);
      throw error;
    });
    onAnswer();
    if (batch !== undefined) outbox.settled(clock.monotonicMs() - startedMs);
    told = reported;
    probe &&= ack === undefined;
    if (ack !== undefined) outbox.acknowledge(ack);
    const more = hasMore(journal, batch, ack);
    return desired === undefined ? { more } : { offered: desired, more };
  };
  const fetchDesired = async (signal: AbortSignal): Promise<void> => {
    const fetched = await gateway.desired(tag, signal);
    if (fetched === undefined) return;
    tag = fetched.tag;
    inbox.receive(fetched.payload);
  };

  return async (signal) => {
    for (let isFirst = true; ; isFirst = false) {
      const { offered, more } = await sendUp(signal);
      const isNews = offered === undefined ? isFirst : offered !== tag;
      if (isNews) await fetchDesired(signal);
      if (!more) return;
    }
  };
}

function requestOf(
  beat: Beat,
  reported: ReportedState | undefined,
  journal: JournalBatch | undefined,
): ReportRequest {
  return {
    beat,
    ...(reported === undefined ? {} : { reported }),
    ...(journal === undefined ? {} : { journal }),
  };
}

/** Only after an answer that moved the mark: else the same batch would go round without a pause. */
function hasMore(
  journal: SyncJournal,
  sent: JournalBatch | undefined,
  ack: JournalAck | undefined,
): boolean {
  if (sent === undefined || ack === undefined || !answers(ack, sent)) return false;
  return hasMoved(journal, sent) && journal.batch({ maxEntries: 1, maxBytes: 1 }) !== undefined;
}

function tagOf(desired: DesiredState | undefined): string | undefined {
  return desired === undefined ? undefined : desiredTag(desired.generation, specHash(desired));
}
