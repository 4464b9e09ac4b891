// Starts one run of a copy: fresh logs, an empty exit file, the marked process.
import { open } from "node:fs/promises";
import type { Launch } from "./launch.ts";
import type { CopyLogs } from "./logs.ts";
import { type StartedRun, startRun } from "./wrapper.ts";

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
    if (!mayStart()) return undefined;
    return await startRun(launch, marker, { ...output, exit: exit.fd });
  } finally {
    await output.close();
    await exit.close();
  }
}
