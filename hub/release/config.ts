// Reads fleet.yaml, sites, devices and plans of a commit; a file that has not changed is not read again.
import { setImmediate as breathe } from "node:timers/promises";
import type { z } from "zod";
import type { Mirror } from "#hub/git/mirror.ts";
import type { TreeEntry } from "#hub/git/objects.ts";
import { PlanFile } from "#hub/run/plan.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { PlanName } from "#shared/plan.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import type { YamlFile } from "#shared/yaml/read.ts";
import { createCache } from "./cache.ts";
import type { Layout } from "./layout.ts";
import { DeviceFile, FleetFile, SiteFile } from "./schema.ts";

export interface FleetConfig {
  fleet: YamlFile<FleetFile>;
  sites: Map<string, YamlFile<SiteFile>>;
  devices: Map<DeviceId, YamlFile<DeviceFile>>;
  plans: Map<PlanName, YamlFile<PlanFile>>;
}

/** Files read at once, and parsed before others get their turn. */
const batchSize = 200;

/** @returns reads the configuration of a layout; throws FleetError repository_invalid */
export function createConfigReader(
  mirror: Pick<Mirror, "read">,
): (layout: Layout) => Promise<FleetConfig> {
  const fleets = createFileReader(mirror, FleetFile);
  const sites = createFileReader(mirror, SiteFile);
  const devices = createFileReader(mirror, DeviceFile);
  const plans = createFileReader(mirror, PlanFile);
  return async (layout) => {
    const only = await fleets(new Map([["fleet", layout.fleet]]));
    const fleet = only.get("fleet");
    if (fleet === undefined) throw new Error("fleet.yaml was laid out and not read");
    return {
      fleet,
      sites: await sites(layout.sites),
      devices: await devices(layout.devices),
      plans: await plans(layout.plans),
    };
  };
}

/** One per kind of file, each with its own memory. */
function createFileReader<S extends z.ZodType>(mirror: Pick<Mirror, "read">, schema: S) {
  type File = YamlFile<z.output<S>>;
  const known = createCache<File>(20_000);
  const keyOf = ({ path, id }: TreeEntry): string => `${id} ${path}`;
  const learn = async (entries: readonly TreeEntry[]): Promise<void> => {
    const bytes = await mirror.read(entries.map(({ id }) => id));
    for (const entry of entries) {
      const text = bytes.get(entry.id)?.toString() ?? "";
      const source = { file: entry.path, text, code: "repository_invalid" as const };
      known.set(keyOf(entry), checkYaml(schema, source));
    }
  };
  return async <K extends string>(files: ReadonlyMap<K, TreeEntry>): Promise<Map<K, File>> => {
    const found = new Map<K, File>();
    const entries = [...files];
    for (let at = 0; at < entries.length; at += batchSize) {
      const batch = entries.slice(at, at + batchSize);
      await learn(batch.map(([, entry]) => entry).filter((entry) => !known.has(keyOf(entry))));
      for (const [name, entry] of batch) {
        const file = known.get(keyOf(entry));
        if (file !== undefined) found.set(name, file);
      }
      await breathe();
    }
    return found;
  };
}
