// Starts one run of a copy: fresh logs, an empty exit file, the marked process.
import { open } from "node:fs/promises";
import type { Launch } from "./launch.ts";
import type { CopyLogs } from "./logs.ts";
import { type StartedRun, startRun } from "./wrapper.ts";

/** As long as any exit code: room that a disk which is full by then has already given. */
const reserved = "\n\n\n\n";

/** @param options.mayStart asked at the last moment before the process exists
 *  @returns undefined when it may not */
export async function openRun(options: {
  launch: Launch;
  marker: string;
  logs: CopyLogs;
  exitFile: string;
  mayStart: () => boolean;
}): Promise<StartedRun | undefined> {
  const { launch, marker, logs, exitFile, mayStart } = options;
  const output = await logs.open();
  const exit = await open(exitFile, "w", 0o600);
  try {
    // At a position, so that the shell's own writing begins at the start.
    await exit.write(reserved, 0).catch(() => undefined);
    if (!mayStart()) return undefined;
    return await startRun(launch, marker, { ...output, exit: exit.fd });
  } finally {
    await output.close();
    await exit.close();
  }
}
