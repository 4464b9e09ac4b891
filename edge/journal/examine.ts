// Asks whether a journal file is sound, in a worker thread and within a bounded time.
import { stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { Clock } from "#shared/clock.ts";
import { ifPresent } from "#shared/files.ts";
import type { Verdict } from "./examine_worker.ts";

/** `unclear`: opening the file decides. */
export type Finding =
  | { is: "absent" }
  | { is: "sound" }
  | { is: "damaged"; what: string }
  | { is: "unclear"; why: string };

interface Examination {
  file: string;
  /** `quick_check` leaves out whether indexes agree with their tables. */
  check: "quick_check" | "integrity_check";
  clock: Clock;
  limitMs: number;
}

/** What SQLite answers for a file, or a part of the disk, from which nothing sensible can be read. */
const unreadable = /^SQLITE_(CORRUPT|NOTADB|ERROR|IOERR_(READ|SHORT_READ|CORRUPTFS|DATA))/;

export async function examine(examination: Examination): Promise<Finding> {
  const there = await ifPresent(stat(examination.file)).catch(() => undefined);
  if (there === undefined || there.size === 0) return { is: "absent" };
  const { clock, limitMs } = examination;
  const over = new AbortController();
  const late = clock
    .sleep(limitMs, over.signal)
    .then((): Finding => ({ is: "unclear", why: `the check took over ${limitMs} ms` }));
  const worker = startWorker(examination);
  try {
    return await Promise.race([answerOf(worker), late]);
  } finally {
    over.abort();
    // Not awaited: a thread inside a read of a dying disk ends when the kernel lets it.
    worker.unref();
    void worker.terminate();
  }
}

/** Without the flags of this process, which may be meant for its main program alone. */
function startWorker({ file, check }: Examination): Worker {
  const program = new URL("./examine_worker.ts", import.meta.url);
  return new Worker(program, { workerData: { file, check }, execArgv: [] });
}

function answerOf(worker: Worker): Promise<Finding> {
  return new Promise((resolve) => {
    worker.once("message", (verdict: Verdict) => resolve(findingOf(verdict)));
    worker.once("error", (error) => resolve({ is: "unclear", why: String(error) }));
    worker.once("exit", (code) => resolve({ is: "unclear", why: `the check ended with ${code}` }));
  });
}

function findingOf({ code, finding }: Verdict): Finding {
  if (finding === undefined) return { is: "sound" };
  if (code === undefined || unreadable.test(code)) return { is: "damaged", what: finding };
  return { is: "unclear", why: finding };
}
