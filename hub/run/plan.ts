// A plan: named steps with their parameters, as a file of the fleet repository or built in.
import { z } from "zod";
import { AppName, ValueName } from "#shared/ids.ts";
import {
  HostAddress,
  InterfaceName,
  maxSteps,
  NetworkAddress,
  type RunStepKind,
  ScriptPath,
} from "#shared/plan.ts";
import { words } from "#shared/yaml/words.ts";
import { Phase } from "./phase.ts";

const seconds = (min: number, max: number) =>
  z
    .number()
    .min(min)
    .max(max)
    .transform((value) => Math.round(value * 1000));

/** Text with a parameter in it is judged when the parameter is known. */
function templated<T extends z.ZodType>(schema: T) {
  const template = z.string().refine((text) => text.includes("${"));
  return z.custom<string | z.input<T>>().superRefine((value, context) => {
    if (template.safeParse(value).success) return;
    const issues = schema.safeParse(value, { error: words }).error?.issues ?? [];
    for (const { message, path } of issues) {
      // The reader of the file calls a key missing only where its own schema said so.
      const said = value === undefined ? "is missing" : message;
      context.addIssue({ code: "custom", message: said, path });
    }
  });
}

const common = {
  /** For each try. Default: by the kind of the step. */
  timeoutSeconds: seconds(1, 86_400).exactOptional(),
  /** Tries after the first one that failed. */
  retries: z.number().int().min(0).max(10).default(0),
};

const App = templated(AppName);

const Step = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("drain"), ...common }),
  z.strictObject({ kind: z.literal("stopApp"), app: App, ...common }),
  z.strictObject({ kind: z.literal("reboot"), ...common }),
  z.strictObject({ kind: z.literal("waitForDevice"), ...common }),
  z.strictObject({ kind: z.literal("installRelease"), app: App.optional(), ...common }),
  z.strictObject({
    kind: z.literal("configureNetwork"),
    interface: templated(InterfaceName),
    method: templated(z.enum(["dhcp", "static"])),
    address: templated(NetworkAddress).optional(),
    gateway: templated(HostAddress).optional(),
    /** With a parameter in it: addresses with commas between them. */
    dns: templated(z.array(HostAddress).max(4)).optional(),
    /** Without an answer of the hub for so long the settings from before come back. */
    confirmSeconds: seconds(1, 3600).default(60_000),
    ...common,
  }),
  z.strictObject({ kind: z.literal("wipe"), ...common }),
  z.strictObject({ kind: z.literal("enrol"), ...common }),
  z.strictObject({
    kind: z.literal("verify"),
    app: App.optional(),
    stableSeconds: seconds(0, 3600).default(10_000),
    ...common,
  }),
  z.strictObject({
    kind: z.literal("script"),
    app: App,
    script: templated(ScriptPath),
    args: z.array(z.string().max(1000)).max(16).optional(),
    ...common,
  }),
]);
export type PlanStep = z.infer<typeof Step>;

const Parameter = z.strictObject({
  description: z.string().max(500).exactOptional(),
  /** Without one the parameter must be given; an empty one leaves the key that it stands in out. */
  default: z.string().max(1000).exactOptional(),
});

/** What a plan says, without the header of its file. */
export const PlanBody = z.strictObject({
  description: z.string().max(500).default(""),
  parameters: z.record(ValueName, Parameter).default({}),
  /** Phases from which it may be run. */
  from: z
    .array(Phase.exclude(["RMA"]))
    .min(1)
    .default(["READY", "IN_SERVICE", "MAINTENANCE"]),
  /** The device's phase while it runs. */
  during: Phase.extract(["PROVISIONING", "MAINTENANCE"]).default("MAINTENANCE"),
  /** Its phase after it succeeded. */
  after: Phase.extract(["READY", "RMA"]).default("READY"),
  /** A device that has not begun within this time fails the run. */
  startWithinMinutes: z
    .number()
    .gt(0)
    .max(43_200)
    .default(60)
    .transform((minutes) => Math.round(minutes * 60_000)),
  /** `accept`: a device that does not begin in time is taken as gone, and the run as succeeded. */
  silence: z.enum(["fail", "accept"]).default("fail"),
  steps: z.array(Step).min(1).max(maxSteps),
});
export type PlanBody = z.infer<typeof PlanBody>;

export interface Plan extends PlanBody {
  name: string;
  /** Commit that it comes from; null when it is built in. */
  commit: string | null;
}

export const PlanFile = PlanBody.extend({
  apiVersion: z.literal("metrica.fleet/v1"),
  kind: z.literal("Plan"),
}).superRefine(({ parameters, steps }, context) => {
  for (const [index, step] of steps.entries()) {
    for (const name of namesIn(step)) {
      if (Object.hasOwn(parameters, name)) continue;
      const message = `uses \${${name}}, which is not among the plan's parameters`;
      context.addIssue({ code: "custom", message, path: ["steps", index] });
    }
  }
});
export type PlanFile = z.infer<typeof PlanFile>;

/** Parameters that a step names, those in the arguments of a script too. Pure. */
function namesIn(step: PlanStep): string[] {
  const texts = Object.values(step).flatMap((value) => (Array.isArray(value) ? value : [value]));
  return texts.flatMap((text) =>
    typeof text === "string"
      ? [...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = ""]) => name)
      : [],
  );
}

/** Ms for one try of a step that does not say. */
export const defaultTimeoutMs: Readonly<Record<RunStepKind, number>> = {
  drain: 300_000,
  stopApp: 120_000,
  reboot: 600_000,
  waitForDevice: 600_000,
  installRelease: 1_800_000,
  configureNetwork: 300_000,
  wipe: 600_000,
  enrol: 600_000,
  verify: 600_000,
  script: 300_000,
};
