// The API's part about pins, overrides and forced looks, as the command uses it.
import type { OverridesView } from "#hub/api/overrides.ts";
import type { PinView } from "#hub/api/pins.ts";
import type { SyncOutcome } from "#hub/control/sync.ts";
import type { Http } from "./http.ts";
import { items } from "./pages.ts";

interface PinWish {
  deployment?: string;
  device?: string;
  labelSelector?: string;
  to: string;
  reason: string;
  /** Unix ms. */
  until?: number;
}

export interface OverrideWish {
  labels?: Record<string, string | null>;
  values?: Record<string, string>;
  reset?: { labels?: string[]; values?: string[] };
  reason: string;
}

export interface ControlCalls {
  pins(): AsyncIterable<PinView>;
  pin(wish: PinWish): Promise<PinView>;
  unpin(id: string, reason: string): Promise<void>;
  override(device: string, wish: OverrideWish): Promise<OverridesView>;
  /** Answers when the repository was fetched. */
  syncDevice(device: string): Promise<SyncOutcome>;
  sync(scope: { deployment?: string; labelSelector?: string }): Promise<SyncOutcome>;
}

export function controlCalls(http: Http): ControlCalls {
  const ofDevice = (device: string, rest: string): string =>
    `/v1/devices/${encodeURIComponent(device)}/${rest}`;
  return {
    pins: () => items<PinView>(http, "/v1/pins", { limit: 500 }),
    pin: (body) => http.json({ method: "POST", path: "/v1/pins", body }),
    unpin: async (id, reason) => {
      const path = `/v1/pins/${encodeURIComponent(id)}`;
      await http.send({ method: "DELETE", path, query: { reason } });
    },
    override: (device, body) =>
      http.json({ method: "PATCH", path: ofDevice(device, "overrides"), body }),
    syncDevice: (device) => http.json({ method: "POST", path: ofDevice(device, "sync") }),
    sync: (body) => http.json({ method: "POST", path: "/v1/sync", body }),
  };
}
