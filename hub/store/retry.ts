// Asks devices to forget what failed on them, within the caller's transaction.
import type { Transaction } from "kysely";
import type { DeviceId } from "#shared/ids.ts";
import { chunksOf } from "./chunks.ts";
import type { Tables } from "./tables.ts";

export async function askToRetry(
  trx: Transaction<Tables>,
  devices: readonly DeviceId[],
): Promise<void> {
  for (const ids of chunksOf(devices)) {
    await trx
      .updateTable("devices")
      .set((eb) => ({ retry: eb("retry", "+", 1) }))
      .where("id", "in", ids)
      .execute();
  }
}
