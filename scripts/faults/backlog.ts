// Writes into a device's journal what it would have journalled in a long time without its hub.
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { openJournal } from "#edge/journal/open.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import type { JournalEntry } from "#shared/journal.ts";

/** Written at once; between them the watches of the harness have their turn. */
const together = 20;

/** The agent must not run.
 *  @param stepMs from one entry to the next; the last one is of now */
export async function writeBacklog(
  directory: string,
  count: number,
  stepMs: number,
): Promise<void> {
  let at = systemClock.now() - count * stepMs;
  const clock: Clock = { ...systemClock, now: () => at };
  const journal = openJournal({ file: join(directory, "journal.db"), clock });
  try {
    for (let written = 0; written < count; written += 1) {
      at += stepMs;
      if (written % together === 0) await setImmediate();
      journal.append({ kind: "event", body: body(written) });
    }
  } finally {
    journal.close();
  }
}

/** Which of them an entry of the device is, from 1; undefined for any other. */
export function numberInBacklog({ body }: Pick<JournalEntry, "body">): number | undefined {
  const found = /^Observation (\d+) of a device/.exec(String(body["message"]));
  return found === null ? undefined : Number(found[1]) + 1;
}

/** About as long as what a device has to say. */
function body(number: number): Record<string, unknown> {
  const message = `Observation ${number} of a device whose hub is away. ${"It goes on. ".repeat(30)}`;
  return { type: "Normal", reason: "Observed", message };
}
