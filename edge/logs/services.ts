// The output of services: the last lines of their copies in order of time, then what each says from then on.
import type { LogBatch, LogFollow, ObservedInstance, Runtime } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { type LogLine, maxTailLines } from "#shared/stream.ts";
import { createHandover, type Handover } from "./handover.ts";
import type { SourceItem, Wanted } from "./source.ts";

type Source = Pick<Runtime, "name" | "observe" | "follow">;

interface Parts {
  runtimes: readonly Source[];
  clock: Clock;
}

interface Which {
  app?: AppName;
  service?: string;
}

interface Copy {
  runtime: Source;
  seen: ObservedInstance;
}

const lookMs = 1000;

export async function* followServices(
  parts: Parts,
  which: Which,
  wanted: Wanted,
): AsyncGenerator<SourceItem> {
  const { tail, follow, signal } = wanted;
  const beganMs = parts.clock.now();
  const copies = await copiesOf(parts.runtimes, which);
  const begun = await Promise.all(
    copies.map(async (copy) => ({ copy, ...(await begin(copy, wanted)) })),
  );
  const last = begun.flatMap(({ copy, last: lines }) => named(copy, lines));
  const sorted = last.sort((a, b) => a.at - b.at);
  yield { lines: tail === 0 ? [] : sorted.slice(-tail), droppedBytes: 0, caughtUp: true };
  if (!follow) return;
  const handover = createHandover<SourceItem>();
  signal.addEventListener("abort", handover.close);
  const known = new Set(copies.map(keyOf));
  for (const { copy, more } of begun) void passOn({ copy, more, known, handover });
  void lookForMore({ ...parts, which, known, handover, sinceMs: beganMs, signal });
  try {
    for (let item = await handover.take(); item !== undefined; item = await handover.take()) {
      yield item;
    }
  } finally {
    handover.close();
    signal.removeEventListener("abort", handover.close);
  }
}

function begin({ runtime, seen }: Copy, { tail, sinceMs, signal }: Wanted): Promise<LogFollow> {
  const since = sinceMs === undefined ? {} : { sinceMs };
  return runtime.follow(seen, { tail, ...since, signal });
}

/** A runtime that does not answer fails the stream only when no other one has such copies. */
async function copiesOf(runtimes: readonly Source[], which: Which): Promise<Copy[]> {
  const results = await Promise.allSettled(
    runtimes.map(async (runtime) =>
      (await runtime.observe()).map((seen): Copy => ({ runtime, seen })),
    ),
  );
  const all = results.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const { app, service } = which;
  const found = all.filter(
    ({ seen }) =>
      (app === undefined || seen.app === app) &&
      (service === undefined || seen.service === service),
  );
  const fault = results.find((one) => one.status === "rejected");
  if (found.length === 0 && fault !== undefined) throw fault.reason;
  return found;
}

/** What is followed: a container, or the place of a process, whose log goes on over its runs. */
function keyOf({ runtime, seen }: Copy): string {
  const { id, app, service, index, configHash } = seen;
  const own = runtime.name === "process" ? `${app}/${service}/${index}` : id;
  return `${runtime.name}/${own}/${configHash}`;
}

function speaker({ seen }: Copy): string {
  return `${seen.app}/${seen.service}.${seen.index}`;
}

function named(copy: Copy, lines: LogBatch["lines"]): LogLine[] {
  const from = speaker(copy);
  return lines.map((line) => ({ ...line, from }));
}

/** Until the copy is gone. What fails is said once, and taken up again by the next look. */
async function passOn(options: {
  copy: Copy;
  more: AsyncIterable<LogBatch>;
  known: Set<string>;
  handover: Handover<SourceItem>;
}): Promise<void> {
  const { copy, more, known, handover } = options;
  try {
    for await (const { lines, droppedBytes } of more) {
      await handover.put({ lines: named(copy, lines), droppedBytes });
    }
  } catch (error) {
    const text = `The agent cannot read this log now: ${asFleetError(error).sentence}`;
    const line = { at: Date.now(), stream: "stderr", from: speaker(copy), text } as const;
    await handover.put({ lines: [line], droppedBytes: 0 });
  } finally {
    known.delete(keyOf(copy));
  }
}

/** Copies that were started meanwhile: an update, a repair, a scale-out. */
async function lookForMore(
  options: Parts & {
    which: Which;
    known: Set<string>;
    handover: Handover<SourceItem>;
    sinceMs: number;
    signal: AbortSignal;
  },
): Promise<void> {
  const { runtimes, clock, which, known, handover, signal } = options;
  let { sinceMs } = options;
  while (!signal.aborted) {
    await clock.sleep(lookMs, signal);
    const lookedMs = clock.now();
    const copies = await copiesOf(runtimes, which).catch(() => []);
    for (const copy of copies.filter((one) => !known.has(keyOf(one)))) {
      if (signal.aborted) return;
      known.add(keyOf(copy));
      const wanted = { tail: maxTailLines, sinceMs, follow: true, signal };
      void takeUp(copy, wanted, { known, handover });
    }
    if (copies.length > 0) sinceMs = lookedMs;
  }
}

async function takeUp(
  copy: Copy,
  wanted: Wanted,
  { known, handover }: { known: Set<string>; handover: Handover<SourceItem> },
): Promise<void> {
  const more = async function* (): AsyncGenerator<LogBatch> {
    const begun = await begin(copy, wanted);
    yield { lines: begun.last, droppedBytes: 0 };
    yield* begun.more;
  };
  await passOn({ copy, more: more(), known, handover });
}
