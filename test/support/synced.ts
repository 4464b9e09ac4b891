// Tells what of the disk an action makes durable: every path that is synced while it goes on.
import { readlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

export async function syncedPaths(action: () => Promise<unknown>): Promise<string[]> {
  const any = await open("/dev/null", "r");
  const prototype = Object.getPrototypeOf(any) as Pick<FileHandle, "sync">;
  await any.close();
  const { sync } = prototype;
  const paths: string[] = [];
  prototype.sync = async function record(this: FileHandle): Promise<void> {
    paths.push(readlinkSync(`/proc/self/fd/${this.fd}`));
    await sync.call(this);
  };
  try {
    await action();
  } finally {
    prototype.sync = sync;
  }
  return paths;
}
