// Watches the room on the Engine's disk while an image comes, and breaks the pull off before the disk is full.
import { statfs } from "node:fs/promises";
import type { PullLine } from "#edge/runtime/docker/calls/api.ts";
import { FleetError } from "#shared/errors.ts";

/** Unpacked layers are so many times as large as the compressed ones that the pull counts. */
const unpackFactor = 2.5;

interface Layer {
  totalBytes: number;
  arrivedBytes: number;
  unpacked: boolean;
}

/** Bytes that the layers still need: no registry tells the size of an image before its pull, but each layer
 *  tells its own as soon as it begins. */
export interface PullNeed {
  note(line: PullLine): void;
  bytes(): number;
}

export function createPullNeed(): PullNeed {
  const layers = new Map<string, Layer>();
  return {
    note: ({ id, status, progressDetail }) => {
      if (id === undefined) return;
      const layer = layers.get(id) ?? { totalBytes: 0, arrivedBytes: 0, unpacked: false };
      layers.set(id, layer);
      if (status === "Downloading") {
        layer.totalBytes = Math.max(layer.totalBytes, progressDetail?.total ?? 0);
        layer.arrivedBytes = progressDetail?.current ?? layer.arrivedBytes;
      }
      if (status === "Download complete") layer.arrivedBytes = layer.totalBytes;
      if (status === "Pull complete" || status === "Already exists") layer.unpacked = true;
    },
    bytes: () => {
      const open = [...layers.values()].filter(({ unpacked }) => !unpacked);
      return open.reduce((sum, { totalBytes, arrivedBytes }) => {
        return sum + totalBytes - arrivedBytes + totalBytes * unpackFactor;
      }, 0);
    },
  };
}

export interface PullRoom {
  /** The Engine's own directory, if it can be told. */
  dataRoot(): Promise<string | undefined>;
  reserveBytes: number;
  /** Another disk for tests. */
  freeBytes?: (path: string) => Promise<number>;
}

const askEveryMs = 500;

/** The same lines.
 *  @throws FleetError disk_short; leaving the lines ends the pull */
export async function* watchRoom(
  image: string,
  lines: AsyncIterable<PullLine>,
  room: PullRoom,
): AsyncGenerator<PullLine> {
  const need = createPullNeed();
  const root = await room.dataRoot().catch(() => undefined);
  let askedMs = Number.NEGATIVE_INFINITY;
  for await (const line of lines) {
    need.note(line);
    const isDue = performance.now() - askedMs >= askEveryMs && need.bytes() > 0;
    if (root !== undefined && isDue) {
      askedMs = performance.now();
      await requireRoom(image, root, need.bytes(), room);
    }
    yield line;
  }
}

async function requireRoom(
  image: string,
  root: string,
  bytes: number,
  { reserveBytes, freeBytes = freeAt }: PullRoom,
): Promise<void> {
  // The Engine's directory may be out of this user's sight; then the Engine itself says when it is full.
  const free = await freeBytes(root).catch(() => Number.POSITIVE_INFINITY);
  const missing = bytes + reserveBytes - free;
  if (missing <= 0) return;
  const [short, needed, reserve] = [missing, bytes, reserveBytes].map(megabytes);
  throw new FleetError("disk_short", {
    message: `the disk is short by ${short} for image ${image}: its layers still need about ${needed} and ${reserve} stay in reserve`,
    hint: `Free some space on the file system of ${root}: docker system df shows what takes it.`,
    subject: root,
  });
}

async function freeAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
