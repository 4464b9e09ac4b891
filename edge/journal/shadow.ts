// A small file beside the database with what cannot be found elsewhere if the database is lost.
import { readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { sha256 } from "#shared/canonical.ts";
import { errnoOf, isTemporary, namesIn, writeFileAtomicSync } from "#shared/files.ts";
import { JournalState } from "./state.ts";

/** The sum, over the state's JSON, tells a spoilt file from a whole one where its JSON is still JSON. */
const Content = z.object({ sha256: z.string(), state: z.unknown() });

export interface Shadow {
  /** Writes the state before the call returns, or tells that it could not. Not in the background: a disk may
   *  fail in the next instant, and what the device has said by then must be there.
   *  @returns the errno when it failed */
  keep(state: JournalState): string | undefined;
}

export function shadowFile(journalFile: string): string {
  return join(dirname(journalFile), "state.json");
}

/** @param onFailed called at the first of a row of failures; the journal itself is not at stake */
export function createShadow(file: string, onFailed: (error: unknown) => void): Shadow {
  let written: string | undefined;
  let failing = false;
  return {
    keep: (state) => {
      const text = `${JSON.stringify({ sha256: sumOf(state), state })}\n`;
      if (text === written) return undefined;
      try {
        writeFileAtomicSync(file, text, 0o600);
        written = text;
        failing = false;
        return undefined;
      } catch (error) {
        if (!failing) onFailed(error);
        failing = true;
        return errnoOf(error) ?? "unknown";
      }
    },
  };
}

/** @returns `problem` when the file is there and cannot be used */
export async function readShadow(
  file: string,
): Promise<{ state?: JournalState; problem?: string }> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    return errno === "ENOENT" ? {} : { problem: `cannot be read (${errno ?? String(error)})` };
  }
  return parseShadow(text);
}

function parseShadow(text: string): { state?: JournalState; problem?: string } {
  try {
    const { sha256: sum, state } = Content.parse(JSON.parse(text));
    if (sum !== sumOf(state)) return { problem: "is damaged" };
    return { state: JournalState.parse(state) };
  } catch {
    return { problem: "cannot be understood" };
  }
}

function sumOf(state: unknown): string {
  return sha256(JSON.stringify(state));
}

/** What a power cut has left of writes under way. */
export async function sweepShadows(file: string): Promise<void> {
  for (const name of await namesIn(dirname(file))) {
    if (!isTemporary(name) || !name.startsWith(basename(file))) continue;
    await rm(join(dirname(file), name), { force: true });
  }
}
