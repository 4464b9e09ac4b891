// The guard of one change of the network: puts back what was unless the agent confirms the change in time.
//
// A process of its own, in a session of its own, since the change may cut the agent off or outlive it.

import { randomUUID } from "node:crypto";
import { endRun } from "#edge/runtime/process/group.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import { callNetwork } from "./command.ts";
import { isDue } from "./due.ts";
import { livingGuard, livingProcess, recordProcess } from "./identity.ts";
import { type ChangeFiles, type ChangeRecord, changeFiles, quickTries } from "./record.ts";

const lookMs = 200;
/** A command that fails is tried for as long as the machine is up: without it nobody may reach the device. */
const againMs = 5000;
/** How much longer it waits after the quick tries. */
const slowFactor = 24;
/** What still applies the new settings may tidy up for so long once it was killed. */
const graceMs = 1000;

const [directory] = process.argv.slice(2);
if (directory === undefined) process.exit(64);
await guard(changeFiles(directory));

async function guard(files: ChangeFiles): Promise<void> {
  const record = files.read();
  if (record === undefined) return;
  // A slow machine may start a second one before the first has made itself known: one alone puts back.
  if (livingGuard(files.guardFile) !== undefined) return;
  recordProcess(files.guardFile, process.pid);
  await clock.sleep(lookMs);
  // Another one has begun in the same moment.
  if (livingGuard(files.guardFile) !== process.pid) return;
  while (!isDue(record, files, clock.monotonicMs())) {
    if (isFinal(files)) return;
    await clock.sleep(lookMs);
  }
  if (isFinal(files) || files.claim("returned") === "confirmed") return;
  await putBack(record, files);
}

/** The agent clears away what is final, and may do so before anyone here has read it. */
function isFinal(files: ChangeFiles): boolean {
  return files.claimed() === "confirmed" || files.read() === undefined;
}

async function putBack(record: ChangeRecord, files: ChangeFiles): Promise<void> {
  const pauseMs = record.againMs ?? againMs;
  let isRestored = false;
  for (let tries = 1; !files.isBack(); tries += 1) {
    quietly(files.beginTry);
    if (!isRestored && isLeft(files)) break;
    try {
      if (!isRestored) {
        await endApply(files);
        await callNetwork(record.command, "restore", { input: record.former });
      }
      // Where the disk takes no note of it, the network is not put back and cut again and again.
      isRestored = true;
      files.noteBack();
    } catch (error) {
      const { sentence: message } = asFleetError(error);
      quietly(() => files.noteTrouble({ tries, message }));
    }
    quietly(files.endTry);
    if (!files.isBack()) await clock.sleep(pauseMs * (tries < quickTries ? 1 : slowFactor));
  }
  quietly(files.endTry);
}

/** The device goes on with what it has, of which the agent may have cleared away every note. */
function isLeft(files: ChangeFiles): boolean {
  try {
    return files.isAskedToLeave() || files.read() === undefined;
  } catch {
    // A broken disk says nothing.
    return false;
  }
}

/** Else the new settings could come after the former ones. */
async function endApply({ applyFile }: ChangeFiles): Promise<void> {
  const leader = livingProcess(applyFile);
  if (leader === undefined) return;
  await endRun({ nonce: randomUUID(), leader }, { signal: "SIGKILL", graceMs });
}

/** A full or broken disk keeps no notes, and is no reason to leave the device cut off. */
function quietly(note: () => void): void {
  try {
    note();
  } catch {
    // The next try notes it.
  }
}
