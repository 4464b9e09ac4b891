// What the start script asks of the hub's API.
import { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";

const App = z.object({
  name: z.string(),
  sync: SyncStatus,
  health: HealthStatus,
  step: z.string().optional(),
  failure: z.object({ message: z.string() }).optional(),
});

const Device = z.object({
  id: z.string(),
  connection: Connection,
  sync: SyncStatus,
  health: HealthStatus,
  desiredGeneration: z.number(),
  apps: z.array(App),
});
export type DeviceNow = z.infer<typeof Device>;

const DevicePage = z.object({ items: z.array(Device) });

export interface HubClient {
  /** Waits until the hub is ready.
   *  @throws FleetError hub_unreachable when the signal comes first */
  ready(signal: AbortSignal): Promise<void>;
  devices(): Promise<DeviceNow[]>;
  enrolmentToken(device: string): Promise<string>;
  signInAddress(): Promise<string>;
}

/** @param token an operator's, read when it is first needed */
export function createHubClient(url: string, token: () => Promise<string>): HubClient {
  const call = async (path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(new URL(path, url), {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(5000),
    }).catch((cause: unknown) => {
      const message = `the hub at ${url} does not answer`;
      throw new FleetError("hub_unreachable", { message, cause });
    });
    if (response.ok) return response.json();
    throw new FleetError("hub_unreachable", {
      message: `the hub answered ${response.status} to ${path}`,
      hint: "Look at the hub's log in the data directory.",
    });
  };

  return {
    ready: async (signal) => {
      while (!signal.aborted) {
        const response = await fetch(new URL("/readyz", url)).catch(() => undefined);
        if (response?.ok === true) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new FleetError("hub_unreachable", {
        message: `the hub at ${url} did not become ready`,
        hint: "Look at logs/hub.log in the data directory.",
      });
    },
    devices: async () => DevicePage.parse(await call("/v1/devices?limit=100")).items,
    enrolmentToken: async (device) =>
      z.object({ token: z.string() }).parse(await call("/v1/enrollment-tokens", { device })).token,
    signInAddress: async () => {
      const { code } = z.object({ code: z.string() }).parse(await call("/v1/sign-in-codes", {}));
      return new URL(`/sign-in?code=${encodeURIComponent(code)}`, url).href;
    },
  };
}
