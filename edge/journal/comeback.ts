// Looks whether a disk that could not hold the journal when the agent started can hold it now.
import { rmSync } from "node:fs";
import type { Clock } from "#shared/clock.ts";
import { writeFileAtomicSync } from "#shared/files.ts";
import { openDatabase } from "./database.ts";
import { damageIn } from "./unusable.ts";

const firstLookMs = 10_000;
const longestPauseMs = 600_000;
/** What the files of a new database take, and a few entries. */
const probeBytes = 128 * 1024;

interface Options {
  file: string;
  clock: Pick<Clock, "sleep">;
  /** Once. */
  onBack: () => void;
}

/** @returns what ends it */
export function awaitDisk({ file, clock, onBack }: Options): () => void {
  const stopping = new AbortController();
  const look = async (): Promise<void> => {
    for (let pauseMs = firstLookMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await clock.sleep(pauseMs, stopping.signal);
      if (stopping.signal.aborted) return;
      if (takesWrites(`${file}.probe`) && opens(file)) break;
    }
    onBack();
  };
  void look();
  return () => stopping.abort();
}

/** A disk that fails may refuse even to remove what a look before left there. */
function takesWrites(probe: string): boolean {
  try {
    writeFileAtomicSync(probe, "x".repeat(probeBytes), 0o600);
    rmSync(probe, { force: true });
    return true;
  } catch {
    return false;
  }
}

/** What is damaged the next start puts aside. */
function opens(file: string): boolean {
  try {
    openDatabase(file).close();
    return true;
  } catch (error) {
    return damageIn(error) !== undefined;
  }
}
