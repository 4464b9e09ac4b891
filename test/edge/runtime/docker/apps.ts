// Builds resolved apps for tests of the Docker runtime: a service says only what matters to the test.
import type { CreateBody } from "#edge/runtime/docker/calls/api.ts";
import { type BodyContext, createBody } from "#edge/runtime/docker/create/body.ts";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { canonicalHash } from "#shared/canonical.ts";
import type { ComposeProject, ComposeService } from "#shared/compose/model.ts";
import { defaultNetwork } from "#shared/compose/normalise/networks.ts";
import type { AppName, Digest, RevisionId } from "#shared/ids.ts";
import { bareService } from "#test/support/service.ts";

export function serviceSpec(spec: Partial<ComposeService> & { name: string }): ComposeService {
  const networks = spec.networkMode === undefined ? { default: attachment() } : {};
  return bareService({ networks, stopGraceMs: 1000, ...spec });
}

export function attachment(
  given: Partial<ComposeService["networks"][string]> = {},
): ComposeService["networks"][string] {
  return { aliases: [], linkLocalIps: [], driverOptions: {}, ...given };
}

export function plainNetwork(
  given: Partial<ComposeProject["networks"][string]> = {},
): ComposeProject["networks"][string] {
  return { ...defaultNetwork, ...given };
}

export function appOf(
  project: string,
  directory: string,
  specs: ComposeService[],
  given: Partial<ComposeProject> & { values?: Record<string, string> } = {},
): ResolvedApp {
  const { values = {}, ...compose } = given;
  const services = Object.fromEntries(specs.map((spec) => [spec.name, spec]));
  return {
    app: project as AppName,
    project,
    revision: "b".repeat(64) as RevisionId,
    release: "a".repeat(64) as Digest,
    directory,
    compose: { services, networks: {}, volumes: {}, configs: {}, secrets: {}, ...compose },
    services: Object.fromEntries(
      specs.map((spec) => [
        spec.name,
        { spec, configHash: canonicalHash({ ...spec, replicas: 0 }), runtime: "docker" },
      ]),
    ),
    values,
  };
}

/** Whatever the runtime must not look at is left as it comes. */
export function instanceOf(id: string): ObservedInstance {
  return {
    runtime: "docker",
    app: "any" as AppName,
    service: "any",
    id,
    index: 1,
    state: "running",
    health: "none",
    restarts: 0,
    configHash: "",
    release: "",
  };
}

const bodyContext: BodyContext = {
  device: "pi-1",
  apiMinor: 41,
  image: "robot:1",
  imageId: "sha256:1",
  files: [],
  readProfile: (path) => `{"profile":"${path}"}`,
};

/** The create document of the second copy of service `web`, as JSON carries it: without what is undefined. */
export function bodyOf(
  spec: Partial<ComposeService>,
  given: Partial<ComposeProject> = {},
  change: Partial<BodyContext> = {},
  others: ComposeService[] = [],
): CreateBody {
  const service = serviceSpec({ name: "web", image: "robot:1", ...spec });
  const app = appOf("shop", "/releases/a", [service, ...others], given);
  const body = createBody(app, { service: "web", index: 2 }, { ...bodyContext, ...change });
  return JSON.parse(JSON.stringify(body)) as CreateBody;
}
