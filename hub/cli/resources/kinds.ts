// The words for kinds of things, each with what it names.
import { nearest } from "#hub/cli/session/nearest.ts";
import { FleetError } from "#shared/errors.ts";
import { apps } from "./apps.ts";
import { devices } from "./devices.ts";
import { deployments, releases, sites } from "./fleet.ts";
import { events, updates } from "./history.ts";
import { pins } from "./pins.ts";
import type { Resource } from "./resource.ts";

const kinds = {
  devices,
  apps,
  sites,
  deployments,
  releases,
  events,
  updates,
  pins,
} as const satisfies Record<string, unknown>;

const short: Record<string, keyof typeof kinds> = {
  dev: "devices",
  deploy: "deployments",
  rel: "releases",
  ev: "events",
};

export const kindNames = Object.keys(kinds);

/** Calls with the kind that a person named: in the plural, the singular or short.
 *  @throws FleetError request_invalid */
export function withKind<R>(word: string, use: <T>(resource: Resource<T>) => R): R {
  const name = short[word] ?? kindNames.find((kind) => kind === word || kind === `${word}s`);
  // The kinds' row types differ: each call gets one whole resource.
  if (name !== undefined) return use(kinds[name as keyof typeof kinds] as Resource<unknown>);
  const [near] = nearest(word, kindNames);
  throw new FleetError("request_invalid", {
    message: `there is no kind of thing called "${word}"`,
    hint: near === undefined ? `There are ${kindNames.join(", ")}.` : `Did you mean ${near}?`,
  });
}
