// The steps that a plan is made of, as a device gets them: resolved, typed, each with its timeout and retries.
import { z } from "zod";
import { AppName } from "./ids.ts";

export const PlanName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 characters of a-z, 0-9 and -");
export type PlanName = z.infer<typeof PlanName>;

/** Address with its prefix length, e.g. `10.0.0.7/24`. */
export const NetworkAddress = z.union([z.cidrv4(), z.cidrv6()]);
export const HostAddress = z.union([z.ipv4(), z.ipv6()]);

/** As the kernel names it, e.g. `eth0`. */
export const InterfaceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, "must be the name of a network interface");

/** What a network interface is to be like. Names and values end up in a command's input, never in a shell. */
export const NetworkSettings = z
  .object({
    interface: InterfaceName,
    method: z.enum(["dhcp", "static"]),
    /** With `static`, and only then. */
    address: NetworkAddress.exactOptional(),
    gateway: HostAddress.exactOptional(),
    dns: z.array(HostAddress).max(4).exactOptional(),
  })
  .refine(({ method, address }) => (method === "static") === (address !== undefined), {
    message: "is needed with the method static, and is not allowed with dhcp",
    path: ["address"],
  });
export type NetworkSettings = z.infer<typeof NetworkSettings>;

/** A file of the role's release, relative to its directory. */
export const ScriptPath = z
  .string()
  .max(200)
  .regex(/^(\.\/)?[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, "must be a path inside the role")
  .refine((path) => !path.split("/").includes(".."), { message: "must stay inside the role" });

const limits = {
  /** Ms that one try may take, from its start. */
  timeoutMs: z.number().int().min(1000).max(86_400_000),
  /** Tries after the first one that failed. */
  retries: z.number().int().min(0).max(10),
};

/** What each kind of step means on the device, which must be able to do it twice:
 *  - drain: every app is asked to let go (its pre-update hook) and then rests until the run ends or a later
 *    installRelease or verify wants it;
 *  - stopApp: the same for one app, without asking it;
 *  - reboot: passes in another boot than the one in which it began;
 *  - waitForDevice: passes when the hub has answered since the step began;
 *  - installRelease: the app, or all of them, runs what is desired; windows and version locks do not hold it back;
 *  - configureNetwork: the settings are applied; if the hub does not answer within `confirmMs`, those from
 *    before are applied again and the step fails;
 *  - wipe: apps, their volumes and releases are gone; identity and journal stay;
 *  - enrol: the hub has acknowledged this device's identity since the step began;
 *  - verify: the app, or all of them, is Synced and Healthy for `stableMs`;
 *  - script: a script of the release that is current ends with exit code 0; its output is the run's log. */
export const RunStep = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("drain"), ...limits }),
  z.object({ kind: z.literal("stopApp"), app: AppName, ...limits }),
  z.object({ kind: z.literal("reboot"), ...limits }),
  z.object({ kind: z.literal("waitForDevice"), ...limits }),
  z.object({ kind: z.literal("installRelease"), app: AppName.exactOptional(), ...limits }),
  z.object({
    kind: z.literal("configureNetwork"),
    network: NetworkSettings,
    confirmMs: z.number().int().min(1000).max(3_600_000),
    ...limits,
  }),
  z.object({ kind: z.literal("wipe"), ...limits }),
  z.object({ kind: z.literal("enrol"), ...limits }),
  z.object({
    kind: z.literal("verify"),
    app: AppName.exactOptional(),
    stableMs: z.number().int().min(0).max(3_600_000),
    ...limits,
  }),
  z.object({
    kind: z.literal("script"),
    app: AppName,
    script: ScriptPath,
    args: z.array(z.string().max(1000)).max(16).exactOptional(),
    ...limits,
  }),
]);
export type RunStep = z.infer<typeof RunStep>;
export type RunStepKind = RunStep["kind"];

export const maxSteps = 32;
