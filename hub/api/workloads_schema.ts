// Counts of what workloads say of themselves, as the API shows them.
import { z } from "@hono/zod-openapi";
import { AppName } from "#shared/ids.ts";
import { component } from "./component.ts";

const countsShape = {
  total: z.int().meta({ description: "Copies of services that say something." }),
  operational: z.int(),
  degraded: z.int(),
  down: z.int(),
  unknown: z.int().meta({
    description: "Copies that have been silent for too long, or whose device is not Online.",
  }),
  low_battery: z.int().meta({
    description: "Copies whose battery is below a fifth of its charge, whatever their state.",
  }),
};

export const WorkloadCountsSchema = component("WorkloadCounts", z.object(countsShape));

const AppWorkloadsSchema = component("AppWorkloads", z.object({ app: AppName, ...countsShape }));

export const FleetWorkloadsSchema = component(
  "FleetWorkloads",
  z.object({
    ...countsShape,
    sites: z.array(z.object({ site: z.string(), ...countsShape })),
    apps: z.array(AppWorkloadsSchema),
  }),
);

export const DeviceWorkloadsSchema = component(
  "DeviceWorkloads",
  z.object({ ...countsShape, apps: z.array(AppWorkloadsSchema) }),
);
