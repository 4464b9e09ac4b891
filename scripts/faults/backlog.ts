// Writes into a device's journal what it would have journalled in a long time without its hub.
import { appendFile, copyFile, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { openJournal } from "#edge/journal/open.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import { ifPresent } from "#shared/files.ts";
import type { JournalEntry } from "#shared/journal.ts";

const fileName = "journal.db";

/** Room for more than the frames of a transaction that is larger than those before it. */
const oldFramesBytes = 256 * 1024;

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
  const journal = openJournal({ file: join(directory, fileName), clock });
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

/** As it lies on a device that was never stopped in an orderly way: its -wal has been written over from the
 *  beginning more than once, so that new frames come to lie on old ones. The agent must not run. */
export async function wearJournal(directory: string, count: number): Promise<void> {
  const scratch = await mkdtemp(join(directory, ".worn-"));
  const names = [fileName, `${fileName}-wal`];
  try {
    for (const name of names) {
      await ifPresent(copyFile(join(directory, name), join(scratch, name)));
    }
    const journal = openJournal({ file: join(scratch, fileName), clock: systemClock });
    try {
      for (let written = 0; written < count; written += 1) {
        journal.append({ kind: "event", body: body(written) });
      }
      // Before it is closed, which would end its -wal.
      for (const name of names) await copyFile(join(scratch, name), join(directory, name));
      await appendFile(join(directory, `${fileName}-wal`), Buffer.alloc(oldFramesBytes));
    } finally {
      journal.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
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
