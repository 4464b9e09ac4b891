// The places where a deployment would land, as far as the repository knows them; pure.

import { valuesOf } from "#hub/desired/compute/values.ts";
import { type BranchSnapshot, type Deployment, entryOf } from "#hub/release/model.ts";
import type { DeviceId, Labels, Values } from "#shared/ids.ts";
import { matches, type Selector } from "#shared/selector.ts";

export interface Context {
  /** For people: `deployment robots at site berlin`. */
  name: string;
  values: Values;
  /** False where the agent's own labels decide whether the deployment lands there at all, so that a
   *  missing value is not yet a fault. */
  certain: boolean;
}

/** Labels by device, from devices/*.yaml of the default branch. */
export type DeclaredLabels = Readonly<Record<DeviceId, { labels: Labels }>>;

/** Every site that the selector admits (or one nameless place where there are no sites), then every
 *  device with a file of its own. */
export function contextsOf(
  branch: BranchSnapshot,
  deployment: Deployment,
  declared: DeclaredLabels,
): Context[] {
  return [
    ...siteContexts(branch, deployment, declared),
    ...deviceContexts(branch, deployment, declared),
  ];
}

/** What a site's devices may still bring by their own files counts as given: it is checked per device. */
function siteContexts(
  branch: BranchSnapshot,
  deployment: Deployment,
  declared: DeclaredLabels,
): Context[] {
  const names = Object.keys(branch.sites);
  const sites = names.length === 0 ? [undefined] : names;
  return sites
    .filter((site) => admitsSite(deployment.selector, site))
    .map((site) => ({
      name: `deployment ${deployment.name}${site === undefined ? "" : ` at site ${site}`}`,
      values: {
        ...deviceValues(branch, declared, site),
        ...valuesOf(branch, deployment, { site, device: "device" }),
      },
      certain: true,
    }));
}

function admitsSite(selector: Selector, site: string | undefined): boolean {
  if (site === undefined) return true;
  const aboutSite = selector.filter(({ key }) => key === "site");
  return matches(aboutSite, { site });
}

/** All values that devices of a site give by their files. A site that has no devices yet will get such
 *  as the others have. */
function deviceValues(
  branch: BranchSnapshot,
  declared: DeclaredLabels,
  site: string | undefined,
): Values {
  const all = Object.entries(branch.devices);
  const here = all.filter(([id]) => {
    const own = entryOf(declared, id)?.labels["site"];
    return site === undefined || own === undefined || own === site;
  });
  const like = here.length === 0 ? all : here;
  return Object.assign({}, ...like.map(([, { values }]) => values)) as Values;
}

function deviceContexts(
  branch: BranchSnapshot,
  deployment: Deployment,
  declared: DeclaredLabels,
): Context[] {
  const ids = [...new Set([...Object.keys(branch.devices), ...Object.keys(declared)])];
  return ids.flatMap((id) => {
    const labels = entryOf(declared, id)?.labels ?? {};
    const verdict = landsOn(deployment.selector, labels);
    if (verdict === "no") return [];
    const site = labels["site"];
    const siteIsKnown = site !== undefined || Object.keys(branch.sites).length === 0;
    return {
      name: `deployment ${deployment.name} on device ${id}`,
      values: valuesOf(branch, deployment, { site, device: id }),
      certain: verdict === "yes" && siteIsKnown,
    };
  });
}

/** `maybe`: a label that the file does not give decides it, and the agent may have that label. */
function landsOn(selector: Selector, labels: Labels): "yes" | "no" | "maybe" {
  const known = selector.filter(({ key }) => labels[key] !== undefined);
  if (!matches(known, labels)) return "no";
  return known.length === selector.length ? "yes" : "maybe";
}

/** Everything that any file of the branch gives: enough to see whether a role can be loaded at all. */
export function allValues(branch: BranchSnapshot, role: Values): Values {
  const layers = [
    ...Object.values(branch.devices),
    ...Object.values(branch.sites),
    ...branch.deployments,
  ].map(({ values }) => values);
  const builtIn = { FLEET_DEVICE: "device", FLEET_SITE: "site", FLEET_APP: "app" };
  return Object.assign({}, ...layers, role, branch.values, builtIn) as Values;
}
