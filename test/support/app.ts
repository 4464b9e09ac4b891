// Builds resolved apps and instances for tests, with what the test does not name left plain.
import type { AppInput } from "#edge/plan/input.ts";
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import type { ComposeService } from "#shared/compose/model.ts";
import type { AppSpec } from "#shared/desired.ts";
import type { AppName, Digest, RevisionId } from "#shared/ids.ts";
import { bareService } from "./service.ts";

export const appName = "web" as AppName;

/** A revision or digest of one repeated character, so that plans read well. */
export const revision = (letter: string): RevisionId => letter.repeat(64) as RevisionId;
const digest = (letter: string): Digest => letter.repeat(64) as Digest;

export function plainService(name: string, more: Partial<ComposeService> = {}): ComposeService {
  const restart = { name: "always", maxAttempts: 0 } as const;
  return bareService({ name, image: `${name}:1`, restart, ...more });
}

/** @param hashes configuration hash by service name */
export function resolvedApp(
  letter: string,
  services: Record<string, Partial<ComposeService> & { hash?: string }>,
): ResolvedApp {
  const resolved: Record<string, ResolvedService> = {};
  for (const [name, { hash, ...more }] of Object.entries(services)) {
    const spec = plainService(name, more);
    resolved[name] = { spec, configHash: hash ?? `${name}-${letter}`, runtime: "docker" };
  }
  const specs = Object.fromEntries(Object.entries(resolved).map(([name, one]) => [name, one.spec]));
  return {
    app: appName,
    project: appName,
    revision: revision(letter),
    release: digest(letter),
    directory: `/releases/${letter}`,
    compose: { services: specs, networks: {}, volumes: {}, configs: {}, secrets: {} },
    services: resolved,
    values: {},
  };
}

export function instance(
  service: string,
  index: number,
  configHash: string,
  more: Partial<ObservedInstance> = {},
): ObservedInstance {
  return {
    id: `${service}-${index}`,
    index,
    state: "running",
    health: "none",
    restarts: 0,
    runtime: "docker",
    app: appName,
    service,
    configHash,
    release: "",
    ...more,
  };
}

export function appSpec(letter: string): AppSpec {
  return {
    name: appName,
    release: {
      digest: digest(letter),
      size: 10,
      role: "web",
      commit: "c".repeat(40),
      branch: "main",
    },
    values: {},
    policy: { gracePeriodMs: 10_000, stableMs: 1000 },
  };
}

/** Ten minutes after boot, with nothing there and nothing wanted. */
export function appInput(more: Partial<AppInput> = {}): AppInput {
  return {
    app: appName,
    mode: "run",
    instances: [],
    quarantined: new Map(),
    damped: new Map(),
    hasProbes: false,
    settling: false,
    blind: false,
    unchanged: new Set(),
    nowMs: 600_000,
    wallMs: 1_800_000_000_000,
    ...more,
  };
}
