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

const Branch = z.object({
  branch: z.string(),
  accepted: z.string().nullable(),
  refusal: z.string().nullable(),
});
export type BranchNow = z.infer<typeof Branch>;

const DevicePage = z.object({ items: z.array(Device) });
const Fleet = z.object({ branches: z.array(Branch) });
const EventPage = z.object({ items: z.array(z.object({ at: z.number(), message: z.string() })) });
const Reported = z.object({ reported: z.object({ at: z.number() }).nullable() });

export interface HubClient {
  /** Waits until the hub is ready.
   *  @throws FleetError hub_unreachable when the signal comes first */
  ready(signal: AbortSignal): Promise<void>;
  devices(): Promise<DeviceNow[]>;
  /** Unix ms of what the device reported last. */
  reportedAt(device: string): Promise<number | undefined>;
  branches(): Promise<BranchNow[]>;
  /** Why the repository could not be fetched, if that happened since then.
   *  @param since Unix ms */
  repositoryTrouble(since: number): Promise<string | undefined>;
  enrolmentToken(device: string): Promise<string>;
  signInAddress(): Promise<string>;
}

/** @param token an operator's, read when it is first needed */
export function createHubClient(url: string, token: () => Promise<string>): HubClient {
  const call = async <S extends z.ZodType>(
    answer: S,
    path: string,
    body?: unknown,
  ): Promise<z.infer<S>> => {
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
    if (response.ok) return answer.parse(await response.json());
    throw new FleetError("hub_unreachable", {
      message: `the hub answered ${response.status} to ${path}`,
      hint: "Look at logs/hub.log in the data directory.",
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
    devices: async () => (await call(DevicePage, "/v1/devices?limit=100")).items,
    reportedAt: async (device) => (await call(Reported, `/v1/devices/${device}`)).reported?.at,
    branches: async () => (await call(Fleet, "/v1/fleet")).branches,
    repositoryTrouble: async (since) => {
      const path = "/v1/events?reason=RepositoryUnreachable&limit=1";
      const [newest] = (await call(EventPage, path)).items;
      return newest !== undefined && newest.at >= since ? newest.message : undefined;
    },
    enrolmentToken: async (device) =>
      (await call(z.object({ token: z.string() }), "/v1/enrollment-tokens", { device })).token,
    signInAddress: async () => {
      const { code } = await call(z.object({ code: z.string() }), "/v1/sign-in-codes", {});
      return new URL(`/sign-in?code=${encodeURIComponent(code)}`, url).href;
    },
  };
}
