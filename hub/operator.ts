// The operator's token: made at the first start, kept in a file that only its owner can read.
import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import { FleetError } from "#shared/errors.ts";
import { ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";

/** Makes the store know the token of the file, or of a new file.
 *  @returns the file's path
 *  @throws FleetError config_invalid when others may read it */
export async function prepareOperator(
  directory: string,
  store: Pick<Store, "addOperator" | "operatorByHash">,
  now: number,
): Promise<string> {
  const file = join(directory, "operator.token");
  const token = (await readToken(file)) ?? (await makeToken(directory, file));
  const hash = sha256(token);
  if ((await store.operatorByHash(hash)) === null) await store.addOperator("operator", hash, now);
  return file;
}

async function readToken(file: string): Promise<string | undefined> {
  const stats = await ifPresent(stat(file));
  if (stats === undefined) return undefined;
  if ((stats.mode & 0o077) === 0) return (await readFile(file, "utf8")).trim();
  throw new FleetError("config_invalid", {
    message: "the operator's token may be read by others",
    where: { file },
    hint: `Run: chmod 600 ${file}. If somebody may have read it, remove it and start again.`,
  });
}

async function makeToken(directory: string, file: string): Promise<string> {
  await makeDirectory(directory);
  const token = randomBytes(32).toString("base64url");
  await writeFileAtomic(file, `${token}\n`, 0o600);
  return token;
}
