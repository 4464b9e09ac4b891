// Puts a backup into an empty data directory, so that the hub begins there, paused.
import { chmod, mkdtemp, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { migrations } from "#hub/store/migrations.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { makeDirectory, namesIn, syncDirectory } from "#shared/files.ts";
import type { Manifest } from "./manifest.ts";
import { openBackup } from "./open.ts";

interface RestoreOptions {
  file: string;
  /** The hub's data directory: absent or empty. */
  directory: string;
  clock: Clock;
}

/** The database comes last: a hub that was started on a part of it would know nothing, and ask nothing of any device.
 *  @throws FleetError state_conflict when the directory holds anything; request_invalid, not_found */
export async function restoreBackup({
  file,
  clock,
  ...options
}: RestoreOptions): Promise<Manifest> {
  const directory = resolve(options.directory);
  await refuseFull(directory);
  await makeDirectory(directory);
  // Inside, since it may be a file system of its own.
  const place = await mkdtemp(join(directory, "restore.tmp-"));
  try {
    const manifest = await openBackup(file, place);
    refuseNewer(manifest);
    await pauseFleet(join(place, "hub.db"), manifest, clock);
    for (const { name } of manifest.files.toReversed()) {
      await chmod(join(place, name), 0o600);
      await rename(join(place, name), join(directory, name));
    }
    return manifest;
  } finally {
    await rm(place, { recursive: true, force: true });
    await syncDirectory(directory);
  }
}

async function refuseFull(directory: string): Promise<void> {
  const [first] = await namesIn(directory);
  if (first === undefined) return;
  throw new FleetError("state_conflict", {
    message: `${directory} is not empty: it holds ${first}`,
    hint: "Stop the hub and move what is there aside, or name another directory with --data.",
    subject: directory,
  });
}

function refuseNewer({ schema, hubVersion }: Manifest): void {
  const known = migrations.at(-1)?.id ?? 0;
  if (schema <= known) return;
  throw new FleetError("state_conflict", {
    message: `the backup was made by hub ${hubVersion}, with schema ${schema}; this one knows schemas up to ${known}`,
    hint: "Restore it with that version or a newer one.",
  });
}

/** What the devices were told since is in no backup, so nothing new may leave before they have said it. */
async function pauseFleet(file: string, { at }: Manifest, clock: Clock): Promise<void> {
  const store = await openStore({ file });
  try {
    const reason = `the hub was restored from a backup of ${new Date(at).toISOString()}`;
    const now = clock.now();
    const event = { at: now, device: null, app: null, source: "hub", type: "Warning" } as const;
    await store.setPause(
      { cause: "restored", reason, at: now },
      { ...event, reason: "FleetPaused", message: reason },
    );
  } finally {
    await store.close();
  }
}
