// Writes a POSIX tar archive of which every byte follows from the files alone.
// Its bytes are the names of releases, so they must not hang on a package's version: written out here.
import { FleetError } from "#shared/errors.ts";

export interface ArchiveFile {
  /** Relative, with `/`. */
  path: string;
  executable: boolean;
  bytes: Uint8Array;
}

const blockBytes = 512;

/** The same files give the same bytes, in whatever order they come: sorted by path, no times, no owners.
 *  Directories are left out; they follow from the paths.
 *  @see POSIX.1-2017, pax, "ustar Interchange Format" */
export function archive(files: readonly ArchiveFile[]): Buffer {
  const entries = files
    .map((file) => ({ ...file, name: Buffer.from(file.path) }))
    .toSorted((a, b) => Buffer.compare(a.name, b.name));
  const end = Buffer.alloc(2 * blockBytes);
  return Buffer.concat([...entries.flatMap(entryBlocks), end]);
}

interface Entry extends ArchiveFile {
  name: Buffer;
}

function entryBlocks({ name, executable, bytes }: Entry): Uint8Array[] {
  const mode = executable ? 0o755 : 0o644;
  const place = splitName(name);
  if (place !== undefined)
    return [header({ ...place, mode, size: bytes.length }), ...padded(bytes)];
  const record = paxRecord("path", name);
  const extended = { name: Buffer.from("PaxHeader"), prefix: none, mode: 0o644, type: "x" };
  const short = { name: name.subarray(0, 100), prefix: none, mode };
  return [
    header({ ...extended, size: record.length }),
    ...padded(record),
    header({ ...short, size: bytes.length }),
    ...padded(bytes),
  ];
}

const none = Buffer.alloc(0);

/** Name and prefix as ustar holds them, or undefined for a path that needs an extended header. */
function splitName(path: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (path.some((byte) => byte > 0x7e)) return undefined;
  if (path.length <= 100) return { name: path, prefix: none };
  const slash = path.indexOf("/", path.length - 101);
  if (slash <= 0 || slash > 155) return undefined;
  return { name: path.subarray(slash + 1), prefix: path.subarray(0, slash) };
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length;
  }
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

interface Header {
  name: Buffer;
  prefix: Buffer;
  mode: number;
  size: number;
  type?: string;
}

function header({ name, prefix, mode, size, type = "0" }: Header): Buffer {
  const block = Buffer.alloc(blockBytes);
  name.copy(block, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.fill(" ", 148, 156);
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  prefix.copy(block, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function octal(value: number, width: number): string {
  const digits = value.toString(8);
  if (digits.length >= width) {
    throw new FleetError("repository_invalid", {
      message: `a file of ${value} bytes is too large`,
    });
  }
  return `${digits.padStart(width - 1, "0")}\0`;
}

function padded(bytes: Uint8Array): Uint8Array[] {
  const rest = bytes.length % blockBytes;
  return rest === 0 ? [bytes] : [bytes, Buffer.alloc(blockBytes - rest)];
}
