// The state of each copy on disk: one directory with its record, exit code and logs.
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import { CheckedHealth } from "./health.ts";
import { Launch } from "./launch.ts";

/** One life of a copy's process. */
const RunRecord = z.object({
  /** The leader of the process group: the wrapper around the program. */
  pid: z.number().int(),
  /** The program itself; what people see. */
  program: z.number().int(),
  startTicks: z.number().int(),
  bootId: z.string(),
  /** Unix ms. */
  startedAt: z.number().int(),
  startedMonotonicMs: z.number(),
});
export type RunRecord = z.infer<typeof RunRecord>;

export const CopyRecord = z.object({
  app: AppName,
  service: z.string(),
  index: z.number().int().positive(),
  /** The second of two copies at one place, while one takes over from the other. */
  beside: z.literal(true).exactOptional(),
  configHash: z.string(),
  release: z.string(),
  image: z.string().exactOptional(),
  launch: Launch,
  /** `created` and `restarting` are intents: a process may or may not exist yet. */
  phase: z.enum(["created", "running", "restarting", "exited", "removing"]),
  /** Names the last run, and is on disk before the run exists. */
  nonce: z.string(),
  /** The last run, once its process is known. */
  run: RunRecord.exactOptional(),
  exitCode: z.number().int().exactOptional(),
  /** All restarts by the policy. */
  restarts: z.number().int().nonnegative(),
  /** Restarts in a row without a good run between. */
  attempt: z.number().int().nonnegative(),
  health: CheckedHealth,
});
export type CopyRecord = z.infer<typeof CopyRecord>;

/** The record before a next run: nothing of the last one. */
export function withoutEnding(record: CopyRecord): CopyRecord {
  const { run: _run, exitCode: _exitCode, ...kept } = record;
  return kept;
}

export interface Place {
  app: string;
  service: string;
  index: number;
  beside?: true;
}

export interface RecordStore {
  directory(place: Place): string;
  /** Where the wrapper leaves the program's exit code. */
  exitFile(place: Place): string;
  list(): Promise<CopyRecord[]>;
  /** @throws FleetError disk_short, runtime_unavailable */
  save(record: CopyRecord): Promise<void>;
  /** What the last run ended with; undefined while it runs or when nobody could write it. */
  exitCode(place: Place): Promise<number | undefined>;
  /** The logs stay. */
  remove(place: Place): Promise<void>;
  removeApp(app: string): Promise<void>;
}

/** @param options.onUnreadable called with the file of a record that is torn or foreign, or that the disk
 *  does not give: it costs its own copy a restart, and no other one */
export function createRecordStore(options: {
  directory: string;
  onUnreadable: (file: string) => void;
}): RecordStore {
  const root = join(options.directory, "copies");
  const directory = ({ app, service, index, beside }: Place) =>
    join(root, app, `${service}.${index}${beside === true ? "b" : ""}`);
  const file = (place: Place) => join(directory(place), "copy.json");
  const exitFile = (place: Place) => join(directory(place), "exit");
  return {
    directory,
    exitFile,
    list: () => readRecords(root, options.onUnreadable),
    async save(record) {
      try {
        await mkdir(directory(record), { recursive: true, mode: 0o700 });
        await writeAtomically(file(record), JSON.stringify(record));
      } catch (error) {
        throw diskError(error as NodeJS.ErrnoException, directory(record));
      }
    },
    async exitCode(place) {
      const text = await readFile(exitFile(place), "utf8").catch(() => "");
      const code = /^(\d+)\n/.exec(text)?.[1];
      return code === undefined ? undefined : Number(code);
    },
    async remove(place) {
      await rm(file(place), { force: true });
      await rm(exitFile(place), { force: true });
    },
    removeApp: (app) => rm(join(root, app), { recursive: true, force: true }),
  };
}

async function readRecords(
  root: string,
  onUnreadable: (file: string) => void,
): Promise<CopyRecord[]> {
  const entries = await readdir(root, { recursive: true }).catch(noEntries);
  const files = entries.filter((path) => path.endsWith("/copy.json"));
  const records = await Promise.all(
    files.map(async (path) => {
      const text = await readFile(join(root, path), "utf8").catch(() => "");
      const record = CopyRecord.safeParse(parseJson(text));
      if (!record.success) onUnreadable(join(root, path));
      return record.data;
    }),
  );
  return records.filter((record) => record !== undefined);
}

function noEntries(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Readable by the agent alone: an environment may hold what should not be read. */
async function writeAtomically(path: string, text: string): Promise<void> {
  const draft = `${path}.tmp`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
}

function diskError(cause: NodeJS.ErrnoException, path: string): FleetError {
  const full = cause.code === "ENOSPC" || cause.code === "EDQUOT";
  return new FleetError(full ? "disk_short" : "runtime_unavailable", {
    message: `The state of a process cannot be written to ${path} (${cause.code}).`,
    hint: full ? "Free space on the device." : "Make the agent's data directory writable.",
    cause,
  });
}
