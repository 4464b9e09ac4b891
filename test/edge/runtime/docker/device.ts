// One device on the real Engine for a test file: its own image, names and directories, all removed after.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createEngine, type Engine } from "#edge/runtime/docker/engine.ts";
import {
  createDockerRuntime,
  type DockerRuntime,
  type DockerRuntimeOptions,
} from "#edge/runtime/docker/runtime.ts";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { systemClock } from "#shared/clock.ts";
import type { ComposeProject, ComposeService } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import { missingPart, type RealPart } from "#test/real.ts";
import {
  docker,
  dockerSocket,
  importBusybox,
  removeImage,
  removeLabelled,
  scratchDirectory,
  uniqueName,
} from "#test/support/engine.ts";
import { appOf, serviceSpec } from "./apps.ts";

export interface TestDevice {
  name: string;
  image: string;
  /** Stands for the unpacked release. */
  directory: string;
  filesDir: string;
  engine: Engine;
  runtime: DockerRuntime;
  /** A service of the test image that sleeps unless told otherwise. */
  service: (name: string, spec?: Partial<ComposeService>) => ComposeService;
  app: (
    project: string,
    services: ComposeService[],
    given?: Partial<ComposeProject> & { values?: Record<string, string> },
  ) => ResolvedApp;
  /** Prepares the app and starts its copies. */
  up: (app: ResolvedApp) => Promise<void>;
  /** Observes until every copy of the app satisfies the condition. */
  until: (
    app: ResolvedApp,
    holds: (instances: ObservedInstance[]) => boolean,
  ) => Promise<ObservedInstance[]>;
  close: () => Promise<void>;
}

/** For tests that need an Engine and the part: the one to name as missing. */
export function besidesDocker(part: RealPart): RealPart {
  return missingPart("docker") === undefined ? part : "docker";
}

const device: { made?: TestDevice } = {};

/** Made at the first call, so that a machine without an Engine is not asked for one. */
export function testDevice(options: Partial<DockerRuntimeOptions> = {}): TestDevice {
  device.made ??= createTestDevice(options);
  return device.made;
}

export async function closeDevice(): Promise<void> {
  await device.made?.close();
}

function createTestDevice(options: Partial<DockerRuntimeOptions>): TestDevice {
  const name = uniqueName("pi");
  const image = `${name}:1`;
  const directory = scratchDirectory();
  const filesDir = join(directory, "agent-files");
  importBusybox(image);
  const engine = createEngine({ socketPath: dockerSocket });
  const runtime = createDockerRuntime({
    engine,
    device: name,
    clock: systemClock,
    filesDir,
    runDirectory: join(directory, "run"),
    ...options,
  });
  return {
    name,
    image,
    directory,
    filesDir,
    engine,
    runtime,
    service: (service, spec = {}) =>
      serviceSpec({ name: service, image, command: ["sleep", "300"], ...spec }),
    app: (project, services, given = {}) => appOf(`${name}-${project}`, directory, services, given),
    up: async (app) => {
      await runtime.prepare(app);
      for (const { spec } of Object.values(app.services)) {
        for (let index = 1; index <= spec.replicas; index += 1) {
          await runtime.start(app, { service: spec.name, index });
        }
      }
    },
    until: (app, holds) => until(runtime, app, holds),
    close: async () => {
      await runtime.stop();
      removeLabelled(`metrica.fleet.device=${name}`);
      removeImage(image);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const pollMs = 100;
const limitMs = 60_000;

async function until(
  runtime: DockerRuntime,
  app: ResolvedApp,
  holds: (instances: ObservedInstance[]) => boolean,
): Promise<ObservedInstance[]> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    const instances = (await runtime.observe()).filter((instance) => instance.app === app.app);
    if (holds(instances)) return instances;
    if (performance.now() > giveUpAt) throw new Error(`still ${JSON.stringify(instances)}`);
    await systemClock.sleep(pollMs);
  }
}

/** The Engine's own view of a container. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads a few of its hundreds of keys
export function inspect(container: string): any {
  return (JSON.parse(docker("inspect", container)) as unknown[])[0];
}

/** Runs a command in a container. @returns what it prints */
export function inside(container: string, ...command: string[]): string {
  return docker("exec", container, ...command);
}

/** The error that the call ends with. */
export async function failure(call: Promise<unknown>): Promise<FleetError> {
  const error = await call.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof FleetError) return error;
  throw error;
}
