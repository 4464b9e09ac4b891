// When a change of the network is taken back: its time is over, the device has restarted, or somebody wants it so.
import { readBootId } from "#edge/journal/boot.ts";
import type { ChangeFiles, ChangeRecord } from "./record.ts";

/** @param nowMs since boot */
export function isDue(
  { bootId, bootIdFile, deadlineMs }: ChangeRecord,
  files: Pick<ChangeFiles, "isAskedBack" | "claimed">,
  nowMs: number,
): boolean {
  if (files.isAskedBack() || files.claimed() === "returned") return true;
  return readBootId(bootIdFile) !== bootId || nowMs >= deadlineMs;
}
