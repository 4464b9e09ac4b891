// A list kept whole in one JSON file, which holds the old or the new list at every instant.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { z } from "zod";
import { makeDirectory, writeFileAtomic } from "#shared/files.ts";

/** What is not there, or cannot be read, is empty: nothing that these lists are for may fail for it. */
export async function readList<T>(file: string, list: z.ZodType<T[]>): Promise<T[]> {
  try {
    return list.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return [];
  }
}

export async function writeList(file: string, all: readonly unknown[]): Promise<void> {
  await makeDirectory(dirname(file));
  await writeFileAtomic(file, `${JSON.stringify(all, null, 2)}\n`);
}
