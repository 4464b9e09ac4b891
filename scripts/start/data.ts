// The data directory of `npm start`: made when it is missing, and held by one start at a time.
import { access, constants, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { acquireLock } from "#edge/journal/lock.ts";
import { FleetError } from "#shared/errors.ts";

/** @throws FleetError config_invalid */
export async function holdDataDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
    .then(() => access(directory, constants.W_OK))
    .catch((cause: NodeJS.ErrnoException) => {
      throw new FleetError("config_invalid", {
        message: `the data directory ${directory} cannot be written (${cause.code})`,
        hint: "Choose another one with --data.",
        cause,
      });
    });
  try {
    // Held until the process ends, however it ends.
    acquireLock(join(directory, "start.lock"));
  } catch (cause) {
    throw new FleetError("config_invalid", {
      message: `another npm start runs with the data directory ${directory}`,
      hint: "End it, or choose another directory with --data.",
      cause,
    });
  }
}
