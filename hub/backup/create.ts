// Makes a backup while the hub works: a checked copy of the database and the keys, as one compressed file.
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { create } from "tar";
import { examineCopy } from "#hub/store/copy.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { errnoOf, namesIn } from "#shared/files.ts";
import { digestOf } from "./digest.ts";
import { type BackedUp, keyFiles, type Manifest, manifestName } from "./manifest.ts";

export interface Backups {
  /** Sweeps up what an earlier process has left. */
  start(): Promise<void>;
  /** The backup is whole and checked before its first byte; what it lay in is removed when the stream ends,
   *  however it ends.
   *  @throws FleetError state_conflict while another is made, store_unavailable */
  make(options: { withKeys: boolean }): Promise<{ manifest: Manifest; content: Readable }>;
}

const prefix = "backup.tmp-";

export function createBackups(options: {
  store: Pick<Store, "backup">;
  /** The hub's data directory, which must have room for a copy of the database. */
  directory: string;
  clock: Clock;
  version: string;
}): Backups {
  const { store, directory, clock, version } = options;
  let isBusy = false;

  const fill = async (place: string, withKeys: boolean): Promise<Manifest> => {
    const at = clock.now();
    const database = join(place, "hub.db");
    await store.backup(database);
    const examined = await examineCopy(database);
    if (typeof examined === "string") throw damaged(examined);
    const keys = withKeys ? keyFiles : [];
    for (const key of keys) await copyFile(join(directory, key), join(place, key));
    const names: BackedUp[] = ["hub.db", ...keys];
    const files = [];
    for (const name of names) files.push({ name, ...(await digestOf(join(place, name))) });
    const manifest: Manifest = { version: 1, at, hubVersion: version, ...examined, files };
    await writeFile(join(place, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
    return manifest;
  };
  return {
    start: async () => {
      const left = (await namesIn(directory)).filter((name) => name.startsWith(prefix));
      for (const name of left) await rm(join(directory, name), { recursive: true });
    },
    make: async ({ withKeys }) => {
      if (isBusy) throw busy();
      isBusy = true;
      let place: string | undefined;
      const end = async (): Promise<void> => {
        isBusy = false;
        if (place !== undefined) await rm(place, { recursive: true, force: true });
      };
      try {
        // Readable by the hub's user alone, as mkdtemp makes it.
        place = await mkdtemp(join(directory, prefix));
        const manifest = await fill(place, withKeys);
        const names = [manifestName, ...manifest.files.map(({ name }) => name)];
        return { manifest, content: streamOf(place, names, end) };
      } catch (error) {
        await end();
        throw isFull(error) ? noRoom(error) : error;
      }
    },
  };
}

function streamOf(place: string, names: string[], end: () => Promise<void>): Readable {
  const packed = create({ cwd: place, gzip: true, portable: true }, names);
  const content = Readable.from(packed as AsyncIterable<Buffer>, { objectMode: false });
  content.once("close", () => void end());
  return content;
}

function busy(): FleetError {
  return new FleetError("state_conflict", {
    message: "a backup is being made already",
    hint: "Try again when it is done.",
  });
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "");
}

function noRoom(cause: unknown): FleetError {
  return new FleetError("store_unavailable", {
    message: "the hub's disk has no room for a copy of the database",
    hint: "Free disk space on the hub.",
    cause,
  });
}

function damaged(finding: string): FleetError {
  return new FleetError("store_unavailable", {
    message: `the backup was checked and is no good: ${finding}`,
    hint: "Keep the last good backup, and look at the hub's disk.",
    retry: "never",
  });
}
