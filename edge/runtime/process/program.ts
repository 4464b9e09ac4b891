// Finds the file that a command's first word names, as execvp would.
import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";

/** Absolute path of the program, or undefined when there is no executable file of that name. */
export function findProgram(
  name: string,
  where: { path: string; directory: string },
): string | undefined {
  if (name.includes("/")) {
    const file = resolve(where.directory, name);
    return isExecutable(file) ? file : undefined;
  }
  return where.path
    .split(":")
    .map((folder) => resolve(where.directory, folder, name))
    .find(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
