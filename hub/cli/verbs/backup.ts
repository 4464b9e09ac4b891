// `fleet backup`: fetches a backup of the hub and checks it before it gets its name.
import { type FileHandle, link, mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { Manifest } from "#hub/backup/manifest.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { durationOption, examples, verbCommand } from "#hub/cli/options.ts";
import { rfc3339 } from "#hub/cli/terminal/age.ts";
import { removeOnSignal } from "#hub/cli/terminal/signals.ts";
import { FleetError } from "#shared/errors.ts";
import { errnoOf, ifPresent, syncDirectory, temporaryName } from "#shared/files.ts";

interface Options extends ConnectionOptions {
  keys: boolean;
  force?: true;
  /** Ms. */
  timeout: number;
}

export function backupVerb(cli: Cli): Command {
  return verbCommand("backup", "Write a checked backup of the hub into one file, while it works.")
    .argument("<file>", "where to write it; only you may read it")
    .option("--without-keys", "leave the hub's signing key and its first operator's token out")
    .option("--force", "take the place of a file that is there")
    .addOption(durationOption("--timeout", "how long the hub may take to make it", "10m"))
    .addHelpText(
      "after",
      `\nWith its keys a backup lets whoever holds it command the devices: keep it as you keep them.\n${examples(
        ["fleet backup /mnt/safe/fleet.tar.gz", "everything that a hub needs but the repository"],
        ["fleet backup --without-keys hub.tar.gz", "for a place that is less safe"],
      )}`,
    )
    .action((file: string, options: Options & { withoutKeys?: true }) =>
      backup(cli, resolve(file), { ...options, keys: options.withoutKeys !== true }),
    );
}

async function backup(cli: Cli, file: string, options: Options): Promise<void> {
  const { terminal } = cli;
  if (options.force !== true && (await ifPresent(stat(file))) !== undefined) throw taken(file);
  const client = await cli.connect(options);
  const part = temporaryName(file);
  const place = await mkdtemp(join(tmpdir(), "fleet-backup-"));
  // Both hold the hub's keys.
  const forget = removeOnSignal(() => [part, place]);
  try {
    await fetchInto(part, cli, () => client.backups.take(options.keys, options.timeout));
    terminal.progress("Checking …");
    const manifest = await check(part, place);
    await name(part, file, options.force === true);
    terminal.progress(undefined);
    tell(cli, file, manifest, options.keys);
  } finally {
    await rm(part, { force: true });
    await rm(place, { recursive: true, force: true });
    forget();
  }
}

/** The file is there before the hub has worked for minutes in vain. */
async function fetchInto(
  part: string,
  { terminal }: Cli,
  take: () => Promise<AsyncIterable<Uint8Array>>,
): Promise<void> {
  const handle = await openPart(part);
  try {
    terminal.progress("The hub makes the backup …");
    const onBytes = (bytes: number): void => terminal.progress(`${Math.round(bytes / 1e6)} MB …`);
    await handle.writeFile(counted(await take(), onBytes));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function openPart(part: string): Promise<FileHandle> {
  return await open(part, "wx", 0o600).catch((cause: unknown) => {
    throw new FleetError("request_invalid", {
      message: `nothing can be written in ${dirname(part)} (${errnoOf(cause) ?? String(cause)})`,
      hint: "Name a file in a directory that is there and that you may write.",
      subject: part,
      cause,
    });
  });
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.byteLength;
    onBytes(bytes);
    yield chunk;
  }
}

/** Unpacked and read as a whole: a backup that was never read is a hope. */
async function check(part: string, place: string): Promise<Manifest> {
  const { openBackup } = await import("#hub/backup/open.ts");
  return await openBackup(part, place);
}

/** What a file system without hard links says, such as that of a USB stick. */
const linkless = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

async function name(part: string, file: string, mayReplace: boolean): Promise<void> {
  try {
    // Unlike a rename, a link never takes the place of a file.
    await (mayReplace ? rename(part, file) : link(part, file));
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw taken(file);
    if (!linkless.has(errnoOf(error) ?? "")) throw error;
    if ((await ifPresent(stat(file))) !== undefined) throw taken(file);
    await rename(part, file);
  }
  await syncDirectory(dirname(file));
}

function tell({ terminal }: Cli, file: string, manifest: Manifest, withKeys: boolean): void {
  const { at, devices, files } = manifest;
  terminal.out(file);
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  terminal.say(
    `Checked: ${devices} devices as of ${rfc3339(at)}, ${Math.ceil(bytes / 1e6)} MB unpacked.`,
  );
  if (withKeys) return;
  terminal.say(
    "Without its keys: keep signing-key.pem elsewhere, or a hub restored from it commands no device.",
  );
}

function taken(file: string): FleetError {
  return new FleetError("request_invalid", {
    message: `${basename(file)} is there already`,
    hint: "Choose another name, or say --force.",
    subject: file,
  });
}
