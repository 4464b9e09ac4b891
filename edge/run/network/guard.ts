// The guard of one change of the network: puts back what was unless the agent confirms the change in time.
//
// A process of its own, in a session of its own, since the change may cut the agent off or outlive it.
import { readBootId } from "#edge/journal/boot.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import { callNetwork } from "./command.ts";
import { livingGuard, recordGuard } from "./identity.ts";
import { type ChangeFiles, type ChangeRecord, changeFiles } from "./record.ts";

const lookMs = 200;
/** A command that fails is tried for as long as the machine is up: without it nobody may reach the device. */
const againMs = 5000;

const [directory] = process.argv.slice(2);
if (directory === undefined) process.exit(64);
await guard(changeFiles(directory));

async function guard(files: ChangeFiles): Promise<void> {
  const record = files.read();
  if (record === undefined) return;
  recordGuard(files.guardFile);
  await clock.sleep(lookMs);
  // Another one has begun in the same moment.
  if (livingGuard(files.guardFile) !== process.pid) return;
  while (!isDue(record, files)) {
    if (files.claimed() === "confirmed") return;
    await clock.sleep(lookMs);
  }
  if (files.claim("returned") === "confirmed") return;
  await putBack(record, files);
}

function isDue({ bootId, bootIdFile, deadlineMs }: ChangeRecord, files: ChangeFiles): boolean {
  if (files.isAskedBack() || files.claimed() === "returned") return true;
  return readBootId(bootIdFile) !== bootId || clock.monotonicMs() >= deadlineMs;
}

async function putBack({ command, former }: ChangeRecord, files: ChangeFiles): Promise<void> {
  for (let tries = 1; !files.isBack(); tries += 1) {
    try {
      await callNetwork(command, "restore", { input: former });
      files.noteBack();
    } catch (error) {
      files.noteTrouble({ tries, message: asFleetError(error).sentence });
      await clock.sleep(againMs);
    }
  }
}
