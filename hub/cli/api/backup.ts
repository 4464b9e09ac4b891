// The API's part about backups and the pause of the fleet, as the command uses it.
import type { PauseView } from "#hub/api/pause.ts";
import { FleetError } from "#shared/errors.ts";
import type { Http } from "./http.ts";

export interface BackupCalls {
  /** @param beginMs how long the hub may take to make and check it */
  take(withKeys: boolean, beginMs: number): Promise<AsyncIterable<Uint8Array>>;
  pause(): Promise<PauseView>;
  endPause(body: { reason: string; force: boolean }): Promise<PauseView>;
}

export function backupCalls(http: Pick<Http, "send" | "json">): BackupCalls {
  return {
    take: async (keys, beginMs) => {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(new DOMException("", "TimeoutError")), beginMs);
      const request = { method: "POST", path: "/v1/backup", body: { keys } } as const;
      const { body } = await http
        .send({ ...request, signal: limit.signal })
        .finally(() => clearTimeout(timer));
      if (body === null)
        throw new FleetError("hub_unreachable", { message: "the backup is empty" });
      return whole(body);
    },
    pause: () => http.json({ method: "GET", path: "/v1/fleet/pause" }),
    endPause: (body) => http.json({ method: "POST", path: "/v1/fleet/pause/end", body }),
  };
}

/** @throws FleetError when the hub ends in the middle, which fetch tells as a fault of its own */
async function* whole(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (cause) {
    throw new FleetError("hub_unreachable", {
      message: "the hub ended the backup in its middle; it may have stopped",
      hint: "Nothing was kept of it. See the hub's log, and take another one.",
      cause,
    });
  }
}
