// The hubs that a person works with, with their tokens, in one file that only its owner can read.
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { FleetError } from "#shared/errors.ts";
import { errnoOf, ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";

export interface Context {
  /** Base address of the hub. */
  url: string;
  token: string;
}

export interface Contexts {
  /** The one that holds when none is named; null before the first sign-in. */
  current: string | null;
  contexts: Record<string, Context>;
}

export interface ContextFile {
  readonly path: string;
  /** @throws FleetError config_invalid when others may read it or it is not what was written */
  read(): Promise<Contexts>;
  write(contexts: Contexts): Promise<void>;
}

export function createContextFile(env: NodeJS.ProcessEnv): ContextFile {
  const base = env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  const path = join(base, "metrica-fleet", "config.json");
  return {
    path,
    read: async () => {
      const stats = await ifPresent(stat(path)).catch((cause) => refuse(path, "read", cause));
      if (stats === undefined) return { current: null, contexts: {} };
      if ((stats.mode & 0o077) !== 0) throw readable(path);
      const text = await readFile(path, "utf8").catch((cause) => refuse(path, "read", cause));
      return parse(path, text);
    },
    write: async (contexts) => {
      try {
        await makeDirectory(dirname(path));
        await writeFileAtomic(path, `${JSON.stringify(contexts, null, 2)}\n`, 0o600);
      } catch (cause) {
        refuse(path, "written", cause);
      }
    },
  };
}

/** As after a `sudo fleet login`, which leaves a file of root's in somebody's home. */
function refuse(file: string, what: "read" | "written", cause: unknown): never {
  throw new FleetError("config_invalid", {
    message: `the file with the hub's tokens cannot be ${what} (${errnoOf(cause) ?? String(cause)})`,
    where: { file },
    hint: "See whose it is (ls -l), set XDG_CONFIG_HOME, or use FLEET_HUB and FLEET_TOKEN instead.",
    cause,
  });
}

function readable(file: string): FleetError {
  return new FleetError("config_invalid", {
    message: "the file with the hub's tokens may be read by others",
    where: { file },
    hint: `Run: chmod 600 ${file}`,
  });
}

function parse(file: string, text: string): Contexts {
  try {
    const value: unknown = JSON.parse(text);
    if (isContexts(value)) return value;
  } catch (cause) {
    throw malformed(file, cause);
  }
  throw malformed(file);
}

function malformed(file: string, cause?: unknown): FleetError {
  return new FleetError("config_invalid", {
    message: "the file with the hub's tokens is not as `fleet login` writes it",
    where: { file },
    hint: "Remove it and run: fleet login URL",
    cause,
  });
}

function isContexts(value: unknown): value is Contexts {
  if (!isRecord(value) || !isRecord(value["contexts"])) return false;
  const { current, contexts } = value;
  return (current === null || typeof current === "string") && Object.values(contexts).every(isOne);
}

function isOne(value: unknown): value is Context {
  return isRecord(value) && typeof value["url"] === "string" && typeof value["token"] === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
