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
import { type ChangeFiles, type ChangeRecord, changeFiles, type Trouble } from "./record.ts";

const lookMs = 200;
/** A command that fails is tried for as long as the machine is up: without it nobody may reach the device. */
const againMs = 5000;
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

async function putBack({ command, former }: ChangeRecord, files: ChangeFiles): Promise<void> {
  let isRestored = false;
  for (let tries = 1; !files.isBack(); tries += 1) {
    try {
      if (!isRestored) {
        await endApply(files);
        await callNetwork(command, "restore", { input: former });
      }
      // Where the disk takes no note of it, the network is not put back and cut again and again.
      isRestored = true;
      files.noteBack();
    } catch (error) {
      note(files, { tries, message: asFleetError(error).sentence });
      await clock.sleep(againMs);
    }
  }
}

/** Else the new settings could come after the former ones. */
async function endApply({ applyFile }: ChangeFiles): Promise<void> {
  const leader = livingProcess(applyFile);
  if (leader === undefined) return;
  await endRun({ nonce: randomUUID(), leader }, { signal: "SIGKILL", graceMs });
}

/** A full disk keeps no words, and is no reason to leave the device cut off. */
function note(files: ChangeFiles, trouble: Trouble): void {
  try {
    files.noteTrouble(trouble);
  } catch {
    // The next try notes it.
  }
}
