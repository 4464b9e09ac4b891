// Whether the hub has lost its store: its key is older than it.
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The store is made before the key; a key without a store has had one that is gone.
 *  Ask before the store is opened. */
export function isLost(directory: string): boolean {
  return existsSync(join(directory, "signing-key.pem")) && !existsSync(join(directory, "hub.db"));
}

export const blankReason =
  "the hub has its key and an empty store: it takes its devices back as they return, and asks nothing new of them until somebody resumes the fleet";
